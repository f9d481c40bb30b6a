using Nabla.Autograd;

namespace Nabla.Autograd
{
    /// <summary>
    /// qr: A = Q·R for A [.., m, n]: Q [.., m, k] with orthonormal columns, R [.., k, n] upper triangular (trapezoidal) with diagonal ≥ 0, k = min(m, n).
    /// About 4mn² − 4n³/3 flops per tall matrix.
    /// </summary>
    public sealed class QrPrimitive() : Primitive("qr")
    {
        internal static readonly QrPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            Aval a = inputs[0];
            SquareMatrices.CheckMatrices(Name, a);
            int k = Math.Min(a.Shape[^1], a.Shape[^2]);
            return [new Aval(a.DType, [.. a.Shape.Dims[..^1], k]), new Aval(a.DType, [.. a.Shape.Dims[..^2], k, a.Shape[^1]])];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Kernels.Linalg.Qr(inputs[0], outputs[0], outputs[1]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (int m, int n) = (inputs[0].Shape[^2], inputs[0].Shape[^1]);
            (double[] basis, double[] triangle) = (outputs[0].Data, outputs[1].Data);
            ReferenceLinalg.ForEach(inputs[0], (entry, a) =>
            {
                (double[] q, double[] r) = ReferenceLinalg.Qr(a, m, n);
                q.CopyTo(basis, entry * q.Length);
                r.CopyTo(triangle, entry * r.Length);
            });
        }

        /// <remarks>
        /// For the leading k columns, with X = dA·R⁻¹, C = QᵀX and Ω = tril(C, −1) − tril(C, −1)ᵀ: dQ = Q·(Ω − C) + X and dR = (C − Ω)·R; for the columns
        /// of R beyond them dR = Qᵀ·(dA − dQ·R). Needs full rank: NB0602 otherwise. Source: Walter and Lehmann, Algorithmic differentiation of
        /// linear algebra functions with application in optimum experimental design (arXiv:1001.1654), §3; Seeger et al., arXiv:1710.08717, §3.3.
        /// </remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            (Tensor q, Tensor r, Tensor da) = (outputs[0], outputs[1], tangents[0]!);
            int k = r.Shape[^2];
            bool wide = r.Shape[^1] > k;
            Tensor x = Leading(r, k).SolveTriangular(Leading(da, k), lower: false, leftSide: false);
            Tensor inner = q.T.MatMul(x), lower = inner.Tril(-1), omega = lower - lower.T;
            Tensor dq = q.MatMul(omega - inner) + x;
            return [dq, wide ? q.T.MatMul(da - dq.MatMul(r)).Triu() : (inner - omega).MatMul(r)];
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0, 0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1, 1], [4, 4], [6, 3], [3, 5], [2, 3, 2], [3, 0], [2, 0, 3]])
                yield return new Sample([SquareMatrices.Dominant(source, shape)]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([3])], null, "NB0108"), new([source.Integers([3, 3], 0, 2)], null, "NB0205")];

        private static Tensor Leading(Tensor x, int columns) =>
            x.Shape[^1] == columns ? x : x.Slice(new int[x.Rank], [.. x.Shape.Dims[..^1], columns]);
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>
            /// x = Q·R, thin: x [.., m, n] → Q [.., m, k] with orthonormal columns, R [.., k, n] upper triangular with diagonal ≥ 0, k = min(m, n). f32
            /// or f64. The gradient needs full rank and raises NB0602 otherwise.
            /// </summary>
            public (Tensor Q, Tensor R) Qr()
            {
                Tensor[] outputs = QrPrimitive.Instance.Bind(null, x);
                return (outputs[0], outputs[1]);
            }
        }
    }
}
