using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Nabla.Kernels.OpenCl;
using Runtime = ILGPU.Runtime;

namespace Nabla.Kernels.Ilgpu;

/// <summary>
/// A device that ILGPU drives (<c>-p:UseIlgpu=true</c>). ILGPU compiles the kernels' C# methods itself when they are first launched; it does not see the generated texts.
/// </summary>
internal sealed class IlgpuDevice : Accelerator
{
    private readonly Runtime.Device _device;
    private readonly Lazy<Runtime.Accelerator> _opened;
    private readonly OpenClMemory _memory = new();
    private readonly ConcurrentDictionary<Type, Delegate> _kernels = [];
    private readonly Lock _gate = new();

    /// <summary>A device that ILGPU lists; opened when it is first used.</summary>
    public IlgpuDevice(string name, Context context, Runtime.Device device)
    {
        (Name, _device) = (name, device);
        _opened = new(() => device.CreateAccelerator(context));
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description => $"{_device.Name}, ILGPU {Context.Version}";

    /// <inheritdoc/>
    public override long MemoryBytes => _device.MemorySize;

    /// <inheritdoc/>
    public override bool HasDouble => true;

    /// <inheritdoc/>
    public override bool IsProcessor => _device.AcceleratorType == Runtime.AcceleratorType.CPU;

    /// <inheritdoc/>
    public override bool ComposesKernels => false;

    /// <inheritdoc/>
    public override int MaxGroupSize => _device.MaxNumThreadsPerGroup;

    /// <inheritdoc/>
    public override int SharedMemoryBytes => _device.MaxSharedMemoryPerGroup;

    /// <inheritdoc/>
    public override int Multiprocessors => _device.NumMultiprocessors;

    /// <summary>Devices that ILGPU finds, named <c>ilgpu:0</c>, <c>ilgpu:1</c> …</summary>
    public static void Find(List<Device> devices)
    {
        // Lives as long as the process: devices are never closed.
        Context context = Context.Create(builder => ILGPU.Algorithms.AlgorithmContext.EnableAlgorithms(builder.AllAccelerators()));
        int number = 0;
        foreach (Runtime.Device device in context.Devices) devices.Add(new IlgpuDevice($"ilgpu:{number++}", context, device));
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        if (_opened.IsValueCreated) _opened.Value.Synchronize();
    }

    internal override nint AllocateMemory(long bytes) => _memory.Add(GCHandle.ToIntPtr(GCHandle.Alloc(_opened.Value.Allocate1D<byte>(bytes))));

    internal override void FreeMemory(nint address, long bytes)
    {
        if (_memory.Remove(address) is not (not 0 and var handle)) return;
        GCHandle pinned = GCHandle.FromIntPtr(handle);
        ((Runtime.MemoryBuffer)pinned.Target!).Dispose();
        pinned.Free();
    }

    internal override void Upload(ReadOnlySpan<byte> source, nint target)
    {
        if (source.Length > 0) Runtime.ArrayViewExtensions.CopyFromCPU(Bytes(target, source.Length), source.ToArray());
    }

    internal override void Download(nint source, Span<byte> target)
    {
        if (target.Length == 0) return;
        byte[] bytes = new byte[target.Length];
        Runtime.ArrayViewExtensions.CopyToCPU(Bytes(source, target.Length), bytes);
        bytes.CopyTo(target);
    }

    internal override void CopyWithin(nint source, nint target, long bytes)
    {
        if (bytes > 0) Runtime.ArrayViewExtensions.CopyTo(Bytes(source, bytes), Bytes(target, bytes));
    }

    internal override void Launch(KernelProgram program, LaunchSize size, KernelArguments arguments)
    {
        if (size.Groups == 0) return;
        if (size.GroupSize > MaxGroupSize) throw AcceleratorErrors.LaunchRefused(this, program, size, $"a group has at most {MaxGroupSize} work-items");
        if (program.Run is not { } run) throw new NotSupportedException($"{program}: composed at run time; ILGPU runs its operations one by one.");
        lock (_gate) run(this, size, arguments);
    }

    /// <summary>The launcher of a kernel, made when it is first asked for.</summary>
    internal TLauncher Kernel<TLauncher>(Type program, Func<Runtime.Accelerator, TLauncher> load) where TLauncher : Delegate =>
        (TLauncher)_kernels.GetOrAdd(program, _ => load(_opened.Value));

    /// <summary>Grid and group of a launch.</summary>
    internal static KernelConfig Config(LaunchSize size) => new(new Index3D(size.GridX, size.GridY, size.GridZ), new Index3D(size.GroupX, size.GroupY, size.GroupZ));

    /// <summary>An argument as ILGPU's view.</summary>
    internal unsafe ArrayView<T> View<T>(KernelArguments.Argument argument) where T : unmanaged =>
        argument.Length == 0 ? default : Bytes(argument.Address, (long)argument.Length * sizeof(T)).Cast<T>();

    private ArrayView<byte> Bytes(nint address, long length)
    {
        nint handle = _memory.Find(address, out long offset);
        return ((Runtime.MemoryBuffer)GCHandle.FromIntPtr(handle).Target!).AsRawArrayView(offset, length);
    }
}
