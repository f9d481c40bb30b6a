using System.Diagnostics;
using Nabla.Files;

namespace Nabla.Tests.Oracle;

/// <summary>Values and gradients against PyTorch, where it is installed; see <c>docs/oracle.md</c>.</summary>
public sealed class TorchOracleTests
{
    private static OracleCase[] Cases => [.. ElementwiseCases.All, .. ShapeCases.All, .. LinalgCases.All, .. NetworkCases.All, .. CalculusCases.All];

    [Fact]
    public void Values_and_gradients_agree_with_PyTorch()
    {
        string? python = Environment.GetEnvironmentVariable("NABLA_ORACLE");
        Assert.SkipWhen(string.IsNullOrEmpty(python), "NABLA_ORACLE does not name a python with PyTorch (docs/env.md).");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("nabla-oracle");
        try
        {
            string versions = RunScript(python!, folder.FullName);
            OrderedDictionary<string, DenseTensor> arrays = Npz.Read(Path.Combine(folder.FullName, "cases.npz"));
            Compare(arrays, versions);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Every_case_of_the_script_has_a_name_of_its_own_here()
    {
        List<string> names = [.. Cases.Select(c => c.Name)];
        Assert.True(names.Count >= 150);
        Assert.Equal(names.Distinct(), names);
        Assert.All(Cases.Where(c => c.IsConvention || c.Tolerance > 1e-12), c => Assert.False(string.IsNullOrEmpty(c.Note), c.Name));
    }

    [Theory]
    [InlineData(1, 0, true)]
    [InlineData(1, 1e-11, false)]
    [InlineData(1 + 1e-10, 0, false)]
    [InlineData(double.NaN, 0, false)]
    public void A_wrong_value_or_gradient_is_seen(double factor, double shift, bool holds)
    {
        double[] x = [0.5, -2], y = [.. x.Select(Math.Exp)];
        var arrays = new Dictionary<string, DenseTensor>
        {
            ["a/exp/in0"] = Tensor.From(x),
            ["a/exp/out0"] = Tensor.From([y[0], factor * y[1]]),
            ["a/exp/ct0"] = Tensor.From([1.0, 3]),
            ["a/exp/grad0"] = Tensor.From([y[0], (3 * y[1]) + shift]),
        };
        Assert.Equal(holds, OracleComparison.Of(OracleCase.Of("a/exp", v => v.Exp()), arrays).Holds);
        Assert.False(OracleComparison.Of(OracleCase.Of("a/exp", v => v.Exp().ExpandDims(0)), arrays).Holds);
    }

    private static void Compare(OrderedDictionary<string, DenseTensor> arrays, string versions)
    {
        List<string> theirs = [.. arrays.Keys.Select(k => k[..k.LastIndexOf('/')]).Distinct()];
        Dictionary<string, OracleCase> ours = Cases.ToDictionary(c => c.Name);
        Assert.Empty(theirs.Except(ours.Keys));
        Assert.Empty(ours.Keys.Except(theirs));
        var comparisons = new List<OracleComparison>();
        var failures = new List<string>();
        foreach (string name in theirs)
        {
            try
            {
                var c = OracleComparison.Of(ours[name], arrays);
                comparisons.Add(c);
                if (!c.Holds) failures.Add($"{name}: values {c.Values:e1}, gradients {c.Gradients:e1}, tolerance {c.Case.Tolerance:e1}; {c.Ours} / {c.Theirs}");
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failures.Add($"{name}: {e.GetType().Name}: {e.Message}");
            }
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        if (Environment.GetEnvironmentVariable("NABLA_UPDATE_GOLDEN") == "1")
            File.WriteAllText(Path.Combine(Repository.Root, "docs", "oracle.md"), OracleReport.Write(comparisons, arrays, versions));
    }

    // Returns what the script says about versions.
    private static string RunScript(string python, string folder)
    {
        var start = new ProcessStartInfo(python, [Path.Combine(Repository.Root, "tests", "oracle", "torch_cases.py"), folder])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.Trim();
    }
}
