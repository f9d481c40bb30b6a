using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>reshape: the same elements in row-major order with other dimensions.</summary>
    public sealed class ReshapePrimitive() : LinearPrimitive<Shape>("reshape")
    {
        internal static readonly ReshapePrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"shape={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(Aval x, Shape shape) => x.Shape.Count == shape.Count
            ? new Aval(x.DType, shape) : throw AutogradErrors.BadParameter(Name, $"shape {shape} holds {shape.Count} elements", x);

        /// <inheritdoc/>
        protected override Layout? View(Layout x, Shape shape) => x.TryReshape(shape, out Layout view) ? view : null;

        /// <inheritdoc/>
        protected override void Evaluate(DenseTensor x, DenseTensor y, Shape shape) => Move.Copy(x, y);

        /// <inheritdoc/>
        protected override void Reference(ReferenceArray x, ReferenceArray y, Shape shape) => x.Data.CopyTo(y.Data, 0);

        /// <inheritdoc/>
        protected override Tensor Transpose(Tensor ct, Aval x, Shape shape) => ct.Reshape(x.Shape);

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor x, int axis, Shape shape)
        {
            Tensor front = x.MoveAxis(axis, 0);
            return (front.Reshape(shape.Insert(0, front.Shape[0])), 0);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([6])], Shape.Create(2, 3)), new([source.Uniform([2, 3, 4])], Shape.Create(6, 4)),
            new([source.Uniform([1, 5])], Shape.Create(5)), new([source.Uniform([])], Shape.Create(1, 1)), new([source.Uniform([0, 3])], Shape.Create(0)),
            new([source.Uniform([4, 3])], Shape.Create(2, 6)),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Uniform([6])], Shape.Create(4), "NB0108")];
    }

    /// <summary>transpose: axis i of the result is axis permutation[i] of the input.</summary>
    public sealed class TransposePrimitive() : LinearPrimitive<Axes>("transpose")
    {
        internal static readonly TransposePrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"permutation={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(Aval x, Axes permutation)
        {
            if (permutation.Length != x.Shape.Rank || !Shape.NormalizeAxes(permutation, x.Shape.Rank, Name).SequenceEqual(Axes.Range(x.Shape.Rank)))
                throw AutogradErrors.BadParameter(Name, $"permutation {permutation} must name each axis once", x);
            return new Aval(x.DType, (int[])[.. permutation.Select(p => x.Shape.Dims[p])]);
        }

        /// <inheritdoc/>
        protected override Layout? View(Layout x, Axes permutation) => x.Transpose(permutation);

        /// <inheritdoc/>
        protected override void Evaluate(DenseTensor x, DenseTensor y, Axes permutation) => Move.Copy(x.View(x.Layout.Transpose(permutation)), y);

        /// <inheritdoc/>
        protected override void Reference(ReferenceArray x, ReferenceArray y, Axes permutation)
        {
            foreach (int[] index in ReferenceArray.Indices(x.Shape)) y[[.. permutation.Select(p => index[p])]] = x[index];
        }

        /// <inheritdoc/>
        protected override Tensor Transpose(Tensor ct, Aval x, Axes permutation) => ct.Transpose(Inverse(permutation));

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor x, int axis, Axes permutation) =>
            (BindOne(permutation.ShiftPast(axis).Insert(0, axis), x), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([])], Axes.Create()), new([source.Uniform([2, 5])], Axes.Create(1, 0)),
            new([source.Uniform([2, 3, 4])], Axes.Create(2, 0, 1)), new([source.Uniform([37, 41])], Axes.Create(1, 0)),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([2, 3])], Axes.Create(0, 0), "NB0103"), new([source.Uniform([2, 3])], Axes.Create(0), "NB0108")];

        /// <summary>The permutation that undoes another.</summary>
        internal static Axes Inverse(Axes permutation)
        {
            var inverse = new int[permutation.Length];
            for (int i = 0; i < inverse.Length; i++) inverse[permutation[i]] = i;
            return inverse;
        }
    }

    /// <summary>broadcast_in_dim: axis k of the input becomes axis Axes[k] of the result; the others, and axes of size 1, repeat.</summary>
    public sealed class BroadcastInDimPrimitive() : LinearPrimitive<BroadcastInDimPrimitive.Params>("broadcast_in_dim")
    {
        /// <summary>Result shape, and for each input axis (ascending) its place in it.</summary>
        public readonly record struct Params(Shape Shape, Axes Axes);

        internal static readonly BroadcastInDimPrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"shape={((Params)parameters!).Shape} axes={((Params)parameters).Axes}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(Aval x, Params p)
        {
            if (p.Axes.Length != x.Shape.Rank || !p.Axes.SequenceEqual(Shape.NormalizeAxes(p.Axes, p.Shape.Rank, Name)))
                throw AutogradErrors.BadParameter(Name, $"axes {p.Axes} must name one axis of {p.Shape}, ascending, for each input axis", x);
            for (int i = 0; i < p.Axes.Length; i++)
                if (x.Shape.Dims[i] != 1 && x.Shape.Dims[i] != p.Shape.Dims[p.Axes[i]])
                    throw AutogradErrors.BadParameter(Name, $"axis {i} of size {x.Shape.Dims[i]} cannot become axis {p.Axes[i]} of {p.Shape}", x);
            return new Aval(x.DType, p.Shape);
        }

        /// <inheritdoc/>
        protected override Layout? View(Layout x, Params p) => x.BroadcastInDim(p.Shape, p.Axes);

        /// <inheritdoc/>
        protected override void Evaluate(DenseTensor x, DenseTensor y, Params p) => Move.Copy(x.View(x.Layout.BroadcastInDim(p.Shape, p.Axes)), y);

        /// <inheritdoc/>
        protected override void Reference(ReferenceArray x, ReferenceArray y, Params p)
        {
            foreach (int[] index in ReferenceArray.Indices(y.Shape))
                y[index] = x[[.. p.Axes.Select((axis, i) => x.Shape.Dims[i] == 1 ? 0 : index[axis])]];
        }

        /// <inheritdoc/>
        protected override Tensor Transpose(Tensor ct, Aval x, Params p)
        {
            int[] repeated = [.. Enumerable.Range(0, p.Shape.Rank).Where(axis =>
                p.Axes.Span.IndexOf(axis) is var i && (i < 0 || (x.Shape.Dims[i] == 1 && p.Shape.Dims[axis] != 1)))];
            return ct.SumOver(repeated).Reshape(x.Shape);
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor x, int axis, Params p)
        {
            Tensor front = x.MoveAxis(axis, 0);
            return (BindOne(new Params(p.Shape.Insert(0, front.Shape[0]), p.Axes.ShiftPast(0).Insert(0, 0)), front), 0);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([])], new Params([3], [])), new([source.Uniform([3])], new Params([2, 3], [1])),
            new([source.Uniform([2, 1])], new Params([2, 5, 4], [0, 1])), new([source.Uniform([1, 3])], new Params([0, 3], [0, 1])),
            new([source.Uniform([3])], new Params([3, 1], [0])),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Uniform([3])], new Params([4], [0]), "NB0108")];
    }

    /// <summary>slice: elements Starts[k] + j·Steps[k] along axis k, for j &lt; Sizes[k]; negative steps walk backwards.</summary>
    public sealed class SlicePrimitive() : LinearPrimitive<SlicePrimitive.Params>("slice")
    {
        /// <summary>First element, number of elements and step along each axis.</summary>
        public readonly record struct Params(Axes Starts, Axes Sizes, Axes Steps);

        internal static readonly SlicePrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) =>
            $"starts={((Params)parameters!).Starts} sizes={((Params)parameters).Sizes} steps={((Params)parameters).Steps}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(Aval x, Params p)
        {
            for (int i = 0; i < x.Shape.Rank; i++)
            {
                long last = p.Starts[i] + (p.Sizes[i] - 1L) * p.Steps[i];
                bool inside = p.Starts[i] >= 0 && p.Starts[i] < x.Shape.Dims[i] && last >= 0 && last < x.Shape.Dims[i];
                if (p.Sizes[i] < 0 || p.Steps[i] == 0 || (p.Sizes[i] > 0 && !inside))
                    throw AutogradErrors.BadParameter(Name, $"start {p.Starts[i]}, size {p.Sizes[i]}, step {p.Steps[i]} leave axis {i}", x);
            }
            return new Aval(x.DType, Shape.Create(p.Sizes));
        }

        /// <inheritdoc/>
        protected override Layout? View(Layout x, Params p) => x.Slice(p.Starts, p.Sizes, p.Steps);

        /// <inheritdoc/>
        protected override void Evaluate(DenseTensor x, DenseTensor y, Params p) =>
            Move.Copy(x.View(x.Layout.Slice(p.Starts, p.Sizes, p.Steps)), y);

        /// <inheritdoc/>
        protected override void Reference(ReferenceArray x, ReferenceArray y, Params p)
        {
            foreach (int[] index in ReferenceArray.Indices(y.Shape))
                y[index] = x[[.. index.Select((j, axis) => p.Starts[axis] + j * p.Steps[axis])]];
        }

        /// <remarks>The adjoint writes the cotangent back to its places among zeros; along axes of negative step reversed first.</remarks>
        protected override Tensor Transpose(Tensor ct, Aval x, Params p)
        {
            int rank = x.Shape.Rank;
            (int[] low, int[] high, int[] interior) = (new int[rank], new int[rank], new int[rank]);
            for (int i = 0; i < rank; i++)
            {
                int first = Math.Min(p.Starts[i], p.Starts[i] + (p.Sizes[i] - 1) * p.Steps[i]);
                interior[i] = p.Sizes[i] > 0 ? Math.Abs(p.Steps[i]) - 1 : 0;
                low[i] = p.Sizes[i] > 0 ? first : 0;
                high[i] = x.Shape.Dims[i] - low[i] - (p.Sizes[i] > 0 ? p.Sizes[i] + (p.Sizes[i] - 1) * interior[i] : 0);
            }
            int[] backwards = [.. Enumerable.Range(0, rank).Where(i => p.Steps[i] < 0)];
            return ct.Reverse(backwards).Pad(low, high, interior);
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor x, int axis, Params p) => (BindOne(
            new Params(p.Starts.Insert(axis, 0), p.Sizes.Insert(axis, x.Shape.Dims[axis]), p.Steps.Insert(axis, 1)), x), axis);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([7])], new Params([2], [3], [1])), new([source.Uniform([7])], new Params([6], [3], [-3])),
            new([source.Uniform([4, 5])], new Params([1, 0], [2, 3], [2, 2])), new([source.Uniform([4, 5])], new Params([0, 5], [4, 0], [1, 1])),
            new([source.Uniform([])], new Params([], [], [])),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([7])], new Params([5], [3], [1]), "NB0108"), new([source.Uniform([7])], new Params([0], [3], [0]), "NB0108")];
    }

    /// <summary>reverse: element order turned round along the given axes.</summary>
    public sealed class ReversePrimitive() : LinearPrimitive<Axes>("reverse")
    {
        internal static readonly ReversePrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"axes={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(Aval x, Axes axes)
        {
            Shape.NormalizeAxes(axes, x.Shape.Rank, Name);
            return x;
        }

        /// <inheritdoc/>
        protected override Layout? View(Layout x, Axes axes)
        {
            int rank = x.Shape.Rank;
            (int[] starts, int[] steps) = (new int[rank], new int[rank]);
            for (int i = 0; i < rank; i++)
                (starts[i], steps[i]) = axes.Span.Contains(i) ? (Math.Max(0, x.Shape.Dims[i] - 1), -1) : (0, 1);
            return x.Slice(starts, x.Shape.Dims, steps);
        }

        /// <inheritdoc/>
        protected override void Evaluate(DenseTensor x, DenseTensor y, Axes axes) => Move.Copy(x.View(View(x.Layout, axes)!), y);

        /// <inheritdoc/>
        protected override void Reference(ReferenceArray x, ReferenceArray y, Axes axes)
        {
            foreach (int[] index in ReferenceArray.Indices(x.Shape))
                y[[.. index.Select((j, axis) => axes.Span.Contains(axis) ? x.Shape.Dims[axis] - 1 - j : j)]] = x[index];
        }

        /// <inheritdoc/>
        protected override Tensor Transpose(Tensor ct, Aval x, Axes axes) => ct.Reverse(axes);

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor x, int axis, Axes axes) => (BindOne(axes.ShiftPast(axis), x), axis);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
            [new([source.Uniform([5])], Axes.Create(0)), new([source.Uniform([2, 3])], Axes.Create(1)), new([source.Uniform([2, 0])], Axes.Create(0, 1))];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Uniform([5])], Axes.Create(1), "NB0102")];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>The same elements in row-major order with another shape. A view where strides allow it.</summary>
            public Tensor Reshape(Shape shape) => shape == x.Shape ? x : ReshapePrimitive.Instance.BindOne(shape, x);

            /// <summary>The same elements with another shape, one of whose sizes may be −1: it is derived from the others.</summary>
            public Tensor Reshape(params int[] dims)
            {
                int free = Array.IndexOf(dims, -1);
                if (free < 0) return x.Reshape(Shape.Create(dims));
                long others = 1;
                for (int i = 0; i < dims.Length; i++) others *= i == free ? 1 : dims[i];
                if (others <= 0 || x.Count % others != 0)
                    throw AutogradErrors.BadParameter("reshape", $"no size for −1 in [{string.Join(',', dims)}] holds {x.Count} elements", x.Aval);
                return x.Reshape([.. dims[..free], checked((int)(x.Count / others)), .. dims[(free + 1)..]]);
            }

            /// <summary>Axes reordered: axis i of the result is axis <c>permutation[i]</c>. Without an argument all axes are reversed. A view.</summary>
            public Tensor Transpose(params ReadOnlySpan<int> permutation)
            {
                Axes order = permutation.Length == 0 ? [.. Enumerable.Range(0, x.Rank).Reverse()] : [.. Normalized(permutation, x.Rank)];
                return order.Equals(Axes.Range(x.Rank)) ? x : TransposePrimitive.Instance.BindOne(order, x);
            }

            /// <summary>The last two axes exchanged: the transpose of a matrix, or of each matrix of a batch. A view.</summary>
            public Tensor T => x.Rank < 2
                ? throw AutogradErrors.BadParameter("transpose", "T needs rank 2 or more", x.Aval)
                : x.Transpose([.. Enumerable.Range(0, x.Rank - 2), x.Rank - 1, x.Rank - 2]);

            /// <summary>Axis <paramref name="from"/> moved to place <paramref name="to"/>, the others kept in order. A view.</summary>
            public Tensor MoveAxis(int from, int to)
            {
                (from, to) = (Shape.NormalizeAxis(from, x.Rank, "move_axis"), Shape.NormalizeAxis(to, x.Rank, "move_axis"));
                if (from == to) return x;
                var order = Enumerable.Range(0, x.Rank).Where(a => a != from).ToList();
                order.Insert(to, from);
                return x.Transpose([.. order]);
            }

            /// <summary>Repeats x to a shape with which it broadcasts (NumPy's rule). A view.</summary>
            public Tensor BroadcastTo(Shape shape)
            {
                if (x.Shape == shape) return x;
                if (Shape.Broadcast(x.Shape, shape, "broadcast_to") != shape)
                    throw AutogradErrors.BadParameter("broadcast_to", $"does not broadcast to {shape}", x.Aval);
                int offset = shape.Rank - x.Rank;
                return x.BroadcastInDim(shape, [.. Enumerable.Range(offset, x.Rank)]);
            }

            /// <summary>Axis k of x becomes axis <c>axes[k]</c> of the result; all other axes repeat. A view.</summary>
            internal Tensor BroadcastInDim(Shape shape, Axes axes) =>
                BroadcastInDimPrimitive.Instance.BindOne(new BroadcastInDimPrimitive.Params(shape, axes), x);

            /// <summary>A new axis of size 1 at place <paramref name="axis"/> of the result.</summary>
            public Tensor ExpandDims(int axis)
            {
                axis = Shape.NormalizeAxis(axis, x.Rank + 1, "expand_dims");
                return x.Reshape(x.Shape.Insert(axis, 1));
            }

            /// <summary>Without the given axes, which must have size 1; by default all such axes.</summary>
            public Tensor Squeeze(params ReadOnlySpan<int> axes)
            {
                Shape shape = x.Shape;
                int[] drop = axes.Length > 0 ? Shape.NormalizeAxes(axes, x.Rank, "squeeze")
                    : [.. Enumerable.Range(0, x.Rank).Where(a => shape.Dims[a] == 1)];
                foreach (int axis in drop)
                    if (shape.Dims[axis] != 1) throw AutogradErrors.BadParameter("squeeze", $"axis {axis} has size {shape.Dims[axis]}, expected 1", x.Aval);
                return x.Reshape(shape.Without(drop));
            }

            /// <summary>
            /// One range for each leading axis, as in <c>x.Slice(1..3, ..^1)</c>; the remaining axes are kept whole. A view.
            /// </summary>
            public Tensor Slice(params Range[] ranges)
            {
                if (ranges.Length > x.Rank) throw AutogradErrors.BadParameter("slice", $"{ranges.Length} ranges given", x.Aval);
                var (starts, sizes) = (new int[x.Rank], x.Shape.Dims.ToArray());
                for (int i = 0; i < ranges.Length; i++)
                {
                    (int low, int high) = (ranges[i].Start.GetOffset(sizes[i]), ranges[i].End.GetOffset(sizes[i]));
                    if (low < 0 || high > sizes[i] || low > high)
                        throw AutogradErrors.BadParameter("slice", $"range {ranges[i]} leaves axis {i} of size {sizes[i]}", x.Aval);
                    (starts[i], sizes[i]) = (low, high - low);
                }
                return x.Slice(starts, sizes);
            }

            /// <summary>The part at <paramref name="index"/> of the first axis, which disappears; negative indices count from the end. A view.</summary>
            public Tensor At(int index)
            {
                if (x.Rank == 0) throw AutogradErrors.BadParameter("at", "a scalar has no axis to index", x.Aval);
                int size = x.Shape.Dims[0], at = index < 0 ? index + size : index;
                if (at < 0 || at >= size) throw AutogradErrors.BadParameter("at", $"index {index} is outside axis 0 of size {size}", x.Aval);
                return x.Slice(at..(at + 1)).Squeeze(0);
            }

            /// <summary>
            /// Elements <c>starts[k] + j·steps[k]</c>, j &lt; <c>sizes[k]</c>, along each axis k; steps default to 1 and may be negative. A view.
            /// </summary>
            public Tensor Slice(ReadOnlySpan<int> starts, ReadOnlySpan<int> sizes, ReadOnlySpan<int> steps = default)
            {
                if (starts.Length != x.Rank || sizes.Length != x.Rank || (steps.Length != 0 && steps.Length != x.Rank))
                    throw AutogradErrors.BadParameter("slice", "one start, size and step is needed for each axis", x.Aval);
                Axes ones = [.. Enumerable.Repeat(1, x.Rank)];
                bool whole = sizes.SequenceEqual(x.Shape.Dims) && (steps.Length == 0 || ones.Span.SequenceEqual(steps));
                if (whole && starts.IndexOfAnyExcept(0) < 0) return x;
                var p = new SlicePrimitive.Params([.. starts], [.. sizes], steps.Length == 0 ? ones : [.. steps]);
                return SlicePrimitive.Instance.BindOne(p, x);
            }

            /// <summary>The order of elements turned round along the given axes. A view.</summary>
            public Tensor Reverse(params ReadOnlySpan<int> axes) =>
                axes.Length == 0 ? x : ReversePrimitive.Instance.BindOne((Axes)Shape.NormalizeAxes(axes, x.Rank, "reverse"), x);
        }

        private static int[] Normalized(ReadOnlySpan<int> axes, int rank)
        {
            var normal = new int[axes.Length];
            for (int i = 0; i < axes.Length; i++) normal[i] = Shape.NormalizeAxis(axes[i], rank, "transpose");
            return normal;
        }
    }
}
