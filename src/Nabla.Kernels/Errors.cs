namespace Nabla.Kernels;

/// <summary>The messages of this layer, side by side.</summary>
internal static class KernelErrors
{
    public static ShapeException IndexOutOfRange(string operation, long index, long position, Aval indices, long size) => new("NB0109",
        $"{operation}: index out of range: index {index} at position {position} of {indices}; " +
        $"expected {-size} ≤ index < {size}. Negative indices count from the end.");

    public static ShapeException TooManyAxes(int most) => new("NB0110",
        $"kernel: too many axes: more than {most} remain after merging those that lie densely inside each other; " +
        "make the operand contiguous, or merge axes with Reshape.");

    public static ShapeException NothingToCompare(string operation, Aval aval, int axis) => new("NB0111",
        $"{operation}: the axis is empty: axis {axis} of {aval}; expected at least one element along it.");

    public static DeviceException ViewIndex(string where, long index, long length) => new("NB0320",
        $"kernel: index outside a view: {index} at {where}; expected 0 ≤ index < {length}.");

    public static DeviceException BarrierMissed(string kernel, int waiting, int items) => new("NB0321",
        $"kernel: a barrier is not reached by all work-items of a group: {waiting} of {items} wait in {kernel}. A barrier must not stand under a condition that differs within a group.");

    public static DeviceException TooLargeForDevice(Aval aval, Device device) => new("NB0322",
        $"kernel: too many elements for {device}: {aval}; at most 2^31 − 2^10. Use smaller batches.");

    public static DeviceException NotOnDevice(string operation, Device device) => new("NB0323",
        $"{operation}: no kernel for {device}. Move the operands with x.ToDevice(Device.Cpu), or set NABLA_FALLBACK=cpu to let the CPU do it, at the price of two copies.");

    public static DTypeException NoKernel(string operation, Aval aval) => new("NB0204",
        $"{operation}: no kernel for this element type: {aval}. Convert first.");

    public static ShapeException MatMulShapes(Aval a, Aval b, Aval c) => new("NB0120",
        $"matmul: shapes do not fit: {a} times {b} into {c}; expected [batch..., m, k] times [batch..., k, n] into [batch..., m, n]. " +
        "If the right operand is stored [batch..., n, k], pass its transpose.");

    public static ShapeException ContractedSizes(Shape a, int lhsAxis, Shape b, int rhsAxis) => new("NB0121",
        $"dot_general: contracted sizes differ: left {a} axis {lhsAxis} ({a.Dims[lhsAxis]}) and right {b} axis {rhsAxis} " +
        $"({b.Dims[rhsAxis]}); they must be equal. If the right operand is stored [out, in], pass its transpose.");

    public static ShapeException BatchSizes(Shape a, int lhsAxis, Shape b, int rhsAxis) => new("NB0122",
        $"dot_general: batch sizes differ: left {a} axis {lhsAxis} ({a.Dims[lhsAxis]}) and right {b} axis {rhsAxis} " +
        $"({b.Dims[rhsAxis]}); they must be equal. Broadcast the smaller one first.");

    public static ShapeException AxisTwice(DotDims dims, string side, int axis) => new("NB0123",
        $"dot_general: an axis is named twice: {side} axis {axis} in {dims}; an axis is either contracted or batch, and only once.");

    public static ShapeException AxisCounts(string kind, int lhs, int rhs) => new("NB0124",
        $"dot_general: {kind} axes do not pair up: {lhs} on the left, {rhs} on the right; they are paired in the order given.");

    public static ShapeException NotSquare(string operation, Aval a) => new("NB0125",
        $"{operation}: needs square matrices: {a}; the last two axes must have equal sizes.");

    public static ShapeException SolveShapes(Aval a, Aval b, bool leftSide) => new("NB0126",
        $"triangular_solve: shapes do not fit: matrix {a} and right-hand sides {b}; expected [batch..., n, n] and " +
        (leftSide ? "[batch..., n, m] (solve from the left)." : "[batch..., m, n] (solve from the right)."));

