using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace Nabla.Bench;

/// <summary>A contestant in a process of its own, which times itself when asked, so that it and we can take turns.</summary>
internal sealed class Peer : IDisposable
{
    // Idle threads of OpenBLAS spin for 2^28 cycles, a tenth of a second, unless told: on the core of whoever has the next turn.
    private const string CyclesOfSpinning = "20";
    private const int MillisecondsOfRest = 2;

    private readonly Process _process;

    private Peer(Process process) => _process = process;

    /// <summary>Starts a script of <c>bench/peers</c>, with some variables of its environment changed.</summary>
    public static Peer Start(string python, string script, params ReadOnlySpan<(string Name, string Value)> environment)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "peers", script);
        return Start(new ProcessStartInfo(python, $"\"{path}\""), environment);
    }

    /// <summary>Starts this program again under another verb, with some variables of its environment changed.</summary>
    public static Peer StartSelf(string verb, params ReadOnlySpan<(string Name, string Value)> environment)
    {
        string program = Environment.ProcessPath!, assembly = Assembly.GetExecutingAssembly().Location;
        bool hosted = Path.GetFileNameWithoutExtension(program) == "dotnet";
        return Start(new ProcessStartInfo(program, hosted ? $"\"{assembly}\" {verb}" : verb), environment);
    }

    private static Peer Start(ProcessStartInfo start, ReadOnlySpan<(string Name, string Value)> environment)
    {
        start.Environment["OPENBLAS_THREAD_TIMEOUT"] = CyclesOfSpinning;
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        return new Peer(Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start"));
    }

    /// <summary>Its next line.</summary>
    public string ReadLine() => _process.StandardOutput.ReadLine() ?? throw new InvalidDataException("the peer ended");

    /// <summary>The numbers on its next line; throws what it says if the line starts with "!".</summary>
    public double[] ReadNumbers()
    {
        string line = ReadLine();
        if (line.StartsWith('!')) throw new PeerException(line[1..].Trim());
        return [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t => double.Parse(t, CultureInfo.InvariantCulture))];
    }

    /// <summary>Sends a request and returns the numbers of the answer.</summary>
    public double[] Request(string line)
    {
        _process.StandardInput.WriteLine(line);
        return ReadNumbers();
    }

    /// <summary>Asks for the figures of a turn; afterwards its threads sleep.</summary>
    public double[] Turn(string line)
    {
        double[] numbers = Request(line);
        Thread.Sleep(MillisecondsOfRest);
        return numbers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}

/// <summary>What a peer could not do.</summary>
internal sealed class PeerException(string message) : Exception(message);
