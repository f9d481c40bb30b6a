using System.Runtime.InteropServices;
using Nabla.Kernels;
using Nabla.Kernels.Cuda;

namespace Nabla.Peers;

/// <summary>
/// Products by cuBLAS on our tensors, in our context and on our stream. Its matrices have their columns one after another, ours their rows: Cᵀ = Bᵀ·Aᵀ is what it computes, without a transposition.
/// </summary>
internal sealed unsafe partial class Cublas : IDisposable
{
    /// <summary>A name that <see cref="NvidiaLibraries"/> turns into a file.</summary>
    public const string Library = "libcublas";

    private const int Tf32Math = 3, Float32 = 0, BFloat16 = 14, Compute32 = 68, DefaultAlgorithm = -1;

    private readonly CudaDevice _device;
    private readonly nint _handle;
    private bool _tf32;

    private Cublas(CudaDevice device)
    {
        _device = device;
        device.Queue.Enter();
        nint handle;
        Check(cublasCreate_v2(&handle), "cublasCreate");
        _handle = handle;
        Check(cublasSetStream_v2(handle, device.Queue.Stream), "cublasSetStream");
        int version = 0;
        Check(cublasGetVersion_v2(handle, &version), "cublasGetVersion");
        // major·1000 + minor·100 + patch up to 11, major·10000 + … since 12.
        Version = version < 100_000 ? $"cuBLAS {version / 1000}.{version / 100 % 10}.{version % 100}" : $"cuBLAS {version / 10_000}.{version / 100 % 100}.{version % 100}";
    }

    /// <summary>What a call returned, with the names of <c>cublas_api.h</c>.</summary>
    public enum Status { Success = 0, NotInitialized = 1, AllocFailed = 3, InvalidValue = 7, ArchMismatch = 8, MappingError = 11, ExecutionFailed = 13, InternalError = 14, NotSupported = 15 }

    /// <summary>Name and version.</summary>
    public string Version { get; }

    /// <summary>Opens it for a device; null if it is not installed.</summary>
    public static Cublas? Open(CudaDevice device) => NvidiaLibraries.LoadCublas(device) ? new Cublas(device) : null;

    /// <summary>Queues c = op(a)·op(b), for each entry of a batch; with <paramref name="tf32"/>, f32 operands may be rounded to TF32.</summary>
    public void Product(ProductCase p, DenseTensor a, DenseTensor b, DenseTensor c, bool tf32 = false)
    {
        _device.Queue.Enter();
        if (tf32 != _tf32) Check(cublasSetMathMode(_handle, tf32 ? Tf32Math : 0), "cublasSetMathMode");
        _tf32 = tf32;
        (int ta, int tb, int lda, int ldb) = (p.TransposedA ? 1 : 0, p.TransposedB ? 1 : 0, p.TransposedA ? p.M : p.K, p.TransposedB ? p.K : p.N);
        (long stepA, long stepB, long stepC) = ((long)p.M * p.K, (long)p.K * p.N, (long)p.M * p.N);
        (nint x, nint y, nint z) = (DeviceView.Of(a).Address, DeviceView.Of(b).Address, DeviceView.Of(c).Address);
        if (p.DType == DType.F32)
        {
            float one = 1, zero = 0;
            Check(p.Batch == 1 ? cublasSgemm_v2(_handle, tb, ta, p.N, p.M, p.K, &one, y, ldb, x, lda, &zero, z, p.N)
                : cublasSgemmStridedBatched(_handle, tb, ta, p.N, p.M, p.K, &one, y, ldb, stepB, x, lda, stepA, &zero, z, p.N, stepC, p.Batch), "cublasSgemm");
        }
        else
        {
            double one = 1, zero = 0;
            Check(p.Batch == 1 ? cublasDgemm_v2(_handle, tb, ta, p.N, p.M, p.K, &one, y, ldb, x, lda, &zero, z, p.N)
                : cublasDgemmStridedBatched(_handle, tb, ta, p.N, p.M, p.K, &one, y, ldb, stepB, x, lda, stepA, &zero, z, p.N, stepC, p.Batch), "cublasDgemm");
        }
    }

    /// <summary>Queues c = a·b for operands that are bf16 already, two in each i32; sums and result are f32.</summary>
    public void ProductOfBFloat16(ProductCase p, DenseTensor a, DenseTensor b, DenseTensor c)
    {
        _device.Queue.Enter();
        float one = 1, zero = 0;
        Check(cublasGemmEx(_handle, 0, 0, p.N, p.M, p.K, &one, DeviceView.Of(b).Address, BFloat16, p.N, DeviceView.Of(a).Address, BFloat16, p.K, &zero,
            DeviceView.Of(c).Address, Float32, p.N, Compute32, DefaultAlgorithm), "cublasGemmEx");
    }

    /// <summary>Numbers rounded to bf16, to nearest and even, two in each i32; their count is even.</summary>
    public static int[] Pack(double[] numbers)
    {
        int[] packed = new int[numbers.Length / 2];
        for (int i = 0; i < packed.Length; i++) packed[i] = (int)(Half(numbers[2 * i]) | Half(numbers[2 * i + 1]) << 16);
        return packed;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _device.Queue.Enter();
        cublasDestroy_v2(_handle);
    }

    private static uint Half(double x)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)x);
        return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }

    private static void Check(Status status, string call)
    {
        if (status != Status.Success) throw new InvalidOperationException($"{call}: {status}");
    }

    [LibraryImport(Library)]
    private static partial Status cublasCreate_v2(nint* handle);

    [LibraryImport(Library)]
    private static partial Status cublasDestroy_v2(nint handle);

    [LibraryImport(Library)]
    private static partial Status cublasSetStream_v2(nint handle, nint stream);

    [LibraryImport(Library)]
    private static partial Status cublasGetVersion_v2(nint handle, int* version);

    [LibraryImport(Library)]
    private static partial Status cublasSetMathMode(nint handle, int mode);

    [LibraryImport(Library)]
    private static partial Status cublasSgemm_v2(nint handle, int ta, int tb, int m, int n, int k, float* alpha, nint a, int lda, nint b, int ldb, float* beta, nint c, int ldc);

    [LibraryImport(Library)]
    private static partial Status cublasDgemm_v2(nint handle, int ta, int tb, int m, int n, int k, double* alpha, nint a, int lda, nint b, int ldb, double* beta, nint c, int ldc);

    [LibraryImport(Library)]
    private static partial Status cublasSgemmStridedBatched(
        nint handle, int ta, int tb, int m, int n, int k, float* alpha, nint a, int lda, long stepA, nint b, int ldb, long stepB, float* beta, nint c, int ldc, long stepC, int count);

    [LibraryImport(Library)]
    private static partial Status cublasDgemmStridedBatched(
        nint handle, int ta, int tb, int m, int n, int k, double* alpha, nint a, int lda, long stepA, nint b, int ldb, long stepB, double* beta, nint c, int ldc, long stepC, int count);

    [LibraryImport(Library)]
    private static partial Status cublasGemmEx(
        nint handle, int ta, int tb, int m, int n, int k, void* alpha, nint a, int typeA, int lda, nint b, int typeB, int ldb, void* beta, nint c, int typeC, int ldc, int compute, int algorithm);
}
