using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class InverseTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => (Workers.Count, GemmConfig.Path) = (_threads, GemmConfig.Best);

    // The lower factor of a matrix, NaN above the diagonal, and the factor with zeros there.
    private static (DenseTensor Given, double[] Clean) Factor(DType dtype, int n, Kind kind)
    {
        DenseTensor l = Stale(dtype, [n, n]);
        Linalg.Cholesky(From(dtype, PositiveDefinite(dtype, n, kind, n + 3), [n, n]), l);
        double[] clean = l.ToDoubles();
        return (From(dtype, [.. clean.Select((x, i) => i % Math.Max(1, n) > i / Math.Max(1, n) ? double.NaN : x)], [n, n]), clean);
    }

    private static double[] Inverse(DenseTensor l, bool square)
    {
        DenseTensor x = Stale(l.DType, l.Shape).On(l.Device);
        if (square) Linalg.CholeskyInverse(l, x);
        else Linalg.TriangularInverse(l, x);
        return x.ToDoubles();
    }

    // ‖X·A − I‖₁/(‖A‖₁‖X‖₁·n·eps), as LAPACK's tests of inverses have it.
    private static double Ratio(double[] a, double[] x, int n, double eps)
    {
        double[] product = Product(x, a, n, n, n);
        for (int i = 0; i < n; i++) product[i * n + i] -= 1;
        return n == 0 ? 0 : Norm1(product, n, n) / Norm1(a, n, n) / Norm1(x, n, n) / n / eps;
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Products_with_the_inverses_are_close_to_the_identity_on_every_instruction_set(DType dtype)
    {
        foreach (GemmPath path in Enum.GetValues<GemmPath>().Where(path => path <= GemmConfig.Best))
            foreach (int n in Sizes.Append(200))
                foreach (Kind kind in n is 65 or 10 ? Enum.GetValues<Kind>().Where(k => k < Kind.NearUnderflow) : [Kind.Cond2])
                {
                    GemmConfig.Path = path;
                    double[] y = CheckRatios(Device.Cpu, dtype, n, kind, $"{path}");
                    Assert.Equal(y, Transposed(y, n, n));
                }
    }

    private static double[] CheckRatios(Device device, DType dtype, int n, Kind kind, string where)
    {
        (DenseTensor l, double[] clean) = Factor(dtype, n, kind);
        double[] x = Inverse(l.On(device), square: false), y = Inverse(l.On(device), square: true);
        string which = $"{where} {dtype.Name} n = {n} {kind}";
        Assert.True(Ratio(clean, x, n, dtype.UnitRoundoff) < 30, which);
        Assert.True(Ratio(Product(clean, Transposed(clean, n, n), n, n, n), y, n, dtype.UnitRoundoff) < 30, which);
        for (int i = 0; i < n; i++)
            for (int j = i + 1; j < n; j++) Assert.Equal(0, x[i * n + j]);
        return y;
    }

    internal static void CheckRatios(Device device, DType dtype, int[] sizes)
    {
        foreach (int n in sizes)
            foreach (Kind kind in n is 33 or 257 ? Enum.GetValues<Kind>().Where(k => k < Kind.NearUnderflow) : [Kind.Cond2]) CheckRatios(device, dtype, n, kind, device.Name);
    }

    /// <summary>Matrices of a batch, with rows and columns at any distance and in a batch of two axes without one step, have the inverses that they have alone.</summary>
    internal static void CheckBatch(Device device, DType dtype, int n, int triples)
    {
        double[][] matrices = [.. Enumerable.Range(0, 3 * triples).Select(i => Factor(dtype, n, Kind.Cond2).Clean.Select(x => x * (1 + i)).ToArray())];
        double[] turned = [.. matrices.SelectMany(x => Transposed(x, n, n))], gaps = new double[3 * triples * n * (n + 1)];
        for (int i = 0; i < 3 * triples * n; i++) Array.Copy(turned, i * n, gaps, i * (n + 1), n);
        DenseTensor frame = From(dtype, gaps, [gaps.Length]).On(device);
        int step = n * (n + 1);
        double[] dense = Inverse(From(dtype, [.. matrices.SelectMany(x => x)], [triples, 3, n, n]).On(device), square: false);
        double[] strided = Inverse(frame.View(new Layout([triples, 3, n, n], [3 * step, step, 1, n + 1], 0)), square: false);
        double[] exchanged = Inverse(frame.View(new Layout([3, triples, n, n], [step, 3 * step, 1, n + 1], 0)), square: false);
        Assert.Equal(dense, strided);
        for (int i = 0; i < 3 * triples; i++)
        {
            double[] alone = Inverse(From(dtype, matrices[i], [n, n]).On(device), square: false);
            Assert.Equal(alone, dense[(i * n * n)..((i + 1) * n * n)]);
            Assert.Equal(alone, exchanged.AsSpan((i % 3 * triples + i / 3) * n * n, n * n));
        }
    }

    [Fact]
    public void Large_inverses_and_batches_have_the_same_bits_for_one_and_more_threads()
    {
        const int n = 300, batch = 40, small = 33;
        (DenseTensor l, _) = Factor(DType.F32, n, Kind.Cond2);
        double[] factors = [.. Enumerable.Range(0, batch).SelectMany(i => Factor(DType.F64, small, Kind.Cond2).Clean.Select(x => x * (1 + i)))];
        DenseTensor many = From(DType.F64, factors, [batch, small, small]);
        foreach (bool square in (bool[])[false, true])
        {
            Workers.Count = 1;
            (double[] one, double[] each) = (Inverse(l, square), Inverse(many, square));
            Workers.Count = 3;
            Assert.Equal(one, Inverse(l, square));
            Assert.Equal(each, Inverse(many, square));
            DenseTensor last = From(DType.F64, factors[^(small * small)..], [small, small]);
            Assert.Equal(Inverse(last, square), each[^(small * small)..]);
            Assert.Equal(each[^(small * small)..], Inverse(From(DType.F64, Transposed(factors[^(small * small)..], small, small), [small, small]) is var t ? t.View(t.Layout.Transpose([1, 0])) : t, square));
        }
    }

    [Fact]
    public void A_zero_on_the_diagonal_is_named_and_shapes_are_checked()
    {
        DenseTensor l = CheckZeroDiagonal(Device.Cpu);
        Assert.Equal("NB0125", Assert.Throws<ShapeException>(() => Linalg.CholeskyInverse(l, Stale(DType.F32, [50, 50]))).Code);
        Assert.Equal("NB0125", Assert.Throws<ShapeException>(() => Inverse(Matrix(DType.F32, 3, 4, 1), square: false)).Code);
        Assert.Equal("NB0210", Assert.Throws<DTypeException>(() => Linalg.TriangularInverse(l, Stale(DType.F64, [2, 50, 50]))).Code);
    }

    internal static DenseTensor CheckZeroDiagonal(Device device)
    {
        var a = new double[2 * 50 * 50];
        for (int i = 0; i < 100; i++) a[i / 50 * 2500 + i % 50 * 51] = 1;
        a[2500 + 41 * 51] = 0;
        DenseTensor l = From(DType.F32, a, [2, 50, 50]).On(device);
        foreach (bool square in (bool[])[false, true])
        {
            var error = Assert.Throws<NumericException>(() => Inverse(l, square));
            Assert.Equal("NB0602", error.Code);
            Assert.Contains("f32[2,50,50], batch index 1, row 41 ", error.Message);
        }
        return l;
    }
}
