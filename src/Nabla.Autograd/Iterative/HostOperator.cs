using Nabla.Kernels;

namespace Nabla.Iterative;

/// <summary>
/// A symmetric operator as the host loops of this folder see it: vectors are doubles here, and of the operator's element type when it is applied. So the
/// recurrences and orthogonalisations are computed in double precision, and only the products are as accurate as the operator.
/// </summary>
internal sealed class HostOperator(string method, Func<Tensor, Tensor> function, int size, DType dtype)
{
    /// <summary>n.</summary>
    public int Size { get; } = size > 0 ? size : throw AutogradErrors.IterationArgument(method, $"the number of unknowns is {size}; expected at least 1");

    /// <summary>The element type of vectors.</summary>
    public DType DType { get; } = dtype.IsFloat ? dtype : throw AutogradErrors.DTypeNotSupported(method, new Aval(dtype, [size]), "f32 f64");

    /// <summary>The unit roundoff of the element type.</summary>
    public double Roundoff => DType.UnitRoundoff;

    /// <summary>Products so far.</summary>
    public int Applications { get; private set; }

    /// <summary>The operator's name in messages.</summary>
    public string Method => method;

    /// <summary>A·x.</summary>
    /// <exception cref="ShapeException">NB0142: the operator does not keep the shape and the element type.</exception>
    /// <exception cref="NumericException">NB0630: the product is not finite.</exception>
    public double[] Apply(double[] x)
    {
        Applications++;
        Tensor given = ToTensor(x), product = function(given);
        if (product.Aval != given.Aval) throw AutogradErrors.OperatorShape(method, given.Aval, product.Aval);
        double[] y = product.ToDoubles();
        return Array.TrueForAll(y, double.IsFinite) ? y : throw AutogradErrors.OperatorNotFinite(method, given.Aval, Applications);
    }

    /// <summary>A vector in the element type.</summary>
    public Tensor ToTensor(double[] x) => Tensor.From(x).To(DType);

    /// <summary>Vectors as rows, [count, n].</summary>
    public Tensor ToRows(IReadOnlyList<double[]> rows)
    {
        var all = new double[rows.Count * Size];
        for (int i = 0; i < rows.Count; i++) rows[i].CopyTo(all, i * Size);
        return Tensor.From(all, [rows.Count, Size]).To(DType);
    }

    /// <summary>Refuses counts below 1 and tolerances that are not numbers ≥ 0.</summary>
    public HostOperator Require(int count, string what, double tolerance = 0)
    {
        if (count < 1) throw AutogradErrors.IterationArgument(method, $"{what} is {count}; expected at least 1");
        return tolerance >= 0 && double.IsFinite(tolerance) ? this : throw AutogradErrors.IterationArgument(method, $"the tolerance is {tolerance}; expected a number ≥ 0");
    }

    /// <summary>A random vector of unit length.</summary>
    public double[] RandomUnit(RandomKey key)
    {
        double[] x = key.Normal([Size], DType.F64).ToDoubles();
        Vectors.Scale(x, 1 / Vectors.Norm(x));
        return x;
    }

    /// <summary>A vector of signs ±1.</summary>
    public double[] Signs(RandomKey key) => Array.ConvertAll(key.Bits([Size]).ToArray<int>(), bits => bits < 0 ? -1.0 : 1);
}

/// <summary>Operations on vectors of doubles.</summary>
internal static unsafe class Vectors
{
    /// <summary>Σ x·y.</summary>
    public static double Dot(double[] x, double[] y)
    {
        fixed (double* a = x, b = y) return VectorKernel<double>.Dot(a, b, x.Length);
    }

    /// <summary>y += factor·x.</summary>
    public static void Add(double[] y, double[] x, double factor)
    {
        fixed (double* a = y, b = x) VectorKernel<double>.AddMultiple(a, b, factor, y.Length);
    }

    /// <summary>√Σ x², scaled so that it neither over- nor underflows.</summary>
    public static double Norm(double[] x)
    {
        double square = Dot(x, x);
        if (square is > 1e-280 and < 1e280) return Math.Sqrt(square);
        double largest = 0;
        foreach (double e in x) largest = Math.Max(largest, Math.Abs(e));
        if (largest == 0) return 0;
        double scale = Math.ScaleB(1, -Math.ILogB(largest)), sum = 0;
        foreach (double e in x) sum += e * scale * (e * scale);
        return Math.Sqrt(sum) / scale;
    }

    /// <summary>x *= factor.</summary>
    public static void Scale(double[] x, double factor)
    {
        for (int i = 0; i < x.Length; i++) x[i] *= factor;
    }

    /// <summary>Takes the parts along orthonormal vectors out of x, twice, which is enough (Parlett, The symmetric eigenvalue problem, §6.9).</summary>
    public static void Orthogonalise(double[] x, IReadOnlyList<double[]> basis)
    {
        for (int pass = 0; pass < 2; pass++)
            foreach (double[] v in basis) Add(x, v, -Dot(v, x));
    }

    /// <summary>Σᵢ coefficients[i]·basis[i].</summary>
    public static double[] Combine(IReadOnlyList<double[]> basis, ReadOnlySpan<double> coefficients)
    {
        var sum = new double[basis[0].Length];
        for (int i = 0; i < basis.Count; i++) Add(sum, basis[i], coefficients[i]);
        return sum;
    }
}
