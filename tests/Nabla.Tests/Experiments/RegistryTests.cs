using System.Reflection;
using Nabla.Experiments;

namespace Nabla.Tests.Experiments;

public sealed class RegistryTests
{
    private static readonly Registry Samples = new(Assembly.GetExecutingAssembly());

    [Fact]
    public void Experiments_are_found_by_their_attribute()
    {
        Assert.Equal(["sample-fails", "sample-odd", "sample-passes"], Samples.All.Select(e => e.Id).Order());
        Experiment found = Samples.Find("sample-passes");
        Assert.Equal(typeof(PassingSample), found.Type);
        Assert.Equal(["steps", "learningRate", "widths", "mode", "fast"], found.Options.Select(o => o.Name));
        Assert.False(found.HasTrainingStep);
        Assert.True(Samples.Find("sample-odd").HasTrainingStep);
    }

    [Fact]
    public void Every_experiment_of_the_atlas_documents_itself()
    {
        foreach (Experiment experiment in Registry.Default.All)
        {
            Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", experiment.Id);
            Assert.NotEmpty(experiment.Info.Claim);
            Assert.NotEmpty(experiment.Info.Papers);
            Assert.NotEmpty(experiment.Info.Protocol);
            Assert.All(experiment.Options, o => Assert.True(o.Doc.Length > 0, $"{experiment.Id}: option {o.Name} has no doc"));
            Assert.NotNull(experiment.Configure(quick: true, []));
        }
    }

    [Fact]
    public void An_unknown_name_gets_the_nearest_three()
    {
        var error = Assert.Throws<UsageException>(() => Samples.Find("smaple-pases"));
        Assert.Equal("NB0701", error.Code);
        Assert.Contains("Nearest: sample-passes, sample-", error.Message);
    }

    [Theory]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("abcd", "abdc", 1)]
    [InlineData("Same", "sAME", 0)]
    public void Edit_distance_counts_insertions_deletions_substitutions_and_swaps(string a, string b, int distance) =>
        Assert.Equal(distance, Suggestions.EditDistance(a, b));

    [Fact]
    public void Options_start_from_the_defaults_or_the_quick_form_and_are_overridden_by_name()
    {
        Experiment sample = Samples.Find("sample-passes");
        Assert.Equal(new PassingSample.Config(), sample.Configure(quick: false, []));
        Assert.Equal(new PassingSample.Config(Steps: 2), sample.Configure(quick: true, []));
        var set = (PassingSample.Config)sample.Configure(quick: true,
            [new("learning-rate", "1e-3"), new("WIDTHS", "4, 8"), new("mode", "fancy"), new("fast", "true")]);
        Assert.Equal((2, 1e-3, PassingSample.Mode.Fancy, true), (set.Steps, set.LearningRate, set.Mode, set.Fast));
        Assert.Equal([4, 8], set.Widths!);
    }

    [Theory]
    [InlineData("stepz", "3", "NB0702")]
    [InlineData("steps", "three", "NB0703")]
    [InlineData("steps", "0", "NB0703")]
    [InlineData("steps", "1001", "NB0703")]
    [InlineData("steps", "99999999999", "NB0703")]
    [InlineData("learningRate", "0,5", "NB0703")]
    [InlineData("learningRate", "NaN", "NB0703")]
    [InlineData("widths", "4,0", "NB0703")]
    [InlineData("widths", "", "NB0703")]
    [InlineData("mode", "7", "NB0703")]
    [InlineData("fast", "yes", "NB0703")]
    public void A_bad_setting_names_the_option_and_what_it_takes(string name, string value, string code)
    {
        var error = Assert.Throws<UsageException>(() => Samples.Find("sample-passes").Configure(false, [new(name, value)]));
        Assert.Equal(code, error.Code);
        Assert.Contains(code == "NB0702" ? $"no option '{name}'; nearest: steps" : $"option {name}: '", error.Message);
    }

    [Fact]
    public void A_bench_needs_bounds_and_unique_names_and_never_passes_nan()
    {
        var bench = new Bench(new BenchSettings([5, 6], Device.Cpu));
        Assert.Equal(5UL, bench.Seed);
        Assert.Throws<ArgumentException>(() => bench.Check("no bound", 1.0));
        Assert.False(bench.Check("nan", double.NaN, min: double.NegativeInfinity));
        Assert.True(bench.Check("ends count", 1, min: 1, max: 1));
        Assert.Equal("NB0705", Assert.Throws<ExperimentException>(() => bench.Check("nan", 1, min: 0)).Code);
        Assert.Throws<ArgumentException>(() => bench.Table("t", "", ["a"], [["x", "y"]]));
        Assert.Equal([false, true], bench.Checks.Select(c => c.Passed));
    }
}
