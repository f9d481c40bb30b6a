// A stand-in for the parts of cuBLAS and cuSOLVER that the benchmarks call: matrices with columns one after another, work queued on the stream of the handle, sums in f64. It refuses what the documentation
// forbids: strange handles, leading dimensions that are too small, matrices outside of blocks of the device, and results of GemmEx that no computation of its kind has.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <set>
#include <vector>

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

// What Jacobi's methods are told; 1: symmetric eigenvalues, 2: singular values.
struct Method { int kind; };
std::set<Method*> methods;
int make_method(Method** made, int kind) { auto* m = new Method{kind}; std::lock_guard<std::mutex> lock(gate); methods.insert(m); *made = m; return Success; }
int drop_method(Method* m) { std::lock_guard<std::mutex> lock(gate); if (methods.erase(m) == 0) return 3; delete m; return Success; }
bool is_method(Method* m, int kind) { std::lock_guard<std::mutex> lock(gate); return methods.count(m) != 0 && m->kind == kind; }

// Turns pairs of columns of x, and of v beside them, until they are orthogonal.
void orthogonalise(std::vector<double>& x, std::vector<double>& v, int m, int n)
{
    v.assign((size_t)n * n, 0);
    for (int i = 0; i < n; i++) v[i + (size_t)i * n] = 1;
    for (int sweep = 0; sweep < 60; sweep++)
    {
        bool turned = false;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
            {
                double pp = 0, qq = 0, pq = 0;
                for (int i = 0; i < m; i++) { double a = x[i + (size_t)p * m], b = x[i + (size_t)q * m]; pp += a * a; qq += b * b; pq += a * b; }
                if (std::fabs(pq) <= 1e-15 * std::sqrt(pp * qq)) continue;
                turned = true;
                double angle = 0.5 * std::atan2(2 * pq, pp - qq), c = std::cos(angle), s = std::sin(angle);
                auto turn = [&](double& a, double& b) { double old = a; a = c * old + s * b; b = c * b - s * old; };
                for (int i = 0; i < m; i++) turn(x[i + (size_t)p * m], x[i + (size_t)q * m]);
                for (int i = 0; i < n; i++) turn(v[i + (size_t)p * n], v[i + (size_t)q * n]);
            }
        if (!turned) return;
    }
}

// A = U·S·Vᵀ, values descending; m ≥ n.
template<class T> void singular(const T* a, int m, int n, int lda, T* s, T* u, int ldu, T* v, int ldv)
{
    std::vector<double> x((size_t)m * n), right, sizes(n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) x[i + (size_t)j * m] = a[i + (size_t)j * lda];
    orthogonalise(x, right, m, n);
    std::vector<int> order(n);
    for (int j = 0; j < n; j++)
    {
        order[j] = j;
        for (int i = 0; i < m; i++) sizes[j] += x[i + (size_t)j * m] * x[i + (size_t)j * m];
        sizes[j] = std::sqrt(sizes[j]);
    }
    std::sort(order.begin(), order.end(), [&](int p, int q) { return sizes[p] > sizes[q]; });
    for (int j = 0; j < n; j++)
    {
        int from = order[j];
        s[j] = (T)sizes[from];
        for (int i = 0; i < m; i++) u[i + (size_t)j * ldu] = (T)(x[i + (size_t)from * m] / sizes[from]);
        for (int i = 0; i < n; i++) v[i + (size_t)j * ldv] = (T)right[i + (size_t)from * n];
    }
}

// Eigenvectors over the columns of a, values ascending. Moved by its norm, a symmetric matrix is positive definite, and its singular vectors are its eigenvectors.
template<class T> void eigen(T* a, int n, int lda, int uplo, T* w)
{
    std::vector<double> full((size_t)n * n), s(n), u((size_t)n * n), v((size_t)n * n);
    double norm = 1;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
        {
            bool stored = uplo == 1 ? i <= j : i >= j;
            double x = stored ? a[i + (size_t)j * lda] : a[j + (size_t)i * lda];
            full[i + (size_t)j * n] = x;
            norm += std::fabs(x);
        }
    for (int i = 0; i < n; i++) full[i + (size_t)i * n] += norm;
    singular(full.data(), n, n, n, s.data(), u.data(), n, v.data(), n);
    for (int j = 0; j < n; j++)
    {
        w[j] = (T)(s[n - 1 - j] - norm);
        for (int i = 0; i < n; i++) a[i + (size_t)j * lda] = (T)v[i + (size_t)(n - 1 - j) * n];
    }
}

