// What the generated CUDA C needs of NVRTC, as ordinary C++: a group's work-items run one after another in one thread, and change at barriers.
#define __global__
#define __device__
#define __shared__ static __attribute__((section("fake_group_memory")))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
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

// Tensor cores: the instructions that nabla's prelude wraps, carried out across the 32 lanes of a warp. The tables below are written after the PTX ISA, "Matrix Fragments for mma…", each for itself.
#define nabla_tensor_architecture FAKE_ARCHITECTURE
extern "C" int ilogb(double);
extern "C" double trunc(double);

static inline unsigned int nabla_ptx_tf32(float x)
{
    unsigned int bits = __float_as_uint(x), kept = bits & 0xFFFFE000u;
    if (x != x) return 0x7FFFFFFFu;
    // To nearest, ties away from zero; the carry may reach the exponent, up to infinity.
    return (bits & 0x1FFFu) >= 0x1000u ? kept + 0x2000u : kept;
}
static inline unsigned int fake_bf16(float x)
{
    unsigned int bits = __float_as_uint(x), kept = bits >> 16, rest = bits & 0xFFFFu;
    if (x != x) return 0x7FFFu;
    return rest > 0x8000u || (rest == 0x8000u && kept % 2 == 1) ? kept + 1 : kept;
}
static inline unsigned int nabla_ptx_bf16x2(float low, float high) { return fake_bf16(high) << 16 | fake_bf16(low); }

// Lanes put their operands here, then all change places once: what was put is read before the turn after the next.
struct fake_fragment { const void* instruction; unsigned long number; double a[16], b[8]; };
static fake_fragment fake_fragments[2][1024];
static unsigned long fake_instructions[1024];
static fake_fragment* fake_exchange(const void* instruction, const fake_fragment& own)
{
    unsigned int item = fake_item_index(), warp = item / 32 * 32;
    unsigned long number = ++fake_instructions[item];
    fake_fragment* all = fake_fragments[number % 2];
    all[item] = own;
    all[item].instruction = instruction;
    all[item].number = number;
    fake_barrier();
    for (int lane = 0; lane < 32; lane++)
        if (all[warp + lane].instruction != instruction || all[warp + lane].number != number) fake_trapped = 1;
    return all + warp;
}

// NVIDIA does not say how tensor cores round. Measurements (Fasi, Higham, Mikaitis, Pranesh 2021) found sums that are cut off, not rounded; here no bit is kept below the last one of the largest term.
static inline float fake_tensor_sum(const double* terms, int count)
{
    double most = 0, sum = 0;
    for (int i = 0; i < count; i++)
    {
        double size = terms[i] < 0 ? -terms[i] : terms[i];
        if (!(size <= 1.7e308)) { float plain = 0; for (int k = 0; k < count; k++) plain += (float)terms[k]; return plain; }
        if (size > most) most = size;
    }
    if (most == 0) return 0;
    int last = ilogb(most) - 23;
    for (int i = 0; i < count; i++) sum += trunc(ldexp(terms[i], -last));
    // 24 bits of the sum, towards zero.
    if (sum != 0 && ilogb(sum) > 23) { int more = ilogb(sum) - 23; sum = ldexp(trunc(ldexp(sum, -more)), more); }
    return (float)ldexp(sum, last);
}

static inline float fake_low(unsigned int pair) { return __int_as_float((int)(pair << 16)); }
static inline float fake_high(unsigned int pair) { return __int_as_float((int)(pair & 0xFFFF0000u)); }

