using Nabla.Kernels;
using Nabla.Kernels.Language;
using static Nabla.Transforms;

namespace Nabla.Tests.Accelerators;

/// <summary>Every kernel for products on every device, with and without operations that finish them.</summary>
public sealed class DeviceProductTests
{
    public static TheoryData<string> Devices => DeviceCases.Names;

    // Whole and cut tiles and strips, vectors of four and not, one step and several of the depth, batches; the last two depths lie around a panel of strips.
    private static readonly (int Batch, int M, int N, int K)[] Sizes =
        [(1, 1, 1, 1), (1, 5, 33, 3), (2, 64, 32, 16), (3, 7, 9, 0), (1, 60, 66, 40), (1, 130, 132, 20), (2, 129, 36, 17), (1, 12, 64, 256), (1, 6, 31, 259), (1, 67, 1, 300), (3, 40, 5, 132), (6, 8, 7, 21), (19, 3, 8, 17)];

    [Theory, MemberData(nameof(Devices))]
    public void Every_kernel_computes_the_product(string name) => CheckEveryKernel((Accelerator)DeviceCases.Find(name));

    /// <summary>Every kernel against sums in f64; the kernels for many tiles against each other, bit by bit.</summary>
    internal static void CheckEveryKernel(Accelerator device)
    {
        (bool A, bool B)[] transposed = [(false, false), (true, true), (false, true), (true, false)];
        // The emulator is slow: two layouts for each size there.
        int layouts = device is EmulatedDevice ? 2 : 4;
        for (int i = 0; i < Sizes.Length * layouts; i++)
        {
            ((int Batch, int M, int N, int K) size, (bool A, bool B) turn) = (Sizes[i / layouts], transposed[(i + i / layouts) % 4]);
            var c = new Case(size.Batch, size.M, size.N, size.K, turn.A, turn.B);
            All<float>(c, -24);
            if (device.HasDouble && (layouts == 4 || i % 2 == 0)) All<double>(c, -53);
        }

        void All<T>(Case c, int roundoff) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
        {
            double[]? tiled = null;
            foreach ((string kernel, KernelProgram program, LaunchSize launch, ProductShape shape) in Kernels<T>(c, device))
            {
                (double[] actual, double[] a, double[] b) = Run<T>(device, c, program, launch, shape, null);
                bool isTiled = MatMulKernels.ProductsOf<T>(true).Any(p => p.Program == program);
                if (isTiled && tiled is not null) Assert.True(tiled.AsSpan().SequenceEqual(actual), $"{kernel} {typeof(T).Name} {c} on {device}: other bits than the kernel before");
                if (isTiled) tiled = actual;
                for (int i = 0; i < actual.Length; i++)
                {
                    (double exact, double size) = c.Sum(a, b, i);
                    Assert.True(Math.Abs(actual[i] - exact) <= (c.K + 1) * Math.ScaleB(size, roundoff), $"{kernel} {typeof(T).Name} {c} on {device} at {i}: {actual[i]:R} instead of {exact:R}");
                }
            }
        }
    }

    [Fact]
    public void Every_kernel_takes_the_operations_that_finish_it()
    {
        Accelerator device = OpenClTexts.Device;
        foreach ((int Batch, int M, int N, int K) size in Sizes)
        {
            All<float>(new Case(size.Batch, size.M, size.N, size.K, false, true), DType.F32);
            if (device.HasDouble) All<double>(new Case(size.Batch, size.M, size.N, size.K, true, false), DType.F64);
        }

        void All<T>(Case c, DType dtype) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
        {
            foreach ((string kernel, KernelProgram program, LaunchSize launch, ProductShape shape) in Kernels<T>(c, device))
            {
                (double[] plain, _, _) = Run<T>(device, c, program, launch, shape, null);
                // y = product · 2 in memory of its own, and the product itself where it always is.
                Shape all = [c.Batch, c.M, c.N];
                DenseTensor two = DenseTensor.Allocate(new Aval(dtype, []), device), doubled = DenseTensor.Allocate(new Aval(dtype, all), device), sums = DenseTensor.Allocate(new Aval(dtype, all), device);
                Nabla.Kernels.Move.Copy(dtype == DType.F32 ? (DenseTensor)Tensor.From([2f], []) : (DenseTensor)Tensor.From([2.0], []), two);
                var epilogue = new DeviceEpilogue(dtype,
                    [new(two.View(two.Layout.BroadcastInDim(all, [])), FusedUse.Load), new(sums, FusedUse.Load), new(doubled, FusedUse.Store, 2), new(sums, FusedUse.Store, 1)], 1,
                    [new LoopOperation(LaneForm.Binary<MulOp>(), 1, 0)]);
                Run<T>(device, c, program, launch, shape, epilogue);
                Assert.Equal(plain, sums.ToDoubles());
                Assert.True(plain.Select(v => 2 * v).SequenceEqual(doubled.ToDoubles()), $"{kernel} {c}");
            }
        }
    }

