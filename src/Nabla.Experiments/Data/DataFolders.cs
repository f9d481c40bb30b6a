using Nabla.Files;

namespace Nabla.Experiments.Data;

/// <summary>Where data sets that are not embedded are looked for, and where downloads go.</summary>
public static class DataFolders
{
    /// <summary>Name of the environment variable that comes first.</summary>
    public const string Variable = "NABLA_DATA";

    /// <summary>The folders, first choice first: <c>NABLA_DATA</c> if set, then the user's cache folder.</summary>
    public static IReadOnlyList<string> All =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } chosen ? [chosen, CacheFolder()] : [CacheFolder()];

    /// <summary>The first of the folders that has this file, as a full path; null if none has.</summary>
    /// <param name="file">Path inside the folder, such as <c>mnist/t10k-labels-idx1-ubyte.gz</c>.</param>
    public static string? Find(string file) => All.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    private static string CacheFolder() => UserFolders.Cache ?? Path.Combine(Path.GetTempPath(), "nabla");
}
