namespace Nabla.Kernels;

/// <summary>
/// A device that runs GPU kernels: OpenCL, CUDA, ILGPU, or the emulator. It owns memory, an in-order queue of work, and the binaries of the
/// programs that were launched on it. Launches return at once; what they compute is visible to later launches and to downloads.
/// </summary>
/// <remarks>
/// Addresses of its memory are opaque: <c>address + offset</c> is valid within a block and only this device can tell what lies there.
/// All members may be called from several threads.
/// </remarks>
public abstract class Accelerator : Device
{
    private protected Accelerator() : base(isHost: false) { }

    /// <summary>True if kernels may use f64.</summary>
    public abstract bool HasDouble { get; }

    /// <summary>True for a processor, whose work-items run one after another: registers and caches take the place of shared memory.</summary>
    public abstract bool IsProcessor { get; }

    /// <summary>True if kernels may be composed of text at run time; else chains of operations run one by one.</summary>
    public abstract bool ComposesKernels { get; }

    /// <summary>True if an <see cref="AsyncCopy"/> goes on while the kernel computes.</summary>
    public virtual bool CopiesAhead => false;

    /// <summary>Most work-items in a group.</summary>
    public abstract int MaxGroupSize { get; }

    /// <summary>Group-shared memory of one group, in bytes.</summary>
    public abstract int SharedMemoryBytes { get; }

    /// <summary>Groups that run at the same time when each is large: how far work is worth splitting.</summary>
    public abstract int Multiprocessors { get; }

    /// <summary>Units that multiply small matrices as one instruction, for f32 operands rounded to less.</summary>
    internal virtual bool HasTensorCores => false;

    /// <summary>The same for f64, faster than multiply-adds.</summary>
    internal virtual bool HasDoubleTensorCores => false;

    /// <summary>Puts a kernel into the queue; builds it first if this device has not run it yet.</summary>
    /// <exception cref="DeviceException">
    /// NB0310: the driver rejects the program (its build log is in the message). NB0311: the driver refuses the launch.
    /// NB0312: the kernel needs f64, which this device does not have.
    /// </exception>
    internal abstract void Launch(KernelProgram program, LaunchSize size, KernelArguments arguments);

    /// <summary>Something that does the work of one program again and again; null if this device queues everything anew.</summary>
    internal virtual LaunchReplay? NewReplay() => null;

    /// <summary>Chooses among kernels by measuring them; null where that is not worth it.</summary>
    internal virtual DeviceTuner? Tuner => null;

    /// <summary>True while what this thread queues becomes a part of a <see cref="LaunchReplay"/>.</summary>
    internal virtual bool IsRecording => false;

    /// <summary>Where faults go while what this thread queues becomes a part of a <see cref="LaunchReplay"/>; null if it does not.</summary>
    internal virtual IRecordedFaults? RecordedFaults => null;

    /// <summary>Copies bytes from one place of this device to another; the ranges do not overlap.</summary>
    internal abstract void CopyWithin(nint source, nint target, long bytes);
}
