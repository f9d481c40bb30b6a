namespace Nabla.Kernels;

/// <summary>The messages of the accelerators, side by side.</summary>
internal static class AcceleratorErrors
{
    private const int LogLines = 24;

    public static DeviceException BuildFailed(Device device, KernelProgram program, string status, string log) => new("NB0310",
        $"build: the driver rejects the kernel: '{program.Name}' on {device} ({device.Description}): {status}; expected a text that it compiles. " +
        $"It says:\n{FirstLines(log)}");

    public static DeviceException LaunchRefused(Device device, KernelProgram program, LaunchSize size, string reason) => new("NB0311",
        $"launch: the launch is refused: '{program.Name}' with {Text(size)} on {device}: {reason}.");

    public static DeviceException NoDouble(Device device, KernelProgram program) => new("NB0312",
        $"launch: the kernel needs f64: '{program.Name}' on {device} ({device.Description}), which has none. Convert to f32, or choose another device.");

    public static DeviceException Failed(Device device, string call, string status) => new("NB0313",
        $"{call}: the device reports an error: {status} on {device} ({device.Description}). It may stem from work that was queued before.");

    private static string Text(LaunchSize size) =>
        $"{size.GridX}×{size.GridY}×{size.GridZ} groups of {size.GroupX}×{size.GroupY}×{size.GroupZ}";

    private static string FirstLines(string log)
    {
        string[] lines = log.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] shown = [.. lines.Take(LogLines), .. lines.Length > LogLines ? [$"({lines.Length - LogLines} more lines)"] : Array.Empty<string>()];
        return shown.Length == 0 ? "(nothing)" : string.Join('\n', shown);
    }
}
