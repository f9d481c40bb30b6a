using Nabla.Autograd;

namespace Nabla.Autograd
{
    /// <summary>
    /// lu: P·A = L·U with partial pivoting for A [.., n, n]: L below the diagonal (its own diagonal is 1) and U on and above it, in one matrix; and the
    /// permutation [.., n] of i32: row i of P·A is row permutation[i] of A. 2n³/3 flops per matrix.
    /// </summary>
    public sealed class LuPrimitive() : Primitive("lu")
    {
        internal static readonly LuPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            SquareMatrices.Check(Name, inputs[0]);
            return [inputs[0], new Aval(DType.I32, Shape.Create(inputs[0].Shape.Dims[..^1]))];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Kernels.Linalg.Lu(inputs[0], outputs[0], outputs[1]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            int n = inputs[0].Shape[^1];
            (double[] factors, double[] permutations) = (outputs[0].Data, outputs[1].Data);
            ReferenceLinalg.ForEach(inputs[0], (entry, a) =>
            {
                (double[] lu, int[] permutation, _) = ReferenceLinalg.Lu(a, n);
                lu.CopyTo(factors, entry * n * n);
                for (int i = 0; i < n; i++) permutations[entry * n + i] = permutation[i];
            });
        }

        /// <remarks>
        /// With M = L⁻¹·P·dA·U⁻¹: dL = L·tril(M, −1) and dU = triu(M)·U. Needs a nonsingular matrix: NB0602 otherwise. The permutation is constant
        /// wherever no two candidates for a pivot tie. Source: Walter and Lehmann, arXiv:1001.1654, §3.
        /// </remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            Tensor lu = outputs[0];
            Tensor permuted = GatherPrimitive.Instance.BindOne(lu.Rank - 2, tangents[0]!, outputs[1]);
            Tensor inner = lu.SolveTriangular(lu.SolveTriangular(permuted, unitDiagonal: true), lower: false, leftSide: false);
            Tensor below = inner.Tril(-1);
            return [below + lu.Tril(-1).MatMul(below) + inner.Triu().MatMul(lu.Triu()), null];
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0, 0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1, 1], [5, 5], [2, 3, 3], [2, 0, 0]])
                yield return new Sample([SquareMatrices.Dominant(source, shape)]);
            yield return new Sample([SquareMatrices.Dominant(source, [4, 4]).Reverse(0)]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([3, 4])], null, "NB0108"), new([source.Integers([3, 3], 0, 2)], null, "NB0205")];
    }

    /// <summary>
    /// solve: X with A·X = B for general A [.., n, n] and B [.., n, m], by LU with partial pivoting. Linear in B. 2n³/3 + 2n²m flops per system; a
    /// derivative or cotangent factorises again.
    /// </summary>
    public sealed class SolvePrimitive() : SinglePrimitive<SolvePrimitive.Params>("solve")
    {
        /// <summary>Nothing to choose.</summary>
        public readonly record struct Params;

        internal static readonly SolvePrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override string Print(object? parameters) => "";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            (Aval a, Aval b) = (inputs[0], inputs[1]);
            SquareMatrices.Check(Name, a);
            if (a.DType != b.DType) throw AutogradErrors.EqualDTypes(Name, a, b);
            bool fits = b.Shape.Rank == a.Shape.Rank && b.Shape.Dims[..^1].SequenceEqual(a.Shape.Dims[..^1]);
            return fits ? b : throw AutogradErrors.BadParameter(Name, $"the rows of the right-hand side must match {a}", b);
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) =>
            Kernels.Linalg.Solve(inputs[0], inputs[1], output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            (int n, int m, double[] b) = (output.Shape[^2], output.Shape[^1], inputs[1].Data);
            Aval aval = inputs[0].Aval;
            ReferenceLinalg.ForEach(inputs[0], (entry, a) =>
            {
                (double[] lu, int[] permutation, _) = ReferenceLinalg.Lu(a, n);
                for (int i = 0; i < n; i++)
                    if (lu[i * n + i] == 0) throw Kernels.KernelErrors.Singular(aval, entry, permutation[i]);
                ReferenceLinalg.Solve(lu, permutation, b[(entry * n * m)..((entry + 1) * n * m)], m).CopyTo(output.Data, entry * n * m);
            });
        }

        /// <remarks>A·dX = dB − dA·X.</remarks>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p)
        {
            Tensor? rhs = tangents[1];
            if (tangents[0] is { } da) rhs = rhs is null ? -da.MatMul(output) : rhs - da.MatMul(output);
            return BindOne(p, primals[0], rhs!);
        }

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, Params p) => inputs[0] is { } a
            ? [null, BindOne(p, a.T, ct)] : throw AutogradErrors.NotLinear(Name);

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p)
        {
            if (axes[0] is not null || inputs[0].Rank > 2) return (BindOne(p, Batching.AlignFront(inputs, axes, size)), 0);
            // One matrix for all members: their right-hand sides side by side are one system, factorised once.
            Tensor b = inputs[1].MoveAxis(axes[1]!.Value, 2);
            Shape shape = b.Shape;
            return (BindOne(p, inputs[0], b.Reshape([shape[0], shape[1] * shape[2]])).Reshape(shape), 2);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach ((Shape a, Shape b) in ((Shape, Shape)[])[([1, 1], [1, 2]), ([4, 4], [4, 3]), ([2, 3, 3], [2, 3, 2]), ([3, 3], [3, 0]), ([0, 0], [0, 2])])
                yield return new Sample([SquareMatrices.Dominant(source, a), source.Uniform(b)], default(Params));
            yield return new Sample([SquareMatrices.Dominant(source, [4, 4]).Reverse(0), source.Uniform([4, 2])], default(Params));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 3]), source.Uniform([4, 2])], default(Params), "NB0108"),
            new([source.Uniform([3, 4]), source.Uniform([3, 2])], default(Params), "NB0108"),
            new([source.Uniform([3, 3]), source.Integers([3, 2], 0, 2)], default(Params), "NB0206"),
            new([Tensor.Zeros([2, 2], DType.F64, Device.Cpu), source.Uniform([2, 1])], default(Params), "NB0612"),
        ];
    }

    /// <summary>
    /// slogdet: sign of det A (−1, 0 or 1) and log|det A| for A [.., n, n], by LU; 0 and −∞ for a singular matrix. 2n³/3 flops per matrix.
    /// </summary>
    public sealed class SlogDetPrimitive() : Primitive("slogdet")
    {
        internal static readonly SlogDetPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            SquareMatrices.Check(Name, inputs[0]);
            var result = new Aval(inputs[0].DType, Shape.Create(inputs[0].Shape.Dims[..^2]));
            return [result, result];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Kernels.Linalg.SlogDet(inputs[0], outputs[0], outputs[1]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            int n = inputs[0].Shape[^1];
            (double[] signs, double[] logs) = (outputs[0].Data, outputs[1].Data);
            Array.Fill(signs, 1);
            ReferenceLinalg.ForEach(inputs[0], (entry, a) =>
            {
                (double[] lu, _, double sign) = ReferenceLinalg.Lu(a, n);
                for (int i = 0; i < n; i++)
                {
                    sign *= Math.Sign(lu[i * n + i]);
                    logs[entry] += Math.Log(Math.Abs(lu[i * n + i]));
                }
                signs[entry] = sign + 0.0;
            });
        }

        /// <remarks>d log|det A| = tr(A⁻¹·dA) (Jacobi); the sign is constant. Raises NB0612 where A is singular.</remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
            [null, primals[0].Solve(tangents[0]!).Trace()];

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0, 0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1, 1], [5, 5], [2, 3, 3], [2, 0, 0]])
                yield return new Sample([SquareMatrices.Dominant(source, shape)]);
            yield return new Sample([SquareMatrices.Dominant(source, [4, 4]).Reverse(0)]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([3, 4])], null, "NB0108"), new([source.Integers([3, 3], 0, 2)], null, "NB0205")];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>
            /// P·x = L·U with partial pivoting, x [.., n, n] of f32 or f64: L below the diagonal of Factors (its own diagonal is 1), U on and above it; row
            /// i of P·x is row Permutation[i] of x. The gradient needs a nonsingular x and raises NB0602 otherwise.
            /// </summary>
            public (Tensor Factors, Tensor Permutation) Lu()
            {
                Tensor[] outputs = LuPrimitive.Instance.Bind(null, x);
                return (outputs[0], outputs[1]);
            }

            /// <summary>
            /// X with x·X = b for general square x [.., n, n] and b [.., n, m], or b [n]; leading axes broadcast. By LU with partial pivoting. Raises NB0612,
            /// naming the row, if a pivot is exactly zero.
            /// </summary>
            public Tensor Solve(Tensor b)
            {
                if (b.Rank == 1) return x.Solve(b.ExpandDims(1)).Squeeze(-1);
                DType dtype = DTypes.Promote(x.DType, b.DType);
                Shape batch = Shape.Broadcast(Shape.Create(x.Shape.Dims[..^2]), Shape.Create(b.Shape.Dims[..^2]), "solve");
                return SolvePrimitive.Instance.BindOne(default(SolvePrimitive.Params),
                    x.To(dtype).BroadcastTo([.. batch, .. x.Shape.Dims[^2..]]), b.To(dtype).BroadcastTo([.. batch, .. b.Shape.Dims[^2..]]));
            }

            /// <summary>
            /// x⁻¹ for general square x [.., n, n]; 8n³/3 flops. To apply an inverse, <c>Solve</c> is cheaper and more accurate. Raises NB0612 if x is singular.
            /// </summary>
            public Tensor Inverse() => x.Solve(Eye(x.Shape[^1], x.DType));

            /// <summary>
            /// Sign (−1, 0 or 1) and log|det x|. Shape: [.., n, n] → two of [..]. Gradient of the log x⁻ᵀ; it raises NB0612 where x is singular.
            /// </summary>
            public (Tensor Sign, Tensor LogAbs) SlogDet()
            {
                Tensor[] outputs = SlogDetPrimitive.Instance.Bind(null, x);
                return (outputs[0], outputs[1]);
            }

            /// <summary>The determinant, sign·exp(log|det x|). Shape: [.., n, n] → [..]. For many rows it over- or underflows: see <c>SlogDet</c>.</summary>
            public Tensor Det()
            {
                (Tensor sign, Tensor log) = x.SlogDet();
                return sign * log.Exp();
            }
        }
    }
}
