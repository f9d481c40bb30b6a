using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// dot_general: the sum of products over contracted axes, for each combination of batch axes. Output axes: batch, then the free axes of the
    /// left operand, then those of the right. Bilinear. 2·(product of all sizes, shared ones once) flops.
    /// </summary>
    public sealed class DotGeneralPrimitive() : SinglePrimitive<DotDims>("dot_general")
    {
        // With fewer, one product with the columns of all members reads the shared operand once instead of once for each.
        private const int ColumnsOfItsOwn = 8;

        internal static readonly DotGeneralPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Terms(8);

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, DotDims dims)
        {
            (Aval a, Aval b) = (inputs[0], inputs[1]);
            if (a.DType != b.DType) throw AutogradErrors.EqualDTypes(Name, a, b);
            if (a.DType == DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, a, "f32 f64 i32 i64");
            return new Aval(a.DType, dims.OutputShape(a.Shape, b.Shape));
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, DotDims dims) =>
            Contraction.DotGeneral(inputs[0], inputs[1], dims, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, DotDims dims)
        {
            (ReferenceArray a, ReferenceArray b) = (inputs[0], inputs[1]);
            int[] lhsContract = dims.LhsContract.ToArray(), rhsContract = dims.RhsContract.ToArray();
            int[] lhsBatch = dims.LhsBatch.ToArray(), rhsBatch = dims.RhsBatch.ToArray();
            int[] lhsFree = dims.LhsFree(a.Shape.Rank), rhsFree = dims.RhsFree(b.Shape.Rank);
            Shape contracted = Shape.Create([.. lhsContract.Select(axis => a.Shape.Dims[axis])]);
            int batch = lhsBatch.Length, left = lhsFree.Length;
            foreach (int[] index in ReferenceArray.Indices(output.Shape))
            {
                var (at, bt) = (new int[a.Shape.Rank], new int[b.Shape.Rank]);
                for (int i = 0; i < batch; i++) (at[lhsBatch[i]], bt[rhsBatch[i]]) = (index[i], index[i]);
                for (int i = 0; i < left; i++) at[lhsFree[i]] = index[batch + i];
                for (int i = 0; i < rhsFree.Length; i++) bt[rhsFree[i]] = index[batch + left + i];
                var sum = new ReferenceSum();
                foreach (int[] k in ReferenceArray.Indices(contracted))
                {
                    for (int i = 0; i < k.Length; i++) (at[lhsContract[i]], bt[rhsContract[i]]) = (k[i], k[i]);
                    sum.Add(a[at] * b[bt]);
                }
                output[index] = sum.Value;
            }
        }

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, DotDims dims)
        {
            Tensor? fromLeft = tangents[0] is { } da ? BindOne(dims, da, primals[1]) : null;
            Tensor? fromRight = tangents[1] is { } db ? BindOne(dims, primals[0], db) : null;
            return fromLeft is not null && fromRight is not null ? fromLeft + fromRight : (fromLeft ?? fromRight)!;
        }

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, DotDims dims)
        {
            if (inputs[1] is { } b) return [TransposeLeft(ct, avals[0], b, dims), null];
            return inputs[0] is { } a ? [null, TransposeRight(ct, a, avals[1], dims)] : throw AutogradErrors.NotLinear(Name);
        }

        // ct [batch, left free, right free] with b over the right free axes: [batch, left free, contracted in b's order], which for matrices is a's own.
        private Tensor TransposeLeft(Tensor ct, Aval a, Tensor b, DotDims dims)
        {
            int batch = dims.LhsBatch.Length;
            int[] lhsFree = dims.LhsFree(a.Shape.Rank), rhsFree = dims.RhsFree(b.Rank);
            int[] ctRight = [.. Enumerable.Range(batch + lhsFree.Length, rhsFree.Length)];
            Tensor product = BindOne(new DotDims(ctRight, rhsFree, Axes.Range(batch), dims.RhsBatch), ct, b);
            Axes order = [.. dims.LhsBatch, .. lhsFree, .. Partners(dims.RhsContract, dims.LhsContract)];
            return product.Transpose(TransposePrimitive.Inverse(order));
        }

        // a with ct over the left free axes: [batch, contracted in a's order, right free], which for matrices is b's own.
        private Tensor TransposeRight(Tensor ct, Tensor a, Aval b, DotDims dims)
        {
            int batch = dims.LhsBatch.Length;
            int[] lhsFree = dims.LhsFree(a.Rank), rhsFree = dims.RhsFree(b.Shape.Rank);
            int[] ctLeft = [.. Enumerable.Range(batch, lhsFree.Length)];
            Tensor product = BindOne(new DotDims(lhsFree, ctLeft, dims.LhsBatch, Axes.Range(batch)), a, ct);
            Axes order = [.. dims.RhsBatch, .. Partners(dims.LhsContract, dims.RhsContract), .. rhsFree];
            return product.Transpose(TransposePrimitive.Inverse(order));
        }

        // Axes paired with those of the other operand, in the ascending order of the latter.
        private static int[] Partners(ReadOnlySpan<int> others, ReadOnlySpan<int> own)
        {
            (int[] keys, int[] values) = (others.ToArray(), own.ToArray());
            Array.Sort(keys, values);
            return values;
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, DotDims dims)
        {
            if (axes[0] is { } la && axes[1] is { } ra)
                return (BindOne(new DotDims(Shift(dims.LhsContract, la), Shift(dims.RhsContract, ra),
                    [la, .. Shift(dims.LhsBatch, la)], [ra, .. Shift(dims.RhsBatch, ra)]), inputs[0], inputs[1]), 0);
            int batch = dims.LhsBatch.Length;
            if (axes[0] is { } left)
            {
                // One-sided: the batch is one more free axis, at the place it has among them.
                var shifted = new DotDims(Shift(dims.LhsContract, left), dims.RhsContract, Shift(dims.LhsBatch, left), dims.RhsBatch);
                return (BindOne(shifted, inputs[0], inputs[1]), batch + Array.IndexOf(shifted.LhsFree(inputs[0].Rank), left));
            }
            int right = axes[1]!.Value;
            var moved = new DotDims(dims.LhsContract, Shift(dims.RhsContract, right), dims.LhsBatch, Shift(dims.RhsBatch, right));
            int[] free = moved.RhsFree(inputs[1].Rank);
            // As a free axis of the right operand the batch would lie in the middle of the result, and everything after it would work on mixed layouts. A
            // member of one axis changes sides; one of many columns becomes a product of its own.
            if (free.Length == 1)
                return (BindOne(new DotDims(moved.RhsContract, moved.LhsContract, moved.RhsBatch, moved.LhsBatch), inputs[1], inputs[0]), batch);
            if (free.Where(axis => axis != right).Aggregate(1L, (n, axis) => n * inputs[1].Shape.Dims[axis]) >= ColumnsOfItsOwn)
                return (BindOne(new DotDims(Shift(dims.LhsContract, 0), moved.RhsContract, [0, .. Shift(dims.LhsBatch, 0)], [right, .. moved.RhsBatch]),
                    Batching.Repeat(inputs[0], 0, size), inputs[1]), 0);
            return (BindOne(moved, inputs[0], inputs[1]), batch + dims.LhsFree(inputs[0].Rank).Length + Array.IndexOf(free, right));
        }

        private static int[] Shift(ReadOnlySpan<int> axes, int past) => [.. ((Axes)axes.ToArray()).ShiftPast(past)];

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([3, 4]), source.Uniform([4, 5])], DotDims.Matrix), new([source.Uniform([4]), source.Uniform([4])], new DotDims([0], [0])),
            new([source.Uniform([3]), source.Uniform([2])], new DotDims([], [])), new([source.Uniform([3, 0]), source.Uniform([0, 2])], DotDims.Matrix),
            new([source.Uniform([2, 3, 4]), source.Uniform([2, 4, 5])], new DotDims([2], [1], [0], [0])),
            new([source.Uniform([4, 2, 3]), source.Uniform([3, 5, 2])], new DotDims([2], [0], [1], [2])),
            new([source.Uniform([2, 3, 4]), source.Uniform([4, 5, 3])], new DotDims([1, 2], [2, 0])),
            new([source.Uniform([17, 37]), source.Uniform([37, 19])], DotDims.Matrix),
            new([source.Integers([3, 4], -5, 5), source.Integers([4, 2], -5, 5)], DotDims.Matrix),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3, 4]), source.Uniform([5, 2])], DotDims.Matrix, "NB0121"),
            new([source.Uniform([3, 4]), source.Integers([4, 2], 0, 5)], DotDims.Matrix, "NB0206"),
            new([source.Uniform([2, 3, 4]), source.Uniform([3, 4, 5])], new DotDims([2], [1], [0], [0]), "NB0122"),
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
            /// Matrix product with NumPy's rules: [.., m, k]·[.., k, n] → [.., m, n], leading axes broadcast; a vector on either side loses its axis.
            /// Element types promote. 2mnk flops per matrix.
            /// </summary>
            public Tensor MatMul(Tensor y)
            {
                DType dtype = DTypes.Promote(x.DType, y.DType);
                (Tensor a, Tensor b) = (x.To(dtype), y.To(dtype));
                if (a.Rank == 0 || b.Rank == 0) throw AutogradErrors.BadParameter("matmul", "needs operands of rank 1 or more", a.Rank == 0 ? a.Aval : b.Aval);
                if (b.Rank <= 2) return DotGeneralPrimitive.Instance.BindOne(new DotDims([a.Rank - 1], [0]), a, b);
                if (a.Rank == 1) return a.ExpandDims(0).MatMul(b).Squeeze(-2);
                Shape batch = Shape.Broadcast(Shape.Create(a.Shape.Dims[..^2]), Shape.Create(b.Shape.Dims[..^2]), "matmul");
                a = a.BroadcastTo([.. batch, .. a.Shape.Dims[^2..]]);
                b = b.BroadcastTo([.. batch, .. b.Shape.Dims[^2..]]);
                int[] axes = [.. Enumerable.Range(0, batch.Rank)];
                return DotGeneralPrimitive.Instance.BindOne(new DotDims([batch.Rank + 1], [batch.Rank], axes, axes), a, b);
            }

            /// <summary>Σ x·y over all elements of equal shapes.</summary>
            public Tensor Dot(Tensor y)
            {
                Axes all = Axes.Range(x.Rank);
                return DotGeneralPrimitive.Instance.BindOne(new DotDims(all, all), x, y);
            }
        }
    }
}
