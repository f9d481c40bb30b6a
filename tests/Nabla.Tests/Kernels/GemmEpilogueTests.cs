using Nabla.Kernels;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class GemmEpilogueTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose()
    {
        GemmConfig.Path = GemmConfig.Best;
        Workers.Count = _threads;
    }

    /// <summary>Counts how often each element is named, keeps what it saw there, and writes −2c + 1.</summary>
    private sealed unsafe class Recorder(DenseTensor c) : MatMulEpilogue
    {
        private readonly int _width = c.Shape.Dims[^1];

        public int[] Counts { get; } = new int[c.Count];

        public double[] Seen { get; } = new double[c.Count];

        public override void Run(long row, nint rows, nint column, nint columns)
        {
            for (long i = row; i < row + rows; i++)
                for (long j = column; j < column + columns; j++)
                {
                    long at = i * _width + j;
                    Interlocked.Increment(ref Counts[at]);
                    Seen[at] = c.DType == DType.F32 ? Change(c.Pointer<float>() + at) : c.DType == DType.F64 ? Change(c.Pointer<double>() + at) : Change(c.Pointer<int>() + at);
                }
        }

        private static double Change<T>(T* x) where T : unmanaged, System.Numerics.INumber<T>
        {
            T seen = *x;
            *x = T.One - (seen + seen);
            return double.CreateChecked(seen);
        }
    }

    private static void Check(DenseTensor a, DenseTensor b)
    {
        DenseTensor plain = Output(a, b), c = Output(a, b);
        MatMul.Run(a, b, plain);
        var recorder = new Recorder(c);
        MatMul.Run(a, b, c, recorder);
        Assert.All(recorder.Counts, count => Assert.Equal(1, count));
        Assert.Equal(plain.ToDoubles(), recorder.Seen);
        Assert.Equal(plain.ToDoubles().Select(x => 1 - 2 * x), c.ToDoubles(), (x, y) => a.DType == DType.F64 ? x == y : (float)x == (float)y);
    }

    private static DenseTensor Output(DenseTensor a, DenseTensor b)
    {
        Shape shape = [.. a.Shape.Dims[..^1], b.Shape.Dims[^1]];
        return a.DType == DType.I32 ? Tensor.From(new int[shape.Count], shape) : Stale(a.DType, shape);
    }

    [Theory]
    [MemberData(nameof(GemmTests.Paths), MemberType = typeof(GemmTests))]
    public void Its_rectangles_cover_the_product_once_and_see_complete_sums(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        GemmConfig config = GemmConfig.For(GemmConfig.Path, dtype.Size);
        (int, int, int)[] shapes =
        [
            (1, 1, 1), (1, 1, 700), (3, 5, 0), (1, 9, 0), (7, 1, 0), (2, 3, 4), (17, 33, 9), (1, 1500, 90), (1500, 1, 90), (64, 500, 1), (500, 64, 1), (1, 70, 1), (70, 1, 1),
            (4, 700, 30), (700, 4, 30), (64, 64, 64), (900, 3, 70), (3, 900, 70), (700, 300, 2), (70, 300, 2 * config.KC + 1), (config.MC + 1, GemmConfig.PartColumns + 1, 40), (20, config.NC + 3, 17), (GemmConfig.SlabRows + 5, 7, 3),
        ];
        foreach (int threads in new[] { 1, 3 })
        {
            Workers.Count = threads;
            int turn = 0;
            foreach ((int m, int n, int k) in shapes)
                Check(Matrix(dtype, m, k, 1, (Placement)(turn & 1)), Matrix(dtype, k, n, 2, (Placement)(turn++ >> 1 & 1)));
        }
    }

    [Theory]
    [InlineData(DType.F32, 1)]
    [InlineData(DType.F64, 3)]
    [InlineData(DType.I32, 3)]
    public void Rows_of_a_batch_are_counted_through(DType dtype, int threads)
    {
        Workers.Count = threads;
        foreach ((int m, int n, int k) in new[] { (4, 3, 5), (1, 9, 6), (9, 1, 6), (2, 3, 0), (1, 1, 4), (110, 111, 100) })
            foreach ((bool sharedLeft, bool sharedRight) in new[] { (false, false), (true, false), (false, true) })
                Check(Batch(dtype, m, k, sharedLeft), Batch(dtype, k, n, sharedRight));
    }

    // Six matrices as [2, 3, rows, columns], or one that is repeated.
    private static DenseTensor Batch(DType dtype, int rows, int columns, bool shared)
    {
        int count = (shared ? 1 : 6) * rows * columns;
        DenseTensor flat = dtype == DType.I32
            ? Tensor.From([.. Enumerable.Range(0, count).Select(i => i * 7 % 11 - 5)], [count])
            : Matrix(dtype, 1, count, 5);
        long entry = shared ? 0 : rows * columns;
        return flat.View(new Layout([2, 3, rows, columns], [3 * entry, entry, columns, 1], 0));
    }

    [Fact]
    public void A_contraction_passes_it_on()
    {
        DenseTensor a = Matrix(DType.F32, 30, 20, 1), b = Matrix(DType.F32, 40, 20, 2), c = Stale(DType.F32, [30, 40]);
        var recorder = new Recorder(c);
        Contraction.DotGeneral(a, b, new DotDims([1], [1]), c, recorder);
        Assert.All(recorder.Counts, count => Assert.Equal(1, count));
    }

    private sealed class Failing : MatMulEpilogue
    {
        public override void Run(long row, nint rows, nint column, nint columns) => throw new NotFiniteNumberException();
    }

    [Fact]
    public void Its_exception_reaches_the_caller_and_the_next_product_works()
    {
        DenseTensor a = Matrix(DType.F32, 300, 200, 1), b = Matrix(DType.F32, 200, 300, 2), c = Stale(DType.F32, [300, 300]);
        Assert.Throws<NotFiniteNumberException>(() => MatMul.Run(a, b, c, new Failing()));
        Check(a, b);
    }
}
