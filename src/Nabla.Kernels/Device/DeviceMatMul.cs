using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches matrix products: chooses the kernel by the shape.</summary>
internal static class DeviceMatMul
{
    // Names of products in what the tuner remembers, by precision.
    private static readonly string[] Operations = ["product", "product high", "product medium", "product low"];

    // Below these a tile of a GPU is mostly empty.
    private const int Few = 8, Small = 32;

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
    }

    private static Choice Float<T>(in Call p) where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int m, int n, int k) = (p.Shape.M, p.Shape.N, p.Shape.K);
        if (p.Device.IsProcessor)
        {
            if ((long)m * n <= 4 && k >= 128) return Dots<T>(p);
            return (long)m * n * k <= 64 ? Plain<T>(p) : Strips<T>(m, n);
        }
        if (Math.Min(m, n) <= Few && k >= 128) return Dots<T>(p);
        if (Math.Min(m, n) < Small) return Plain<T>(p);
        IReadOnlyList<TiledProduct>? tensor = Math.Min(m, n) < 2 * Small ? null : DeviceTensorCores.Products(p.Type, p.Device, p.Precision, p.Shape);
        IReadOnlyList<TiledProduct> products = tensor ?? MatMulKernels.ProductsOf<T>(p.Device.CopiesAhead);
        int usual = Usual(products, p);
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

    private static Choice Tiles(TiledProduct product, in Call p) => new(product.Program, product.Group, Parts(p.Shape.M, product.Rows), Parts(p.Shape.N, product.Columns), product.Rows);

    private static Choice Strips<T>(int m, int n) where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int rows = MatMulKernels.StripRows;
        // As even as whole strips of six rows can be.
        int down = Parts(m, MatMulKernels.MostStripRows), each = Parts(Parts(m, down), rows) * rows;
        return new Choice(MatMulKernels.StripsOf<T>(), new LaunchSize(1, 1, 1, 1), Parts(m, each), Parts(n, MatMulKernels.StripColumns), each);
    }

    private static Choice Dots<T>(in Call p) where T : unmanaged, IFloatingPointIeee754<T> =>
        new(MatMulKernels.DotsOf<T>(), new LaunchSize(checked((int)p.Count), 1, 1, 256), 0, 0, 0);

    private static Choice Plain<T>(in Call p) where T : unmanaged, INumber<T> => new(MatMulKernels.PlainOf<T>(), LaunchSize.Linear(p.Count, 256), 0, 0, 0);

    private static int Parts(int size, int part) => (size + part - 1) / part;

    /// <summary>A kernel with its groups; those of tiles are counted when it is launched.</summary>
    private readonly record struct Choice(KernelProgram Program, LaunchSize Size, int TilesDown, int TilesAcross, int TileRows);

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
            ProductShape shape = Shape;
            (shape.TilesDown, shape.TilesAcross, shape.TileRows) = (choice.TilesDown, choice.TilesAcross, choice.TileRows);
            LaunchSize size = choice.TileRows == 0 ? choice.Size : choice.Size with { GridX = checked((int)(choice.TilesDown * (long)choice.TilesAcross * Entries)) };
            KernelArguments arguments = KernelArguments.Rent().View(_a.Address, _a.Length).Value(_stepsA).View(_b.Address, _b.Length).Value(_stepsB)
                .Value(_batch).Value(shape).View(c.Address, c.Length);
            epilogue?.Append(arguments);
            Device.Launch(epilogue?.Finish(choice.Program) ?? choice.Program, size, arguments);
        }

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

        public override void Launch(int kernel, DenseTensor result) => call.Launch(Tiles(products[kernel], call), null, DeviceView.Of(result));
    }
}
