using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches element-wise kernels: finds out how the operands lie, and how many groups there are.</summary>
internal static class DeviceMap
{
    /// <summary>What the launch of one element-wise kernel needs.</summary>
    internal readonly ref struct Call
    {
        public Call(DenseTensor a, DenseTensor? b, DenseTensor? c, DenseTensor y)
        {
            Device = (Accelerator)y.Device;
            Count = y.Count;
            if (Count == 0) return;
            Y = DeviceView.Of(y);
            var walk = new StridedWalk(y.Shape.Dims, a.Layout.Strides, b is null ? default : b.Layout.Strides, c is null ? default : c.Layout.Strides);
            Extents = Extents.Of(walk);
            (A, StepsA) = Operand(a, walk, 0);
            if (b is not null) (B, StepsB) = Operand(b, walk, 1);
            if (c is not null) (C, StepsC) = Operand(c, walk, 2);
            Groups = LaunchSize.Linear(Count, ElementKernels.Size).GridX;
        }

        public Accelerator Device { get; }

        /// <summary>Elements of the result; a kernel with none must not be launched.</summary>
        public long Count { get; }

        public int Groups { get; }

        public Extents Extents { get; }

        public DeviceView A { get; }

        public Steps StepsA { get; }

        public DeviceView B { get; }

        public Steps StepsB { get; }

        public DeviceView C { get; }

        public Steps StepsC { get; }

        public DeviceView Y { get; }

        private static (DeviceView, Steps) Operand(DenseTensor x, in StridedWalk walk, int operand) =>
            (DeviceView.Of(x), Steps.Of(walk, operand, x.Layout.Offset - x.Layout.Reach.First));
    }

