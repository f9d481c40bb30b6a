using System.Text;

namespace Nabla.Kernels.Cuda;

/// <summary>What the driver says of a GPU.</summary>
internal sealed unsafe record CudaInfo
{
    // Atomic addition of f64; drivers and compilers older than this know no CUDA graphs that can be changed.
    private const int LowestArchitecture = 60, LowestDriver = 12000;

    /// <summary>Asks the driver about a device.</summary>
    public CudaInfo(int device, int driver)
    {
        (Device, DriverNumber) = (device, driver);
        byte* name = stackalloc byte[256];
        Name = Cu.cuDeviceGetName(name, 256, device) == CuResult.CUDA_SUCCESS ? Encoding.UTF8.GetString(new ReadOnlySpan<byte>(name, 256)).Split('\0')[0] : "";
        nuint memory = 0;
        Cu.cuDeviceTotalMem_v2(&memory, device);
        MemoryBytes = (long)memory;
        Architecture = 10 * Attribute(Cu.ComputeCapabilityMajor) + Attribute(Cu.ComputeCapabilityMinor);
        Multiprocessors = Attribute(Cu.MultiprocessorCount);
        MaxGroupSize = Attribute(Cu.MaxThreadsPerBlock);
        MaxItems = [Attribute(Cu.MaxBlockDimX), Attribute(Cu.MaxBlockDimX + 1), Attribute(Cu.MaxBlockDimX + 2)];
        MaxGroups = [Attribute(Cu.MaxGridDimX), Attribute(Cu.MaxGridDimX + 1), Attribute(Cu.MaxGridDimX + 2)];
        SharedMemoryBytes = Attribute(Cu.MaxSharedMemoryPerBlock);
        HasPools = Attribute(Cu.MemoryPoolsSupported) != 0;
    }

    /// <summary>The driver's number of it.</summary>
    public int Device { get; }

    /// <summary>The newest CUDA that the driver knows: 13000 is 13.0.</summary>
    public int DriverNumber { get; init; }

    /// <summary>The hardware.</summary>
    public string Name { get; }

    /// <summary>Memory in all.</summary>
    public long MemoryBytes { get; }

    /// <summary>Compute capability: 90 is 9.0.</summary>
    public int Architecture { get; init; }

    /// <summary>Multiprocessors, each of which runs groups.</summary>
    public int Multiprocessors { get; }

    /// <summary>Most work-items in a group.</summary>
    public int MaxGroupSize { get; }

    /// <summary>Most work-items in a group along each axis.</summary>
    public IReadOnlyList<int> MaxItems { get; }

    /// <summary>Most groups along each axis.</summary>
    public IReadOnlyList<int> MaxGroups { get; }

    /// <summary>Group-shared memory of one group.</summary>
    public int SharedMemoryBytes { get; }

    /// <summary>Whether memory can be taken and given back in the order of the stream.</summary>
    public bool HasPools { get; init; }

    /// <summary>The driver's version of CUDA.</summary>
    public Version Driver => new(DriverNumber / 1000, DriverNumber % 1000 / 10);

    /// <summary>Why the device cannot be used here; null if it can.</summary>
    public string? Unfit =>
        DriverNumber < LowestDriver ? $"has a driver for CUDA {Driver}; 12.0 is needed"
        : Architecture < LowestArchitecture ? $"has compute capability {Architecture / 10}.{Architecture % 10}; {LowestArchitecture / 10}.0 is needed"
        : null;

    /// <inheritdoc/>
    public override string ToString() =>
        FormattableString.Invariant($"{Name}, compute capability {Architecture / 10}.{Architecture % 10}, {Multiprocessors} multiprocessors, {MemoryBytes / (double)(1L << 30):F1} GiB, driver for CUDA {Driver}");

    private int Attribute(int attribute)
    {
        int value = 0;
        return Cu.cuDeviceGetAttribute(&value, attribute, Device) == CuResult.CUDA_SUCCESS ? value : 0;
    }
}
