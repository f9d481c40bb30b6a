using System.Runtime.InteropServices;
using Nabla.Kernels;

namespace Nabla.Peers;

// Jacobi's methods, with the tolerance and the sweeps that cuSOLVER chooses. Rows of a result are its columns.
internal sealed unsafe partial class Cusolver
{
    /// <summary>Rows and columns of the largest matrix of which <c>gesvdjBatched</c> takes many.</summary>
    public const int LargestOfBatch = 32;

    private const int Vectors = 1, Economic = 1;

    private readonly List<(nint Method, bool IsEigen)> _methods = [];

    /// <summary>Queues, each time, eigenvectors as rows over symmetric matrices [batch, n, n], and eigenvalues [batch, n], ascending: <c>syevj</c> for one, <c>syevjBatched</c> for more.</summary>
    public Action Eigenvectors(DenseTensor matrices, DenseTensor values, DenseTensor faults)
    {
        (int batch, int n, bool single) = (matrices.Shape.Dims[0], matrices.Shape.Dims[1], matrices.DType == DType.F32);
        (nint a, nint w, nint info, nint method) = (DeviceView.Of(matrices).Address, DeviceView.Of(values).Address, DeviceView.Of(faults).Address, Method(isEigen: true));
        int size;
        Check(batch == 1
            ? single ? cusolverDnSsyevj_bufferSize(_handle, Vectors, Upper, n, a, n, w, &size, method) : cusolverDnDsyevj_bufferSize(_handle, Vectors, Upper, n, a, n, w, &size, method)
            : single ? cusolverDnSsyevjBatched_bufferSize(_handle, Vectors, Upper, n, a, n, w, &size, method, batch) : cusolverDnDsyevjBatched_bufferSize(_handle, Vectors, Upper, n, a, n, w, &size, method, batch),
            "cusolverDnsyevj_bufferSize");
        int most = size;
        DenseTensor scratch = DenseTensor.Allocate(new Aval(matrices.DType, [Math.Max(1, most)]), _device);
        return () =>
        {
            _device.Queue.Enter();
            nint work = DeviceView.Of(scratch).Address;
            Check(batch == 1
                ? single ? cusolverDnSsyevj(_handle, Vectors, Upper, n, a, n, w, work, most, info, method) : cusolverDnDsyevj(_handle, Vectors, Upper, n, a, n, w, work, most, info, method)
                : single ? cusolverDnSsyevjBatched(_handle, Vectors, Upper, n, a, n, w, work, most, info, method, batch) : cusolverDnDsyevjBatched(_handle, Vectors, Upper, n, a, n, w, work, most, info, method, batch),
                "cusolverDnsyevj");
            GC.KeepAlive((matrices, values, faults));
        };
    }

    /// <summary>
    /// Queues, each time, singular values [batch, n], descending, of square matrices [batch, n, n], which are scratch afterwards, and singular vectors as rows: A·left = s·right. <c>gesvdj</c> for one,
    /// <c>gesvdjBatched</c> for more, which are of at most <see cref="LargestOfBatch"/> rows.
    /// </summary>
    public Action SingularVectors(DenseTensor matrices, DenseTensor left, DenseTensor values, DenseTensor right, DenseTensor faults)
    {
        (int batch, int n, bool single) = (matrices.Shape.Dims[0], matrices.Shape.Dims[1], matrices.DType == DType.F32);
        (nint a, nint u, nint s, nint v) = (DeviceView.Of(matrices).Address, DeviceView.Of(left).Address, DeviceView.Of(values).Address, DeviceView.Of(right).Address);
        (nint info, nint method) = (DeviceView.Of(faults).Address, Method(isEigen: false));
        int size;
        Check(batch == 1
            ? single ? cusolverDnSgesvdj_bufferSize(_handle, Vectors, Economic, n, n, a, n, s, u, n, v, n, &size, method) : cusolverDnDgesvdj_bufferSize(_handle, Vectors, Economic, n, n, a, n, s, u, n, v, n, &size, method)
            : single ? cusolverDnSgesvdjBatched_bufferSize(_handle, Vectors, n, n, a, n, s, u, n, v, n, &size, method, batch)
            : cusolverDnDgesvdjBatched_bufferSize(_handle, Vectors, n, n, a, n, s, u, n, v, n, &size, method, batch), "cusolverDngesvdj_bufferSize");
        int most = size;
        DenseTensor scratch = DenseTensor.Allocate(new Aval(matrices.DType, [Math.Max(1, most)]), _device);
        return () =>
        {
            _device.Queue.Enter();
            nint work = DeviceView.Of(scratch).Address;
            Check(batch == 1
                ? single ? cusolverDnSgesvdj(_handle, Vectors, Economic, n, n, a, n, s, u, n, v, n, work, most, info, method) : cusolverDnDgesvdj(_handle, Vectors, Economic, n, n, a, n, s, u, n, v, n, work, most, info, method)
                : single ? cusolverDnSgesvdjBatched(_handle, Vectors, n, n, a, n, s, u, n, v, n, work, most, info, method, batch)
                : cusolverDnDgesvdjBatched(_handle, Vectors, n, n, a, n, s, u, n, v, n, work, most, info, method, batch), "cusolverDngesvdj");
            GC.KeepAlive((matrices, left, values, right, faults));
        };
    }

