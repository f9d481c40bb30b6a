using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>add: a + b.</summary>
    public sealed class AddPrimitive() : BinaryPrimitive<AddOp>("add", new(-9, 9), new(-9, 9))
    {
        internal static readonly AddPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => a + b;

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => da;

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => db;

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) =>
            [cotangents[0], cotangents[0]];
    }

    /// <summary>sub: a − b.</summary>
    public sealed class SubPrimitive() : BinaryPrimitive<SubOp>("sub", new(-9, 9), new(-9, 9))
    {
        internal static readonly SubPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => a - b;

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => da;

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => -db;

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) =>
            [cotangents[0], inputs[1] is null ? -cotangents[0]! : null];
    }

    /// <summary>mul: a·b.</summary>
    public sealed class MulPrimitive() : BinaryPrimitive<MulOp>("mul", new(-3, 3), new(-3, 3))
    {
        internal static readonly MulPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => a * b;

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => da * b;

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => a * db;

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) =>
            inputs[0] is null ? [cotangents[0]! * inputs[1]!, null] : [null, inputs[0]! * cotangents[0]!];
    }

    /// <summary>div: a/b; integers truncate toward zero.</summary>
    public sealed class DivPrimitive() : BinaryPrimitive<DivOp>("div", new(-3, 3), new(0.5, 3))
    {
        internal static readonly DivPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => a / b;

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => da / b;

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => -(db * (y / b));

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) =>
            inputs[1] is { } b ? [cotangents[0]! / b, null] : throw AutogradErrors.NotLinear("div by a tangent");
    }

    /// <summary>pow: aᵇ; derivatives b·aᵇ⁻¹ and aᵇ·log a, the latter taken as 0 where a = 0.</summary>
    public sealed class PowPrimitive() : BinaryPrimitive<PowOp>("pow", new(0.3, 3), new(-2, 2))
    {
        internal static readonly PowPrimitive Instance = new();

        /// <inheritdoc/>
        protected override bool OnIntegers => false;

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => Math.Pow(a, b);

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) =>
            da * Ops.Where(b.Equal(0), b.ZerosLike(), b * a.Pow(Ops.Where(b.Equal(0), b.OnesLike(), b - 1)));

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) =>
            db * (Ops.Where(a.Equal(0), a.OnesLike(), a).Log() * y);
    }

    /// <summary>max: the larger; NaN if either is. At a tie each side gets half of the derivative.</summary>
    public sealed class MaxPrimitive() : BinaryPrimitive<MaximumOp>("max", new(-9, 9), new(-9, 9))
    {
        internal static readonly MaxPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => Math.Max(a, b);

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => Extremum.Share(da, a, b, a > b);

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => Extremum.Share(db, a, b, b > a);
    }

    /// <summary>min: the smaller; NaN if either is. At a tie each side gets half of the derivative.</summary>
    public sealed class MinPrimitive() : BinaryPrimitive<MinimumOp>("min", new(-9, 9), new(-9, 9))
    {
        internal static readonly MinPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => Math.Min(a, b);

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => Extremum.Share(da, a, b, a < b);

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => Extremum.Share(db, a, b, b < a);
    }

    internal static class Extremum
    {
        /// <summary>The tangent where this side wins, half of it at ties, 0 elsewhere.</summary>
        public static Tensor Share(Tensor tangent, Tensor a, Tensor b, Tensor wins)
        {
            Tensor half = Tensor.Full(a.Shape, 0.5, a.DType, a.Device);
            return tangent * Ops.Where(a.Equal(b), half, wins.To(a.DType));
        }
    }

    /// <summary>integer_pow: xⁿ for an integer n, by repeated multiplication.</summary>
    public sealed class IntegerPowPrimitive() : SinglePrimitive<int>("integer_pow")
    {
        internal static readonly IntegerPowPrimitive Instance = new();

        /// <inheritdoc/>
        public override bool IsElementwise => true;

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Ulps(8);

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"n={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, int n)
        {
            bool fits = inputs[0].DType.IsFloat || (inputs[0].DType.IsInteger && n >= 0);
            return fits ? inputs[0] : throw AutogradErrors.DTypeNotSupported(Name, inputs[0], n < 0 ? "f32 f64 for a negative power" : "f32 f64 i32 i64");
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, int n) => Map.IntegerPow(inputs[0], n, output);

        /// <inheritdoc/>
        public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => output.DType.IsFloat ? LaneForm.Power((int)parameters!) : default;

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, int n)
        {
            for (int i = 0; i < output.Data.Length; i++) output.Data[i] = Math.Pow(inputs[0].Data[i], n);
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, int n) =>
            n == 0 ? null : n == 1 ? tangents[0] : tangents[0]! * (n * primals[0].Pow(n - 1));

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, int n) =>
            (BindOne(n, inputs[0]), axes[0]!.Value);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (int n in (int[])[-2, -1, 0, 1, 2, 3, 7])
                yield return new Sample([source.Uniform([19], 0.4, 2)], n);
            yield return new Sample([source.Uniform([2, 3], -2, -0.4)], 3);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Integers([3], 1, 5)], -1, "NB0205")];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>a + b with NumPy broadcasting and type promotion.</summary>
            public static Tensor operator +(Tensor a, Tensor b) => Broadcasting.Bind(AddPrimitive.Instance, a, b);

            /// <summary>a + b for a number b, which takes the type of a.</summary>
            public static Tensor operator +(Tensor a, double b) => Broadcasting.Bind(AddPrimitive.Instance, a, b);

            /// <summary>a + b for a number a, which takes the type of b.</summary>
            public static Tensor operator +(double a, Tensor b) => Broadcasting.Bind(AddPrimitive.Instance, a, b);

            /// <summary>a − b with NumPy broadcasting and type promotion.</summary>
            public static Tensor operator -(Tensor a, Tensor b) => Broadcasting.Bind(SubPrimitive.Instance, a, b);

            /// <summary>a − b for a number b, which takes the type of a.</summary>
            public static Tensor operator -(Tensor a, double b) => Broadcasting.Bind(SubPrimitive.Instance, a, b);

            /// <summary>a − b for a number a, which takes the type of b.</summary>
            public static Tensor operator -(double a, Tensor b) => Broadcasting.Bind(SubPrimitive.Instance, a, b);

            /// <summary>a·b element by element with NumPy broadcasting and type promotion.</summary>
            public static Tensor operator *(Tensor a, Tensor b) => Broadcasting.Bind(MulPrimitive.Instance, a, b);

            /// <summary>a·b for a number b, which takes the type of a.</summary>
            public static Tensor operator *(Tensor a, double b) => Broadcasting.Bind(MulPrimitive.Instance, a, b);

            /// <summary>a·b for a number a, which takes the type of b.</summary>
            public static Tensor operator *(double a, Tensor b) => Broadcasting.Bind(MulPrimitive.Instance, a, b);

            /// <summary>a/b with NumPy broadcasting and type promotion; integers truncate toward zero.</summary>
            public static Tensor operator /(Tensor a, Tensor b) => Broadcasting.Bind(DivPrimitive.Instance, a, b);

            /// <summary>a/b for a number b, which takes the type of a.</summary>
            public static Tensor operator /(Tensor a, double b) => Broadcasting.Bind(DivPrimitive.Instance, a, b);

            /// <summary>a/b for a number a, which takes the type of b.</summary>
            public static Tensor operator /(double a, Tensor b) => Broadcasting.Bind(DivPrimitive.Instance, a, b);

            /// <summary>xᵇ, element by element, for x ≥ 0; f32 or f64.</summary>
            public Tensor Pow(Tensor exponent) => Broadcasting.Bind(PowPrimitive.Instance, x, exponent);

            /// <summary>xⁿ, element by element, by repeated multiplication; any sign of x.</summary>
            public Tensor Pow(int exponent) => IntegerPowPrimitive.Instance.BindOne(exponent, x);

            /// <summary>xᵇ, element by element, for x ≥ 0; f32 or f64.</summary>
            public Tensor Pow(double exponent) => Broadcasting.Bind(PowPrimitive.Instance, x, exponent);

            /// <summary>x², element by element.</summary>
            public Tensor Square() => IntegerPowPrimitive.Instance.BindOne(2, x);

            /// <summary>The larger of x and y, element by element; NaN if either is. At ties each gets half of the derivative.</summary>
            public Tensor Maximum(Tensor y) => Broadcasting.Bind(MaxPrimitive.Instance, x, y);

            /// <summary>The larger of x and a number.</summary>
            public Tensor Maximum(double y) => Broadcasting.Bind(MaxPrimitive.Instance, x, y);

            /// <summary>The smaller of x and y, element by element; NaN if either is. At ties each gets half of the derivative.</summary>
            public Tensor Minimum(Tensor y) => Broadcasting.Bind(MinPrimitive.Instance, x, y);

            /// <summary>The smaller of x and a number.</summary>
            public Tensor Minimum(double y) => Broadcasting.Bind(MinPrimitive.Instance, x, y);
        }
    }

    /// <summary>Brings operands of user-level binary operations to one shape and type: primitives demand equal ones.</summary>
    internal static class Broadcasting
    {
        public static Tensor Bind(Primitive primitive, Tensor a, Tensor b)
        {
            if (a.Aval != b.Aval)
            {
                DType dtype = DTypes.Promote(a.DType, b.DType);
                Shape shape = Shape.Broadcast(a.Shape, b.Shape, primitive.Name);
                (a, b) = (a.To(dtype).BroadcastTo(shape), b.To(dtype).BroadcastTo(shape));
            }
            return primitive.BindOne(null, a, b);
        }

        public static Tensor Bind(Primitive primitive, Tensor a, double b)
        {
            a = Widen(a, b);
            return primitive.BindOne(null, a, Number(a, b));
        }

        public static Tensor Bind(Primitive primitive, double a, Tensor b)
        {
            b = Widen(b, a);
            return primitive.BindOne(null, Number(b, a), b);
        }

        /// <summary>A number as a tensor like another one.</summary>
        public static Tensor Number(Tensor like, double value) => Tensor.Full(like.Shape, value, like.DType, like.Device);

        // A fraction next to integers makes them f32; a whole number next to booleans makes them i32.
        private static Tensor Widen(Tensor x, double number)
        {
            if (x.DType.IsFloat) return x;
            if (number != Math.Floor(number) || double.IsInfinity(number)) return x.To(DType.F32);
            return x.DType == DType.Bool ? x.To(DType.I32) : x;
        }
    }
}
