namespace Nabla.Kernels;

/// <summary>
/// What stands before every kernel: functions with C#'s meaning where C's is another one or open (maxima of NaN and of ±0, signs, atomics on floats), and no
/// contraction of products and sums, so that a kernel rounds where its C# source does.
/// </summary>
internal static class DevicePrelude
{
    /// <summary>For OpenCL C 1.2.</summary>
    public const string OpenCl = """
        #pragma OPENCL FP_CONTRACT OFF
        #ifdef cl_khr_fp64
        #pragma OPENCL EXTENSION cl_khr_fp64 : enable
        #endif
        #define nabla_store(c, at, value) c[at] = value
        #define nabla_copy_one(to, from, inside) *(to) = (inside) ? *(from) : 0
        #define nabla_copy_four(to, from, inside) for (int nabla_i = 0; nabla_i < 4; nabla_i++) (to)[nabla_i] = nabla_i < (inside) ? (from)[nabla_i] : 0
        #define nabla_copy_commit() (void)0
        #define nabla_copy_wait(pending) (void)0

        static inline int nabla_grid_linearindex() { return (int)((get_group_id(2) * get_num_groups(1) + get_group_id(1)) * get_num_groups(0) + get_group_id(0)); }
        static inline int nabla_group_linearindex() { return (int)((get_local_id(2) * get_local_size(1) + get_local_id(1)) * get_local_size(0) + get_local_id(0)); }
        static inline int nabla_grid_globallinearindex() { return nabla_grid_linearindex() * (int)(get_local_size(0) * get_local_size(1) * get_local_size(2)) + nabla_group_linearindex(); }

        #define FLOATS_OF(T, S) \
            static inline T nabla_max_##S(T a, T b) { return a != b ? (isnan(a) || b < a ? a : b) : (signbit(b) ? a : b); } \
            static inline T nabla_min_##S(T a, T b) { return a != b ? (isnan(a) || a < b ? a : b) : (signbit(a) ? a : b); } \
            static inline T nabla_max_number_##S(T a, T b) { return isnan(a) ? b : isnan(b) ? a : nabla_max_##S(a, b); } \
            static inline T nabla_min_number_##S(T a, T b) { return isnan(a) ? b : isnan(b) ? a : nabla_min_##S(a, b); } \
            static inline int nabla_sign_##S(T a) { return (a > 0) - (a < 0); } \
            static inline bool nabla_is_negative_##S(T a) { return signbit(a) != 0; } \
            static inline bool nabla_is_finite_##S(T a) { return isfinite(a) != 0; } \
            static inline bool nabla_is_infinity_##S(T a) { return isinf(a) != 0; } \
            static inline bool nabla_is_nan_##S(T a) { return isnan(a) != 0; }
        #define INTEGERS_OF(T, S) \
            static inline T nabla_max_##S(T a, T b) { return a > b ? a : b; } \
            static inline T nabla_min_##S(T a, T b) { return a < b ? a : b; } \
            static inline T nabla_max_number_##S(T a, T b) { return a > b ? a : b; } \
            static inline T nabla_min_number_##S(T a, T b) { return a < b ? a : b; } \
            static inline int nabla_sign_##S(T a) { return (a > 0) - (a < 0); } \
            static inline T nabla_abs_##S(T a) { return a < 0 ? (T)(0 - a) : a; } \
            static inline bool nabla_is_negative_##S(T a) { return a < 0; } \
            static inline bool nabla_is_finite_##S(T a) { return true; } \
            static inline bool nabla_is_infinity_##S(T a) { return false; } \
            static inline bool nabla_is_nan_##S(T a) { return false; }
        FLOATS_OF(float, f32)
        #ifdef cl_khr_fp64
        FLOATS_OF(double, f64)
        #endif
        INTEGERS_OF(int, i32)
        INTEGERS_OF(long, i64)
        INTEGERS_OF(uint, u32)
        INTEGERS_OF(ulong, u64)
        INTEGERS_OF(short, i16)
        INTEGERS_OF(ushort, u16)
        INTEGERS_OF(char, i8)
        INTEGERS_OF(uchar, u8)

        #define ATOMICS_OF(T, S, Q, SPACE) \
            static inline T nabla_atomic_add_##S##_##Q(volatile SPACE T* p, T v) { return atomic_add(p, v); } \
            static inline T nabla_atomic_max_##S##_##Q(volatile SPACE T* p, T v) { return atomic_max(p, v); } \
            static inline T nabla_atomic_min_##S##_##Q(volatile SPACE T* p, T v) { return atomic_min(p, v); } \
            static inline T nabla_atomic_exchange_##S##_##Q(volatile SPACE T* p, T v) { return atomic_xchg(p, v); } \
            static inline T nabla_atomic_compare_exchange_##S##_##Q(volatile SPACE T* p, T c, T v) { return atomic_cmpxchg(p, c, v); }
        ATOMICS_OF(int, i32, global, __global)
        ATOMICS_OF(int, i32, shared, __local)
        ATOMICS_OF(uint, u32, global, __global)
        ATOMICS_OF(uint, u32, shared, __local)
        #define ATOMIC_ADD_OF(T, U, S, Q, SPACE, SWAP, AS_T, AS_U) \
            static inline T nabla_atomic_add_##S##_##Q(volatile SPACE T* p, T v) \
            { \
                U seen = *(volatile SPACE U*)p, before; \
                do { before = seen; seen = SWAP((volatile SPACE U*)p, before, AS_U(AS_T(before) + v)); } while (seen != before); \
                return AS_T(before); \
            }
        ATOMIC_ADD_OF(float, uint, f32, global, __global, atomic_cmpxchg, as_float, as_uint)
        ATOMIC_ADD_OF(float, uint, f32, shared, __local, atomic_cmpxchg, as_float, as_uint)
        #if defined(cl_khr_fp64) && defined(cl_khr_int64_base_atomics)
        #pragma OPENCL EXTENSION cl_khr_int64_base_atomics : enable
        ATOMIC_ADD_OF(double, ulong, f64, global, __global, atom_cmpxchg, as_double, as_ulong)
        ATOMIC_ADD_OF(double, ulong, f64, shared, __local, atom_cmpxchg, as_double, as_ulong)
        #endif

        """;

