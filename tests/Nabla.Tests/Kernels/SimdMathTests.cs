using System.Numerics;
using System.Reflection;
using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

/// <summary>
/// Errors in units in the last place against arbitrary precision, over the whole range, without an absolute floor: the bounds are
/// those that the operations state about themselves.
/// </summary>
public sealed class SimdMathTests
{
    private const double Inf = double.PositiveInfinity, NaN = double.NaN;

    private delegate (double High, double Low) Reference(double x);

    private sealed record UnaryCase(Type Op, Action<DenseTensor, DenseTensor> Run, Reference Reference, double[] Special);

    // The last numbers: what the functions give for 0, −0, ∞, −∞ and NaN.
    private static readonly Dictionary<string, UnaryCase> Unary = new[]
    {
        Case<ExpOp>(ExactMath.Exp, 1, 1, Inf, 0, NaN),
        Case<ExpM1Op>(ExactMath.ExpM1, 0.0, -0.0, Inf, -1, NaN),
        Case<LogOp>(ExactMath.Log, -Inf, -Inf, Inf, NaN, NaN),
        Case<Log1POp>(ExactMath.Log1P, 0.0, -0.0, Inf, NaN, NaN),
        Case<SqrtOp>(ExactMath.Sqrt, 0.0, -0.0, Inf, NaN, NaN),
        Case<RsqrtOp>(ExactMath.Rsqrt, Inf, -Inf, 0, NaN, NaN),
        Case<ReciprocalOp>(ExactMath.Reciprocal, Inf, -Inf, 0.0, -0.0, NaN),
        Case<SquareOp>(ExactMath.Square, 0, 0, Inf, Inf, NaN),
        Case<SinOp>(ExactMath.Sin, 0.0, -0.0, NaN, NaN, NaN),
        Case<CosOp>(ExactMath.Cos, 1, 1, NaN, NaN, NaN),
        Case<TanhOp>(ExactMath.Tanh, 0.0, -0.0, 1, -1, NaN),
        Case<LogisticOp>(ExactMath.Logistic, 0.5, 0.5, 1, 0, NaN),
        Case<ErfOp>(ExactMath.Erf, 0.0, -0.0, 1, -1, NaN),
        Case<ErfcOp>(ExactMath.Erfc, 1, 1, 0, 2, NaN),
        Case<SignOp>(x => (Math.Sign(x), 0), 0.0, -0.0, 1, -1, NaN),
        Case<AbsOp>(x => (Math.Abs(x), 0), 0, 0, Inf, Inf, NaN),
        Case<NegOp>(x => (-x, 0), -0.0, 0.0, -Inf, Inf, NaN),
        Case<FloorOp>(x => (Math.Floor(x), 0), 0.0, -0.0, Inf, -Inf, NaN),
        Case<CeilOp>(x => (Math.Ceiling(x), 0), 0.0, -0.0, Inf, -Inf, NaN),
        Case<RoundOp>(x => (Math.Round(x, MidpointRounding.ToEven), 0), 0.0, -0.0, Inf, -Inf, NaN),
    }.ToDictionary(c => c.Op.Name);

    public static TheoryData<string> UnaryNames => [.. Unary.Keys];

    private static UnaryCase Case<TOp>(Reference reference, params double[] special) where TOp : struct, IUnaryOp =>
        new(typeof(TOp), Map.Unary<TOp>, reference, special);

    [Theory, MemberData(nameof(UnaryNames))]
    public void Errors_stay_below_the_stated_bound(string name)
    {
        UnaryCase op = Unary[name];
        double[] points = Points();
        float[] single = Array.ConvertAll(points, x => (float)x);
        (double High, double Low)[] exact = Array.ConvertAll(points, x => op.Reference(x));
        (double High, double Low)[] exactOfSingle = Array.ConvertAll(single, x => op.Reference(x));
        double bound = op.Op.GetCustomAttribute<ElementOpAttribute>()!.MaxUlp;
        double[] y = Apply(op.Run, points);
        float[] z = Apply(op.Run, single);
        for (int i = 0; i < points.Length; i++)
        {
            double error = Ulps(y[i], exact[i]), errorOfSingle = UlpsOfSingle(z[i], exactOfSingle[i]);
            Assert.True(error <= bound, $"{name} f64 at {points[i]:R}: {y[i]:R} is {error:G4} ulp from {exact[i].High:R}");
            Assert.True(errorOfSingle <= bound, $"{name} f32 at {single[i]:R}: {z[i]:R} is {errorOfSingle:G4} ulp from {exactOfSingle[i].High:R}");
        }
    }

