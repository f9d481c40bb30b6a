namespace Nabla.Kernels;

/// <summary>What stands after <see cref="DevicePrelude.Cuda"/> in kernels that use tensor cores.</summary>
internal static class TensorPrelude
{
    /// <summary>
    /// Instructions of compute capability 8.0 and 9.0, then what they make of a pair of tiles. The tests, which have no GPU, define instructions of their own.
    /// </summary>
    /// <remarks>
    /// Fragments as the PTX ISA lays them out ("Matrix Fragments for mma.m16n8k8" and so on), with g = lane / 4 and t = lane % 4: of a, row g + 8·(e % 2) at depth t + 4·(e / 2); of b, column g at depth t + 4·e;
    /// of the result, rows g and g + 8 at columns 2·t and 2·t + 1. The pairs of bf16 stand at depths 2·t and 2·t + 1 there: here they are t and t + 4, in a and b alike, which changes the order of the sum
    /// and nothing else, so that all arithmetics read shared memory in the same way, without conflicts between banks.
    /// </remarks>
    public const string Cuda = """
        #ifndef nabla_tensor_architecture
        #define nabla_tensor_architecture __CUDA_ARCH__
        static __device__ __forceinline__ unsigned int nabla_ptx_tf32(float x) { unsigned int y; asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x)); return y; }
        static __device__ __forceinline__ unsigned int nabla_ptx_bf16x2(float low, float high) { unsigned int y; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low)); return y; }
        static __device__ __forceinline__ void nabla_ptx_mma_tf32(float* d, const unsigned int* a, const unsigned int* b)
        {
            asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
        }
        static __device__ __forceinline__ void nabla_ptx_mma_bf16(float* d, const unsigned int* a, const unsigned int* b)
        {
            asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
        }
        #if nabla_tensor_architecture >= 900
        static __device__ __forceinline__ void nabla_ptx_mma_f64_k8(double* d, const double* a, const double* b)
        {
            asm volatile("mma.sync.aligned.m16n8k8.row.col.f64.f64.f64.f64 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                : "+d"(d[0]), "+d"(d[1]), "+d"(d[2]), "+d"(d[3]) : "d"(a[0]), "d"(a[1]), "d"(a[2]), "d"(a[3]), "d"(b[0]), "d"(b[1]));
        }
        #else
        static __device__ __forceinline__ void nabla_ptx_mma_f64_k4(double* d, double a, double b)
        {
            asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+d"(d[0]), "+d"(d[1]) : "d"(a), "d"(b));
        }
        #endif
        #endif

        // A lane's element of an operand: of line `line` plus its g, at depth `depth` plus its t, where TensorCores.Place has it.
        static __device__ __forceinline__ float nabla_tensor_at(const float* tile, int wide, int line, int depth)
        {
            int l = line + (int)(threadIdx.x % 32 / 4), d = depth + (int)(threadIdx.x % 4);
            return wide == 0 ? tile[l * 16 + (d ^ l / 2 % 4 * 4)] : tile[d * wide + (l ^ d % 4 * 8)];
        }
        static __device__ __forceinline__ double nabla_tensor_at(const double* tile, int wide, int line, int depth)
        {
            int l = line + (int)(threadIdx.x % 32 / 4), d = depth + (int)(threadIdx.x % 4);
            return wide == 0 ? tile[l * 8 + (d ^ l / 2 % 2 * 4)] : tile[d * wide + (l ^ d % 4 * 4)];
        }

        template<int ROWS, int COLUMNS> static __device__ __forceinline__ void nabla_tensor_tf32(const float* a, int wideA, const float* b, int wideB, float* sum)
        {
            #pragma unroll
            for (int p = 0; p < 16; p += 8)
            {
                unsigned int left[4], right[COLUMNS][2];
                #pragma unroll
                for (int j = 0; j < COLUMNS; j++)
                    #pragma unroll
                    for (int e = 0; e < 2; e++) right[j][e] = nabla_ptx_tf32(nabla_tensor_at(b, wideB, 8 * j, p + 4 * e));
                #pragma unroll
                for (int i = 0; i < ROWS; i++)
                {
                    #pragma unroll
                    for (int e = 0; e < 4; e++) left[e] = nabla_ptx_tf32(nabla_tensor_at(a, wideA, 16 * i + e % 2 * 8, p + e / 2 * 4));
                    #pragma unroll
                    for (int j = 0; j < COLUMNS; j++) nabla_ptx_mma_tf32(sum + 4 * (i * COLUMNS + j), left, right[j]);
                }
            }
        }

        static __device__ __forceinline__ void nabla_tensor_split(float x, unsigned int& big, unsigned int& rest)
        {
            big = nabla_ptx_tf32(x);
            rest = nabla_ptx_tf32(x - as_float(big));
        }

        // The blocks of a row of them are independent chains of sums: an instruction waits for the one before it in its chain.
        template<int ROWS, int COLUMNS> static __device__ __forceinline__ void nabla_tensor_tf32_split(const float* a, int wideA, const float* b, int wideB, float* sum)
        {
            unsigned int right[2][COLUMNS][2], rightRest[2][COLUMNS][2];
            #pragma unroll
            for (int j = 0; j < COLUMNS; j++)
                #pragma unroll
                for (int e = 0; e < 4; e++) nabla_tensor_split(nabla_tensor_at(b, wideB, 8 * j, 4 * e), right[e / 2][j][e % 2], rightRest[e / 2][j][e % 2]);
            #pragma unroll
            for (int i = 0; i < ROWS; i++)
            {
                unsigned int left[2][4], leftRest[2][4];
                float part[4 * COLUMNS];
                #pragma unroll
                for (int e = 0; e < 8; e++) nabla_tensor_split(nabla_tensor_at(a, wideA, 16 * i + e % 2 * 8, e / 2 * 4), left[e / 4][e % 4], leftRest[e / 4][e % 4]);
                #pragma unroll
                for (int q = 0; q < 4 * COLUMNS; q++) part[q] = 0;
                #pragma unroll
                for (int step = 0; step < 6; step++)
                    #pragma unroll
                    for (int j = 0; j < COLUMNS; j++)
                        nabla_ptx_mma_tf32(part + 4 * j, step < 2 ? leftRest[step % 2] : left[step % 2], step / 2 == 1 ? rightRest[step % 2][j] : right[step % 2][j]);
                #pragma unroll
                for (int q = 0; q < 4 * COLUMNS; q++) sum[4 * i * COLUMNS + q] += part[q];
            }
        }

        template<int ROWS, int COLUMNS> static __device__ __forceinline__ void nabla_tensor_bf16(const float* a, int wideA, const float* b, int wideB, float* sum)
        {
            unsigned int left[4], right[COLUMNS][2];
            #pragma unroll
            for (int j = 0; j < COLUMNS; j++)
                #pragma unroll
                for (int e = 0; e < 2; e++) right[j][e] = nabla_ptx_bf16x2(nabla_tensor_at(b, wideB, 8 * j, 8 * e), nabla_tensor_at(b, wideB, 8 * j, 8 * e + 4));
            #pragma unroll
            for (int i = 0; i < ROWS; i++)
            {
                #pragma unroll
                for (int e = 0; e < 4; e++)
                    left[e] = nabla_ptx_bf16x2(nabla_tensor_at(a, wideA, 16 * i + e % 2 * 8, e / 2 * 8), nabla_tensor_at(a, wideA, 16 * i + e % 2 * 8, e / 2 * 8 + 4));
                #pragma unroll
                for (int j = 0; j < COLUMNS; j++) nabla_ptx_mma_bf16(sum + 4 * (i * COLUMNS + j), left, right[j]);
            }
        }

        template<int ROWS, int COLUMNS> static __device__ __forceinline__ void nabla_tensor_f64(const double* a, int wideA, const double* b, int wideB, double* sum)
        {
            double left[4], right[COLUMNS][2];
            #pragma unroll
            for (int j = 0; j < COLUMNS; j++)
                #pragma unroll
                for (int e = 0; e < 2; e++) right[j][e] = nabla_tensor_at(b, wideB, 8 * j, 4 * e);
            #pragma unroll
            for (int i = 0; i < ROWS; i++)
            {
                #pragma unroll
                for (int e = 0; e < 4; e++) left[e] = nabla_tensor_at(a, wideA, 16 * i + e % 2 * 8, e / 2 * 4);
                #pragma unroll
                for (int j = 0; j < COLUMNS; j++)
                {
        #if nabla_tensor_architecture >= 900
                    nabla_ptx_mma_f64_k8(sum + 4 * (i * COLUMNS + j), left, right[j]);
        #else
                    #pragma unroll
                    for (int e = 0; e < 4; e++) nabla_ptx_mma_f64_k4(sum + 4 * (i * COLUMNS + j) + e % 2 * 2, left[e], right[j][e / 2]);
        #endif
                }
            }
        }

        """;
}
