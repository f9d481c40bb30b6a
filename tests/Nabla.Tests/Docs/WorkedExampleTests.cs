using System.Text.RegularExpressions;
using Nabla.Kernels;
using Nabla.Tests.Accelerators;
using Nabla.Tests.Kernels;
using Nabla.WorkedExample;

namespace Nabla.Tests.Docs;

/// <summary>The steps of the product in docs/kernels.md: the page shows what is compiled, and what is compiled computes the product.</summary>
public sealed partial class WorkedExampleTests
{
    public static TheoryData<string> Devices => DeviceCases.Names;

    [GeneratedRegex(@"    \[Kernel\([^\n]*\n    public static void (\w+)\(.*?\n    \}\n", RegexOptions.Singleline)]
    private static partial Regex Kernel();

    [Fact]
    public void The_page_shows_the_code_that_is_compiled()
    {
        string page = Repository.Read("docs/kernels.md"), source = Repository.Read("bench/Nabla.Bench/MatMulSteps.cs");
        MatchCollection kernels = Kernel().Matches(source);
        Assert.Equal(MatMulSteps.All.Length, kernels.Count);
        foreach (Match kernel in kernels)
        {
            string shown = string.Join('\n', kernel.Value.Split('\n').Select(line => line.StartsWith("    ", StringComparison.Ordinal) ? line[4..] : line));
            Assert.Contains($"```csharp\n{shown}```\n", page);
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Every_step_computes_the_product(string name)
    {
        const int n = 192;
        var device = (Accelerator)DeviceCases.Find(name);
        Func<int, double> noise = LayoutCases.Noise(1);
        DenseTensor a = LayoutCases.Dense([n, n], i => (float)noise(i)), b = LayoutCases.Dense([n, n], i => (float)noise(i));
        double[] x = a.ToDoubles(), y = b.ToDoubles();
        (DenseTensor left, DenseTensor right) = (a.Place(device), b.Place(device));
        foreach ((string step, MatMulSteps.Launch launch) in MatMulSteps.All)
        {
            DenseTensor c = LayoutCases.Output(DType.F32, [n, n]).Place(device);
            launch(device, DeviceView.Of(left), DeviceView.Of(right), DeviceView.Of(c), n);
            double[] actual = c.ToDoubles();
            for (int i = 0; i < n * n; i++)
            {
                double sum = 0, size = 0;
                for (int p = 0; p < n; p++)
                {
                    double term = x[i / n * n + p] * y[p * n + i % n];
                    (sum, size) = (sum + term, size + Math.Abs(term));
                }
                Assert.True(Math.Abs(actual[i] - sum) <= n * Math.ScaleB(size, -24), $"{step} on {name} at {i}: {actual[i]:R} instead of {sum:R}");
            }
        }
    }
}
