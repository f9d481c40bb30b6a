using System.Diagnostics;
using System.Globalization;

namespace Nabla.Bench;

/// <summary>A contestant in a process of its own, which times itself when asked, so that it and we can take turns.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;

    private Peer(Process process) => _process = process;

    /// <summary>Starts a script of <c>bench/peers</c>.</summary>
    public static Peer Start(string python, string script, string arguments)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "peers", script);
        var start = new ProcessStartInfo(python, $"\"{path}\" {arguments}") { RedirectStandardInput = true, RedirectStandardOutput = true };
        return new Peer(Process.Start(start) ?? throw new InvalidOperationException($"{python} did not start"));
    }

    /// <summary>The numbers on its next line.</summary>
    public double[] ReadNumbers() => [.. (_process.StandardOutput.ReadLine() ?? throw new InvalidDataException("the peer ended")).Split(' ').Select(t => double.Parse(t, CultureInfo.InvariantCulture))];

    /// <summary>Asks for one figure.</summary>
    public double Ask()
    {
        _process.StandardInput.WriteLine();
        return ReadNumbers()[0];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
