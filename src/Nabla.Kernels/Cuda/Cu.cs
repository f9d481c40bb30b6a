using System.Runtime.InteropServices;

namespace Nabla.Kernels.Cuda;

/// <summary>
/// The part of CUDA's driver API that is used, with the names of its header <c>cuda.h</c>. Functions that changed their meaning carry the suffix of the library's symbol, such as
/// <c>_v2</c>, which the header hides. Handles and device addresses are <see cref="nint"/>; 0 is none. Devices are numbers.
/// </summary>
internal static unsafe partial class Cu
{
    /// <summary>The driver's library.</summary>
    public const string Library = "libcuda.so.1";

    public const int MaxThreadsPerBlock = 1, MaxBlockDimX = 2, MaxGridDimX = 5, MaxSharedMemoryPerBlock = 8, MultiprocessorCount = 16, Integrated = 18;
    public const int ComputeCapabilityMajor = 75, ComputeCapabilityMinor = 76, MemoryPoolsSupported = 115;
    public const int FuncMaxThreadsPerBlock = 0, FuncSharedSizeBytes = 1;
    public const uint StreamNonBlocking = 1, EventDisableTiming = 2;
    public const int MemPoolReleaseThreshold = 4;
    public const uint MemoryTypeDevice = 2;
    public const int JitErrorLogBuffer = 5, JitErrorLogBufferSizeBytes = 6;

    [LibraryImport(Library)]
    public static partial CuResult cuInit(uint flags);

    [LibraryImport(Library)]
    public static partial CuResult cuDriverGetVersion(int* version);

    [LibraryImport(Library)]
    public static partial CuResult cuGetErrorName(CuResult error, byte** text);

    [LibraryImport(Library)]
    public static partial CuResult cuGetErrorString(CuResult error, byte** text);

    [LibraryImport(Library)]
    public static partial CuResult cuDeviceGetCount(int* count);

    [LibraryImport(Library)]
    public static partial CuResult cuDeviceGet(int* device, int ordinal);

    [LibraryImport(Library)]
    public static partial CuResult cuDeviceGetName(byte* name, int room, int device);

    [LibraryImport(Library)]
    public static partial CuResult cuDeviceTotalMem_v2(nuint* bytes, int device);

    [LibraryImport(Library)]
    public static partial CuResult cuDeviceGetAttribute(int* value, int attribute, int device);

    [LibraryImport(Library)]
    public static partial CuResult cuDevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(Library)]
    public static partial CuResult cuCtxGetCurrent(nint* context);

    [LibraryImport(Library)]
    public static partial CuResult cuCtxSetCurrent(nint context);

    [LibraryImport(Library)]
    public static partial CuResult cuStreamCreate(nint* stream, uint flags);

    [LibraryImport(Library)]
    public static partial CuResult cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuEventCreate(nint* happening, uint flags);

    [LibraryImport(Library)]
    public static partial CuResult cuEventRecord(nint happening, nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuEventSynchronize(nint happening);

    [LibraryImport(Library)]
    public static partial CuResult cuDeviceGetDefaultMemPool(nint* pool, int device);

    [LibraryImport(Library)]
    public static partial CuResult cuMemPoolSetAttribute(nint pool, int attribute, void* value);

    [LibraryImport(Library)]
    public static partial CuResult cuMemPoolTrimTo(nint pool, nuint bytesToKeep);

    [LibraryImport(Library)]
    public static partial CuResult cuMemAllocAsync(nint* address, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuMemFreeAsync(nint address, nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuMemAlloc_v2(nint* address, nuint bytes);

    [LibraryImport(Library)]
    public static partial CuResult cuMemFree_v2(nint address);

    [LibraryImport(Library)]
    public static partial CuResult cuMemHostAlloc(void** address, nuint bytes, uint flags);

    [LibraryImport(Library)]
    public static partial CuResult cuMemcpyHtoDAsync_v2(nint target, void* source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuMemcpyDtoHAsync_v2(void* target, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuMemcpyDtoDAsync_v2(nint target, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuModuleLoadDataEx(nint* module, void* image, uint optionCount, int* options, void** values);

    [LibraryImport(Library)]
    public static partial CuResult cuModuleUnload(nint module);

    [LibraryImport(Library)]
    public static partial CuResult cuModuleGetFunction(nint* function, nint module, byte* name);

    [LibraryImport(Library)]
    public static partial CuResult cuFuncGetAttribute(int* value, int attribute, nint function);

    /// <summary>Since CUDA 12.4.</summary>
    [LibraryImport(Library)]
    public static partial CuResult cuFuncGetParamInfo(nint function, nuint index, nuint* offset, nuint* size);

    [LibraryImport(Library)]
    public static partial CuResult cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters, void** extra);

    [LibraryImport(Library)]
    public static partial CuResult cuGraphCreate(nint* graph, uint flags);

    [LibraryImport(Library)]
    public static partial CuResult cuGraphDestroy(nint graph);

    [LibraryImport(Library)]
    public static partial CuResult cuGraphAddKernelNode_v2(nint* node, nint graph, nint* before, nuint count, KernelNodeParams* parameters);

    [LibraryImport(Library)]
    public static partial CuResult cuGraphAddMemcpyNode(nint* node, nint graph, nint* before, nuint count, Memcpy3D* copy, nint context);

    [LibraryImport(Library)]
    public static partial CuResult cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    public static partial CuResult cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    public static partial CuResult cuGraphExecDestroy(nint executable);

    /// <summary><c>CUDA_KERNEL_NODE_PARAMS_v2</c>, 72 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct KernelNodeParams
    {
        public nint Function;
        public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
        public void** Parameters;
        public void** Extra;
        public nint Kernel, Context;
    }

    /// <summary><c>CUDA_MEMCPY3D_v2</c>, 200 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Memcpy3D
    {
        public nuint SourceX, SourceY, SourceZ, SourceLevel;
        public uint SourceType;
        public void* SourceHost;
        public nint SourceDevice, SourceArray;
        public void* Reserved0;
        public nuint SourcePitch, SourceHeight, TargetX, TargetY, TargetZ, TargetLevel;
        public uint TargetType;
        public void* TargetHost;
        public nint TargetDevice, TargetArray;
        public void* Reserved1;
        public nuint TargetPitch, TargetHeight, Width, Height, Depth;
    }
}
