using Nabla.Experiments.Data;
using Nabla.Experiments.Report;
using Nabla.Experiments.Training;
using Nabla.Files;

namespace Nabla.Experiments;

/// <summary>Under which conditions an experiment runs: everything outside its own options that decides its numbers.</summary>
/// <param name="Seeds">The seeds of the run; one training each, if the protocol trains once per seed.</param>
/// <param name="Device">Where tensors live.</param>
/// <param name="DType">Element type of parameters and data.</param>
/// <param name="Quick">True in the quick form.</param>
/// <param name="Cancellation">Set when the user asks to stop.</param>
/// <param name="CheckpointSeconds">Time between two checkpoints of a training.</param>
public sealed record BenchSettings(
    IReadOnlyList<ulong> Seeds, Device Device, DType DType = DType.F32, bool Quick = false, CancellationToken Cancellation = default,
    double CheckpointSeconds = 60);

/// <summary>A measured value beside the bounds that the claim sets for it.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The measured value.</param>
/// <param name="Min">Smallest value that agrees with the claim; null if there is no lower bound.</param>
/// <param name="Max">Largest value that agrees with the claim; null if there is no upper bound.</param>
/// <param name="Note">Where the bounds come from, or what to know about the measurement.</param>
/// <param name="IsControl">True for a negative control: a setting in which the phenomenon must be absent.</param>
public sealed record CheckResult(string Name, double Value, double? Min, double? Max, string? Note, bool IsControl)
{
    /// <summary>True if the value lies within the bounds, ends included. NaN never does.</summary>
    public bool Passed => !double.IsNaN(Value) && !(Value < Min) && !(Value > Max);
}

/// <summary>A figure of a run.</summary>
/// <param name="Id">Its file name without extension.</param>
/// <param name="Caption">What one sees, in a sentence or two.</param>
/// <param name="Figure">The picture.</param>
/// <param name="Svg">The picture, drawn.</param>
public sealed record BenchFigure(string Id, string Caption, Figure Figure, string Svg);

/// <summary>A table of a run.</summary>
/// <param name="Id">Its file name without extension.</param>
/// <param name="Caption">What one sees.</param>
/// <param name="Columns">Column names.</param>
/// <param name="Rows">Cells as text or numbers; every row has one for each column.</param>
public sealed record BenchTable(string Id, string Caption, IReadOnlyList<string> Columns, IReadOnlyList<object[]> Rows);

/// <summary>Where a bench sends what cannot wait for the end of the run.</summary>
public interface IBenchSink
{
    /// <summary>One value of a time series.</summary>
    void Metric(long step, string name, double value);

    /// <summary>How far a piece of work has come.</summary>
    void Progress(string label, long done, long total);

    /// <summary>A check was decided.</summary>
    void Checked(CheckResult check);

    /// <summary>A figure was drawn.</summary>
    void Drawn(BenchFigure figure);

    /// <summary>Where a training keeps its checkpoints; null if nowhere.</summary>
    Checkpoints? CheckpointsOf(string training) => null;

    /// <summary>A checkpoint will be written: what was reported so far must be on disk before it.</summary>
    void BeforeCheckpoint()
    {
    }
}

/// <summary>
/// What an experiment receives: the conditions of the run, and a place for what it measures. Not safe for use from several threads.
/// </summary>
public sealed class Bench
{
    private readonly BenchSettings _settings;
    private readonly IBenchSink? _sink;
    private readonly List<CheckResult> _checks = [];
    private readonly List<BenchFigure> _figures = [];
    private readonly List<BenchTable> _tables = [];
    private readonly List<string> _findings = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private bool _training;

    /// <summary>A bench that only remembers, as tests use it, or one that also reports to <paramref name="sink"/>.</summary>
    public Bench(BenchSettings settings, IBenchSink? sink = null)
    {
        if (settings.Seeds.Count == 0) throw new ArgumentException("At least one seed.", nameof(settings));
        _settings = settings;
        _sink = sink;
    }

    /// <summary>The first seed.</summary>
    public ulong Seed => _settings.Seeds[0];

    /// <summary>All seeds of the run: 0, 1, …, unless the user chose others.</summary>
    public IReadOnlyList<ulong> Seeds => _settings.Seeds;

    /// <summary>Where tensors shall live; it is also <see cref="Device.Default"/> during a run.</summary>
    public Device Device => _settings.Device;

    /// <summary>Element type of parameters and data.</summary>
    public DType DType => _settings.DType;

    /// <summary>True in the quick form.</summary>
    public bool Quick => _settings.Quick;

    /// <summary>Set when the user asks to stop; <see cref="Progress"/> and <see cref="Metric"/> look at it by themselves.</summary>
    public CancellationToken CancellationToken => _settings.Cancellation;

    /// <summary>Time between two checkpoints of a training.</summary>
    public double CheckpointSeconds => _settings.CheckpointSeconds;

    /// <summary>The checks so far.</summary>
    public IReadOnlyList<CheckResult> Checks => _checks;

    /// <summary>The figures so far.</summary>
    public IReadOnlyList<BenchFigure> Figures => _figures;

    /// <summary>The tables so far.</summary>
    public IReadOnlyList<BenchTable> Tables => _tables;

    /// <summary>The findings so far.</summary>
    public IReadOnlyList<string> Findings => _findings;

