using Nabla.Files;

namespace Nabla;

/// <summary>
/// The base of all errors that Nabla raises on purpose. The message reads
/// <c>code operation: rule: operands; what was expected. Hint.</c>; each code has a section in <c>docs/errors.md</c>.
/// </summary>
public abstract class NablaException(string code, string message, Exception? inner = null)
    : Exception($"{code} {message}", inner)
{
    /// <summary>The code, such as <c>NB0104</c>.</summary>
    public string Code { get; } = code;
}

/// <summary>Shapes, axes or index ranges do not fit the operation.</summary>
public sealed class ShapeException(string code, string message) : NablaException(code, message);

/// <summary>Element types do not fit the operation.</summary>
public sealed class DTypeException(string code, string message) : NablaException(code, message);

/// <summary>A device is absent, out of memory, or does not fit the operands.</summary>
public sealed class DeviceException(string code, string message, Exception? inner = null) : NablaException(code, message, inner);

/// <summary>A file is damaged or not of the stated format.</summary>
public sealed class FileFormatException(string code, string message, long offset, Exception? inner = null)
    : NablaException(code, message, inner)
{
    /// <summary>Position in the file, in bytes, where the fault was seen.</summary>
    public long Offset { get; } = offset;
}

/// <summary>A computation cannot give a finite answer, such as the Cholesky factor of an indefinite matrix.</summary>
public sealed class NumericException(string code, string message) : NablaException(code, message);

/// <summary>The messages of this layer, side by side.</summary>
internal static class TensorErrors
{
    public static ShapeException BadDimension(int[] dims) => new("NB0101",
        $"shape: dimensions must be ≥ 0 and their product, zeros left out, below 2^63: [{string.Join(',', dims)}].");

    public static ShapeException AxisOutOfRange(string operation, int axis, int rank) => new("NB0102",
        $"{operation}: axis out of range: axis {axis} of a tensor of rank {rank}; expected {-rank} ≤ axis < {rank}.");

    public static ShapeException RepeatedAxis(string operation, int[] axes) => new("NB0103",
        $"{operation}: an axis is named twice: axes ({string.Join(',', axes)}); each may be named once.");

    public static ShapeException CannotBroadcast(string operation, Shape a, Shape b) => new("NB0104",
        $"{operation}: shapes cannot be broadcast together: {a} and {b}; aligned at their last axes, sizes must be equal or 1. " +
        "Insert axes with ExpandDims or Reshape.");

    public static ShapeException ElementCount(string operation, long given, Shape shape) => new("NB0105",
        $"{operation}: element counts differ: {given} elements for shape {shape}, which holds {shape.Count}.");

    public static ShapeException NotOneElement(Aval aval) => new("NB0106",
        $"item: needs a tensor with one element: {aval}. Index or reduce it first, or use ToArray.");

    public static ShapeException RankAbove(string operation, Aval aval, int most) => new("NB0130",
        $"{operation}: too many axes: {aval}; expected at most {most}. Reshape it first.");

    public static DTypeException NotAnElementType(Type type) => new("NB0201",
        $"dtype: {type.Name} is not an element type; expected float, double, int, long or bool.");

    public static DTypeException UnknownDType(string name) => new("NB0202",
        $"dtype: no element type is named '{name}'; expected f32, f64, i32, i64 or bool.");

    public static DTypeException WrongElementType(string operation, Aval aval, DType asked) => new("NB0203",
        $"{operation}: element type differs: tensor {aval} read as {asked.Name}. Convert first: x.To(DType.{asked}).");

    public static DeviceException NoSuchDevice(string name, IReadOnlyList<Device> found) => new("NB0301",
        $"device: no device is named '{name}' on this machine; found {string.Join(", ", found.Select(d => d.Name))}. " +
        "'nabla devices' says what was looked for.");

    public static DeviceException OutOfMemory(Device device, long bytes, long live, Aval? aval) => new("NB0302",
        $"allocate: out of memory on {device}: {bytes:N0} bytes asked{(aval is { } a ? $" for {a}" : "")}, {live:N0} in use, " +
        $"{device.MemoryBytes:N0} in all. " +
        "Use smaller batches, or let go of tensors that are no longer needed.");

    public static DeviceException NotOnHost(Aval aval, Device device) => new("NB0304",
        $"kernel: the host cannot read this tensor: {aval} on {device}. Copy it first: x.ToDevice(Device.Cpu).");

    public static FileFormatException NotThisFormat(FilePlace at, string expected) => new("NB0401",
        $"{at.Format} read: another kind of file: {at}; expected {expected}.", at.Offset);

    public static FileFormatException FileTooShort(FilePlace at, string what, Int128 bytes, long left) => new("NB0402",
        $"{at.Format} read: the file is too short: {at}, {what} take {bytes} bytes; {left} are left. Is it a partial copy?", at.Offset);

    public static FileFormatException FileTooLong(FilePlace at) => new("NB0403",
        $"{at.Format} read: bytes follow the end of the data: {at}; expected the end of the file.", at.Offset);

    public static FileFormatException FileHeader(FilePlace at, string problem, string expected, Exception? inner = null) =>
        new("NB0404", $"{at.Format} read: malformed header: {at}, {problem}; expected {expected}.", at.Offset, inner);

    public static FileFormatException FileElementType(FilePlace at, string name, string expected) => new("NB0405",
        $"{at.Format} read: element type not supported: {at}, '{name}'; expected {expected}.", at.Offset);

    public static FileFormatException FileDimensions(FilePlace at, ReadOnlySpan<long> dims) => new("NB0406",
        $"{at.Format} read: impossible dimensions: {at}, [{string.Join(',', dims.ToArray())}]; expected sizes in [0, 2^31) whose product, " +
        "zeros left out, is below 2^63.", at.Offset);

    public static FileFormatException FileRange(FilePlace at, string tensor, string problem) => new("NB0407",
        $"{at.Format} read: data ranges do not tile the file: {at}, tensor '{tensor}': {problem}.", at.Offset);

    public static FileFormatException FileName(FilePlace at, string problem) => new("NB0408",
        $"{at.Format} read: bad name of a tensor: {at}, {problem}; expected names that occur once.", at.Offset);

    public static FileFormatException FileLimit(FilePlace at, string claim, string limit, string hint) => new("NB0409",
        $"{at.Format} read: a limit is exceeded: {at}, {claim}; accepted: {limit}. {hint}", at.Offset);

    public static FileFormatException FileText(FilePlace at, long line, int column, string problem) => new("NB0410",
        $"{at.Format} read: unreadable text: '{at.File}' line {line}, column {column}: {problem}.", at.Offset);

    public static FileFormatException DamagedCompression(FilePlace at, string problem, Exception? inner = null) => new("NB0411",
        $"{at.Format} read: compressed data is damaged: {at}: {problem.TrimEnd('.')}. Copy or download the file again.", at.Offset, inner);
}
