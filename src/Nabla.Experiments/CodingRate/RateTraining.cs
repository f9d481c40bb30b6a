using Nabla.Experiments.Data;
using Nabla.Experiments.Training;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Experiments.CodingRates;

/// <summary>Samples sorted by class.</summary>
/// <param name="X">One a row.</param>
/// <param name="Labels">Their classes.</param>
internal sealed record ClassedSamples(Tensor X, int[] Labels)
{
    /// <summary>Sorts a data set.</summary>
    /// <param name="data">The set.</param>
    /// <param name="dtype">f32 or f64.</param>
    /// <param name="scale">Factor of the features.</param>
    public static ClassedSamples Of(Dataset data, DType dtype, double scale)
    {
        Dataset sorted = data.Select([.. Enumerable.Range(0, data.Count).OrderBy(i => data.LabelSpan[i])]);
        return new ClassedSamples(sorted.FeaturesAs(dtype, scale), sorted.LabelSpan.ToArray());
    }
}

/// <summary>A network under training; the trajectory holds what the objective measures at each step.</summary>
internal sealed record TrainedNetwork(Tensor[] Parameters, double[][] Trajectory, double StepMilliseconds, int Equations);

/// <summary>What the supervised experiments with ΔR share: the networks, both objectives, full-batch Adam.</summary>
/// <param name="Width">Hidden units in each of two layers.</param>
/// <param name="Dimension">d.</param>
/// <param name="EpsilonSquared">ε².</param>
/// <param name="LearningRate">Of Adam.</param>
/// <param name="Steps">Training steps.</param>
/// <param name="Weights">How weights are drawn; by default He's rule. Biases start at zero.</param>
internal sealed record RateTraining(int Width, int Dimension, double EpsilonSquared, double LearningRate, int Steps, Initializer? Weights = null)
{
    /// <summary>Classes of all data sets here.</summary>
    public const int Classes = 10;

    /// <summary>
    /// N(0, 1/(3·fan-in)), √6 times narrower than He's rule: the variance of weights drawn uniformly within ±1/√fan-in. A network that starts so learns more slowly.
    /// </summary>
    public static Initializer Narrow { get; } = Initializers.LeCun(1 / Math.Sqrt(3));

    /// <summary>Two hidden layers.</summary>
    public Sequential Hidden() => new(Layer(Width), Activation.Relu, Layer(Width), Activation.Relu);

    /// <summary>Features of unit length.</summary>
    public Sequential Features() => new(Hidden(), Layer(Dimension), new Activation(x => x.Normalize()));

    /// <summary>Logits.</summary>
    public Sequential Classifier(Sequential hidden) => new(hidden, Layer(Classes));

    private Dense Layer(int units) => new(units, Weights ?? Initializers.He);

    /// <summary>−ΔR, and (ΔR, R, R_c) to be seen.</summary>
    public (Tensor Loss, Tensor[] Measured) Reduction(Tensor features, int[] labels)
    {
        Tensor loss = Losses.MaximalCodingRateReduction(features, labels, Classes, EpsilonSquared), all = CodingRate.Rate(features.StopGradient().T, EpsilonSquared);
        return (loss, [-loss, all, all + loss]);
    }

    /// <summary>The cross-entropy, also to be seen.</summary>
    public static (Tensor Loss, Tensor[] Measured) CrossEntropy(Tensor logits, Tensor labels)
    {
        Tensor loss = Losses.CrossEntropy(logits, labels);
        return (loss, [loss]);
    }

    /// <summary>A loop at its start.</summary>
    public TrainingLoop<(Tensor[] P, OptimizerState S), Tensor[]> Loop(
        Sequential network, ulong seed, Tensor x, Func<Tensor, (Tensor Loss, Tensor[] Measured)> objective)
    {
        Tensor[] parameters = network.Init(new RandomKey(seed), [x.Shape[1]], x.DType).Parameters;
        var adam = new Adam(LearningRate);
        var gradient = Transforms.ValueAndGrad((Tensor[] p) => objective(network.Apply(p, x)));
        return new(state =>
        {
            ((_, Tensor[] measured), Tensor[] slope) = gradient(state.P);
            return (adam.Update(state.P, slope, state.S), measured);
        }, (parameters, adam.Init(parameters)));
    }

    /// <summary>All steps.</summary>
    public TrainedNetwork Train(Bench bench, string label, Sequential network, ulong seed, Tensor x, Func<Tensor, (Tensor Loss, Tensor[] Measured)> objective, int measures)
    {
        var loop = Loop(network, seed, x, objective);
        StepRecords records = bench.Train($"{label} seed {seed}", loop, Steps, measures);
        return new TrainedNetwork(loop.Snapshot().P, records.Measured, records.Milliseconds.Order().ElementAt(Steps / 2), loop.Program.Equations.Count);
    }
}
