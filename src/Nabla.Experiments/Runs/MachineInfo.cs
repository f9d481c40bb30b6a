using System.Reflection;
using System.Runtime.InteropServices;
using Nabla.Kernels;

namespace Nabla.Experiments.Runs;

/// <summary>Versions and hardware of a run.</summary>
internal sealed record MachineInfo(
    string Nabla, string Commit, string Dotnet, string Os, string Cpu, int Processors, int Threads, string DeviceDescription)
{
    /// <summary>Version of Nabla, and the commit it was built from (<c>unknown</c> outside a repository).</summary>
    public static (string Version, string Commit) Version { get; } = ReadVersion();

    /// <summary>This machine, with the device of the run.</summary>
    public static MachineInfo Of(Device device) => new(
        Version.Version, Version.Commit, Environment.Version.ToString(), RuntimeInformation.OSDescription, CpuName(),
        Environment.ProcessorCount, Workers.Count, device.Description);

    // The SDK writes "version+commit" into the assembly when it builds inside a git repository.
    private static (string, string) ReadVersion()
    {
        string text = typeof(MachineInfo).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
        int plus = text.IndexOf('+');
        return plus < 0 ? (text, "unknown") : (text[..plus], text[(plus + 1)..]);
    }

    private static string CpuName()
    {
        try
        {
            if (File.Exists("/proc/cpuinfo"))
                foreach (string line in File.ReadLines("/proc/cpuinfo"))
                    if (line.StartsWith("model name", StringComparison.Ordinal)) return line[(line.IndexOf(':') + 1)..].Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The architecture below is all there is to say.
        }
        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
