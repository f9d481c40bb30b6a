using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Nabla.Experiments;
using Nabla.Experiments.Cli;

namespace Nabla.Tests.Experiments;

public sealed class CliTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(2, "no command given", "")]
    [InlineData(2, "unknown command 'lst'; nearest: list", "lst")]
    [InlineData(2, "unknown option '--jso'; nearest: --json", "list --jso")]
    [InlineData(2, "unknown argument 'two'", "run sample-passes two")]
    [InlineData(2, "Required argument missing", "run")]
    [InlineData(2, "NB0701", "run sample-pass")]
    [InlineData(2, "NB0701", "describe nothing")]
    [InlineData(2, "NB0701", "verify sample-passes nothing")]
    [InlineData(2, "NB0702", "run sample-passes --set stepz=1")]
    [InlineData(2, "NB0703", "run sample-passes --set steps=many")]
    [InlineData(2, "--set expects name=value", "run sample-passes --set steps")]
    [InlineData(2, "A seed is an integer", "run sample-passes --seed -1")]
    [InlineData(2, "A seed is an integer", "run sample-passes --seeds 1,x")]
    [InlineData(2, "not both", "run sample-passes --seed 1 --seeds 1,2")]
    [InlineData(2, "--dtype is f32 or f64", "run sample-passes --dtype f16")]
    [InlineData(3, "NB0301", "run sample-passes --device cuda:9")]
    [InlineData(2, "NB0706", "ir sample-passes")]
    [InlineData(2, "NB0710", "verify")]
    [InlineData(2, "NB0716", "gradcheck tahn")]
    [InlineData(2, "NB0717", "gradcheck")]
    [InlineData(3, "NB0301", "gradcheck tanh --device cuda:9")]
    [InlineData(2, "bash", "completion tcsh")]
    public void Bad_input_gives_one_clear_line_and_its_exit_code(int code, string message, string arguments)
    {
        Outcome outcome = Nabla(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(code, outcome.Code);
        Assert.Equal("", outcome.Out);
        Assert.StartsWith("nabla: ", outcome.Error);
        Assert.Contains(message, outcome.Error);
        Assert.Single(outcome.Error.TrimEnd().Split('\n'));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void Verifying_an_empty_atlas_is_not_a_success() =>
        Assert.Equal(2, Nabla(["verify", "--all"], new Registry()).Code);

    [Fact]
    public void A_run_writes_its_folder_and_prints_its_checks()
    {
        string run = Path.Combine(_folder, "run");
        Outcome outcome = Nabla("run", "sample-passes", "--set", "steps=3", "--out", run);
        Assert.Equal("", outcome.Error.Replace($"Report: {Path.Combine(run, "report.html")}", "").Trim());
        Assert.Equal(0, outcome.Code);
        Assert.Contains("half               0.5       in [0.5, 0.5]  holds", outcome.Out);
        Assert.Contains("nothing (control)  0         ≤ 0.1          holds", outcome.Out);
        Assert.Contains("2 of 2 checks hold", outcome.Out);

        using JsonDocument record = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "run.json")));
        JsonElement root = record.RootElement;
        Assert.Equal("passed", root.GetProperty("status").GetString());
        Assert.Equal(3, root.GetProperty("options").GetProperty("steps").GetInt32());
        Assert.Equal(0.5, root.GetProperty("options").GetProperty("learningRate").GetDouble());
        Assert.Equal("f64", root.GetProperty("dtype").GetString());
        Assert.Equal([0, 1, 2], root.GetProperty("seeds").EnumerateArray().Select(s => s.GetInt32()));
        Assert.Equal("nabla run sample-passes --set steps=3 --seeds 0,1,2 --device cpu --dtype f64", root.GetProperty("commandLine").GetString());
        Assert.True(root.GetProperty("machine").GetProperty("threads").GetInt32() >= 1);
        Assert.Equal(3, File.ReadAllLines(Path.Combine(run, "metrics.jsonl")).Length);
        Assert.StartsWith("{\"step\":2,\"name\":\"loss\",\"value\":0.5,\"seconds\":", File.ReadAllLines(Path.Combine(run, "metrics.jsonl"))[1]);
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(run, "figures", "curve.svg")));
        Assert.Contains("0.75", File.ReadAllText(Path.Combine(run, "figures", "curve.csv")));
        Assert.Empty(Directory.EnumerateFiles(run, "*.tmp", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }));
    }

    [Fact]
    public void Seeds_and_dtype_reach_the_experiment()
    {
        Assert.Contains("Seeds: 7 8 9", Run("--seed", "7").Out);
        Assert.Contains("Seeds: 7", Run("--seed", "7", "--quick").Out);
        Assert.Contains("Seeds: 4 2", Run("--seeds", "4,2", "--quick").Out);
        Assert.Equal("f32", JsonDocument.Parse(Run("--dtype", "f32", "--json").Out).RootElement.GetProperty("dtype").GetString());

        Outcome Run(params string[] more) => Nabla(["run", "sample-passes", "--out", Path.Combine(_folder, Path.GetRandomFileName()), .. more]);
    }

    [Fact]
    public void A_failing_check_exits_1_and_is_recorded()
    {
        Outcome outcome = Nabla("run", "sample-fails", "--json", "--quiet", "--out", Path.Combine(_folder, "run"));
        Assert.Equal(1, outcome.Code);
        Assert.Equal("", outcome.Error);
        JsonElement root = JsonDocument.Parse(outcome.Out).RootElement;
        Assert.Equal("failed", root.GetProperty("status").GetString());
        Assert.Equal("NaN", root.GetProperty("checks")[1].GetProperty("value").GetString());
        Assert.False(root.GetProperty("checks")[1].GetProperty("passed").GetBoolean());
    }

    [Theory]
    [InlineData("nothing", 1, "made no check", "failed")]
    [InlineData("exception", 4, "InvalidOperationException: on purpose", "error")]
    [InlineData("memory", 3, "out of memory", "error")]
    [InlineData("shape", 4, "NB0105", "error")]
    [InlineData("repeat", 4, "NB0705", "error")]
    [InlineData("figure", 4, "NB0790", "error")]
    public void A_run_that_goes_wrong_leaves_a_record_that_says_so(string fault, int code, string message, string status)
    {
        string run = Path.Combine(_folder, "run");
        Outcome outcome = Nabla("run", "sample-odd", "--set", $"fault={fault}", "--out", run);
        Assert.Equal(code, outcome.Code);
        Assert.Contains(message, outcome.Out + outcome.Error);
        Assert.DoesNotContain("   at ", outcome.Error);
        JsonElement root = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "run.json"))).RootElement;
        Assert.Equal(status, root.GetProperty("status").GetString());
        Assert.Contains(message, root.GetProperty("error").GetString());
    }

    [Fact]
    public void Verbose_adds_the_stack_trace() =>
        Assert.Contains("   at ", Nabla("run", "sample-odd", "-v", "--set", "fault=exception", "--out", Path.Combine(_folder, "run")).Error);

    [Theory]
    [InlineData("interrupt", 130)]
    [InlineData("terminate", 143)]
    public void A_signal_stops_the_run_and_leaves_a_usable_folder(string signal, int code)
    {
        string run = Path.Combine(_folder, "run");
        Outcome outcome = Nabla("run", "sample-odd", "--set", $"fault={signal}", "--out", run);
        Assert.Equal(code, outcome.Code);
        Assert.Contains("stopping after this step", outcome.Error);
        Assert.Contains("interrupted; 1 of 1 checks hold", outcome.Out);
        JsonElement root = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "run.json"))).RootElement;
        Assert.Equal("interrupted", root.GetProperty("status").GetString());
        string page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("The run was interrupted", page);
        Assert.DoesNotContain("The check holds", page);
    }

    [Fact]
    public void Verify_gives_the_worst_outcome_and_a_folder_for_each_run()
    {
        Outcome both = Nabla("verify", "sample-passes", "sample-fails", "--out", _folder);
        Assert.Equal(1, both.Code);
        Assert.Contains("1 of 2 experiments hold", both.Out);
        Assert.True(File.Exists(Path.Combine(_folder, "sample-passes", "run.json")));
        Assert.True(File.Exists(Path.Combine(_folder, "sample-fails", "run.json")));

        Outcome good = Nabla("verify", "sample-passes", "--json", "--quick", "--out", Path.Combine(_folder, "second"));
        Assert.Equal(0, good.Code);
        Assert.Equal("passed", JsonDocument.Parse(good.Out).RootElement.GetProperty("status").GetString());
        Assert.Equal(1, Nabla("verify", "--all", "--out", Path.Combine(_folder, "third")).Code);
    }

    [Fact]
    public void A_folder_that_cannot_be_used_is_an_error_of_its_own()
    {
        string run = Path.Combine(_folder, "run");
        Assert.Equal(0, Nabla("run", "sample-passes", "--out", run).Code);
        string before = File.ReadAllText(Path.Combine(run, "run.json"));
        Outcome again = Nabla("run", "sample-passes", "--out", run);
        Assert.Equal(2, again.Code);
        Assert.Contains("NB0707", again.Error);
        Assert.Equal(before, File.ReadAllText(Path.Combine(run, "run.json")));

        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Outcome blocked = Nabla("run", "sample-passes", "--out", Path.Combine(file, "run"));
        Assert.Equal(3, blocked.Code);
        Assert.Contains("NB0709", blocked.Error);
    }

    [Theory]
    [InlineData("NB0708", 28)]
    [InlineData("NB0708", unchecked((int)0x80070070))]
    [InlineData("NB0709", 13)]
    public void A_full_disk_is_told_apart_from_a_place_that_cannot_be_written(string code, int cause)
    {
        EnvironmentException error = ExperimentErrors.CannotWrite("file", new IOException("reason", cause));
        Assert.Equal((code, ExitCode.Environment), (error.Code, ExitCode.Of(error)));
    }

    [Fact]
    public void Report_makes_the_same_page_again_from_the_folder_alone()
    {
        string run = Path.Combine(_folder, "run");
        Assert.Equal(0, Nabla("run", "sample-passes", "--out", run).Code);
        string page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("Half is half.", page);
        Assert.Contains("<svg", page);
        File.Delete(Path.Combine(run, "report.html"));
        Assert.Equal(0, Nabla("report", run).Code);
        Assert.Equal(page, File.ReadAllText(Path.Combine(run, "report.html")));

        File.WriteAllText(Path.Combine(run, "run.json"), "{ \"id\": 3 }");
        Assert.Contains("NB0711", Nabla("report", run).Error);
        Assert.Equal(2, Nabla("report", _folder).Code);
    }

    [Fact]
    public void List_and_describe_speak_to_people_and_to_programs()
    {
        Assert.Contains("sample-passes  Optimization  A sample that passes", Nabla("list").Out);
        JsonElement list = JsonDocument.Parse(Nabla("list", "--json").Out).RootElement;
        Assert.Equal(3, list.GetArrayLength());
        string text = Nabla("describe", "sample-passes").Out;
        Assert.Contains("Claim:       Half is half.", text);
        Assert.Contains("steps         20       2      how many steps  an integer in [1, 1000]", text);
        JsonElement described = JsonDocument.Parse(Nabla("describe", "sample-passes", "--json").Out).RootElement;
        Assert.Equal("learningRate", described.GetProperty("options")[1].GetProperty("name").GetString());
        Assert.Equal("one of Plain, Fancy", described.GetProperty("options")[3].GetProperty("expected").GetString());
    }

    [Fact]
    public void Gradcheck_shows_the_errors_of_a_primitive_and_passes()
    {
        Outcome outcome = Nabla("gradcheck", "tanh");
        Assert.Equal(0, outcome.Code);
        Assert.Matches(@"primitive +dtype +jvp +adjoint +second order +verdict", outcome.Out);
        Assert.Matches(@"tanh +f64 +\d\.\de-\d+ +\d\.\de-\d+ +\d\.\de-\d+ +holds", outcome.Out);
        Assert.Contains("1 of 1 primitives hold on cpu", outcome.Out);
        JsonElement json = JsonDocument.Parse(Nabla("gradcheck", "tanh", "--json").Out).RootElement;
        Assert.Equal(2, json.GetArrayLength());
        Assert.True(json[0].GetProperty("passed").GetBoolean());
    }

    [Fact]
    public void Ir_prints_the_training_step_one_equation_a_line()
    {
        string[] lines = ["{ lambda a:f64[3] .", "    b:f64[3] = mul a a;", "    c:f64[3] = exp b;", "    in (c) }"];
        Assert.Equal(lines, Nabla("ir", "sample-odd", "--dtype", "f64").Out.ReplaceLineEndings("\n").TrimEnd().Split('\n'));
        Assert.StartsWith("digraph", Nabla("ir", "sample-odd", "--dot").Out);
    }

    [Fact]
    public void Help_of_every_command_is_as_reviewed()
    {
        string[] commands = ["", "list", "describe", "run", "verify", "report", "gradcheck", "ir", "devices", "data", "data download", "completion"];
        IEnumerable<string> texts = commands.Select(command =>
        {
            Outcome outcome = Nabla([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
            Assert.Equal((0, ""), (outcome.Code, outcome.Error));
            return $"$ nabla {command} --help".Replace("  ", " ") + $"\n{outcome.Out.Replace(RootCommand.ExecutableName, "nabla")}";
        });
        Golden.Verify("Help", string.Join('\n', texts));
    }

    [Fact]
    public void The_program_itself_parses_reports_and_exits()
    {
        using Process process = Start("describe", "no-such-experiment");
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(2, process.ExitCode);
        Assert.StartsWith("nabla: NB0701", error);
        Assert.Equal("", process.StandardOutput.ReadToEnd());
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task A_real_signal_stops_a_real_run_after_its_step(string signal, int code)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no POSIX signals on Windows.");
        string run = Path.Combine(_folder, "run"), record = Path.Combine(run, "run.json");
        using Process process = Start("run", "mcr2-supervised-training", "--set", "steps=1000000", "--out", run);
        Task<string> error = process.StandardError.ReadToEndAsync();
        for (int i = 0; i < 600 && !File.Exists(record); i++) await Task.Delay(50);
        await Task.Delay(500);
        Process.Start("kill", [$"-{signal}", $"{process.Id}"]).WaitForExit();
        bool ended = process.WaitForExit(60_000);
        if (!ended) process.Kill();
        Assert.True(ended, "The run did not stop within a minute.");
        Assert.Equal(code, process.ExitCode);
        Assert.Contains("stopping after this step", await error);
        Assert.Equal("interrupted", JsonDocument.Parse(File.ReadAllText(record)).RootElement.GetProperty("status").GetString());
        Assert.True(File.Exists(Path.Combine(run, "report.html")));
    }

    [Fact]
    public void Version_names_the_commit() => Assert.Matches(@"^nabla \d+\.\d+\.\d+ \(commit ([0-9a-f]{12}|unknown), \.NET 10\.", Nabla("--version").Out);

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public void Completion_scripts_ask_the_program_which_knows_the_experiments(string shell)
    {
        Assert.Contains("[suggest:", Nabla("completion", shell).Out);
        Assert.Contains("sample-fails", Nabla("[suggest:17]", "nabla run sample-f").Out);
    }

    // The program as it is built, in a process of its own. Tests may themselves run in the background, where shells make processes ignore
    // SIGINT: on Linux, env gives the program its usual signals back.
    internal static Process Start(params string[] args)
    {
        string[] launcher = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT", "dotnet"] : ["dotnet"];
        var start = new ProcessStartInfo(launcher[0]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string word in (string[])[.. launcher[1..], typeof(Registry).Assembly.Location, .. args]) start.ArgumentList.Add(word);
        return Process.Start(start)!;
    }

    internal static Outcome Nabla(params string[] args) => Nabla(args, new Registry(Assembly.GetExecutingAssembly()));

    internal static Outcome Nabla(string[] args, Registry registry)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int code = CommandLine.Run(args, () => registry, new Terminal(output, error));
        return new Outcome(code, output.ToString(), error.ToString());
    }

    internal sealed record Outcome(int Code, string Out, string Error);
}

/// <summary>The default device is one for the process, so that runs on another one must not overlap with other tests.</summary>
[Collection(nameof(Tensors.MemoryTestsRunAlone))]
public sealed class CliDeviceTests
{
    [Fact]
    public void Gradcheck_runs_on_the_device_of_references()
    {
        CliTests.Outcome outcome = CliTests.Nabla("gradcheck", "gather", "cholesky", "triangular_solve", "--device", "ref");
        Assert.Contains("3 of 3 primitives hold on ref", outcome.Out);
        Assert.Equal(0, outcome.Code);
        Assert.Same(Device.Cpu, Device.Default);
    }

    [Fact]
    public void The_device_reaches_the_experiment_and_the_default_is_restored()
    {
        string folder = Directory.CreateTempSubdirectory("nabla-cli-").FullName;
        try
        {
            string text = CliTests.Nabla("run", "sample-passes", "--device", "ref", "--json", "--out", Path.Combine(folder, "run")).Out;
            Assert.Equal("ref", JsonDocument.Parse(text).RootElement.GetProperty("device").GetString());
            Assert.Same(Device.Cpu, Device.Default);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
