namespace Nabla;

/// <summary>The messages of coding rates, side by side.</summary>
internal static class RateErrors
{
    public static ShapeException Features(Aval z) => new("NB0580",
        $"coding_rate: features are not a matrix of f32 or f64: {z}; expected Z [d, n] with one sample a column. Features of a network [n, d] are Z = features.T.");

    public static ShapeException Precision(double epsilonSquared) => new("NB0581",
        $"coding_rate: the squared precision is not a positive number: ε² = {epsilonSquared}; expected 0 < ε² < ∞, such as 0.5 for features of unit length.");

    public static ShapeException Labels(Aval z, string given, int classes) => new("NB0582",
        $"coding_rate: the labels do not fit: {given} for features {z} and {classes} classes; expected one i32 label for each sample, and at least one class.");

    public static ShapeException Memberships(Aval z, Aval memberships) => new("NB0583",
        $"coding_rate: the memberships do not fit: {memberships} for features {z}; expected {z.DType.Name}[k,{(z.Shape.Rank > 0 ? z.Shape[^1] : 0)}], one column for each sample.");

    public static ShapeException TooLarge(string what, Int128 elements) => new("NB0584",
        $"coding_rate: a matrix is too large: {what} has {elements:N0} elements; expected fewer than 2^31. Use fewer dimensions or samples, or labels in place of memberships.");

    public static ShapeException Subspaces(string problem) => new("NB0586",
        $"coding_rate: not a configuration of subspaces: {problem}; expected d ≥ 1, k ≥ 1, and for each class a rank r_j ≥ 0 and a size n_j ≥ 0, not all sizes zero.");

    public static ShapeException NoSamples(Aval z) => new("NB0587",
        $"coding_rate: E needs samples: {z}; expected Z [d, n] with n ≥ 1. Its factor α = d/(n ε²) is infinite without them.");

    public static NumericException Membership(Aval memberships, int group, int sample, double value) => new("NB0588",
        $"coding_rate: a membership is not a weight: {value} of sample {sample} in class {group} of Π {memberships}; expected finite numbers ≥ 0, usually with columns that sum to 1.");

    public static NumericException Spectrum(string problem) => new("NB0585",
        $"rate_distortion: not a spectrum and a distortion: {problem}; expected variances λ ≥ 0, all finite, and a distortion above 0.");
}
