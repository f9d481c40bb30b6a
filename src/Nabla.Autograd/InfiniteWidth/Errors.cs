namespace Nabla.InfiniteWidth;

/// <summary>The infinite-width limit is not known, or does not exist, for what was asked.</summary>
public sealed class InfiniteWidthException(string code, string message) : NablaException(code, message);

/// <summary>The messages of the infinite-width library, side by side.</summary>
internal static class InfiniteWidthErrors
{
    public static InfiniteWidthException NoCriticalPoint(string activation, double biasVariance) => new("NB0534",
        $"critical line: no point with this bias variance: {activation}, σb² = {biasVariance}; expected a χ = 1 with a finite length. For ReLU only σb² = 0 is critical.");

    public static InfiniteWidthException NotAVariance(double value) => new("NB0535",
        $"mean field: a variance must be finite and ≥ 0: {value}.");
}
