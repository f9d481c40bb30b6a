using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>A logical operation on bool, bit by bit on i32 and i64; operands of equal shape and type; no derivative.</summary>
    public abstract class LogicPrimitive<TOp>(string name) : ElementwisePrimitive(name) where TOp : struct, IBinaryOp
    {
        /// <summary>The operation on integers, of which bool has 0 and 1.</summary>
        protected abstract long Reference(long a, long b);

        /// <inheritdoc/>
        public sealed override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            RequireEqual(inputs[0], inputs[1]);
            if (inputs[0].DType.IsFloat) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "bool i32 i64");
            return [inputs[0]];
        }

        /// <inheritdoc/>
        public sealed override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Map.Binary<TOp>(inputs[0], inputs[1], outputs[0]);

        /// <inheritdoc/>
        public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => output.DType == DType.Bool ? LaneForm.Binary<TOp>() : default;

        /// <inheritdoc/>
        public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            for (int i = 0; i < outputs[0].Data.Length; i++)
                outputs[0].Data[i] = Reference((long)inputs[0].Data[i], (long)inputs[1].Data[i]);
        }

        /// <inheritdoc/>
        public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) => [null];

        /// <inheritdoc/>
        public sealed override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[], [7], [3, 5], [0, 2], [131]])
            {
                yield return new Sample([source.Bools(shape), source.Bools(shape)]);
                yield return new Sample([source.Integers(shape, -99, 99), source.Integers(shape, -99, 99)]);
            }
            yield return new Sample([source.Integers([9], -99, 99, DType.I64), source.Integers([9], -99, 99, DType.I64)]);
        }

        /// <inheritdoc/>
        public sealed override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Uniform([3])], null, "NB0205"), new([source.Bools([3]), source.Bools([4])], null, "NB0107"),
            new([source.Bools([3]), source.Integers([3], 0, 2)], null, "NB0206"),
        ];
    }

    /// <summary>and: a ∧ b.</summary>
    public sealed class AndPrimitive() : LogicPrimitive<AndOp>("and")
    {
        internal static readonly AndPrimitive Instance = new();

        /// <inheritdoc/>
        protected override long Reference(long a, long b) => a & b;
    }

    /// <summary>or: a ∨ b.</summary>
    public sealed class OrPrimitive() : LogicPrimitive<OrOp>("or")
    {
        internal static readonly OrPrimitive Instance = new();

        /// <inheritdoc/>
        protected override long Reference(long a, long b) => a | b;
    }

    /// <summary>xor: a ⊕ b.</summary>
    public sealed class XorPrimitive() : LogicPrimitive<XorOp>("xor")
    {
        internal static readonly XorPrimitive Instance = new();

        /// <inheritdoc/>
        protected override long Reference(long a, long b) => a ^ b;
    }

    /// <summary>A question about one operand, answered element by element as bool; no derivative.</summary>
    public abstract class QuestionPrimitive(string name) : ElementwisePrimitive(name)
    {
        /// <inheritdoc/>
        public override bool IsElementwise => false;

        /// <summary>The answer.</summary>
        protected abstract bool Reference(double x);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => [new Aval(DType.Bool, inputs[0].Shape)];

        /// <inheritdoc/>
        public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            for (int i = 0; i < outputs[0].Data.Length; i++) outputs[0].Data[i] = Reference(inputs[0].Data[i]) ? 1 : 0;
        }

        /// <inheritdoc/>
        public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) => [null];
    }

    /// <summary>not: ¬x on bool.</summary>
    public sealed class NotPrimitive() : QuestionPrimitive("not")
    {
        internal static readonly NotPrimitive Instance = new();

        /// <inheritdoc/>
        public override bool IsElementwise => true;

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => inputs[0].DType == DType.Bool
            ? [inputs[0]] : throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "bool");

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Map.Unary<NotOp>(inputs[0], outputs[0]);

        /// <inheritdoc/>
        public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => LaneForm.Unary<NotOp>();

        /// <inheritdoc/>
        protected override bool Reference(double x) => x == 0;

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
            [new([source.Bools([])]), new([source.Bools([3, 5])]), new([source.Bools([0, 2])]), new([source.Bools([131])])];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Uniform([3])], null, "NB0205")];
    }

    /// <summary>is_finite: neither infinite nor NaN.</summary>
    public sealed class IsFinitePrimitive() : QuestionPrimitive("is_finite")
    {
        internal static readonly IsFinitePrimitive Instance = new();

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => inputs[0].DType != DType.Bool
            ? base.AbstractEval(inputs, parameters) : throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "f32 f64 i32 i64");

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Map.Predicate<IsFiniteOp>(inputs[0], outputs[0]);

        /// <inheritdoc/>
        public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => inputs[0].DType.IsFloat ? LaneForm.Unary<IsFiniteOp>() : default;

        /// <inheritdoc/>
        protected override bool Reference(double x) => double.IsFinite(x);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
            [new([source.Uniform([])]), new([source.Uniform([3, 5])]), new([source.Uniform([0, 2])]), new([source.Integers([131], -9, 9)])];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Bools([3])], null, "NB0205")];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>a ∧ b, element by element: logical on bool, bit by bit on integers; broadcasts.</summary>
            public static Tensor operator &(Tensor a, Tensor b) => Broadcasting.Bind(AndPrimitive.Instance, a, b);

            /// <summary>a ∨ b, element by element: logical on bool, bit by bit on integers; broadcasts.</summary>
            public static Tensor operator |(Tensor a, Tensor b) => Broadcasting.Bind(OrPrimitive.Instance, a, b);

            /// <summary>a ⊕ b, element by element: logical on bool, bit by bit on integers; broadcasts.</summary>
            public static Tensor operator ^(Tensor a, Tensor b) => Broadcasting.Bind(XorPrimitive.Instance, a, b);

            /// <summary>¬x, element by element, on bool.</summary>
            public static Tensor operator !(Tensor operand) => NotPrimitive.Instance.BindOne(null, operand);

            /// <summary>True where an element is neither infinite nor NaN. Numbers → bool.</summary>
            public Tensor IsFinite() => IsFinitePrimitive.Instance.BindOne(null, x);

            /// <summary>True where an element is NaN.</summary>
            public Tensor IsNaN() => x.NotEqual(x);
        }
    }
}
