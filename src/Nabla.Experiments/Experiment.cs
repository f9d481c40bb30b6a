using Nabla.Autograd;

namespace Nabla.Experiments;

/// <summary>The parts of deep-learning theory by which the atlas is ordered.</summary>
public enum Theme
{
    /// <summary>Shape of the loss: minima, paths between them, Hessians.</summary>
    Landscape,
    /// <summary>Implicit and explicit regularisation, generalisation.</summary>
    Regularization,
    /// <summary>What is learned first: the frequency principle.</summary>
    Frequency,
    /// <summary>Neurons that align: condensation and phase diagrams.</summary>
    Condensation,
    /// <summary>Signal propagation, mean-field maps, dynamical isometry.</summary>
    MeanField,
    /// <summary>Infinite width: NNGP and NTK.</summary>
    Kernels,
    /// <summary>Dynamics of gradient methods.</summary>
    Optimization,
    /// <summary>Coding rate, MCR², ReduNet.</summary>
    CodingRate,
}

/// <summary>
/// An experiment: one claim of a paper, a protocol, and checks that can fail. A class with this attribute that implements
/// <see cref="IExperiment{TConfig}"/> and has a parameterless constructor is found by the <see cref="Registry"/>; nothing else needs to know it.
/// </summary>
/// <param name="id">The name on the command line: lower case, words joined by dashes.</param>
/// <param name="theme">The part of the atlas it belongs to.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ExperimentAttribute(string id, Theme theme) : Attribute
{
    /// <summary>The name on the command line.</summary>
    public string Id { get; } = id;

    /// <summary>The part of the atlas it belongs to.</summary>
    public Theme Theme { get; } = theme;

    /// <summary>A line that names the phenomenon.</summary>
    public required string Title { get; set; }

    /// <summary>What the paper says will be seen, in one or two sentences.</summary>
    public required string Claim { get; set; }

    /// <summary>The papers, such as <c>Cohen et al. 2021, arXiv:2103.00065</c>.</summary>
    public required string[] Papers { get; set; }

    /// <summary>The laptop protocol in a few sentences: model, data, optimiser, steps.</summary>
    public string Protocol { get; set; } = "";

    /// <summary>The protocol at the size of the paper, for a GPU.</summary>
    public string PaperScale { get; set; } = "";

    /// <summary>How many seeds the protocol asks for: 0, 1, …, Seeds − 1.</summary>
    public int Seeds { get; set; } = 1;

    /// <summary>How many of them the quick form runs; 0 means all.</summary>
    public int QuickSeeds { get; set; }

    /// <summary>Element type of the protocol: f32, or f64 where the checks need it.</summary>
    public DType DType { get; set; } = DType.F32;
}

/// <summary>Documents an option of an experiment: put it on a parameter of the <c>Config</c> record.</summary>
/// <param name="doc">What the option sets, in a phrase.</param>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
public sealed class OptionAttribute(string doc) : Attribute
{
    /// <summary>What the option sets.</summary>
    public string Doc { get; } = doc;

    /// <summary>The smallest value that makes sense; for lists, of every element.</summary>
    public double Min { get; set; } = double.NegativeInfinity;

    /// <summary>The largest value that makes sense; for lists, of every element.</summary>
    public double Max { get; set; } = double.PositiveInfinity;
}

/// <summary>The options of an experiment: a record whose parameters all have defaults (the laptop protocol).</summary>
/// <remarks>
/// Parameters are <c>int long uint ulong float double bool string</c>, enums, or arrays of those; a null array or string stands for
/// a default that the experiment works out.
/// </remarks>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface IConfig<TSelf> where TSelf : class, IConfig<TSelf>
{
    /// <summary>The options of <c>--quick</c>: the same checks in a second or two.</summary>
    static abstract TSelf Quick { get; }
}

/// <summary>An experiment over its options.</summary>
/// <example><code>
/// [Experiment("coin", Theme.Optimization, Title = "A fair coin", Claim = "Heads come up half of the time.", Papers = ["Bernoulli 1713"])]
/// public sealed class Coin : IExperiment&lt;Coin.Config&gt;
/// {
///     public sealed record Config([Option("tosses", Min = 1)] int Tosses = 10_000) : IConfig&lt;Config&gt;
///     {
///         public static Config Quick => new(Tosses: 1000);
///     }
///
///     public void Run(Config config, Bench bench) => bench.Check("share of heads", Toss(bench.Seed, config.Tosses), min: 0.45, max: 0.55);
/// }
/// </code></example>
/// <typeparam name="TConfig">Its options.</typeparam>
public interface IExperiment<TConfig> where TConfig : class, IConfig<TConfig>
{
    /// <summary>Runs the protocol and gives what it measured to the bench: checks, controls, figures, tables, findings.</summary>
    void Run(TConfig config, Bench bench);
}

/// <summary>An experiment that can show the program of its training step to <c>nabla ir</c>.</summary>
/// <typeparam name="TConfig">Its options.</typeparam>
public interface IHasTrainingStep<TConfig> where TConfig : class, IConfig<TConfig>
{
    /// <summary>The recorded program of one training step.</summary>
    Program TrainingStep(TConfig config, Bench bench);
}