    /// <summary>The claim as a number with bounds; the run fails if it lies outside, or is NaN.</summary>
    /// <param name="name">What was measured, such as <c>late sharpness ÷ (2/η)</c>; unique within the run.</param>
    /// <param name="value">The measured value.</param>
    /// <param name="min">Smallest value that agrees with the claim.</param>
    /// <param name="max">Largest value that agrees with the claim.</param>
    /// <param name="note">Where the bounds come from, or what to know about the measurement.</param>
    /// <returns>True if it passed.</returns>
    /// <exception cref="ArgumentException">There is no bound, so nothing could fail.</exception>
    public bool Check(string name, double value, double? min = null, double? max = null, string? note = null) =>
        Add(new CheckResult(name, value, min, max, note, IsControl: false));

    /// <summary>A statement that holds or does not, as the value 1 or 0 that must be 1.</summary>
    public bool Check(string name, bool holds, string? note = null) => Check(name, holds ? 1 : 0, min: 1, note: note);

    /// <summary>
    /// A negative control: the same measurement where the phenomenon must be absent. The bounds say what is seen then.
    /// </summary>
    /// <inheritdoc cref="Check(string, double, double?, double?, string?)"/>
    public bool Control(string name, double value, double? min = null, double? max = null, string? note = null) =>
        Add(new CheckResult(name, value, min, max, note, IsControl: true));

    /// <summary>A negative control that holds or does not.</summary>
    public bool Control(string name, bool holds, string? note = null) => Control(name, holds ? 1 : 0, min: 1, note: note);

    /// <summary>Adds a figure to the report, and its SVG and CSV to <c>figures/</c>.</summary>
    /// <param name="id">File name without extension: lower case, dashes; unique within the run.</param>
    /// <param name="caption">What one sees, in a sentence or two.</param>
    /// <param name="figure">The picture.</param>
    public void Figure(string id, string caption, Figure figure)
    {
        if (id.Length == 0 || !id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            throw new ArgumentException($"Figure '{id}': lower-case letters, digits and dashes only; it becomes a file name.", nameof(id));
        Claim("figure", id);
        var drawn = new BenchFigure(id, caption, figure, figure.ToSvg());
        _figures.Add(drawn);
        _sink?.Drawn(drawn);
    }

    /// <summary>Adds a table to the report.</summary>
    /// <param name="id">A name, unique within the run.</param>
    /// <param name="caption">What one sees.</param>
    /// <param name="columns">Column names.</param>
    /// <param name="rows">Rows of text or numbers, one cell for each column.</param>
    public void Table(string id, string caption, IReadOnlyList<string> columns, IEnumerable<object[]> rows)
    {
        Claim("table", id);
        object[][] cells = [.. rows];
        if (cells.Any(row => row.Length != columns.Count))
            throw new ArgumentException($"Table {id}: every row needs {columns.Count} cells.", nameof(rows));
        _tables.Add(new BenchTable(id, caption, columns, cells));
    }

    /// <summary>Adds a sentence to the report: something seen that is not a check.</summary>
    public void Finding(string text) => _findings.Add(text);

    /// <summary>Loads a data set, such as <c>bench.Load(ImageData.Mnist)</c>; if its split is not the published one, the report says so.</summary>
    public TrainTest Load(Func<TrainTest> source)
    {
        TrainTest data = source();
        if (data.Note is { } note) Finding(note);
        return data;
    }

    /// <summary>Appends a value of a time series to <c>metrics.jsonl</c>, at once.</summary>
    /// <exception cref="OperationCanceledException">The user asked to stop.</exception>
    public void Metric(long step, string name, double value)
    {
        ThrowIfInterrupted();
        _sink?.Metric(step, name, value);
    }

    /// <summary>
    /// Says how far a piece of work has come. Call it once a step or so: it costs little, and it is where a run notices that it shall stop.
    /// </summary>
    /// <exception cref="OperationCanceledException">The user asked to stop.</exception>
    public void Progress(string label, long done, long total)
    {
        ThrowIfInterrupted();
        _sink?.Progress(label, done, total);
    }

    /// <summary>Stops the run if the user asked for it; within a training that has checkpoints, the next visit does.</summary>
    /// <exception cref="OperationCanceledException">The user asked to stop.</exception>
    public void ThrowIfInterrupted()
    {
        if (!_training) _settings.Cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// The checkpoints of a training that begins now. One at a time; a run that is resumed must ask for the same ones in the same order. Without a run folder,
    /// they keep nothing.
    /// </summary>
    /// <param name="training">What is trained, for people.</param>
    public BenchCheckpoints Checkpoints(string training)
    {
        ThrowIfInterrupted();
        _training = true;
        return new BenchCheckpoints(this, _sink?.CheckpointsOf(training), () => _sink?.BeforeCheckpoint(), () => _training = false);
    }

    private bool Add(CheckResult check)
    {
        if (check.Min is null && check.Max is null) throw new ArgumentException($"Check {check.Name}: give min, max or both.");
        Claim("check", check.Name);
        _checks.Add(check);
        _sink?.Checked(check);
        return check.Passed;
    }

    private void Claim(string what, string id)
    {
        if (!_names.Add($"{what}:{id}")) throw ExperimentErrors.Repeated(what, id);
    }
}
