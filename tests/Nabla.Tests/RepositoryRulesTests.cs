using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Nabla.Tests;

/// <summary>What the project demands of its own files.</summary>
public sealed partial class RepositoryRulesTests
{
    /// <summary>The floors from below: a project may use only those before it.</summary>
    private static readonly string[] Floors = ["Nabla.Tensors", "Nabla.Kernels", "Nabla.Autograd", "Nabla.Experiments"];

    [GeneratedRegex("\"(N[BK]\\d{4})\"")]
    private static partial Regex QuotedCode();

    [GeneratedRegex(@"^### (N[BK]\d{4})\s*$", RegexOptions.Multiline)]
    private static partial Regex DocumentedCode();

    [GeneratedRegex(@"NABLA_[A-Z_]+[A-Z]")]
    private static partial Regex Switch();

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
                && !f.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string Relative(string file) => Path.GetRelativePath(Repository.Root, file);

    [Fact]
    public void No_file_is_longer_than_600_lines()
    {
        string[] folders = ["src", "tests", "bench"];
        List<string> tooLong = [.. folders.SelectMany(Sources).Where(f => File.ReadLines(f).Count() > 600).Select(Relative)];
        Assert.Empty(tooLong);
    }

    [Fact]
    public void An_experiment_fits_250_lines()
    {
        var experiments = Sources("src/Nabla.Experiments").Where(f => File.ReadAllText(f).Contains("\n[Experiment(", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(experiments);
        List<string> tooLong = [.. experiments.Where(f => File.ReadLines(f).Count() > 250).Select(Relative)];
        Assert.Empty(tooLong);
    }

    [Fact]
    public void Projects_refer_only_downward()
    {
        for (int floor = 0; floor < Floors.Length; floor++)
        {
            XDocument project = XDocument.Load(Path.Combine(Repository.Root, "src", Floors[floor], Floors[floor] + ".csproj"));
            foreach (XElement reference in project.Descendants("ProjectReference"))
            {
                // A generator runs at build time; nothing refers to it afterwards.
                if (reference.Attribute("OutputItemType")?.Value == "Analyzer") continue;
                string target = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'));
                // Declarations that stand for a package, in a variant of the build.
                if (target == "Ilgpu.Stub" && reference.Attribute("Condition")?.Value == "'$(UseIlgpu)' == 'stub'") continue;
                Assert.Contains(target, Floors[..floor]);
            }
        }
    }

    [Fact]
    public void Every_error_code_has_a_page_and_every_page_a_code()
    {
        var raised = Sources("src").SelectMany(f => QuotedCode().Matches(File.ReadAllText(f))).Select(m => m.Groups[1].Value).ToHashSet();
        List<string> documented = [.. DocumentedCode().Matches(Repository.Read("docs/errors.md")).Select(m => m.Groups[1].Value)];
        Assert.Empty(raised.Except(documented).Order());
        Assert.Empty(documented.Except(raised));
        Assert.Equal(documented.Distinct().Order(), documented.Order());
    }

    [Fact]
    public void No_code_names_two_different_errors()
    {
        var factories = new Dictionary<string, List<string>>();
        foreach (string file in Sources("src").Where(f => Path.GetFileName(f) == "Errors.cs"))
            foreach (Match match in Regex.Matches(File.ReadAllText(file), @"\b(\w+)\([^)]*\)\s*=>\s*new\(\s*""(N[BK]\d{4})"""))
                (factories.TryGetValue(match.Groups[2].Value, out List<string>? names) ? names : factories[match.Groups[2].Value] = []).Add(match.Groups[1].Value);
        Assert.NotEmpty(factories);
        Assert.Empty(factories.Where(f => f.Value.Count > 1).Select(f => $"{f.Key}: {string.Join(", ", f.Value)}"));
    }

    [Fact]
    public void Every_environment_variable_is_documented()
    {
        string documented = Repository.Read("docs/env.md");
        var used = Sources("src").Concat(Sources("tests")).SelectMany(f => Switch().Matches(File.ReadAllText(f))).Select(m => m.Value).ToHashSet();
        var described = Switch().Matches(documented).Select(m => m.Value).ToHashSet();
        Assert.Equal(used.Order(), described.Order());
    }

    [Fact]
    public void Continuous_integration_runs_the_test_command_of_the_readme()
    {
        const string command = "dotnet test -c Release";
        Assert.Contains($"\n{command}\n", Repository.Read("README.md"), StringComparison.Ordinal);
        Assert.Contains($"\n{command} ", Repository.Read(".ci/run"), StringComparison.Ordinal);
    }
}
