using Nabla.Kernels;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

/// <summary>Tests that choose the instruction set or the number of threads for the whole process run alone.</summary>
[CollectionDefinition(nameof(ProcessSettings), DisableParallelization = true)]
public sealed class ProcessSettings;

[Collection(nameof(ProcessSettings))]
public sealed class GemmTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose()
    {
        GemmConfig.Path = GemmConfig.Best;
        Workers.Count = _threads;
    }

    /// <summary>Every path that this machine can run, with both float types.</summary>
    public static TheoryData<string, DType> Paths()
    {
        var data = new TheoryData<string, DType>();
        foreach (GemmPath path in Enum.GetValues<GemmPath>())
            if (path <= GemmConfig.Best)
                foreach (DType dtype in new[] { DType.F32, DType.F64 }) data.Add(path.ToString(), dtype);
        return data;
    }

    private static DenseTensor Multiply(DenseTensor a, DenseTensor b)
    {
        DenseTensor c = Stale(a.DType, [.. a.Shape.Dims[..^1], b.Shape.Dims[^1]]);
        MatMul.Run(a, b, c);
        return c;
    }

    private static void Check(DType dtype, int m, int n, int k, Placement left, Placement right)
    {
        DenseTensor a = Matrix(dtype, m, k, 17 * m + k, left), b = Matrix(dtype, k, n, 31 * n + k, right);
        // Equal terms round alike, so their errors add up: there the proven bound k holds, not the one for independent roundings.
        double bound = left == Placement.RepeatedColumn && right == Placement.RepeatedRow ? k + 1 : 16;
        double ratio = WorstRatio(a, b, Multiply(a, b));
        Assert.True(ratio < bound, $"{dtype.Name} {m}×{n}×{k} {left} {right} on {GemmConfig.Path}: {ratio}");
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Small_products_of_all_transpositions_are_accurate(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        int[] sizes = [0, 1, 2, 3, 5, 9, 17];
        foreach (int m in sizes)
            foreach (int n in sizes)
                foreach (int k in sizes)
                    foreach (Placement left in new[] { Placement.Contiguous, Placement.Transposed })
                        foreach (Placement right in new[] { Placement.Contiguous, Placement.Transposed })
                            Check(dtype, m, n, k, left, right);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Products_at_the_edges_of_blocks_are_accurate(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        GemmConfig config = GemmConfig.For(GemmConfig.Path, dtype.Size);
        int[] rows = [config.MR - 1, config.MR, config.MR + 1];
        int[] columns = [7, 8, 15, 16, 31, 32, 33, 65, GemmConfig.PackAFromColumns - 1, GemmConfig.PartColumns + 1];
        int[] depths = [1, GemmConfig.StreamedDepth, GemmConfig.StreamedDepth + 1, 65];
        int turn = 0;
        foreach (int m in rows)
            foreach (int n in columns)
                foreach (int k in depths) Check(dtype, m, n, k, (Placement)(turn % 2), (Placement)(turn++ / 2 % 2));
        foreach (int m in new[] { config.MC - 1, config.MC + 1 }) Check(dtype, m, GemmConfig.PartColumns + 1, 20, Placement.Contiguous, Placement.Contiguous);
        foreach (int k in new[] { config.KC - 1, config.KC, config.KC + 1, 2 * config.KC + 1 })
            for (int layouts = 0; layouts < 4; layouts++) Check(dtype, config.MR + 2, GemmConfig.PackAFromColumns + 1, k, (Placement)(layouts & 1), (Placement)(layouts >> 1));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Operands_of_every_placement_give_accurate_products(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        foreach ((int m, int n, int k) in new[] { (1, 1, 9), (1, 37, 21), (37, 1, 21), (5, 6, 7), (33, 34, 35), (20, 200, 40) })
            foreach (Placement left in Enum.GetValues<Placement>())
                foreach (Placement right in Enum.GetValues<Placement>()) Check(dtype, m, n, k, left, right);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Skinny_products_are_accurate(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        foreach ((int m, int n, int k) in new[] { (1, 700, 300), (700, 1, 300), (300, 200, 1), (4, 600, 500), (500, 4, 300), (64, 1, 500), (64, 500, 1),
                     (9, 200, 1), (10, 193, 2), (8, 2100, 3), (11, 300, 4), (8, 192, 5), (5, 2, 64), (70, 3, 100), (131, 4, 65), (2, 5, 64), (3, 70, 100), (4, 131, 65), (12, 3, 63),
                     (20, 5, 260), (21, 6, 257), (23, 7, 256), (30, 9, 300), (33, 10, 257), (131, 11, 260), (7, 30, 260), (10, 33, 257), (11, 10, 300) })
            for (int layouts = 0; layouts < 4; layouts++) Check(dtype, m, n, k, (Placement)(layouts & 1), (Placement)(layouts >> 1));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public unsafe void Products_can_be_added_to_what_is_there(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        foreach ((int m, int n, int k) in new[] { (1, 9, 4), (9, 1, 4), (20, 6, 9), (20, 30, 9), (20, 45, 9), (20, 64, 9), (20, 250, 40), (40, 200, 2), (50, 2, 70), (50, 3, 70), (50, 4, 70), (3, 50, 70), (51, 10, 270), (10, 51, 270), (5, 7, 0) })
        {
            DenseTensor a = Matrix(dtype, m, k, 1), b = Matrix(dtype, k, n, 2, n > m ? Placement.Transposed : Placement.Contiguous);
            DenseTensor product = Multiply(a, b), c = From(dtype, [.. Enumerable.Range(0, m * n).Select(i => (double)i)], [m, n]);
            var g = new GemmProblem(m, n, k, a.Layout.Strides[0], a.Layout.Strides[1], b.Layout.Strides[0], b.Layout.Strides[1], n, Accumulate: true);
            if (dtype == DType.F32) MatMul.RunOne(a.Pointer<float>(), b.Pointer<float>(), c.Pointer<float>(), g);
            else MatMul.RunOne(a.Pointer<double>(), b.Pointer<double>(), c.Pointer<double>(), g);
            double[] x = product.ToDoubles(), y = c.ToDoubles();
            for (int i = 0; i < x.Length; i++) Assert.Equal(i + x[i], y[i], 2 * dtype.UnitRoundoff * (i + 1 + k));
        }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void The_error_on_random_data_grows_like_the_square_root_of_k(DType dtype)
    {
        foreach (int k in new[] { 16, 100, 1000, 3000 })
        {
            DenseTensor a = Matrix(dtype, 30, k, k), b = Matrix(dtype, k, 50, k + 1);
            double ratio = WorstRatio(a, b, Multiply(a, b));
            Assert.True(ratio <= 4 * Math.Sqrt(k), $"k = {k}: {ratio}");
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_large_product_agrees_with_a_vector_and_has_the_same_bits_for_one_and_more_threads(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        const int m = 450, n = 515, k = 800;
        DenseTensor a = Matrix(dtype, m, k, 1), b = Matrix(dtype, k, n, 2, Placement.Transposed);
        Workers.Count = 1;
        double[] alone = Multiply(a, b).ToDoubles();
        Workers.Count = 3;
        Assert.Equal(alone, Multiply(a, b).ToDoubles());
        CheckByVector(a.ToDoubles(), b.ToDoubles(), alone, m, n, k, dtype.UnitRoundoff);
    }

    // C·t against A·(B·t) for a vector t of ±1, which costs O(n²).
    private static void CheckByVector(double[] a, double[] b, double[] c, int m, int n, int k, double u)
    {
        double[] t = [.. Enumerable.Range(0, n).Select(j => j * 7919 / 8 % 2 == 0 ? 1.0 : -1.0)];
        double[] bt = [.. Enumerable.Range(0, k).Select(p => Dot(b, p * n, 1, t, 0, 1, n).Sum)];
        for (int i = 0; i < m; i++)
        {
            double expected = Dot(a, i * k, 1, bt, 0, 1, k).Sum, actual = Dot(c, i * n, 1, t, 0, 1, n).Sum;
            double magnitude = 0;
            for (int p = 0; p < k; p++) magnitude += Math.Abs(a[i * k + p]) * n;
            Assert.True(Math.Abs(expected - actual) <= 16 * u * magnitude, $"row {i}: {actual} instead of {expected}");
        }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Vector_products_and_batches_have_the_same_bits_for_one_and_more_threads(DType dtype)
    {
        (DenseTensor, DenseTensor)[] pairs =
        [
            (Matrix(dtype, 1500, 700, 3), Matrix(dtype, 700, 1, 4)),
            (Matrix(dtype, 1, 700, 5), Matrix(dtype, 700, 1500, 6)),
            (Matrix(dtype, 1500, 700, 3), Matrix(dtype, 700, 3, 4)),
            (Matrix(dtype, 3, 700, 3), Matrix(dtype, 700, 1500, 4, Placement.Transposed)),
            (Matrix(dtype, 1000, 2, 3), Matrix(dtype, 2, 700, 4)),
            (Batch(dtype, 9, 40, 41, 7), Batch(dtype, 9, 41, 42, 8)),
        ];
        foreach ((DenseTensor a, DenseTensor b) in pairs)
        {
            Workers.Count = 1;
            double[] alone = Multiply(a, b).ToDoubles();
            Workers.Count = 2;
            Assert.Equal(alone, Multiply(a, b).ToDoubles());
        }
    }

    private static DenseTensor Batch(DType dtype, int batch, int rows, int columns, int seed)
    {
        DenseTensor flat = Matrix(dtype, batch * rows, columns, seed);
        return flat.View(new Layout([batch, rows, columns], [rows * columns, columns, 1], 0));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Each_entry_of_a_batch_is_its_own_product(bool sharedLeft, bool sharedRight)
    {
        DenseTensor a = Batch(DType.F64, 6, 4, 5, 1), b = Batch(DType.F64, 6, 5, 3, 2);
        a = a.View(new Layout([2, 3, 4, 5], sharedLeft ? [0, 0, 5, 1] : [20, 40, 5, 1], 0));
        b = b.View(new Layout([2, 3, 5, 3], sharedRight ? [0, 0, 3, 1] : [45, 15, 3, 1], 0));
        DenseTensor c = Multiply(a, b);
        Assert.Equal("[2,3,4,3]", c.Shape.ToString());
        for (int entry = 0; entry < 6; entry++)
        {
            (int i, int j) = (entry / 3, entry % 3);
            DenseTensor x = a.View(new Layout([4, 5], [5, 1], i * a.Layout.Strides[0] + j * a.Layout.Strides[1]));
            DenseTensor y = b.View(new Layout([5, 3], [3, 1], i * b.Layout.Strides[0] + j * b.Layout.Strides[1]));
            Assert.True(WorstRatio(x, y, c.View(new Layout([4, 3], [3, 1], 12 * entry))) < 16);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Not_a_number_and_infinity_pass_through_even_where_the_other_factor_is_zero(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        foreach ((int m, int n) in new[] { (1, 20), (20, 1), (20, 40), (20, 250) })
        {
            double[] a = new double[m * 30], b = new double[30 * n];
            (a[7], a[^1]) = (double.NaN, double.PositiveInfinity);
            double[] c = Multiply(From(dtype, a, [m, 30]), From(dtype, b, [30, n])).ToDoubles();
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++) Assert.Equal(i == 0 || i == m - 1 ? double.NaN : 0, c[i * n + j]);
        }
    }

    [Fact]
    public void Integers_are_multiplied_exactly()
    {
        DenseTensor a = Tensor.From([1, 2, 3, 4, 5, 6], [2, 3]), b = Tensor.From([7, 8, 9, 10, 11, 12], [3, 2]);
        DenseTensor c = Tensor.From([-1, -1, -1, -1], [2, 2]);
        MatMul.Run(a, b, c);
        Assert.Equal([58, 64, 139, 154], c.ToArray<int>());
        DenseTensor x = Tensor.From([1L << 40, 3], [1, 2]), y = Tensor.From([5L, 1L << 50], [2, 1]), z = Tensor.From([0L], [1, 1]);
        MatMul.Run(x, y, z);
        Assert.Equal(5 * (1L << 40) + 3 * (1L << 50), z.ToArray<long>()[0]);
    }

    [Fact]
    public void Nothing_is_allocated_once_the_scratch_memory_has_grown()
    {
        foreach ((int m, int n, int k) in new[] { (5, 6, 7), (1, 300, 40), (300, 1, 40), (64, 64, 64), (130, 250, 300) })
        {
            DenseTensor a = Matrix(DType.F32, m, k, 1, Placement.Transposed), b = Matrix(DType.F32, k, n, 2), c = Stale(DType.F32, [m, n]);
            for (int i = 0; i < 40; i++) Contraction.DotGeneral(a, b, DotDims.Matrix, c);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 10; i++) Contraction.DotGeneral(a, b, DotDims.Matrix, c);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }
}
