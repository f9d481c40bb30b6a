namespace Nabla.Kernels;

/// <summary>The messages of this layer, side by side.</summary>
internal static class KernelErrors
{
    public static ShapeException IndexOutOfRange(string operation, long index, long position, long size) => new("NB0109",
        $"{operation}: index out of range: index {index} at position {position} of the indices; " +
        $"expected {-size} ≤ index < {size}. Negative indices count from the end.");

    public static ShapeException TooManyAxes(int most) => new("NB0110",
        $"kernel: too many axes: more than {most} remain after merging those that lie densely inside each other; " +
        "make the operand contiguous, or merge axes with Reshape.");

    public static DTypeException NoKernel(string operation, Aval aval) => new("NB0204",
        $"{operation}: no kernel for this element type: {aval}. Convert first.");
}
