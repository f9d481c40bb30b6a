namespace Nabla.InfiniteWidth;

/// <summary>The infinite-width limit is not known, or does not exist, for what was asked.</summary>
public sealed class InfiniteWidthException(string code, string message) : NablaException(code, message);

/// <summary>The messages of the infinite-width library, side by side.</summary>
internal static class InfiniteWidthErrors
{
    public static InfiniteWidthException NotGaussian(string layer) => new("NB0530",
        $"kernel: {layer} needs a centred Gaussian input, but its input is none: the state has IsGaussian = false. Put a Dense or Conv layer before it.");

    public static InfiniteWidthException CorrelatedBranches(bool shared) => new("NB0531",
        "kernel: the branches of a fan-in sum are correlated, so that their kernels do not add: " +
        (shared ? "two of them are linear in the same weights" : "more than one is not a centred Gaussian process") +
        "; expected weights of its own at the end of every branch but one. End the others with a Dense or Conv layer.");

    public static ShapeException Misfit(string layer, string rule) => new("NB0532", $"{layer}: shapes do not fit: {rule}.");

    public static InfiniteWidthException Positions(string rule) => new("NB0533", $"kernel: which pairs of positions: {rule}.");

    public static InfiniteWidthException DropoutRate(double rate) => new("NB0536", $"dropout: rate must be in [0, 1): {rate}.");

    public static InfiniteWidthException NoCriticalPoint(string activation, double biasVariance) => new("NB0534",
        $"critical line: no point with this bias variance: {activation}, σb² = {biasVariance}; expected a χ = 1 with a finite length. For ReLU only σb² = 0 is critical.");

    public static InfiniteWidthException NotAVariance(double value) => new("NB0535",
        $"mean field: a variance must be finite and ≥ 0: {value}.");

    public static InfiniteWidthException EmpiricalNtk(string rule) => new("NB0537", $"empirical kernel: {rule}.");

    public static InfiniteWidthException TooFew(string what, int given, int least) => new("NB0538", $"{what}: {given}; expected at least {least}.");

    public static InfiniteWidthException Time(double t) => new("NB0540",
        $"predict: time must be ≥ 0, and finite for losses without a closed form: {t}.");

    public static ShapeException KernelShape(string rule) => new("NB0541", $"predict: kernel and targets do not fit: {rule}.");

    public static InfiniteWidthException Integration(string what) => new("NB0542", $"predict: the differential equation cannot be solved: {what}.");
}
