using System.Numerics;

namespace Nabla.Experiments.Measure;

/// <summary>
/// The discrete Fourier transform at a few frequencies, by dot products: 2N multiplications a frequency. That is all that the frequency principle needs,
/// at every step of a training.
/// </summary>
public static class Fourier
{
    /// <summary>The uniform periodic grid xᵢ = −π + 2πi/N, i = 0 … N − 1.</summary>
    public static double[] Grid(int n) => [.. Enumerable.Range(0, n).Select(i => -Math.PI + 2 * Math.PI * i / n)];

    /// <summary>
    /// F[v](k) = (1/N) Σᵢ vᵢ·e^(−ikxᵢ) on <see cref="Grid"/>: ½e^(∓iφ) at k = ±m for v = cos(mx − φ), m ≠ 0. Angles are reduced exactly, as
    /// integers modulo N, so that orthogonality on the grid holds to rounding for every k.
    /// </summary>
    /// <param name="values">v, one value for each grid point.</param>
    /// <param name="k">The frequency; at k + N the grid sees the same up to a sign, (−1)ᴺ.</param>
    public static Complex Coefficient(ReadOnlySpan<double> values, int k)
    {
        int n = values.Length;
        Complex sum = 0;
        for (int i = 0; i < n; i++) sum += values[i] * Phase(i, k, n);
        return sum / n;
    }

    // e^(−ikxᵢ) = (−1)ᵏ·e^(−2πi·(ki mod N)/N)
    internal static Complex Phase(int i, int k, int n)
    {
        long turn = (long)i * k % n;
        double angle = -2 * Math.PI * turn / n;
        return (k % 2 == 0 ? 1 : -1) * new Complex(Math.Cos(angle), Math.Sin(angle));
    }
}

/// <summary>
/// Relative error of a function at single frequencies: D(k) = |F[f − y](k)| / |F[y](k)|. Source: Xu et al., arXiv:1901.06523, eq. 2.
/// </summary>
/// <remarks>
/// Where the target has no part at k (|F[y](k)| below 10⁻⁹ of its largest part among the given frequencies), the error is divided by that largest part:
/// it is then what the function has at k and should not.
/// </remarks>
public sealed class FrequencyError
{
    private readonly double[] _target;
    private readonly int[] _frequencies;
    private readonly Complex[][] _phases;
    private readonly double[] _scales;

    /// <summary>Prepares the measurement: the phases are computed once.</summary>
    /// <param name="target">y on the grid of <see cref="Fourier.Grid"/>.</param>
    /// <param name="frequencies">The frequencies k.</param>
    public FrequencyError(double[] target, params int[] frequencies)
    {
        (_target, _frequencies) = (target, frequencies);
        int n = target.Length;
        _phases = Array.ConvertAll(frequencies, k => Enumerable.Range(0, n).Select(i => Fourier.Phase(i, k, n) / n).ToArray());
        double[] parts = Array.ConvertAll(frequencies, k => Complex.Abs(Fourier.Coefficient(target, k)));
        double largest = parts.Max();
        _scales = Array.ConvertAll(parts, p => p > 1e-9 * largest ? p : largest);
    }

    /// <summary>The frequencies k.</summary>
    public IReadOnlyList<int> Frequencies => _frequencies;

    /// <summary>D(k) for each frequency of a function given on the grid. 4N multiplications a frequency.</summary>
    public double[] Of(ReadOnlySpan<double> values)
    {
        var errors = new double[_frequencies.Length];
        for (int j = 0; j < errors.Length; j++)
        {
            Complex sum = 0;
            for (int i = 0; i < _target.Length; i++) sum += (values[i] - _target[i]) * _phases[j][i];
            errors[j] = Complex.Abs(sum) / _scales[j];
        }
        return errors;
    }
}