    [Theory, MemberData(nameof(UnaryNames))]
    public void Special_values_are_exact(string name)
    {
        UnaryCase op = Unary[name];
        double[] x = [0.0, -0.0, Inf, -Inf, NaN];
        Assert.Equal(op.Special.Select(Pattern), Apply(op.Run, x).Select(Pattern));
        Assert.Equal(op.Special.Select(Pattern), Apply(op.Run, Array.ConvertAll(x, v => (float)v)).Select(v => Pattern(v)));

        static string Pattern(double v) => double.IsNaN(v) ? "NaN" : $"{(double.IsNegative(v) ? '-' : '+')}{Math.Abs(v):R}";
    }

    [Fact]
    public void Functions_with_slope_one_at_zero_keep_subnormal_arguments()
    {
        double[] x = [double.Epsilon, -double.Epsilon, 3e-310, 2.2250738585072014e-308];
        float[] single = [float.Epsilon, -float.Epsilon, 3e-41f, 1.17549435e-38f];
        foreach (string name in new[] { nameof(ExpM1Op), nameof(Log1POp), nameof(SinOp), nameof(TanhOp) })
        {
            Assert.Equal(x, Apply(Unary[name].Run, x));
            Assert.Equal(single, Apply(Unary[name].Run, single));
        }
    }

    [Theory, MemberData(nameof(UnaryNames))]
    public void Results_depend_neither_on_the_length_nor_on_the_position(string name)
    {
        UnaryCase op = Unary[name];
        float[] single = [.. Enumerable.Range(0, 131).Select(i => (i - 60) * 0.37f)];
        double[] full = Array.ConvertAll(single, v => (double)v * 1.1);
        float[] whole = Apply(op.Run, single);
        double[] wholeOfFull = Apply(op.Run, full);
        for (int length = 0; length <= 130; length++)
        {
            Assert.Equal(whole[..length], Apply(op.Run, single[..length]));
            Assert.Equal(wholeOfFull[(131 - length)..], Apply(op.Run, full[(131 - length)..]));
        }
    }

    [Fact]
    public void Scalar_forms_equal_vector_forms()
    {
        float[] x = [.. Enumerable.Range(-40, 80).Select(i => i * 0.41f)];
        Assert.Equal(Apply(Map.Unary<TanhOp>, x), Array.ConvertAll(x, TanhOp.Invoke));
        Assert.Equal(Apply(Map.Unary<ExpOp>, x), Array.ConvertAll(x, ExpOp.Invoke));
        Assert.Equal(Apply(Map.Unary<ExpM1Op>, x), Array.ConvertAll(x, ExpM1Op.Invoke));
        Assert.Equal(Apply(Map.Unary<LogisticOp>, x), Array.ConvertAll(x, LogisticOp.Invoke));
        Assert.Equal(Apply(Map.Unary<ErfOp>, x), Array.ConvertAll(x, ErfOp.Invoke));
        Assert.Equal(Apply(Map.Unary<SignOp>, x), Array.ConvertAll(x, SignOp.Invoke));
        Assert.Equal(Apply(Map.Unary<AbsOp>, x), Array.ConvertAll(x, AbsOp.Invoke));
    }

    [Fact]
    public void Powers_and_angles_stay_below_the_stated_bound()
    {
        var random = new Random(3);
        double[] a = new double[400], b = new double[400], c = new double[400];
        for (int i = 0; i < a.Length; i++)
        {
            a[i] = Math.Pow(10, random.NextDouble() * 60 - 30);
            b[i] = (random.Next(2) * 2 - 1) * Math.Pow(10, random.NextDouble() * 6 - 4);
            c[i] = (random.Next(2) * 2 - 1) * Math.Pow(10, random.NextDouble() * 60 - 30);
        }
        CheckBinary<PowOp>(a, b, ExactMath.Pow);
        CheckBinary<Atan2Op>(c, [.. b.Select((v, i) => v * a[^(i + 1)])], ExactMath.Atan2);
    }

