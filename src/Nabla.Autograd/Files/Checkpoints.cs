using System.Globalization;

namespace Nabla.Files;

/// <summary>
/// A folder of numbered checkpoints of one training, the last two of which are kept: files <c>step-00001200.safetensors</c> as <see cref="TreeFile"/>
/// writes them. A killed process leaves whole files only; one that was damaged later is noticed by its checksum, and the one before it is used.
/// </summary>
/// <remarks>A folder belongs to one training and one process at a time.</remarks>
public sealed class Checkpoints
{
    private const string Prefix = "step-", Suffix = ".safetensors", StepKey = "step";

    private readonly int _keep;
    private readonly Action<string> _warn;
    private readonly HashSet<long> _damaged = [];

    /// <summary>The checkpoints of a folder, which is made by the first <see cref="Save"/>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="keep">How many are kept, at least one.</param>
    /// <param name="warn">Where warnings go; null for standard error.</param>
    public Checkpoints(string folder, int keep = 2, Action<string>? warn = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        (Folder, _keep, _warn) = (folder, keep, warn ?? Console.Error.WriteLine);
    }

    /// <summary>Where they are.</summary>
    public string Folder { get; }

    /// <summary>The steps of which there is a file, in ascending order.</summary>
    public IReadOnlyList<long> Steps => !Directory.Exists(Folder) ? []
        : [.. Directory.EnumerateFiles(Folder, $"{Prefix}*{Suffix}").Select(StepOf).OfType<long>().Order()];

    /// <summary>The file of a step.</summary>
    public string PathOf(long step) => Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D8}{Suffix}"));

    /// <summary>
    /// Writes the state after so many steps, then removes older ones. <paramref name="state"/> must hold everything that decides the numbers: parameters,
    /// state of the optimiser, random key, counters.
    /// </summary>
    /// <exception cref="TreeFileException">NB0415: the state has no names; NB0416: the folder holds a later step, so it belongs to another training.</exception>
    /// <exception cref="IOException">The file cannot be written (full disk, read-only folder, …); those before are as they were.</exception>
    public void Save<T>(long step, T state)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        long[] sound = [.. Steps.Where(s => !_damaged.Contains(s))];
        if (sound.Length > 0 && sound[^1] > step) throw AutogradErrors.LaterCheckpoint(PathOf(sound[^1]), step);
        Directory.CreateDirectory(Folder);
        TreeFile.Save(PathOf(step), state, [new(StepKey, step.ToString(CultureInfo.InvariantCulture))]);
        _damaged.Remove(step);
        foreach (long old in _damaged.Concat(sound.Where(s => s != step).Reverse().Skip(_keep - 1)).ToArray()) Remove(PathOf(old));
        _damaged.Clear();
        foreach (string left in Directory.EnumerateFiles(Folder, $".{Prefix}*{Suffix}.*.tmp")) Remove(left);
    }

    /// <summary>The last state that can be read, and its step; null if none was ever saved.</summary>
    /// <param name="like">An example of the state, as of <see cref="TreeFile.Load"/>.</param>
    /// <exception cref="TreeFileException">
    /// NB0412: the state is of another structure; NB0413: the checkpoint is of a later version; NB0417: there are checkpoints, but all are damaged.
    /// </exception>
    public (long Step, T State)? TryLoadLatest<T>(T like)
    {
        var faults = new List<string>();
        foreach (long step in Steps.Reverse())
        {
            string path = PathOf(step);
            if (TryRead(path, faults) is not { } content)
            {
                _damaged.Add(step);
                continue;
            }
            if (faults.Count > 0) _warn($"checkpoints: {string.Join("; ", faults)} Going on from '{path}'.");
            return (step, content.Fit(like, strict: true));
        }
        return faults.Count == 0 ? null : throw AutogradErrors.NoSoundCheckpoint(Folder, faults);
    }

    private static TreeFileContent? TryRead(string path, List<string> faults)
    {
        try
        {
            TreeFileContent content = TreeFileContent.Read(path, ours: true);
            if (content.Metadata.TryGetValue(StepKey, out string? step) && StepOf(path) is { } named && step == named.ToString(CultureInfo.InvariantCulture)) return content;
            faults.Add($"'{path}' is the checkpoint of step {step}, not of the step that its name says.");
        }
        catch (FileFormatException e)
        {
            faults.Add($"'{path}' is damaged: {e.Message}");
        }
        return null;
    }

    private static long? StepOf(string path) =>
        Path.GetFileName(path) is { } name && long.TryParse(name.AsSpan(Prefix.Length, name.Length - Prefix.Length - Suffix.Length), NumberStyles.None,
            CultureInfo.InvariantCulture, out long step) ? step : null;

    // The new checkpoint is there: an old one that cannot be removed does no harm.
    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