    [Fact]
    public void A_layer_is_one_launch_with_the_bits_of_its_operations()
    {
        Device device = OpenClTexts.Device;
        // As strips, as dot products, element by element.
        foreach ((int batch, int inputs, int outputs) in ((int, int, int)[])[(70, 300, 50), (1, 200, 3), (2, 3, 4)])
        {
            Tensor x = Normal(1, [batch, inputs]), w = Normal(2, [inputs, outputs]), b = Normal(3, [outputs]), scale = Normal(4, [batch, 1]);
            Same((Tensor[] p) => (p[0].MatMul(p[1]) + p[2]).Relu(), [x, w, b], 1);
            Same((Tensor[] p) => (p[0].MatMul(p[1]) + p[2]).Tanh() * p[3], [x, w, b, scale], 1);
            Same((Tensor[] p) => p[0].MatMul(p[1]).Exp(), [x, w], 1);
            Same((Tensor[] p) => p[0].MatMul(p[1]) <= 0, [x, w], 1);
            // The product is read again: it reaches memory too.
            Same((Tensor[] p) => p[0].MatMul(p[1]) is var z ? Tree.Leaves((z, z.Relu() + p[2])) : [], [x, w, b], 1);
            // Two layers, transposed weights, and a gradient with its mask.
            Same((Tensor[] p) => (p[0].MatMul(p[1]) + p[2]).Relu().MatMul(p[1].T).Tanh(), [x, w, b], 2);
            Agree((Tensor[] p) => Grad((Tensor[] q) => (q[0].MatMul(q[1]) + q[2]).Relu().Square().Sum())(p), [x, w, b]);
        }

        Tensor Normal(int key, Shape shape) => new RandomKey((ulong)key).Normal(shape);

        void Same<TOut>(Func<Tensor[], TOut> f, Tensor[] operands, int launches)
        {
            Tensor[] there = Agree(f, operands);
            Compiled<Tensor[], TOut> compiled = Compile(f);
            Assert.Equal(launches, compiled.PlanFor(there).StepCount);
        }

        Tensor[] Agree<TOut>(Func<Tensor[], TOut> f, Tensor[] operands)
        {
            using IDisposable _ = Device.Use(device);
            Tensor[] there = [.. operands.Select(x => (Tensor)((DenseTensor)x).Place(device))];
            Assert.Equal(Tree.Leaves(f(there)).Select(y => y.ToDoubles()), Tree.Leaves(Compile(f).Call(there)).Select(y => y.ToDoubles()));
            return there;
        }
    }

    // A sum, rows and columns by vectors, few columns, batches of small matrices: what the emulator chooses.
    [Theory]
    [InlineData(1, 2, 2, 300)]
    [InlineData(1, 1, 90, 140)]
    [InlineData(1, 50, 1, 33)]
    [InlineData(2, 40, 6, 70)]
    [InlineData(37, 7, 5, 9)]
    [InlineData(5, 16, 12, 20)]
    [InlineData(2, 30, 32, 33)]
    [InlineData(1, 33, 20, 8)]
    public void Skinny_and_small_products_are_those_of_the_cpu(int batch, int m, int n, int k) => CheckProducts(Device.Parse("emu"), batch, m, n, k);

