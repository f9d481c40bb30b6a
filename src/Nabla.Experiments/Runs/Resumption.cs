using System.Text.Json.Nodes;

namespace Nabla.Experiments.Runs;

/// <summary>Finds the run that shall go on.</summary>
internal static class Resumption
{
    /// <summary>
    /// The folder of the run to go on with, and its record if it has one: the folder asked for, or the newest under <c>runs/</c> that has not ended and was made
    /// under the same conditions. Null if there is none, so that the run starts anew.
    /// </summary>
    /// <param name="request">What the user asked for.</param>
    /// <param name="asked">The record that a new run would begin with.</param>
    /// <exception cref="UsageException">NB0720: there is one, but under other conditions.</exception>
    public static (string Folder, RunRecord? Record)? Find(RunRequest request, RunRecord asked)
    {
        if (request.Folder is { } folder)
        {
            if (!RunFolder.IsTaken(folder)) return null;
            RunRecord? record = RunFolder.RecordIn(folder);
            if (record is not null && Differences(record, asked) is { Count: > 0 } differences)
                throw ExperimentErrors.OtherConditions(folder, differences, record.CommandLine);
            return (folder, record);
        }
        (string Folder, RunRecord Record)[] open = [.. RunFolder.RunsOf(asked.Id)
            .Select(path => (path, Record: RunFolder.RecordIn(path)))
            .Where(run => run.Record?.Id == asked.Id && !HasEnded(run.Record)).Select(run => (run.path, run.Record!))];
        foreach ((string path, RunRecord record) in open)
            if (Differences(record, asked).Count == 0) return (path, record);
        if (open.Length > 0) throw ExperimentErrors.OtherConditions(open[0].Folder, Differences(open[0].Record, asked), open[0].Record.CommandLine);
        return null;
    }

    /// <summary>Whether nothing is left to do.</summary>
    public static bool HasEnded(RunRecord record) => record.Status is RunStatus.Passed or RunStatus.Failed;

    /// <summary>What makes equal bits unlikely although the conditions are the same; null if nothing does.</summary>
    public static string? Doubt(RunRecord record, RunRecord asked) =>
        record.Machine.Commit != asked.Machine.Commit ? $"the run was started by another build (commit {record.Machine.Commit}, now {asked.Machine.Commit})"
        : record.Machine.Cpu != asked.Machine.Cpu ? $"the run was started on another processor ({record.Machine.Cpu})"
        : null;

    private static List<string> Differences(RunRecord record, RunRecord asked)
    {
        var differences = new List<string>();
        void Compare(string what, string there, string here)
        {
            if (there != here) differences.Add($"{what} {there} there, {here} asked");
        }
        Compare("experiment", record.Id, asked.Id);
        foreach (string name in record.Options.Select(o => o.Key).Union(asked.Options.Select(o => o.Key)))
            Compare(name, Text(record.Options, name), Text(asked.Options, name));
        Compare("seeds", string.Join(',', record.Seeds), string.Join(',', asked.Seeds));
        Compare("dtype", record.DType, asked.DType);
        Compare("device", record.Device, asked.Device);
        Compare("quick", record.Quick ? "yes" : "no", asked.Quick ? "yes" : "no");
        return differences;
    }

    private static string Text(JsonObject options, string name) =>
        options.TryGetPropertyValue(name, out JsonNode? value) ? value?.ToJsonString() ?? "default" : "none";
}
