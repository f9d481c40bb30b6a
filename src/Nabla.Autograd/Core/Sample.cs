namespace Nabla.Autograd;

/// <summary>One application of a primitive that the contract tests check. Float inputs are given in f64; the tests round them to the
/// type under test.</summary>
/// <param name="Inputs">Operands.</param>
/// <param name="Parameters">Parameters.</param>
/// <param name="Differentiable">False at points where the derivative is a convention (ties, kinks), checked elsewhere.</param>
public sealed record Sample(Tensor[] Inputs, object? Parameters = null, bool Differentiable = true)
{
    /// <summary>Instead of <see cref="Parameters"/>: those for an element type, where they hold programs on floats.</summary>
    public Func<DType, object?>? ParametersFor { get; init; }
}

/// <summary>A wrong application, and the code of the error that it must raise.</summary>
public sealed record ErrorSample(Tensor[] Inputs, object? Parameters, string Code);

/// <summary>
/// How far an evaluation may be from the double-precision reference, with u the unit roundoff of the dtype.
/// </summary>
/// <param name="UlpBound">Units in the last place, element by element; 0: exact.</param>
/// <param name="TermFactor">If positive: |error| ≤ factor·u·Σ|terms| instead, where <see cref="Primitive.Terms"/> is the sum; for reductions, contractions and scans, and
/// for functions that cancel near their zeros.</param>
/// <param name="NormFactor">If positive: ‖error‖ ≤ factor·u·‖result‖ instead, in the largest-element norm; for linear algebra on
/// well-conditioned samples.</param>
public readonly record struct Tolerance(double UlpBound, double TermFactor = 0, double NormFactor = 0)
{
    /// <summary>Bit for bit after rounding the reference.</summary>
    public static Tolerance Exact => new(0);

    /// <summary>At most <paramref name="bound"/> ulp per element.</summary>
    public static Tolerance Ulps(double bound) => new(bound);

    /// <summary>At most <paramref name="factor"/>·u·Σ|terms| per element.</summary>
    public static Tolerance Terms(double factor) => new(0, factor);

    /// <summary>At most <paramref name="factor"/>·u·max|result|.</summary>
    public static Tolerance Norm(double factor) => new(0, 0, factor);
}

/// <summary>Makes operands for samples on <see cref="Device.Default"/>: deterministic, from a key.</summary>
public sealed class SampleSource(ulong seed)
{
    private readonly (uint K0, uint K1) _key = ((uint)seed, (uint)(seed >> 32));
    private uint _draw;

    /// <summary>f64 elements uniform in [low, high).</summary>
    public DenseTensor Uniform(Shape shape, double low = -1, double high = 1)
    {
        double[] values = Draw(shape.Count);
        return Tensor.From(Array.ConvertAll(values, u => low + (high - low) * u), shape);
    }

    /// <summary>f64 elements of random sign with absolute values log-uniform in [low, high).</summary>
    public DenseTensor LogUniform(Shape shape, double low, double high)
    {
        double[] values = Draw(shape.Count);
        double range = Math.Log(high / low);
        return Tensor.From(Array.ConvertAll(values, u =>
            u < 0.5 ? -low * Math.Exp(2 * u * range) : low * Math.Exp((2 * u - 1) * range)), shape);
    }

    /// <summary>f64 elements that are all different and at least <paramref name="gap"/> apart, in random order: no ties.</summary>
    public DenseTensor Distinct(Shape shape, double gap = 0.25)
    {
        double[] order = Draw(shape.Count);
        int[] ranks = [.. Enumerable.Range(0, order.Length)];
        Array.Sort(order, ranks);
        var values = new double[order.Length];
        for (int i = 0; i < ranks.Length; i++) values[ranks[i]] = (i - order.Length / 2) * gap + 0.1;
        return Tensor.From(values, shape);
    }

    /// <summary>i32 (or i64) elements in [low, high).</summary>
    public DenseTensor Integers(Shape shape, int low, int high, DType dtype = DType.I32)
    {
        double[] values = Draw(shape.Count);
        return dtype == DType.I64
            ? Tensor.From(Array.ConvertAll(values, u => low + (long)(u * (high - low))), shape)
            : Tensor.From(Array.ConvertAll(values, u => low + (int)(u * (high - low))), shape);
    }

    /// <summary>Fair coins.</summary>
    public DenseTensor Bools(Shape shape) => Tensor.From(Array.ConvertAll(Draw(shape.Count), u => u < 0.5), shape);

    private double[] Draw(long count)
    {
        (uint k0, uint k1) = Philox.FoldIn(_key.K0, _key.K1, _draw++);
        var values = new double[count];
        for (long i = 0; i < count; i++)
        {
            (uint a, uint b, _, _) = Philox.Block((uint)i, (uint)(i >> 32), 0, 0, k0, k1);
            values[i] = Philox.ToUniform(a, b);
        }
        return values;
    }
}
