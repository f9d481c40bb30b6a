namespace Nabla.Kernels;

/// <summary>Neighbouring elements that a device moves, or computes, at once.</summary>
public static class Vectors
{
    /// <summary>
    /// The end of a loop whose iterations are independent of each other: <c>for (int j = 0; j &lt; Vectors.Lanes(32); j++)</c>. In OpenCL C the loop becomes vector
    /// instructions of up to 16 elements, for processors; in CUDA C it is unrolled. A constant: a power of two up to 16, or a multiple of 16.
    /// </summary>
    [Intrinsic(OpenCl = "{0}", Cuda = "{0}")]
    public static int Lanes(int count) => count;

    /// <summary>
    /// to[place + i] = from[at + i] for i = 0 … 3, in one instruction where the device has one. Both places must lie at a multiple of 16 bytes: arrays of a
    /// work-item and of a group start at one.
    /// </summary>
    [Intrinsic(OpenCl = "vstore4(vload4(0, {0} + {1}), 0, {2} + {3})", Cuda = "nabla_move4({2} + {3}, {0} + {1})")]
    public static void Move4<T>(ArrayView<T> from, int at, ArrayView<T> to, int place) where T : unmanaged
    {
        to[place] = from[at];
        to[place + 1] = from[at + 1];
        to[place + 2] = from[at + 2];
        to[place + 3] = from[at + 3];
    }
}
