using System.Numerics;

namespace Nabla.Kernels;

/// <summary>The products of a batch, cut into parts of several small ones, or of one large one that is itself shared between threads.</summary>
internal interface IBatch : IParallelJob
{
    /// <summary>Number of parts.</summary>
    int Parts { get; }

    /// <summary>True if parts go to different threads; else each product may use all threads.</summary>
    bool SharesEntries { get; }
}

/// <summary>Where the operands of each product lie; axes are triples (size, stride of A, stride of B).</summary>
internal readonly unsafe struct BatchWalk<T>(
    DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem problem, long* axes, int rank, long entries, MatMulEpilogue? epilogue) where T : unmanaged
{
    private readonly T* _a = a.Pointer<T>(), _b = b.Pointer<T>(), _c = c.Pointer<T>();

    public readonly GemmProblem Problem = problem;
    public readonly long Entries = entries;
    public readonly MatMulEpilogue? Epilogue = epilogue;

    public long EntriesPerPart => Math.Max(1, GemmConfig.BatchPart / Problem.Work);

    public int Parts => checked((int)((Entries + EntriesPerPart - 1) / EntriesPerPart));

    public bool SharesEntries => Entries > 1 && Problem.Work < GemmConfig.ParallelFrom;

    /// <summary>Calls the epilogue for the entries of a part together.</summary>
    public void Finish(int part)
    {
        long first = part * EntriesPerPart, end = Math.Min(Entries, first + EntriesPerPart);
        Epilogue?.Run(first * Problem.M, (nint)((end - first) * Problem.M), 0, (nint)Problem.N);
    }

    public void Find(long entry, out T* a, out T* b, out T* c)
    {
        a = _a;
        b = _b;
        c = _c + entry * Problem.M * Problem.N;
        for (int axis = rank - 1; axis >= 0; axis--)
        {
            (entry, long index) = Math.DivRem(entry, axes[3 * axis]);
            a += index * axes[3 * axis + 1];
            b += index * axes[3 * axis + 2];
        }
    }
}

/// <summary>f32 and f64.</summary>
internal readonly unsafe struct FloatBatch<T>(
    DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem problem, long* axes, int rank, long entries, MatMulEpilogue? epilogue) : IBatch
    where T : unmanaged, INumber<T>
{
    private readonly BatchWalk<T> _walk = new(a, b, c, problem, axes, rank, entries, epilogue);

    public int Parts => _walk.Parts;

    public bool SharesEntries => _walk.SharesEntries;

    public void Run(int part)
    {
        long end = Math.Min(_walk.Entries, (part + 1) * _walk.EntriesPerPart);
        for (long entry = part * _walk.EntriesPerPart; entry < end; entry++)
        {
            _walk.Find(entry, out T* x, out T* y, out T* z);
            MatMul.RunOne(x, y, z, _walk.Problem, _walk.SharesEntries ? null : _walk.Epilogue, entry * _walk.Problem.M);
        }
        if (_walk.SharesEntries) _walk.Finish(part);
    }
}

/// <summary>i32 and i64; sums wrap around.</summary>
internal readonly unsafe struct IntegerBatch<T>(
    DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem problem, long* axes, int rank, long entries, MatMulEpilogue? epilogue) : IBatch
    where T : unmanaged, INumber<T>
{
    private readonly BatchWalk<T> _walk = new(a, b, c, problem, axes, rank, entries, epilogue);

    public int Parts => _walk.Parts;

    public bool SharesEntries => _walk.Entries > 1;

    public void Run(int part)
    {
        long end = Math.Min(_walk.Entries, (part + 1) * _walk.EntriesPerPart);
        for (long entry = part * _walk.EntriesPerPart; entry < end; entry++)
        {
            _walk.Find(entry, out T* x, out T* y, out T* z);
            MatMul.Naive(x, y, z, _walk.Problem);
        }
        _walk.Finish(part);
    }
}
