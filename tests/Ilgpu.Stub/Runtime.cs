#pragma warning disable IDE0130 // One file for what runs kernels.
using System.Collections.Immutable;

namespace ILGPU
{
    public sealed class Context : IDisposable
    {
        internal Context() => throw Stub.Only;

        public static string Version => throw Stub.Only;

        public ImmutableArray<Runtime.Device> Devices => throw Stub.Only;

        public static Context Create(Action<Builder> buildingCallback) => throw Stub.Only;

        public void Dispose() => throw Stub.Only;

        public sealed class Builder
        {
            internal Builder() => throw Stub.Only;

            public Builder AllAccelerators() => throw Stub.Only;
        }
    }
}

namespace ILGPU.Algorithms
{
    public static class AlgorithmContext
    {
        public static Context.Builder EnableAlgorithms(this Context.Builder builder) => throw Stub.Only;
    }
}

namespace ILGPU.Runtime
{
    public abstract class Device
    {
        public string Name { get; protected set; } = "";

        public long MemorySize { get; protected set; }

        public int MaxNumThreadsPerGroup { get; protected set; }

        public int MaxSharedMemoryPerGroup { get; protected set; }

        public int NumMultiprocessors { get; protected set; }

        public AcceleratorType AcceleratorType => throw Stub.Only;

        public abstract Accelerator CreateAccelerator(Context context);
    }

    public enum AcceleratorType
    {
        CPU,
        Cuda,
        OpenCL,
    }

    public abstract class Accelerator : IDisposable
    {
        public MemoryBuffer1D<T, Stride1D.Dense> Allocate1D<T>(long length) where T : unmanaged => throw Stub.Only;

        public void Synchronize() => throw Stub.Only;

        public void Dispose() => throw Stub.Only;
    }

    public abstract class MemoryBuffer : IDisposable
    {
        public ArrayView<byte> AsRawArrayView() => throw Stub.Only;

        public ArrayView<byte> AsRawArrayView(long offsetInBytes) => throw Stub.Only;

        public ArrayView<byte> AsRawArrayView(long offsetInBytes, long lengthInBytes) => throw Stub.Only;

        public void Dispose() => throw Stub.Only;
    }

    public abstract class MemoryBuffer1D<T, TStride> : MemoryBuffer where T : unmanaged where TStride : struct;

    public static class ArrayViewExtensions
    {
        public static void CopyTo<TView>(this TView source, in TView target) where TView : struct => throw Stub.Only;

        public static void CopyToCPU<T>(this ArrayView<T> view, T[] data) where T : unmanaged => throw Stub.Only;

        public static void CopyFromCPU<T>(this ArrayView<T> view, T[] data) where T : unmanaged => throw Stub.Only;
    }

    public static class KernelLoaders
    {
        public static Action<KernelConfig, T1> LoadStreamKernel<T1>(this Accelerator accelerator, Action<T1> action)
            where T1 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2> LoadStreamKernel<T1, T2>(this Accelerator accelerator, Action<T1, T2> action)
            where T1 : struct where T2 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3> LoadStreamKernel<T1, T2, T3>(this Accelerator accelerator, Action<T1, T2, T3> action)
            where T1 : struct where T2 : struct where T3 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4> LoadStreamKernel<T1, T2, T3, T4>(this Accelerator accelerator, Action<T1, T2, T3, T4> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5> LoadStreamKernel<T1, T2, T3, T4, T5>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6> LoadStreamKernel<T1, T2, T3, T4, T5, T6>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7, T8>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct where T8 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct where T8 : struct where T9 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct where T8 : struct where T9 : struct where T10 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct where T8 : struct where T9 : struct where T10 : struct where T11 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct where T8 : struct where T9 : struct where T10 : struct where T11 : struct where T12 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct where T8 : struct where T9 : struct where T10 : struct where T11 : struct where T12 : struct where T13 : struct => throw Stub.Only;

        public static Action<KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> LoadStreamKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> action)
            where T1 : struct where T2 : struct where T3 : struct where T4 : struct where T5 : struct where T6 : struct where T7 : struct where T8 : struct where T9 : struct where T10 : struct where T11 : struct where T12 : struct where T13 : struct where T14 : struct => throw Stub.Only;
    }
}
