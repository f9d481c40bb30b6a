using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit.v3;

namespace Nabla.Tests.Accelerators;

/// <summary>
/// Where tests run. A device that NABLA_DEVICE chooses is the default device of the classes marked <see cref="OnChosenDeviceAttribute"/>: contracts, and what is the same on all
/// devices; every other test says itself where it runs.
/// </summary>
internal static class TestDevice
{
    private const string Variable = "NABLA_DEVICE";

    private static string? _chosen;

    /// <summary>What NABLA_DEVICE chooses; the CPU if it is not set.</summary>
    public static Device Chosen => _chosen is { Length: > 0 } name ? Device.Parse(name) : Device.Cpu;

    // Programs that tests start do not see the variable either.
    [ModuleInitializer]
    internal static void KeepTheHost()
    {
        _chosen = Environment.GetEnvironmentVariable(Variable);
        Environment.SetEnvironmentVariable(Variable, null);
        Device.Default = Device.Cpu;
    }
}

/// <summary>The tests of this class say nothing about a device: they make their tensors on the one that NABLA_DEVICE chooses.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class OnChosenDeviceAttribute : BeforeAfterTestAttribute
{
    [ThreadStatic]
    private static IDisposable? _chosen;

    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => _chosen = Device.Use(TestDevice.Chosen);

    /// <summary>The thread has no default of its own afterwards: what it runs next may choose one for the process.</summary>
    public override void After(MethodInfo methodUnderTest, IXunitTest test) => _chosen?.Dispose();
}
