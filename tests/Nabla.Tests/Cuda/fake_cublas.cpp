// A stand-in for the parts of cuBLAS and cuSOLVER that the benchmarks call: matrices with columns one after another, work queued on the stream of the handle, sums in f64. It refuses what the documentation
// forbids: strange handles, leading dimensions that are too small, matrices outside of blocks of the device, and results of GemmEx that no computation of its kind has.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <set>

#define API extern "C" __attribute__((visibility("default")))

int fake_put(void* stream, std::function<void()> work);
bool fake_in_block(const void* p, size_t bytes);

namespace
{
enum Status { Success = 0, NotInitialized = 1, InvalidValue = 7, ExecutionFailed = 13, NotSupported = 15 };
enum { F32 = 0, F64 = 1, Bf16 = 14, ComputeF32 = 68, ComputeTf32 = 77, Tf32Math = 3 };

struct Handle { void* stream = nullptr; int math = 0; };
std::mutex gate;
std::set<Handle*> handles;

bool known(Handle* handle) { std::lock_guard<std::mutex> lock(gate); return handles.count(handle) != 0; }
int make(void** handle) { auto* made = new Handle(); std::lock_guard<std::mutex> lock(gate); handles.insert(made); *handle = made; return Success; }
int drop(Handle* handle) { std::lock_guard<std::mutex> lock(gate); if (handles.erase(handle) == 0) return NotInitialized; delete handle; return Success; }

#define NEED(condition, result) if (!(condition)) return result

size_t size_of(int type) { return type == F64 ? 8 : type == F32 ? 4 : 2; }
float bits(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
// To nearest, ties away from zero, 10 bits.
float tf32(float x) { uint32_t u; memcpy(&u, &x, 4); return std::isfinite(x) ? bits((u + 0x1000) & 0xffffe000) : x; }

double element(const void* a, size_t at, int type, bool rounded)
{
    if (type == F64) return ((const double*)a)[at];
    float x = type == F32 ? ((const float*)a)[at] : bits((uint32_t)((const uint16_t*)a)[at] << 16);
    return rounded ? tf32(x) : x;
}

struct Product { int ta, tb, m, n, k; const void* a; int type_a, lda; const void* b; int type_b, ldb; void* c; int type_c, ldc; double alpha, beta; long long step_a, step_b, step_c; int count; bool rounded; };

int run(Handle* handle, const Product& p)
{
    NEED(known(handle), NotInitialized);
    NEED(p.m >= 0 && p.n >= 0 && p.k >= 0 && p.ta >= 0 && p.ta <= 1 && p.tb >= 0 && p.tb <= 1, InvalidValue);
    NEED(p.lda >= (p.ta ? p.k : p.m) && p.ldb >= (p.tb ? p.n : p.k) && p.ldc >= p.m, InvalidValue);
    auto bytes = [&](int ld, int columns, long long step, int type) { return ((p.count - 1) * step + (long long)ld * columns) * size_of(type); };
    NEED(fake_in_block(p.a, bytes(p.lda, p.ta ? p.m : p.k, p.step_a, p.type_a)) && fake_in_block(p.b, bytes(p.ldb, p.tb ? p.k : p.n, p.step_b, p.type_b)) && fake_in_block(p.c, bytes(p.ldc, p.n, p.step_c, p.type_c)),
        ExecutionFailed);
    return fake_put(handle->stream, [p] {
        for (long long entry = 0; entry < p.count; entry++)
            for (int j = 0; j < p.n; j++)
                for (int i = 0; i < p.m; i++)
                {
                    double sum = 0;
                    for (int q = 0; q < p.k; q++)
                        sum += element(p.a, entry * p.step_a + (p.ta ? q + (size_t)i * p.lda : i + (size_t)q * p.lda), p.type_a, p.rounded)
                            * element(p.b, entry * p.step_b + (p.tb ? j + (size_t)q * p.ldb : q + (size_t)j * p.ldb), p.type_b, p.rounded);
                    size_t at = entry * p.step_c + i + (size_t)j * p.ldc;
                    double before = p.beta == 0 ? 0 : p.beta * element(p.c, at, p.type_c, false);
                    if (p.type_c == F64) ((double*)p.c)[at] = p.alpha * sum + before;
                    else ((float*)p.c)[at] = (float)(p.alpha * sum + before);
                }
    }) == 0 ? Success : ExecutionFailed;
}

// A = UᵀU in the upper triangle, columns one after another.
template<class T> int factor(T* a, int n, int lda)
{
    for (int j = 0; j < n; j++)
        for (int i = 0; i <= j; i++)
        {
            double sum = a[i + (size_t)j * lda];
            for (int q = 0; q < i; q++) sum -= (double)a[q + (size_t)i * lda] * a[q + (size_t)j * lda];
            if (i == j && !(sum > 0)) return j + 1;
            a[i + (size_t)j * lda] = (T)(i == j ? std::sqrt(sum) : sum / a[i + (size_t)i * lda]);
        }
    return 0;
}

template<class T> int factor_batch(Handle* handle, int uplo, int n, T** a, int lda, int* info, int count)
{
    NEED(known(handle), NotInitialized);
    NEED(uplo == 1 && n >= 0 && lda >= n && count >= 0, 3);
    NEED(fake_in_block(a, count * sizeof(T*)) && fake_in_block(info, count * sizeof(int)), 4);
    return fake_put(handle->stream, [=] { for (int i = 0; i < count; i++) info[i] = fake_in_block(a[i], (size_t)lda * n * sizeof(T)) ? factor(a[i], n, lda) : -4; }) == 0 ? Success : 6;
}
}

API int cublasCreate_v2(void** handle) { return make(handle); }
API int cublasDestroy_v2(Handle* handle) { return drop(handle); }
API int cublasSetStream_v2(Handle* handle, void* stream) { NEED(known(handle), NotInitialized); handle->stream = stream; return Success; }
API int cublasGetVersion_v2(Handle* handle, int* version) { NEED(known(handle), NotInitialized); *version = 120800; return Success; }
API int cublasSetMathMode(Handle* handle, int mode) { NEED(known(handle), NotInitialized); NEED(mode == 0 || mode == Tf32Math, InvalidValue); handle->math = mode; return Success; }

API int cublasSgemm_v2(Handle* h, int ta, int tb, int m, int n, int k, const float* alpha, const float* a, int lda, const float* b, int ldb, const float* beta, float* c, int ldc)
{
    return run(h, {ta, tb, m, n, k, a, F32, lda, b, F32, ldb, c, F32, ldc, *alpha, *beta, 0, 0, 0, 1, known(h) && h->math == Tf32Math});
}
API int cublasDgemm_v2(Handle* h, int ta, int tb, int m, int n, int k, const double* alpha, const double* a, int lda, const double* b, int ldb, const double* beta, double* c, int ldc)
{
    return run(h, {ta, tb, m, n, k, a, F64, lda, b, F64, ldb, c, F64, ldc, *alpha, *beta, 0, 0, 0, 1, false});
}
API int cublasSgemmStridedBatched(Handle* h, int ta, int tb, int m, int n, int k, const float* alpha, const float* a, int lda, long long step_a, const float* b, int ldb, long long step_b, const float* beta,
    float* c, int ldc, long long step_c, int count)
{
    return run(h, {ta, tb, m, n, k, a, F32, lda, b, F32, ldb, c, F32, ldc, *alpha, *beta, step_a, step_b, step_c, count, known(h) && h->math == Tf32Math});
}
API int cublasDgemmStridedBatched(Handle* h, int ta, int tb, int m, int n, int k, const double* alpha, const double* a, int lda, long long step_a, const double* b, int ldb, long long step_b, const double* beta,
    double* c, int ldc, long long step_c, int count)
{
    return run(h, {ta, tb, m, n, k, a, F64, lda, b, F64, ldb, c, F64, ldc, *alpha, *beta, step_a, step_b, step_c, count, false});
}
API int cublasGemmEx(Handle* h, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int type_a, int lda, const void* b, int type_b, int ldb, const void* beta, void* c, int type_c, int ldc, int compute, int)
{
    NEED(type_a == type_b && (type_a == Bf16 || type_a == F32) && type_c == F32 && (compute == ComputeF32 || (compute == ComputeTf32 && type_a == F32)), NotSupported);
    return run(h, {ta, tb, m, n, k, a, type_a, lda, b, type_b, ldb, c, type_c, ldc, *(const float*)alpha, *(const float*)beta, 0, 0, 0, 1, compute == ComputeTf32});
}

API int cusolverDnCreate(void** handle) { return make(handle); }
API int cusolverDnDestroy(Handle* handle) { return drop(handle); }
API int cusolverDnSetStream(Handle* handle, void* stream) { NEED(known(handle), NotInitialized); handle->stream = stream; return Success; }
API int cusolverGetVersion(int* version) { *version = 11704; return Success; }
API int cusolverDnSpotrfBatched(Handle* h, int uplo, int n, float** a, int lda, int* info, int count) { return factor_batch(h, uplo, n, a, lda, info, count); }
API int cusolverDnDpotrfBatched(Handle* h, int uplo, int n, double** a, int lda, int* info, int count) { return factor_batch(h, uplo, n, a, lda, info, count); }
