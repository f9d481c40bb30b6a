namespace Nabla.Kernels;

/// <summary>The accelerators of this machine.</summary>
public static class Accelerators
{
    private static IReadOnlyList<Device>? _found;
    private static readonly List<string> Absences = [];

    /// <summary>Looks for devices, once, in the order in which they are listed.</summary>
    public static IReadOnlyList<Device> Find() => _found ??= [];

    /// <summary>What was looked for and not found, and why: one sentence each.</summary>
    public static IReadOnlyList<string> NotFound
    {
        get
        {
            Find();
            return Absences;
        }
    }
}