    // Bases near 1 with exponents that bring the result near both ends of the range: where an error of the logarithm grows most.
    [Theory]
    [InlineData(700)]
    [InlineData(-740)]
    [InlineData(85)]
    [InlineData(-100)]
    public void Powers_near_overflow_and_underflow_stay_below_the_stated_bound(double exponent)
    {
        var random = new Random(4);
        double[] a = [.. Enumerable.Range(0, 60).Select(i => i % 2 == 0 ? 0.7 + 0.72 * random.NextDouble() : 1 + (random.NextDouble() - 0.5) * Math.Pow(10, -7 * random.NextDouble()))];
        CheckBinary<PowOp>(a, [.. a.Select(v => (exponent + random.NextDouble()) / Math.Log(v))], ExactMath.Pow);
    }

    [Fact]
    public void Angles_of_points_at_every_slope_stay_below_the_stated_bound()
    {
        double[] turn = [.. Enumerable.Range(0, 120).Select(i => i * Math.PI / 60)];
        CheckBinary<Atan2Op>([.. turn.Select(v => Math.Sin(v) + 1e-3)], [.. turn.Select(v => Math.Cos(v) - 1e-3)], ExactMath.Atan2);
    }

    [Fact]
    public void Maximum_and_minimum_propagate_NaN_and_order_zeros()
    {
        double[] a = [NaN, 1, -0.0, 0.0, -Inf], b = [1, NaN, 0.0, -0.0, 3];
        Assert.Equal(["NaN", "NaN", "0", "0", "3"], Pair<MaximumOp>(a, b).Select(v => v.ToString("R")));
        Assert.Equal(["NaN", "NaN", "-0", "-0", "-Infinity"], Pair<MinimumOp>(a, b).Select(v => v.ToString("R")));
    }

    [Fact]
    public void Powers_angles_and_remainders_of_special_values_follow_IEEE_754()
    {
        double[] numbers =
        [
            0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, -8, 1e300, -1e300, double.Epsilon, -double.Epsilon, 1e-310, Inf, -Inf, NaN,
            4503599627370497, 9007199254740991, 9007199254740992, -9007199254740991, 1 - 1e-16, 8388609, 16777215, -16777217,
        ];
        double[] a = [.. numbers.SelectMany(v => numbers.Select(_ => v))], b = [.. numbers.SelectMany(_ => numbers)];
        float[] s = Array.ConvertAll(a, v => (float)v), t = Array.ConvertAll(b, v => (float)v);
        RequireNear(a, b, Pair<PowOp>(a, b), Math.Pow, 1e-15);
        RequireNear(a, b, Pair<Atan2Op>(a, b), Math.Atan2, 1e-15);
        RequireNear(s, t, Pair<PowOp>(s, t), MathF.Pow, 3e-7);
        RequireNear(s, t, Pair<Atan2Op>(s, t), MathF.Atan2, 3e-7);
        double[] p = [5.5, -5.5, 5.5, 1e30, 3, 0, Inf, -7], q = [2, 2, -2, 3, Inf, 3, 2, 0];
        Assert.Equal(p.Zip(q, (u, v) => u % v), Pair<RemOp>(p, q));

        // Zeros with their signs, infinities and NaN must be equal, others near.
        static void RequireNear<T>(T[] a, T[] b, T[] y, Func<T, T, T> expected, double tolerance) where T : unmanaged, IFloatingPointIeee754<T>
        {
            for (int i = 0; i < a.Length; i++)
            {
                T e = expected(a[i], b[i]);
                bool same = T.IsNaN(e) ? T.IsNaN(y[i]) : T.IsNegative(e) == T.IsNegative(y[i]) && (e == y[i] || T.IsFinite(e) && T.Abs(e - y[i]) <= T.CreateChecked(tolerance) * T.Abs(e));
                Assert.True(same, $"{typeof(T).Name} {a[i]}, {b[i]}: {y[i]}, expected {e}");
            }
        }
    }

    [Fact]
    public void Powers_and_angles_depend_neither_on_the_length_nor_on_which_operand_is_one_number()
    {
        float[] a = [.. Enumerable.Range(0, 67).Select(i => (i + 1) * 0.37f)], b = [.. Enumerable.Range(0, 67).Select(i => (i - 30) * 0.21f)];
        double[] c = Array.ConvertAll(a, v => (double)v), d = Array.ConvertAll(b, v => (double)v);
        Check<PowOp, float>(a, b);
        Check<PowOp, double>(c, d);
        Check<Atan2Op, float>(b, a);
        Check<Atan2Op, double>(d, c);

        static void Check<TOp, T>(T[] a, T[] b) where TOp : struct, IFloatBinaryOp<TOp> where T : unmanaged, IFloatingPointIeee754<T>
        {
            T[] whole = Pair<TOp, T>(a, b), part = new T[a.Length];
            Assert.Equal(whole, a.Zip(b, TOp.Invoke));
            for (int length = 0; length <= a.Length; length++) Assert.Equal(whole[..length], Pair<TOp, T>(a[..length], b[..length]));
            TOp.Invoke(a, b[5], part);
            Assert.Equal(a.Select(v => TOp.Invoke(v, b[5])), part);
            TOp.Invoke(a[5], b, part);
            Assert.Equal(b.Select(v => TOp.Invoke(a[5], v)), part);
        }
    }

