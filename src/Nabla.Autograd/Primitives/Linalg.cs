using Nabla.Autograd;
using Nabla.Kernels;
using static Nabla.Kernels.Linalg;

namespace Nabla.Autograd
{
    /// <summary>
    /// cholesky: the lower triangular L with L·Lᵀ = A for symmetric positive definite A [.., n, n]. Reads the lower triangle only. n³/3 flops per matrix.
    /// </summary>
    public sealed class CholeskyPrimitive() : Primitive("cholesky")
    {
        internal static readonly CholeskyPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(8);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            SquareMatrices.Check(Name, inputs[0]);
            return [inputs[0]];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Cholesky(inputs[0], outputs[0]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            int n = inputs[0].Shape[^1];
            (double[] a, double[] l) = (inputs[0].Data, outputs[0].Data);
            for (int start = 0; start < a.Length; start += n * n)
                for (int i = 0; i < n; i++)
                    for (int j = 0; j <= i; j++)
                    {
                        double sum = a[start + i * n + j];
                        for (int k = 0; k < j; k++) sum -= l[start + i * n + k] * l[start + j * n + k];
                        if (i == j && !(sum > 0 && double.IsFinite(sum))) throw KernelErrors.NotPositiveDefinite(inputs[0].Aval, start / (n * n), i);
                        l[start + i * n + j] = i == j ? Math.Sqrt(sum) : sum / l[start + j * n + j];
                    }
        }

