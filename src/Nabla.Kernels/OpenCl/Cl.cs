using System.Runtime.InteropServices;

namespace Nabla.Kernels.OpenCl;

/// <summary>The part of OpenCL 1.2 that is used, with the names of its header <c>cl.h</c>. Handles are <see cref="nint"/>; 0 is none.</summary>
internal static unsafe partial class Cl
{
    /// <summary>The loader of the installed drivers.</summary>
    public const string Library = "libOpenCL.so.1";

    public const ulong DeviceTypeCpu = 2, DeviceTypeAll = 0xFFFFFFFF;
    public const ulong MemReadWrite = 1, MemAllocHostPtr = 1 << 4;
    public const ulong MigrateContentUndefined = 2;
    public const ulong FpCorrectlyRoundedDivideSqrt = 1 << 7;

    public const uint PlatformVersion = 0x0901, PlatformName = 0x0902;
    public const uint DeviceType = 0x1000, DeviceMaxComputeUnits = 0x1002, DeviceMaxWorkGroupSize = 0x1004, DeviceMaxWorkItemSizes = 0x1005;
    public const uint DeviceSingleFpConfig = 0x101B, DeviceGlobalMemSize = 0x101F, DeviceLocalMemSize = 0x1023, DeviceEndianLittle = 0x1026;
    public const uint DeviceAvailable = 0x1027, DeviceCompilerAvailable = 0x1028, DeviceName = 0x102B, DriverVersion = 0x102D, DeviceVersion = 0x102F;
    public const uint DeviceExtensions = 0x1030, DeviceDoubleFpConfig = 0x1032;
    public const uint ProgramBinarySizes = 0x1165, ProgramBinaries = 0x1166, ProgramBuildLog = 0x1183;
    public const uint KernelNumArgs = 0x1191, KernelArgAddressQualifier = 0x1196, KernelArgAddressGlobal = 0x119B, KernelWorkGroupSize = 0x11B0, KernelLocalMemSize = 0x11B2;

    [LibraryImport(Library)]
    public static partial ClStatus clGetPlatformIDs(uint room, nint* platforms, uint* count);

    [LibraryImport(Library)]
    public static partial ClStatus clGetPlatformInfo(nint platform, uint what, nuint room, void* value, nuint* size);

    [LibraryImport(Library)]
    public static partial ClStatus clGetDeviceIDs(nint platform, ulong type, uint room, nint* devices, uint* count);

    [LibraryImport(Library)]
    public static partial ClStatus clGetDeviceInfo(nint device, uint what, nuint room, void* value, nuint* size);

    [LibraryImport(Library)]
    public static partial nint clCreateContext(nint* properties, uint count, nint* devices, void* notify, void* userData, ClStatus* status);

    [LibraryImport(Library)]
    public static partial nint clCreateCommandQueue(nint context, nint device, ulong properties, ClStatus* status);

    [LibraryImport(Library)]
    public static partial nint clCreateBuffer(nint context, ulong flags, nuint size, void* host, ClStatus* status);

    [LibraryImport(Library)]
    public static partial ClStatus clReleaseMemObject(nint memory);

    [LibraryImport(Library)]
    public static partial nint clCreateProgramWithSource(nint context, uint count, byte** texts, nuint* lengths, ClStatus* status);

    [LibraryImport(Library)]
    public static partial nint clCreateProgramWithBinary(nint context, uint count, nint* devices, nuint* lengths, byte** binaries, ClStatus* each, ClStatus* status);

    [LibraryImport(Library)]
    public static partial ClStatus clBuildProgram(nint program, uint count, nint* devices, byte* options, void* notify, void* userData);

    [LibraryImport(Library)]
    public static partial ClStatus clGetProgramInfo(nint program, uint what, nuint room, void* value, nuint* size);

    [LibraryImport(Library)]
    public static partial ClStatus clGetProgramBuildInfo(nint program, nint device, uint what, nuint room, void* value, nuint* size);

    [LibraryImport(Library)]
    public static partial ClStatus clReleaseProgram(nint program);

    [LibraryImport(Library)]
    public static partial nint clCreateKernel(nint program, byte* name, ClStatus* status);

    [LibraryImport(Library)]
    public static partial ClStatus clGetKernelInfo(nint kernel, uint what, nuint room, void* value, nuint* size);

    [LibraryImport(Library)]
    public static partial ClStatus clGetKernelArgInfo(nint kernel, uint index, uint what, nuint room, void* value, nuint* size);

    [LibraryImport(Library)]
    public static partial ClStatus clGetKernelWorkGroupInfo(nint kernel, nint device, uint what, nuint room, void* value, nuint* size);

    [LibraryImport(Library)]
    public static partial ClStatus clSetKernelArg(nint kernel, uint index, nuint size, void* value);

    [LibraryImport(Library)]
    public static partial ClStatus clEnqueueNDRangeKernel(nint queue, nint kernel, uint axes, nuint* offset, nuint* global, nuint* local, uint waits, nint* waitFor, nint* done);

    [LibraryImport(Library)]
    public static partial ClStatus clEnqueueReadBuffer(nint queue, nint memory, uint blocking, nuint offset, nuint size, void* target, uint waits, nint* waitFor, nint* done);

    [LibraryImport(Library)]
    public static partial ClStatus clEnqueueWriteBuffer(nint queue, nint memory, uint blocking, nuint offset, nuint size, void* source, uint waits, nint* waitFor, nint* done);

    [LibraryImport(Library)]
    public static partial ClStatus clEnqueueCopyBuffer(nint queue, nint source, nint target, nuint sourceOffset, nuint targetOffset, nuint size, uint waits, nint* waitFor, nint* done);

    [LibraryImport(Library)]
    public static partial ClStatus clEnqueueMigrateMemObjects(nint queue, uint count, nint* memories, ulong flags, uint waits, nint* waitFor, nint* done);

    [LibraryImport(Library)]
    public static partial ClStatus clWaitForEvents(uint count, nint* events);

    [LibraryImport(Library)]
    public static partial ClStatus clReleaseEvent(nint done);

    [LibraryImport(Library)]
    public static partial ClStatus clFlush(nint queue);

    [LibraryImport(Library)]
    public static partial ClStatus clFinish(nint queue);
}
