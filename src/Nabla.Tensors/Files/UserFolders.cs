namespace Nabla.Files;

/// <summary>Folders of the user who runs the program.</summary>
public static class UserFolders
{
    /// <summary>
    /// Where things are kept that can be made or fetched again: <c>nabla</c> in <c>XDG_CACHE_HOME</c> or in the platform's cache folder; null for a user without a home.
    /// </summary>
    public static string? Cache
    {
        get
        {
            if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache) return Path.Combine(cache, "nabla");
            string home = Environment.GetFolderPath(OperatingSystem.IsWindows() ? Environment.SpecialFolder.LocalApplicationData : Environment.SpecialFolder.UserProfile);
            if (home.Length == 0) return null;
            if (OperatingSystem.IsWindows()) return Path.Combine(home, "nabla");
            return OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches", "nabla") : Path.Combine(home, ".cache", "nabla");
        }
    }
}
