using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Launches matrix exponentials: the Padé approximant of degree 13 for every matrix, scaled by its own power of two, then as many squarings as the largest needs. In f64 where the
/// device has it, as on the host. The derivative along E is the upper right block of exp([[A, E], [0, A]]) (Higham, Functions of Matrices, eq. 3.16).
/// </summary>
internal static class DeviceExp
{
    // The largest 1-norm at which the backward error is below 2⁻⁵³ (Higham 2005, table 2.3).
    private const double Bound = 5.371920351148152;

    // Coefficients of degree 13, lowest power first.
    private static readonly double[] B =
    [
        64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640, 1323241920,
        40840800, 960960, 16380, 182, 1,
    ];

    /// <summary>y = exp(a), or its derivative along e.</summary>
    public static void Run(DenseTensor a, DenseTensor? e, DenseTensor y)
    {
        bool widen = a.DType == DType.F32 && ((Accelerator)y.Device).HasDouble;
        DenseTensor argument = Dense(a, widen), direction = e is null ? argument : Dense(e, widen);
        DenseTensor result = a.DType == DType.F32 && !widen ? Run<float>(a, argument, e is null ? null : direction) : Run<double>(a, argument, e is null ? null : direction);
        if (widen) Map.Convert(result, y);
        else Move.Copy(result, y);
    }

    private static DenseTensor Dense(DenseTensor x, bool widen)
    {
        DenseTensor dense = DenseTensor.Allocate(new Aval(widen ? DType.F64 : x.DType, x.Shape), x.Device);
        if (widen) Map.Convert(x, dense);
        else Move.Copy(x, dense);
        return dense;
    }

    private static DenseTensor Run<T>(DenseTensor given, DenseTensor a, DenseTensor? e) where T : unmanaged, IFloatingPointIeee754<T>
    {
        double[] norms = Norms<T>(a);
        for (int entry = 0; entry < norms.Length; entry++)
            if (!double.IsFinite(norms[entry])) throw KernelErrors.NotFinite("matrix_exp", given.Aval, entry);
        return e is null ? Exponential<T>(a, norms) : Derivative<T>(a, e, norms);
    }

