using Nabla.Nn;
using Nabla.Proof;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class AttentionTests
{
    // One batch entry and head: q [t, d], k [s, d], v [s, e], mask by (query, key).
    private static double[] Reference(double[] q, double[] k, double[] v, int t, int s, int d, int e, Func<int, int, bool> mask)
    {
        var y = new double[t * e];
        for (int i = 0; i < t; i++)
        {
            double[] score = [.. Enumerable.Range(0, s).Select(j => Enumerable.Range(0, d).Sum(c => q[i * d + c] * k[j * d + c]) / Math.Sqrt(d))];
            int[] seen = [.. Enumerable.Range(0, s).Where(j => mask(i, j))];
            double top = seen.Length == 0 ? 0 : seen.Max(j => score[j]), sum = seen.Sum(j => Math.Exp(score[j] - top));
            foreach (int j in seen)
                for (int c = 0; c < e; c++) y[i * e + c] += Math.Exp(score[j] - top) / sum * v[j * e + c];
        }
        return y;
    }

    [Theory]
    [InlineData("none")]
    [InlineData("causal")]
    [InlineData("padding")]
    [InlineData("nothing")]
    public void Scaled_dot_product_follows_its_formula(string kind)
    {
        (Tensor q, Tensor k, Tensor v) = (Normal(1, [2, 3, 4]), Normal(2, [2, 5, 4]), Normal(3, [2, 5, 6]));
        int[] lengths = [2, 4];
        Tensor? mask = kind switch
        {
            "none" => null,
            "causal" => Attention.CausalMask(3, 5),
            "padding" => Attention.PaddingMask(Tensor.From(lengths), 5),
            _ => Attention.PaddingMask(Tensor.From([0, 3]), 5),
        };
        bool Sees(int b, int i, int j) => kind switch
        {
            "none" => true,
            "causal" => j <= i + 2,
            "padding" => j < lengths[b],
            _ => b == 1 && j < 3,
        };
        var expected = new List<double>();
        for (int b = 0; b < 2; b++)
        {
            int batch = b;
            expected.AddRange(Reference(q.At(b).ToDoubles(), k.At(b).ToDoubles(), v.At(b).ToDoubles(), 3, 5, 4, 6, (i, j) => Sees(batch, i, j)));
        }
        Near(expected, Attention.ScaledDotProduct(q, k, v, mask));
        GradCheck.Require(((Tensor Q, Tensor K, Tensor V) a) => Attention.ScaledDotProduct(a.Q, a.K, a.V, mask), (q, k, v));
    }

    [Fact]
    public void Large_scores_do_not_overflow()
    {
        Tensor q = Tensor.From([1000f, 0, 0, 1000], [2, 2]), v = Tensor.From([1f, 2, 3, 4], [2, 2]);
        Assert.Equal([1, 2, 3, 4], Attention.ScaledDotProduct(q, q, v).ToDoubles());
        Assert.Equal([1, 2, 3, 4], Attention.ScaledDotProduct(q, q, v, Attention.CausalMask(2, 2)).ToDoubles());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Multi_head_attention_follows_its_formula(bool causal)
    {
        var layer = new MultiHeadAttention(2, causal, contextFeatures: 3);
        Tensor[] p = Start(layer, [2, 4]).Parameters;
        Tensor x = Normal(7, [2, 4]), context = Normal(8, [5, 3]), real = Attention.PaddingMask(Tensor.Scalar(4, DType.I32), 5);
        double[] Dense(double[] a, int rows, int from, int i)
        {
            double[] w = p[i].ToDoubles(), b = p[i + 1].ToDoubles();
            return [.. Enumerable.Range(0, rows * 4).Select(n => b[n % 4] + Enumerable.Range(0, from).Sum(c => a[n / 4 * from + c] * w[4 * c + n % 4]))];
        }
        double[] q = Dense(x.ToDoubles(), 2, 4, 0), k = Dense(context.ToDoubles(), 5, 3, 2), v = Dense(context.ToDoubles(), 5, 3, 4);
        var joined = new double[8];
        for (int head = 0; head < 2; head++)
        {
            double[] Part(double[] a) => [.. a.Where((_, n) => n % 4 / 2 == head)];
            double[] y = Reference(Part(q), Part(k), Part(v), 2, 5, 2, 2, (i, j) => j < 4 && (!causal || j <= i + 3));
            for (int n = 0; n < 4; n++) joined[n / 2 * 4 + head * 2 + n % 2] = y[n];
        }
        double[] expected = Dense(joined, 2, 4, 6);
        Near(expected, layer.Attend(p, x, context, real));
        // A batch, with masks [batch, 1, keys], gives the same to each.
        Tensor Twice(Tensor t) => Ops.Stack([t, t]);
        Near([.. expected, .. expected], layer.Attend(p, Twice(x), Twice(context), Twice(real)));
        Near([.. expected, .. expected], Vmap((Tensor a, Tensor c) => layer.Attend(p, a, c, real))(Twice(x), Twice(context)));
        GradCheck.Require(((Tensor[] P, Tensor X, Tensor C) a) => layer.Attend(a.P, a.X, a.C, real), (p, x, context));
    }

    [Fact]
    public void The_future_has_no_influence_on_a_causal_layer()
    {
        var layer = new MultiHeadAttention(2, causal: true);
        Tensor[] p = Start(layer, [5, 4]).Parameters;
        Tensor x = Normal(7, [5, 4]), later = Ops.Concatenate([x.Slice(..3), Normal(8, [2, 4])]);
        Assert.Equal(layer.Apply(p, x).Slice(..3).ToDoubles(), layer.Apply(p, later).Slice(..3).ToDoubles());
        Assert.NotEqual(layer.Apply(p, x).At(4).ToDoubles(), layer.Apply(p, later).At(4).ToDoubles());
        Near(layer.Apply(p, x).ToDoubles(), new MultiHeadAttention(2).Attend(p, x, x, Attention.CausalMask(5, 5)));
    }
}
