using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Roots λ of f(λ) = 1 + Σⱼ wⱼ/(dⱼ − λ) for ascending poles d and weights w > 0: the eigenvalues of diag(d) + z·zᵀ with wⱼ = zⱼ². Root i lies
/// between poles i and i + 1, the last one below the last pole + Σw. The unknown is the distance to the nearer pole, so that all differences
/// dⱼ − λ come out accurate to a few roundings. Each step replaces the poles up to i by one at dᵢ and those after it by one at dᵢ₊₁ with the same
/// values and slopes, and takes the root of that. Sources: Bunch, Nielsen and Sorensen, Rank-one modification of the symmetric eigenproblem
/// (Numer. Math. 1978); Li, Solving secular equations stably and efficiently (LAPACK Working Note 89, 1993), for where to start and to stop.
/// </summary>
internal unsafe struct SecularEquation
{
    private const double Epsilon = 1.1102230246251565e-16;
    private const int RationalSteps = 40;

    private readonly double* _poles, _weights, _shifted;
    private readonly nint _count, _index;
    private double _left, _leftSlope, _right, _rightSlope;

    private SecularEquation(double* poles, double* weights, nint count, nint index, double* shifted)
    {
        _poles = poles;
        _weights = weights;
        _shifted = shifted;
        (_count, _index) = (count, index);
    }

    /// <summary>Root <paramref name="index"/>; <paramref name="differences"/>[j] = dⱼ − λ.</summary>
    public static double Solve(double* poles, double* weights, nint count, nint index, double* differences)
    {
        var equation = new SecularEquation(poles, weights, count, index, differences);
        nint origin = index;
        double shift = count == 1 ? weights[0] : index == count - 1 ? equation.Last() : equation.Inner(ref origin);
        equation.Shift(poles[origin]);
        for (nint j = 0; j < count; j++) differences[j] -= shift;
        return poles[origin] + shift;
    }

    private readonly void Shift(double origin)
    {
        for (nint j = 0; j < _count; j++) _shifted[j] = _poles[j] - origin;
    }

    // From the middle of the interval: the sign of f there says which pole is nearer, and the poles beside it alone give the first guess.
    private double Inner(ref nint origin)
    {
        nint i = _index;
        double gap = _poles[i + 1] - _poles[i], middle = gap / 2;
        Shift(_poles[i]);
        double f = Evaluate(middle), others = f + (_weights[i] - _weights[i + 1]) / middle, sum = _weights[i] + _weights[i + 1];
        if (f >= 0) return Iterate(SmallerRoot(others, others * gap + sum, _weights[i] * gap), 0, middle);
        origin = i + 1;
        Shift(_poles[i + 1]);
        return Iterate(SmallerRoot(others, sum - others * gap, -_weights[i + 1] * gap), -middle, 0);
    }

    // Both poles lie below the root: it is the larger one of the quadratic.
    private double Last()
    {
        nint i = _index;
        double end = 0;
        for (nint j = 0; j < _count; j++) end += _weights[j];
        Shift(_poles[i]);
        double gap = _poles[i] - _poles[i - 1], f = Evaluate(end / 2);
        double others = f + _weights[i] / (end / 2) + _weights[i - 1] / (gap + end / 2);
        double guess = LargerRoot(others, _weights[i] + _weights[i - 1] - others * gap, -_weights[i] * gap);
        return Iterate(guess, 0, end * (1 + 4 * Epsilon));
    }

    private double Iterate(double shift, double low, double high)
    {
        for (int step = 0; ; step++)
        {
            if (!(shift > low && shift < high)) shift = low + (high - low) / 2;
            if (shift == low || shift == high) return shift;
            double f = Evaluate(shift), slope = _leftSlope + _rightSlope;
            if (Math.Abs(f) <= Epsilon * (8 * (1 + Math.Abs(_left) + Math.Abs(_right)) + Math.Abs(shift) * slope)) return shift;
            if (f < 0) low = shift;
            else high = shift;
            shift = step < RationalSteps ? shift + Step(shift, f, slope) : low + (high - low) / 2;
        }
    }

    private readonly double Step(double shift, double f, double slope)
    {
        bool last = _index == _count - 1;
        nint i = last ? _index - 1 : _index;
        double a = _shifted[i] - shift, b = _shifted[i + 1] - shift;
        double constant = f - a * _leftSlope - b * _rightSlope, linear = (a + b) * f - a * b * slope;
        return last ? LargerRoot(constant, linear, a * b * f) : SmallerRoot(constant, linear, a * b * f);
    }

    // c·x² − a·x + b = 0: the roots (a ∓ √(a² − 4·b·c)) / (2·c), without cancellation.
    private static double SmallerRoot(double c, double a, double b)
    {
        double root = Math.Sqrt(Math.Abs(a * a - 4 * b * c));
        return a > 0 ? 2 * b / (a + root) : (a - root) / (2 * c);
    }

    private static double LargerRoot(double c, double a, double b)
    {
        double root = Math.Sqrt(Math.Abs(a * a - 4 * b * c));
        return a < 0 ? 2 * b / (a - root) : (a + root) / (2 * c);
    }

    // f at a distance from the origin, and the sums and slopes of the poles on either side; for the last root all poles but the last are "left".
    private double Evaluate(double shift)
    {
        nint split = Math.Min(_index + 1, _count - 1);
        Sums(_shifted, _weights, split, shift, out _left, out _leftSlope);
        Sums(_shifted + split, _weights + split, _count - split, shift, out _right, out _rightSlope);
        return 1 + (_left + _right);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sums(double* poles, double* weights, nint count, double shift, out double sum, out double slope)
    {
        Vector256<double> at = Vector256.Create(shift), sums = default, slopes = default, one = Vector256.Create(1.0);
        nint j = 0;
        for (; j + Vector256<double>.Count <= count; j += Vector256<double>.Count)
        {
            Vector256<double> inverse = one / (Vector256.Load(poles + j) - at), term = Vector256.Load(weights + j) * inverse;
            sums += term;
            slopes += term * inverse;
        }
        (sum, slope) = (Vector256.Sum(sums), Vector256.Sum(slopes));
        for (; j < count; j++)
        {
            double inverse = 1 / (poles[j] - shift), term = weights[j] * inverse;
            sum += term;
            slope += term * inverse;
        }
    }
}
