using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>ceil: the least integer ≥ x; derivative 0.</summary>
    public sealed class CeilPrimitive() : UnaryPrimitive<CeilOp>("ceil", new(0.1, 0.9))
    {
        internal static readonly CeilPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Ceiling(x);

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor x, Tensor dx, Tensor y) => null;
    }

    /// <summary>round: the nearest integer, halves to the even one; derivative 0.</summary>
    public sealed class RoundPrimitive() : UnaryPrimitive<RoundOp>("round", new(0.6, 1.4))
    {
        internal static readonly RoundPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Round(x);

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor x, Tensor dx, Tensor y) => null;
    }

    /// <summary>erfc: 1 − erf x, accurate where that is tiny.</summary>
    public sealed class ErfcPrimitive() : UnaryPrimitive<ErfcOp>("erfc", new(-3, 5))
    {
        internal static readonly ErfcPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceSpecial.Erfc(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * (-2 / Math.Sqrt(Math.PI) * (-x.Square()).Exp());
    }

    /// <summary>erf_inv: inverse error function.</summary>
    public sealed class ErfInvPrimitive() : UnaryPrimitive<ErfInvOp>("erf_inv", new(-0.95, 0.95))
    {
        internal static readonly ErfInvPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceSpecial.ErfInv(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * (Math.Sqrt(Math.PI) / 2 * y.Square().Exp());
    }

    /// <summary>normal_cdf: normal distribution function Φ(x).</summary>
    public sealed class NormalCdfPrimitive() : UnaryPrimitive<NormalCdfOp>("normal_cdf", new(-6, 4))
    {
        internal static readonly NormalCdfPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceSpecial.NormalCdf(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * ((x.Square() * -0.5).Exp() * (1 / Math.Sqrt(2 * Math.PI)));
    }

    /// <summary>normal_quantile: Φ⁻¹(p), inverse of the normal distribution function.</summary>
    public sealed class NormalQuantilePrimitive() : UnaryPrimitive<NormalQuantileOp>("normal_quantile", new(0.02, 0.98))
    {
        internal static readonly NormalQuantilePrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceSpecial.NormalQuantile(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * ((y.Square() * 0.5).Exp() * Math.Sqrt(2 * Math.PI));
    }

    /// <summary>lgamma: log |Γ(x)|.</summary>
    public sealed class LogGammaPrimitive() : UnaryPrimitive<LogGammaOp>("lgamma", new(0.2, 9))
    {
        internal static readonly LogGammaPrimitive Instance = new();

        /// <remarks>See <see cref="DigammaPrimitive.Tolerance"/>: below 0 log |Γ(x)| = log(π/|x·sin πx|) − log Γ(−x), with a zero or two between neighbouring poles.</remarks>
        public override Tolerance Tolerance => Tolerance.Terms(8);

        /// <remarks>The logarithm of a rounded argument is wrong by a unit of 1, however small it is.</remarks>
        private protected override double Term(double x) => x < 0 ? 1 + Math.Abs(ReferenceSpecial.LogGamma(-x)) + Math.Abs(Reference(x)) : Math.Abs(Reference(x));

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceSpecial.LogGamma(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * x.Digamma();
    }

    /// <summary>digamma: ψ(x), derivative of log Γ.</summary>
    public sealed class DigammaPrimitive() : UnaryPrimitive<DigammaOp>("digamma", new(1.6, 9))
    {
        internal static readonly DigammaPrimitive Instance = new();

        /// <remarks>
        /// For x ≥ 0 the one term is the result, and the bound at most 8 ulp of it. Below 0, ψ(x) = ψ(1 − x) − π·cot πx: two terms of which each is right to a few ulp and which
        /// cancel near the zeros, one between any two poles. There the error is relative to the terms, not to the result: a bound on that would ask for both terms in
        /// twice the precision, and for a machine's tangent to be correctly rounded.
        /// </remarks>
        public override Tolerance Tolerance => Tolerance.Terms(8);

        /// <inheritdoc/>
        private protected override double Term(double x) => x < 0 ? Math.Abs(ReferenceSpecial.Digamma(1 - x)) + Math.Abs(Reference(x) - ReferenceSpecial.Digamma(1 - x)) : Math.Abs(Reference(x));

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceSpecial.Digamma(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * x.Polygamma(1);
    }

    /// <summary>sinh: hyperbolic sine.</summary>
    public sealed class SinhPrimitive() : UnaryPrimitive<SinhOp>("sinh", new(-4, 4))
    {
        internal static readonly SinhPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => ReferenceSpecial.Sinh(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * x.Cosh();
    }

    /// <summary>cosh: hyperbolic cosine.</summary>
    public sealed class CoshPrimitive() : UnaryPrimitive<CoshOp>("cosh", new(-4, 4))
    {
        internal static readonly CoshPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Cosh(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * x.Sinh();
    }

    /// <summary>asin: inverse sine; derivative +∞ at ±1.</summary>
    public sealed class AsinPrimitive() : UnaryPrimitive<AsinOp>("asin", new(-0.9, 0.9))
    {
        internal static readonly AsinPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Asin(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx * ((1 - x) * (1 + x)).Rsqrt();
    }

    /// <summary>acos: inverse cosine; derivative −∞ at ±1.</summary>
    public sealed class AcosPrimitive() : UnaryPrimitive<AcosOp>("acos", new(-0.9, 0.9))
    {
        internal static readonly AcosPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Acos(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => -(dx * ((1 - x) * (1 + x)).Rsqrt());
    }

    /// <summary>atan: inverse tangent.</summary>
    public sealed class AtanPrimitive() : UnaryPrimitive<AtanOp>("atan", new(-4, 4))
    {
        internal static readonly AtanPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double x) => Math.Atan(x);

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor x, Tensor dx, Tensor y) => dx / (1 + x.Square());
    }

    /// <summary>polygamma: ψ⁽ⁿ⁾(x), the n-th derivative of digamma, n ≥ 1 (trigamma for n = 1).</summary>
    public sealed class PolygammaPrimitive() : SinglePrimitive<int>("polygamma")
    {
        internal static readonly PolygammaPrimitive Instance = new();

        /// <inheritdoc/>
        public override bool IsElementwise => true;

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Ulps(8);

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"n={parameters}";

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, int n)
        {
            if (!inputs[0].DType.IsFloat) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "f32 f64");
            return n >= 1 ? inputs[0] : throw AutogradErrors.BadParameter(Name, $"the order must be at least 1, not {n}", inputs[0]);
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, int n) => Map.Polygamma(inputs[0], n, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, int n)
        {
            for (int i = 0; i < output.Data.Length; i++) output.Data[i] = ReferenceSpecial.Polygamma(n, inputs[0].Data[i]);
        }

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, int n) => tangents[0]! * BindOne(n + 1, primals[0]);

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, int n) => (BindOne(n, inputs[0]), axes[0]!.Value);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            for (int n = 1; n <= 3; n++) yield return new Sample([source.Uniform([41], 0.4, 9)], n);
            yield return new Sample([source.Uniform([2, 3], -2.7, -2.3)], 1);
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Integers([3], 1, 5)], 1, "NB0205"), new([source.Uniform([3])], 0, "NB0108")];
    }

    /// <summary>atan2: the angle of the point (b, a), in (−π, π].</summary>
    public sealed class Atan2Primitive() : BinaryPrimitive<Atan2Op>("atan2", new(-3, 3), new(0.3, 3))
    {
        internal static readonly Atan2Primitive Instance = new();

        /// <inheritdoc/>
        protected override bool OnIntegers => false;

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => Math.Atan2(a, b);

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => da * (b / (a.Square() + b.Square()));

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => -(db * (a / (a.Square() + b.Square())));
    }

    /// <summary>rem: a − b·trunc(a/b), exactly, with the sign of a. Derivatives 1 and −trunc(a/b).</summary>
    public sealed class RemPrimitive() : BinaryPrimitive<RemOp>("rem", new(2.2, 2.8), new(0.95, 1.05))
    {
        internal static readonly RemPrimitive Instance = new();

        /// <inheritdoc/>
        protected override double Reference(double a, double b) => a % b;

        /// <inheritdoc/>
        protected override Tensor JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y) => da;

        /// <inheritdoc/>
        protected override Tensor JvpRight(Tensor db, Tensor a, Tensor b, Tensor y) => -(db * ((a - y) / b).Round());
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>The least integer ≥ x, element by element. Derivative 0.</summary>
            public Tensor Ceil() => CeilPrimitive.Instance.BindOne(null, x);

            /// <summary>The nearest integer, halves to the even one, element by element. Derivative 0.</summary>
            public Tensor Round() => RoundPrimitive.Instance.BindOne(null, x);

            /// <summary>1 − erf x, element by element, accurate where that is tiny; f32 or f64. −∞ → 2, +∞ → 0.</summary>
            public Tensor Erfc() => ErfcPrimitive.Instance.BindOne(null, x);

            /// <summary>Inverse error function, element by element; f32 or f64. ±1 → ±∞, beyond NaN.</summary>
            public Tensor ErfInv() => ErfInvPrimitive.Instance.BindOne(null, x);

            /// <summary>Normal distribution function Φ(x), element by element, accurate in the lower tail; f32 or f64.</summary>
            public Tensor NormalCdf() => NormalCdfPrimitive.Instance.BindOne(null, x);

            /// <summary>Φ⁻¹(p), the inverse of <see cref="NormalCdf"/>, element by element; f32 or f64. 0 → −∞, 1 → +∞, outside [0, 1] NaN.</summary>
            public Tensor NormalQuantile() => NormalQuantilePrimitive.Instance.BindOne(null, x);

            /// <summary>log |Γ(x)|, element by element; f32 or f64. +∞ at 0, −1, −2, …</summary>
            public Tensor LogGamma() => LogGammaPrimitive.Instance.BindOne(null, x);

            /// <summary>ψ(x) = d log Γ(x)/dx, element by element; f32 or f64. NaN at −1, −2, …</summary>
            public Tensor Digamma() => DigammaPrimitive.Instance.BindOne(null, x);

            /// <summary>The n-th derivative of <see cref="Digamma"/>, n ≥ 1, element by element; trigamma for n = 1; f32 or f64.</summary>
            public Tensor Polygamma(int n) => PolygammaPrimitive.Instance.BindOne(n, x);

            /// <summary>Hyperbolic sine, element by element; f32 or f64.</summary>
            public Tensor Sinh() => SinhPrimitive.Instance.BindOne(null, x);

            /// <summary>Hyperbolic cosine, element by element; f32 or f64.</summary>
            public Tensor Cosh() => CoshPrimitive.Instance.BindOne(null, x);

            /// <summary>Inverse sine in [−π/2, π/2], element by element; f32 or f64. Beyond ±1 NaN.</summary>
            public Tensor Asin() => AsinPrimitive.Instance.BindOne(null, x);

            /// <summary>Inverse cosine in [0, π], element by element; f32 or f64. Beyond ±1 NaN.</summary>
            public Tensor Acos() => AcosPrimitive.Instance.BindOne(null, x);

            /// <summary>Inverse tangent in [−π/2, π/2], element by element; f32 or f64.</summary>
            public Tensor Atan() => AtanPrimitive.Instance.BindOne(null, x);

            /// <summary>The angle in (−π, π] of the point with ordinate x and abscissa b, element by element; broadcasts; f32 or f64.</summary>
            public Tensor Atan2(Tensor b) => Broadcasting.Bind(Atan2Primitive.Instance, x, b);

            /// <summary>Remainder a − b·trunc(a/b), with the sign of a; broadcasts. NB0603 for an integer divided by zero.</summary>
            public static Tensor operator %(Tensor a, Tensor b) => Broadcasting.Bind(RemPrimitive.Instance, a, b);

            /// <summary>Remainder of a by a number, with the sign of a.</summary>
            public static Tensor operator %(Tensor a, double b) => Broadcasting.Bind(RemPrimitive.Instance, a, b);

            /// <summary>1/x, element by element.</summary>
            public Tensor Reciprocal() => 1 / x;
        }
    }
}
