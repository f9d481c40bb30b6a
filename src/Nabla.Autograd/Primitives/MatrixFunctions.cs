using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// pseudo_inverse: the Moore–Penrose inverse A⁺ [.., n, m] of A [.., m, n], by its singular value decomposition; singular values up to a tolerance
    /// times the largest count as 0.
    /// </summary>
    public sealed class PseudoInversePrimitive() : SinglePrimitive<PseudoInversePrimitive.Params>("pseudo_inverse")
    {
        /// <summary>The tolerance, relative to the largest singular value.</summary>
        public readonly record struct Params(double RelativeTolerance);

        internal static readonly PseudoInversePrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(32);

        /// <inheritdoc/>
        public override string Print(object? parameters) => FormattableString.Invariant($"tolerance={((Params)parameters!).RelativeTolerance}");

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            Aval a = inputs[0];
            SquareMatrices.CheckMatrices(Name, a);
            return new Aval(a.DType, [.. a.Shape.Dims[..^2], a.Shape[^1], a.Shape[^2]]);
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p)
        {
            if (output.Shape.Count == 0) return;
            (Tensor u, Tensor s, Tensor vt) = inputs[0].Svd();
            Tensor kept = s > p.RelativeTolerance * s.Max(-1).ExpandDims(-1);
            Tensor inverse = Ops.Where(kept, 1 / Ops.Where(kept, s, s.OnesLike()), s.ZerosLike());
            var (left, right) = ((DenseTensor)vt.T, (DenseTensor)(u * inverse.ExpandDims(-2)).T);
            MatMul.Run(left, right, output);
            GC.KeepAlive((left, right));
        }

        /// <summary>For matrices of full rank.</summary>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            (int m, int n) = (inputs[0].Shape[^2], inputs[0].Shape[^1]);
            int k = Math.Min(m, n);
            ReferenceLinalg.RequireFinite("svd", inputs[0]);
            ReferenceLinalg.ForEach(inputs[0], (entry, a) =>
            {
                (double[] u, double[] s, double[] vt) = ReferenceLinalg.Svd(a, m, n);
                for (int i = 0; i < n; i++)
                    for (int j = 0; j < m; j++)
                        for (int q = 0; q < k; q++) output.Data[entry * n * m + i * m + j] += vt[q * n + i] / s[q] * u[j * k + q];
            });
        }

        /// <remarks>
        /// With P = A⁺: dP = −P·dA·P + P·Pᵀ·dAᵀ·(I − A·P) + (I − P·A)·dAᵀ·Pᵀ·P, as long as the rank is constant. Source: Golub and Pereyra, The
        /// differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate (SIAM J. Numer. Anal. 1973), eq. 4.12.
        /// </remarks>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p)
        {
            (Tensor a, Tensor da, Tensor inverse) = (primals[0], tangents[0]!, output);
            Tensor left = inverse.MatMul(inverse.T.MatMul(da.T)), right = da.T.MatMul(inverse.T).MatMul(inverse);
            return left - left.MatMul(a).MatMul(inverse) + right - inverse.MatMul(a.MatMul(right)) - inverse.MatMul(da).MatMul(inverse);
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p) =>
            (BindOne(p, inputs[0].MoveAxis(axes[0]!.Value, 0)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1, 1], [3, 3], [5, 3], [3, 5], [2, 3, 2], [0, 2]])
                yield return new Sample([SquareMatrices.Dominant(source, shape)], new Params(1e-6));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3])], new Params(0), "NB0108"), new([source.Integers([3, 3], 0, 2)], new Params(0), "NB0205"),
            new([Tensor.Full([2, 3], double.NaN, DType.F64, Device.Cpu)], new Params(0), "NB0610"),
        ];
    }

    /// <summary>
    /// symmetric_sqrt: the symmetric positive semidefinite S with S·S = A for such an A [.., n, n], of which the lower triangle is read. Eigenvalues below 0
    /// by rounding count as 0; those further below give NaN.
    /// </summary>
    public sealed class SymmetricSqrtPrimitive() : Primitive("symmetric_sqrt")
    {
        internal static readonly SymmetricSqrtPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(32);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            SquareMatrices.Check(Name, inputs[0]);
            return [inputs[0]];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
        {
            if (outputs[0].Shape.Count == 0) return;
            Tensor[] eigen = EighPrimitive.Instance.Bind(new EighPrimitive.Params(true), inputs[0]);
            (Tensor w, Tensor v) = (eigen[0], eigen[1]);
            Tensor rounding = 16 * w.Shape[^1] * w.DType.UnitRoundoff * w.Abs().Max(-1).ExpandDims(-1);
            Tensor roots = Ops.Where(w.Abs() <= rounding, w.Maximum(0), w).Sqrt();
            var (left, right) = ((DenseTensor)(v * roots.ExpandDims(-2)), (DenseTensor)v.T);
            MatMul.Run(left, right, outputs[0]);
            GC.KeepAlive((left, right));
        }

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            ReferenceArray output = outputs[0];
            ReferenceLinalg.OnEigenvectors(inputs[0], (entry, w, v, n) =>
            {
                for (int at = 0; at < n * n; at++)
                    for (int p = 0; p < n; p++) output.Data[entry * n * n + at] += Math.Sqrt(Math.Max(0, w[p])) * v[at / n * n + p] * v[at % n * n + p];
            });
        }

        /// <remarks>S·dS + dS·S = dA: right also where eigenvalues repeat. Source: Higham, Functions of Matrices (2008), §6.1.</remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
            [SymmetricSylvesterPrimitive.Instance.BindOne(null, outputs[0], SquareMatrices.FromLower(tangents[0]!))];

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1, 1], [5, 5], [2, 3, 3], [2, 0, 0]])
                yield return new Sample([SquareMatrices.PositiveDefinite(source, shape)]);
            yield return new Sample([2 * Ops.Eye(3, DType.F64)]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 4])], null, "NB0108"), new([source.Integers([3, 3], 0, 2)], null, "NB0205"),
            new([Tensor.Full([2, 2], double.NaN, DType.F64, Device.Cpu)], null, "NB0610"),
        ];
    }

    /// <summary>
    /// symmetric_sylvester: X with S·X + X·S = B for symmetric S [.., n, n], of which the lower triangle is read, and any B [.., n, n], by the
    /// eigenvectors of S. Linear in B. Components on which two eigenvalues cancel are 0.
    /// </summary>
    public sealed class SymmetricSylvesterPrimitive() : Primitive("symmetric_sylvester")
    {
        internal static readonly SymmetricSylvesterPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(64);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            SquareMatrices.Check(Name, inputs[0]);
            if (inputs[0].DType != inputs[1].DType) throw AutogradErrors.EqualDTypes(Name, inputs[0], inputs[1]);
            return inputs[0].Shape == inputs[1].Shape ? [inputs[0]] : throw AutogradErrors.EqualShapes(Name, inputs[0], inputs[1]);
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
        {
            if (outputs[0].Shape.Count == 0) return;
            Tensor[] eigen = EighPrimitive.Instance.Bind(new EighPrimitive.Params(true), inputs[0]);
            (Tensor w, Tensor v) = (eigen[0], eigen[1]);
            Tensor inner = SpectralGaps.ReciprocalSums(w) * v.T.MatMul(inputs[1].MatMul(v));
            var (left, right) = ((DenseTensor)v.MatMul(inner), (DenseTensor)v.T);
            MatMul.Run(left, right, outputs[0]);
            GC.KeepAlive((left, right));
        }

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (double[] b, double[] x) = (inputs[1].Data, outputs[0].Data);
            ReferenceLinalg.OnEigenvectors(inputs[0], (entry, w, v, n) =>
            {
                for (int pair = 0; pair < n * n; pair++)
                {
                    (int p, int q, double sum) = (pair / n, pair % n, 0);
                    for (int at = 0; at < n * n; at++) sum += v[at / n * n + p] * b[entry * n * n + at] * v[at % n * n + q];
                    for (int at = 0; at < n * n; at++) x[entry * n * n + at] += v[at / n * n + p] * v[at % n * n + q] * sum / (w[p] + w[q]);
                }
            });
        }

        /// <remarks>S·dX + dX·S = dB − dS·X − X·dS.</remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            Tensor? rhs = tangents[1];
            if (tangents[0] is { } lower)
            {
                Tensor ds = SquareMatrices.FromLower(lower), change = ds.MatMul(outputs[0]) + outputs[0].MatMul(ds);
                rhs = rhs is null ? -change : rhs - change;
            }
            return [BindOne(null, primals[0], rhs!)];
        }

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) => inputs[0] is { } s
            ? [null, BindOne(null, s, cotangents[0]!)] : throw AutogradErrors.NotLinear(Name);

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, Batching.AlignFront(inputs, axes, size)), [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1, 1], [4, 4], [2, 3, 3], [2, 0, 0]])
                yield return new Sample([SquareMatrices.PositiveDefinite(source, shape), source.Uniform(shape)]);
            yield return new Sample([2 * Ops.Eye(3, DType.F64), source.Uniform([3, 3])]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 3]), source.Uniform([4, 4])], null, "NB0107"), new([source.Uniform([3, 4]), source.Uniform([3, 4])], null, "NB0108"),
            new([source.Uniform([3, 3]), source.Integers([3, 3], 0, 2)], null, "NB0206"),
        ];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>
            /// The Moore–Penrose inverse. Shape: [.., m, n] → [.., n, m]; f32 or f64. Singular values up to <paramref name="relativeTolerance"/> times the largest
            /// count as 0; default max(m, n)·ulp. The gradient holds as long as the rank is constant. Raises NB0610 if an element is not finite.
            /// </summary>
            public Tensor PseudoInverse(double? relativeTolerance = null)
            {
                double tolerance = relativeTolerance ?? 2 * x.DType.UnitRoundoff * (x.Rank < 2 ? 1 : Math.Max(x.Shape[^1], x.Shape[^2]));
                return PseudoInversePrimitive.Instance.BindOne(new PseudoInversePrimitive.Params(tolerance), x);
            }

            /// <summary>
            /// The shortest y that minimises ‖x·y − b‖, by the pseudo-inverse: x [.., m, n] of any rank, b [.., m, p] → [.., n, p].
            /// </summary>
            public Tensor LeastSquares(Tensor b, double? relativeTolerance = null) => x.PseudoInverse(relativeTolerance).MatMul(b);

            /// <summary>
            /// The symmetric positive semidefinite square root of such an x [.., n, n], which is symmetrised first; NaN if an eigenvalue is below 0 by more
            /// than rounding. The gradient is right where eigenvalues repeat; it needs a positive definite x. Raises NB0610 if an element is not finite.
            /// </summary>
            public Tensor SymmetricSqrt() => SymmetricSqrtPrimitive.Instance.BindOne(null, (x + x.T) * 0.5);
        }
    }
}
