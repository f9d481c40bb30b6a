using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>A comparison, element by element on equal shapes and types; its result is bool and carries no derivative.</summary>
    public abstract class ComparePrimitive<TOp>(string name) : ElementwisePrimitive(name) where TOp : struct, ICompareOp
    {
        /// <inheritdoc/>
        public override bool IsElementwise => false;

        /// <summary>The comparison in double precision.</summary>
        protected abstract bool Reference(double a, double b);

        /// <inheritdoc/>
        public sealed override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            RequireEqual(inputs[0], inputs[1]);
            return [new Aval(DType.Bool, inputs[0].Shape)];
        }

        /// <inheritdoc/>
        public sealed override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Map.Compare<TOp>(inputs[0], inputs[1], outputs[0]);

        /// <inheritdoc/>
        public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => inputs[0].DType.IsFloat ? LaneForm.Binary<TOp>() : default;

        /// <inheritdoc/>
        public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            for (int i = 0; i < inputs[0].Data.Length; i++)
                outputs[0].Data[i] = Reference(inputs[0].Data[i], inputs[1].Data[i]) ? 1 : 0;
        }

        /// <inheritdoc/>
        public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) => [null];

        /// <inheritdoc/>
        public sealed override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[], [7], [3, 5], [0, 2], [67]])
            {
                yield return new Sample([source.Uniform(shape), source.Uniform(shape)]);
                yield return new Sample([source.Integers(shape, 0, 3), source.Integers(shape, 0, 3)]);
            }
        }

        /// <inheritdoc/>
        public sealed override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Uniform([4])], null, "NB0107"),
            new([source.Uniform([3]), source.Integers([3], 0, 5)], null, "NB0206"),
        ];
    }

    /// <summary>eq: a = b; false if either is NaN.</summary>
    public sealed class EqPrimitive() : ComparePrimitive<EqOp>("eq")
    {
        internal static readonly EqPrimitive Instance = new();

        /// <inheritdoc/>
        protected override bool Reference(double a, double b) => a == b;
    }

    /// <summary>ne: a ≠ b; true if either is NaN.</summary>
    public sealed class NePrimitive() : ComparePrimitive<NeOp>("ne")
    {
        internal static readonly NePrimitive Instance = new();

        /// <inheritdoc/>
        protected override bool Reference(double a, double b) => a != b;
    }

    /// <summary>lt: a &lt; b.</summary>
    public sealed class LtPrimitive() : ComparePrimitive<LtOp>("lt")
    {
        internal static readonly LtPrimitive Instance = new();

        /// <inheritdoc/>
        protected override bool Reference(double a, double b) => a < b;
    }

    /// <summary>le: a ≤ b.</summary>
    public sealed class LePrimitive() : ComparePrimitive<LeOp>("le")
    {
        internal static readonly LePrimitive Instance = new();

        /// <inheritdoc/>
        protected override bool Reference(double a, double b) => a <= b;
    }

    /// <summary>gt: a > b.</summary>
    public sealed class GtPrimitive() : ComparePrimitive<GtOp>("gt")
    {
        internal static readonly GtPrimitive Instance = new();

        /// <inheritdoc/>
        protected override bool Reference(double a, double b) => a > b;
    }

    /// <summary>ge: a ≥ b.</summary>
    public sealed class GePrimitive() : ComparePrimitive<GeOp>("ge")
    {
        internal static readonly GePrimitive Instance = new();

        /// <inheritdoc/>
        protected override bool Reference(double a, double b) => a >= b;
    }

    /// <summary>select: a where the condition holds, b elsewhere. Linear in a and b; no NaN passes from the side not taken.</summary>
    public sealed class SelectPrimitive() : ElementwisePrimitive("select")
    {
        internal static readonly SelectPrimitive Instance = new();

        /// <inheritdoc/>
        public override bool IsElementwise => false;

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            if (inputs[0].DType != DType.Bool) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "a bool condition");
            RequireEqual(inputs[1], inputs[2]);
            RequireEqualShapes(inputs[0], inputs[1]);
            return [inputs[1]];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Map.Select(inputs[0], inputs[1], inputs[2], outputs[0]);

        /// <inheritdoc/>
        public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => output.DType.IsInteger ? default : LaneForm.Select;

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            for (int i = 0; i < outputs[0].Data.Length; i++)
                outputs[0].Data[i] = inputs[0].Data[i] != 0 ? inputs[1].Data[i] : inputs[2].Data[i];
        }

        /// <inheritdoc/>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            if (tangents[1] is null && tangents[2] is null) return [null];
            Tensor zeros = outputs[0].ZerosLike();
            return [BindOne(null, primals[0], tangents[1] ?? zeros, tangents[2] ?? zeros)];
        }

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters)
        {
            Tensor zeros = cotangents[0]!.ZerosLike();
            return
            [
                null,
                inputs[1] is null ? BindOne(null, inputs[0]!, cotangents[0]!, zeros) : null,
                inputs[2] is null ? BindOne(null, inputs[0]!, zeros, cotangents[0]!) : null,
            ];
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[], [7], [3, 5], [0, 2], [129]])
                yield return new Sample([source.Bools(shape), source.Uniform(shape), source.Uniform(shape)]);
            yield return new Sample([source.Bools([9]), source.Integers([9], 0, 9), source.Integers([9], 0, 9)]);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Uniform([3]), source.Uniform([3])], null, "NB0205"),
            new([source.Bools([3]), source.Uniform([4]), source.Uniform([4])], null, "NB0107"),
        ];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>x = y, element by element, as bool; broadcasts.</summary>
            public Tensor Equal(Tensor y) => Broadcasting.Bind(EqPrimitive.Instance, x, y);

            /// <summary>x = y for a number y.</summary>
            public Tensor Equal(double y) => Broadcasting.Bind(EqPrimitive.Instance, x, y);

            /// <summary>x ≠ y, element by element, as bool; broadcasts.</summary>
            public Tensor NotEqual(Tensor y) => Broadcasting.Bind(NePrimitive.Instance, x, y);

            /// <summary>a &lt; b, element by element, as bool; broadcasts.</summary>
            public static Tensor operator <(Tensor a, Tensor b) => Broadcasting.Bind(LtPrimitive.Instance, a, b);

            /// <summary>a > b, element by element, as bool; broadcasts.</summary>
            public static Tensor operator >(Tensor a, Tensor b) => Broadcasting.Bind(GtPrimitive.Instance, a, b);

            /// <summary>a ≤ b, element by element, as bool; broadcasts.</summary>
            public static Tensor operator <=(Tensor a, Tensor b) => Broadcasting.Bind(LePrimitive.Instance, a, b);

            /// <summary>a ≥ b, element by element, as bool; broadcasts.</summary>
            public static Tensor operator >=(Tensor a, Tensor b) => Broadcasting.Bind(GePrimitive.Instance, a, b);

            /// <summary>a &lt; b for a number b.</summary>
            public static Tensor operator <(Tensor a, double b) => Broadcasting.Bind(LtPrimitive.Instance, a, b);

            /// <summary>a > b for a number b.</summary>
            public static Tensor operator >(Tensor a, double b) => Broadcasting.Bind(GtPrimitive.Instance, a, b);

            /// <summary>a ≤ b for a number b.</summary>
            public static Tensor operator <=(Tensor a, double b) => Broadcasting.Bind(LePrimitive.Instance, a, b);

            /// <summary>a ≥ b for a number b.</summary>
            public static Tensor operator >=(Tensor a, double b) => Broadcasting.Bind(GePrimitive.Instance, a, b);

            /// <summary>x limited to [low, high]; derivative 1 inside, 1/2 at a bound, 0 outside.</summary>
            public Tensor Clamp(double low, double high) => x.Maximum(low).Minimum(high);
        }

        /// <summary>a where the condition holds, b elsewhere; all three broadcast, a and b promote.</summary>
        public static Tensor Where(Tensor condition, Tensor a, Tensor b)
        {
            DType dtype = DTypes.Promote(a.DType, b.DType);
            Shape shape = Shape.Broadcast(condition.Shape, Shape.Broadcast(a.Shape, b.Shape, "select"), "select");
            return SelectPrimitive.Instance.BindOne(
                null, condition.BroadcastTo(shape), a.To(dtype).BroadcastTo(shape), b.To(dtype).BroadcastTo(shape));
        }
    }
}
