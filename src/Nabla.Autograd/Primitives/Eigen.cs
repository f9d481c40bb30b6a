using Nabla.Autograd;

namespace Nabla.Autograd
{
    /// <summary>
    /// eigh: A = V·diag(w)·Vᵀ for symmetric A [.., n, n], of which the lower triangle is read: w ascending, V with orthonormal columns, each with
    /// its first element that comes within a tenth of the largest magnitude positive. About 4n³/3 flops for w alone, 9n³ more for V.
    /// </summary>
    public sealed class EighPrimitive() : Primitive("eigh")
    {
        /// <summary>Whether V is an output, or w alone.</summary>
        public readonly record struct Params(bool Vectors);

        internal static readonly EighPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(32);

        /// <inheritdoc/>
        public override string Print(object? parameters) => ((Params)parameters!).Vectors ? "" : "values";

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            Aval a = inputs[0];
            SquareMatrices.Check(Name, a);
            var values = new Aval(a.DType, Shape.Create(a.Shape.Dims[..^1]));
            return ((Params)parameters!).Vectors ? [values, a] : [values];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Kernels.Linalg.SymmetricEigen(inputs[0], outputs[0], outputs.Length > 1 ? outputs[1] : null);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            ReferenceArray values = outputs[0];
            ReferenceArray? vectors = outputs.Length > 1 ? outputs[1] : null;
            ReferenceLinalg.OnEigenvectors(inputs[0], (entry, w, v, n) =>
            {
                w.CopyTo(values.Data, entry * n);
                if (vectors is not null) v.CopyTo(vectors.Data, entry * n * n);
            });
        }

