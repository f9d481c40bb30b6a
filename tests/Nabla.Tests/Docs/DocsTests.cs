using System.Text.RegularExpressions;
using Nabla.Experiments;

namespace Nabla.Tests.Docs;

/// <summary>What the documents say is what the code does.</summary>
public sealed partial class DocsTests
{
    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\]\((?!https?:|#)([^)#]+)")]
    private static partial Regex LocalLink();

    [GeneratedRegex(@"`([A-Z]\w+)(?:\.([A-Z]\w+))?`")]
    private static partial Regex Api();

    private static string[] Lines(string text) =>
        [.. text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && !l.StartsWith("using ", StringComparison.Ordinal))];

    [Theory]
    [InlineData("README.md", "ReadmeExample.cs")]
    [InlineData("docs/tour.md", "TourExample.cs")]
    public void The_code_of_a_document_is_the_code_that_the_tests_run(string document, string source)
    {
        string example = string.Join('\n', Lines(Repository.Read($"tests/Nabla.Tests/Docs/{source}")));
        MatchCollection blocks = CodeBlock().Matches(Repository.Read(document));
        Assert.NotEmpty(blocks);
        foreach (Match block in blocks)
            Assert.Contains(string.Join('\n', Lines(block.Groups[1].Value)), example, StringComparison.Ordinal);
    }

    [Fact]
    public void The_code_of_the_readme_does_what_its_comments_say()
    {
        (double first, double last, int[] perExample, string program) = ReadmeExample.Run();
        Assert.InRange(last, 0, 0.9 * first);
        Assert.Equal([100, 3], perExample);
        Assert.StartsWith("{ lambda a:f32[3] . b:f32[3] = tanh a; ", program, StringComparison.Ordinal);
    }

    [Fact]
    public void The_readme_names_every_experiment()
    {
        string readme = Repository.Read("README.md");
        List<string> ids = [.. Registry.Default.All.Select(e => e.Id)];
        Assert.NotEmpty(ids);
        Assert.All(ids, id => Assert.Contains($"`{id}`", readme, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/errors.md")]
    [InlineData("docs/env.md")]
    [InlineData("docs/tour.md")]
    [InlineData("docs/coding-rate.md")]
    [InlineData("docs/kernels.md")]
    public void Links_to_files_lead_somewhere(string document)
    {
        string folder = Path.GetDirectoryName(Path.Combine(Repository.Root, document))!;
        Assert.All(LocalLink().Matches(Repository.Read(document)), m => Assert.True(Path.Exists(Path.Combine(folder, m.Groups[1].Value)), m.Value));
    }

    [Fact]
    public void The_page_on_coding_rates_names_code_that_exists()
    {
        Type[] types = [.. typeof(CodingRate).Assembly.GetTypes()];
        (string Type, string Member)[] named = [.. Api().Matches(Repository.Read("docs/coding-rate.md")).Select(m => (m.Groups[1].Value, m.Groups[2].Value))];
        Assert.Contains(named, n => n == ("CodingRate", "Rate"));
        string[] members = [.. types.SelectMany(t => t.GetMembers()).Select(m => m.Name).Distinct()];
        Assert.All(named, n => Assert.True(n.Member.Length > 0 ? types.Any(t => t.Name == n.Type && t.GetMember(n.Member).Length > 0) : types.Any(t => t.Name == n.Type) || members.Contains(n.Type), $"{n}"));
    }
}
