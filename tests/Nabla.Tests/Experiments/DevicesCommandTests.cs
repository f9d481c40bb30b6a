using System.Diagnostics;
using System.Text.Json;
using Nabla.Experiments;

namespace Nabla.Tests.Experiments;

/// <summary><c>nabla devices</c>, and when drivers are loaded at all.</summary>
public sealed class DevicesCommandTests
{
    [Fact]
    public void Devices_lists_what_was_found_and_why_something_was_not()
    {
        string text = CliTests.Nabla("devices").Out;
        JsonElement json = JsonDocument.Parse(CliTests.Nabla("devices", "--json").Out).RootElement;
        Assert.Equal(Device.All.Select(d => d.Name), json.GetProperty("devices").EnumerateArray().Select(d => d.GetProperty("name").GetString()!));
        Assert.Equal(Nabla.Kernels.Accelerators.NotFound, json.GetProperty("notFound").EnumerateArray().Select(d => d.GetString()!));
        Assert.All(Device.All, device => Assert.Contains(device.Description, text));
        Assert.All(Nabla.Kernels.Accelerators.NotFound, reason => Assert.Contains(reason, text));
    }

    [Fact]
    public void Without_drivers_there_is_a_reason_and_the_host()
    {
        // The loader looks for drivers in this folder.
        (string output, _) = Run(["devices", "--json"], ("OCL_ICD_VENDORS", "/no/such/folder"));
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.DoesNotContain(json.GetProperty("devices").EnumerateArray(), d => d.GetProperty("name").GetString()!.StartsWith("opencl", StringComparison.Ordinal));
        Assert.Contains(json.GetProperty("notFound").EnumerateArray(), d => d.GetString()!.StartsWith("opencl: libOpenCL.so.1 ", StringComparison.Ordinal));
    }

    [Fact]
    public void Drivers_are_loaded_only_when_they_are_asked_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Device.All.Any(d => d.Name == "opencl:0"), "Needs Linux and an OpenCL device.");
        // The dynamic linker of glibc tells which files it opens.
        Assert.Contains("libOpenCL.so.1", Run(["devices"], ("LD_DEBUG", "files")).Error);
        string error = Run(["gradcheck", "neg", "--device", "cpu"], ("LD_DEBUG", "files")).Error;
        Assert.Contains("libcoreclr.so", error);
        Assert.DoesNotContain("libOpenCL.so.1", error);
    }

    private static (string Output, string Error) Run(string[] args, (string Name, string Value) variable)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Registry).Assembly.Location, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[variable.Name] = variable.Value;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return (output, error.Result);
    }
}
