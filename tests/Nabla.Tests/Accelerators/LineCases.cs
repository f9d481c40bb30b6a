using static Nabla.Transforms;

namespace Nabla.Tests.Accelerators;

/// <summary>What compiled programs make of lines on a device that composes kernels: one launch, with the bits of the operations one by one, and what the definitions say.</summary>
internal static class LineCases
{
    /// <summary>Lengths at and around a four, a warp, a group, and what registers hold in f32 and f64.</summary>
    public static int[] Lengths { get; } = [2, 3, 4, 5, 9, 31, 64, 65, 127, 128, 129, 510, 1023, 1024, 1025, 2048, 2052, 4097, 8192, 8200, 12289, 16383, 16384];

    /// <summary>Softmax, its relatives and derivatives, and other functions that use folds of lines for the lines' elements.</summary>
    public static (string Name, Func<(Tensor X, Tensor G), Tensor[]> Function, int Launches)[] Functions { get; } =
    [
        ("softmax", a => [a.X.Softmax()], 1),
        ("log-softmax", a => [a.X.LogSoftmax()], 1),
        ("log-sum-exp", a => [a.X.LogSumExp()], 1),
        ("derivative of softmax", a => [Vjp((Tensor x) => x.Softmax(), a.X) is var (y, pullback) ? pullback(a.G) : y], 1),
        ("derivative of log-softmax", a => [Vjp((Tensor x) => x.LogSoftmax(), a.X) is var (y, pullback) ? pullback(a.G) : y], 1),
        ("softmax of scaled scores, masked, with its largest", a => [Ops.Where(a.G > 0.5, a.X * 0.01 - 1e9, a.X * 0.25).Softmax(), a.X.Max(-1)], 2),
        ("layer norm", a => [Normalized(a.X) * a.G], 1),
        ("three folds of one value and the elements less their mean", a => Several(a.X * a.G), 1),
    ];

    private static Tensor Normalized(Tensor x)
    {
        Tensor centred = x - x.Mean(-1).ExpandDims(1);
        return centred * (centred.Square().Mean(-1) + 1e-5).Rsqrt().ExpandDims(1);
    }

    private static Tensor[] Several(Tensor y)
    {
        Tensor sum = y.Sum(1), most = y.Max(1), least = y.Min(1);
        return [y - (sum / y.Shape[1]).ExpandDims(1), most - least, sum, (y > most.ExpandDims(1) * 0.5)];
    }

    /// <summary>
    /// Chains of more elements than a device needs to give each work-item four of them: around a multiple of four and of a group, aligned and not, with operands that lie otherwise, and truth values; also in place.
    /// </summary>
    public static void CheckFours(Nabla.Kernels.Accelerator device, DType dtype)
    {
        using IDisposable _ = Device.Use(device);
        int columns = 8 * 128 * device.Multiprocessors;
        foreach ((int size, int offset) in ((int, int)[])[(columns, 0), (columns + 3, 0), (columns + 4, 1), (columns + 1021, 2)])
        {
            Tensor x = Numbers(dtype, 1, size, offset, 1), y = Numbers(dtype, 1, size, 0, 2), z = new RandomKey(3).Normal([size, 1], dtype).T, positive = Compile((Tensor a) => a > 0).Call(y), one = Numbers(dtype, 1, 1, 0, 4);
            RequireSame((Tensor[] a) =>
            {
                Tensor u = (a[0] * a[1] + a[2]).Tanh() * a[4], v = Ops.Where(a[3], u, a[0]);
                return [v, u > a[1], (u > 0) & a[3], v.Square() - a[0]];
            }, [x, y, z, positive, one], $"{size} {dtype.Name} from {offset}");
            DenseTensor expected = ((Tensor)x).ToDevice(Device.Cpu).Dense, place = ((DenseTensor)x).View(((DenseTensor)x).Layout);
            double[] doubled = [.. expected.ToDoubles().Select(e => 2 * e + 1)];
            if (dtype == DType.F32) doubled = [.. expected.ToDoubles().Select(e => (double)((float)(2 * e) + 1f))];
            Compile((Tensor a) => a * 2 + 1).Run(place, place);
            Assert.Equal(doubled, place.ToDoubles());
        }
    }

    /// <summary>Numbers of a fixed seed, or of other ones, whose first lies at any multiple of an element.</summary>
    public static DenseTensor Numbers(DType dtype, int lines, int length, int offset, ulong seed)
    {
        var all = (DenseTensor)(new RandomKey(seed).Normal([lines * length + offset], dtype) * 3);
        return all.View(new Layout([lines, length], [length, 1], offset));
    }

    /// <summary>Functions on lines of a length, aligned and not: all of them, or those that keep most.</summary>
    public static void Check(Device device, DType dtype, int lines, int length, bool all = false, Func<Func<Tensor[]>, long>? launches = null, bool scales = false)
    {
        using IDisposable _ = Device.Use(device);
        foreach (int offset in (int[])[0, 1])
        {
            (Tensor, Tensor) arguments = (Numbers(dtype, lines, length, offset, 1), Numbers(dtype, lines, length, 0, 2));
            foreach ((string name, Func<(Tensor X, Tensor G), Tensor[]> function, int most) in all ? Functions : scales ? [.. Functions[..3], Functions[^1]] : [Functions[0], Functions[^1]])
            {
                string what = $"{name}, {lines} lines of {length} {dtype.Name}, from {offset}";
                // Sums of exponentials that are scaled on the way are rounded otherwise.
                Tensor[] found = scales && name.Contains("-", StringComparison.Ordinal) | name == "softmax" ? Compile(function).Call(arguments) : RequireSame(function, arguments, what);
                RequireClose(name, arguments, found[0], what);
                if (launches is null) continue;
                Compiled<(Tensor, Tensor), Tensor[]> compiled = Compile(function);
                compiled.Call(arguments);
                Assert.True(most == launches(() => compiled.Call(arguments)), what);
            }
        }
    }

