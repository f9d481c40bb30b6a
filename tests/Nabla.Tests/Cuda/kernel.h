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
#define __syncthreads() (fake_copy_publish(), fake_barrier())
#define __trap() (fake_trapped = 1)

// Asynchronous copies. Their places hold garbage until the work-item that asked has waited for them and has met a barrier after that: only then must others see them.
struct fake_copy { char* to; const char* from; int bytes, size, batch; };
static struct { fake_copy* copies; int count, most, batch, done; } fake_copies[1024];
static inline unsigned int fake_item_index() { return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x; }
static inline void fake_copy_add(void* to, const void* from, int bytes, int size)
{
    auto& own = fake_copies[fake_item_index()];
    bool shared = (char*)to >= fake_shared() && (char*)to + size <= fake_shared() + fake_shared_size();
    if (!shared || bytes < 0 || bytes > size || (unsigned long)to % size || bytes && (unsigned long)from % size) { fake_trapped = 1; return; }
    if (own.count == own.most) own.copies = (fake_copy*)__builtin_realloc(own.copies, (own.most = 2 * own.most + 16) * sizeof(fake_copy));
    own.copies[own.count++] = {(char*)to, (const char*)from, bytes, size, own.batch};
    __builtin_memset(to, 0xFF, size);
}
// A work-item starts.
static inline void fake_copy_forget() { auto& own = fake_copies[fake_item_index()]; own.count = own.batch = own.done = 0; }
static inline void fake_copy_publish()
{
    auto& own = fake_copies[fake_item_index()];
    int kept = 0;
    for (int i = 0; i < own.count; i++)
    {
        fake_copy copy = own.copies[i];
        if (copy.batch >= own.done) { own.copies[kept++] = copy; continue; }
        __builtin_memcpy(copy.to, copy.from, copy.bytes);
        __builtin_memset(copy.to + copy.bytes, 0, copy.size - copy.bytes);
    }
    own.count = kept;
}
static inline void nabla_copy_4(void* to, const void* from, int bytes) { fake_copy_add(to, from, bytes, 4); }
static inline void nabla_copy_8(void* to, const void* from, int bytes) { fake_copy_add(to, from, bytes, 8); }
static inline void nabla_copy_16(void* to, const void* from, int bytes) { fake_copy_add(to, from, bytes, 16); }
static inline void fake_copy_commit() { fake_copies[fake_item_index()].batch++; }
template<int PENDING> static inline void nabla_copy_wait() { auto& own = fake_copies[fake_item_index()]; if (own.batch - PENDING > own.done) own.done = own.batch - PENDING; }
#define nabla_copy_commit fake_copy_commit

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