    /// <summary>
    /// After <see cref="Cuda"/>, for kernels with an <see cref="AsyncCopy"/>. Copies of 16 bytes leave the first cache alone. The tests, which have no GPU, define functions of their own.
    /// </summary>
    public const string CudaCopies = """
        #if __CUDA_ARCH__ >= 800
        #define COPY_OF(SIZE, CACHE) \
            static __device__ __forceinline__ void nabla_copy_##SIZE(void* to, const void* from, int bytes) \
            { \
                asm volatile("cp.async." CACHE ".shared.global [%0], [%1], " #SIZE ", %2;" :: "r"((unsigned int)__cvta_generic_to_shared(to)), "l"(from), "r"(bytes) : "memory"); \
            }
        COPY_OF(4, "ca")
        COPY_OF(8, "ca")
        COPY_OF(16, "cg")
        static __device__ __forceinline__ void nabla_copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
        template<int PENDING> static __device__ __forceinline__ void nabla_copy_wait() { asm volatile("cp.async.wait_group %0;" :: "n"(PENDING) : "memory"); }
        #elif !defined(nabla_copy_commit)
        #define COPY_OF(SIZE, T) \
            static __device__ __forceinline__ void nabla_copy_##SIZE(void* to, const void* from, int bytes) \
            { \
                if (bytes == SIZE) *(T*)to = *(const T*)from; \
                else for (int i = 0; i < SIZE; i += 4) ((int*)to)[i / 4] = i < bytes ? ((const int*)from)[i / 4] : 0; \
            }
        COPY_OF(4, int)
        COPY_OF(8, double)
        COPY_OF(16, float4)
        static __device__ __forceinline__ void nabla_copy_commit() { }
        template<int PENDING> static __device__ __forceinline__ void nabla_copy_wait() { }
        #endif
        template<class T> static __device__ __forceinline__ void nabla_copy_one(T* to, const T* from, bool inside)
        {
            if (sizeof(T) == 4) nabla_copy_4(to, from, inside ? 4 : 0);
            else nabla_copy_8(to, from, inside ? 8 : 0);
        }
        template<class T> static __device__ __forceinline__ void nabla_copy_four(T* to, const T* from, int inside)
        {
            if (sizeof(T) == 4) nabla_copy_16(to, from, 4 * inside);
            else
            {
                nabla_copy_16(to, from, inside < 2 ? 8 * inside : 16);
                nabla_copy_16(to + 2, from + 2, inside > 2 ? 8 * inside - 16 : 0);
            }
        }

        """;

