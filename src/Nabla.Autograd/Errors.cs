using Nabla.Autograd;
using Nabla.Nn;

namespace Nabla;

/// <summary>A function cannot be traced, differentiated or compiled as asked.</summary>
public sealed class TraceException(string code, string message) : NablaException(code, message);

/// <summary>A layer of a network is made or applied in a way that cannot work.</summary>
public sealed class LayerException(string code, string message) : NablaException(code, message);

/// <summary>A file of a tree, or a folder of checkpoints, does not fit what is asked of it.</summary>
public sealed class TreeFileException(string code, string message, IReadOnlyList<string>? differences = null) : NablaException(code, message)
{
    /// <summary>Differences that a message shows; the property holds all.</summary>
    internal const int Shown = 50;

    /// <summary>What differs between file and example, one line each: missing, unexpected, shape, element type, length, key, type, value.</summary>
    public IReadOnlyList<string> Differences { get; } = differences ?? [];
}

/// <summary>The messages of this layer, side by side.</summary>
internal static class AutogradErrors
{
    public static TreeFileException TreeDiffers(string path, IReadOnlyList<string> differences) => new("NB0412",
        $"tree file: the file does not fit the example: '{path}':\n  {string.Join("\n  ", differences.Take(TreeFileException.Shown))}" +
        (differences.Count > TreeFileException.Shown ? $"\n  and {differences.Count - TreeFileException.Shown} more" : "") +
        "\nLoad with strict: false to ignore what is only in the file, and to keep the example's parts that it lacks.", differences);

    public static TreeFileException LaterVersion(string path, string version, int known) => new("NB0413",
        $"tree file: written by a later version: '{path}' is of format {version}; this program reads up to {known}. Update it, or save with the older one.");

    public static FileFormatException WrongChecksum(string path, string found, string stated) => new("NB0414",
        $"tree file: the checksum differs: '{path}' has {found}, should have {stated}; it was damaged or changed after it was written. Copy it again; " +
        "if the change was meant, remove the metadata key nabla.checksum.", 0);

    public static TreeFileException NoTreeName(string path, string what) => new("NB0415",
        $"tree file: a {what} has no name of its own: '{path}'; expected paths that occur once, are valid Unicode and are not reserved. Keys of dictionaries " +
        "that contain dots can make two paths equal.");

    public static TreeFileException LaterCheckpoint(string path, long step) => new("NB0416",
        $"checkpoints: the folder holds a later step: '{path}', when saving step {step}; it belongs to another training. Resume from it, or choose another folder.");

    public static TreeFileException NoSoundCheckpoint(string folder, IEnumerable<string> faults) => new("NB0417",
        $"checkpoints: none can be read: {string.Join("; ", faults)} Remove the folder '{folder}' to start from the beginning.");

    public static TraceException NoElements(Aval aval, string trace) => new("NB0501",
        $"{trace}: a stand-in has no elements: {aval}. Inside a transformation, values exist only when it runs: use Select or Where in place of " +
        "if, StopGradient in place of reading a value, and read results outside.");

    public static TraceException LeakedTracer(string operation, string trace, string? source) => new("NB0502",
        $"{operation}: a stand-in outlived its transformation: it belongs to a {trace} that has returned" +
        (source is null ? "; NABLA_CHECK=leak says where it was made" : $", and was made at {source}") +
        ". Return values from the function instead of storing them outside.");

    public static TraceException NotLinear(string operation) => new("NB0503",
        $"{operation}: not linear: it has no transpose, but stood between an input's tangent and a result. Its JVP rule must be made of linear operations.");

    public static TraceException IllTyped(string where, string rule, Program program) => new("NB0504",
        $"{where}: ill-typed program: {rule}; in {program}");

    public static DeviceException DevicesDiffer(string operation, Tensor a, Tensor b) => new("NB0303",
        $"{operation}: operands on different devices: {a.Aval} on {a.Device} and {b.Aval} on {b.Device}. Move one with ToDevice.");

    public static TraceException GradientOfNonScalar(Aval aval) => new("NB0505",
        $"grad: needs a scalar result: the function returned {aval}; expected a float of shape []. Reduce it, or use Vjp or Jacobian.");

    public static TraceException NoFloatInput(string transform) => new("NB0506",
        $"{transform}: nothing to differentiate: no leaf of the argument is f32 or f64.");

