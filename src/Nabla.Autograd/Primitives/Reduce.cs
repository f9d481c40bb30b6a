using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>A reduction: folds the elements along some axes, which disappear from the shape.</summary>
    public abstract class ReducePrimitive(string name) : SinglePrimitive<Axes>(name)
    {
        /// <inheritdoc/>
        public override string Print(object? parameters) => $"axes={parameters}";

        /// <summary>Value of a reduction over nothing.</summary>
        private protected abstract double Start { get; }

        /// <summary>One step of the fold.</summary>
        private protected abstract double Fold(double a, double b);

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Axes axes)
        {
            Aval x = inputs[0];
            if (x.DType == DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, x, "f32 f64 i32 i64");
            if (!axes.SequenceEqual(Shape.NormalizeAxes(axes, x.Shape.Rank, Name)))
                throw AutogradErrors.BadParameter(Name, $"axes {axes} must be ascending and not negative", x);
            return new Aval(x.DType, x.Shape.Without(axes));
        }

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Axes axes)
        {
            Array.Fill(output.Data, Start);
            foreach (int[] index in ReferenceArray.Indices(inputs[0].Shape))
            {
                int[] kept = [.. index.Where((_, axis) => !axes.Span.Contains(axis))];
                output[kept] = Fold(output[kept], inputs[0][index]);
            }
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Axes p)
        {
            int batch = axes[0]!.Value;
            Axes shifted = p.ShiftPast(batch);
            return (BindOne(shifted, inputs[0]), batch - shifted.Count(a => a < batch));
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Distinct([7])], Axes.Create(0)), new([source.Distinct([3, 5])], Axes.Create(0)), new([source.Distinct([3, 5])], Axes.Create(1)),
            new([source.Distinct([2, 3, 4])], Axes.Create(0, 2)), new([source.Distinct([2, 3])], Axes.Create()), new([source.Distinct([])], Axes.Create()),
            new([source.Distinct([523], 0.01)], Axes.Create(0)), new([source.Integers([4, 3], -9, 9)], Axes.Create(1)),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([3])], Axes.Create(1), "NB0102"), new([source.Bools([3])], Axes.Create(0), "NB0205")];
    }

    /// <summary>reduce_sum: adds the elements along the axes. Linear.</summary>
    public sealed class ReduceSumPrimitive() : ReducePrimitive("reduce_sum")
    {
        internal static readonly ReduceSumPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Terms(8);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Axes axes)
        {
            var sums = new ReferenceSum[output.Data.Length];
            foreach (int[] index in ReferenceArray.Indices(inputs[0].Shape))
                sums[output.Offset([.. index.Where((_, axis) => !axes.Span.Contains(axis))])].Add(inputs[0][index]);
            for (int i = 0; i < sums.Length; i++) output.Data[i] = sums[i].Value;
        }

        private protected override double Start => 0;

        private protected override double Fold(double a, double b) => a + b;

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Axes axes) =>
            Reductions.Run<SumOp>(inputs[0], axes, output);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Axes axes) => BindOne(axes, tangents[0]!);

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, Axes axes) => [Reducing.Spread(ct, avals[0].Shape, axes)];

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) => base.Samples(source).Append(new([source.Uniform([0, 3])], Axes.Create(0)));
    }

    /// <summary>reduce_max: the largest element along the axes; NaN if there is one. Equal largest elements share the derivative.</summary>
    public sealed class ReduceMaxPrimitive() : ReducePrimitive("reduce_max")
    {
        internal static readonly ReduceMaxPrimitive Instance = new();

        private protected override double Start => double.NegativeInfinity;

        private protected override double Fold(double a, double b) => Math.Max(a, b);

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Axes axes) =>
            Reductions.Run<MaxOp>(inputs[0], axes, output);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Axes axes) =>
            Reducing.ShareExtremum(primals[0], tangents[0]!, output, axes);
    }

    /// <summary>reduce_min: the smallest element along the axes; NaN if there is one. Equal smallest elements share the derivative.</summary>
    public sealed class ReduceMinPrimitive() : ReducePrimitive("reduce_min")
    {
        internal static readonly ReduceMinPrimitive Instance = new();

        private protected override double Start => double.PositiveInfinity;

        private protected override double Fold(double a, double b) => Math.Min(a, b);

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Axes axes) =>
            Reductions.Run<MinOp>(inputs[0], axes, output);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Axes axes) =>
            Reducing.ShareExtremum(primals[0], tangents[0]!, output, axes);
    }

    /// <summary>reduce_prod: multiplies the elements along the axes.</summary>
    public sealed class ReduceProdPrimitive() : ReducePrimitive("reduce_prod")
    {
        internal static readonly ReduceProdPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Terms(8);

        private protected override double Start => 1;

        private protected override double Fold(double a, double b) => a * b;

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Axes axes) =>
            Reductions.Run<ProdOp>(inputs[0], axes, output);

        /// <remarks>
        /// Σᵢ dxᵢ·Πⱼ≠ᵢ xⱼ with the products of the others from the left and from the right, so that zeros need no division.
        /// </remarks>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Axes axes)
        {
            (Tensor x, Tensor dx) = (Reducing.ToLast(primals[0], axes), Reducing.ToLast(tangents[0]!, axes));
            int n = x.Shape[^1];
            if (n == 0) return output.ZerosLike();
            Tensor others = Ops.Stack([.. Enumerable.Range(0, n).Select(i => Without(x, i))], -1);
            return (dx * others).Sum(-1);
        }

        private Tensor Without(Tensor x, int i)
        {
            Range[] whole = [.. Enumerable.Repeat(.., x.Rank - 1)];
            Tensor rest = Ops.Concatenate([x.Slice([.. whole, Range.EndAt(i)]), x.Slice([.. whole, Range.StartAt(i + 1)])], -1);
            return BindOne(Axes.Create(x.Rank - 1), rest);
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([5], 0.5, 2)], Axes.Create(0)), new([source.Uniform([3, 4], -2, -0.5)], Axes.Create(1)),
            new([source.Uniform([2, 3, 2], 0.5, 2)], Axes.Create(0, 2)), new([source.Uniform([0, 3])], Axes.Create(0)), new([Tensor.Zeros([3], DType.F64, Device.Cpu)], Axes.Create(0)),
            new([source.Integers([4, 3], -3, 3)], Axes.Create(1)),
        ];
    }

    /// <summary>argmax and argmin: the index of the extreme element along an axis, i32; the first of equal ones, or the first NaN.</summary>
    public sealed class ArgExtremumPrimitive : SinglePrimitive<int>
    {
        internal static readonly ArgExtremumPrimitive Max = new("argmax", true), Min = new("argmin", false);

        private readonly bool _largest;

        private ArgExtremumPrimitive(string name, bool largest) : base(name) => _largest = largest;

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"axis={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, int axis)
        {
            if (inputs[0].DType == DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "f32 f64 i32 i64");
            Shape.NormalizeAxis(axis, inputs[0].Shape.Rank, Name);
            if (inputs[0].Shape[axis] == 0) throw AutogradErrors.BadParameter(Name, $"axis {axis} is empty", inputs[0]);
            return new Aval(DType.I32, inputs[0].Shape.Without([axis]));
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, int axis)
        {
            if (_largest) ArgReduce.ArgMax(inputs[0], axis, output);
            else ArgReduce.ArgMin(inputs[0], axis, output);
        }

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, int axis)
        {
            foreach (int[] index in ReferenceArray.Indices(output.Shape))
            {
                int[] at = [.. index[..axis], 0, .. index[axis..]];
                double best = inputs[0][at];
                for (int i = 1; i < inputs[0].Shape.Dims[axis] && !double.IsNaN(best); i++)
                {
                    at[axis] = i;
                    double value = inputs[0][at];
                    if (double.IsNaN(value) || (_largest ? value > best : value < best)) (best, output[index]) = (value, i);
                }
            }
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, int axis) => null;

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, int axis) =>
            (BindOne(axis + 1, inputs[0].MoveAxis(axes[0]!.Value, 0)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
            [new([source.Distinct([7])], 0), new([source.Distinct([3, 5])], 1), new([source.Integers([4, 3], 0, 3)], 0), new([source.Uniform([0, 3])], 1)];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([3])], 1, "NB0102"), new([source.Uniform([0])], 0, "NB0108"), new([source.Bools([3])], 0, "NB0205")];
    }

    /// <summary>cumsum: running sums along an axis, from its start or, reversed, from its end. Linear.</summary>
    public sealed class CumSumPrimitive() : SinglePrimitive<CumSumPrimitive.Params>("cumsum")
    {
        /// <summary>The axis, and whether sums run from its end.</summary>
        public readonly record struct Params(int Axis, bool Reverse);

        internal static readonly CumSumPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Terms(8);

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"axis={((Params)parameters!).Axis}" + (((Params)parameters).Reverse ? " reverse" : "");

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            if (inputs[0].DType == DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "f32 f64 i32 i64");
            Shape.NormalizeAxis(p.Axis, inputs[0].Shape.Rank, Name);
            return inputs[0];
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) =>
            Scan.CumSum(inputs[0], p.Axis, p.Reverse, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            int last = output.Shape.Dims[p.Axis] - 1;
            foreach (int[] index in ReferenceArray.Indices(output.Shape.With(p.Axis, 1)))
            {
                var sum = new ReferenceSum();
                int[] at = [.. index];
                for (int i = 0; i <= last; i++)
                {
                    at[p.Axis] = p.Reverse ? last - i : i;
                    sum.Add(inputs[0][at]);
                    output[at] = sum.Value;
                }
            }
        }

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p) => BindOne(p, tangents[0]!);

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, Params p) => [BindOne(p with { Reverse = !p.Reverse }, ct)];

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p) =>
            (BindOne(p with { Axis = p.Axis + 1 }, inputs[0].MoveAxis(axes[0]!.Value, 0)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Uniform([7])], new Params(0, false)), new([source.Uniform([3, 5])], new Params(0, true)),
            new([source.Uniform([2, 3, 4])], new Params(1, false)), new([source.Integers([5], -9, 9)], new Params(0, true)),
            new([source.Uniform([0, 2])], new Params(0, false)), new([source.Uniform([131])], new Params(0, false)),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Uniform([3])], new Params(1, false), "NB0102")];
    }

    internal static class Reducing
    {
        /// <summary>A reduced tensor repeated along the axes that had disappeared.</summary>
        public static Tensor Spread(Tensor y, Shape shape, Axes axes) =>
            y.BroadcastInDim(shape, [.. Enumerable.Range(0, shape.Rank).Where(a => !axes.Span.Contains(a))]);

        /// <summary>The reduced axes brought to the end and merged into one.</summary>
        public static Tensor ToLast(Tensor x, Axes axes)
        {
            int[] kept = [.. Enumerable.Range(0, x.Rank).Where(a => !axes.Span.Contains(a))];
            Tensor moved = x.Transpose([.. kept, .. axes]);
            long merged = 1;
            foreach (int axis in axes) merged *= x.Shape.Dims[axis];
            return x.Rank == 0 ? x.Reshape([1]) : moved.Reshape([.. moved.Shape.Dims[..kept.Length], checked((int)merged)]);
        }

        /// <summary>The mean of the tangents at the places where the extremum is attained.</summary>
        public static Tensor ShareExtremum(Tensor x, Tensor dx, Tensor y, Axes axes)
        {
            Tensor attained = x.Equal(Spread(y, x.Shape, axes)).To(dx.DType);
            return (dx * attained).SumOver(axes) / attained.SumOver(axes);
        }
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>Sum over the given axes, or over all. Error ≤ about log₂(k)·u·Σ|x| for k elements, whatever the thread count.</summary>
            public Tensor Sum(params ReadOnlySpan<int> axes) => axes.Length == 0
                ? Reduce(ReduceSumPrimitive.Instance, x, Axes.Range(x.Rank)) : Reduce(ReduceSumPrimitive.Instance, x, axes);

            /// <summary>Sum over a list of axes; unlike with <c>Sum()</c>, an empty list sums over none.</summary>
            internal Tensor SumOver(Axes axes) => axes.Length == 0 ? x : Reduce(ReduceSumPrimitive.Instance, x, axes);

            /// <summary>Mean over the given axes, or over all; integers and booleans give f32. NaN over nothing.</summary>
            public Tensor Mean(params ReadOnlySpan<int> axes)
            {
                Tensor sum = (x.DType.IsFloat ? x : x.To(DType.F32)).Sum(axes);
                return sum / ((double)x.Count / Math.Max(1, sum.Count));
            }

            /// <summary>Largest element over the given axes, or over all; NaN wins; −∞ over nothing.</summary>
            public Tensor Max(params ReadOnlySpan<int> axes) => Reduce(ReduceMaxPrimitive.Instance, x, axes.Length == 0 ? Axes.Range(x.Rank) : axes);

            /// <summary>Smallest element over the given axes, or over all; NaN wins; +∞ over nothing.</summary>
            public Tensor Min(params ReadOnlySpan<int> axes) => Reduce(ReduceMinPrimitive.Instance, x, axes.Length == 0 ? Axes.Range(x.Rank) : axes);

            /// <summary>Product over the given axes, or over all; 1 over nothing.</summary>
            public Tensor Prod(params ReadOnlySpan<int> axes) => Reduce(ReduceProdPrimitive.Instance, x, axes.Length == 0 ? Axes.Range(x.Rank) : axes);

            /// <summary>Index of the largest element along an axis, i32; the first of equal ones.</summary>
            public Tensor ArgMax(int axis = -1) => ArgExtremumPrimitive.Max.BindOne(Shape.NormalizeAxis(axis, x.Rank, "argmax"), x);

            /// <summary>Index of the smallest element along an axis, i32; the first of equal ones.</summary>
            public Tensor ArgMin(int axis = -1) => ArgExtremumPrimitive.Min.BindOne(Shape.NormalizeAxis(axis, x.Rank, "argmin"), x);

            /// <summary>Running sums along an axis.</summary>
            public Tensor CumSum(int axis = -1, bool reverse = false) =>
                CumSumPrimitive.Instance.BindOne(new CumSumPrimitive.Params(Shape.NormalizeAxis(axis, x.Rank, "cumsum"), reverse), x);
        }

        private static Tensor Reduce(ReducePrimitive primitive, Tensor x, ReadOnlySpan<int> axes) =>
            primitive.BindOne((Axes)Shape.NormalizeAxes(axes, x.Rank, primitive.Name), x.DType == DType.Bool ? x.To(DType.I32) : x);
    }
}