template<class T> int eigen_batch(Handle* handle, int job, int uplo, int n, T* a, int lda, T* w, T* work, int lwork, int* info, Method* method, int count)
{
    NEED(known(handle), NotInitialized);
    NEED(is_method(method, 1) && job == 1 && (uplo == 0 || uplo == 1) && n >= 0 && lda >= n && count >= 1 && lwork >= n * n, 3);
    NEED(fake_in_block(a, (size_t)count * lda * n * sizeof(T)) && fake_in_block(w, (size_t)count * n * sizeof(T)) && fake_in_block(work, (size_t)lwork * sizeof(T)) && fake_in_block(info, count * sizeof(int)), 4);
    return fake_put(handle->stream, [=] { for (int i = 0; i < count; i++) { eigen(a + (size_t)i * lda * n, n, lda, uplo, w + (size_t)i * n); info[i] = 0; } }) == 0 ? Success : 6;
}

// Many at once are small.
template<class T> int singular_batch(Handle* handle, int job, int m, int n, T* a, int lda, T* s, T* u, int ldu, T* v, int ldv, T* work, int lwork, int* info, Method* method, int count, int largest)
{
    NEED(known(handle), NotInitialized);
    NEED(is_method(method, 2) && job == 1 && m >= n && n >= 1 && m <= largest && lda >= m && ldu >= m && ldv >= n && count >= 1 && lwork >= m * n, 3);
    NEED(fake_in_block(a, (size_t)count * lda * n * sizeof(T)) && fake_in_block(s, (size_t)count * n * sizeof(T)) && fake_in_block(u, (size_t)count * ldu * n * sizeof(T)) && fake_in_block(v, (size_t)count * ldv * n * sizeof(T))
        && fake_in_block(work, (size_t)lwork * sizeof(T)) && fake_in_block(info, count * sizeof(int)), 4);
    // A is scratch afterwards.
    return fake_put(handle->stream, [=] {
        for (int i = 0; i < count; i++)
        {
            T* x = a + (size_t)i * lda * n;
            singular(x, m, n, lda, s + (size_t)i * n, u + (size_t)i * ldu * n, ldu, v + (size_t)i * ldv * n, ldv);
            for (int j = 0; j < lda * n; j++) x[j] = (T)NAN;
            info[i] = 0;
        }
    }) == 0 ? Success : 6;
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

API int cusolverDnCreateSyevjInfo(Method** made) { return make_method(made, 1); }
API int cusolverDnDestroySyevjInfo(Method* method) { return drop_method(method); }
API int cusolverDnCreateGesvdjInfo(Method** made) { return make_method(made, 2); }
API int cusolverDnDestroyGesvdjInfo(Method* method) { return drop_method(method); }

#define SPECTRA(S, T) \
    API int cusolverDn##S##syevj_bufferSize(Handle* h, int, int, int n, const T*, int, const T*, int* lwork, Method* p) { NEED(known(h) && is_method(p, 1), 3); *lwork = n * n; return Success; } \
    API int cusolverDn##S##syevj(Handle* h, int job, int uplo, int n, T* a, int lda, T* w, T* work, int lwork, int* info, Method* p) \
    { return eigen_batch(h, job, uplo, n, a, lda, w, work, lwork, info, p, 1); } \
    API int cusolverDn##S##syevjBatched_bufferSize(Handle* h, int, int, int n, const T*, int, const T*, int* lwork, Method* p, int count) { NEED(known(h) && is_method(p, 1), 3); *lwork = n * n * count; return Success; } \
    API int cusolverDn##S##syevjBatched(Handle* h, int job, int uplo, int n, T* a, int lda, T* w, T* work, int lwork, int* info, Method* p, int count) \
    { NEED(lwork >= n * n * count, 3); return eigen_batch(h, job, uplo, n, a, lda, w, work, lwork, info, p, count); } \
    API int cusolverDn##S##gesvdj_bufferSize(Handle* h, int, int, int m, int n, const T*, int, const T*, const T*, int, const T*, int, int* lwork, Method* p) { NEED(known(h) && is_method(p, 2), 3); *lwork = m * n; return Success; } \
    API int cusolverDn##S##gesvdj(Handle* h, int job, int econ, int m, int n, T* a, int lda, T* s, T* u, int ldu, T* v, int ldv, T* work, int lwork, int* info, Method* p) \
    { NEED(econ == 1, 3); return singular_batch(h, job, m, n, a, lda, s, u, ldu, v, ldv, work, lwork, info, p, 1, 1 << 20); } \
    API int cusolverDn##S##gesvdjBatched_bufferSize(Handle* h, int, int m, int n, const T*, int, const T*, const T*, int, const T*, int, int* lwork, Method* p, int count) \
    { NEED(known(h) && is_method(p, 2), 3); *lwork = m * n * count; return Success; } \
    API int cusolverDn##S##gesvdjBatched(Handle* h, int job, int m, int n, T* a, int lda, T* s, T* u, int ldu, T* v, int ldv, T* work, int lwork, int* info, Method* p, int count) \
    { NEED(lwork >= m * n * count, 3); return singular_batch(h, job, m, n, a, lda, s, u, ldu, v, ldv, work, lwork, info, p, count, 32); }
SPECTRA(S, float)
SPECTRA(D, double)
