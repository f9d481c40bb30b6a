using System.Numerics;
using Nabla.Kernels;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Accelerators.DeviceProductTests;
using static Nabla.Transforms;

namespace Nabla.Tests.Cuda;

/// <summary>
/// Products on tensor cores: the C# bodies in the emulator, and the generated CUDA C on the stand-in, which carries out <c>mma.sync</c> across the lanes of a warp as the PTX ISA lays it out, with sums that
/// are cut off as no GPU is known to do more coarsely.
/// </summary>
[Collection(nameof(FakeCuda))]
public sealed class TensorCoreTests(ITestOutputHelper output)
{
    public static TheoryData<string> Devices => ["emu", "9.0", "8.0"];

    // Whole and cut tiles, one step, several, and more than there are stages; batches.
    private static readonly (int Batch, int M, int N, int K)[] Sizes = [(1, 128, 128, 16), (1, 130, 132, 20), (2, 129, 36, 53), (3, 7, 9, 0), (1, 64, 136, 80)];

    private static Accelerator Find(string name) => name switch
    {
        "emu" => (Accelerator)Device.Parse(name),
        "9.0" => FakeCuda.Devices[0],
        _ => FakeCuda.Open(change: info => info with { Architecture = 80 }),
    };

    private static TiledProduct[] Kernels<T, TMath>(Case c) where T : unmanaged, IFloatingPointIeee754<T> where TMath : struct, ITensorMath<T>
    {
        (DType type, MatMulPrecision precision) = typeof(TMath) == typeof(TensorF64) ? (DType.F64, MatMulPrecision.Highest)
            : (DType.F32, typeof(TMath) == typeof(TensorTf32) ? MatMulPrecision.Medium : typeof(TMath) == typeof(TensorBf16) ? MatMulPrecision.Low : MatMulPrecision.High);
        TiledProduct[] kernels = [.. DeviceTensorCores.Products(type, FakeCuda.Devices[0], precision, c.Shape)!];
        Assert.All(kernels, k => Assert.Contains($"_{typeof(TMath).Name}_{k.Name}_{(c.TransposedA ? "Wide" : "Deep")}Tile_{(c.TransposedB ? "Deep" : "Wide")}Tile", k.Program.Name));
        return kernels;
    }

    private static (double[] C, double[] A, double[] B) Compute(Accelerator device, Case c, TiledProduct kernel, Func<int, double>? values, DeviceEpilogue? epilogue, bool f64)
    {
        ProductShape shape = c.Shape;
        (shape.TilesDown, shape.TilesAcross, shape.TileRows) = ((c.M + kernel.Rows - 1) / kernel.Rows, (c.N + kernel.Columns - 1) / kernel.Columns, kernel.Rows);
        LaunchSize launch = kernel.Group with { GridX = shape.TilesDown * shape.TilesAcross * c.Batch };
        return f64 ? Run<double>(device, c, kernel.Program, launch, shape, epilogue, values) : Run<float>(device, c, kernel.Program, launch, shape, epilogue, values);
    }

    // By every kernel of an arithmetic: they must give the same bits.
    private static (double[] C, double[] A, double[] B) Compute<T, TMath>(Accelerator device, Case c, Func<int, double>? values = null)
        where T : unmanaged, IFloatingPointIeee754<T> where TMath : struct, ITensorMath<T>
    {
        (double[] C, double[] A, double[] B)[] runs = [.. Kernels<T, TMath>(c).Select(k => Compute(device, c, k, values, null, typeof(T) == typeof(double)))];
        Assert.All(runs, run => Assert.Equal(runs[0].C, run.C));
        return runs[0];
    }

    // The formats by their definition: so many digits after the leading one, ties away from zero or to even.
    private static double Rounded(double x, int digits, MidpointRounding ties)
    {
        if (x == 0) return 0;
        int shift = digits - Math.ILogB(x);
        return Math.ScaleB(Math.Round(Math.ScaleB(x, shift), ties), -shift);
    }

