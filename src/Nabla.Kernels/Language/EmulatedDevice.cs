using System.Runtime.InteropServices;

namespace Nabla.Kernels.Language;

/// <summary>The device <c>emu</c>: kernels run by the <see cref="Emulator"/>, in host memory that the engine treats as a device's.</summary>
internal sealed unsafe class EmulatedDevice : Accelerator
{
    private readonly Lock _gate = new();

    public override string Name => "emu";

    public override string Description => "GPU kernels run on the host, one work-item at a time (for debugging)";

    public override long MemoryBytes { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    public override bool HasDouble => true;

    public override bool IsProcessor => false;

    public override bool ComposesKernels => false;

    public override int MaxGroupSize => 1024;

    public override int SharedMemoryBytes => 1 << 16;

    public override int Multiprocessors => 1;

    internal override nint AllocateMemory(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);

    internal override void FreeMemory(nint address, long bytes) => NativeMemory.AlignedFree((void*)address);

    internal override void Upload(ReadOnlySpan<byte> source, nint target) => source.CopyTo(new Span<byte>((void*)target, source.Length));

    internal override void Download(nint source, Span<byte> target) => new ReadOnlySpan<byte>((void*)source, target.Length).CopyTo(target);

    internal override void CopyWithin(nint source, nint target, long bytes) => NativeMemory.Copy((void*)source, (void*)target, (nuint)bytes);

    internal override void Launch(KernelProgram program, LaunchSize size, KernelArguments arguments)
    {
        if (size.Groups == 0) return;
        if (program.Run is not { } run) throw new NotSupportedException($"{program}: composed at run time; the emulator runs its operations one by one.");
        lock (_gate) run(this, size, arguments);
    }
}
