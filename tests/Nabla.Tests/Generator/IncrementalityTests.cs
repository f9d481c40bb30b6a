using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Nabla.Kernels.Generator;

namespace Nabla.Tests.Generator;

/// <summary>The generator runs again only for what changed: this is what keeps an editor quick.</summary>
public sealed class IncrementalityTests
{
    private const string Kernels = """
        namespace Samples;

        static partial class Kernels
        {
            /// <summary>Doubles.</summary>
            [Kernel(64)]
            static void Double(ArrayView<float> y)
            {
                // Every element.
                int i = Grid.GlobalLinearIndex;
                if (i < y.IntLength) y[i] = Twice(y[i]);
            }

            [Kernel(64)]
            static void Reverse(ArrayView<float> y)
            {
                var tile = SharedMemory.Allocate<float>(64); /* one group */
                tile[Group.IdxX] = y[Group.IdxX];
                Group.Barrier();
                y[Group.IdxX] = tile[63 - Group.IdxX];
            }

            static float Twice(float v) => 2 * v;
        }

        [ElementOp("treble")]
        struct TrebleOp { public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => x + x + x; }
        """;

    private const string Unrelated = "namespace Samples; static class Host { public static int Answer => 42; }";

    [Theory]
    [InlineData("// Every element.", "// Each element, once.")]
    [InlineData("/// <summary>Doubles.</summary>", "/// <summary>Multiplies by two.</summary>")]
    [InlineData("/* one group */", "/* one group, no more */")]
    [InlineData("Group.Barrier();", "Group.Barrier(); // the tile is full")]
    [InlineData("Answer => 42", "Answer => 43")]
    [InlineData("static class Host {", "static class Host { public static void Print() { Console.WriteLine(Answer); }")]
    public void A_changed_comment_or_an_unrelated_file_regenerates_nothing(string before, string after)
    {
        GeneratorRunResult result = Change(before, after, out string[] changed);
        Assert.Empty(changed);
        Assert.All(result.TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(run => run.Outputs), output => Assert.Equal(IncrementalStepRunReason.Cached, output.Reason));
        foreach (string step in (string[])[KernelGenerator.KernelStep, KernelGenerator.OperationStep])
            Assert.All(result.TrackedSteps[step].SelectMany(run => run.Outputs), output => Assert.Contains(output.Reason, new[] { IncrementalStepRunReason.Cached, IncrementalStepRunReason.Unchanged }));
    }

    [Theory]
    [InlineData("int i = Grid.GlobalLinearIndex;", "int i = Grid.IdxX * 64 + Group.IdxX;", "Samples.Kernels.Double.g.cs")]
    [InlineData("Twice(float v) => 2 * v", "Twice(float v) => v + v", "Samples.Kernels.Double.g.cs")]
    [InlineData("tile[63 - Group.IdxX]", "tile[64 - 1 - Group.IdxX]", "Samples.Kernels.Reverse.g.cs")]
    [InlineData("x + x + x", "T.CreateTruncating(3) * x", "ElementFunctions.g.cs")]
    public void A_changed_kernel_or_helper_regenerates_its_own_file(string before, string after, string file)
    {
        Change(before, after, out string[] changed);
        Assert.Equal([file], changed);
    }

    // Runs the generator before and after a change of the text; tells which files have another content.
    private static GeneratorRunResult Change(string before, string after, out string[] changed)
    {
        Assert.Contains(before, Kernels + Unrelated);
        CSharpCompilation compilation = KernelSource.Compile(Kernels, Unrelated);
        GeneratorDriver driver = KernelSource.Driver().RunGenerators(compilation);
        Dictionary<string, string> first = Files(driver);
        Assert.Equal(3, first.Count);
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
            if (tree.ToString().Contains(before, StringComparison.Ordinal))
                compilation = compilation.ReplaceSyntaxTree(tree, tree.WithChangedText(Microsoft.CodeAnalysis.Text.SourceText.From(tree.ToString().Replace(before, after), System.Text.Encoding.UTF8)));
        driver = driver.RunGenerators(compilation);
        changed = [.. Files(driver).Where(f => f.Value != first[f.Key]).Select(f => f.Key)];
        return driver.GetRunResult().Results[0];
    }

    private static Dictionary<string, string> Files(GeneratorDriver driver) =>
        driver.GetRunResult().Results[0].GeneratedSources.ToDictionary(s => s.HintName, s => s.SourceText.ToString());
}