    private static void CheckBinary<TOp>(double[] a, double[] b, Func<double, double, (double, double)> reference) where TOp : struct, IBinaryOp
    {
        double bound = typeof(TOp).GetCustomAttribute<ElementOpAttribute>()!.MaxUlp;
        float[] s = Array.ConvertAll(a, v => (float)v), t = Array.ConvertAll(b, v => (float)v);
        double[] y = Pair<TOp>(a, b);
        float[] z = Pair<TOp>(s, t);
        for (int i = 0; i < a.Length; i++)
        {
            double error = Ulps(y[i], reference(a[i], b[i])), errorOfSingle = UlpsOfSingle(z[i], reference(s[i], t[i]));
            Assert.True(error <= bound, $"{typeof(TOp).Name} f64 at {a[i]:R}, {b[i]:R}: {y[i]:R} is off by {error:G4} ulp");
            Assert.True(errorOfSingle <= bound, $"{typeof(TOp).Name} f32 at {s[i]:R}, {t[i]:R}: {z[i]:R} is off by {errorOfSingle:G4} ulp");
        }
    }

    private static T[] Pair<TOp, T>(T[] a, T[] b) where TOp : struct, IBinaryOp where T : unmanaged =>
        Apply<T>((x, y) => Map.Binary<TOp>(x, Tensor.From(b), y), a);

    private static double[] Pair<TOp>(double[] a, double[] b) where TOp : struct, IBinaryOp => Pair<TOp, double>(a, b);

    private static float[] Pair<TOp>(float[] a, float[] b) where TOp : struct, IBinaryOp => Pair<TOp, float>(a, b);

    private static T[] Apply<T>(Action<DenseTensor, DenseTensor> run, T[] x) where T : unmanaged
    {
        DenseTensor y = DenseTensor.Allocate(new Aval(DTypes.Of<T>(), [x.Length]), Device.Default);
        run(Tensor.From(x), y);
        return y.ToArray<T>();
    }

    // Log-spaced over sixty decades, and evenly spaced where the functions bend; never 0.
    private static double[] Points()
    {
        var random = new Random(1);
        var points = new List<double>();
        for (double decade = -30; decade < 30; decade += 0.4)
        {
            points.Add(Math.Pow(10, decade + 0.4 * random.NextDouble()));
            points.Add(-Math.Pow(10, decade + 0.4 * random.NextDouble()));
        }
        foreach ((double limit, int count) in new[] { (2.0, 120), (12, 120), (110, 30), (750, 20) })
            for (int i = 0; i < count; i++) points.Add((random.NextDouble() * 2 - 1) * limit);
        return [.. points];
    }

    private static double Ulps(double value, (double High, double Low) exact)
    {
        if (double.IsNaN(exact.High)) return double.IsNaN(value) ? 0 : Inf;
        if (double.IsInfinity(exact.High)) return value == exact.High ? 0 : Inf;
        double ulp = Math.Abs(exact.High) < 2.2250738585072014e-308 ? double.Epsilon : Math.ScaleB(1, Math.ILogB(exact.High) - 52);
        return double.IsFinite(value) ? Math.Abs(value - exact.High - exact.Low) / ulp : Inf;
    }

    private static double UlpsOfSingle(float value, (double High, double Low) exact)
    {
        if (double.IsNaN(exact.High)) return float.IsNaN(value) ? 0 : Inf;
        // Halfway between the largest number and the next power of two, rounding gives infinity.
        if (Math.Abs(exact.High) >= 3.4028235677973366e38) return value == Math.Sign(exact.High) * float.PositiveInfinity ? 0 : Inf;
        double ulp = Math.Abs(exact.High) < 1.1754943508222875e-38 ? float.Epsilon : Math.ScaleB(1, Math.ILogB(exact.High) - 23);
        return float.IsFinite(value) ? Math.Abs(value - exact.High) / ulp : Inf;
    }
}
