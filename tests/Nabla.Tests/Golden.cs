using System.Runtime.CompilerServices;

namespace Nabla.Tests;

/// <summary>Compares texts with reviewed files in <c>tests/Nabla.Tests/Verified</c>. <c>NABLA_UPDATE_GOLDEN=1</c> rewrites them; the diff is then reviewed like code.</summary>
public static class Golden
{
    public static void Verify(string name, string text, [CallerFilePath] string caller = "")
    {
        var path = Path.Combine(Root(caller), "Verified", $"{name}.txt");
        var actual = text.ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable("NABLA_UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"There is no Verified/{name}.txt yet. Run the test once with NABLA_UPDATE_GOLDEN=1 and review the file.");
        Assert.Equal(File.ReadAllText(path).ReplaceLineEndings("\n"), actual);
    }

    // The folder of the tests' sources, from the path of whoever called.
    private static string Root(string caller)
    {
        for (var folder = Path.GetDirectoryName(caller); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Nabla.Tests.csproj"))) return folder;
        }

        throw new DirectoryNotFoundException($"No Nabla.Tests.csproj above {caller}.");
    }
}
