// What the generated CUDA C needs of NVRTC, as ordinary C++: a group's work-items run one after another in one thread, and change at barriers.
#define __global__
#define __device__
#define __shared__ static __attribute__((section("fake_group_memory")))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(n)
#define __align__(n) __attribute__((aligned(n)))

struct __align__(16) float4 { float x, y, z, w; };
struct __align__(16) double2 { double x, y; };

struct fake_place { unsigned int x, y, z; };
extern "C" {
fake_place fake_thread, fake_threads, fake_block, fake_blocks;
int fake_trapped;
void (*fake_barrier)();
extern char __start_fake_group_memory[] __attribute__((weak, visibility("hidden"))), __stop_fake_group_memory[] __attribute__((weak, visibility("hidden")));
char* fake_shared() { return __start_fake_group_memory; }
unsigned long fake_shared_size() { return __start_fake_group_memory ? (unsigned long)(__stop_fake_group_memory - __start_fake_group_memory) : 0; }
}
#define threadIdx fake_thread
#define blockDim fake_threads
#define blockIdx fake_block
#define gridDim fake_blocks
#define __syncthreads() fake_barrier()
#define __trap() (fake_trapped = 1)

static inline int __float_as_int(float x) { int y; __builtin_memcpy(&y, &x, 4); return y; }
static inline unsigned int __float_as_uint(float x) { unsigned int y; __builtin_memcpy(&y, &x, 4); return y; }
static inline float __int_as_float(int x) { float y; __builtin_memcpy(&y, &x, 4); return y; }
static inline long long __double_as_longlong(double x) { long long y; __builtin_memcpy(&y, &x, 8); return y; }
static inline double __longlong_as_double(long long x) { double y; __builtin_memcpy(&y, &x, 8); return y; }

// Toward zero, saturating; what a NaN becomes is left to the device, so here it is something useless.
#define CONVERSION(NAME, FROM, TO, LOW, HIGH, BELOW, ABOVE) \
    static inline TO NAME(FROM x) { return x != x ? (TO)-77 : x <= BELOW ? LOW : x >= ABOVE ? HIGH : (TO)x; }
CONVERSION(__float2int_rz, float, int, -2147483647 - 1, 2147483647, -2147483648.0f, 2147483648.0f)
CONVERSION(__double2int_rz, double, int, -2147483647 - 1, 2147483647, -2147483648.0, 2147483647.0)
CONVERSION(__float2uint_rz, float, unsigned int, 0, 4294967295u, 0, 4294967296.0f)
CONVERSION(__double2uint_rz, double, unsigned int, 0, 4294967295u, 0, 4294967295.0)
CONVERSION(__float2ll_rz, float, long long, -9223372036854775807LL - 1, 9223372036854775807LL, -9223372036854775808.0f, 9223372036854775808.0f)
CONVERSION(__double2ll_rz, double, long long, -9223372036854775807LL - 1, 9223372036854775807LL, -9223372036854775808.0, 9223372036854775808.0)
CONVERSION(__float2ull_rz, float, unsigned long long, 0, 18446744073709551615ULL, 0, 18446744073709551616.0f)
CONVERSION(__double2ull_rz, double, unsigned long long, 0, 18446744073709551615ULL, 0, 18446744073709551616.0)

template<class T> static inline T atomicAdd(T* p, T v) { T before = *p; *p = before + v; return before; }
template<class T> static inline T atomicMax(T* p, T v) { T before = *p; if (v > before) *p = v; return before; }
template<class T> static inline T atomicMin(T* p, T v) { T before = *p; if (v < before) *p = v; return before; }
template<class T> static inline T atomicExch(T* p, T v) { T before = *p; *p = v; return before; }
template<class T> static inline T atomicCAS(T* p, T c, T v) { T before = *p; if (before == c) *p = v; return before; }

static inline unsigned int __umulhi(unsigned int a, unsigned int b) { return (unsigned int)(((unsigned long long)a * b) >> 32); }

#define ONE(NAME) extern "C" float NAME##f(float); extern "C" double NAME(double);
#define TWO(NAME) extern "C" float NAME##f(float, float); extern "C" double NAME(double, double);
ONE(sqrt) ONE(cbrt) ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p) ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos) ONE(atan) ONE(sinh)
ONE(cosh) ONE(tanh) ONE(asinh) ONE(acosh) ONE(atanh) ONE(floor) ONE(ceil) ONE(trunc) ONE(rint) ONE(fabs) ONE(erf) ONE(erfc) ONE(lgamma) ONE(tgamma)
TWO(atan2) TWO(pow) TWO(copysign) TWO(fmod) TWO(hypot)
extern "C" float fmaf(float, float, float);
extern "C" double fma(double, double, double);
extern "C" float ldexpf(float, int);
extern "C" double ldexp(double, int);
#undef ONE
#undef TWO

// Calls a kernel with pointers to its arguments, as the driver is given them.
template<int...> struct fake_indices {};
template<int N, int... I> struct fake_range : fake_range<N - 1, N - 1, I...> {};
template<int... I> struct fake_range<0, I...> { typedef fake_indices<I...> type; };
template<class... A> struct fake_parameters
{
    static unsigned long size(unsigned long i) { unsigned long sizes[] = {sizeof(A)..., 0}; return i < sizeof...(A) ? sizes[i] : 0; }
    template<int... I> static void call(void (*kernel)(A...), void** p, fake_indices<I...>) { kernel(*(A*)p[I]...); }
    static void call(void (*kernel)(A...), void** p) { call(kernel, p, typename fake_range<sizeof...(A)>::type()); }
};
template<class... A> fake_parameters<A...> fake_of(void (*)(A...));
