namespace Nabla.Kernels.OpenCl;

/// <summary>A device of an OpenCL driver. It is opened when it is first used: to list it costs nothing.</summary>
internal sealed class OpenClDevice : Accelerator
{
    private readonly OpenClInfo _info;
    private readonly Lazy<(OpenClQueue Queue, OpenClPrograms Programs)> _opened;

    /// <summary>A device that a driver lists.</summary>
    public OpenClDevice(string name, OpenClInfo info, KernelCache cache)
    {
        (Name, _info) = (name, info);
        _opened = new(() =>
        {
            var queue = new OpenClQueue(this, info);
            return (queue, new OpenClPrograms(this, info, queue.Context, cache));
        });
        Tuner = DeviceTuner.IsOn && !info.IsProcessor ? new DeviceTuner(this, cache, CacheKey) : null;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description => _info.ToString();

    /// <inheritdoc/>
    public override long MemoryBytes => _info.MemoryBytes;

    /// <inheritdoc/>
    public override bool HasDouble => _info.HasDouble;

    /// <inheritdoc/>
    public override bool ComposesKernels => true;

    /// <inheritdoc/>
    public override bool IsProcessor => _info.IsProcessor;

    /// <inheritdoc/>
    public override int MaxGroupSize => _info.MaxGroupSize;

    /// <inheritdoc/>
    public override int SharedMemoryBytes => _info.SharedMemoryBytes;

    /// <inheritdoc/>
    public override int Multiprocessors => _info.ComputeUnits;

    /// <summary>What the driver says of it.</summary>
    internal OpenClInfo Info => _info;

    /// <summary>Memory objects that are alive, one of them the device's own.</summary>
    internal int MemoryObjects => _opened.Value.Queue.Memory.Count;

    /// <summary>Kernels that were queued so far.</summary>
    internal long Launches => _opened.Value.Queue.Launches;

    /// <summary>Name under which a program's binary is kept on disk.</summary>
    internal string CacheKey(KernelProgram program) => _opened.Value.Programs.CacheKey(program);

    /// <summary>Compiles a program, or finds its binary, as its first launch would.</summary>
    internal void Compile(KernelProgram program) => _opened.Value.Programs.Kernel(program);

    /// <inheritdoc/>
    public override void Synchronize()
    {
        if (_opened.IsValueCreated) _opened.Value.Queue.Finish();
    }

    internal override DeviceTuner? Tuner { get; }

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
        if (program.NeedsDouble && !HasDouble) throw AcceleratorErrors.NoDouble(this, program);
        (OpenClQueue queue, OpenClPrograms programs) = _opened.Value;
        if (programs.Kernel(program).Launch(queue, _info, size, arguments) is { } reason)
            throw AcceleratorErrors.LaunchRefused(this, program, size, reason);
    }
}
