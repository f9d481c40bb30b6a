using System.Text;

namespace Nabla.Kernels.OpenCl;

/// <summary>What a driver says of one of its devices.</summary>
internal sealed unsafe record OpenClInfo
{
    /// <summary>Asks the driver about a device.</summary>
    public OpenClInfo(nint platform, nint device)
    {
        Device = device;
        Name = DeviceText(device, Cl.DeviceName);
        PlatformName = PlatformText(platform, Cl.PlatformName);
        PlatformVersion = PlatformText(platform, Cl.PlatformVersion);
        Version = DeviceText(device, Cl.DeviceVersion);
        Driver = DeviceText(device, Cl.DriverVersion);
        ComputeUnits = (int)Value<uint>(device, Cl.DeviceMaxComputeUnits);
        MaxGroupSize = Count(Value<nuint>(device, Cl.DeviceMaxWorkGroupSize));
        MaxItems = [.. Values(device, Cl.DeviceMaxWorkItemSizes).Select(Count)];
        MemoryBytes = (long)Value<ulong>(device, Cl.DeviceGlobalMemSize);
        IsProcessor = (Value<ulong>(device, Cl.DeviceType) & Cl.DeviceTypeCpu) != 0;
        SharedMemoryBytes = (int)Math.Min(Value<ulong>(device, Cl.DeviceLocalMemSize), int.MaxValue);
        HasDouble = DeviceText(device, Cl.DeviceExtensions).Split(' ').Contains("cl_khr_fp64") || Value<ulong>(device, Cl.DeviceDoubleFpConfig) != 0;
        RoundsDivision = (Value<ulong>(device, Cl.DeviceSingleFpConfig) & Cl.FpCorrectlyRoundedDivideSqrt) != 0;
    }

    /// <summary>The driver's handle.</summary>
    public nint Device { get; }

    /// <summary>The hardware.</summary>
    public string Name { get; }

    /// <summary>Whose driver it is.</summary>
    public string PlatformName { get; }

    /// <summary>Version of the platform, with whatever else the vendor writes there.</summary>
    public string PlatformVersion { get; }

    /// <summary>Version of OpenCL that the device has: <c>OpenCL 3.0 …</c>.</summary>
    public string Version { get; }

    /// <summary>Version of the driver.</summary>
    public string Driver { get; }

    /// <summary>Groups that run at the same time.</summary>
    public int ComputeUnits { get; }

    /// <summary>Most work-items in a group.</summary>
    public int MaxGroupSize { get; }

    /// <summary>Most work-items in a group along each axis.</summary>
    public IReadOnlyList<int> MaxItems { get; }

    /// <summary>Memory in all.</summary>
    public long MemoryBytes { get; }

    /// <summary>Whether it is the host's own processor, whose memory is the host's.</summary>
    public bool IsProcessor { get; init; }

    /// <summary>Group-shared memory of one group.</summary>
    public int SharedMemoryBytes { get; }

    /// <summary>Whether kernels may use f64.</summary>
    public bool HasDouble { get; init; }

    /// <summary>Whether f32 division and square root can be rounded correctly.</summary>
    public bool RoundsDivision { get; }

    /// <summary>Why the device cannot be used here; null if it can.</summary>
    public string? Unfit =>
        !IsAtLeast12(Version) ? $"has {Version}; 1.2 is needed"
        : Value<uint>(Device, Cl.DeviceAvailable) == 0 ? "says that it is not available"
        : Value<uint>(Device, Cl.DeviceCompilerAvailable) == 0 ? "has no compiler"
        : Value<uint>(Device, Cl.DeviceEndianLittle) == 0 ? "is big-endian"
        : null;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Name}, {PlatformName} {Driver} ({string.Join(' ', Version.Split(' ').Take(2))}), {ComputeUnits} compute units, {(HasDouble ? "f64" : "no f64")}";

    /// <summary>A text that a platform has.</summary>
    public static string PlatformText(nint platform, uint what)
    {
        nuint size = 0;
        if (Cl.clGetPlatformInfo(platform, what, 0, null, &size) != ClStatus.CL_SUCCESS) return "";
        byte[] bytes = new byte[size];
        fixed (byte* to = bytes) return Cl.clGetPlatformInfo(platform, what, size, to, null) == ClStatus.CL_SUCCESS ? Text(bytes) : "";
    }

    private static string DeviceText(nint device, uint what)
    {
        nuint size = 0;
        if (Cl.clGetDeviceInfo(device, what, 0, null, &size) != ClStatus.CL_SUCCESS) return "";
        byte[] bytes = new byte[size];
        fixed (byte* to = bytes) return Cl.clGetDeviceInfo(device, what, size, to, null) == ClStatus.CL_SUCCESS ? Text(bytes) : "";
    }

    // What a driver does not know stays zero: some queries are optional in 1.2.
    private static T Value<T>(nint device, uint what) where T : unmanaged
    {
        T value = default;
        return Cl.clGetDeviceInfo(device, what, (nuint)sizeof(T), &value, null) == ClStatus.CL_SUCCESS ? value : default;
    }

    private static nuint[] Values(nint device, uint what)
    {
        nuint size = 0;
        Cl.clGetDeviceInfo(device, what, 0, null, &size);
        nuint[] values = new nuint[size / (nuint)sizeof(nuint)];
        fixed (nuint* to = values) Cl.clGetDeviceInfo(device, what, size, to, null);
        return values;
    }

    private static int Count(nuint value) => (int)Math.Min(value, int.MaxValue);

    private static bool IsAtLeast12(string version) =>
        version.Split(' ') is ["OpenCL", var number, ..] && System.Version.TryParse(number, out Version? parsed) && parsed >= new Version(1, 2);

    // Drivers end texts with zeros and pad names with spaces.
    private static string Text(byte[] bytes) =>
        string.Join(' ', Encoding.UTF8.GetString(bytes).Split([' ', '\0', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries));
}