    private nint Method(bool isEigen)
    {
        nint method;
        _device.Queue.Enter();
        Check(isEigen ? cusolverDnCreateSyevjInfo(&method) : cusolverDnCreateGesvdjInfo(&method), isEigen ? "cusolverDnCreateSyevjInfo" : "cusolverDnCreateGesvdjInfo");
        _methods.Add((method, isEigen));
        return method;
    }

    private void DropMethods()
    {
        foreach ((nint method, bool isEigen) in _methods) _ = isEigen ? cusolverDnDestroySyevjInfo(method) : cusolverDnDestroyGesvdjInfo(method);
        _methods.Clear();
    }

    [LibraryImport(Library)]
    private static partial Status cusolverDnCreateSyevjInfo(nint* method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDestroySyevjInfo(nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnCreateGesvdjInfo(nint* method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDestroyGesvdjInfo(nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSsyevj_bufferSize(nint handle, int job, int triangle, int n, nint a, int lda, nint w, int* size, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSsyevj(nint handle, int job, int triangle, int n, nint a, int lda, nint w, nint work, int size, nint info, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSsyevjBatched_bufferSize(nint handle, int job, int triangle, int n, nint a, int lda, nint w, int* size, nint method, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSsyevjBatched(nint handle, int job, int triangle, int n, nint a, int lda, nint w, nint work, int size, nint info, nint method, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSgesvdj_bufferSize(nint handle, int job, int economic, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, int* size, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSgesvdj(
        nint handle, int job, int economic, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, nint work, int size, nint info, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSgesvdjBatched_bufferSize(nint handle, int job, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, int* size, nint method, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnSgesvdjBatched(
        nint handle, int job, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, nint work, int size, nint info, nint method, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDsyevj_bufferSize(nint handle, int job, int triangle, int n, nint a, int lda, nint w, int* size, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDsyevj(nint handle, int job, int triangle, int n, nint a, int lda, nint w, nint work, int size, nint info, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDsyevjBatched_bufferSize(nint handle, int job, int triangle, int n, nint a, int lda, nint w, int* size, nint method, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDsyevjBatched(nint handle, int job, int triangle, int n, nint a, int lda, nint w, nint work, int size, nint info, nint method, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDgesvdj_bufferSize(nint handle, int job, int economic, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, int* size, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDgesvdj(
        nint handle, int job, int economic, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, nint work, int size, nint info, nint method);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDgesvdjBatched_bufferSize(nint handle, int job, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, int* size, nint method, int count);

    [LibraryImport(Library)]
    private static partial Status cusolverDnDgesvdjBatched(
        nint handle, int job, int m, int n, nint a, int lda, nint s, nint u, int ldu, nint v, int ldv, nint work, int size, nint info, nint method, int count);
}
