using Nabla.Experiments.Training;
using static Nabla.Transforms;

namespace Nabla.Tests.Experiments;

public sealed class TrainingToolTests
{
    private static readonly Tensor X = Tensor.From([-1, -0.6, 0.3, 1.0]), Y = Tensor.From([0.2, -0.3, 0.5, -0.1]);

    private static TwoLayerRelu Network(int width, ulong seed = 0) => TwoLayerRelu.Draw(new RandomKey(seed), width, 0.7, 1.3, DType.F64);

    [Fact]
    public void The_closed_form_of_a_two_layer_network_is_its_gradient()
    {
        TwoLayerRelu network = Network(37);
        LossAndGradient at = network.Differentiate(X, Y);
        (Tensor loss, TwoLayerRelu gradient) = ValueAndGrad((TwoLayerRelu p) => (p.Apply(X) - Y).Square().Mean())(network);
        Assert.Equal(loss.ToDouble(), at.MeanSquaredError.ToDouble(), 1e-14);
        Close(Tree.Leaves(gradient), Tree.Leaves(at.Gradient), 1e-13);
    }

    [Fact]
    public void The_largest_sample_norm_is_that_of_per_sample_gradients()
    {
        TwoLayerRelu network = Network(37, seed: 1);
        TwoLayerRelu perSample = Vmap((Tensor x) => Grad((TwoLayerRelu p) => p.Apply(x.ExpandDims(0)).Sum())(network))(X);
        Tensor norms = perSample.A.Square().Sum(1) + perSample.W.Square().Sum(1) + perSample.B.Square().Sum(1);
        Assert.Equal(norms.Max().ToDouble(), network.Differentiate(X, Y).LargestSampleNorm.ToDouble(), 1e-12);
    }

    [Fact]
    public void An_antisymmetric_network_starts_at_zero()
    {
        TwoLayerRelu network = Network(64).Antisymmetric();
        Assert.Equal(128, network.A.Shape[0]);
        Assert.InRange(network.Apply(X).Abs().Max().ToDouble(), 0, 1e-13);
        Assert.True(network.Differentiate(X, Y).Gradient.A.Square().Sum().ToDouble() > 0);
    }

    [Fact]
    public void The_stable_rate_is_the_smaller_of_its_two_bounds()
    {
        double Rate(double norm, double speed) => StableDescent.Rate(Tensor.Scalar(norm, DType.F64), Tensor.Scalar(speed, DType.F64), 0.1).ToDouble();
        Assert.Equal(0.05, Rate(10, 1), 1e-15);
        Assert.Equal(0.01, Rate(10, 100), 1e-15);
        Tensor g = Tensor.From([3.0, 0.0]), h = Tensor.From([4.0, 1.0]), p = Tensor.From([0.0, 1.0]), q = Tensor.From([2.0, 0.0]);
        Assert.Equal(25.0 / 4, StableDescent.SquaredSpeed((g, p), (h, q)).ToDouble(), 1e-15);
    }

    [Theory]
    [InlineData(1e-3)]
    [InlineData(1.0)]
    [InlineData(30.0)]
    public void Stable_descent_converges_at_any_scale_and_no_step_changes_a_group_by_more_than_rho(double scale)
    {
        TwoLayerRelu network = TwoLayerRelu.Draw(new RandomKey(2), 50, scale, scale, DType.F64).Antisymmetric();
        static double RowSize(Tensor w, Tensor b) => (w.Square() + b.Square()).Max().Sqrt().ToDouble();
        double error = double.NaN;
        for (int step = 0; step < 3000 && !(error <= 1e-5); step++)
        {
            LossAndGradient at = network.Differentiate(X, Y);
            error = at.MeanSquaredError.ToDouble();
            TwoLayerRelu next = StableDescent.Step(network, at, 0.1);
            Assert.InRange((next.A - network.A).Abs().Max().ToDouble() / network.A.Abs().Max().ToDouble(), 0, 0.1 + 1e-12);
            Assert.InRange(RowSize(next.W - network.W, next.B - network.B) / RowSize(network.W, network.B), 0, 0.1 + 1e-12);
            network = next;
        }
        Assert.InRange(error, 0, 1e-5);
    }

    [Fact]
    public void Members_of_a_batch_stop_one_by_one_and_end_as_if_trained_alone()
    {
        // θ ← θ/2 with error θ: a member that starts at 2ⁿ reaches 1 after n steps.
        static (Tensor, Tensor) Halve(Tensor theta) => (theta * 0.5, theta.Sum());
        var looks = new List<int>();
        TrainedMembers<Tensor> end = BatchedTraining.Run<Tensor>(Halve, Tensor.From(new double[,] { { 1 }, { 32 }, { 8 }, { 4096 } }), tolerance: 1, maxSteps: 100, lookEvery: 4, looks.Add);
        Assert.Equal([0, 5, 3, 12], end.Steps);
        Assert.Equal([1, 1, 1, 1], end.Errors);
        Assert.Equal([1, 1, 1, 1], end.Parameters.ToDoubles());
        Assert.Equal([4, 8, 12, 16], looks);
    }

    [Fact]
    public void A_member_that_does_not_converge_takes_the_most_steps_allowed()
    {
        static (Tensor, Tensor) Halve(Tensor theta) => (theta * 0.5, theta.Sum());
        TrainedMembers<Tensor> end = BatchedTraining.Run<Tensor>(Halve, Tensor.From(new double[,] { { 1 }, { 1024 } }), tolerance: 1, maxSteps: 6, lookEvery: 4);
        Assert.Equal([0, 6], end.Steps);
        Assert.Equal([1, 16], end.Errors);
        Assert.Equal([1, 16], end.Parameters.ToDoubles());
    }

    private static void Close(Tensor[] expected, Tensor[] actual, double tolerance)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.InRange((expected[i] - actual[i]).Abs().Max().ToDouble(), 0, tolerance);
    }
}
