using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// y = A·x for symmetric A of which only the upper triangle is read, each element once: it serves its row and its column. Rows are cut into
/// parts of about equal area by the size alone; each part sums into a vector of its own, and these are added in order.
/// </summary>
internal static unsafe class SymmetricProduct
{
    private const int PartElements = 1 << 15;
    private const int MaxParts = 16;
    private const int RowsAtOnce = 4;

    /// <summary>Elements of scratch for a matrix of n rows.</summary>
    public static long ScratchElements(nint n) => Parts(n) * n;

    private static int Parts(nint n) => (int)Math.Clamp(n * n / 2 / PartElements, 1, MaxParts);

    /// <summary>Multiplies the n × n matrix with rows <paramref name="stride"/> apart.</summary>
    public static void Run(double* a, nint stride, nint n, double* x, double* y, double* scratch)
    {
        var job = new Job { A = a, X = x, Sums = scratch, Stride = stride, N = n, Parts = Parts(n) };
        Linalg.RunParts(ref job, job.Parts, n * n / job.Parts * 8);
        new Span<double>(scratch, (int)n).CopyTo(new Span<double>(y, (int)n));
        for (int part = 1; part < job.Parts; part++)
        {
            nint from = job.Start(part);
            VectorKernel<double>.AddMultiple(y + from, scratch + part * n + from, 1, n - from);
        }
    }

    private struct Job : IParallelJob
    {
        public double* A, X, Sums;
        public nint Stride, N;
        public int Parts;

        /// <summary>First row of a part.</summary>
        public readonly nint Start(int part) =>
            part == Parts ? N : (nint)(N * (1 - Math.Sqrt(1 - (double)part / Parts))) / RowsAtOnce * RowsAtOnce;

        public readonly void Run(int part)
        {
            nint from = Start(part), to = Start(part + 1);
            double* sums = Sums + part * N;
            new Span<double>(sums + from, (int)(N - from)).Clear();
            if (GemmConfig.Path == GemmPath.Avx512) Rows<Vector512<double>, Simd512<double>>(sums, from, to);
            else if (GemmConfig.Path == GemmPath.Avx2) Rows<Vector256<double>, Simd256<double>>(sums, from, to);
            else Rows<Vector128<double>, Simd128<double>>(sums, from, to);
        }

        private readonly void Rows<V, S>(double* sums, nint from, nint to) where V : unmanaged where S : struct, IGemmVector<double, V>
        {
            nint i = from;
            for (; i + RowsAtOnce <= to; i += RowsAtOnce)
            {
                Corner(sums, i, RowsAtOnce);
                nint next = i + RowsAtOnce;
                FourRows<V, S>(A + i * Stride + next, Stride, X + i, X + next, sums + i, sums + next, N - next);
            }
            // Fewer than four rows are the last of all, or fewer than four before the next part.
            for (; i < to; i++)
                for (nint j = i; j < N; j++)
                {
                    sums[i] += A[i * Stride + j] * X[j];
                    if (j > i) sums[j] += A[i * Stride + j] * X[i];
                }
        }

        // The square of these rows and the same columns.
        private readonly void Corner(double* sums, nint from, nint count)
        {
            for (nint i = from; i < from + count; i++)
            {
                double* row = A + i * Stride;
                double sum = row[i] * X[i];
                for (nint j = i + 1; j < from + count; j++)
                {
                    sum += row[j] * X[j];
                    sums[j] += row[j] * X[i];
                }
                sums[i] += sum;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void FourRows<V, S>(double* a, nint stride, double* xRows, double* x, double* yRows, double* y, nint count)
            where V : unmanaged where S : struct, IGemmVector<double, V>
        {
            double* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride;
            V x0 = S.Broadcast(xRows), x1 = S.Broadcast(xRows + 1), x2 = S.Broadcast(xRows + 2), x3 = S.Broadcast(xRows + 3);
            V s0 = default, s1 = default, s2 = default, s3 = default;
            nint j = 0;
            for (; j + S.Width <= count; j += S.Width)
            {
                V u = S.Load(x + j), sum = S.Load(y + j), r = S.Load(a + j);
                s0 = S.MultiplyAdd(r, u, s0);
                sum = S.MultiplyAdd(r, x0, sum);
                r = S.Load(a1 + j);
                s1 = S.MultiplyAdd(r, u, s1);
                sum = S.MultiplyAdd(r, x1, sum);
                r = S.Load(a2 + j);
                s2 = S.MultiplyAdd(r, u, s2);
                sum = S.MultiplyAdd(r, x2, sum);
                r = S.Load(a3 + j);
                s3 = S.MultiplyAdd(r, u, s3);
                S.Store(y + j, S.MultiplyAdd(r, x3, sum));
            }
            (double t0, double t1, double t2, double t3) = (S.Sum(s0), S.Sum(s1), S.Sum(s2), S.Sum(s3));
            for (; j < count; j++)
            {
                t0 += a[j] * x[j];
                t1 += a1[j] * x[j];
                t2 += a2[j] * x[j];
                t3 += a3[j] * x[j];
                y[j] += a[j] * xRows[0] + a1[j] * xRows[1] + (a2[j] * xRows[2] + a3[j] * xRows[3]);
            }
            (yRows[0], yRows[1], yRows[2], yRows[3]) = (yRows[0] + t0, yRows[1] + t1, yRows[2] + t2, yRows[3] + t3);
        }
    }
}