    /// <summary>Products in all layouts and with operations behind them, against the CPU's.</summary>
    internal static void CheckProducts(Device device, int batch, int m, int n, int k)
    {
        foreach (DType dtype in (DType[])[DType.F32, DType.F64])
        {
            double tolerance = (k + 1) * Math.ScaleB(1, dtype == DType.F32 ? -24 : -53);
            Tensor a = new RandomKey(1).Normal([batch, m, k], dtype), b = new RandomKey(2).Normal([batch, k, n], dtype), bias = new RandomKey(3).Normal([n], dtype), sizes = a.Abs().MatMul(b.Abs());
            Tensor turnedA = a.Transpose([0, 2, 1]) + 0, turnedB = b.Transpose([0, 2, 1]) + 0;
            Func<Tensor[], Tensor> layer = Compile((Tensor[] p) => (p[0].MatMul(p[1]) + p[2]).Relu()).Call;
            Func<Tensor[], Tensor>[] functions = [p => p[0].MatMul(p[1]), p => p[0].Transpose([0, 2, 1]).MatMul(p[1]), p => p[0].MatMul(p[1].Transpose([0, 2, 1])), layer];
            Tensor[][] operands = [[a, b], [turnedA, b], [a, turnedB], [a, b, bias]];
            for (int i = 0; i < functions.Length; i++)
            {
                Tensor here = functions[i](operands[i]), there;
                using (Device.Use(device)) there = functions[i](Array.ConvertAll(operands[i], x => x.ToDevice(device))).ToDevice(Device.Cpu);
                Assert.True(((here - there).Abs() <= 2 * tolerance * (sizes + 1)).All().ToDouble() == 1, $"{dtype} {batch}×{m}×{n}×{k} on {device}, function {i}");
            }
        }
    }

    [Fact]
    public void An_epilogue_of_a_device_does_not_run_on_the_host() =>
        Assert.Throws<NotSupportedException>(() => new DeviceEpilogue(DType.F32, [], 0, []).Run(0, 1, 0, 1));

    private static IEnumerable<(string, KernelProgram, LaunchSize, ProductShape)> Kernels<T>(Case c, Accelerator device) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        int count = c.Batch * c.M * c.N;
        ProductShape shape = c.Shape;
        yield return ("plain", MatMulKernels.PlainOf<T>(), LaunchSize.Linear(count, 256), shape);
        if (count <= 2000) yield return ("dots", MatMulKernels.DotsOf<T>(), new LaunchSize(count, 1, 1, 256), shape);
        // The large ones are no kernels for processors: PoCL 3.1 makes wrong code of them, and right code with -cl-opt-disable.
        foreach (TiledProduct product in MatMulKernels.ProductsOf<T>(true))
            if (!device.IsProcessor || product.Program == MatMulKernels.TiledOf<T>()) yield return Tiles(product.Name, product.Program, product.Group.GroupX, product.Group.GroupY, product.Rows, product.Columns);
        if (c.N <= 8 && !device.IsProcessor)
        {
            if (shape.ColumnA == 1) yield return Groups("deep lines", c.N == 1 ? MatMulKernels.DeepLinesOf<T, Size1>() : MatMulKernels.DeepLinesOf<T, Size8>(), (c.M + MatMulKernels.LinesDeep - 1) / MatMulKernels.LinesDeep * c.Batch);
            yield return Groups("wide lines", c.N == 1 ? MatMulKernels.WideLinesOf<T, Size1>() : MatMulKernels.WideLinesOf<T, Size8>(), (c.M + MatMulKernels.LinesWide - 1) / MatMulKernels.LinesWide * c.Batch);
        }
        if (Math.Max(c.M, c.N) <= 8 && !device.IsProcessor) yield return Groups("small, 8", MatMulKernels.SmallOf<T, Size8>(), (c.Batch + 15) / 16);
        if (Math.Max(c.M, c.N) <= 16 && !device.IsProcessor) yield return Groups("small, 16", MatMulKernels.SmallOf<T, Size16>(), (c.Batch + 3) / 4);
        if (Math.Max(c.M, c.N) <= 32 && !device.IsProcessor) yield return Groups("small, 32", MatMulKernels.SmallOf<T, Size32>(), c.Batch);
        yield return Tiles("strips", MatMulKernels.StripsOf<T>(), 1, 1, MatMulKernels.MostStripRows, MatMulKernels.StripColumns);
        yield return Tiles("short strips", MatMulKernels.StripsOf<T>(), 1, 1, 2 * MatMulKernels.StripRows, MatMulKernels.StripColumns);