    public static void Predicate<TOp>(DenseTensor x, DenseTensor y) where TOp : struct, IPredicateOp
    {
        var call = new Call(x, null, null, y);
        if (call.Count == 0) return;
        switch (x.DType)
        {
            case DType.F32: Launch<float>(call); break;
            case DType.F64: Launch<double>(call); break;
            case DType.I32: Launch<int>(call); break;
            default: Launch<long>(call); break;
        }

        static void Launch<T>(in Call call) where T : unmanaged, INumber<T> =>
            ElementKernels.LaunchPredicate<TOp, T>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y);
    }

    public static void Compare<TOp>(DenseTensor a, DenseTensor b, DenseTensor y) where TOp : struct, ICompareOp
    {
        var call = new Call(a, b, null, y);
        if (call.Count == 0) return;
        switch (a.DType)
        {
            case DType.F32: Launch<float>(call); break;
            case DType.F64: Launch<double>(call); break;
            case DType.I32: Launch<int>(call); break;
            case DType.I64: Launch<long>(call); break;
            default: Launch<byte>(call); break;
        }

        static void Launch<T>(in Call call) where T : unmanaged, INumber<T> => ElementKernels.LaunchCompare<TOp, T>(
            call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y);
    }

    public static void Select(DenseTensor condition, DenseTensor a, DenseTensor b, DenseTensor y)
    {
        var call = new Call(condition, a, b, y);
        if (call.Count == 0) return;
        switch (y.DType.Size)
        {
            case 4: Launch<int>(call); break;
            case 8: Launch<long>(call); break;
            default: Launch<byte>(call); break;
        }

        static void Launch<T>(in Call call) where T : unmanaged, INumber<T> => ElementKernels.LaunchSelect<T>(
            call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.C, call.StepsC, call.Extents, call.Y);
    }

    public static void Convert(DenseTensor x, DenseTensor y)
    {
        var call = new Call(x, null, null, y);
        if (call.Count == 0) return;
        switch (x.DType)
        {
            case DType.F32: From<float>(call, y.DType); break;
            case DType.F64: From<double>(call, y.DType); break;
            case DType.I32: From<int>(call, y.DType); break;
            case DType.I64: From<long>(call, y.DType); break;
            default: From<byte>(call, y.DType); break;
        }

        static void From<TFrom>(in Call call, DType to) where TFrom : unmanaged, INumber<TFrom>
        {
            switch (to)
            {
                case DType.F32: ElementKernels.LaunchConvert<TFrom, float>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); break;
                case DType.F64: ElementKernels.LaunchConvert<TFrom, double>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); break;
                case DType.I32: ElementKernels.LaunchConvert<TFrom, int>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); break;
                case DType.I64: ElementKernels.LaunchConvert<TFrom, long>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); break;
                default: ToBool<TFrom>(call); break;
            }
        }

        static void ToBool<TFrom>(in Call call) where TFrom : unmanaged, INumber<TFrom>
        {
            if (typeof(TFrom) == typeof(byte)) ElementKernels.LaunchCopy<byte>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y, Dense(call.Extents), (int)call.Count);
            else ElementKernels.LaunchIsTrue<TFrom>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y);
        }
    }

    public static void IntegerPower(DenseTensor x, int n, DenseTensor y)
    {
        var call = new Call(x, null, null, y);
        if (call.Count == 0) return;
        switch (x.DType)
        {
            case DType.F32: Launch<float>(call, n); break;
            case DType.F64: Launch<double>(call, n); break;
            case DType.I32: Launch<int>(call, n); break;
            default: Launch<long>(call, n); break;
        }

        static void Launch<T>(in Call call, int n) where T : unmanaged, INumber<T> =>
            ElementKernels.LaunchIntegerPower<T>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, n, call.Y);
    }

    public static void Polygamma(DenseTensor x, int n, DenseTensor y)
    {
        var call = new Call(x, null, null, y);
        if (call.Count == 0) return;
        if (x.DType == DType.F32) ElementKernels.LaunchPolygamma<float>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, n, call.Y);
        else ElementKernels.LaunchPolygamma<double>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, n, call.Y);
    }

    /// <summary>Raises the error of a division by zero: reads one word back, so an integer division waits for the device.</summary>
    public static void RefuseZero(string operation, DenseTensor divisor)
    {
        if (divisor.DType.IsFloat || divisor.Count == 0) return;
        var device = (Accelerator)divisor.Device;
        DenseTensor found = DenseTensor.Splat(new Aval(DType.I32, Shape.Scalar), 0, device);
        // Each stored element once, but none in the gaps of a view: a zero there divides nothing.
        StridedWalk walk = default;
        for (int axis = 0; axis < divisor.Rank; axis++)
            if (divisor.Layout.Strides[axis] != 0) walk.Append(divisor.Shape.Dims[axis], divisor.Layout.Strides[axis]);
        DeviceView x = DeviceView.Of(divisor);
        Steps steps = Steps.Of(walk, 0, divisor.Layout.Offset - divisor.Layout.Reach.First);
        int count = checked((int)walk.Count), groups = LaunchSize.Linear(count, ElementKernels.Size).GridX;
        if (divisor.DType == DType.I32) ElementKernels.LaunchFindZero<int>(device, groups, 1, 1, x, steps, Extents.Of(walk), count, DeviceView.Of(found));
        else ElementKernels.LaunchFindZero<long>(device, groups, 1, 1, x, steps, Extents.Of(walk), count, DeviceView.Of(found));
        if (found.CopyToArray<int>()[0] != 0) throw KernelErrors.IntegerDivisionByZero(operation, divisor.DType);
    }

    /// <summary>The steps of a dense operand.</summary>
    public static Steps Dense(in Extents e) => new()
    {
        S0 = 1,
        S1 = e.D0,
        S2 = e.D0 * e.D1,
        S3 = e.D0 * e.D1 * e.D2,
        S4 = e.D0 * e.D1 * e.D2 * e.D3,
        S5 = e.D0 * e.D1 * e.D2 * e.D3 * e.D4,
    };
}
