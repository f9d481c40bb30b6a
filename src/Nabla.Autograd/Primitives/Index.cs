using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// pad: x with Low[k] and High[k] elements added before and after along axis k and Interior[k] between neighbours, all equal to a scalar. Negative
    /// low and high remove elements.
    /// </summary>
    public sealed class PadPrimitive() : SinglePrimitive<PadPrimitive.Params>("pad")
    {
        /// <summary>Elements added before, after and between, along each axis.</summary>
        public readonly record struct Params(Axes Low, Axes High, Axes Interior);

        internal static readonly PadPrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) =>
            $"low={((Params)parameters!).Low} high={((Params)parameters).High} interior={((Params)parameters).Interior}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            (Aval x, Aval fill) = (inputs[0], inputs[1]);
            if (fill.Shape.Rank != 0) throw AutogradErrors.BadParameter(Name, "the fill value must be a scalar", fill);
            if (fill.DType != x.DType) throw AutogradErrors.EqualDTypes(Name, x, fill);
            if (p.Low.Length != x.Shape.Rank || p.High.Length != x.Shape.Rank || p.Interior.Length != x.Shape.Rank)
                throw AutogradErrors.BadParameter(Name, $"needs one entry per axis: low {p.Low}, high {p.High}, interior {p.Interior}", x);
            var dims = new int[x.Shape.Rank];
            for (int i = 0; i < dims.Length; i++)
            {
                int size = x.Shape.Dims[i];
                dims[i] = p.Low[i] + p.High[i] + size + Math.Max(0, size - 1) * p.Interior[i];
                if (dims[i] < 0 || p.Interior[i] < 0)
                    throw AutogradErrors.BadParameter(Name, $"axis {i} would get size {dims[i]} (interior {p.Interior[i]})", x);
            }
            return new Aval(x.DType, dims);
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) =>
            Move.Pad(inputs[0], p.Low, p.High, p.Interior, inputs[1], output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            Array.Fill(output.Data, inputs[1].Data[0]);
            foreach (int[] index in ReferenceArray.Indices(inputs[0].Shape))
            {
                int[] target = [.. index.Select((j, axis) => p.Low[axis] + j * (p.Interior[axis] + 1))];
                if (target.Select((t, axis) => t >= 0 && t < output.Shape.Dims[axis]).All(inside => inside)) output[target] = inputs[0][index];
            }
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p) =>
            BindOne(p, tangents[0] ?? primals[0].ZerosLike(), tangents[1] ?? primals[1].ZerosLike());

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, Params p)
        {
            Tensor Inner(Tensor y)
            {
                Tensor cropped = y.Pad([.. p.Low.Select(l => -l)], [.. p.High.Select(h => -h)], new int[p.Low.Length]);
                return cropped.Slice(new int[p.Low.Length], avals[0].Shape.Dims, [.. p.Interior.Select(i => i + 1)]);
            }
            return
            [
                inputs[0] is null ? Inner(ct) : null,
                inputs[1] is null ? ct.Sum() - Inner(ct).Sum() : null,
            ];
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p)
        {
            var front = new Params(p.Low.Insert(0, 0), p.High.Insert(0, 0), p.Interior.Insert(0, 0));
            Tensor x = Batching.ToFront(inputs[0], axes[0], size);
            if (axes[1] is null) return (BindOne(front, x, inputs[1]), 0);
            // Each member has its own fill value: pad with zeros, then add the fill where nothing of x lies.
            Tensor zero = Tensor.Scalar(0, x.DType, x.Device), one = Tensor.Scalar(1, x.DType, x.Device);
            Tensor outside = BindOne(front, x.ZerosLike(), one);
            Tensor fill = inputs[1].Reshape([size, .. Enumerable.Repeat(1, x.Rank - 1)]);
            return (Ops.Where(outside.Equal(1), fill.BroadcastTo(outside.Shape), BindOne(front, x, zero)), 0);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Uniform([])], new Params([2], [1], [0])),
            new([source.Uniform([2, 3]), source.Uniform([])], new Params([0, 1], [3, 0], [1, 2])),
            new([source.Uniform([5]), source.Uniform([])], new Params([-1], [-2], [0])),
            new([source.Uniform([4]), source.Uniform([])], new Params([-2], [1], [2])),
            new([source.Uniform([0, 2]), source.Uniform([])], new Params([1, 0], [1, 0], [0, 0])),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Uniform([1])], new Params([0], [0], [0]), "NB0108"),
            new([source.Uniform([3]), source.Integers([], 0, 1)], new Params([0], [0], [0]), "NB0206"),
            new([source.Uniform([3]), source.Uniform([])], new Params([-4], [0], [0]), "NB0108"),
        ];
    }

    /// <summary>concatenate: the inputs one after another along an axis; their other sizes must agree.</summary>
    public sealed class ConcatenatePrimitive() : SinglePrimitive<int>("concatenate")
    {
        internal static readonly ConcatenatePrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"axis={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, int axis)
        {
            int size = 0;
            foreach (Aval input in inputs)
            {
                if (input.DType != inputs[0].DType) throw AutogradErrors.EqualDTypes(Name, inputs[0], input);
                if (input.Shape.Rank != inputs[0].Shape.Rank || input.Shape.With(axis, 0) != inputs[0].Shape.With(axis, 0))
                    throw AutogradErrors.BadParameter(Name, $"sizes besides axis {axis} must equal those of {inputs[0]}", input);
                size += input.Shape.Dims[axis];
            }
            return new Aval(inputs[0].DType, inputs[0].Shape.With(axis, size));
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, int axis) => Move.Concatenate(inputs, axis, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, int axis)
        {
            int start = 0;
            foreach (ReferenceArray input in inputs)
            {
                foreach (int[] index in ReferenceArray.Indices(input.Shape))
                    output[[.. index.Select((j, a) => a == axis ? start + j : j)]] = input[index];
                start += input.Shape.Dims[axis];
            }
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, int axis) =>
            BindOne(axis, [.. tangents.Select((t, i) => t ?? primals[i].ZerosLike())]);

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, int axis)
        {
            var results = new Tensor?[inputs.Length];
            int start = 0;
            for (int i = 0; i < inputs.Length; i++)
            {
                var starts = new int[ct.Rank];
                starts[axis] = start;
                if (inputs[i] is null) results[i] = ct.Slice(starts, avals[i].Shape.Dims);
                start += avals[i].Shape.Dims[axis];
            }
            return results;
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, int axis) =>
            (BindOne(axis + 1, Batching.AlignFront(inputs, axes, size)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Uniform([4])], 0), new([source.Uniform([2, 3]), source.Uniform([2, 1]), source.Uniform([2, 0])], 1),
            new([source.Uniform([5])], 0),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Integers([3], 0, 2)], 0, "NB0206"), new([source.Uniform([2, 3]), source.Uniform([3, 3])], 1, "NB0108"),
        ];
    }

    /// <summary>
    /// gather: y[b, i, …] = x[b, indices[b, i], …]: x [B…, N, rest…] and integer indices [B…, I…] give [B…, I…, rest…]. The parameter is the number
    /// of batch axes B. Indices in [−N, N); negative ones count from the end.
    /// </summary>
    public sealed class GatherPrimitive() : SinglePrimitive<int>("gather")
    {
        internal static readonly GatherPrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"batch={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, int batch)
        {
            Indexing.Check(Name, inputs[0], inputs[1], batch);
            return new Aval(inputs[0].DType, Indexing.Gathered(inputs[0].Shape, inputs[1].Shape, batch));
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, int batch) =>
            Move.Gather(inputs[0], inputs[1], batch, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, int batch)
        {
            (ReferenceArray x, ReferenceArray indices) = (inputs[0], inputs[1]);
            foreach (int[] index in ReferenceArray.Indices(output.Shape)) output[index] = x[Indexing.Source(Name, index, x, indices, batch)];
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, int batch) => BindOne(batch, tangents[0]!, primals[1]);

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, int batch) =>
            [ScatterAddPrimitive.Instance.BindOne(batch, Tensor.Zeros(avals[0].Shape, ct.DType, ct.Device), inputs[1]!, ct), null];

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, int batch)
        {
            if (axes[1] is not null || batch > 0) return (BindOne(batch + 1, Batching.AlignFront(inputs, axes, size)), 0);
            // The same indices for all members: the batch of x rides along behind the gathered axis.
            return (BindOne(0, inputs[0].MoveAxis(axes[0]!.Value, 1), inputs[1]), inputs[1].Rank);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([5]), source.Integers([3], -5, 5)], 0), new([source.Uniform([5, 2]), source.Integers([2, 3], 0, 5)], 0),
            new([source.Uniform([2, 4, 3]), source.Integers([2, 6], 0, 4)], 1), new([source.Uniform([4]), source.Integers([], 0, 4)], 0),
            new([source.Uniform([4, 0]), source.Integers([2], 0, 4, DType.I64)], 0),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([5]), source.Uniform([3])], 0, "NB0205"), new([source.Uniform([5]), source.Integers([3], 5, 9)], 0, "NB0109"),
            new([source.Uniform([2, 5]), source.Integers([3, 1], 0, 5)], 1, "NB0108"),
        ];
    }

    /// <summary>scatter_add: y = x, then y[b, indices[b, i], …] += updates[b, i, …] in index order. Shapes as for gather. Linear in x and updates.</summary>
    public sealed class ScatterAddPrimitive() : SinglePrimitive<int>("scatter_add")
    {
        internal static readonly ScatterAddPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Terms(8);

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"batch={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, int batch)
        {
            Indexing.Check(Name, inputs[0], inputs[1], batch);
            if (inputs[0].DType != inputs[2].DType) throw AutogradErrors.EqualDTypes(Name, inputs[0], inputs[2]);
            if (inputs[0].DType == DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "f32 f64 i32 i64");
            Shape expected = Indexing.Gathered(inputs[0].Shape, inputs[1].Shape, batch);
            if (inputs[2].Shape != expected) throw AutogradErrors.BadParameter(Name, $"updates must have shape {expected}", inputs[2]);
            return inputs[0];
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, int batch) =>
            Move.ScatterAdd(inputs[0], inputs[1], inputs[2], batch, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, int batch)
        {
            inputs[0].Data.CopyTo(output.Data, 0);
            foreach (int[] index in ReferenceArray.Indices(inputs[2].Shape))
                output[Indexing.Source(Name, index, inputs[0], inputs[1], batch)] += inputs[2][index];
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, int batch) =>
            BindOne(batch, tangents[0] ?? primals[0].ZerosLike(), primals[1], tangents[2] ?? primals[2].ZerosLike());

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, int batch) =>
            [ct, null, inputs[2] is null ? GatherPrimitive.Instance.BindOne(batch, ct, inputs[1]!) : null];

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, int batch) =>
            (BindOne(batch + 1, Batching.AlignFront(inputs, axes, size)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([5]), source.Integers([7], -5, 5), source.Uniform([7])], 0),
            new([source.Uniform([5, 2]), source.Integers([2, 3], 0, 5), source.Uniform([2, 3, 2])], 0),
            new([source.Uniform([2, 4, 3]), source.Integers([2, 6], 0, 4), source.Uniform([2, 6, 3])], 1),
            new([source.Integers([5], 0, 9), source.Integers([3], 0, 5), source.Integers([3], 0, 9)], 0),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([5]), source.Integers([3], 0, 5), source.Uniform([4])], 0, "NB0108"),
            new([source.Uniform([5]), source.Integers([3], -9, -6), source.Uniform([3])], 0, "NB0109"),
        ];
    }

    /// <summary>iota: the index along one axis. No inputs, so it is computed at once, inside every transformation.</summary>
    public sealed class IotaPrimitive() : SinglePrimitive<IotaPrimitive.Params>("iota")
    {
        /// <summary>What to make, and the axis whose index is written.</summary>
        public readonly record struct Params(Aval Result, int Axis);

        internal static readonly IotaPrimitive Instance = new();

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p) => p.Result;

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) => Move.Iota(p.Axis, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            foreach (int[] index in ReferenceArray.Indices(output.Shape)) output[index] = index[p.Axis];
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p) => null;

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p) => throw AutogradErrors.NotLinear(Name);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
            [new([], new Params(new Aval(DType.I32, [5]), 0)), new([], new Params(new Aval(DType.F64, [3, 4]), 1))];
    }

    /// <summary>Shape rules that gather and scatter share.</summary>
    internal static class Indexing
    {
        public static void Check(string name, Aval x, Aval indices, int batch)
        {
            if (!indices.DType.IsInteger) throw AutogradErrors.DTypeNotSupported(name, indices, "i32 or i64 indices");
            if (x.Shape.Rank <= batch || indices.Shape.Rank < batch || !x.Shape.Dims[..batch].SequenceEqual(indices.Shape.Dims[..batch]))
                throw AutogradErrors.BadParameter(name, $"the first {batch} axes of the indices must be those of {x}, which has one axis more", indices);
        }

        public static Shape Gathered(Shape x, Shape indices, int batch) => Shape.Create([.. indices.Dims, .. x.Dims[(batch + 1)..]]);

        /// <summary>Where element <paramref name="index"/> of a gathered array comes from.</summary>
        public static int[] Source(string name, int[] index, ReferenceArray x, ReferenceArray indices, int batch)
        {
            int rank = indices.Shape.Rank, size = x.Shape.Dims[batch];
            long position = indices.Offset(index.AsSpan(0, rank));
            int at = (int)indices.Data[position];
            if (at < -size || at >= size) throw KernelErrors.IndexOutOfRange(name, at, position, indices.Aval, size);
            return [.. index[..batch], at < 0 ? at + size : at, .. index[rank..]];
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
            /// x with elements added before (<paramref name="low"/>), after (<paramref name="high"/>) and between neighbours
            /// (<paramref name="interior"/>) along each axis, equal to <paramref name="value"/>; negative numbers remove elements.
            /// </summary>
            public Tensor Pad(ReadOnlySpan<int> low, ReadOnlySpan<int> high, ReadOnlySpan<int> interior = default, double value = 0)
            {
                Axes between = interior.Length == 0 ? new int[x.Rank] : [.. interior];
                if (low.IndexOfAnyExcept(0) < 0 && high.IndexOfAnyExcept(0) < 0 && between.Span.IndexOfAnyExcept(0) < 0) return x;
                var p = new PadPrimitive.Params([.. low], [.. high], between);
                return PadPrimitive.Instance.BindOne(p, x, Tensor.Scalar(value, x.DType, x.Device));
            }

            /// <summary>
            /// Parts of x along an axis: <c>y[…, i, …] = x[…, indices[i], …]</c>; the axis is replaced by the axes of the indices (i32 or i64, in
            /// [−N, N)). Shape: [a, N, b] and [i, j] → [a, i, j, b].
            /// </summary>
            public Tensor Take(Tensor indices, int axis = 0)
            {
                axis = Shape.NormalizeAxis(axis, x.Rank, "take");
                Tensor y = GatherPrimitive.Instance.BindOne(0, x.MoveAxis(axis, 0), indices);
                for (int i = 0; i < indices.Rank && axis > 0; i++) y = y.MoveAxis(0, axis + indices.Rank - 1);
                return y;
            }

            /// <summary>
            /// One element per row: <c>y[b] = x[b, indices[b]]</c>, where b runs over all axes but the last. Shape: [b…, N] and [b…] → [b…].
            /// </summary>
            public Tensor TakeLast(Tensor indices) => GatherPrimitive.Instance.BindOne(x.Rank - 1, x, indices);

            /// <summary>x with <c>updates[i, …]</c> added to <c>x[indices[i], …]</c>; repeated indices add up, in order.</summary>
            public Tensor ScatterAdd(Tensor indices, Tensor updates) => ScatterAddPrimitive.Instance.BindOne(0, x, indices, updates);

            /// <summary>One-hot rows: integer classes [...] → [..., classes], 1 at the class, 0 elsewhere.</summary>
            public Tensor OneHot(int classes, DType dtype = DType.F32) =>
                x.ExpandDims(-1).Equal(Arange(classes, x.DType)).To(dtype);
        }

        /// <summary>The tensors one after another along an existing axis; element types promote.</summary>
        public static Tensor Concatenate(IReadOnlyList<Tensor> tensors, int axis = 0)
        {
            DType dtype = tensors.Select(t => t.DType).Aggregate(DTypes.Promote);
            axis = Shape.NormalizeAxis(axis, tensors[0].Rank, "concatenate");
            return ConcatenatePrimitive.Instance.BindOne(axis, [.. tensors.Select(t => t.To(dtype))]);
        }

        /// <summary>The tensors, of one shape, along a new axis.</summary>
        public static Tensor Stack(IReadOnlyList<Tensor> tensors, int axis = 0) => Concatenate([.. tensors.Select(t => t.ExpandDims(axis))], axis);

        /// <summary>0, 1, …, count − 1.</summary>
        public static Tensor Arange(int count, DType dtype = DType.I32) => Iota(new Aval(dtype, [count]), 0);

        /// <summary>A tensor whose elements are their index along <paramref name="axis"/>.</summary>
        public static Tensor Iota(Aval result, int axis) => IotaPrimitive.Instance.BindOne(new IotaPrimitive.Params(result, axis));

        /// <summary><paramref name="count"/> numbers from <paramref name="start"/> to <paramref name="stop"/>, both included, equally spaced.</summary>
        public static Tensor Linspace(double start, double stop, int count, DType dtype = DType.F32) =>
            (start + Arange(count, DType.F64) * ((stop - start) / Math.Max(1, count - 1))).To(dtype);

        /// <summary>The identity matrix of size n.</summary>
        public static Tensor Eye(int n, DType dtype = DType.F32) =>
            Iota(new Aval(DType.I32, [n, n]), 0).Equal(Iota(new Aval(DType.I32, [n, n]), 1)).To(dtype);
    }
}