    public static ShapeException TangentMismatch(string transform, string what, Aval value, Aval given) => new("NB0507",
        $"{transform}: {what} does not fit its value: value {value}, {what} {given}; shape and dtype must be equal.");

    public static ShapeException BatchSizes(string details) => new("NB0508",
        $"vmap: batch sizes differ: {details}; all batched leaves must have the same size on their batch axis. Use null for an argument that is not batched.");

    public static ShapeException NothingBatched() => new("NB0509",
        "vmap: no argument is batched: at least one inAxes entry must be an axis, for an argument with at least one tensor.");

    public static TraceException NotATree(Type type) => new("NB0510",
        $"tree: {type.Name} cannot be flattened; expected tensors, or records, tuples, arrays, lists and dictionaries of them, or an ITree.");

    public static TraceException NullInTree(Type type) => new("NB0514",
        $"tree: a part of type {type.Name} is null; expected a value. Use an empty container; only tensors may be absent.");

    public static TraceException TreeStructure(string transform, string expected, string given) => new("NB0511",
        $"{transform}: tree structures differ: expected {expected}, given {given}.");

    public static ShapeException EqualShapes(string operation, Aval a, Aval b) => new("NB0107",
        $"{operation}: operands must have equal shapes: {a} and {b}. Operators broadcast; primitives do not.");

    public static DTypeException EqualDTypes(string operation, Aval a, Aval b) => new("NB0206",
        $"{operation}: operands must have the same element type: {a} and {b}. Convert one with To.");

    public static DTypeException DTypeNotSupported(string operation, Aval aval, string expected) => new("NB0205",
        $"{operation}: element type not supported: {aval}; expected {expected}. Convert with To.");

    public static ShapeException BadParameter(string operation, string rule, Aval aval) => new("NB0108",
        $"{operation}: {rule}: operand {aval}.");

    public static ShapeException ConvGroups(string operation, int groups, Aval x, Aval kernel) => new("NB0133",
        $"{operation}: groups do not divide the channels: {groups} groups, {x} and kernel {kernel}; the last axes of both must be multiples of the groups.");

    public static ShapeException ConvWindow(string operation, int axis, int window, int padded, Aval x) => new("NB0134",
        $"{operation}: the window is larger than the padded input: {window} against {padded} along spatial axis {axis} of {x}. Pad more, or use a smaller window.");

    public static ShapeException PoolPadding(string operation, int axis, Aval x) => new("NB0136",
        $"{operation}: a window holds padding alone: along spatial axis {axis} of {x}; the maximum of nothing is undefined. Pad less than the window.");

    public static ShapeException FourierLength(string operation, Aval aval, int n) => new("NB0140",
        $"{operation}: a transform has no length {n}: operand {aval}; expected at least one element along the axis.");

    public static ShapeException SpectrumLength(string operation, Aval aval, int n) => new("NB0141",
        $"{operation}: the number of bins does not fit: {aval} for a result of length {n}; expected {n / 2 + 1} bins, n/2 rounded down plus 1. " +
        $"{aval.Shape[^1]} bins belong to length {2 * aval.Shape[^1] - 2} or {2 * aval.Shape[^1] - 1}.");

    public static ShapeException OperatorShape(string operation, Aval given, Aval result) => new("NB0142",
        $"{operation}: a vector of the wrong kind: {result} where {given} is expected. An operator maps vectors [n] to vectors [n] of the same element type.");

    public static ShapeException IterationArgument(string operation, string what) => new("NB0143", $"{operation}: an argument is out of range: {what}.");

    public static NumericException OperatorNotFinite(string operation, Aval vector, int product) => new("NB0630",
        $"{operation}: not finite: {(product == 0 ? "the right-hand side" : $"product {product} of the operator")}, {vector}, holds a NaN or an infinity. " +
        "Look at the loss at these parameters, or compute in f64.");

    public static NumericException StartVector(string operation, double norm) => new("NB0631",
        $"{operation}: the start vector has no direction: its length is {norm}; expected a finite vector that is not 0.");

    public static TraceException OutputMismatch(string rule) => new("NB0512", $"compile: outputs given to Run do not fit: {rule}.");

    public static TraceException RunInsideTransformation() => new("NB0513",
        "compile: needs values: the argument, or something that the function captures, is a stand-in of another transformation. Use Call there: it " +
        "applies the original function as part of the whole.");

