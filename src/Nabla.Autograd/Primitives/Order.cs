using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// sort: the elements in order along an axis, and (second result, i32) where each came from. Stable; NaN last. Shape: kept, twice. The derivative moves
    /// with the elements.
    /// </summary>
    public sealed class SortPrimitive() : Primitive("sort")
    {
        /// <summary>The axis and the direction.</summary>
        public readonly record struct Params(int Axis, bool Descending);

        internal static readonly SortPrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"axis={((Params)parameters!).Axis}" + (((Params)parameters).Descending ? " descending" : "");

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            if (inputs[0].DType == DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "f32 f64 i32 i64");
            Shape.NormalizeAxis(((Params)parameters!).Axis, inputs[0].Shape.Rank, Name);
            return [inputs[0], new Aval(DType.I32, inputs[0].Shape)];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Sort.Along(inputs[0], ((Params)parameters!).Axis, ((Params)parameters).Descending, outputs[0], outputs[1]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            var p = (Params)parameters!;
            ReferenceArray x = inputs[0];
            if (x.Data.Length == 0) return;
            foreach (int[] index in ReferenceArray.Indices(x.Shape.With(p.Axis, 1)))
            {
                int[] at = [.. index];
                double At(int i)
                {
                    at[p.Axis] = i;
                    return x[at];
                }
                int[] order = [.. Enumerable.Range(0, x.Shape.Dims[p.Axis]).OrderBy(i => double.IsNaN(At(i))).ThenBy(i => p.Descending ? -At(i) : At(i))];
                for (int i = 0; i < order.Length; i++)
                {
                    double value = At(order[i]);
                    at[p.Axis] = i;
                    (outputs[0][at], outputs[1][at]) = (value, order[i]);
                }
            }
        }

        /// <inheritdoc/>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
            [tangents[0]!.TakeAlong(outputs[1], ((Params)parameters!).Axis), null];

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
        {
            var p = (Params)parameters!;
            return (Bind(p with { Axis = p.Axis + 1 }, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0, 0]);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Distinct([7])], new Params(0, false)), new([source.Distinct([3, 5])], new Params(0, true)),
            new([source.Distinct([2, 37, 3])], new Params(1, false)), new([source.Distinct([131])], new Params(0, true)),
            new([source.Integers([4, 23], 0, 5)], new Params(1, false)), new([source.Integers([4, 23], 0, 5)], new Params(1, true)),
            new([source.Uniform([0, 3])], new Params(0, false)), new([source.Uniform([3, 0])], new Params(0, false)),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Bools([3])], new Params(0, false), "NB0205"), new([source.Uniform([3])], new Params(1, false), "NB0102")];
    }

    /// <summary>
    /// search_sorted: how many elements of an ascending sequence [b…, n] stand before each of the values [b…, m…]: those less than it, or with Right those
    /// not greater; i32 [b…, m…]. No derivative.
    /// </summary>
    public sealed class SearchSortedPrimitive() : SinglePrimitive<SearchSortedPrimitive.Params>("search_sorted")
    {
        /// <summary>Number of batch axes, and on which side of equal elements to stand.</summary>
        public readonly record struct Params(int Batch, bool Right);

        internal static readonly SearchSortedPrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"batch={((Params)parameters!).Batch}" + (((Params)parameters).Right ? " right" : "");

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            (Aval sequence, Aval values) = (inputs[0], inputs[1]);
            if (sequence.DType == DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, sequence, "f32 f64 i32 i64");
            if (sequence.DType != values.DType) throw AutogradErrors.EqualDTypes(Name, sequence, values);
            if (sequence.Shape.Rank != p.Batch + 1 || values.Shape.Rank < p.Batch || !sequence.Shape.Dims[..p.Batch].SequenceEqual(values.Shape.Dims[..p.Batch]))
                throw AutogradErrors.BadParameter(Name, $"the sequence must have the {p.Batch} batch axes of the values {values} and one more", sequence);
            return new Aval(DType.I32, values.Shape);
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) =>
            Sort.Search(inputs[0], inputs[1], p.Batch, p.Right, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            ReferenceArray sequence = inputs[0];
            int size = sequence.Shape.Dims[p.Batch];
            foreach (int[] index in ReferenceArray.Indices(output.Shape))
            {
                double value = inputs[1][index];
                output[index] = Enumerable.Range(0, size).Select(i => sequence[[.. index[..p.Batch], i]])
                    .Count(s => double.IsNaN(value) ? p.Right || !double.IsNaN(s) : s < value || (p.Right && s == value));
            }
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p) => null;

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p) => axes[0] is null && p.Batch == 0
            ? (BindOne(p, inputs), axes[1]!.Value) : (BindOne(p with { Batch = p.Batch + 1 }, Batching.AlignFront(inputs, axes, size)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            Tensor ascending = Tensor.From([-0.7, -0.2, -0.2, 0.1, 0.5], [5], Device.Cpu), pair = Tensor.From([-0.5, 0.0, 0.5, -0.9, 0.2, 0.3], [2, 3], Device.Cpu);
            yield return new Sample([ascending, source.Uniform([11])], new Params(0, false));
            yield return new Sample([ascending, ascending], new Params(0, true));
            yield return new Sample([ascending, ascending], new Params(0, false));
            yield return new Sample([pair, source.Uniform([2, 4, 3])], new Params(1, true));
            yield return new Sample([Tensor.From([1, 3, 3, 7], [4], Device.Cpu), source.Integers([2, 5], 0, 9)], new Params(0, true));
            yield return new Sample([ascending, source.Uniform([0, 2])], new Params(0, false));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Integers([3], 0, 5)], new Params(0, false), "NB0206"),
            new([source.Uniform([2, 3]), source.Uniform([3])], new Params(0, false), "NB0108"),
            new([source.Bools([3]), source.Bools([3])], new Params(0, false), "NB0205"),
        ];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>The elements in order along an axis; stable, NaN last in either direction. Shape: kept.</summary>
            public Tensor Sort(int axis = -1, bool descending = false) => x.SortWithIndices(axis, descending).Values;

            /// <summary>Where the elements of <see cref="Sort"/> come from, i32. Shape: kept.</summary>
            public Tensor ArgSort(int axis = -1, bool descending = false) => x.SortWithIndices(axis, descending).Indices;

            /// <summary><see cref="Sort"/> and <see cref="ArgSort"/> at once.</summary>
            public (Tensor Values, Tensor Indices) SortWithIndices(int axis = -1, bool descending = false)
            {
                var p = new SortPrimitive.Params(Shape.NormalizeAxis(axis, x.Rank, "sort"), descending);
                Tensor[] results = SortPrimitive.Instance.Bind(p, x);
                return (results[0], results[1]);
            }

            /// <summary>
            /// The k largest elements along an axis, from the largest down, and where they are (i32); of equal ones the first. NaN counts as the
            /// smallest. Shape: the axis gets size k. Costs a sort.
            /// </summary>
            /// <exception cref="ShapeException">NB0108: k is negative or larger than the axis.</exception>
            public (Tensor Values, Tensor Indices) TopK(int k, int axis = -1)
            {
                axis = Shape.NormalizeAxis(axis, x.Rank, "topk");
                if (k < 0 || k > x.Shape[axis]) throw AutogradErrors.BadParameter("topk", $"k = {k} must be at least 0 and at most the size of axis {axis}", x.Aval);
                (Tensor values, Tensor indices) = x.SortWithIndices(axis, descending: true);
                Range[] first = [.. Enumerable.Repeat(Range.All, axis), Range.EndAt(k)];
                return (values.Slice(first), indices.Slice(first));
            }

            /// <summary>
            /// <c>y[…, i, …] = x[…, indices[…, i, …], …]</c> along an axis: shapes equal but for that axis. Undoes nothing, moves everything:
            /// <c>x.TakeAlong(x.ArgSort(), -1)</c> is <c>x.Sort()</c>.
            /// </summary>
            public Tensor TakeAlong(Tensor indices, int axis = -1)
            {
                axis = Shape.NormalizeAxis(axis, x.Rank, "take_along");
                return GatherPrimitive.Instance.BindOne(x.Rank - 1, x.MoveAxis(axis, x.Rank - 1), indices.MoveAxis(axis, x.Rank - 1)).MoveAxis(x.Rank - 1, axis);
            }

            /// <summary>
            /// How many elements of x, an ascending sequence [n], stand before each of the values: those less than it, or with
            /// <paramref name="right"/> those not greater. Shape: [n] and [...] → i32 [...].
            /// </summary>
            public Tensor SearchSorted(Tensor values, bool right = false) =>
                SearchSortedPrimitive.Instance.BindOne(new SearchSortedPrimitive.Params(0, right), x, values);

            /// <summary>
            /// Sums of the parts of x along axis 0 that belong to one segment: <c>y[s] = Σ x[i]</c> over <c>segments[i] = s</c>, 0 for a segment
            /// without any. Shape: [n, …] and integers [n] → [count, …].
            /// </summary>
            public Tensor SegmentSum(Tensor segments, int count) =>
                Tensor.Zeros(x.Shape.With(0, count), x.DType, x.Device).ScatterAdd(segments, x);
        }
    }
}