    // The direction is brought to the size of the matrix first, so that it asks for no squarings of its own.
    private static DenseTensor Derivative<T>(DenseTensor a, DenseTensor e, double[] norms) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = a.Shape.Dims[^1], entries = norms.Length;
        double[] sizes = Norms<T>(e), factors = [.. sizes.Select((size, i) => size > 0 && double.IsFinite(size) ? Math.ScaleB(1, Math.Clamp(Math.ILogB(Math.Max(norms[i], 1)) - Math.ILogB(size), -900, 900)) : 1)];
        DenseTensor block = DenseTensor.Allocate(new Aval(a.DType, [entries, 2 * n, 2 * n]), a.Device), scaled = Scaled<T>(e, factors);
        DeviceMove.Fill(DenseTensor.Splat(new Aval(a.DType, Shape.Scalar), 0, a.Device), block);
        foreach ((DenseTensor part, long target) in new[] { (a, 0L), (scaled, n), (a, 2L * n * n + n) })
            DeviceMove.Run(part, 0, block, target, new StridedWalk([entries, n, n], [(long)n * n, n, 1], [4L * n * n, 2 * n, 1]));
        DenseTensor both = Exponential<T>(block, [.. norms.Select((norm, i) => norm + (double.IsFinite(sizes[i]) ? sizes[i] * factors[i] : 0))]);
        DenseTensor corner = both.View(new Layout(a.Shape.Rank == 2 ? [1, n, n] : [entries, n, n], [4L * n * n, 2 * n, 1], both.Layout.Offset + n));
        DenseTensor derivative = DenseTensor.Allocate(new Aval(a.DType, [entries, n, n]), a.Device);
        Move.Copy(corner, derivative);
        return Scaled<T>(derivative, Array.ConvertAll(factors, f => 1 / f)).View(Layout.RowMajor(a.Shape));
    }

    private static DenseTensor Exponential<T>(DenseTensor a, double[] norms) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = a.Shape.Dims[^1];
        int[] squarings = Array.ConvertAll(norms, norm => norm > Bound ? (int)Math.Ceiling(Math.Log2(norm / Bound)) : 0);
        DenseTensor x = Scaled<T>(a, Array.ConvertAll(squarings, s => Math.ScaleB(1, -s)));
        DenseTensor x2 = Product(x, x), x4 = Product(x2, x2), x6 = Product(x4, x2);
        DenseTensor odd = Product(x6, Combined(B[13], B[11], B[9], 0, null)), even = Product(x6, Combined(B[12], B[10], B[8], 0, null));
        DenseTensor u = Product(x, Combined(B[7], B[5], B[3], B[1], odd)), v = Combined(B[6], B[4], B[2], B[0], even);
        ExpKernels.LaunchFraction<T>((Accelerator)a.Device, Groups(u), 1, 1, DeviceView.Of(u), DeviceView.Of(v));
        DenseTensor result = DenseTensor.Allocate(a.Aval, a.Device);
        DeviceFactors.Solve(u, v, result);
        DenseTensor counts = DenseTensor.Allocate(new Aval(DType.I32, [squarings.Length]), a.Device);
        counts.Write<int>(squarings);
        for (int done = 0; done < squarings.Max(); done++)
        {
            DenseTensor square = Product(result, result);
            ExpKernels.LaunchAdvance<T>((Accelerator)a.Device, Groups(square), 1, 1, DeviceView.Of(square), n * n, DeviceView.Of(counts), done, DeviceView.Of(result));
            GC.KeepAlive(square);
        }
        GC.KeepAlive(counts);
        return result;

        // Into a new matrix, or onto one.
        DenseTensor Combined(double c6, double c4, double c2, double c0, DenseTensor? onto)
        {
            DenseTensor y = onto ?? DenseTensor.Allocate(a.Aval, a.Device);
            ExpKernels.LaunchCombine<T>((Accelerator)a.Device, Groups(y), 1, 1, DeviceView.Of(x6), T.CreateTruncating(c6), DeviceView.Of(x4), T.CreateTruncating(c4),
                DeviceView.Of(x2), T.CreateTruncating(c2), T.CreateTruncating(c0), n, onto is null ? 0 : 1, DeviceView.Of(y));
            return y;
        }
    }

    private static DenseTensor Product(DenseTensor x, DenseTensor y)
    {
        DenseTensor product = DenseTensor.Allocate(x.Aval, x.Device);
        MatMul.Run(x, y, product);
        return product;
    }

    private static DenseTensor Scaled<T>(DenseTensor x, double[] factors) where T : unmanaged, IFloatingPointIeee754<T>
    {
        DenseTensor y = DenseTensor.Allocate(x.Aval, x.Device), scales = DenseTensor.Allocate(new Aval(x.DType, [factors.Length]), x.Device);
        scales.Write<T>(Array.ConvertAll(factors, T.CreateTruncating));
        ExpKernels.LaunchScale<T>((Accelerator)x.Device, Groups(x), 1, 1, DeviceView.Of(x), x.Shape.Dims[^1] * x.Shape.Dims[^2], DeviceView.Of(scales), DeviceView.Of(y));
        GC.KeepAlive(scales);
        return y;
    }

    // The 1-norm of each entry.
    private static double[] Norms<T>(DenseTensor x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = x.Shape.Dims[^1], entries = DeviceLinalg.Entries(x);
        DenseTensor sums = DenseTensor.Allocate(new Aval(x.DType, [entries * n]), x.Device);
        ExpKernels.LaunchColumnSums<T>((Accelerator)x.Device, Groups(sums), 1, 1, DeviceView.Of(x), n, DeviceView.Of(sums));
        double[] columns = sums.CopyToDoubles();
        // Max of LINQ passes over NaN.
        return [.. Enumerable.Range(0, entries).Select(entry => columns[(entry * n)..((entry + 1) * n)].Aggregate(Math.Max))];
    }

    private static int Groups(DenseTensor x) => LaunchSize.Linear(x.Count, ExpKernels.Size).GridX;
}