    public static TraceException SubprogramOperand(string operation, int operand, Aval? expected, Aval? given) => new("NB0522",
        $"{operation}: operand {operand} does not have the type that the program expects: {(given is null ? "missing" : given)}; expected " +
        $"{(expected is null ? "no more operands" : expected)}.");

    public static TraceException CarryChanges(string operation, string before, string after) => new("NB0523",
        $"{operation}: the carry changes its type: it is {before} before a step and {after} after it; a step must keep structure, shapes and dtypes. " +
        "Convert with To, or give the first carry the type of the later ones.");

    public static ShapeException ScanLengths(string details) => new("NB0524",
        $"scan: sequences need one common length on their first axis: {details}. Give a length if there is no sequence.");

    public static TraceException BranchesDiffer(string first, string second) => new("NB0525",
        $"cond: the branches return different types: {first} and {second}; structure, shapes and dtypes must be equal.");

    public static TraceException NotAPredicate(string operation, Aval given) => new("NB0526",
        $"{operation}: the condition must be one truth value: {given}; expected bool[]. Reduce with All or Any.");

    public static TraceException WhileBackwards() => new("NB0527",
        "while: no reverse mode: the number of steps is not known beforehand, so nothing can be kept for the way back. Use Jvp, give a limit of steps " +
        "(Control.While with maxSteps), or use Control.Scan.");

    public static TraceException CustomCaptures(Tensor captured) => new("NB0528",
        $"custom rule: a function uses a traced value from outside: {captured.Aval}; a rule knows the derivative with respect to arguments only. Pass it as a part of " +
        "the argument.");

    public static TraceException CustomResult(string expected, string given) => new("NB0529",
        $"custom rule: wrong results: {given}; expected {expected}. A tangent or cotangent has the shapes and dtypes of its value.");

    public static TraceException GradCheckFailed(string table) => new("NB0520", $"gradcheck: the derivatives do not hold:\n{table}");

    public static TraceException OutOfBounds(string operation, DenseTensor tensor, long low, long high) => new("NB0521",
        $"{operation}: a tensor reaches beyond its memory: {tensor.Aval} with elements {low} to {high} of a buffer of {tensor.Buffer.Bytes} bytes; " +
        "expected elements inside. A layout is wrong: report it with the program.");

    public static LayerException NoKey(string layer) => new("NB0550",
        $"{layer}: training draws at random and needs a key: the pass has none; expected Pass.Training(key), with another key at each step. To use a " +
        "trained network, apply it with Pass.Evaluation.");

    public static LayerException StateForgotten(Layer layer) => new("NB0551",
        $"{layer.GetType().Name}: the layer has state ({List(layer.StateNames)}), which this form of Apply would lose; expected " +
        "(output, next) = layer.Apply(parameters, state, x, pass), with the state from Init at first and then from the step before.");

    public static LayerException TensorCount(Layer layer, string what, IReadOnlyList<string> names, int given) => new("NB0552",
        $"{layer.GetType().Name}: wrong number of {what}: given {given}; expected {names.Count} ({List(names)}), as Init returned them.");

    public static ShapeException LayerInput(string layer, string rule, Shape input) => new("NB0553",
        $"{layer}: {rule}: one example has shape {input}. The shape given to Init leaves out the batch axis.");

    public static ShapeException BatchOfOne(Aval x) => new("NB0554",
        $"batch_norm: training needs at least two elements for each channel: operand {x}; the variance of one is zero. Inside Vmap the batch of a member " +
        "is what that member sees: normalise over the batch outside, use LayerNorm or GroupNorm, or evaluate.");

    public static LayerException LayerOption(string layer, string rule, string given) => new("NB0555", $"{layer}: {rule}: given {given}.");

    public static NumericException NanFound(Primitive primitive, Aval output, int position, DenseTensor[] inputs, bool hadNan, string? source) => new("NB0620",
        $"{primitive.Name}: result holds a NaN: {output} at flat position {position}, called from {source ?? "an unknown place"}; operands " +
        $"{string.Join(", ", inputs.Select(i => i.Aval))}, {(hadNan ? "of which one held a NaN already" : "none of which held a NaN")}.");

    private static string List(IReadOnlyList<string> names) => names.Count switch
    {
        0 => "none",
        <= 8 => string.Join(", ", names),
        _ => $"{string.Join(", ", names.Take(7))}, … {names[^1]}",
    };
}
