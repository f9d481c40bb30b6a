using System.Diagnostics;
using Nabla.Nn;

namespace Nabla.Bench;

/// <summary>Time until the first result, in fresh processes: the command line, and the first step of a network, beside a program that does nothing.</summary>
internal static class StartupBench
{
    /// <summary>The verbs under which this program starts itself.</summary>
    public const string NothingVerb = "do-nothing", FirstStepVerb = "first-step";

    private const int Rounds = 9;

    /// <summary>Prints the table.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("startup", "process", "ms");
        string self = typeof(StartupBench).Assembly.Location;
        string nabla = Path.Combine(Report.Repository(), "src", "Nabla.Experiments", "bin", "Release", "net10.0", "nabla.dll");
        string[][] commands = [[self, NothingVerb], [nabla, "--version"], [nabla, "list"], [nabla, "describe", "fp-1d"], [self, FirstStepVerb]];
        var seconds = commands.Select(_ => new List<double>()).ToArray();
        var first = new List<double>();
        var second = new List<double>();
        for (int round = 0; round < Rounds; round++)
            for (int i = 0; i < commands.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                string output = Run(commands[i]);
                seconds[i].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                if (commands[i][^1] != FirstStepVerb) continue;
                double[] times = [.. output.Split(' ').Select(t => double.Parse(t, System.Globalization.CultureInfo.InvariantCulture))];
                first.Add(times[0]);
                second.Add(times[1]);
            }
        string[] names = ["an empty program", "nabla --version", "nabla list", "nabla describe fp-1d", "first step of a network with three hidden layers, whole process"];
        for (int i = 0; i < names.Length; i++) table.Row(names[i], Cell.Millis(Timing.Summary(seconds[i])));
        table.Row("of that: trace, compile and run the gradient step, everything cold", Cell.Millis(Timing.Summary(first)));
        table.Row("of that: the same for another batch size, straight after", Cell.Millis(Timing.Summary(second)));
    }

    /// <summary>Prints the seconds of the first and of the second compiled step in this process.</summary>
    public static int FirstStep()
    {
        Console.WriteLine(FormattableString.Invariant($"{SecondsOfStep(16)} {SecondsOfStep(24)}"));
        return 0;
    }

    private static double SecondsOfStep(int batch)
    {
        long start = Stopwatch.GetTimestamp();
        Sequential net = Sequential.Mlp([32, 32, 32, 1], Activation.Tanh);
        Tensor x = new RandomKey(1).Normal([batch, 8]);
        Tensor[] p = net.Init(new RandomKey(0), [8]).Parameters;
        Transforms.Compile((Tensor[] q) => Transforms.Grad((Tensor[] r) => net.Apply(r, x).Square().Mean())(q)).Call(p);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static string Run(string[] command)
    {
        var start = new ProcessStartInfo("dotnet", command) { RedirectStandardOutput = true };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidDataException($"{string.Join(' ', command)} ended with {process.ExitCode}");
    }
}
