using System.Globalization;

namespace Nabla;

/// <summary>What is checked at every kernel call or transformation, at a price.</summary>
[Flags]
public enum DebugChecks
{
    /// <summary>Nothing more than always.</summary>
    None = 0,
    /// <summary>No result of a primitive may hold a NaN; the error names the primitive and the caller's file and line.</summary>
    Nan = 1,
    /// <summary>Programs of derivatives are type-checked too, as compiled ones always are.</summary>
    Ir = 2,
    /// <summary>The error about a stand-in that outlived its transformation says where it was made.</summary>
    Leak = 4,
    /// <summary>No operand or result of a kernel may reach beyond its buffer.</summary>
    Bounds = 8,
}

/// <summary>
/// Switches for looking inside: <c>NABLA_DEBUG</c> (0 to 5), <c>NABLA_CHECK</c> (a list of nan, ir, leak, bounds), <c>NABLA_DUMP</c> (a folder) and
/// <c>NABLA_FUSION</c> (0: off), read once, and overridden on one thread by <see cref="Scope"/>. When all are off, a kernel call pays for one test of a static field.
/// </summary>
public static class NablaDebug
{
    private static readonly Settings Process = FromEnvironment();
    private static int _active = Process.IsOff ? 0 : 1;

    [ThreadStatic]
    private static Settings? _scoped;

    /// <summary>How much is told, on standard error: 1 compilations, 2 every kernel call with its time, 3 memory plans, 5 programs after each pass.</summary>
    public static int Level => Current.Level;

    /// <summary>What is checked.</summary>
    public static DebugChecks Checks => Current.Checks;

    /// <summary>Folder into which compiled programs are written as text and as DOT graphs; null for none.</summary>
    public static string? DumpFolder => Current.Dump;

    /// <summary>Whether compiled programs run chains of element-wise operations, and the sums that end them, as one loop. Same bits, but for products of matrices and vectors.</summary>
    public static bool Fusion => Current.Fusion;

    /// <summary>False if everything is off on every thread: the only question that fast paths ask.</summary>
    internal static bool Active => _active != 0;

    /// <summary>True if equations and errors should know the caller's file and line.</summary>
    internal static bool WantsSource => Active && (Current.Level > 0 || Current.Checks != DebugChecks.None);

    private static Settings Current => _scoped ?? Process;

    /// <summary>
    /// Other switches on this thread until the result is disposed: <c>using (NablaDebug.Scope(checks: DebugChecks.Nan)) …</c>. What is not given stays
    /// as it was.
    /// </summary>
    public static IDisposable Scope(int? level = null, DebugChecks? checks = null, string? dump = null, TextWriter? output = null, bool? fusion = null)
    {
        Settings before = Current;
        var scope = new Restorer(_scoped);
        _scoped = new Settings(level ?? before.Level, checks ?? before.Checks, dump ?? before.Dump, output ?? before.Output, fusion ?? before.Fusion);
        Interlocked.Increment(ref _active);
        return scope;
    }

    /// <summary>Writes a line if the level is at least the given one.</summary>
    internal static void Tell(int level, string line)
    {
        if (Active && Current.Level >= level) (Current.Output ?? Console.Error).WriteLine($"nabla: {line}");
    }

    private static Settings FromEnvironment()
    {
        int level = 0;
        var checks = DebugChecks.None;
        if (Environment.GetEnvironmentVariable("NABLA_DEBUG") is { Length: > 0 } digits && !int.TryParse(digits, CultureInfo.InvariantCulture, out level))
            Console.Error.WriteLine($"nabla: NABLA_DEBUG: not a level: {digits}; expected 0 to 5.");
        foreach (string name in (Environment.GetEnvironmentVariable("NABLA_CHECK") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (Enum.TryParse(name, ignoreCase: true, out DebugChecks check)) checks |= check;
            else Console.Error.WriteLine($"nabla: NABLA_CHECK: no such check: {name}; expected a list of nan, ir, leak, bounds.");
        }
        string? dump = Environment.GetEnvironmentVariable("NABLA_DUMP") is { Length: > 0 } folder ? folder : null;
        return new Settings(level, checks, dump, Output: null, Environment.GetEnvironmentVariable("NABLA_FUSION") != "0");
    }

    private sealed record Settings(int Level, DebugChecks Checks, string? Dump, TextWriter? Output, bool Fusion)
    {
        public bool IsOff => Level == 0 && Checks == DebugChecks.None && Dump is null;
    }

    private sealed class Restorer(Settings? before) : IDisposable
    {
        private bool _done;

        public void Dispose()
        {
            if (_done) return;
            _done = true;
            _scoped = before;
            Interlocked.Decrement(ref _active);
        }
    }
}
