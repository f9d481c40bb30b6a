namespace Nabla;

/// <summary>The messages of ReduNets, side by side.</summary>
internal static class ReduNetErrors
{
    public static ShapeException Kernels(Aval x, Aval kernels) => new("NB0683",
        $"lifting: the kernels do not fit the samples: {kernels} for {x}; expected [width, in, channels] for signals [n, T, in], [width, width, in, channels] for images [n, H, W, in], of one " +
        "element type.");

    public static ShapeException Setting(string operation, string name, double value, string expected) => new("NB0684",
        $"{operation}: {name} is out of range: {value}; expected {expected}.");

    public static ShapeException Images(Aval x) => new("NB0685", $"polar: not images: {x}; expected f32 or f64 [n, H, W], without an axis for channels.");

    public static ShapeException Classified(string operation, Aval z, string expected) => new("NB0686",
        $"{operation}: the features do not fit: {z}; expected {expected}. Features of a network [n, d] are Z = features.T.");

    public static NumericException Value(string operation, Aval x, long position, double value) => new("NB0687",
        $"{operation}: a value is not finite: {value} at position {position} of {x}. Look for the first operation that made it.");

    public static ShapeException Trainable(Aval operators, Aval x, Aval start) => new("NB0688",
        $"redunet: the operators or the samples do not fit: operators {operators}, samples {x}; expected operators {start} and samples {start.DType.Name}[n,{start.Shape[^1]}], or both " +
        "of another float type.");

    public static TreeFileException Saved(string path, string problem) => new("NB0689",
        $"redunet: the file holds parts that do not fit each other: '{path}': {problem}. It was not written by ReduNet.Save, or it was changed since.");

    public static ShapeException Samples(Aval x) => new("NB0690",
        $"redunet: not samples: {x}; expected f32 or f64 vectors [n, d], signals [n, T, C] or images [n, H, W, C], at least one sample, channels last.");

    public static ShapeException Option(string name, double value, string expected) => new("NB0691", $"redunet: {name} is out of range: {value}; expected {expected}.");

    public static ShapeException Labels(Aval x, int given, int classes) => new("NB0692",
        $"redunet: the labels do not fit: {given} labels and {classes} classes for samples {x}; expected one label for each sample, and at least one class.");

    public static NumericException Label(int position, int label, int classes) => new("NB0693",
        $"redunet: a label names no class: label {label} of sample {position}; expected 0 ≤ label < {classes}.");

    public static NumericException NotFinite(Aval x, long sample, long feature, double value) => new("NB0694",
        $"redunet: the samples are not finite: {value} in feature {feature} of sample {sample}, samples {x}. Look for the first operation that made it.");

    public static NumericException Diverged(int layer, double epsilonSquared, double step) => new("NB0695",
        $"redunet: layer {layer} cannot be built: features overflow, or I + αZZᵀ has no factorisation; ε² = {epsilonSquared}, η_eff = {step}. Use f64, a larger ε² or a smaller step.");

    public static ShapeException OtherSamples(Aval x, string expected) => new("NB0696",
        $"redunet: samples do not fit the network: {x}; it was built from samples {expected}.");

    public static ShapeException NotTrainable(Shape sample, ReduNetOptions options) => new("NB0697",
        $"redunet: fine-tuning is for vectors, soft gates and residuals: this network has samples of shape {sample}, gates {options.Gating}, normalisation {options.Normalization} and " +
        $"{(options.Residual ? "residuals" : "no residuals")}; expected samples [d], soft gates or labels, and normalisation by sample or class.");

    public static ShapeException Moments(Aval moments, int counts) => new("NB0698",
        $"redunet: the second moments do not fit: {moments} and {counts} class sizes; expected f32 or f64 [k, d, d] and k sizes, none negative and not all zero.");

    public static ShapeException TooLarge(string what, Int128 elements) => new("NB0699",
        $"redunet: {what} would have {elements:N0} elements; expected fewer than 2^31. Use fewer layers, classes, or dimensions.");
}
