using System.Globalization;
using System.Reflection;
using Nabla.Kernels;
using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Kernels;

/// <summary>Errors of the special functions in units in the last place, against values of 60 digits that <c>tests/oracle/special_values.py</c> computed.</summary>
public sealed class SpecialFunctionTests
{
    private const double Inf = double.PositiveInfinity, NaN = double.NaN;

    private sealed record Case(Type Op, Action<DenseTensor, DenseTensor> Run);

    private sealed record Point(double X, double High, double Low);

    private static readonly Dictionary<string, Case> Functions = new[]
    {
        Of<NormalCdfOp>(), Of<NormalQuantileOp>(), Of<ErfInvOp>(), Of<LogGammaOp>(), Of<DigammaOp>(), Of<SinhOp>(), Of<CoshOp>(), Of<AsinOp>(),
        Of<AcosOp>(), Of<AtanOp>(),
    }.ToDictionary(c => c.Op.Name);

    private static readonly ILookup<string, Point> Exact = File
        .ReadLines(Path.Combine(Repository.Root, "tests", "Nabla.Tests", "Verified", "special-values.csv")).Select(l => l.Split(','))
        .ToLookup(f => f[0], f => new Point(Number(f[1]), Number(f[2]), Number(f[3])));

    public static TheoryData<string> Names => [.. Functions.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Errors_stay_below_the_stated_bound(string name) =>
        Check(name, [.. Exact[name]], Functions[name].Run, Functions[name].Op.GetCustomAttribute<ElementOpAttribute>()!.MaxUlp);

    [Fact]
    public void Below_zero_the_gamma_functions_keep_the_bound_relative_to_their_terms()
    {
        Check("LogGammaNegative", [.. Exact["LogGammaNegative"]], Map.Unary<LogGammaOp>, 4, x => Math.Max(1, Math.Abs(LogGammaOp.Invoke(-x))));
        Check("DigammaNegative", [.. Exact["DigammaNegative"]], Map.Unary<DigammaOp>, 4, x => Math.Abs(DigammaOp.Invoke(-x)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Derivatives_of_digamma_stay_below_the_stated_bound(int n)
    {
        Point[] points = [.. Exact[$"Polygamma{n}"]];
        Check($"Polygamma{n}", [.. points.Where(p => p.X > 0)], (x, y) => Map.Polygamma(x, n, y), 4 + n);
        Check($"Polygamma{n}", [.. points.Where(p => p.X < 0)], (x, y) => Map.Polygamma(x, n, y), 4 + n, x => Math.Pow(2, n + 1) * Math.PI * 4);
    }

    public static TheoryData<string> Devices => DeviceCases.Names;

    [Theory, MemberData(nameof(Devices))]
    public void On_devices_the_same_bounds_hold(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach (string op in (string[])[nameof(NormalQuantileOp), nameof(ErfInvOp), nameof(LogGammaOp), nameof(DigammaOp)])
            Check(op, [.. Exact[op]], OnDevice(Functions[op].Run), 4);
        Check("LogGammaNegative", [.. Exact["LogGammaNegative"]], OnDevice(Map.Unary<LogGammaOp>), 4, x => Math.Max(1, Math.Abs(LogGammaOp.Invoke(-x))));
        Check("DigammaNegative", [.. Exact["DigammaNegative"]], OnDevice(Map.Unary<DigammaOp>), 4, x => Math.Abs(DigammaOp.Invoke(-x)));
        foreach (int n in (int[])[1, 2, 3])
            Check($"Polygamma{n}", [.. Exact[$"Polygamma{n}"].Where(p => p.X > 0)], OnDevice((x, y) => Map.Polygamma(x, n, y)), 4 + n);
        double[] special = [0.0, -0.0, Inf, -Inf, NaN, 1, -1, 2, 0.5, 1e-320, -1.5];
        foreach (Action<DenseTensor, DenseTensor> run in (Action<DenseTensor, DenseTensor>[])
            [Map.Unary<NormalQuantileOp>, Map.Unary<ErfInvOp>, Map.Unary<LogGammaOp>, Map.Unary<DigammaOp>, (x, y) => Map.Polygamma(x, 1, y), (x, y) => Map.Polygamma(x, 2, y)])
        {
            double[] here = Apply(run, special), there = Apply(OnDevice(run), special);
            for (int i = 0; i < here.Length; i++)
                Assert.True(here[i].Equals(there[i]) || Math.Abs(here[i] - there[i]) <= 8 * Unit(here[i], -1022, 52), $"{special[i]}: {there[i]:R} instead of {here[i]:R}");
        }

        Action<DenseTensor, DenseTensor> OnDevice(Action<DenseTensor, DenseTensor> run) => (x, y) =>
        {
            DenseTensor there = DeviceCases.Output(y.DType, y.Shape, device);
            run(x.Place(device), there);
            Move.Copy(there, y);
        };
    }

    [Fact]
    public void Special_values_are_exact()
    {
        double[] x = [0.0, -0.0, Inf, -Inf, NaN, 1, -1];
        Same<NormalCdfOp>([1, 0, NaN], x[2..5]);
        Same<NormalQuantileOp>([-Inf, -Inf, NaN, NaN, NaN, Inf, NaN, 0], [.. x, 0.5]);
        Same<ErfInvOp>([0.0, -0.0, NaN, NaN, NaN, Inf, -Inf], x);
        Same<LogGammaOp>([Inf, Inf, Inf, Inf, NaN, 0, Inf, 0], [.. x, 2]);
        Same<DigammaOp>([-Inf, Inf, Inf, NaN, NaN], x[..5]);
        Same<SinhOp>([0.0, -0.0, Inf, -Inf, NaN], x[..5]);
        Same<CoshOp>([1, 1, Inf, Inf, NaN], x[..5]);
        Same<SinhOp>([Inf, -Inf], [711, -1e300]);
        Same<CoshOp>([Inf, Inf], [711, -1e300]);
    }

    [Fact]
    public void Functions_with_a_slope_at_zero_keep_subnormal_arguments()
    {
        double[] x = [double.Epsilon, -double.Epsilon, 3e-310, 2.2250738585072014e-308];
        foreach (Action<DenseTensor, DenseTensor> run in (Action<DenseTensor, DenseTensor>[])[Map.Unary<SinhOp>, Map.Unary<AsinOp>, Map.Unary<AtanOp>])
            Assert.Equal(x, Apply(run, x));
        Assert.Equal(Array.ConvertAll(x, v => v * 0.886226925452758), Apply(Map.Unary<ErfInvOp>, x));
    }

    [Theory, MemberData(nameof(Names))]
    public void Results_depend_neither_on_the_length_nor_on_the_position(string name)
    {
        Action<DenseTensor, DenseTensor> run = Functions[name].Run;
        float[] single = [.. Enumerable.Range(1, 67).Select(i => i * 0.0149f)];
        double[] full = Array.ConvertAll(single, v => v * 0.9), whole = Apply(run, full);
        float[] wholeOfSingle = Apply(run, single);
        for (int length = 1; length <= 67; length += 3)
        {
            Assert.Equal(wholeOfSingle[..length], Apply(run, single[..length]));
            Assert.Equal(whole[(67 - length)..], Apply(run, full[(67 - length)..]));
        }
    }

    private static Case Of<TOp>() where TOp : struct, IUnaryOp => new(typeof(TOp), Map.Unary<TOp>);

    // In ulps of the result, or of a scale where that is larger.
    private static void Check(
        string name, Point[] points, Action<DenseTensor, DenseTensor> run, double bound, Func<double, double>? scale = null)
    {
        Assert.True(points.Length >= 10, name);
        double[] y = Apply(run, Array.ConvertAll(points, p => p.X));
        Point[] singles = [.. points.Where(p => (float)p.X == p.X)];
        float[] z = Apply(run, Array.ConvertAll(singles, p => (float)p.X));
        double worst = 0, worstOfSingle = 0;
        for (int i = 0; i < y.Length; i++)
        {
            double unit = Unit(Math.Max(Math.Abs(points[i].High), scale?.Invoke(points[i].X) ?? 0), -1022, 52);
            double error = Math.Abs(y[i] - points[i].High - points[i].Low) / unit;
            worst = Math.Max(worst, error);
            Assert.True(error <= bound, $"{name} f64 at {points[i].X:R}: {y[i]:R} is {error:G4} ulp from {points[i].High:R}");
        }
        for (int i = 0; i < z.Length; i++)
        {
            if (Math.Abs(singles[i].High) > 3.4e38)
            {
                Assert.Equal(Math.Sign(singles[i].High) * float.PositiveInfinity, z[i]);
                continue;
            }
            double unit = Unit(Math.Max(Math.Abs(singles[i].High), scale?.Invoke(singles[i].X) ?? 0), -126, 23);
            double error = Math.Abs(z[i] - singles[i].High - singles[i].Low) / unit;
            worstOfSingle = Math.Max(worstOfSingle, error);
            Assert.True(error <= bound, $"{name} f32 at {singles[i].X:R}: {z[i]:R} is {error:G4} ulp from {singles[i].High:R}");
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: f64 {worst:F2}, f32 {worstOfSingle:F2} ulp at most");
    }

    private static double Unit(double value, int lowest, int digits) =>
        Math.ScaleB(1, Math.Max(value == 0 ? lowest : Math.ILogB(value), lowest) - digits);

    private static void Same<TOp>(double[] expected, double[] x) where TOp : struct, IUnaryOp
    {
        Assert.Equal(expected.Select(Pattern), Apply(Map.Unary<TOp>, x).Select(Pattern));
        Assert.Equal(expected.Select(Pattern), Apply(Map.Unary<TOp>, Array.ConvertAll(x, v => (float)v)).Select(v => Pattern(v)));

        static string Pattern(double v) => double.IsNaN(v) ? "NaN" : $"{(double.IsNegative(v) ? '-' : '+')}{Math.Abs(v):R}";
    }

    private static T[] Apply<T>(Action<DenseTensor, DenseTensor> run, T[] x) where T : unmanaged
    {
        DenseTensor y = DenseTensor.Allocate(new Aval(DTypes.Of<T>(), [x.Length]), Device.Default);
        run(Tensor.From(x), y);
        return y.ToArray<T>();
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
