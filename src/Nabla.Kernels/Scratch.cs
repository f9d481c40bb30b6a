namespace Nabla.Kernels;

/// <summary>
/// Native memory that a thread keeps for its kernels and that only grows, so that calls allocate nothing. A slot belongs to the
/// kernel that is running; a kernel that calls another must use a slot that the other does not.
/// </summary>
internal static unsafe class Scratch
{
    private const int Slots = 12;

    [ThreadStatic]
    private static Block[]? _blocks;

    /// <summary>At least <paramref name="count"/> elements at a boundary of 64 bytes or more, with undefined content.</summary>
    public static T* Get<T>(Slot slot, long count) where T : unmanaged
    {
        Block[] blocks = _blocks ??= CreateBlocks();
        return (T*)blocks[(int)slot].AtLeast(checked((nuint)count * (nuint)sizeof(T)));
    }

    /// <summary>Who may use a block.</summary>
    public enum Slot
    {
        /// <summary>Packed A of a matrix product.</summary>
        PackedA,

        /// <summary>Packed B of a matrix product.</summary>
        PackedB,

        /// <summary>A vector made contiguous, or partial sums.</summary>
        Vector,

        /// <summary>Factorisations and solves, which call matrix products.</summary>
        Linalg,

        /// <summary>The tree of partial rows of a reduction.</summary>
        PartialRows,

        /// <summary>The table of chunk results of a reduction.</summary>
        PartialTable,

        /// <summary>Lines of a Fourier transform.</summary>
        Fourier,

        /// <summary>A block of the matrix of windows of a convolution, which calls matrix products.</summary>
        Windows,

        /// <summary>The tables of positions of a convolution or pooling.</summary>
        Positions,

        /// <summary>Which samples a coding rate gives to which class.</summary>
        RateTables,

        /// <summary>The matrices of all classes of a coding rate, which calls matrix products and factorisations.</summary>
        RateMatrices,

        /// <summary>Some rows of features that a thread has gathered, and its results for them.</summary>
        RateRows,
    }

    private static Block[] CreateBlocks()
    {
        var blocks = new Block[Slots];
        for (int i = 0; i < Slots; i++) blocks[i] = new Block();
        return blocks;
    }

    // Freed with the thread that owned it.
    private sealed class Block
    {
        private void* _address;
        private nuint _bytes;

        public void* AtLeast(nuint bytes)
        {
            if (bytes <= _bytes) return _address;
            HostMemory.Free(_address);
            _bytes = Math.Max(bytes, 2 * _bytes);
            _address = HostMemory.Allocate(_bytes);
            return _address;
        }

        ~Block() => HostMemory.Free(_address);
    }
}