        /// <remarks>
        /// With P = Vᵀ·dA·V: dw = diag P and dV = V·(F∘P), Fᵢⱼ = 1/(wⱼ − wᵢ). Where |wⱼ − wᵢ| ≤ 16·n·u·max|w|, which includes the diagonal, F is 0: dV
        /// is then the change that stays orthogonal to the eigenspace, and gradients of functions that depend on eigenspaces only, such as a
        /// function of the eigenvalues or of a projector onto whole eigenspaces, are right and finite. Individual vectors of a repeated eigenvalue
        /// have no derivative: V·f(w)·Vᵀ gets a finite gradient that lacks f′·P off the diagonal within the eigenspace. Source: Magnus, On
        /// differentiating eigenvalues and eigenvectors (Econometric Theory 1985), thm. 1; Giles, Collected matrix derivative results for forward
        /// and reverse mode algorithmic differentiation (2008), §3.1.
        /// </remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            Tensor da = SquareMatrices.FromLower(tangents[0]!);
            if (!((Params)parameters!).Vectors)
            {
                Tensor basis = Bind(new Params(true), primals)[1];
                return [(da.MatMul(basis) * basis).Sum(-2)];
            }
            (Tensor w, Tensor v) = (outputs[0], outputs[1]);
            Tensor inner = v.T.MatMul(da.MatMul(v));
            return [inner.Diagonal(), v.MatMul(SpectralGaps.Reciprocals(w, w) * inner)];
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(parameters, inputs[0].MoveAxis(axes[0]!.Value, 0)), ((Params)parameters!).Vectors ? [0, 0] : [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (bool vectors in (bool[])[true, false])
            {
                foreach (Shape shape in (Shape[])[[1, 1], [5, 5], [2, 3, 3], [2, 0, 0]])
                    yield return new Sample([Separated(source, shape)], new Params(vectors));
            }
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 4])], new Params(true), "NB0108"), new([source.Integers([3, 3], 0, 2)], new Params(true), "NB0205"),
            new([Tensor.Full([2, 2], double.NaN, DType.F64, Device.Cpu)], new Params(true), "NB0610"),
        ];

        // Eigenvalues near −n/2, …, n/2 − 1: gaps of one, moved by less than a half.
        private static Tensor Separated(SampleSource source, Shape shape)
        {
            int n = shape[^1];
            Tensor levels = (Ops.Arange(n, DType.F64) - n / 2).ExpandDims(0) * Ops.Eye(n, DType.F64);
            return source.Uniform(shape) * (0.5 / Math.Max(1, n)) + levels;
        }
    }

    /// <summary>Reciprocals of differences of eigenvalues, for derivatives of eigen- and singular vectors.</summary>
    internal static class SpectralGaps
    {
        /// <summary>
        /// Fᵢⱼ = 1/(tⱼ − tᵢ), and 0 where the levels w that belong to t are equal up to 16·n·u·max|w|. Shape: [.., n] → [.., n, n].
        /// </summary>
        public static Tensor Reciprocals(Tensor w, Tensor t)
        {
            int n = w.Shape[^1];
            if (n == 0) return Tensor.Zeros([.. w.Shape, 0], w.DType, w.Device);
            Tensor near = (w.ExpandDims(-2) - w.ExpandDims(-1)).Abs() <= Threshold(w, n).ExpandDims(-1).ExpandDims(-1);
            Tensor differences = t.ExpandDims(-2) - t.ExpandDims(-1);
            return Where(near, differences.ZerosLike(), 1 / Where(near, differences.OnesLike(), differences));
        }

        /// <summary>1/w, and 0 where w is at most 16·n·u times the largest. Shape: [.., n] → [.., n].</summary>
        public static Tensor Reciprocals(Tensor w, int n)
        {
            if (w.Shape[^1] == 0) return w;
            Tensor near = w.Abs() <= Threshold(w, n).ExpandDims(-1);
            return Where(near, w.ZerosLike(), 1 / Where(near, w.OnesLike(), w));
        }

        /// <summary>1/(wᵢ + wⱼ), and 0 where the sum is at most 16·n·u·max|w|. Shape: [.., n] → [.., n, n], n > 0.</summary>
        public static Tensor ReciprocalSums(Tensor w)
        {
            Tensor sums = w.ExpandDims(-2) + w.ExpandDims(-1);
            Tensor near = sums.Abs() <= Threshold(w, w.Shape[^1]).ExpandDims(-1).ExpandDims(-1);
            return Where(near, sums.ZerosLike(), 1 / Where(near, sums.OnesLike(), sums));
        }

        private static Tensor Threshold(Tensor w, int n) => 16 * n * w.DType.UnitRoundoff * w.StopGradient().Abs().Max(-1);

        private static Tensor Where(Tensor condition, Tensor a, Tensor b) => Ops.Where(condition, a, b);
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>
            /// x = V·diag(w)·Vᵀ for symmetric x [.., n, n], f32 or f64, which is symmetrised first: eigenvalues w [.., n], ascending, and eigenvectors as
            /// the orthonormal columns of V [.., n, n], each with its first element that comes within a tenth of the largest magnitude positive.
            /// Gradients are finite where eigenvalues repeat, and right for functions of whole eigenspaces, not for V·f(w)·Vᵀ: see <see cref="EighPrimitive"/>.
            /// Raises NB0610 if an element is not finite.
            /// </summary>
            public (Tensor Values, Tensor Vectors) Eigh()
            {
                Tensor[] outputs = EighPrimitive.Instance.Bind(new EighPrimitive.Params(true), (x + x.T) * 0.5);
                return (outputs[0], outputs[1]);
            }

            /// <summary>
            /// The eigenvalues of symmetric x, ascending, without eigenvectors. Shape: [.., n, n] → [.., n]. x is symmetrised first. The gradient is
            /// v·vᵀ for each eigenvalue, and computes the vectors. Raises NB0610 if an element is not finite.
            /// </summary>
            public Tensor EigenvaluesSymmetric() => EighPrimitive.Instance.BindOne(new EighPrimitive.Params(false), (x + x.T) * 0.5);
        }
    }
}
