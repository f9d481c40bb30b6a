using System.Runtime.InteropServices;

namespace Nabla.Bench;

/// <summary>Matrix products by OpenBLAS' C interface, on the samples of <see cref="ProductCase"/>.</summary>
internal static unsafe partial class OpenBlasProducts
{
    private const string Library = "libopenblas.so.0";
    private const int RowMajor = 101, Plain = 111, Transposed = 112, Lower = 122;

    /// <summary>
    /// Arguments as <see cref="ProductCase.ToRequest"/> writes them; answers C·t. A matrix times a vector is gemv, all else gemm, a batch one call after another.
    /// </summary>
    public static PeerWork Gemm(string[] arguments)
    {
        ProductCase c = ProductCase.FromRequest(arguments);
        return c.DType == DType.F32 ? Gemm<float>(c) : Gemm<double>(c);
    }

    /// <summary>The same arguments; the lower triangle of A·Aᵀ, of which it answers the sums of rows weighted by t.</summary>
    public static PeerWork Syrk(string[] arguments)
    {
        ProductCase c = ProductCase.FromRequest(arguments);
        return c.DType == DType.F32 ? Syrk<float>(c) : Syrk<double>(c);
    }

    private static PeerWork Gemm<T>(ProductCase c) where T : unmanaged
    {
        nint a = Copy<T>(c.A()), b = Copy<T>(c.B()), z = Copy<T>(new double[c.Batch * c.M * c.N]);
        void Run()
        {
            for (int i = 0; i < c.Batch; i++)
                One(c, (T*)a + (long)i * c.M * c.K, (T*)b + (long)i * c.K * c.N, (T*)z + (long)i * c.M * c.N);
        }
        Run();
        return new PeerWork(Run, c.Check(Read<T>(z, c.Batch * c.M * c.N)));
    }

    private static PeerWork Syrk<T>(ProductCase c) where T : unmanaged
    {
        nint a = Copy<T>(c.A()), z = Copy<T>(new double[c.M * c.M]);
        int trans = c.TransposedA ? Transposed : Plain, lda = c.TransposedA ? c.M : c.K;
        void Run()
        {
            if (typeof(T) == typeof(float)) Ssyrk(RowMajor, Lower, trans, c.M, c.K, 1, (float*)a, lda, 0, (float*)z, c.M);
            else Dsyrk(RowMajor, Lower, trans, c.M, c.K, 1, (double*)a, lda, 0, (double*)z, c.M);
        }
        Run();
        return new PeerWork(Run, c.Check(Read<T>(z, c.M * c.M)));
    }

    private static void One<T>(ProductCase p, T* a, T* b, T* c) where T : unmanaged
    {
        (int ta, int lda) = p.TransposedA ? (Transposed, p.M) : (Plain, p.K);
        (int tb, int ldb) = p.TransposedB ? (Transposed, p.K) : (Plain, p.N);
        if (p.N == 1) Gemv(p.TransposedA ? Transposed : Plain, p.TransposedA ? p.K : p.M, p.TransposedA ? p.M : p.K, a, b, c);
        else if (p.M == 1) Gemv(p.TransposedB ? Plain : Transposed, p.TransposedB ? p.N : p.K, p.TransposedB ? p.K : p.N, b, a, c);
        else if (typeof(T) == typeof(float)) Sgemm(RowMajor, ta, tb, p.M, p.N, p.K, 1, (float*)a, lda, (float*)b, ldb, 0, (float*)c, p.N);
        else Dgemm(RowMajor, ta, tb, p.M, p.N, p.K, 1, (double*)a, lda, (double*)b, ldb, 0, (double*)c, p.N);
    }

    private static void Gemv<T>(int trans, int rows, int columns, T* a, T* x, T* y) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) Sgemv(RowMajor, trans, rows, columns, 1, (float*)a, columns, (float*)x, 1, 0, (float*)y, 1);
        else Dgemv(RowMajor, trans, rows, columns, 1, (double*)a, columns, (double*)x, 1, 0, (double*)y, 1);
    }

    private static nint Copy<T>(double[] x) where T : unmanaged
    {
        T* target = OpenBlasPeer.Allocate<T>(x.Length);
        for (int i = 0; i < x.Length; i++)
        {
            if (typeof(T) == typeof(float)) ((float*)target)[i] = (float)x[i];
            else ((double*)target)[i] = x[i];
        }
        return (nint)target;
    }

    private static double[] Read<T>(nint source, int count) where T : unmanaged =>
        [.. Enumerable.Range(0, count).Select(i => typeof(T) == typeof(float) ? ((float*)source)[i] : ((double*)source)[i])];

    [LibraryImport(Library, EntryPoint = "cblas_sgemm")]
    private static partial void Sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    [LibraryImport(Library, EntryPoint = "cblas_dgemm")]
    private static partial void Dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, double* a, int lda, double* b, int ldb, double beta, double* c, int ldc);

    [LibraryImport(Library, EntryPoint = "cblas_sgemv")]
    private static partial void Sgemv(int order, int trans, int m, int n, float alpha, float* a, int lda, float* x, int incx, float beta, float* y, int incy);

    [LibraryImport(Library, EntryPoint = "cblas_dgemv")]
    private static partial void Dgemv(int order, int trans, int m, int n, double alpha, double* a, int lda, double* x, int incx, double beta, double* y, int incy);

    [LibraryImport(Library, EntryPoint = "cblas_ssyrk")]
    private static partial void Ssyrk(int order, int uplo, int trans, int n, int k, float alpha, float* a, int lda, float beta, float* c, int ldc);

    [LibraryImport(Library, EntryPoint = "cblas_dsyrk")]
    private static partial void Dsyrk(int order, int uplo, int trans, int n, int k, double alpha, double* a, int lda, double beta, double* c, int ldc);
}