    private static double Tf32(double x) => Rounded(x, 10, MidpointRounding.AwayFromZero);

    private static double Bf16(double x) => Rounded(x, 7, MidpointRounding.ToEven);

    [Theory, MemberData(nameof(Devices))]
    public void Products_are_those_of_the_operands_as_the_formats_have_them(string name)
    {
        Accelerator device = Find(name);
        // The emulator needs a second for a block.
        foreach ((int Batch, int M, int N, int K) size in name == "emu" ? [(1, 130, 36, 53), (2, 7, 68, 16)] : Sizes)
            foreach ((bool ta, bool tb) in ((bool, bool)[])[(false, false), (true, true), (false, true), (true, false)])
            {
                var c = new Case(size.Batch, size.M, size.N, size.K, ta, tb);
                // Each operand in both ways of lying; all pairs of ways in one arithmetic. 8.0 and 9.0 differ in f64.
                if (ta == tb || name == "9.0") Check(Compute<double, TensorF64>(device, c), x => x, -53, 0);
                if (ta != tb || name == "8.0") continue;
                // Sums are rounded towards zero at worst, at each term.
                Check(Compute<float, TensorTf32>(device, c), Tf32, -23, 0);
                Check(Compute<float, TensorBf16>(device, c), Bf16, -23, 0);
                // Parts that are left out: 2⁻²³ of each operand, 2⁻²² of their product; tiles of 16 terms of three products.
                Check(Compute<float, TensorTf32Split>(device, c), x => x, -23, 64);

                void Check((double[] C, double[] A, double[] B) run, Func<double, double> format, int roundoff, int more)
                {
                    (double[] a, double[] b) = (Array.ConvertAll(run.A, x => format(x)), Array.ConvertAll(run.B, x => format(x)));
                    for (int i = 0; i < run.C.Length; i++)
                    {
                        (double exact, double terms) = c.Sum(a, b, i);
                        Assert.True(Math.Abs(run.C[i] - exact) <= (c.K + 1 + more) * Math.ScaleB(terms, roundoff), $"{format.Method.Name} {c} on {device} at {i}: {run.C[i]:R} instead of {exact:R}");
                    }
                }
            }
    }

    [Theory]
    [InlineData("emu")]
    [InlineData("9.0")]
    public void What_is_not_finite_is_what_f32_gives(string name)
    {
        Accelerator device = Find(name);
        var c = new Case(1, 20, 24, 40, false, false);
        // Infinities beside zeros and beside numbers that TF32 holds exactly, a NaN that only its last bit tells from an infinity, numbers that round to infinity, sums that overflow, and the smallest ones.
        float[] special = [float.PositiveInfinity, float.NegativeInfinity, float.NaN, BitConverter.Int32BitsToSingle(0x7F800001), float.MaxValue, -float.MaxValue, 2e38f, float.Epsilon];
        int drawn = 0;
        double Value(int i)
        {
            (bool ofB, int row) = (drawn++ % (c.M * c.K + c.K * c.N) >= c.M * c.K, i / c.K);
            Func<int, double> noise = Nabla.Tests.Kernels.LayoutCases.Noise(ofB ? 2 : 1);
            if (ofB) return i % c.N < 3 && i / c.N == 5 ? (i % c.N) switch { 0 => 0, 1 => float.PositiveInfinity, _ => 1e-42f } : i % c.N == 3 ? 1 : (float)noise(i);
            return row < special.Length && i % c.K == 5 ? special[row] : row == 8 && i % c.K < 20 ? 3e37f : (float)noise(i);
        }
        Check(Special<TensorTf32>(), 1.0 / 512);
        Check(Special<TensorBf16>(), 1.0 / 64);
        Check(Special<TensorTf32Split>(), 1e-5);

        (double[] C, double[] A, double[] B) Special<TMath>() where TMath : struct, ITensorMath<float> => Compute<float, TMath>(device, c, Value);

        void Check((double[] C, double[] A, double[] B) run, double tolerance)
        {
            int strange = 0;
            for (int i = 0; i < run.C.Length; i++)
            {
                float sum = 0;
                double terms = 0, sizes = 0;
                for (int p = 0; p < c.K; p++)
                {
                    (float x, float y) = ((float)run.A[i / c.N * c.K + p], (float)run.B[p * c.N + i % c.N]);
                    sum = MathF.FusedMultiplyAdd(x, y, sum);
                    (terms, sizes) = (terms + Math.Abs((double)x * y), sizes + (float.IsFinite(x + y) ? Math.Abs((double)x) + Math.Abs(y) : 0));
                }
                // Below 2⁻¹³⁶ the formats have nothing.
                if (float.IsFinite(sum)) Assert.True(Math.Abs(run.C[i] - sum) <= tolerance * terms + Math.ScaleB(sizes, -136), $"{i / c.N}, {i % c.N} on {device}: {run.C[i]:R} instead of {sum:R}");
                else Assert.Equal(sum, (float)run.C[i]);
                strange += float.IsFinite(sum) ? 0 : 1;
            }
            Assert.InRange(strange, 100, 300);
        }
    }

