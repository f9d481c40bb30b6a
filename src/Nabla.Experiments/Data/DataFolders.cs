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

    private static string CacheFolder()
    {
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache) return Path.Combine(cache, "nabla");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsWindows()) return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "nabla");
        return OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches", "nabla") : Path.Combine(home, ".cache", "nabla");
    }
}
