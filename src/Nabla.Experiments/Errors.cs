using Nabla.Experiments.Data;

namespace Nabla.Experiments;

/// <summary>What the user typed cannot be done: exit code 2.</summary>
public sealed class UsageException(string code, string message) : NablaException(code, message);

/// <summary>The machine cannot do it: no room, no permission, no network, no data. Exit code 3.</summary>
public sealed class EnvironmentException(string code, string message, Exception? inner = null) : NablaException(code, message, inner);

/// <summary>An experiment breaks the rules of the framework: exit code 4.</summary>
public sealed class ExperimentException(string code, string message) : NablaException(code, message);

/// <summary>The messages of this layer, side by side.</summary>
internal static class ExperimentErrors
{
    public static UsageException UnknownExperiment(string id, string[] nearest) => new("NB0701",
        $"experiment: there is none of this name: '{id}'. {(nearest.Length > 0 ? $"Nearest: {string.Join(", ", nearest)}. " : "")}`nabla list` shows all.");

    public static UsageException UnknownOption(string id, string name, string[] nearest) => new("NB0702",
        $"set: {id} has no option '{name}'{(nearest.Length > 0 ? $"; nearest: {string.Join(", ", nearest)}" : "")}. `nabla describe {id}` shows all.");

    public static UsageException BadValue(string name, string value, string expected) => new("NB0703",
        $"set: the value does not fit option {name}: '{value}'; expected {expected}.");

    public static ExperimentException BadDeclaration(Type type, string rule) => new("NB0704",
        $"experiment: {type.Name}: {rule}.");

    public static ExperimentException Repeated(string what, string id) => new("NB0705",
        $"bench: the name of a {what} is used twice in one run: '{id}'; names become file names and keys. Add the seed or the arm to it.");

    public static UsageException NoTrainingStep(string id) => new("NB0706",
        $"ir: {id} shows no training step. Those that do are marked in `nabla list --json`.");

    public static UsageException FolderTaken(string path) => new("NB0707",
        $"out: the folder already holds a run: {path}; runs never overwrite each other. Choose another folder, or remove this one.");

    public static EnvironmentException CannotWrite(string path, Exception cause) => IsDiskFull(cause)
        ? new("NB0708", $"write: the disk is full: {path}; files that were complete are kept. Free some space, or choose another folder with --out.", cause)
        : new("NB0709", $"write: cannot write here: {path}: {cause.Message} Choose another folder with --out.", cause);

    public static UsageException NothingToVerify() => new("NB0710",
        "verify: nothing to verify; expected the names of experiments, or --all. `nabla list` shows all.");

    public static UsageException NotARun(string path, string why) => new("NB0711",
        $"report: this is not the folder of a run: {path}: {why}. `nabla run ID` makes one.");

    public static EnvironmentException DataMissing(DataEntry entry) => new("NB0712",
        $"data: {entry.Title} is not on this machine: looked in {string.Join(" and ", DataFolders.All)} for the folder {entry.Name}. " +
        $"`nabla data download {entry.Name}` fetches it; {DataFolders.Variable} names another folder.");

    public static EnvironmentException DataShape(string path, string found, string expected) => new("NB0713",
        $"data: this is not the published file: {path}: {found}; expected {expected}. Remove it and fetch it again.");

    public static EnvironmentException DownloadFailed(Uri address, string why, Exception cause) => new("NB0714",
        $"download: the file cannot be fetched: {address}: {why}. Without a network, copy it from elsewhere into a folder named by {DataFolders.Variable}.", cause);

    public static EnvironmentException WrongDownload(Uri address, string found, string expected) => new("NB0715",
        $"download: the server sent another file than the published one: {address}: {found}; expected {expected}. Nothing was kept.");

    public static UsageException UnknownPrimitive(string name, string[] nearest) => new("NB0716",
        $"gradcheck: there is no primitive of this name: '{name}'. Nearest: {string.Join(", ", nearest)}.");

    public static UsageException NothingToGradCheck() => new("NB0717",
        "gradcheck: nothing to check; expected the names of primitives, or --all.");

    public static UsageException OtherConditions(string path, IEnumerable<string> differences, string command) => new("NB0720",
        $"resume: the run was made under other conditions: {path}: {string.Join("; ", differences)}. Go on with `{command} --resume --out {path}`, or start anew " +
        "without --resume.");

    public static UsageException RunInUse(string path) => new("NB0721",
        $"resume: another process is working on this run: {path}; wait for it, or stop it first.");

    public static ExperimentException FigureData(string kind, string title, string problem) => new("NB0790",
        $"figure: the data do not fit together: {kind} '{title}': {problem}. Give every array of a series the length of its x; mark missing values by NaN.");

    // errno of Linux and macOS (EFBIG, ENOSPC, EDQUOT), or a Win32 code as HRESULT; .NET itself turns EFBIG into the argument exception.
    private static bool IsDiskFull(Exception cause) =>
        cause is ArgumentOutOfRangeException || cause.HResult is 27 or 28 or 69 or 122 or unchecked((int)0x80070070) or unchecked((int)0x80070027);
}
