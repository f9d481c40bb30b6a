using System.Runtime.InteropServices;
using Nabla.Kernels;
using Nabla.Kernels.Cuda;

namespace Nabla.Peers;

/// <summary>Cholesky factors of batches, eigenvectors and singular vectors by cuSOLVER on our tensors, in our context and on our stream. What it takes for an upper triangle in columns is a lower one in our rows.</summary>
internal sealed unsafe partial class Cusolver : IDisposable
{
    /// <summary>A name that <see cref="NvidiaLibraries"/> turns into a file.</summary>
    public const string Library = "libcusolver";

    private const int Upper = 1;

    private readonly CudaDevice _device;
    private readonly nint _handle;

    private Cusolver(CudaDevice device)
    {
        _device = device;
        device.Queue.Enter();
        nint handle;
        Check(cusolverDnCreate(&handle), "cusolverDnCreate");
        _handle = handle;
        Check(cusolverDnSetStream(handle, device.Queue.Stream), "cusolverDnSetStream");
        int version = 0;
        Check(cusolverGetVersion(&version), "cusolverGetVersion");
        Version = $"cuSOLVER {version / 1000}.{version / 100 % 10}.{version % 100}";
    }

    /// <summary>What a call returned, with the names of <c>cusolver_common.h</c>.</summary>
    public enum Status { Success = 0, NotInitialized = 1, AllocFailed = 2, InvalidValue = 3, ArchMismatch = 4, MappingError = 5, ExecutionFailed = 6, InternalError = 7 }

    /// <summary>Name and version.</summary>
    public string Version { get; }

    /// <summary>Opens it for a device; null if it is not installed.</summary>
    public static Cusolver? Open(CudaDevice device) => NvidiaLibraries.LoadCusolver(device) ? new Cusolver(device) : null;

    /// <summary>The addresses of the matrices [batch, n, n], which stay there as long as the tensor is alive, and room for a fault of each, on the device.</summary>
    public static (DenseTensor Addresses, DenseTensor Faults) Places(DenseTensor matrices)
    {
        (int batch, int n) = (matrices.Shape.Dims[0], matrices.Shape.Dims[1]);
        long first = DeviceView.Of(matrices).Address;
        Tensor addresses = Tensor.From([.. Enumerable.Range(0, batch).Select(i => first + (long)i * n * n * matrices.DType.Size)]);
        return (addresses.ToDevice(matrices.Device).Dense, DenseTensor.Allocate(new Aval(DType.I32, [batch]), matrices.Device));
    }

    /// <summary>Queues l = the lower Cholesky factor of each matrix, in place; what is above stays as it was.</summary>
    public void Cholesky(DenseTensor matrices, DenseTensor addresses, DenseTensor faults)
    {
        (int batch, int n) = (matrices.Shape.Dims[0], matrices.Shape.Dims[1]);
        _device.Queue.Enter();
        nint at = DeviceView.Of(addresses).Address, info = DeviceView.Of(faults).Address;
        Check(matrices.DType == DType.F32 ? cusolverDnSpotrfBatched(_handle, Upper, n, at, n, info, batch) : cusolverDnDpotrfBatched(_handle, Upper, n, at, n, info, batch), "cusolverDnpotrfBatched");
        GC.KeepAlive(matrices);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _device.Queue.Enter();
        DropMethods();
        cusolverDnDestroy(_handle);
    }

    private static void Check(Status status, string call)
    {
        if (status != Status.Success) throw new InvalidOperationException($"{call}: {status}");
    }

    [LibraryImport(Library)]
    private static partial Status cusolverDnCreate(nint* handle);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDestroy(nint handle);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSetStream(nint handle, nint stream);

    [LibraryImport(Library)]
    private static partial Status cusolverGetVersion(int* version);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSpotrfBatched(nint handle, int triangle, int n, nint addresses, int lda, nint info, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDpotrfBatched(nint handle, int triangle, int n, nint addresses, int lda, nint info, int count);
}
