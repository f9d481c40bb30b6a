namespace Nabla.Kernels.Cuda;

/// <summary>A GPU with CUDA. It is opened when it is first used: to list it takes no memory of it.</summary>
internal sealed class CudaDevice : Accelerator
{
    private readonly CudaInfo _info;
    private readonly Lazy<(CudaQueue Queue, CudaPrograms Programs)> _opened;

    /// <summary>A GPU that the driver lists.</summary>
    public CudaDevice(string name, CudaInfo info, KernelCache cache)
    {
        (Name, _info) = (name, info);
        _opened = new(() =>
        {
            var queue = new CudaQueue(this, info);
            return (queue, new CudaPrograms(this, info, queue, cache));
        });
        Tuner = DeviceTuner.IsOn ? new DeviceTuner(this, cache, CacheKey) : null;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description => _info.ToString();

    /// <inheritdoc/>
    public override long MemoryBytes => _info.MemoryBytes;

    /// <inheritdoc/>
    public override bool HasDouble => true;

    /// <inheritdoc/>
    public override bool ComposesKernels => true;

    /// <inheritdoc/>
    public override bool IsProcessor => false;

    /// <inheritdoc/>
    public override bool CopiesAhead => _info.Architecture >= 80;

    /// <inheritdoc/>
    public override int MaxGroupSize => _info.MaxGroupSize;

    /// <inheritdoc/>
    public override int SharedMemoryBytes => _info.SharedMemoryBytes;

    /// <inheritdoc/>
    public override int Multiprocessors => _info.Multiprocessors;

    internal override bool HasTensorCores => _info.Architecture >= 80;

    // Chips for games of the same generations have the instruction and few units for it.
    internal override bool HasDoubleTensorCores => _info.Architecture is 80 or >= 90;

    /// <summary>What the driver says of it.</summary>
    internal CudaInfo Info => _info;

    /// <summary>Its context, stream and memory; opens it.</summary>
    internal CudaQueue Queue => _opened.Value.Queue;

    /// <summary>Name under which a program's machine code is kept on disk.</summary>
    internal string CacheKey(KernelProgram program) => _opened.Value.Programs.CacheKey(program);

    /// <inheritdoc/>
    public override void Synchronize()
    {
        if (_opened.IsValueCreated) _opened.Value.Queue.Finish();
    }

    internal override LaunchReplay? NewReplay() => CudaReplay.IsOn ? new CudaReplay(_opened.Value.Queue) : null;

    internal override DeviceTuner? Tuner { get; }

    internal override bool IsRecording => CudaRecording.OfThread is not null;

    internal override IRecordedFaults? RecordedFaults => CudaRecording.OfThread is { } recording && recording.Device == this ? recording.Faults : null;

    internal override nint AllocateMemory(long bytes) => _opened.Value.Queue.Allocate(bytes);

    internal override void FreeMemory(nint address, long bytes) => _opened.Value.Queue.Free(address);

    internal override void Upload(ReadOnlySpan<byte> source, nint target)
    {
        if (source.Length > 0) _opened.Value.Queue.Write(source, target);
    }

    internal override void Download(nint source, Span<byte> target)
    {
        if (target.Length > 0) _opened.Value.Queue.Read(source, target);
    }

    internal override void CopyWithin(nint source, nint target, long bytes)
    {
        if (bytes > 0) _opened.Value.Queue.Copy(source, target, bytes);
    }

    internal override void Launch(KernelProgram program, LaunchSize size, KernelArguments arguments)
    {
        if (size.Groups == 0) return;
        (CudaQueue queue, CudaPrograms programs) = _opened.Value;
        if (programs.Kernel(program).Launch(queue, _info, size, arguments) is { } reason)
            throw AcceleratorErrors.LaunchRefused(this, program, size, reason);
    }
}
