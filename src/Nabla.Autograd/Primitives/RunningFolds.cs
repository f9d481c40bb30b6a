using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>What running folds along an axis share; shape and element type are kept.</summary>
    public abstract class RunningPrimitive(string name) : SinglePrimitive<RunningPrimitive.Params>(name)
    {
        /// <summary>The axis, and whether to run from its end.</summary>
        public readonly record struct Params(int Axis, bool Reverse);

        private protected abstract double Fold(double a, double b);

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
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            int size = output.Shape.Dims[p.Axis];
            if (output.Data.Length == 0) return;
            foreach (int[] index in ReferenceArray.Indices(output.Shape.With(p.Axis, 1)))
            {
                int[] at = [.. index];
                double folded = 0;
                for (int i = 0; i < size; i++)
                {
                    at[p.Axis] = p.Reverse ? size - 1 - i : i;
                    output[at] = folded = i == 0 ? inputs[0][at] : Fold(folded, inputs[0][at]);
                }
            }
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p) =>
            (BindOne(p with { Axis = p.Axis + 1 }, inputs[0].MoveAxis(axes[0]!.Value, 0)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
        [
            new([source.Distinct([7])], new Params(0, false)), new([source.Distinct([3, 5])], new Params(0, true)),
            new([source.Distinct([2, 3, 4])], new Params(1, false)), new([source.Integers([5], -3, 4)], new Params(0, true)),
            new([source.Uniform([0, 2])], new Params(0, false)), new([source.Uniform([1])], new Params(0, false)),
        ];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Uniform([3])], new Params(1, false), "NB0102"), new([source.Bools([3])], new Params(0, false), "NB0205")];
    }

    /// <summary>cumprod: running products along an axis. The derivative needs no division, so zeros do no harm.</summary>
    public sealed class CumProdPrimitive() : RunningPrimitive("cumprod")
    {
        internal static readonly CumProdPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Terms(64);

        private protected override double Fold(double a, double b) => a * b;

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) =>
            Scan.Run<ProdOp>(inputs[0], p.Axis, p.Reverse, output);

        /// <remarks>
        /// Products and their tangents of 2, 4, 8, … neighbours: (p, d) of the one before times (p, d) of this is (p₁p₂, d₁p₂ + p₁d₂). Source: Hillis and
        /// Steele 1986, Communications of the ACM 29(12).
        /// </remarks>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p)
        {
            (Tensor product, Tensor tangent) = (primals[0], tangents[0]!);
            for (int step = 1; step < primals[0].Shape[p.Axis]; step *= 2)
            {
                (Tensor before, Tensor change) = (Shift(product, p, step, 1), Shift(tangent, p, step, 0));
                tangent = change * product + before * tangent;
                product = before * product;
            }
            return tangent;
        }

        private static Tensor Shift(Tensor x, Params p, int step, double fill)
        {
            int[] low = new int[x.Rank], high = new int[x.Rank];
            (low[p.Axis], high[p.Axis]) = p.Reverse ? (-step, step) : (step, -step);
            return x.Pad(low, high, value: fill);
        }
    }

    /// <summary>cummax and cummin: running extrema along an axis; NaN stays once met. The derivative belongs to the extremum, of equal ones to the latest.</summary>
    public sealed class CumExtremumPrimitive : RunningPrimitive
    {
        internal static readonly CumExtremumPrimitive Max = new("cummax", true), Min = new("cummin", false);

        private readonly bool _largest;

        private CumExtremumPrimitive(string name, bool largest) : base(name) => _largest = largest;

        private protected override double Fold(double a, double b) => _largest ? Math.Max(a, b) : Math.Min(a, b);

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p)
        {
            if (_largest) Scan.Run<MaxOp>(inputs[0], p.Axis, p.Reverse, output);
            else Scan.Run<MinOp>(inputs[0], p.Axis, p.Reverse, output);
        }

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p)
        {
            Tensor place = Ops.Iota(new Aval(DType.I32, output.Shape), p.Axis), attained = primals[0].Equal(output);
            // The running extremum of the places where it was attained is the latest of them.
            Tensor latest = p.Reverse
                ? Min.BindOne(p, Ops.Where(attained, place, Tensor.Full(output.Shape, Math.Max(0, output.Shape[p.Axis] - 1), DType.I32, output.Device)))
                : Max.BindOne(p, Ops.Where(attained, place, place.ZerosLike()));
            return tangents[0]!.TakeAlong(latest, p.Axis);
        }
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>Running products along an axis, from its start or, reversed, from its end. Shape: kept.</summary>
            public Tensor CumProd(int axis = -1, bool reverse = false) => Running(CumProdPrimitive.Instance, x, axis, reverse);

            /// <summary>Running maxima along an axis; NaN stays once met. Shape: kept.</summary>
            public Tensor CumMax(int axis = -1, bool reverse = false) => Running(CumExtremumPrimitive.Max, x, axis, reverse);

            /// <summary>Running minima along an axis; NaN stays once met. Shape: kept.</summary>
            public Tensor CumMin(int axis = -1, bool reverse = false) => Running(CumExtremumPrimitive.Min, x, axis, reverse);
        }

        private static Tensor Running(RunningPrimitive primitive, Tensor x, int axis, bool reverse) =>
            primitive.BindOne(new RunningPrimitive.Params(Shape.NormalizeAxis(axis, x.Rank, primitive.Name), reverse), x);
    }
}
