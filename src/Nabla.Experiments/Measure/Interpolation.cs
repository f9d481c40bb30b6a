namespace Nabla.Experiments.Measure;

/// <summary>Values between the points of a grid.</summary>
public static class Interpolation
{
    /// <summary>
    /// Piecewise bilinear interpolation on a rectangular grid whose lines need not be equally far apart. Shape: values [rows at y, columns at x],
    /// both ascending, → [rows at newY, columns at newX]. Outside the grid the value at its edge continues.
    /// </summary>
    public static double[,] Bilinear(double[] x, double[] y, double[,] values, double[] newX, double[] newY)
    {
        var result = new double[newY.Length, newX.Length];
        for (int i = 0; i < newY.Length; i++)
        {
            (int low, int high, double t) = Between(y, newY[i]);
            for (int j = 0; j < newX.Length; j++)
            {
                (int left, int right, double s) = Between(x, newX[j]);
                result[i, j] = (1 - t) * ((1 - s) * values[low, left] + s * values[low, right]) + t * ((1 - s) * values[high, left] + s * values[high, right]);
            }
        }
        return result;
    }

    /// <summary>Equally spaced values from the first to the last, ends included.</summary>
    public static double[] Range(double first, double last, int count) =>
        [.. Enumerable.Range(0, count).Select(i => first + (last - first) * i / (count - 1))];

    private static (int Below, int Above, double Fraction) Between(double[] grid, double at)
    {
        int above = Array.FindIndex(grid, g => g >= at);
        if (above < 0) return (grid.Length - 1, grid.Length - 1, 0);
        return above == 0 ? (0, 0, 0) : (above - 1, above, (at - grid[above - 1]) / (grid[above] - grid[above - 1]));
    }
}
