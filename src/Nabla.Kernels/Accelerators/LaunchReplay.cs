namespace Nabla.Kernels;

/// <summary>
/// Work that a program gives to a device again and again. A device that can keeps what was queued, and queues it as one piece when the work comes again with the same memory. Work that asks
/// the device for results on its way, or sends it something, is always done anew.
/// </summary>
internal abstract class LaunchReplay
{
    /// <summary>Does the work, or queues what it queued before.</summary>
    /// <param name="memory">
    /// Where everything lies that the work uses and that may lie elsewhere the next time, such as arguments, results and temporaries; of the same length for all runs. A number
    /// that decides which kernels the work launches may stand there too. What else it uses lives as long as this object.
    /// </param>
    /// <param name="work">Launches and copies on this device; it depends on nothing but the memory.</param>
    public abstract void Run(ReadOnlySpan<nint> memory, Action work);
}
