using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Nabla.Experiments;
using Nabla.Experiments.Runs;
using Nabla.Tests.Autograd;

namespace Nabla.Tests.Experiments;

/// <summary>Runs that are killed or stopped and resumed end as if nothing had happened.</summary>
public sealed partial class ResumeTests : IDisposable
{
    private const int Steps = 120;

    private static readonly string[] Small =
        ["run", "mcr2-supervised-training", "--seeds", "3", "--set", $"steps={Steps}", "--set", "train=100", "--set", "width=24", "--set", "dimension=10"];

    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-resume-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GeneratedRegex(",\"seconds\":[0-9.]+")]
    private static partial Regex Time();

    private static CliTests.Outcome Nabla(params string[] args) => CliTests.Nabla(args, Registry.Default);

    private static Process Start(string run, params string[] more) =>
        CliTests.Start([.. Small, "--out", run, "--resume", "--checkpoint-every", "0.02", .. more]);

    private static int Rows(string run) => File.Exists(Metrics(run)) ? Lines(run).Length : 0;

    private static string Metrics(string run) => Path.Combine(run, "metrics.jsonl");

    // Whole lines, without what the clock decides. The file may be open in the process under test.
    private static string[] Lines(string run)
    {
        using var reader = new StreamReader(new FileStream(Metrics(run), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return [.. reader.ReadToEnd().Split('\n')[..^1].Select(line => Time().Replace(line, ""))];
    }

    private static string Status(string run) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "run.json"))).RootElement.GetProperty("status").GetString()!;

    // The last checkpoint of every training: each tensor by its name, without the times of steps.
    private static Dictionary<string, byte[]> FinalStates(string run) => Directory.GetDirectories(Path.Combine(run, "checkpoints"))
        .SelectMany(training => TreeFileTests.ReadIndependently(Directory.GetFiles(training).Max(StringComparer.Ordinal)!, out _)
            .Where(t => t.Key != "milliseconds").Select(t => ($"{Path.GetFileName(training)}: {t.Key}", t.Value.Data)))
        .ToDictionary();

    private static async Task WaitUntil(Func<bool> condition, Process process)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition() && !process.HasExited && Stopwatch.GetElapsedTime(start).TotalSeconds < 60) await Task.Delay(2);
    }

    private static void Signal(string signal, Process process) => Process.Start("kill", [$"-{signal}", $"{process.Id}"]).WaitForExit();

    private static int CodeOf(Process process)
    {
        bool ended = process.WaitForExit(60_000);
        if (!ended) process.Kill();
        Assert.True(ended, "The process did not end within a minute.");
        return process.ExitCode;
    }

    [Fact]
    public async Task Killed_again_and_again_a_run_ends_with_the_same_bits_and_metrics()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no POSIX signals on Windows.");
        string whole = Path.Combine(_folder, "whole"), run = Path.Combine(_folder, "run");
        Nabla([.. Small, "--out", whole]);
        var random = new Random();
        var moments = new List<string>();
        for (int part = 0; part < 3; part++)
        {
            using Process process = Start(run);
            int rows = Rows(run), until = random.Next(part * Steps + 10, (part + 1) * Steps - 20);
            await WaitUntil(() => Rows(run) >= until, process);
            process.Kill();
            process.WaitForExit();
            moments.Add($"{rows} → {Rows(run)}");
            Assert.Equal(137, process.ExitCode);
            Assert.Equal("running", Status(run));
        }
        using (Process process = Start(run))
        {
            int rows = Rows(run);
            await WaitUntil(() => Rows(run) > rows, process); // before the first step, nobody may listen
            Signal("USR1", process);
            int code = CodeOf(process);
            // The last kill may have come so late that little was left to stop.
            Assert.True(code == 75 || code is 0 or 1 && Rows(run) == 3 * Steps, $"exit code {code} after {string.Join(", ", moments)}");
            if (code == 75) Assert.Equal("interrupted", Status(run));
        }
        CliTests.Outcome end = Nabla([.. Small, "--out", run, "--resume"]);
        Assert.Contains(end.Code, (int[])[0, 1]); // so small a network need not show the phenomenon
        Assert.Equal(Lines(whole), Lines(run));
        Dictionary<string, byte[]> expected = FinalStates(whole), found = FinalStates(run);
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        Assert.Equal(3 * (1 + 6 + 1 + 12), expected.Count); // three trainings: measured, parameters, the optimiser's step and moments
        Assert.All(expected, tensor => Assert.True(tensor.Value.AsSpan().SequenceEqual(found[tensor.Key]), $"{tensor.Key} differs after {string.Join(", ", moments)}"));
        JsonElement record = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "run.json"))).RootElement;
        Assert.InRange(record.GetProperty("resumed").GetInt32(), 3, 4);
    }

    [Fact]
    public async Task The_second_signal_ends_the_process_at_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no POSIX signals on Windows.");
        string run = Path.Combine(_folder, "run");
        // A step takes long enough that only the second signal can end the process soon.
        using Process process = Start(run, "--set", "train=1700", "--set", "width=8000");
        Task<string?> message = process.StandardError.ReadLineAsync();
        await WaitUntil(() => File.Exists(Path.Combine(run, "run.json")), process);
        Signal("INT", process);
        while (await message is { } line && !line.Contains("stopping after this step")) message = process.StandardError.ReadLineAsync();
        Signal("INT", process);
        Assert.Equal(130, CodeOf(process));
        Assert.Equal("running", Status(run));
    }

    [Fact]
    public void A_run_that_has_ended_is_not_run_again()
    {
        string run = Path.Combine(_folder, "run");
        Assert.Equal(0, CliTests.Nabla("run", "sample-passes", "--out", run, "--resume").Code); // nothing to resume: it starts
        string record = File.ReadAllText(Path.Combine(run, "run.json"));
        CliTests.Outcome again = CliTests.Nabla("run", "sample-passes", "--out", run, "--resume");
        Assert.Equal(0, again.Code);
        Assert.Contains("this run has ended", again.Error);
        Assert.Contains("2 of 2 checks hold", again.Out);
        Assert.Equal(record, File.ReadAllText(Path.Combine(run, "run.json")));
    }

    [Fact]
    public void Other_conditions_are_refused_and_named()
    {
        string run = Path.Combine(_folder, "run");
        CliTests.Nabla("run", "sample-odd", "--set", "fault=interrupt", "--out", run);
        CliTests.Outcome other = CliTests.Nabla("run", "sample-odd", "--set", "fault=memory", "--seed", "4", "--out", run, "--resume");
        Assert.Equal(2, other.Code);
        Assert.Contains("NB0720", other.Error);
        Assert.Contains("fault \"interrupt\" there, \"memory\" asked; seeds 0 there, 4 asked", other.Error);
        Assert.Contains("--set fault=interrupt", other.Error);
        Assert.Contains("experiment sample-odd there, sample-passes asked", CliTests.Nabla("run", "sample-passes", "--out", run, "--resume").Error);
    }

    [Fact]
    public void A_run_in_another_process_is_left_alone()
    {
        string run = Path.Combine(_folder, "run");
        CliTests.Nabla("run", "sample-odd", "--set", "fault=interrupt", "--out", run);
        using (RunFolder.Resume(run))
        {
            CliTests.Outcome second = CliTests.Nabla("run", "sample-odd", "--set", "fault=interrupt", "--out", run, "--resume");
            Assert.Equal(2, second.Code);
            Assert.Contains("NB0721", second.Error);
        }
        using RunFolder fresh = RunFolder.Create(Path.Combine(_folder, "fresh"), "x", DateTime.Now);
        Assert.Equal("NB0721", Assert.Throws<UsageException>(() => RunFolder.Resume(fresh.Path)).Code);
    }

    [Fact]
    public void Without_a_checkpoint_a_scheduler_is_not_told_to_resume()
    {
        string run = Path.Combine(_folder, "run");
        CliTests.Outcome outcome = CliTests.Nabla("run", "sample-odd", "--set", "fault=requeue", "--out", run);
        Assert.Equal(143, outcome.Code);
        Assert.Contains("before its first checkpoint", outcome.Error);
    }

    [Fact]
    public void Metrics_are_continued_without_duplicates_or_half_rows()
    {
        string run = Path.Combine(_folder, "run");
        using (RunFolder folder = RunFolder.Create(run, "x", DateTime.Now))
            for (int step = 0; step < 3; step++) folder.AppendMetric(step, "loss π", step == 2 ? double.NaN : step, step);
        File.AppendAllText(Metrics(run), "{\"step\":3,\"name\":\"lo");
        using (RunFolder folder = RunFolder.Resume(run))
        {
            Assert.Equal(2, folder.SecondsBefore);
            for (int step = 1; step < 5; step++) folder.AppendMetric(step, "loss π", step, step);
            folder.AppendMetric(4, "loss π", 4, 9); // twice in one process is the experiment's own doing
        }
        Assert.Equal([0, 1, 2, 3, 4, 4], Lines(run).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt32()));
    }
}
