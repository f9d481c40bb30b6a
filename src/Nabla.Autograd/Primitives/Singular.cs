using Nabla.Autograd;

namespace Nabla.Autograd
{
    /// <summary>
    /// svd: A = U·diag(s)·Vᵀ, thin, for A [.., m, n]: outputs U [.., m, k], s [.., k] descending and ≥ 0, Vᵀ [.., k, n] with k = min(m, n), or s alone. The
    /// first element of each column of U that comes within a tenth of its largest magnitude is positive.
    /// </summary>
    public sealed class SvdPrimitive() : Primitive("svd")
    {
        /// <summary>Whether U and Vᵀ are outputs, or s alone.</summary>
        public readonly record struct Params(bool Vectors);

        internal static readonly SvdPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(32);

        /// <inheritdoc/>
        public override string Print(object? parameters) => ((Params)parameters!).Vectors ? "" : "values";

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            Aval a = inputs[0];
            SquareMatrices.CheckMatrices(Name, a);
            int[] batch = a.Shape.Dims[..^2].ToArray();
            int k = Math.Min(a.Shape[^1], a.Shape[^2]);
            var values = new Aval(a.DType, [.. batch, k]);
            return ((Params)parameters!).Vectors
                ? [new Aval(a.DType, [.. batch, a.Shape[^2], k]), values, new Aval(a.DType, [.. batch, k, a.Shape[^1]])] : [values];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
        {
            if (outputs.Length == 1) Kernels.Linalg.Svd(inputs[0], null, outputs[0], null);
            else Kernels.Linalg.Svd(inputs[0], outputs[0], outputs[1], outputs[2]);
        }

        /// <summary>By the eigenvectors of AᵀA: for matrices of full rank and moderate condition.</summary>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (int m, int n) = (inputs[0].Shape[^2], inputs[0].Shape[^1]);
            ReferenceLinalg.RequireFinite(Name, inputs[0]);
            double[][] targets = outputs.Length == 1 ? [[], outputs[0].Data, []] : [outputs[0].Data, outputs[1].Data, outputs[2].Data];
            ReferenceLinalg.ForEach(inputs[0], (entry, a) =>
            {
                (double[] u, double[] s, double[] vt) = ReferenceLinalg.Svd(a, m, n);
                s.CopyTo(targets[1], entry * s.Length);
                if (targets[0].Length == 0) return;
                u.CopyTo(targets[0], entry * u.Length);
                vt.CopyTo(targets[2], entry * vt.Length);
            });
        }

