using System.Runtime.InteropServices;

namespace Nabla;

/// <summary>A place where tensors live and kernels run. Devices are compared by reference; there is one object per device.</summary>
public abstract class Device
{
    [ThreadStatic]
    private static Device? _ofThread;

    private static Device? _default;
    private static IReadOnlyList<Device>? _all;

    private protected Device(bool isHost)
    {
        IsHost = isHost;
        Pool = new BufferPool(this);
    }

    /// <summary>The host processor with its SIMD kernels.</summary>
    public static Device Cpu { get; } = new HostDevice("cpu", HostDescription());

    /// <summary>
    /// The host, evaluating every primitive by its double-precision reference: slow, and the oracle for all others.
    /// </summary>
    public static Device Reference { get; } = new HostDevice("ref", "double-precision references (for tests)");

    /// <summary>The devices found on this machine: the host, and what the kernels' floor finds when it is first asked.</summary>
    public static IReadOnlyList<Device> All => _all ??= [Cpu, Reference, .. FindAccelerators()];

    /// <summary>Where factories put new tensors. Starts as <c>NABLA_DEVICE</c>, or the CPU; <see cref="Use"/> changes it for one thread.</summary>
    public static Device Default
    {
        get => _ofThread ?? (_default ??= Environment.GetEnvironmentVariable("NABLA_DEVICE") is { Length: > 0 } name ? Parse(name) : Cpu);
        set => _default = value;
    }

    /// <summary>Makes a device the default of this thread until the result is disposed.</summary>
    public static IDisposable Use(Device device) => new ThreadDefault(device);

    /// <summary>The name by which it is chosen, such as <c>cpu</c> or <c>opencl:0</c>.</summary>
    public abstract string Name { get; }

    /// <summary>A line for people: the hardware and what it can do.</summary>
    public abstract string Description { get; }

    /// <summary>Memory that tensors may take in all, in bytes.</summary>
    public abstract long MemoryBytes { get; }

    /// <summary>True if buffer addresses can be read and written by the host.</summary>
    public bool IsHost { get; }

    /// <summary>Finds a device by name: <c>cpu</c>, <c>ref</c>, <c>emu</c>, <c>opencl:0</c>; <c>opencl</c> is <c>opencl:0</c>.</summary>
    /// <exception cref="DeviceException">NB0301: there is no such device here.</exception>
    public static Device Parse(string name) =>
        name == Cpu.Name ? Cpu : All.FirstOrDefault(d => d.Name == name || d.Name == name + ":0") ?? throw TensorErrors.NoSuchDevice(name, All);

    /// <summary>The blocks of this device.</summary>
    internal BufferPool Pool { get; }

    /// <summary>
    /// Takes a 64-byte aligned block from the device; throws <see cref="OutOfMemoryException"/> when it has none.
    /// </summary>
    internal abstract nint AllocateMemory(long bytes);

    /// <summary>Gives a block back to the device. Called by finalizers, so it must not throw.</summary>
    internal abstract void FreeMemory(nint address, long bytes);

    /// <summary>Copies host bytes into memory of this device; returns when the source may be reused.</summary>
    internal abstract void Upload(ReadOnlySpan<byte> source, nint target);

    /// <summary>Copies memory of this device to the host, after all work that was given to the device before.</summary>
    internal abstract void Download(nint source, Span<byte> target);

    /// <summary>Waits until all work that was given to this device is done; an error of that work is raised here.</summary>
    public virtual void Synchronize() { }

    /// <inheritdoc/>
    public override string ToString() => Name;

    // Accelerators live on the floor above, which this one does not know at build time. It is there in every program that computes.
    private static IReadOnlyList<Device> FindAccelerators() =>
        (IReadOnlyList<Device>?)Type.GetType("Nabla.Kernels.Accelerators, Nabla.Kernels")?.GetMethod("Find")?.Invoke(null, null) ?? [];

    private static string HostDescription()
    {
        string simd = System.Runtime.Intrinsics.X86.Avx512F.IsSupported ? "AVX-512"
            : System.Runtime.Intrinsics.X86.Avx2.IsSupported ? "AVX2"
            : System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated ? "128-bit SIMD" : "scalar";
        return $"{RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} threads, {simd}";
    }

    private sealed class ThreadDefault : IDisposable
    {
        private readonly Device? _before = _ofThread;

        public ThreadDefault(Device device) => _ofThread = device;

        public void Dispose() => _ofThread = _before;
    }

    private sealed unsafe class HostDevice(string name, string description) : Device(isHost: true)
    {
        public override string Name => name;

        public override string Description => description;

        public override long MemoryBytes { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

        internal override nint AllocateMemory(long bytes) => (nint)HostMemory.Allocate((nuint)bytes);

        internal override void FreeMemory(nint address, long bytes) => HostMemory.Free((void*)address);

        internal override void Upload(ReadOnlySpan<byte> source, nint target) => source.CopyTo(new Span<byte>((void*)target, source.Length));

        internal override void Download(nint source, Span<byte> target) => new ReadOnlySpan<byte>((void*)source, target.Length).CopyTo(target);
    }
}