    /// <summary>The results of a compiled function, which must have the bits of its operations one by one.</summary>
    public static Tensor[] RequireSame<TIn>(Func<TIn, Tensor[]> function, TIn x, string what)
    {
        Tensor[] found = Compile(function).Call(x), expected;
        using (NablaDebug.Scope(fusion: false)) expected = Compile(function).Call(x);
        foreach ((Tensor a, Tensor b) in found.Zip(expected))
            Assert.True(b.ToDoubles().Select(Bits).SequenceEqual(a.ToDoubles().Select(Bits)), what);
        return found;
    }

    // All NaNs are alike.
    private static long Bits(double x) => double.IsNaN(x) ? -1 : BitConverter.DoubleToInt64Bits(x);

    private static void RequireClose(string name, (Tensor X, Tensor G) arguments, Tensor found, string what)
    {
        Func<double[], double[]>? exact = name switch
        {
            "softmax" => Softmax,
            "log-softmax" => LogSoftmax,
            "log-sum-exp" => x => [LogSumExp(x)],
            _ => null,
        };
        if (exact is null) return;
        int length = arguments.X.Shape[1];
        double unit = arguments.X.DType == DType.F32 ? Math.ScaleB(1, -24) : Math.ScaleB(1, -53), bound = (60 + 2 * Math.Log2(length)) * unit;
        double[] all = arguments.X.ToDoubles(), results = found.ToDoubles();
        double[] expected = [.. all.Chunk(length).SelectMany(exact)];
        Assert.Equal(expected.Length, results.Length);
        for (int i = 0; i < results.Length; i++)
            Assert.True(Math.Abs(results[i] - expected[i]) <= bound * (name == "softmax" ? expected[i] : 1 + Math.Abs(expected[i])), $"{what}: element {i} is {results[i]}, should be {expected[i]}");
    }

    private static double LogSumExp(double[] x)
    {
        double top = x.Max();
        return Math.Log(SumOfPowers(x, top)) + top;
    }

    // Σ e^(x − top), compensated.
    private static double SumOfPowers(double[] x, double top)
    {
        (double sum, double lost) = (0, 0);
        foreach (double e in x)
        {
            double term = Math.Exp(e - top) - lost, next = sum + term;
            (lost, sum) = (next - sum - term, next);
        }
        return sum;
    }

    private static double[] LogSoftmax(double[] x)
    {
        double sum = LogSumExp(x);
        return [.. x.Select(e => e - sum)];
    }

    private static double[] Softmax(double[] x)
    {
        double top = x.Max(), sum = SumOfPowers(x, top);
        return [.. x.Select(e => Math.Exp(e - top) / sum)];
    }

    /// <summary>Infinities, NaN, both zeros and huge numbers, against the kernels of the CPU.</summary>
    public static void CheckSpecialValues(Device device, DType dtype, int length, bool scales = false)
    {
        double inf = double.PositiveInfinity, nan = double.NaN, huge = dtype == DType.F32 ? 3e38 : 1e308;
        double[][] starts = [[-inf], [inf], [nan], [-0.0], [huge], [-huge], [0, -inf], [-inf, 1], [inf, -inf], [nan, inf], [1, nan], [huge, -huge], [0, -0.0], [inf, inf], [-inf, nan], [3, inf]];
        // A line is its beginning again and again, or the beginning once at the end of equal numbers.
        double[] numbers = [.. starts.SelectMany(s => Enumerable.Range(0, length).Select(i => s[i % s.Length])), .. starts.SelectMany(s => Enumerable.Range(0, length).Select(i => i + s.Length >= length ? s[i + s.Length - length] : 0.5))];
        // Enough lines for one launch.
        if (scales) numbers = [.. numbers, .. numbers];
        int[] shape = [numbers.Length / length, length];
        Tensor here = Tensor.From(numbers, shape, Device.Cpu).To(dtype), there = here.ToDevice(device);
        foreach ((string name, Func<(Tensor X, Tensor G), Tensor[]> function, _) in scales ? Functions[..3] : Functions)
        {
            double[][] expected, found;
            using (Device.Use(Device.Cpu)) expected = [.. function((here, here.OnesLike())).Select(t => t.ToDoubles())];
            using (Device.Use(device)) found = [.. (scales ? Compile(function).Call((there, there.OnesLike())) : RequireSame(function, (there, there.OnesLike()), $"{name} of special values, {length} {dtype.Name}")).Select(t => t.ToDoubles())];
            if (name is not ("softmax" or "log-softmax" or "log-sum-exp")) continue;
            foreach ((double e, double f) in expected.SelectMany(x => x).Zip(found.SelectMany(x => x)))
                Assert.True(e.Equals(f) || Math.Abs(e - f) <= (dtype == DType.F32 ? 2e-6 : 1e-14) * Math.Abs(e), $"{name} {dtype.Name} {length}: {f}, on the CPU {e}");
        }
    }
}
