using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches matrix products: chooses the kernel by the shape.</summary>
internal static class DeviceMatMul
{
    // Names of products in what the tuner remembers, by precision.
    private static readonly string[] Operations = ["product", "product high", "product medium", "product low"];

    // Below these a tile of a GPU is mostly empty; a part of the depth that is worth a launch more; and from so many parts on, multiply-adds on all multiprocessors beat tensor cores on few.
    private const int Few = 8, Small = 32, LeastDepth = 256, ManyParts = 8;

    public static void Run(
        DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem g, ReadOnlySpan<int> batch, ReadOnlySpan<long> batchA, ReadOnlySpan<long> batchB, DeviceEpilogue? epilogue = null,
        MatMulPrecision precision = MatMulPrecision.Highest)
    {
        if (c.Count == 0) return;
        StridedWalk walk = default;
        for (int i = 0; i < batch.Length; i++) walk.Append(batch[i], batchA[i], batchB[i]);
        var call = new Call(a, b, c, g, walk, precision);
        Choice choice = c.DType switch
        {
            DType.F32 => Float<float>(call),
            DType.F64 => Float<double>(call),
            DType.I32 => Plain<int>(call),
            _ => Plain<long>(call),
        };
        call.Launch(choice, epilogue);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(c);
    }

    private static Choice Float<T>(in Call p) where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int m, int n, int k) = (p.Shape.M, p.Shape.N, p.Shape.K);
        if (p.Device.IsProcessor)
        {
            if ((long)m * n <= 4 && k >= 128) return Dots<T>(p);
            return (long)m * n * k <= 64 ? Plain<T>(p) : Strips<T>(m, n);
        }
        // A few sums by whole groups, small matrices several to a group, a few long lines by warps, all else by tiles.
        if (p.Count <= Few * p.Device.Multiprocessors && (long)m * n <= Few * Few && k >= 128) return Divided(Dots<T>(p), p);
        if (Math.Max(m, n) <= Small) return Divided(Batched<T>(p), p);
        if (Math.Min(m, n) <= Few) return Divided(Lines<T>(p), p);
        IReadOnlyList<TiledProduct>? tensor = Math.Min(m, n) < 2 * Small ? null : DeviceTensorCores.Products(p.Type, p.Device, p.Precision, p.Shape);
        IReadOnlyList<TiledProduct> products = MatMulKernels.ProductsOf<T>(p.Device.CopiesAhead);
        int usual = Usual(products, p);
        Choice divided = Divided(Tiles(products[usual], p), p);
        if (divided.Parts >= (tensor is null ? 2 : ManyParts)) return divided;
        if (tensor is not null) (products, usual) = (tensor, Usual(tensor, p));
        if (p.Device.Tuner is { } tuner && (long)m * n * k * p.Entries >= DeviceTuner.LeastWork) usual = tuner.Find(p.Class) ?? tuner.Tune(p.Class, new ProductTrial(p, products, usual));
        return Tiles(products[usual], p);
    }

    // Large tiles read less; but there must be one for each multiprocessor.
    private static int Usual(IReadOnlyList<TiledProduct> products, in Call p)
    {
        int smallest = 0;
        for (int i = 0; i < products.Count; i++)
        {
            if (products[i].Groups(p.Shape.M, p.Shape.N) * p.Entries >= p.Device.Multiprocessors) return i;
            if (products[i].Rows * products[i].Columns < products[smallest].Rows * products[smallest].Columns) smallest = i;
        }
        return smallest;
    }

    private static Choice Tiles(TiledProduct product, in Call p)
    {
        (int down, int across) = (Parts(p.Shape.M, product.Rows), Parts(p.Shape.N, product.Columns));
        return new Choice(product.Program, product.Group, down * (long)across) { TilesDown = down, TilesAcross = across, TileRows = product.Rows };
    }

    private static Choice Strips<T>(int m, int n) where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int rows = MatMulKernels.StripRows;
        // As even as whole strips of six rows can be.
        int down = Parts(m, MatMulKernels.MostStripRows), each = Parts(Parts(m, down), rows) * rows, across = Parts(n, MatMulKernels.StripColumns);
        return new Choice(MatMulKernels.StripsOf<T>(), new LaunchSize(1, 1, 1, 1), Parts(m, each) * (long)across) { TilesDown = Parts(m, each), TilesAcross = across, TileRows = each };
    }

    private static Choice Dots<T>(in Call p) where T : unmanaged, IFloatingPointIeee754<T> => new(MatMulKernels.DotsOf<T>(), new LaunchSize(1, 1, 1, 256), (long)p.Shape.M * p.Shape.N);

    private static Choice Plain<T>(in Call p) where T : unmanaged, INumber<T> => new(MatMulKernels.PlainOf<T>(), LaunchSize.Linear(p.Count, 256), 0);

    private static Choice Batched<T>(in Call p) where T : unmanaged, IFloatingPointIeee754<T> => Math.Max(p.Shape.M, p.Shape.N) switch
    {
        <= 8 => new(MatMulKernels.SmallOf<T, Size8>(), new LaunchSize(1, 1, 1, 256), 1) { EntriesOfGroup = MatMulKernels.SmallEntries<Size8>() },
        <= 16 => new(MatMulKernels.SmallOf<T, Size16>(), new LaunchSize(1, 1, 1, 256), 1) { EntriesOfGroup = MatMulKernels.SmallEntries<Size16>() },
        _ => new(MatMulKernels.SmallOf<T, Size32>(), new LaunchSize(1, 1, 1, 256), 1),
    };

    // The longer of the operands is read once; the other one is the columns that each of its lines is multiplied with.
    private static Choice Lines<T>(in Call p) where T : unmanaged, IFloatingPointIeee754<T>
    {
        bool turned = p.Shape.M < p.Shape.N, deep = (turned ? p.Shape.RowB : p.Shape.ColumnA) == 1, one = Math.Min(p.Shape.M, p.Shape.N) == 1;
        KernelProgram program = (deep, one) switch
        {
            (true, true) => MatMulKernels.DeepLinesOf<T, Size1>(),
            (true, false) => MatMulKernels.DeepLinesOf<T, Size8>(),
            (false, true) => MatMulKernels.WideLinesOf<T, Size1>(),
            (false, false) => MatMulKernels.WideLinesOf<T, Size8>(),
        };
        return new(program, new LaunchSize(1, 1, 1, 256), Parts(Math.Max(p.Shape.M, p.Shape.N), deep ? MatMulKernels.LinesDeep : MatMulKernels.LinesWide)) { Turned = turned };
    }

    // Where groups are too few for the device, each sums a part of the depth, and a second launch adds the parts in their order.
    private static Choice Divided(Choice choice, in Call p)
    {
        long groups = Math.Max(1, choice.Groups * p.Entries / choice.EntriesOfGroup), wanted = Math.Min(2 * p.Device.Multiprocessors / groups, p.Shape.K / LeastDepth);
        if (wanted <= 1 || groups >= p.Device.Multiprocessors) return choice;
        int depth = Parts(Parts(p.Shape.K, (int)wanted), 32) * 32;
        return choice with { Parts = Parts(p.Shape.K, depth), Depth = depth };
    }

    private static int Parts(int size, int part) => (size + part - 1) / part;

    /// <summary>A kernel with its groups for each entry of a batch; with 0 of them, all groups are in the launch.</summary>
    private readonly record struct Choice(KernelProgram Program, LaunchSize Launch, long Groups)
    {
        public int TilesDown { get; init; }

        public int TilesAcross { get; init; }

        public int TileRows { get; init; }

        /// <summary>Entries that a group computes.</summary>
        public int EntriesOfGroup { get; init; } = 1;

        /// <summary>Parts of the depth, and terms of each; 1 and anything for all of it.</summary>
        public int Parts { get; init; } = 1;

        public int Depth { get; init; }

        /// <summary>Whether the kernel computes the transposed product of the transposed operands.</summary>
        public bool Turned { get; init; }
    }

    private readonly struct Call
    {
        private readonly DeviceView _a, _b, _c;
        private readonly Steps _stepsA, _stepsB;
        private readonly Extents _batch;

        public Call(DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem g, in StridedWalk walk, MatMulPrecision precision)
        {
            Precision = precision;
            Device = (Accelerator)c.Device;
            (Count, Type) = (c.Count, c.DType);
            (_a, _b, _c) = (DeviceView.Of(a), DeviceView.Of(b), DeviceView.Of(c));
            _batch = Extents.Of(walk);
            _stepsA = Steps.Of(walk, 0, a.Layout.Offset - a.Layout.Reach.First);
            _stepsB = Steps.Of(walk, 1, b.Layout.Offset - b.Layout.Reach.First);
            Shape = new ProductShape
            {
                M = (int)g.M,
                N = (int)g.N,
                K = (int)g.K,
                RowA = checked((int)g.RowStrideA),
                ColumnA = checked((int)g.ColumnStrideA),
                RowB = checked((int)g.RowStrideB),
                ColumnB = checked((int)g.ColumnStrideB),
                Parts = 1,
                Depth = (int)g.K,
                RowC = (int)g.N,
                ColumnC = 1,
                FoursA = ComesInFours(_a, _stepsA, g.M, g.RowStrideA, g.K, g.ColumnStrideA) ? 1 : 0,
                FoursB = ComesInFours(_b, _stepsB, g.N, g.ColumnStrideB, g.K, g.RowStrideB) ? 1 : 0,
            };
        }

        public Accelerator Device { get; }

        public DType Type { get; }

        public long Count { get; }

        public ProductShape Shape { get; }

        public MatMulPrecision Precision { get; }

        /// <summary>Entries of the batch.</summary>
        public long Entries => Count / ((long)Shape.M * Shape.N);

        /// <summary>What a measured kernel is remembered under.</summary>
        public TuningClass Class => new(Operations[(int)Precision], Type, TuningClass.Coarse(Shape.M), TuningClass.Coarse(Shape.N), TuningClass.Coarse(Shape.K), TuningClass.Coarse(Entries),
            Shape.FoursA + 2 * Shape.FoursB + (Shape.ColumnA == 1 ? 4 : 0) + (Shape.RowB == 1 ? 8 : 0));

        /// <summary>The type of the whole result.</summary>
        public Aval Result => new(Type, [checked((int)Entries), Shape.M, Shape.N]);

        public void Launch(Choice choice, DeviceEpilogue? epilogue) => Launch(choice, epilogue, _c);

        /// <summary>With the result elsewhere, densely.</summary>
        public void Launch(Choice choice, DeviceEpilogue? epilogue, DeviceView c)
        {
            if (choice.Parts == 1)
            {
                Queue(choice, epilogue, c);
                return;
            }
            DenseTensor parts = DenseTensor.Allocate(new Aval(Type, [checked((int)Entries), choice.Parts, Shape.M, Shape.N]), Device);
            Queue(choice, null, DeviceView.Of(parts));
            KernelProgram joined = Type == DType.F32 ? MatMulKernels.JoinedOf<float>() : MatMulKernels.JoinedOf<double>();
            (DeviceView view, ProductShape shape) = (DeviceView.Of(parts), Shape);
            shape.Parts = choice.Parts;
            Queue(joined, LaunchSize.Linear(Count, 256), view, default, view, default, shape, c, epilogue);
            GC.KeepAlive(parts);
        }

        private void Queue(Choice choice, DeviceEpilogue? epilogue, DeviceView c)
        {
            ProductShape shape = choice.Turned ? Turned(Shape) : Shape;
            (shape.TilesDown, shape.TilesAcross, shape.TileRows, shape.Parts) = (choice.TilesDown, choice.TilesAcross, choice.TileRows, choice.Parts);
            if (choice.Parts > 1) shape.Depth = choice.Depth;
            long groups = (choice.Groups * Entries * choice.Parts + choice.EntriesOfGroup - 1) / choice.EntriesOfGroup;
            LaunchSize size = choice.Groups == 0 ? choice.Launch : choice.Launch with { GridX = checked((int)groups) };
            if (choice.Turned) Queue(choice.Program, size, _b, _stepsB, _a, _stepsA, shape, c, epilogue);
            else Queue(choice.Program, size, _a, _stepsA, _b, _stepsB, shape, c, epilogue);
        }

        private void Queue(KernelProgram program, LaunchSize size, DeviceView a, Steps stepsA, DeviceView b, Steps stepsB, ProductShape shape, DeviceView c, DeviceEpilogue? epilogue)
        {
            KernelArguments arguments = KernelArguments.Rent().View(a.Address, a.Length).Value(stepsA).View(b.Address, b.Length).Value(stepsB)
                .Value(_batch).Value(shape).View(c.Address, c.Length);
            epilogue?.Append(arguments);
            Device.Launch(epilogue?.Finish(program) ?? program, size, arguments);
        }

        // cᵀ = bᵀ·aᵀ.
        private static ProductShape Turned(ProductShape s) => new()
        {
            M = s.N,
            N = s.M,
            K = s.K,
            RowA = s.ColumnB,
            ColumnA = s.RowB,
            RowB = s.ColumnA,
            ColumnB = s.RowA,
            Depth = s.Depth,
            RowC = s.ColumnC,
            ColumnC = s.RowC,
            FoursA = s.FoursB,
            FoursB = s.FoursA,
        };

        // Lines and depth as the kernel sees them; the dense one is the depth if both are.
        private static bool ComesInFours(DeviceView view, in Steps steps, long lines, long lineStep, long depth, long depthStep)
        {
            long dense = depthStep == 1 ? depth : lineStep == 1 ? lines : 1, other = depthStep == 1 ? lineStep : depthStep;
            bool batch = (steps.Start | steps.S0 | steps.S1 | steps.S2 | steps.S3 | steps.S4 | steps.S5) % 4 == 0;
            return batch && dense % 4 == 0 && other % 4 == 0 && view.Address % 16 == 0;
        }
    }

    private sealed class ProductTrial(Call call, IReadOnlyList<TiledProduct> products, int usual) : Trial
    {
        public override IReadOnlyList<(string Name, KernelProgram Program)> Kernels { get; } = [.. products.Select(p => (p.Name, p.Program))];

        public override int Usual => usual;

        public override Aval Result => call.Result;

        public override void Launch(int kernel, DenseTensor result)
        {
            call.Launch(Tiles(products[kernel], call), null, DeviceView.Of(result));
            GC.KeepAlive(result);
        }
    }
}