// One 16 × 8 block over a depth of `depth`, of lanes' fragments; a_at and b_at say which lane holds an element, and where in its fragment.
struct fake_holder { int lane, place; };
template<class A, class B> static inline void fake_products(const fake_fragment* lanes, int row, int column, int depth, A a_at, B b_at, double* terms)
{
    for (int k = 0; k < depth; k++)
    {
        fake_holder x = a_at(row, k), y = b_at(k, column);
        terms[k] = lanes[x.lane].a[x.place] * lanes[y.lane].b[y.place];
    }
}
// c0 and c1 of lane 4·group + thread are columns 2·thread and 2·thread + 1 of row group; c2 and c3 of row group + 8.
template<class A, class B> static inline void fake_mma_f32(const void* instruction, float* d, const fake_fragment& own, int depth, A a_at, B b_at)
{
    const fake_fragment* lanes = fake_exchange(instruction, own);
    int lane = fake_item_index() % 32;
    for (int e = 0; e < 4; e++)
    {
        double terms[17];
        fake_products(lanes, lane / 4 + 8 * (e / 2), 2 * (lane % 4) + e % 2, depth, a_at, b_at, terms);
        terms[depth] = d[e];
        d[e] = fake_tensor_sum(terms, depth + 1);
    }
}
static inline void nabla_ptx_mma_tf32(float* d, const unsigned int* a, const unsigned int* b)
{
    static const char instruction = 0;
    fake_fragment own = {};
    // The hardware looks at 19 of the 32 bits.
    for (int i = 0; i < 4; i++) own.a[i] = __int_as_float((int)(a[i] & 0xFFFFE000u));
    for (int i = 0; i < 2; i++) own.b[i] = __int_as_float((int)(b[i] & 0xFFFFE000u));
    fake_mma_f32(&instruction, d, own, 8,
        [](int row, int k) { return fake_holder{row % 8 * 4 + k % 4, row / 8 + 2 * (k / 4)}; }, [](int k, int column) { return fake_holder{column * 4 + k % 4, k / 4}; });
}
static inline void nabla_ptx_mma_bf16(float* d, const unsigned int* a, const unsigned int* b)
{
    static const char instruction = 0;
    fake_fragment own = {};
    for (int i = 0; i < 4; i++) { own.a[2 * i] = fake_low(a[i]); own.a[2 * i + 1] = fake_high(a[i]); }
    for (int i = 0; i < 2; i++) { own.b[2 * i] = fake_low(b[i]); own.b[2 * i + 1] = fake_high(b[i]); }
    fake_mma_f32(&instruction, d, own, 16,
        [](int row, int k) { return fake_holder{row % 8 * 4 + k % 8 / 2, k % 2 + 2 * (row / 8) + 4 * (k / 8)}; }, [](int k, int column) { return fake_holder{column * 4 + k % 8 / 2, k % 2 + 2 * (k / 8)}; });
}
#if FAKE_ARCHITECTURE >= 900
static inline void nabla_ptx_mma_f64_k8(double* d, const double* a, const double* b)
{
    static const char instruction = 0;
    fake_fragment own = {};
    for (int i = 0; i < 4; i++) own.a[i] = a[i];
    for (int i = 0; i < 2; i++) own.b[i] = b[i];
    const fake_fragment* lanes = fake_exchange(&instruction, own);
    int lane = fake_item_index() % 32;
    for (int e = 0; e < 4; e++)
        for (int k = 0; k < 8; k++)
            d[e] = fma(lanes[lane / 4 * 4 + k % 4].a[e / 2 + 2 * (k / 4)], lanes[(2 * (lane % 4) + e % 2) * 4 + k % 4].b[k / 4], d[e]);
}
#else
static inline void nabla_ptx_mma_f64_k4(double* d, double a, double b)
{
    static const char instruction = 0;
    fake_fragment own = {};
    own.a[0] = a;
    own.b[0] = b;
    const fake_fragment* lanes = fake_exchange(&instruction, own);
    int lane = fake_item_index() % 32;
    for (int e = 0; e < 2; e++)
        for (int k = 0; k < 4; k++) d[e] = fma(lanes[lane / 4 * 4 + k].a[0], lanes[(2 * (lane % 4) + e) * 4 + k].b[0], d[e]);
}
#endif

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
