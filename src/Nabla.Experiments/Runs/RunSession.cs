using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Nabla.Experiments.Cli;
using Nabla.Files;

namespace Nabla.Experiments.Runs;

/// <summary>What the user asked for.</summary>
/// <param name="Settings">Overrides of options.</param>
/// <param name="Quick">The quick form.</param>
/// <param name="Seeds">Seeds, or null for the protocol's.</param>
/// <param name="FirstSeed">First of as many consecutive seeds as the protocol has, or null.</param>
/// <param name="Device">Device.</param>
/// <param name="DType">Element type, or null for the protocol's.</param>
/// <param name="Folder">Where to write, or null for a new folder under <c>runs/</c>.</param>
internal sealed record RunRequest(
    IReadOnlyList<KeyValuePair<string, string>> Settings, bool Quick, IReadOnlyList<ulong>? Seeds, ulong? FirstSeed, Device Device, DType? DType,
    string? Folder)
{
    /// <summary>Go on with a run that was stopped.</summary>
    public bool Resume { get; init; }

    /// <summary>Time between two checkpoints of a training, or null for the usual one.</summary>
    public double? CheckpointSeconds { get; init; }
}

/// <summary>The outcome of a run: its record, its folder, and the exit code that goes with it.</summary>
internal sealed record RunOutcome(RunRecord Record, string Folder, int ExitCode, Exception? Failure);

/// <summary>Runs one experiment from options to a finished folder.</summary>
internal sealed class RunSession : IBenchSink
{
    private readonly Experiment _experiment;
    private readonly Terminal _terminal;
    private readonly object _config;
    private readonly BenchSettings _settings;
    private readonly RunFolder _folder;
    private readonly ProgressLine _progress;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly RunRecord _blank;

    private RunSession(
        Experiment experiment, Terminal terminal, object config, BenchSettings settings, RunRecord blank, RunFolder folder)
    {
        (_experiment, _terminal, _config, _settings, _blank, _folder) = (experiment, terminal, config, settings, blank, folder);
        _progress = new ProgressLine(terminal, experiment.Id);
    }

    /// <summary>Runs an experiment, or what is left of it; one that has ended is not run again.</summary>
    /// <exception cref="UsageException">The options do not fit; nothing was written.</exception>
    /// <exception cref="EnvironmentException">The folder cannot be written.</exception>
    public static RunOutcome Run(Experiment experiment, RunRequest request, Terminal terminal, StopSignals signals)
    {
        object config = experiment.Configure(request.Quick, request.Settings);
        BenchSettings settings = SettingsOf(experiment, request, signals.Token);
        RunRecord blank = Blank(experiment, request, config, settings);
        (string Folder, RunRecord? Record)? found = request.Resume ? Resumption.Find(request, blank) : null;
        if (found?.Record is { } ended && Resumption.HasEnded(ended))
        {
            terminal.Message($"nabla: this run has ended: {found.Value.Folder}");
            return new RunOutcome(ended, found.Value.Folder, ended.Status == RunStatus.Passed ? ExitCode.Ok : ExitCode.CheckFailed, null);
        }
        using RunFolder folder = found is { } run ? RunFolder.Resume(run.Folder) : RunFolder.Create(request.Folder, experiment.Id, DateTime.Now);
        if (found is not null) blank = Continued(blank, found.Value.Record, folder, terminal);
        return new RunSession(experiment, terminal, config, settings, blank, folder).Run(signals);
    }

    /// <summary>The conditions of a run, as asked for or as the protocol has them.</summary>
    public static BenchSettings SettingsOf(Experiment experiment, RunRequest request, CancellationToken stop)
    {
        ExperimentAttribute info = experiment.Info;
        int count = request.Quick && info.QuickSeeds > 0 ? info.QuickSeeds : info.Seeds;
        ulong first = request.FirstSeed ?? 0;
        IReadOnlyList<ulong> seeds = request.Seeds ?? [.. Enumerable.Range(0, count).Select(i => first + (ulong)i)];
        return new BenchSettings(seeds, request.Device, request.DType ?? info.DType, request.Quick, stop)
        {
            CheckpointSeconds = request.CheckpointSeconds ?? new BenchSettings([0], request.Device).CheckpointSeconds,
        };
    }

    void IBenchSink.Metric(long step, string name, double value) =>
        _folder.AppendMetric(step, name, value, Seconds);

    void IBenchSink.Progress(string label, long done, long total) => _progress.Report(label, done, total);

    void IBenchSink.Checked(CheckResult check)
    {
        if (!_terminal.Verbose) return;
        _progress.Clear();
        _terminal.Message($"{_experiment.Id}: {check.Name} = {RunText.Number(check.Value)}, {RunText.Bound(check.Min, check.Max)}: {RunText.Verdict(check.Passed)}");
    }

    // At once, so that a run that is killed later has left them.
    void IBenchSink.Drawn(BenchFigure figure)
    {
        FigureRecord files = FilesOf(figure);
        _folder.Write(files.Svg, figure.Svg);
        _folder.Write(files.Csv, figure.Figure.ToCsv());
    }

    Checkpoints? IBenchSink.CheckpointsOf(string training) => new(_folder.NextCheckpoints(training), warn: text =>
    {
        _progress.Clear();
        _terminal.Error.WriteLine($"nabla: {text}");
    });

    void IBenchSink.BeforeCheckpoint() => _folder.FlushMetrics();

    // Those of the processes before are part of it.
    private double Seconds => _blank.WallSeconds + Stopwatch.GetElapsedTime(_start).TotalSeconds;