        /// <remarks>
        /// dL = L·Φ(L⁻¹ dA L⁻ᵀ), Φ taking the lower triangle with half of the diagonal, and dA completed from its lower triangle.
        /// Source: Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527, eq. 10.
        /// </remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            (Tensor l, Tensor da) = (outputs[0], tangents[0]!);
            Tensor symmetric = SquareMatrices.FromLower(da);
            Tensor inner = l.SolveTriangular(l.SolveTriangular(symmetric).T).T;
            Tensor phi = inner.Tril(-1) + 0.5 * (inner.Tril() - inner.Tril(-1));
            return [l.MatMul(phi)];
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([SquareMatrices.PositiveDefinite(source, [1, 1])]), new([SquareMatrices.PositiveDefinite(source, [5, 5])]),
            new([SquareMatrices.PositiveDefinite(source, [2, 3, 3])]), new([source.Uniform([2, 0, 0])]),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 4])], null, "NB0108"), new([source.Integers([3, 3], 0, 2)], null, "NB0205"),
            new([Tensor.Zeros([2, 2], DType.F64, Device.Cpu)], null, "NB0601"),
        ];
    }

    /// <summary>
    /// triangular_solve: X with op(A)·X = B (left) or X·op(A) = B (right), where A [.., n, n] is read as triangular and op is the identity or the
    /// transpose. Linear in B. n²m flops per system.
    /// </summary>
    public sealed class TriangularSolvePrimitive() : SinglePrimitive<TriangularSolvePrimitive.Params>("triangular_solve")
    {
        /// <summary>Side of A, which triangle is read, whether it is transposed, whether its diagonal is taken as ones.</summary>
        public readonly record struct Params(bool Left, bool Lower, bool Transpose, bool Unit);

        internal static readonly TriangularSolvePrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override string Print(object? parameters)
        {
            var p = (Params)parameters!;
            return (p.Left ? "left" : "right") + (p.Lower ? " lower" : " upper") + (p.Transpose ? " transpose" : "") + (p.Unit ? " unit" : "");
        }

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            (Aval a, Aval b) = (inputs[0], inputs[1]);
            SquareMatrices.Check(Name, a);
            if (a.DType != b.DType) throw AutogradErrors.EqualDTypes(Name, a, b);
            bool fits = b.Shape.Rank == a.Shape.Rank && b.Shape.Dims[..^2].SequenceEqual(a.Shape.Dims[..^2]) && b.Shape[p.Left ? ^2 : ^1] == a.Shape[^1];
            return fits ? b : throw AutogradErrors.BadParameter(Name, $"the {(p.Left ? "rows" : "columns")} of the right-hand side must match {a}", b);
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) =>
            TriangularSolve(inputs[0], inputs[1], output, p.Left, p.Lower, p.Transpose, p.Unit);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            int n = inputs[0].Shape[^1], rows = output.Shape[^2], columns = output.Shape[^1], others = p.Left ? columns : rows;
            bool forward = p.Lower != p.Transpose == p.Left;
            double[] a = inputs[0].Data;
            for (int batch = 0; batch * n * n < a.Length; batch++)
                for (int other = 0; other < others; other++)
                    for (int step = 0; step < n; step++)
                    {
                        int i = forward ? step : n - 1 - step;
                        double sum = inputs[1].Data[At(i, other)];
                        if (!p.Unit && A(i, i) == 0) throw KernelErrors.ZeroDiagonal(inputs[0].Aval, batch, i);
                        for (int before = 0; before < step; before++)
                        {
                            int j = forward ? before : n - 1 - before;
                            sum -= A(i, j) * output.Data[At(j, other)];
                        }
                        output.Data[At(i, other)] = p.Unit ? sum : sum / A(i, i);

                        double A(int row, int column) =>
                            a[batch * n * n + (p.Left != p.Transpose ? row * n + column : column * n + row)];
                        int At(int along, int across) => batch * rows * columns + (p.Left ? along * columns + across : across * columns + along);
                    }
        }

        /// <remarks>From op(A)·X = B: op(A)·dX = dB − op(dA)·X, with dA cut to the triangle that is read.</remarks>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p)
        {
            Tensor? rhs = tangents[1];
            if (tangents[0] is { } da)
            {
                Tensor triangle = p.Lower ? da.Tril(p.Unit ? -1 : 0) : da.Triu(p.Unit ? 1 : 0);
                Tensor op = p.Transpose ? triangle.T : triangle;
                Tensor change = p.Left ? op.MatMul(output) : output.MatMul(op);
                rhs = rhs is null ? -change : rhs - change;
            }
            return BindOne(p, primals[0], rhs!);
        }

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, Params p) => inputs[0] is { } a
            ? [null, BindOne(p with { Transpose = !p.Transpose }, a, ct)] : throw AutogradErrors.NotLinear(Name);

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p)
        {
            if (axes[0] is not null || inputs[0].Rank > 2)
                return (BindOne(p, Batching.AlignFront(inputs, axes, size)), 0);
            // One matrix for all members: their right-hand sides side by side are one system.
            Tensor b = inputs[1].MoveAxis(axes[1]!.Value, p.Left ? 2 : 0);
            Shape shape = b.Shape;
            Tensor x = BindOne(p, inputs[0], p.Left ? b.Reshape([shape[0], shape[1] * shape[2]]) : b.Reshape([shape[0] * shape[1], shape[2]]));
            return (x.Reshape(shape), p.Left ? 2 : 0);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            for (int bits = 0; bits < 16; bits++)
            {
                var p = new Params((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0);
                Tensor a = source.Uniform([4, 4]) * 0.5 + 2 * Ops.Eye(4, DType.F64);
                yield return new Sample([a, source.Uniform(p.Left ? [4, 3] : [3, 4])], p);
            }
            Tensor batch = source.Uniform([2, 3, 3]) * 0.5 + 2 * Ops.Eye(3, DType.F64);
            yield return new Sample([batch, source.Uniform([2, 3, 2])], new Params(true, true, false, false));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source)
        {
            var p = new Params(true, true, false, false);
            return
            [
                new([source.Uniform([3, 3]), source.Uniform([4, 2])], p, "NB0108"), new([source.Uniform([3, 4]), source.Uniform([3, 2])], p, "NB0108"),
                new([Tensor.Zeros([2, 2], DType.F64, Device.Cpu), source.Uniform([2, 1])], p, "NB0602"),
            ];
        }
    }

    internal static class SquareMatrices
    {
        public static void Check(string name, Aval a)
        {
            if (!a.DType.IsFloat) throw AutogradErrors.DTypeNotSupported(name, a, "f32 f64");
            if (a.Shape.Rank < 2 || a.Shape[^1] != a.Shape[^2]) throw AutogradErrors.BadParameter(name, "needs square matrices [.., n, n]", a);
        }

        public static void CheckMatrices(string name, Aval a)
        {
            if (!a.DType.IsFloat) throw AutogradErrors.DTypeNotSupported(name, a, "f32 f64");
            if (a.Shape.Rank < 2) throw AutogradErrors.BadParameter(name, "needs matrices [.., m, n]", a);
        }

        /// <summary>The symmetric matrix of which a lower triangle is given.</summary>
        public static Tensor FromLower(Tensor x) => x.Tril() + x.Tril(-1).T;

        /// <summary>Twice the (rectangular) identity plus random numbers below 0.4: far from singular, and far from a change of pivots.</summary>
        public static Tensor Dominant(SampleSource source, Shape shape)
        {
            Tensor x = source.Uniform(shape);
            return x * 0.4 + 2 * (x.OnesLike().Tril() - x.OnesLike().Tril(-1));
        }

        /// <summary>G·Gᵀ/n + I for random G: condition number of a few.</summary>
        public static Tensor PositiveDefinite(SampleSource source, Shape shape)
        {
            Tensor g = source.Uniform(shape);
            return g.MatMul(g.T) / shape[^1] + Ops.Eye(shape[^1], DType.F64);
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
            /// The lower triangular L with L·Lᵀ = x, for symmetric positive definite x [.., n, n], f32 or f64; x is symmetrised first, so that the gradient is
            /// symmetric. Raises NB0601, naming the row, if x is not positive definite.
            /// </summary>
            public Tensor Cholesky() => CholeskyPrimitive.Instance.BindOne(null, (x + x.T) * 0.5);

            /// <summary>
            /// X with op(x)·X = b (or X·op(x) = b for <paramref name="leftSide"/> = false), x [.., n, n] read as a triangular matrix, b [.., n, m]; leading axes
            /// broadcast. Raises NB0602 if a diagonal element is 0.
            /// </summary>
            public Tensor SolveTriangular(Tensor b, bool lower = true, bool transpose = false, bool leftSide = true, bool unitDiagonal = false)
            {
                Shape batch = Shape.Broadcast(Shape.Create(x.Shape.Dims[..^2]), Shape.Create(b.Shape.Dims[..^2]), "triangular_solve");
                return TriangularSolvePrimitive.Instance.BindOne(
                    new TriangularSolvePrimitive.Params(leftSide, lower, transpose, unitDiagonal),
                    x.BroadcastTo([.. batch, .. x.Shape.Dims[^2..]]), b.BroadcastTo([.. batch, .. b.Shape.Dims[^2..]]));
            }

            /// <summary>The lower triangle of each matrix, zeros elsewhere; <paramref name="diagonal"/> moves its border up (positive) or down.</summary>
            public Tensor Tril(int diagonal = 0) => Where(TriangleMask(x, diagonal), x, x.ZerosLike());

            /// <summary>The upper triangle of each matrix, zeros elsewhere; <paramref name="diagonal"/> moves its border up (positive) or down.</summary>
            public Tensor Triu(int diagonal = 0) => Where(TriangleMask(x, diagonal - 1), x.ZerosLike(), x);

            /// <summary>The diagonal of each matrix, a view if it is square and dense. Shape: [.., n, m] → [.., min(n, m)].</summary>
            public Tensor Diagonal()
            {
                int n = Math.Min(x.Shape[^1], x.Shape[^2]);
                int[] batch = x.Shape.Dims[..^2].ToArray();
                Tensor flat = x.Slice(new int[x.Rank], [.. batch, n, n]).Reshape([.. batch, n * n]);
                return flat.Slice(new int[flat.Rank], [.. batch, n], [.. Enumerable.Repeat(1, batch.Length), n + 1]);
            }

            /// <summary>Sum of the diagonal of each matrix. Shape: [.., n, n] → [..].</summary>
            public Tensor Trace() => x.Diagonal().Sum(-1);

            /// <summary>
            /// log det of each symmetric positive definite matrix, 2·Σ log Lᵢᵢ by Cholesky. Shape: [.., n, n] → [..]. Raises NB0601 otherwise. Gradient x⁻¹.
            /// </summary>
            public Tensor LogDetPositiveDefinite() => 2 * x.Cholesky().Diagonal().Log().Sum(-1);

            /// <summary>
            /// X with x·X = b for symmetric positive definite x [.., n, n] and b [.., n, m], by Cholesky and two triangular solves.
            /// </summary>
            public Tensor SolvePositiveDefinite(Tensor b)
            {
                Tensor l = x.Cholesky();
                return l.SolveTriangular(l.SolveTriangular(b), transpose: true);
            }
        }

        private static Tensor TriangleMask(Tensor x, int diagonal)
        {
            var aval = new Aval(DType.I32, [.. x.Shape.Dims[^2..]]);
            return Iota(aval, 1) <= Iota(aval, 0) + diagonal;
        }
    }
}
