using System.ComponentModel;
using System.Diagnostics;
using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>
/// The table of GPUs, in groups that can be run one by one: what is computed is compared with the CPU or with f64 first, then we and the others take turns on the same device: cuBLAS and cuSOLVER on our tensors, context
/// and stream, PyTorch in a process of its own. Each sample queues work for at least 2 ms and waits once.
/// </summary>
internal static class GpuBench
{
    private static readonly (string Name, Action<GpuRun> Print)[] Groups =
    [
        ("roofs", GpuRoofs.Print), ("products", GpuProducts.Print), ("elements", GpuElements.Print), ("factors", GpuFactors.Print), ("spectra", GpuSpectra.Print), ("rates", GpuRates.Print), ("steps", GpuSteps.Print),
    ];

    /// <summary>Prints the tables. Words: the device, else <c>cuda:0</c>; <c>quick</c> for small sizes; names of groups, else all.</summary>
    public static void Print(Report report)
    {
        string[] groups = [.. Groups.Select(group => group.Name).Where(report.Options.Rest.Contains)];
        string name = report.Options.Rest.FirstOrDefault(word => word != "quick" && !groups.Contains(word)) ?? "cuda:0";
        Accelerator device;
        try
        {
            device = Device.Parse(name) as Accelerator ?? throw new ArgumentException($"{name} is not an accelerator.");
        }
        catch (Exception e) when (e is NablaException or ArgumentException)
        {
            Console.Error.WriteLine($"Nothing was measured. {e.Message} {string.Join(' ', Accelerators.NotFound)}");
            report.HasFailed = true;
            return;
        }
        using IDisposable _ = Device.Use(device);
        using var run = new GpuRun(report, device, report.Options.Rest.Contains("quick"));
        foreach ((string group, Action<GpuRun> print) in Groups.Where(group => groups.Length == 0 || groups.Contains(group.Name)))
        {
            run.Start(group);
            print(run);
            run.End();
        }
    }

    /// <summary>What NVIDIA's tool says of driver and clocks, which may be low while nothing runs.</summary>
    public static string Clocks()
    {
        const string asked = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit";
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("nvidia-smi", $"--query-gpu={asked} --format=csv,noheader") { RedirectStandardOutput = true })!;
            string line = process.StandardOutput.ReadToEnd().Split('\n')[0].Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? $"nvidia-smi ({asked}): {line}." : "nvidia-smi fails.";
        }
        catch (Win32Exception)
        {
            return "nvidia-smi is not installed: clocks are not known.";
        }
    }
}

/// <summary>What an accelerator can do at most: the roofs of the other groups.</summary>
internal static class GpuRoofs
{
    /// <summary>Prints the table.</summary>
    public static void Print(GpuRun run)
    {
        Table table = run.Table("roof", "measured", "unit");
        DeviceRoof roof = run.Roof;
        table.Row("multiply-adds from registers, f32", Cell.Number(roof.FlopsF32 / 1e12), "TFLOP/s");
        table.Row("multiply-adds from registers, f64", Cell.Number(roof.FlopsF64 / 1e12), "TFLOP/s");
        table.Row("copy, read + write", Cell.Number(roof.Bytes / 1e9), "GB/s");
        table.Row("an empty launch and the wait for it", Cell.Number(roof.Launch.Median * 1e6), "µs");
        table.Row("an empty launch in a queue", Cell.Number(roof.Queued.Median * 1e6), "µs");
    }
}
