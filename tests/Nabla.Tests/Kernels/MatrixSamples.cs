namespace Nabla.Tests.Kernels;

/// <summary>Matrices in every layout a kernel may meet, and products exact enough to judge any kernel by.</summary>
internal static class MatrixSamples
{
    /// <summary>How the elements of an operand lie in memory.</summary>
    public enum Placement
    {
        Contiguous,
        Transposed,
        Offset,
        Strided,
        Reversed,
        RepeatedRow,
        RepeatedColumn,
    }

    /// <summary>A matrix of uniform numbers in [−1, 1].</summary>
    public static DenseTensor Matrix(DType dtype, int rows, int columns, int seed, Placement placement = Placement.Contiguous)
    {
        const int frame = 3;
        var random = new Random(seed);
        var store = new double[(2 * rows + 2 * frame) * (3 * columns + 2 * frame)];
        for (int i = 0; i < store.Length; i++) store[i] = 2 * random.NextDouble() - 1;
        DenseTensor whole = From(dtype, store, [store.Length]);
        Shape shape = [rows, columns];
        long wide = columns + frame;
        return placement switch
        {
            Placement.Transposed => whole.View(new Layout(shape, [1, rows], 0)),
            Placement.Offset => whole.View(new Layout(shape, [wide, 1], wide + 1)),
            Placement.Strided => whole.View(new Layout(shape, [3 * columns, 3], 2)),
            Placement.Reversed => whole.View(new Layout(shape, [-wide, -1], rows * wide + columns)),
            Placement.RepeatedRow => whole.View(new Layout(shape, [0, 1], 1)),
            Placement.RepeatedColumn => whole.View(new Layout(shape, [1, 0], 1)),
            _ => whole.View(new Layout(shape, [columns, 1], 0)),
        };
    }

    /// <summary>A tensor of a float type from doubles, rounded.</summary>
    public static DenseTensor From(DType dtype, double[] elements, Shape shape) => dtype == DType.F64
        ? Tensor.From(elements, shape)
        : Tensor.From(Array.ConvertAll(elements, x => (float)x), shape);

    /// <summary>A tensor for results that holds NaN everywhere, so that reading it shows.</summary>
    public static DenseTensor Stale(DType dtype, Shape shape)
    {
        var elements = new double[shape.Count];
        Array.Fill(elements, double.NaN);
        return From(dtype, elements, shape);
    }

    /// <summary>A dense copy on a device; the tensor itself if it is there.</summary>
    public static DenseTensor On(this DenseTensor x, Device device)
    {
        if (x.Device == device) return x;
        DenseTensor copy = DenseTensor.Allocate(x.Aval, device);
        Nabla.Kernels.Move.Copy(x, copy);
        return copy;
    }

    /// <summary>The same elements on a device, with the strides that they have here.</summary>
    public static DenseTensor LaidOutOn(this DenseTensor x, Device device)
    {
        if (x.Device == device) return x;
        (long first, long last) = x.Layout.Reach;
        return x.View(new Layout([(int)(last - first + 1)], [1], first)).On(device).View(new Layout(x.Shape, x.Layout.Strides, x.Layout.Offset - first));
    }

    /// <summary>Σₚ x[p]·y[p] with a compensated sum (Ogita, Rump and Oishi 2005, Dot2), and Σₚ |x[p]·y[p]|.</summary>
    public static (double Sum, double Magnitude) Dot(double[] x, int xStart, int xStep, double[] y, int yStart, int yStep, int count)
    {
        (double sum, double error, double magnitude) = (0, 0, 0);
        for (int p = 0; p < count; p++)
        {
            (double u, double v) = (x[xStart + p * xStep], y[yStart + p * yStep]);
            double product = u * v, next = sum + product, part = next - sum;
            error += (sum - (next - part)) + (product - part) + Math.FusedMultiplyAdd(u, v, -product);
            sum = next;
            magnitude += Math.Abs(product);
        }
        return (sum + error, magnitude);
    }

    /// <summary>The largest |C − A·B| / (u·|A||B|) over all elements; infinite if one is wrong where |A||B| is 0, or is NaN.</summary>
    public static double WorstRatio(DenseTensor a, DenseTensor b, DenseTensor c)
    {
        (int m, int n, int k) = (c.Shape.Dims[0], c.Shape.Dims[1], a.Shape.Dims[1]);
        double[] x = a.ToDoubles(), y = b.ToDoubles(), z = c.ToDoubles();
        double worst = 0;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                (double sum, double magnitude) = Dot(x, i * k, 1, y, j, n, k);
                double error = Math.Abs(z[i * n + j] - sum);
                double ratio = error == 0 ? 0 : error / (a.DType.UnitRoundoff * magnitude);
                if (!(ratio <= worst)) worst = double.IsNaN(ratio) ? double.PositiveInfinity : ratio;
            }
        return worst;
    }
}