        /// <remarks>
        /// With P = Uᵀ·dA·V and S = diag s: ds = diag P, dU = U·(F∘(P·S + S·Pᵀ)) + (dA·V − U·P)·S⁻¹, dV = V·(F∘(S·P + Pᵀ·S)) + (dAᵀ·U − V·Pᵀ)·S⁻¹ with
        /// Fᵢⱼ = 1/(sⱼ² − sᵢ²); the last terms vanish where U (V) is square. Where |sⱼ − sᵢ| ≤ 16·k·u·max s, F is 0, and where s ≤ 16·k·u·max s so is
        /// S⁻¹: gradients stay finite, and are right for functions of s and of whole singular spaces. Source: Giles, Collected matrix derivative
        /// results (2008), §3.2; Townsend, Differentiating the singular value decomposition (2016).
        /// </remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            Tensor da = tangents[0]!;
            bool vectors = ((Params)parameters!).Vectors;
            Tensor[] all = vectors ? outputs : Bind(new Params(true), primals);
            (Tensor u, Tensor s, Tensor vt) = (all[0], all[1], all[2]);
            Tensor image = da.MatMul(vt.T);
            if (!vectors) return [(u * image).Sum(-2)];
            Tensor inner = u.T.MatMul(image), turned = inner.T;
            (Tensor across, Tensor down) = (s.ExpandDims(-2), s.ExpandDims(-1));
            Tensor gaps = SpectralGaps.Reciprocals(s, s.Square());
            Tensor du = u.MatMul(gaps * (inner * across + down * turned));
            Tensor dv = vt.T.MatMul(gaps * (down * inner + turned * across));
            Tensor inverse = SpectralGaps.Reciprocals(s, s.Shape[^1]).ExpandDims(-2);
            if (u.Shape[^2] > u.Shape[^1]) du += (image - u.MatMul(inner)) * inverse;
            if (vt.Shape[^1] > vt.Shape[^2]) dv += (da.T.MatMul(u) - vt.T.MatMul(turned)) * inverse;
            return [du, inner.Diagonal(), dv.T];
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(parameters, inputs[0].MoveAxis(axes[0]!.Value, 0)), ((Params)parameters!).Vectors ? [0, 0, 0] : [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (bool vectors in (bool[])[true, false])
                foreach (Shape shape in (Shape[])[[1, 1], [4, 4], [5, 3], [3, 5], [2, 3, 2], [3, 0], [2, 0, 3]])
                    yield return new Sample([Separated(source, shape)], new Params(vectors));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3])], new Params(true), "NB0108"), new([source.Integers([3, 3], 0, 2)], new Params(true), "NB0205"),
            new([Tensor.Full([2, 3], double.NaN, DType.F64, Device.Cpu)], new Params(true), "NB0610"),
        ];

        // Singular values near 1, 2, 3, …, moved by less than a half.
        private static Tensor Separated(SampleSource source, Shape shape)
        {
            Tensor x = source.Uniform(shape), identity = x.OnesLike().Tril() - x.OnesLike().Tril(-1);
            Tensor levels = Ops.Arange(shape[^1], DType.F64) + 1;
            return x * (0.5 / Math.Max(1, Math.Max(shape[^1], shape[^2]))) + identity * levels;
        }
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>
            /// x = U·diag(S)·Vᵀ, thin: x [.., m, n] → U [.., m, k], S [.., k] descending and ≥ 0, Vt [.., k, n], k = min(m, n), f32 or f64. The first element
            /// of each column of U that comes within a tenth of its largest magnitude is positive. Gradients are finite where singular values
            /// repeat or vanish: see <see cref="SvdPrimitive"/>. Raises NB0610 if an element is not finite.
            /// </summary>
            public (Tensor U, Tensor S, Tensor Vt) Svd()
            {
                Tensor[] outputs = SvdPrimitive.Instance.Bind(new SvdPrimitive.Params(true), x);
                return (outputs[0], outputs[1], outputs[2]);
            }

            /// <summary>
            /// x = U·Σ·Vᵀ with square orthogonal U and V: those of <see cref="Svd"/> and, behind them, any orthonormal bases of what is left. Shape: [.., m, n]
            /// → U [.., m, m], S [.., min(m, n)], Vt [.., n, n]. The derivative of a completing basis is the one that turns it least.
            /// </summary>
            public (Tensor U, Tensor S, Tensor Vt) SvdFull()
            {
                (Tensor u, Tensor s, Tensor vt) = x.Svd();
                return (Completed(u), s, Completed(vt.T).T);
            }

            /// <summary>
            /// The singular values, descending, without vectors. Shape: [.., m, n] → [.., min(m, n)]. The gradient is u·vᵀ for each value, and computes the
            /// vectors. Raises NB0610 if an element is not finite.
            /// </summary>
            public Tensor SingularValues() => SvdPrimitive.Instance.BindOne(new SvdPrimitive.Params(false), x);

            /// <summary>The sum of the singular values. Shape: [.., m, n] → [..]. Gradient U·Vᵀ.</summary>
            public Tensor NuclearNorm() => x.SingularValues().Sum(-1);

            /// <summary>The largest singular value. Shape: [.., m, n] → [..]; needs at least one row and one column.</summary>
            public Tensor SpectralNorm() => x.SingularValues().Max(-1);

            /// <summary>The largest divided by the smallest singular value: ∞ for a singular matrix. Shape: [.., m, n] → [..].</summary>
            public Tensor ConditionNumber()
            {
                Tensor s = x.SingularValues();
                return s.Max(-1) / s.Min(-1);
            }

            /// <summary>
            /// The number of singular values above <paramref name="relativeTolerance"/> times the largest; default max(m, n)·ulp. Shape: [.., m, n] → [..] of i32.
            /// </summary>
            public Tensor MatrixRank(double? relativeTolerance = null)
            {
                Tensor s = x.SingularValues();
                if (s.Shape[^1] == 0) return s.To(DType.I32).Sum(-1);
                double tolerance = relativeTolerance ?? 2 * x.DType.UnitRoundoff * Math.Max(x.Shape[^1], x.Shape[^2]);
                return (s > tolerance * s.Max(-1).ExpandDims(-1)).To(DType.I32).Sum(-1);
            }
        }

        // Orthonormal columns [.., m, k] and m − k more. The new ones span the kernel of the projection onto the old: eigenvectors for eigenvalue 0, which come
        // first. Taken as constants they are projected and made orthonormal again, which changes nothing but carries the derivative.
        private static Tensor Completed(Tensor u)
        {
            int m = u.Shape[^2], k = u.Shape[^1];
            if (m == k) return u;
            Tensor kernel = SliceLast(u.MatMul(u.T).StopGradient().Eigh().Vectors, m - k);
            Tensor rest = kernel - u.MatMul(u.T.MatMul(kernel));
            Tensor orthonormal = rest.T.MatMul(rest).Cholesky().SolveTriangular(rest.T).T;
            return Concatenate([u, orthonormal], -1);
        }

        private static Tensor SliceLast(Tensor x, int count)
        {
            int[] sizes = x.Shape.Dims.ToArray();
            sizes[^1] = count;
            return x.Slice(new int[x.Rank], sizes);
        }
    }
}
