namespace Nabla.Kernels;

/// <summary>
/// Copies from the device's memory to shared memory that go on while the work-item computes: on NVIDIA's GPUs from compute capability 8.0 on they pass no register. Elsewhere
/// each is done at once.
/// </summary>
/// <remarks>
/// What a work-item has asked for since its last <see cref="Commit"/> is a batch. From the request until the work-item has waited for the batch and has met a <see cref="Group.Barrier"/> after
/// that, nobody may read or write the place in shared memory.
/// </remarks>
public static class AsyncCopy
{
    /// <summary>to[place] = from[at] if <paramref name="inside"/>, else 0, and nothing is read. Elements of 4 or 8 bytes.</summary>
    [Intrinsic(OpenCl = "nabla_copy_one({2} + {3}, {0} + {1}, {4})", Cuda = "nabla_copy_one({2} + {3}, {0} + {1}, {4})")]
    public static void One<T>(ArrayView<T> from, int at, ArrayView<T> to, int place, bool inside) where T : unmanaged =>
        to[place] = inside ? from[at] : default;

    /// <summary>
    /// to[place + i] = from[at + i] for the first <paramref name="inside"/> of i = 0 … 3, and 0 for the others, of which nothing is read. Both places must lie at a multiple of 16 bytes. Elements of
    /// 4 bytes are one copy, of 8 bytes two.
    /// </summary>
    [Intrinsic(OpenCl = "nabla_copy_four({2} + {3}, {0} + {1}, {4})", Cuda = "nabla_copy_four({2} + {3}, {0} + {1}, {4})")]
    public static void Four<T>(ArrayView<T> from, int at, ArrayView<T> to, int place, int inside) where T : unmanaged
    {
        for (int i = 0; i < 4; i++) to[place + i] = i < inside ? from[at + i] : default;
    }

    /// <summary>Ends a batch, which may be empty.</summary>
    [Intrinsic(OpenCl = "nabla_copy_commit", Cuda = "nabla_copy_commit")]
    public static void Commit() { }

    /// <summary>Waits until all batches of this work-item are done but the last <paramref name="pending"/>, a constant.</summary>
    [Intrinsic(OpenCl = "nabla_copy_wait({0})", Cuda = "nabla_copy_wait<{0}>()")]
    public static void Wait(int pending) { }
}
