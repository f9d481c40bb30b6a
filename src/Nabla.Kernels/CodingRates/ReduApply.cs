using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>F, k and m of the operators of a ReduNet layer, and where each of its matrices lies.</summary>
internal readonly unsafe struct ReduSizes(DenseTensor operators)
{
    public readonly int Blocks = operators.Shape[0], Classes = operators.Shape[1] - 1, Size = operators.Shape[2];

    public nint Square => (nint)Size * Size;

    /// <summary>Numbers that all operators make of one sample.</summary>
    public int Stacked => Blocks * (Classes + 1) * Size;

    public nint At(int block, int which) => (block * (Classes + 1) + which) * Square;

    public MatrixView<T> Matrix<T>(T* operators, int block, int which) where T : unmanaged, IFloatingPointIeee754<T> => new(operators + At(block, which), Size, Size, Size, 1);
}

/// <summary>A few rows: all operators in one product, then gates, combination and length while the product is in the cache.</summary>
/// <param name="sizes">F, k, m.</param>
/// <param name="n">Samples.</param>
/// <param name="rows">The samples, which are replaced.</param>
/// <param name="stacked">The operators of a block side by side, [F, m, k + 1, m].</param>
/// <param name="shares">γ_j.</param>
/// <param name="step">η and λ, and what is left out.</param>
/// <param name="gates">π, [n, k].</param>
internal readonly unsafe struct ReduApplyJob<T>(ReduSizes sizes, int n, T* rows, T* stacked, double* shares, ReduStep step, T* gates) : IParallelJob
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int RowBytes = 192 << 10;

    /// <summary>Rows of a part.</summary>
    public int Height { get; } = Math.Clamp(RowBytes / (sizes.Stacked * sizeof(T)) / 14 * 14, 14, 252);

    public int Parts => (n + Height - 1) / Height;

    public void Run(int part)
    {
        int first = part * Height, count = Math.Min(Height, n - first), own = sizes.Blocks * sizes.Size;
        T* buffer = Scratch.Get<T>(Scratch.Slot.RateRows, (long)Height * sizes.Stacked), at = rows + (nint)first * own, gate = gates + (nint)first * sizes.Classes;
        for (int block = 0; block < sizes.Blocks; block++)
            MatMul.RunOne(at + block * sizes.Size, stacked + sizes.At(block, 0), buffer + (nint)block * (sizes.Classes + 1) * sizes.Size, new GemmProblem(
                count, (sizes.Classes + 1) * sizes.Size, sizes.Size, own, 1, (sizes.Classes + 1) * sizes.Size, 1, sizes.Stacked));
        if (GemmConfig.Path == GemmPath.Avx512) Finish<Vector512<T>, Simd512<T>>(at, buffer, gate, count);
        else if (GemmConfig.Path == GemmPath.Avx2) Finish<Vector256<T>, Simd256<T>>(at, buffer, gate, count);
        else Finish<Vector128<T>, Simd128<T>>(at, buffer, gate, count);
    }

    private void Finish<V, S>(T* at, T* products, T* gate, int count) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        if (!step.GivenGates && sizes.Classes > 0) Gates<V, S>(products, gate, count);
        int own = sizes.Blocks * sizes.Size;
        T* weights = stackalloc T[sizes.Classes + 1];
        weights[0] = T.CreateTruncating(step.Step);
        for (int i = 0; i < count; i++, at += own, gate += sizes.Classes, products += sizes.Stacked)
        {
            for (int j = 0; j < sizes.Classes; j++) weights[j + 1] = gate[j] * T.CreateTruncating(-step.Step * shares[j]);
            T square = T.Zero;
            for (int block = 0; block < sizes.Blocks; block++) square += Combine<V, S>(at + block * sizes.Size, products + (nint)block * (sizes.Classes + 1) * sizes.Size, weights);
            if (step.Normalize && square > T.Zero) TensorPrimitives.Multiply(new ReadOnlySpan<T>(at, own), T.One / T.Sqrt(square), new Span<T>(at, own));
        }
    }

    // π = softmax(−λ‖C_j z‖); the smallest norm is taken off first, so that no exponential overflows.
    private void Gates<V, S>(T* products, T* gate, int count) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        var all = new Span<T>(gate, count * sizes.Classes);
        for (int i = 0; i < count; i++) Squares<V, S>(products + (nint)i * sizes.Stacked, gate + (nint)i * sizes.Classes);
        TensorPrimitives.Sqrt(all, all);
        T rate = T.CreateTruncating(-step.Gate);
        T* at = gate;
        for (int i = 0; i < count; i++, at += sizes.Classes)
        {
            T smallest = T.PositiveInfinity;
            for (int j = 0; j < sizes.Classes; j++)
                if (shares[j] > 0 && at[j] < smallest) smallest = at[j];
            for (int j = 0; j < sizes.Classes; j++) at[j] = shares[j] > 0 ? rate * (at[j] - smallest) : T.NegativeInfinity;
        }
        SimdMath.Exp<T>(all, all);
        for (int i = 0; i < count; i++, gate += sizes.Classes)
        {
            T sum = T.Zero;
            for (int j = 0; j < sizes.Classes; j++) sum += gate[j];
            for (int j = 0; j < sizes.Classes; j++) gate[j] /= sum;
        }
    }

    // ‖C_j z‖² of every class, four at a time; the last four may begin with some of those before.
    private void Squares<V, S>(T* products, T* squares) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        int classes = sizes.Classes;
        if (classes < 4)
        {
            T* four = stackalloc T[4];
            Four<V, S>(products, 1, Math.Min(2, classes), Math.Min(3, classes), classes, four);
            new Span<T>(four, classes).CopyTo(new Span<T>(squares, classes));
            return;
        }
        for (int j = 0; j < classes; j += 4)
        {
            int from = Math.Min(j, classes - 4);
            Four<V, S>(products, from + 1, from + 2, from + 3, from + 4, squares + from);
        }
    }

    private void Four<V, S>(T* products, int j0, int j1, int j2, int j3, T* squares) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        V a = default, b = default, c = default, d = default;
        int m = sizes.Size, whole = m / S.Width * S.Width, left = m - whole;
        V mask = left > 0 ? S.Mask(left) : default;
        for (int block = 0; block < sizes.Blocks; block++, products += (sizes.Classes + 1) * m)
        {
            T* x = products + j0 * m, y = products + j1 * m, z = products + j2 * m, w = products + j3 * m;
            for (int i = 0; i < whole; i += S.Width)
            {
                a = Square(S.Load(x + i), a);
                b = Square(S.Load(y + i), b);
                c = Square(S.Load(z + i), c);
                d = Square(S.Load(w + i), d);
            }
            if (left == 0) continue;
            a = Square(S.LoadPart(x + whole, mask, left), a);
            b = Square(S.LoadPart(y + whole, mask, left), b);
            c = Square(S.LoadPart(z + whole, mask, left), c);
            d = Square(S.LoadPart(w + whole, mask, left), d);
        }
        S.StoreSums(squares, a, b, c, d);

        static V Square(V x, V sum) => S.MultiplyAdd(x, x, sum);
    }

    // z := z + Σ_j w_j·y_j, y_0 = E z; returns ‖z‖².
    private T Combine<V, S>(T* z, T* y, T* weights) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        int m = sizes.Size, i = 0;
        V squares = default;
        for (; i + 4 * S.Width <= m; i += 4 * S.Width)
        {
            V a = default, b = default, c = default, d = default;
            if (step.Residual) (a, b, c, d) = (S.Load(z + i), S.Load(z + i + S.Width), S.Load(z + i + 2 * S.Width), S.Load(z + i + 3 * S.Width));
            T* next = y + i;
            for (int j = 0; j <= sizes.Classes; j++, next += m)
            {
                V weight = S.Broadcast(weights + j);
                a = S.MultiplyAdd(weight, S.Load(next), a);
                b = S.MultiplyAdd(weight, S.Load(next + S.Width), b);
                c = S.MultiplyAdd(weight, S.Load(next + 2 * S.Width), c);
                d = S.MultiplyAdd(weight, S.Load(next + 3 * S.Width), d);
            }
            S.Store(z + i, a);
            S.Store(z + i + S.Width, b);
            S.Store(z + i + 2 * S.Width, c);
            S.Store(z + i + 3 * S.Width, d);
            squares = S.MultiplyAdd(a, a, S.MultiplyAdd(b, b, S.MultiplyAdd(c, c, S.MultiplyAdd(d, d, squares))));
        }
        for (; i < m; i += S.Width)
        {
            int count = Math.Min(S.Width, m - i);
            V mask = S.Mask(count), sum = step.Residual ? S.LoadPart(z + i, mask, count) : default;
            for (int j = 0; j <= sizes.Classes; j++) sum = S.MultiplyAdd(S.Broadcast(weights + j), S.LoadPart(y + i + j * m, mask, count), sum);
            S.StorePart(z + i, sum, mask, count);
            squares = S.MultiplyAdd(sum, sum, squares);
        }
        return S.Sum(squares);
    }
}
