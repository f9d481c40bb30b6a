using Nabla.Autograd;

namespace Nabla.Autograd
{
    /// <summary>
    /// matrix_exp: exp(A) = Σ Aᵏ/k! for A [.., n, n], by scaling and squaring; see <see cref="Kernels.Linalg.MatrixExp"/>.
    /// </summary>
    /// <remarks>
    /// A primitive rather than a composition: how often a matrix is squared depends on its norm, so that a composition would have to square every matrix of
    /// a batch as often as the largest one could need, keep all squares for reverse mode, and refuse norms beyond its bound. Here every
    /// matrix gets what it needs, and derivatives of all orders have the accuracy of the value.
    /// </remarks>
    public sealed class MatrixExpPrimitive() : Primitive("matrix_exp")
    {
        internal static readonly MatrixExpPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(64);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            SquareMatrices.Check(Name, inputs[0]);
            return [inputs[0]];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Kernels.Linalg.MatrixExp(inputs[0], outputs[0]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (int n, double[] y) = (inputs[0].Shape[^1], outputs[0].Data);
            ReferenceLinalg.RequireFinite(Name, inputs[0]);
            ReferenceLinalg.ForEach(inputs[0], (entry, a) => ReferenceExp.Of(a, n).CopyTo(y, entry * n * n));
        }

        /// <inheritdoc/>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
            [MatrixExpDerivativePrimitive.Instance.BindOne(null, primals[0], tangents[0]!)];

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach ((Shape shape, double size) in ((Shape, double)[])[([1, 1], 1), ([4, 4], 0.003), ([3, 3], 0.1), ([2, 3, 3], 1), ([2, 2], 0.9), ([5, 5], 3), ([2, 0, 0], 1)])
                yield return new Sample([source.Uniform(shape) * size]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 4])], null, "NB0108"), new([source.Integers([3, 3], 0, 2)], null, "NB0205"),
            new([Tensor.Full([2, 2], double.NaN, DType.F64, Device.Cpu)], null, "NB0610"),
        ];
    }

    /// <summary>
    /// matrix_exp_derivative: L(A, E), the derivative of exp at A along E, both [.., n, n]: the upper right block of exp([[A, E], [0, A]]). Linear in E; its transpose
    /// there is L(Aᵀ, ·). About three times the cost of <c>matrix_exp</c>.
    /// </summary>
    public sealed class MatrixExpDerivativePrimitive() : Primitive("matrix_exp_derivative")
    {
        internal static readonly MatrixExpDerivativePrimitive Instance = new();

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
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Kernels.Linalg.MatrixExpDerivative(inputs[0], inputs[1], outputs[0]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (int n, double[] e, double[] y) = (inputs[0].Shape[^1], inputs[1].Data, outputs[0].Data);
            ReferenceLinalg.RequireFinite("matrix_exp", inputs[0]);
            ReferenceLinalg.ForEach(inputs[0], (entry, a) =>
            {
                var block = new double[4 * n * n];
                for (int i = 0; i < n; i++)
                    for (int j = 0; j < n; j++)
                    {
                        block[i * 2 * n + j] = block[(n + i) * 2 * n + n + j] = a[i * n + j];
                        block[i * 2 * n + n + j] = e[(entry * n + i) * n + j];
                    }
                double[] result = ReferenceExp.Of(block, 2 * n);
                for (int i = 0; i < n; i++) Array.Copy(result, i * 2 * n + n, y, (entry * n + i) * n, n);
            });
        }

        /// <remarks>
        /// Along (dA, dE): L(A, dE), plus the derivative of A ↦ L(A, E), which is the upper right block of L at [[A, E], [0, A]] along [[dA, 0], [0, dA]]: the same
        /// primitive on matrices of twice the size. Source: Higham and Relton, Higher order Fréchet derivatives of matrix functions (2014), thm. 3.5.
        /// </remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            (Tensor a, Tensor e) = (primals[0], primals[1]);
            Tensor? along = tangents[1] is { } de ? BindOne(null, a, de) : null;
            if (tangents[0] is not { } da) return [along];
            int n = a.Shape[^1];
            int[] starts = [.. Enumerable.Repeat(0, a.Rank - 1), n];
            Tensor bent = BindOne(null, Blocks(a, e), Blocks(da, a.ZerosLike())).Slice(starts, a.Shape.Dims);
            return [along is null ? bent : along + bent];
        }

        // [[x, y], [0, x]]
        private static Tensor Blocks(Tensor x, Tensor y)
        {
            int last = x.Rank - 1;
            return Ops.Concatenate([Ops.Concatenate([x, y], last), Ops.Concatenate([x.ZerosLike(), x], last)], last - 1);
        }

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) => inputs[0] is { } a
            ? [null, BindOne(null, a.T, cotangents[0]!)] : throw AutogradErrors.NotLinear(Name);

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, Batching.AlignFront(inputs, axes, size)), [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach ((Shape shape, double size) in ((Shape, double)[])[([1, 1], 1), ([3, 3], 0.003), ([2, 3, 3], 1), ([3, 3], 4), ([2, 0, 0], 1)])
                yield return new Sample([source.Uniform(shape) * size, source.Uniform(shape)]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 4]), source.Uniform([3, 4])], null, "NB0108"), new([source.Uniform([3, 3]), source.Uniform([2, 2])], null, "NB0107"),
            new([source.Uniform([3, 3]), source.Integers([3, 3], 0, 2)], null, "NB0206"),
            new([Tensor.Full([2, 2], double.NaN, DType.F64, Device.Cpu), source.Uniform([2, 2])], null, "NB0610"),
        ];
    }

    /// <summary>exp of one matrix by its power series: scaled to a norm below 1/2, 22 terms, squared back.</summary>
    internal static class ReferenceExp
    {
        public static double[] Of(double[] a, int n)
        {
            double norm = Enumerable.Range(0, n).Max(j => Enumerable.Range(0, n).Sum(i => Math.Abs(a[i * n + j])));
            int squarings = norm > 0.5 ? Math.ILogB(norm) + 2 : 0;
            double[] scaled = Array.ConvertAll(a, x => Math.ScaleB(x, -squarings)), sum = new double[n * n];
            // Horner: I + A·(I + A/2·(I + A/3·(…))).
            for (int k = 22; k >= 0; k--)
            {
                double[] next = Product(scaled, sum, n);
                for (int i = 0; i < n * n; i++) sum[i] = next[i] / (k + 1) + (i / n == i % n ? 1 : 0);
            }
            for (int i = 0; i < squarings; i++) sum = Product(sum, sum, n);
            return sum;
        }

        private static double[] Product(double[] a, double[] b, int n)
        {
            var c = new double[n * n];
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++)
                {
                    var sum = new ReferenceSum();
                    for (int k = 0; k < n; k++) sum.Add(a[i * n + k] * b[k * n + j]);
                    c[i * n + j] = sum.Value;
                }
            return c;
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
            /// The matrix exponential Σ xᵏ/k! of each matrix. Shape: [.., n, n] kept; f32 (computed in f64) and f64; any norm. Scaling and squaring with the Padé
            /// degree chosen by the norm of each matrix (Higham 2005); derivatives of every order by the same method (Al-Mohy and Higham 2009). About
            /// 15·n³ flops plus 2n³ for each doubling of the norm beyond 5. Raises NB0610 if an element is not finite.
            /// </summary>
            public Tensor MatrixExp() => MatrixExpPrimitive.Instance.BindOne(null, x);
        }
    }
}
