using Nabla.Nn;
using Nabla.Proof;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class LossTests
{
    private static readonly double[] F = [0.3, -2.5, 1.4, 0.9, -0.2, 3.1], Y = [1, -1, -1, 1, 1, 1];

    private static Tensor Scores => Tensor.From(F, [2, 3]);

    [Fact]
    public void Huber_is_a_parabola_with_straight_arms()
    {
        double Rho(double r, double d) => Math.Abs(r) <= d ? r * r / 2 : d * (Math.Abs(r) - d / 2);
        Near([F.Zip(Y, (f, y) => Rho(f - y, 0.75)).Average()], Losses.Huber(Scores, Tensor.From(Y, [2, 3]), 0.75));
        Near([F.Zip(Y, (f, y) => Rho(f - y, 1)).Average()], Losses.Huber(Scores, Tensor.From(Y, [2, 3])));
        GradCheck.Require((Tensor f) => Losses.Huber(f, Tensor.From(Y, [2, 3])), Scores);
    }

    [Fact]
    public void Margin_losses_follow_their_formulas()
    {
        Tensor targets = Tensor.From(Y, [2, 3]);
        Near([F.Zip(Y, (f, y) => Math.Max(0, 1 - y * f)).Average()], Losses.Hinge(Scores, targets));
        Near([F.Zip(Y, (f, y) => Math.Log(1 + Math.Exp(-y * f))).Average()], Losses.Logistic(Scores, targets));
        Near([1000], Losses.Logistic(Tensor.From([-1000.0]), Tensor.From([1.0])));
        GradCheck.Require((Tensor f) => (Losses.Hinge(f, targets), Losses.Logistic(f, targets)), Scores);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void Cross_entropy_smooths_its_labels(double smoothing)
    {
        int[] labels = [2, 0];
        double expected = 0;
        for (int i = 0; i < 2; i++)
        {
            double log = Math.Log(Enumerable.Range(0, 3).Sum(k => Math.Exp(F[3 * i + k])));
            for (int k = 0; k < 3; k++) expected -= ((k == labels[i] ? 1 - smoothing : 0) + smoothing / 3) * (F[3 * i + k] - log) / 2;
        }
        Near([expected], Losses.CrossEntropy(Scores, Tensor.From(labels), smoothing));
        GradCheck.Require((Tensor f) => Losses.CrossEntropy(f, Tensor.From(labels), smoothing), Scores);
    }

    [Fact]
    public void Kullback_Leibler_divergence_skips_what_cannot_happen()
    {
        Tensor p = Tensor.From([0.5, 0.5, 0, 0.2, 0.3, 0.5], [2, 3]), q = Normal(2, [2, 3]).LogSoftmax();
        double[] a = p.ToDoubles(), b = q.ToDoubles();
        Near([a.Zip(b, (x, log) => x == 0 ? 0 : x * (Math.Log(x) - log)).Sum() / 2], Losses.KullbackLeibler(p.Log(), q));
        Tensor logits = Normal(3, [2, 3]);
        Near([0], Losses.KullbackLeibler(logits.LogSoftmax(), logits.LogSoftmax()));
        GradCheck.Require(((Tensor A, Tensor B) x) => Losses.KullbackLeibler(x.A.LogSoftmax(), x.B.LogSoftmax()), (logits, q));
        Tensor slope = Grad((Tensor x) => Losses.KullbackLeibler(p.Log(), x))(q);
        Near([.. a.Select(x => -x / 2)], slope);
    }

    [Fact]
    public void New_activations_follow_their_formulas()
    {
        Tensor x = Tensor.From(F);
        Near([.. F.Select(v => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * (Math.Exp(v) - 1)))], x.Selu());
        Near([.. F.Select(v => Math.Clamp(v, -1, 1))], x.HardTanh());
        GradCheck.Require((Tensor v) => (v.Selu(), v.HardTanh()), x);
        // The constants keep mean 0 and variance 1 of a normal input.
        Tensor y = new RandomKey(0).Normal([1_000_000], DType.F64).Selu();
        Assert.InRange(y.Mean().ToDouble(), -0.005, 0.005);
        Assert.InRange(y.Variance().ToDouble(), 0.99, 1.01);
    }
}