    private static FigureRecord FilesOf(BenchFigure figure) => new(figure.Id, figure.Caption, $"figures/{figure.Id}.svg", $"figures/{figure.Id}.csv");

    private RunOutcome Run(StopSignals signals)
    {
        _folder.Write(RunFolder.RecordName, _blank.ToJson());
        var bench = new Bench(_settings, this);
        Device before = Device.Default;
        Exception? failure = null;
        try
        {
            Device.Default = _settings.Device;
            _experiment.Run(_config, bench);
        }
        catch (Exception e)
        {
            failure = e;
        }
        finally
        {
            Device.Default = before;
            _progress.Clear();
        }
        bool interrupted = failure is OperationCanceledException && _settings.Cancellation.IsCancellationRequested;
        RunRecord record = Finish(bench, interrupted ? null : failure, interrupted);
        int code = interrupted ? Stopped(signals.ExitCode) : failure is not null ? ExitCode.Of(failure) : record.Status == RunStatus.Passed ? 0 : ExitCode.CheckFailed;
        return new RunOutcome(record, _folder.Path, code, interrupted ? null : failure);
    }

    // Whoever starts a resumable run again relies on a checkpoint.
    private int Stopped(int code)
    {
        if (_folder.HasCheckpoint)
        {
            _terminal.Message($"nabla: go on with `{_blank.CommandLine} --resume --out {_folder.Path}`.");
            return code;
        }
        _terminal.Message($"nabla: {_experiment.Id} was stopped before its first checkpoint: it would start from the beginning.");
        return code == ExitCode.Resumable ? ExitCode.Terminated : code;
    }

    // The record comes last: when it says how the run ended, everything that it names is there.
    private RunRecord Finish(Bench bench, Exception? failure, bool interrupted)
    {
        RunStatus status = interrupted ? RunStatus.Interrupted
            : failure is not null ? RunStatus.Error
            : bench.Checks.Count > 0 && bench.Checks.All(c => c.Passed) ? RunStatus.Passed : RunStatus.Failed;
        RunRecord record = _blank with
        {
            Status = status,
            Error = failure is null ? status == RunStatus.Failed && bench.Checks.Count == 0 ? "The experiment made no check." : null : Terminal.Describe(failure),
            WallSeconds = Math.Round(Seconds, 3),
            Checks = [.. bench.Checks.Select(c => new CheckRecord(c.Name, c.Value, c.Min, c.Max, c.Passed, c.IsControl, c.Note))],
            Findings = bench.Findings,
            Figures = [.. bench.Figures.Select(FilesOf)],
            Tables = [.. bench.Tables.Select(t => new TableRecord(t.Id, t.Caption, t.Columns, [.. t.Rows.Select(r => r.Select(RunText.Cell).ToArray())]))],
        };
        _folder.Write(RunFolder.ReportName, ReportOf.Render(record, _experiment.Options, files => bench.Figures.First(f => f.Id == files.Id).Svg));
        _folder.Write(RunFolder.RecordName, record.ToJson());
        return record;
    }

    private static RunRecord Blank(Experiment experiment, RunRequest request, object config, BenchSettings settings) => new()
    {
        Id = experiment.Id,
        Title = experiment.Info.Title,
        Claim = experiment.Info.Claim,
        Papers = experiment.Info.Papers,
        Quick = request.Quick,
        Options = OptionsOf(experiment, config),
        Seeds = settings.Seeds,
        DType = settings.DType.Name,
        Device = settings.Device.Name,
        Machine = MachineInfo.Of(settings.Device),
        StartedAt = DateTime.UtcNow,
        CommandLine = CommandLineOf(experiment, request, settings),
    };

    private static RunRecord Continued(RunRecord blank, RunRecord? before, RunFolder folder, Terminal terminal)
    {
        terminal.Message($"nabla: going on with {folder.Path}");
        if (before is null) return blank with { WallSeconds = folder.SecondsBefore, Resumed = 1 };
        if (Resumption.Doubt(before, blank) is { } doubt) terminal.Message($"nabla: {doubt}: its numbers may differ in the last digits from those of one process.");
        return blank with
        {
            StartedAt = before.StartedAt,
            WallSeconds = Math.Max(before.WallSeconds, folder.SecondsBefore),
            Resumed = before.Resumed + 1,
        };
    }

    private static JsonObject OptionsOf(Experiment experiment, object config)
    {
        var options = new JsonObject();
        object?[] values = OptionInfo.Read(experiment.Options, config);
        foreach (OptionInfo option in experiment.Options) options[option.Name] = OptionInfo.ToJson(values[option.Position]);
        return options;
    }

    private static string CommandLineOf(Experiment experiment, RunRequest request, BenchSettings settings)
    {
        var words = new List<string> { "nabla", "run", experiment.Id };
        if (request.Quick) words.Add("--quick");
        foreach ((string name, string value) in request.Settings) words.AddRange(["--set", Quoted($"{name}={value}")]);
        words.AddRange(["--seeds", string.Join(',', settings.Seeds.Select(s => s.ToString(CultureInfo.InvariantCulture)))]);
        words.AddRange(["--device", settings.Device.Name, "--dtype", settings.DType.Name]);
        return string.Join(' ', words);
    }

    private static string Quoted(string word) => word.Any(c => !char.IsAsciiLetterOrDigit(c) && !"=,.-_+:/".Contains(c)) ? $"'{word}'" : word;
}