    public static ShapeException FactorShapes(string operation, string expected, Aval a, Aval first, Aval second) => new("NB0127",
        $"{operation}: shapes do not fit: {a} with {first} and {second}; expected {expected}, the results contiguous.");

    public static ShapeException ConvRanks(string rule) => new("NB0131", $"conv: axes do not fit: {rule}.");

    public static ShapeException ConvChannels(string operands) => new("NB0132",
        $"conv: channels do not fit: {operands}; they must be equal. Channels are the last axis of the input; a kernel is [window..., in / groups, out].");

    public static ShapeException ConvSteps(string operation, string steps) => new("NB0135",
        $"{operation}: window, stride or dilation less than 1: {steps}; expected steps of at least 1.");

    public static DTypeException NoProduct(string operation, Aval a, Aval b) => new("NB0210",
        $"{operation}: element types do not fit: {a} and {b}; expected one number type on both sides. Convert first: x.To(DType.F32).");

    public static NumericException NotPositiveDefinite(Aval a, long batch, long row) => new("NB0601",
        $"cholesky: matrix is not positive definite: {a}, {Matrix(batch)}row {row}; the pivot is not a number above zero. " +
        "Add a small multiple of the identity, or compute in f64.");

    public static NumericException ZeroDiagonal(Aval a, long batch, long row, string operation = "triangular_solve") => new("NB0602",
        $"{operation}: matrix is singular: {a}, {Matrix(batch)}row {row} has a zero on the diagonal; every diagonal element must be non-zero.");

    public static NumericException IntegerDivisionByZero(string operation, DType dtype) => new("NB0603",
        $"{operation}: an integer is divided by zero: {dtype.Name} operands; every divisor must be non-zero. " +
        "Convert to f32 first if infinities are wanted.");

    public static NumericException NegativePower(Aval x, int exponent) => new("NB0604",
        $"integer_pow: negative power of integers: {x} to the power {exponent}; expected an exponent ≥ 0. Convert to f32 first.");

    public static NumericException NotFinite(string operation, Aval a, long batch) => new("NB0610",
        $"{operation}: needs finite elements: {a}, batch index {batch} holds a NaN or an infinity; every element must be a finite number. " +
        "Look for the first operation that made it.");

    public static NumericException NoConvergence(string operation, Aval a, long batch) => new("NB0611",
        $"{operation}: the iteration did not converge: {a}, batch index {batch}; expected to need a few sweeps a row. " +
        "Report the matrix as a fault of the kernel.");

    public static NumericException Singular(Aval a, long batch, long row) => new("NB0612",
        $"solve: matrix is singular: {a}, {Matrix(batch)}row {row}; it is a combination of other rows, so no pivot is left for it. " +
        "Use PseudoInverse or LeastSquares, or add a small multiple of the identity.");

    public static NumericException RateLabel(Aval labels, long position, int? label, int classes) => new("NB0680",
        $"coding_rate: a label names no class: {(label is { } known ? $"label {known}" : "that")} at position {position} of {labels}; expected 0 ≤ label < {classes}.");

    public static NumericException RateFeatures(Aval features, long sample, long coordinate, double value) => new("NB0681",
        $"coding_rate: the features are not finite: {value} in coordinate {coordinate} of sample {sample}, features {features} with one sample a row; every feature " +
        "must be a finite number. Normalise by Normalize, which gives zeros for zeros, and look for the first operation that made it.");

    public static NumericException RateOverflow(Aval features, double epsilonSquared, bool isFinite = true) => new("NB0682",
        $"coding_rate: I + αZZᵀ has no factorisation in {features.DType.Name}: features {features}, ε² = {epsilonSquared}; the features are {(isFinite ? "" : "not finite, or ")}too large, or ε² too small. " +
        "Scale the features to unit length, or compute in f64.");

    private static string Matrix(long batch) => $"batch index {batch}, ";
}