    /// <summary>For CUDA C, compiled by NVRTC without contraction (<c>--fmad=false</c>).</summary>
    public const string Cuda = """
        #ifndef INFINITY
        #define INFINITY __int_as_float(0x7f800000)
        #endif
        #ifndef NAN
        #define NAN __int_as_float(0x7fffffff)
        #endif
        #define as_int(x) __float_as_int(x)
        #define as_uint(x) __float_as_uint(x)
        #define as_float(x) __int_as_float((int)(x))
        #define as_long(x) __double_as_longlong(x)
        #define as_ulong(x) ((unsigned long long)__double_as_longlong(x))
        #define as_double(x) __longlong_as_double((long long)(x))
        #define nabla_store(c, at, value) c[at] = value

        template<class T> static __device__ __forceinline__ void nabla_move4(T* to, const T* from)
        {
            if (sizeof(T) == 4) *(float4*)to = *(const float4*)from;
            else if (sizeof(T) == 8)
            {
                ((double2*)to)[0] = ((const double2*)from)[0];
                ((double2*)to)[1] = ((const double2*)from)[1];
            }
            else for (int i = 0; i < 4; i++) to[i] = from[i];
        }

        static __device__ __forceinline__ int nabla_grid_linearindex() { return (int)((blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x); }
        static __device__ __forceinline__ int nabla_group_linearindex() { return (int)((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x); }
        static __device__ __forceinline__ int nabla_grid_globallinearindex() { return nabla_grid_linearindex() * (int)(blockDim.x * blockDim.y * blockDim.z) + nabla_group_linearindex(); }

        static __device__ __forceinline__ bool nabla_is_negative_f32(float a) { return __float_as_int(a) < 0; }
        static __device__ __forceinline__ bool nabla_is_negative_f64(double a) { return __double_as_longlong(a) < 0; }
        #define FLOATS_OF(T, S) \
            static __device__ __forceinline__ bool nabla_is_nan_##S(T a) { return a != a; } \
            static __device__ __forceinline__ bool nabla_is_finite_##S(T a) { return a - a == a - a; } \
            static __device__ __forceinline__ bool nabla_is_infinity_##S(T a) { return a == a && a - a != a - a; } \
            static __device__ __forceinline__ T nabla_max_##S(T a, T b) { return a != b ? (a != a || b < a ? a : b) : (nabla_is_negative_##S(b) ? a : b); } \
            static __device__ __forceinline__ T nabla_min_##S(T a, T b) { return a != b ? (a != a || a < b ? a : b) : (nabla_is_negative_##S(a) ? a : b); } \
            static __device__ __forceinline__ T nabla_max_number_##S(T a, T b) { return a != a ? b : b != b ? a : nabla_max_##S(a, b); } \
            static __device__ __forceinline__ T nabla_min_number_##S(T a, T b) { return a != a ? b : b != b ? a : nabla_min_##S(a, b); } \
            static __device__ __forceinline__ int nabla_sign_##S(T a) { return (a > 0) - (a < 0); }
        #define INTEGERS_OF(T, S) \
            static __device__ __forceinline__ T nabla_max_##S(T a, T b) { return a > b ? a : b; } \
            static __device__ __forceinline__ T nabla_min_##S(T a, T b) { return a < b ? a : b; } \
            static __device__ __forceinline__ T nabla_max_number_##S(T a, T b) { return a > b ? a : b; } \
            static __device__ __forceinline__ T nabla_min_number_##S(T a, T b) { return a < b ? a : b; } \
            static __device__ __forceinline__ int nabla_sign_##S(T a) { return (a > 0) - (a < 0); } \
            static __device__ __forceinline__ T nabla_abs_##S(T a) { return a < 0 ? (T)(0 - a) : a; } \
            static __device__ __forceinline__ bool nabla_is_negative_##S(T a) { return a < 0; } \
            static __device__ __forceinline__ bool nabla_is_finite_##S(T a) { return true; } \
            static __device__ __forceinline__ bool nabla_is_infinity_##S(T a) { return false; } \
            static __device__ __forceinline__ bool nabla_is_nan_##S(T a) { return false; }
        FLOATS_OF(float, f32)
        FLOATS_OF(double, f64)
        INTEGERS_OF(int, i32)
        INTEGERS_OF(long long, i64)
        INTEGERS_OF(unsigned int, u32)
        INTEGERS_OF(unsigned long long, u64)
        INTEGERS_OF(short, i16)
        INTEGERS_OF(unsigned short, u16)
        INTEGERS_OF(signed char, i8)
        INTEGERS_OF(unsigned char, u8)

        static __device__ __forceinline__ int nabla_to_int(float x) { return x != x ? 0 : __float2int_rz(x); }
        static __device__ __forceinline__ int nabla_to_int(double x) { return x != x ? 0 : __double2int_rz(x); }
        static __device__ __forceinline__ unsigned int nabla_to_unsigned_int(float x) { return x != x ? 0 : __float2uint_rz(x); }
        static __device__ __forceinline__ unsigned int nabla_to_unsigned_int(double x) { return x != x ? 0 : __double2uint_rz(x); }
        static __device__ __forceinline__ long long nabla_to_long_long(float x) { return x != x ? 0 : __float2ll_rz(x); }
        static __device__ __forceinline__ long long nabla_to_long_long(double x) { return x != x ? 0 : __double2ll_rz(x); }
        static __device__ __forceinline__ unsigned long long nabla_to_unsigned_long_long(float x) { return x != x ? 0 : __float2ull_rz(x); }
        static __device__ __forceinline__ unsigned long long nabla_to_unsigned_long_long(double x) { return x != x ? 0 : __double2ull_rz(x); }

        #define ATOMICS_OF(T, S) \
            static __device__ __forceinline__ T nabla_atomic_max_##S(T* p, T v) { return atomicMax(p, v); } \
            static __device__ __forceinline__ T nabla_atomic_min_##S(T* p, T v) { return atomicMin(p, v); } \
            static __device__ __forceinline__ T nabla_atomic_exchange_##S(T* p, T v) { return atomicExch(p, v); } \
            static __device__ __forceinline__ T nabla_atomic_compare_exchange_##S(T* p, T c, T v) { return atomicCAS(p, c, v); }
        ATOMICS_OF(int, i32)
        ATOMICS_OF(unsigned int, u32)
        static __device__ __forceinline__ int nabla_atomic_add_i32(int* p, int v) { return atomicAdd(p, v); }
        static __device__ __forceinline__ unsigned int nabla_atomic_add_u32(unsigned int* p, unsigned int v) { return atomicAdd(p, v); }
        static __device__ __forceinline__ float nabla_atomic_add_f32(float* p, float v) { return atomicAdd(p, v); }
        static __device__ __forceinline__ double nabla_atomic_add_f64(double* p, double v) { return atomicAdd(p, v); }

        """;
}