        (string, KernelProgram, LaunchSize, ProductShape) Groups(string name, KernelProgram program, int groups) => (name, program, new LaunchSize(groups, 1, 1, 256), shape);

        (string, KernelProgram, LaunchSize, ProductShape) Tiles(string name, KernelProgram program, int groupX, int groupY, int rows, int columns)
        {
            ProductShape tiles = shape;
            (tiles.TilesDown, tiles.TilesAcross, tiles.TileRows) = ((c.M + rows - 1) / rows, (c.N + columns - 1) / columns, rows);
            return (name, program, new LaunchSize(tiles.TilesDown * tiles.TilesAcross * c.Batch, 1, 1, groupX, groupY), tiles);
        }
    }

    internal static (double[] C, double[] A, double[] B) Run<T>(Accelerator device, Case c, KernelProgram program, LaunchSize launch, ProductShape shape, DeviceEpilogue? epilogue, Func<int, double>? values = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        Func<int, double> noise = values ?? Nabla.Tests.Kernels.LayoutCases.Noise(c.M + c.K);
        DenseTensor a = Dense(c.Batch * c.M * c.K), b = Dense(c.Batch * c.K * c.N), result = DenseTensor.Allocate(new Aval(a.DType, [c.Batch, c.M, c.N]), device);
        KernelArguments arguments = KernelArguments.Rent();
        Operand(a, c.M * c.K);
        Operand(b, c.K * c.N);
        arguments.Value(new Extents { Rank = 1, D0 = c.Batch, D1 = 1, D2 = 1, D3 = 1, D4 = 1, D5 = 1 }).Value(shape).View(DeviceView.Of(result).Address, (int)result.Count);
        epilogue?.Append(arguments);
        device.Launch(epilogue?.Finish(program) ?? program, launch, arguments);
        return (result.ToDoubles(), a.ToDoubles(), b.ToDoubles());

        DenseTensor Dense(int count) => Nabla.Tests.Kernels.LayoutCases.Dense([count], i => T.CreateTruncating(noise(i))).Place(device);

        void Operand(DenseTensor x, int step) => arguments.View(DeviceView.Of(x).Address, (int)x.Count).Value(new Steps { S0 = step });
    }

    internal sealed record Case(int Batch, int M, int N, int K, bool TransposedA, bool TransposedB)
    {
        public ProductShape Shape => new()
        {
            M = M,
            N = N,
            K = K,
            RowA = TransposedA ? 1 : K,
            ColumnA = TransposedA ? M : 1,
            RowB = TransposedB ? 1 : N,
            ColumnB = TransposedB ? K : 1,
            Parts = 1,
            Depth = K,
            RowC = N,
            ColumnC = 1,
            FoursA = M % 4 == 0 && K % 4 == 0 ? 1 : 0,
            FoursB = N % 4 == 0 && K % 4 == 0 ? 1 : 0,
        };

        // Element i of c, and the sum of the sizes of its terms.
        public (double Sum, double Size) Sum(double[] a, double[] b, int i)
        {
            (int entry, int row, int column) = (i / (M * N), i / N % M, i % N);
            double sum = 0, size = 0;
            for (int p = 0; p < K; p++)
            {
                double term = a[entry * M * K + row * Shape.RowA + p * Shape.ColumnA] * b[entry * K * N + p * Shape.RowB + column * Shape.ColumnB];
                (sum, size) = (sum + term, size + Math.Abs(term));
            }
            return (sum, size);
        }
    }
}
