// What the generated CUDA C needs of NVRTC, over clang's built-in functions: enough to compile it to PTX without any package of NVIDIA.
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __align__(n) __attribute__((aligned(n)))
#define INLINE static __device__ __forceinline__

struct __align__(16) float4 { float x, y, z, w; };
struct __align__(16) double2 { double x, y; };

struct NablaPlace { unsigned int x, y, z; };
#define PART(REGISTER, AXIS) (unsigned int)__nvvm_read_ptx_sreg_##REGISTER##_##AXIS()
#define PLACE(NAME, REGISTER) INLINE NablaPlace NAME() { return { PART(REGISTER, x), PART(REGISTER, y), PART(REGISTER, z) }; }
PLACE(nabla_thread, tid)
PLACE(nabla_threads, ntid)
PLACE(nabla_block, ctaid)
PLACE(nabla_blocks, nctaid)
#define threadIdx nabla_thread()
#define blockDim nabla_threads()
#define blockIdx nabla_block()
#define gridDim nabla_blocks()

INLINE int __float_as_int(float x) { int y; __builtin_memcpy(&y, &x, 4); return y; }
INLINE unsigned int __float_as_uint(float x) { unsigned int y; __builtin_memcpy(&y, &x, 4); return y; }
INLINE float __int_as_float(int x) { float y; __builtin_memcpy(&y, &x, 4); return y; }
INLINE long long __double_as_longlong(double x) { long long y; __builtin_memcpy(&y, &x, 8); return y; }
INLINE double __longlong_as_double(long long x) { double y; __builtin_memcpy(&y, &x, 8); return y; }

INLINE int __float2int_rz(float x) { return __nvvm_f2i_rz(x); }
INLINE int __double2int_rz(double x) { return __nvvm_d2i_rz(x); }
INLINE unsigned int __float2uint_rz(float x) { return __nvvm_f2ui_rz(x); }
INLINE unsigned int __double2uint_rz(double x) { return __nvvm_d2ui_rz(x); }
INLINE long long __float2ll_rz(float x) { return __nvvm_f2ll_rz(x); }
INLINE long long __double2ll_rz(double x) { return __nvvm_d2ll_rz(x); }
INLINE unsigned long long __float2ull_rz(float x) { return __nvvm_f2ull_rz(x); }
INLINE unsigned long long __double2ull_rz(double x) { return __nvvm_d2ull_rz(x); }

INLINE int atomicAdd(int* p, int v) { return __nvvm_atom_add_gen_i(p, v); }
INLINE unsigned int atomicAdd(unsigned int* p, unsigned int v) { return (unsigned int)__nvvm_atom_add_gen_i((int*)p, (int)v); }
INLINE float atomicAdd(float* p, float v) { return __nvvm_atom_add_gen_f(p, v); }
INLINE double atomicAdd(double* p, double v) { return __nvvm_atom_add_gen_d(p, v); }
INLINE int atomicMax(int* p, int v) { return __nvvm_atom_max_gen_i(p, v); }
INLINE unsigned int atomicMax(unsigned int* p, unsigned int v) { return __nvvm_atom_max_gen_ui(p, v); }
INLINE int atomicMin(int* p, int v) { return __nvvm_atom_min_gen_i(p, v); }
INLINE unsigned int atomicMin(unsigned int* p, unsigned int v) { return __nvvm_atom_min_gen_ui(p, v); }
INLINE int atomicExch(int* p, int v) { return __nvvm_atom_xchg_gen_i(p, v); }
INLINE unsigned int atomicExch(unsigned int* p, unsigned int v) { return (unsigned int)__nvvm_atom_xchg_gen_i((int*)p, (int)v); }
INLINE int atomicCAS(int* p, int c, int v) { return __nvvm_atom_cas_gen_i(p, c, v); }
INLINE unsigned int atomicCAS(unsigned int* p, unsigned int c, unsigned int v) { return (unsigned int)__nvvm_atom_cas_gen_i((int*)p, (int)c, (int)v); }

INLINE unsigned long long __cvta_generic_to_shared(const void* p) { return (unsigned long long)(const __attribute__((address_space(3))) void*)p; }
INLINE unsigned int __umulhi(unsigned int a, unsigned int b) { return (unsigned int)(((unsigned long long)a * b) >> 32); }

#define ONE(NAME) extern "C" __device__ float NAME##f(float); extern "C" __device__ double NAME(double);
#define TWO(NAME) extern "C" __device__ float NAME##f(float, float); extern "C" __device__ double NAME(double, double);
ONE(sqrt) ONE(cbrt) ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p) ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos) ONE(atan) ONE(sinh)
ONE(cosh) ONE(tanh) ONE(asinh) ONE(acosh) ONE(atanh) ONE(floor) ONE(ceil) ONE(trunc) ONE(rint) ONE(fabs) ONE(erf) ONE(erfc) ONE(lgamma) ONE(tgamma)
TWO(atan2) TWO(pow) TWO(copysign) TWO(fmod) TWO(hypot)
extern "C" __device__ float fmaf(float, float, float);
extern "C" __device__ double fma(double, double, double);
extern "C" __device__ float ldexpf(float, int);
extern "C" __device__ double ldexp(double, int);
