using System.Runtime.CompilerServices;
using Nabla.Experiments.Data;

namespace Nabla.Tests.Experiments;

/// <summary>Real data for tests: the folder named by NABLA_DATA, or shared/data beside the repository.</summary>
internal static class TestData
{
    /// <summary>The folder, or null if there is none.</summary>
    public static string? Folder { get; } = Environment.GetEnvironmentVariable(DataFolders.Variable) is { Length: > 0 } set ? set : Beside();

    private static string? Beside([CallerFilePath] string here = "")
    {
        string folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "..", "shared", "data"));
        return Directory.Exists(folder) ? folder : null;
    }
}
