using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>neg: −x.</summary>
    public sealed class NegPrimitive() : UnaryPrimitive<NegOp>("neg", new(-9, 9), Numbers)
    {
        internal static readonly NegPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => -x;

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => -dx;

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) => [-cotangents[0]!];
    }

    /// <summary>abs: |x|; derivative sign x, which is 0 at 0.</summary>
    public sealed class AbsPrimitive() : UnaryPrimitive<AbsOp>("abs", new(0.1, 9), Numbers)
    {
        internal static readonly AbsPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Abs(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * x.Sign();

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) => base.Samples(source).Append(new([source.Uniform([6], -9, -0.1)]));
    }

    /// <summary>sign: −1 or 1; ±0 → ±0, NaN → NaN; derivative 0.</summary>
    public sealed class SignPrimitive() : UnaryPrimitive<SignOp>("sign", new(0.1, 9), Numbers)
    {
        internal static readonly SignPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => x > 0 ? 1 : x < 0 ? -1 : x;

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor x, Tensor dx, Tensor y) => null;
    }

    /// <summary>floor: the largest integer ≤ x; derivative 0.</summary>
    public sealed class FloorPrimitive() : UnaryPrimitive<FloorOp>("floor", new(0.1, 0.9))
    {
        internal static readonly FloorPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Floor(x);

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor x, Tensor dx, Tensor y) => null;
    }

    /// <summary>exp: eˣ.</summary>
    public sealed class ExpPrimitive() : UnaryPrimitive<ExpOp>("exp", new(-5, 5))
    {
        internal static readonly ExpPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Exp(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * y;
    }

    /// <summary>expm1: eˣ − 1, accurate near 0.</summary>
    public sealed class Expm1Primitive() : UnaryPrimitive<ExpM1Op>("expm1", new(-5, 5))
    {
        internal static readonly Expm1Primitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceMath.Expm1(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * (y + 1);
    }

    /// <summary>log: natural logarithm; −∞ at 0, NaN below.</summary>
    public sealed class LogPrimitive() : UnaryPrimitive<LogOp>("log", new(0.1, 9))
    {
        internal static readonly LogPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Log(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx / x;
    }

    /// <summary>log1p: log(1 + x), accurate near 0.</summary>
    public sealed class Log1pPrimitive() : UnaryPrimitive<Log1POp>("log1p", new(-0.8, 9))
    {
        internal static readonly Log1pPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceMath.Log1p(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx / (x + 1);
    }

    /// <summary>sqrt: √x; derivative +∞ at 0.</summary>
    public sealed class SqrtPrimitive() : UnaryPrimitive<SqrtOp>("sqrt", new(0.1, 9))
    {
        internal static readonly SqrtPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Sqrt(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * 0.5 / y;
    }

    /// <summary>rsqrt: 1/√x.</summary>
    public sealed class RsqrtPrimitive() : UnaryPrimitive<RsqrtOp>("rsqrt", new(0.1, 9))
    {
        internal static readonly RsqrtPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => 1 / Math.Sqrt(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * -0.5 * (y / x);
    }

    /// <summary>sin: sine of x in radians.</summary>
    public sealed class SinPrimitive() : UnaryPrimitive<SinOp>("sin", new(-9, 9))
    {
        internal static readonly SinPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Sin(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * x.Cos();
    }

    /// <summary>cos: cosine of x in radians.</summary>
    public sealed class CosPrimitive() : UnaryPrimitive<CosOp>("cos", new(-9, 9))
    {
        internal static readonly CosPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Cos(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => -(dx * x.Sin());
    }

    /// <summary>tanh: hyperbolic tangent.</summary>
    public sealed class TanhPrimitive() : UnaryPrimitive<TanhOp>("tanh", new(-5, 5))
    {
        internal static readonly TanhPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Tanh(x);

        /// <remarks>dy = (1 − y²)·dx, in terms of the output: x need not be kept.</remarks>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * (1 - y.Square());
    }

    /// <summary>logistic: 1/(1 + e⁻ˣ).</summary>
    public sealed class LogisticPrimitive() : UnaryPrimitive<LogisticOp>("logistic", new(-9, 9))
    {
        internal static readonly LogisticPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => 1 / (1 + Math.Exp(-x));

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * (y * (1 - y));
    }

    /// <summary>erf: error function 2/√π ∫₀ˣ e^(−t²) dt.</summary>
    public sealed class ErfPrimitive() : UnaryPrimitive<ErfOp>("erf", new(-3, 3))
    {
        internal static readonly ErfPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceMath.Erf(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * (2 / Math.Sqrt(Math.PI) * (-x.Square()).Exp());
    }
}

namespace Nabla
{
    /// <summary>Operations on tensors: each file of primitives adds the operators, methods and functions of its own.</summary>
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>−x, element by element. Shape: [...] → [...]; numbers of any type.</summary>
            public static Tensor operator -(Tensor operand) => NegPrimitive.Instance.BindOne(null, operand);

            /// <summary>|x|, element by element. Shape: [...] → [...]. Derivative at 0: 0.</summary>
            public Tensor Abs() => AbsPrimitive.Instance.BindOne(null, x);

            /// <summary>−1, 0 or 1, element by element; NaN → NaN. Derivative 0.</summary>
            public Tensor Sign() => SignPrimitive.Instance.BindOne(null, x);

            /// <summary>The largest integer ≤ x, element by element. Derivative 0.</summary>
            public Tensor Floor() => FloorPrimitive.Instance.BindOne(null, x);

            /// <summary>eˣ, element by element; f32 or f64. −∞ → 0.</summary>
            public Tensor Exp() => ExpPrimitive.Instance.BindOne(null, x);

            /// <summary>eˣ − 1, element by element, accurate for small x; f32 or f64.</summary>
            public Tensor Expm1() => Expm1Primitive.Instance.BindOne(null, x);

            /// <summary>Natural logarithm, element by element; f32 or f64. 0 → −∞, negative → NaN.</summary>
            public Tensor Log() => LogPrimitive.Instance.BindOne(null, x);

            /// <summary>log(1 + x), element by element, accurate for small x; f32 or f64.</summary>
            public Tensor Log1p() => Log1pPrimitive.Instance.BindOne(null, x);

            /// <summary>√x, element by element; f32 or f64. Derivative +∞ at 0.</summary>
            public Tensor Sqrt() => SqrtPrimitive.Instance.BindOne(null, x);

            /// <summary>1/√x, element by element; f32 or f64.</summary>
            public Tensor Rsqrt() => RsqrtPrimitive.Instance.BindOne(null, x);

            /// <summary>Sine of x in radians, element by element; f32 or f64.</summary>
            public Tensor Sin() => SinPrimitive.Instance.BindOne(null, x);

            /// <summary>Cosine of x in radians, element by element; f32 or f64.</summary>
            public Tensor Cos() => CosPrimitive.Instance.BindOne(null, x);

            /// <summary>Hyperbolic tangent, element by element; f32 or f64. ±∞ → ±1.</summary>
            public Tensor Tanh() => TanhPrimitive.Instance.BindOne(null, x);

            /// <summary>Logistic sigmoid 1/(1 + e⁻ˣ), element by element; f32 or f64.</summary>
            public Tensor Sigmoid() => LogisticPrimitive.Instance.BindOne(null, x);

            /// <summary>Error function, element by element; f32 or f64. ±∞ → ±1.</summary>
            public Tensor Erf() => ErfPrimitive.Instance.BindOne(null, x);
        }
    }
}