    [Fact]
    public void Errors_are_those_of_the_formats_and_three_products_are_as_good_as_f32()
    {
        Accelerator device = FakeCuda.Devices[0];
        foreach (bool positive in (bool[])[false, true])
            foreach (int k in (int[])[64, 256, 1024, 2048])
            {
                var c = new Case(1, 48, 64, k, false, false);
                int drawn = 0;
                var random = new Random(k);
                double[] values = [.. Enumerable.Range(0, c.M * k + k * c.N).Select(_ => positive ? random.NextDouble() : Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble()))];
                double Value(int i) => (float)values[drawn++ % values.Length];
                (double rms, double most) ErrorOf(IEnumerable<TiledProduct> kernels) => Error(Compute(device, c, kernels.MinBy(k => k.Rows * k.Columns)!, Value, null, false));
                (double rms, double most) highest = ErrorOf(MatMulKernels.ProductsOf<float>(true)), high = ErrorOf(Kernels<float, TensorTf32Split>(c));
                (double rms, double most) medium = ErrorOf(Kernels<float, TensorTf32>(c)), low = ErrorOf(Kernels<float, TensorBf16>(c));
                output.WriteLine($"k = {k,4}, {(positive ? "positive" : "normal"),8}: Highest {highest.rms:E1} ({highest.most:E1}), High {high.rms:E1} ({high.most:E1}), Medium {medium.rms:E1} ({medium.most:E1}), Low {low.rms:E1} ({low.most:E1})");
                double u = Math.ScaleB(1, -24);
                Assert.InRange(highest.most, 0, (k + 1) * u);
                Assert.InRange(high.most, 0, (k / 16.0 + 40) * u);
                Assert.InRange(high.rms, 0, (k < 256 ? 2 : 1) * highest.rms);
                // Both operands' rounding, then sums towards zero, one for each instruction.
                Assert.InRange(medium.most, highest.most, Math.ScaleB(1, -10) + (k / 8 + 1) * 2 * 3 * u);
                Assert.InRange(low.most, medium.most, Math.ScaleB(1, -7) + (k / 16 + 1) * 2 * 3 * u);

                // Relative to the result as a whole, and the largest relative to its own terms.
                (double, double) Error((double[] C, double[] A, double[] B) run)
                {
                    double errors = 0, sums = 0, most = 0;
                    for (int i = 0; i < run.C.Length; i++)
                    {
                        (double exact, double terms) = c.Sum(run.A, run.B, i);
                        (errors, sums, most) = (errors + (run.C[i] - exact) * (run.C[i] - exact), sums + exact * exact, Math.Max(most, Math.Abs(run.C[i] - exact) / terms));
                    }
                    return (Math.Sqrt(errors / sums), most);
                }
            }
    }

    [Fact]
    public void Operations_finish_products_on_tensor_cores()
    {
        Accelerator device = FakeCuda.Devices[0];
        var c = new Case(2, 130, 36, 24, false, true);
        Shape all = [c.Batch, c.M, c.N];
        DenseTensor two = Tensor.From([2f], []).Place(device), doubled = DeviceCases.Output(DType.F32, all, device), sums = DeviceCases.Output(DType.F32, all, device);
        var epilogue = new DeviceEpilogue(DType.F32,
            [new(two.View(two.Layout.BroadcastInDim(all, [])), FusedUse.Load), new(sums, FusedUse.Load), new(doubled, FusedUse.Store, 2), new(sums, FusedUse.Store, 1)], 1,
            [new LoopOperation(LaneForm.Binary<MulOp>(), 1, 0)]);
        double Value(int i) => i == 7 ? double.PositiveInfinity : (i * 37 % 101 - 50) / 32f;
        double[] plain = Compute<float, TensorTf32Split>(device, c, Value).C;
        foreach (TiledProduct kernel in Kernels<float, TensorTf32Split>(c))
        {
            Compute(device, c, kernel, Value, epilogue, f64: false);
            Assert.Equal(plain, sums.ToDoubles());
            Assert.Equal(plain.Select(v => 2 * v), doubled.ToDoubles());
        }
        Assert.Contains(double.PositiveInfinity, plain);
    }

    [Fact]
    public void The_device_and_the_precision_choose_the_kernel()
    {
        var shape = new ProductShape { ColumnA = 1, RowA = 8, ColumnB = 1, RowB = 8 };
        string? Name(DType type, int architecture, MatMulPrecision precision) =>
            DeviceTensorCores.Products(type, FakeCuda.Open(change: info => info with { Architecture = architecture }), precision, shape)?[0].Program.Name;
        foreach (int architecture in (int[])[80, 86, 89, 90, 100, 120])
        {
            Assert.Null(Name(DType.F32, architecture, MatMulPrecision.Highest));
            Assert.Contains("_TensorTf32Split_", Name(DType.F32, architecture, MatMulPrecision.High));
            Assert.Contains("_TensorTf32_", Name(DType.F32, architecture, MatMulPrecision.Medium));
            Assert.Contains("_TensorBf16_", Name(DType.F32, architecture, MatMulPrecision.Low));
            Assert.Equal(architecture is 80 or >= 90, Name(DType.F64, architecture, MatMulPrecision.Highest) is not null);
        }
        foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
        {
            Assert.Null(Name(DType.F32, 75, precision));
            Assert.Null(Name(DType.F64, 75, precision));
            Assert.Null(DeviceTensorCores.Products(DType.F32, (Accelerator)Device.Parse("emu"), precision, shape));
        }
    }

    [Fact]
    public void Products_use_the_precision_of_the_moment_also_where_they_are_replayed()
    {
        using IDisposable device = Device.Use(FakeCuda.Devices[0]);
        Tensor a = new RandomKey(1).Normal([384, 40]), b = new RandomKey(2).Normal([40, 512]), y = Tensor.From(new float[512 * 40], [512, 40]), exact = ToHost(a, DType.F64).MatMul(ToHost(b, DType.F64));
        Compiled<Tensor[], Tensor> compiled = Compile((Tensor[] p) => p[0].MatMul(p[1]).T.MatMul(p[0]));
        double[] worst = new double[4];
        foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
        {
            using IDisposable chosen = MatMulPrecision.Use(precision);
            worst[(int)precision] = (ToHost(a.MatMul(b), DType.F64) - exact).Abs().Max().ToDouble();
        }
        for (int round = 0; round < 4; round++)
            foreach (MatMulPrecision precision in (MatMulPrecision[])[MatMulPrecision.Highest, MatMulPrecision.Medium])
            {
                using IDisposable chosen = MatMulPrecision.Use(precision);
                Assert.Equal(precision, MatMulPrecision.Default);
                long graphs = FakeCuda.Get(FakeCuda.Place.GraphLaunches);
                compiled.Run([a, b], y);
                Assert.Equal(round < 2 ? 0 : 1, FakeCuda.Get(FakeCuda.Place.GraphLaunches) - graphs);
                Assert.Equal(a.MatMul(b).T.MatMul(a).ToDoubles(), y.ToDoubles());
            }
        Assert.Equal(MatMulPrecision.Highest, MatMulPrecision.Default);
        Assert.InRange(worst[1], worst[0] / 8, 2 * worst[0]);
        double terms = a.Abs().MatMul(b.Abs()).Max().ToDouble();
        Assert.InRange(worst[2], 100 * worst[0], Math.ScaleB(terms, -10));
        Assert.InRange(worst[3], 4 * worst[2], Math.ScaleB(terms, -7));
        // f64 is not concerned, and neither is what other operations multiply inside.
        Tensor a64 = a.To(DType.F64), b64 = b.To(DType.F64);
        DenseTensor inside = DeviceCases.Output(DType.F32, [384, 512], FakeCuda.Devices[0]);
        double[] sums = a64.MatMul(b64).ToDoubles(), products = a.MatMul(b).ToDoubles();
        using IDisposable lowest = MatMulPrecision.Use(MatMulPrecision.Low);
        Assert.Equal(sums, a64.MatMul(b64).ToDoubles());
        MatMul.Run((DenseTensor)a, (DenseTensor)b, inside);
        Assert.Equal(products, inside.ToDoubles());

        static Tensor ToHost(Tensor x, DType dtype) => x.ToDevice(Device.Cpu).To(dtype);
    }

    [Fact]
    public void Tiles_are_read_without_conflicts_between_banks()
    {
        foreach (int lines in (int[])[64, 128, 256])
            foreach (int wide in (int[])[0, lines])
            {
                Check(TensorCores.Place<float>, TensorCores.Depth<float>(), lanes: 32);
                // 8 bytes for each lane: half a warp at a time.
                Check(TensorCores.Place<double>, TensorCores.Depth<double>(), lanes: 16);

                void Check(Func<int, int, int, int> place, int depth, int lanes)
                {
                    int[] places = [.. from line in Enumerable.Range(0, lines) from d in Enumerable.Range(0, depth) select place(wide, line, d)];
                    Assert.Equal(Enumerable.Range(0, lines * depth), places.Order());
                    for (int line = 0; line < lines; line += lanes / 4)
                        for (int d = 0; d < depth; d += 4)
                            Assert.Equal(lanes, Enumerable.Range(0, lanes).Select(lane => place(wide, line + lane / 4, d + lane % 4) % lanes).Distinct().Count());
                    // Fours along the dense axis are neighbours, at multiples of four; a warp's part begins where its first line does.
                    for (int i = 0; i < lines * depth; i++)
                    {
                        (int line, int d) = (i / depth, i % depth);
                        Assert.Equal(place(wide, wide == 0 ? line : line / 4 * 4, wide == 0 ? d / 4 * 4 : d) + (wide == 0 ? d : line) % 4, place(wide, line, d));
                        Assert.Equal(0, place(wide, line / 4 * 4, d / 4 * 4) % 4);
                        Assert.Equal(place(wide, line / 32 * 32, 0) + place(wide, line % 32, d), place(wide, line, d));
                    }
                }
            }
    }

    [Fact]
    public void Precisions_have_names()
    {
        Assert.Equal([MatMulPrecision.Highest, MatMulPrecision.Highest, MatMulPrecision.High, MatMulPrecision.Medium, MatMulPrecision.Low],
            ((string?[])[null, "", "high", "MEDIUM", "Low"]).Select(MatMulPrecisions.FromText));
        TextWriter before = Console.Error;
        using var text = new StringWriter();
        try
        {
            Console.SetError(text);
            Assert.Equal(MatMulPrecision.Highest, MatMulPrecisions.FromText("tf32"));
        }
        finally
        {
            Console.SetError(before);
        }
        Assert.Contains("no such precision: tf32; expected highest, high, medium or low", text.ToString());
    }
}
