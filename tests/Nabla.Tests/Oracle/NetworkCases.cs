using Nabla.Autograd;
using Nabla.Nn;
using static Nabla.Tests.Oracle.OracleCase;

namespace Nabla.Tests.Oracle;

internal static class NetworkCases
{
    public static IEnumerable<OracleCase> All => [.. Convolutions, .. Poolings, .. Normalisation, .. Attentions, .. Recurrences, .. LossFunctions, .. Networks];

    private static OracleCase[] Convolutions =>
    [
        Convolution("1-d"),
        Convolution("1-d stride 2, padding 1", new() { Strides = [2], Padding = Padding.Explicit((1, 1)) }),
        Convolution("1-d dilation 3", new() { Dilation = [3] }),
        Convolution("1-d circular", new() { Padding = Padding.Circular }),
        Convolution("1-d groups", new() { Groups = 2 }),
        Convolution("1-d stride beyond the window", new() { Strides = [4] }),
        Convolution("1-d window 1"),
        Convolution("2-d"),
        Convolution("2-d stride 2 by 3", new() { Strides = [2, 3] }),
        Convolution("2-d uneven padding", new() { Padding = Padding.Explicit((1, 3), (2, 0)) }),
        Convolution("2-d same, even window", new() { Padding = Padding.Same }),
        Convolution("2-d same, stride 2", new() { Strides = [2], Padding = Padding.Same }),
        Convolution("2-d circular", new() { Padding = Padding.Circular }),
        Convolution("2-d dilation 2, stride 2, padding 2", new() { Strides = [2], Dilation = [2], Padding = Padding.Explicit((2, 2)) }),
        Convolution("2-d depthwise", new() { Groups = 4, Padding = Padding.Same }),
        Convolution("2-d groups, two features each", new() { Groups = 3 }),
        Convolution("2-d window as large as the input"),
        Convolution("2-d of an empty batch"),
        Transposed("1-d"),
        Transposed("1-d stride 3, output padding 2", new() { Strides = [3] }, [2]),
        Transposed("2-d stride 2, padding 1, output padding 1", new() { Strides = [2], Padding = Padding.Explicit((1, 1)) }, [1]),
        Transposed("2-d groups, dilation 2", new() { Groups = 2, Dilation = [2] }),
    ];

    private static OracleCase[] Poolings =>
    [
        Of("convolution/max pooling 2", x => x.MaxPool([2, 2])),
        Of("convolution/max pooling 3, stride 2, padding 1", x => x.MaxPool([3, 3], [2], Padding.Explicit((1, 1)))),
        Of("convolution/max pooling 1-d, overlapping", x => x.MaxPool([3], [1])),
        Of("convolution/max pooling of equal elements", x => x.MaxPool([2, 2])),
        Of("convolution/max pooling of negatives, padded", x => x.MaxPool([3, 3], [2], Padding.Explicit((1, 1)))),
        Of("convolution/max pooling with a rest", x => x.MaxPool([2, 2])),
        Of("convolution/max pooling, stride beyond the window", x => x.MaxPool([2, 2], [3])),
        Of("convolution/max pooling of -inf", x => x.MaxPool([2, 2])),
        Of("convolution/max pooling with NaN", x => x.MaxPool([2])),
        Of("convolution/average pooling 2", x => x.AveragePool([2, 2])),
        Of("convolution/average pooling 3, stride 2, padding counted", x => x.AveragePool([3, 3], [2], Padding.Explicit((1, 1)))),
        Of("convolution/average pooling, padding not counted", x => x.AveragePool([3, 3], [2], Padding.Explicit((1, 1)), countPadding: false)),
        Of("convolution/average pooling 1-d", x => x.AveragePool([3], [2])),
        Of("convolution/global average", x => new GlobalAveragePool().Apply([], x)),
    ];

    private static OracleCase[] Normalisation =>
    [
        Many("normalisation/layer norm", t => [new LayerNorm().Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/layer norm of equal elements", t => [new LayerNorm().Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/layer norm of an empty batch", t => [new LayerNorm().Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/layer norm of one feature", t => [new LayerNorm().Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/batch norm in training", BatchNormInTraining),
        Many("normalisation/batch norm in training, images", BatchNormInTraining),
        Many("normalisation/batch norm of a constant channel", BatchNormInTraining),
        Many("normalisation/batch norm, new statistics", t => new BatchNorm(affine: false).Apply([], t.AsSpan(1), t[0], Pass.Training()).State),
        Many("normalisation/batch norm in evaluation", t => [new BatchNorm().Apply(t.AsSpan(1, 2), t.AsSpan(3), t[0], Pass.Evaluation).Output]),
        Many("normalisation/group norm 1 of 6", t => [new GroupNorm(1).Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/group norm 2 of 6", t => [new GroupNorm(2).Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/group norm 6 of 6", t => [new GroupNorm(6).Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/group norm of sequences", t => [new GroupNorm(2, spatialAxes: 1).Apply(t.AsSpan(1), t[0])]),
        Many("normalisation/layer norm far from zero", t => [new LayerNorm().Apply(t.AsSpan(1), t[0])])
            .Within(1e-9, "the means of both, 1e6, have errors of up to 4e6·u, beside deviations of order 1"),
        Many("normalisation/rms norm", t => [new RmsNorm().Apply(t.AsSpan(1), t[0])]),
    ];

    private static OracleCase[] Attentions =>
    [
        Many("attention/scaled dot product", t => [Attention.ScaledDotProduct(t[0], t[1], t[2])]),
        Many("attention/causal", t => [Attention.ScaledDotProduct(t[0], t[1], t[2], Attention.CausalMask(5, 5))]),
        Many("attention/with lengths", t => [Attention.ScaledDotProduct(t[0], t[1], t[2], Attention.PaddingMask(t[3], 6))]),
        Many("attention/huge scores", t => [Attention.ScaledDotProduct(t[0], t[1], t[2])]),
        Many("attention/one key", t => [Attention.ScaledDotProduct(t[0], t[1], t[2])]),
        Many("attention/multi-head", t => [new MultiHeadAttention(2).Apply(t.AsSpan(1), t[0])]),
        Many("attention/multi-head, causal", t => [new MultiHeadAttention(2, causal: true).Apply(t.AsSpan(1), t[0])]),
    ];

    private static OracleCase[] Recurrences =>
    [
        Many("recurrent/rnn step", t => [new RnnCell(4).Step(t.AsSpan(2), [t[1]], t[0]).Output]),
        Many("recurrent/gru step", t => [new GruCell(4).Step(t.AsSpan(2), [t[1]], t[0]).Output]),
        Many("recurrent/lstm step", t => new LstmCell(4).Step(t.AsSpan(3), [t[1], t[2]], t[0]).Carry),
        Sequence("rnn of 7 steps", new RnnCell(4)),
        Sequence("gru of 7 steps", new GruCell(4)),
        Sequence("lstm of 7 steps", new LstmCell(4)),
        Sequence("gru of 7 steps, reversed", new GruCell(4), reverse: true),
        Sequence("lstm of 1 step", new LstmCell(4)),
        Sequence("rnn of 60 steps", new RnnCell(4)),
    ];

    private static OracleCase[] LossFunctions =>
    [
        Of("losses/cross-entropy", (x, y) => Losses.CrossEntropy(x, y)),
        Of("losses/cross-entropy, smoothed", (x, y) => Losses.CrossEntropy(x, y, 0.1)),
        Of("losses/cross-entropy of huge logits", (x, y) => Losses.CrossEntropy(x, y)),
        Of("losses/cross-entropy of an empty batch", (x, y) => Losses.CrossEntropy(x, y)),
        Of("losses/cross-entropy with -inf", (x, y) => Losses.CrossEntropy(x, y)),
        Of("losses/binary cross-entropy", Losses.BinaryCrossEntropy),
        Of("losses/binary cross-entropy of huge logits", Losses.BinaryCrossEntropy),
        Of("losses/mean squared error", Losses.MeanSquaredError),
        Of("losses/huber", (x, y) => Losses.Huber(x, y, 1.5)),
        Of("losses/huber at the corner", (x, y) => Losses.Huber(x, y, 1.5)),
        Of("losses/Kullback-Leibler", Losses.KullbackLeibler),
        Of("losses/Kullback-Leibler with p = 0", Losses.KullbackLeibler),
        Of("losses/hinge", Losses.Hinge),
        Of("losses/logistic", Losses.Logistic),
    ];

    private static OracleCase[] Networks =>
    [
        Many("networks/mlp", t =>
        {
            var net = new Sequential(new Dense(7), Activation.Tanh, new Dense(6), Activation.Gelu, new Dense(3));
            return [Losses.CrossEntropy(net.Apply(t.AsSpan(2), t[0]), t[1])];
        }),
        Many("networks/cnn", t =>
        {
            var net = new Sequential(
                new Conv(4, [3, 3], new() { Padding = Padding.Same }), new BatchNorm(), Activation.Relu, new MaxPool([2, 2]),
                new Conv(5, [3, 3], new() { Strides = [2], Padding = Padding.Explicit((1, 1)) }), Activation.Tanh, new AveragePool([2, 2]), new Flatten(), new Dense(3));
            Tensor zeros = Tensor.Zeros([4], DType.F64), ones = Tensor.Ones([4], DType.F64);
            return [Losses.CrossEntropy(net.Apply(t.AsSpan(2), [zeros, ones], t[0], Pass.Training()).Output, t[1])];
        }),
        Many("networks/residual block", t =>
        {
            var net = new Residual(new Sequential(new Dense(6, useBias: false), new LayerNorm(), Activation.Relu, new Dense(6, useBias: false)));
            return [net.Apply([t[1], t[3], t[4], t[2]], t[0]).Square().Mean()];
        }),
    ];

    private static OracleCase Convolution(string name, ConvOptions? options = null) => Of($"convolution/{name}", (x, w) => x.Conv(w, options));

    private static OracleCase Transposed(string name, ConvOptions? options = null, Axes outputPadding = default) =>
        Of($"convolution/transposed {name}", (x, w) => x.ConvTranspose(w, options, outputPadding));

    private static Tensor[] BatchNormInTraining(Tensor[] t)
    {
        var layer = new BatchNorm();
        (_, Tensor[] state, _) = layer.Init(new RandomKey(0), [t[0].Shape[^1]], DType.F64);
        return [layer.Apply(t.AsSpan(1), state, t[0], Pass.Training()).Output];
    }

    private static OracleCase Sequence(string name, Cell cell, bool reverse = false) => Many($"recurrent/{name}", t =>
    {
        (Tensor[] carry, Tensor outputs) = new Recurrent(cell, reverse: reverse).Run(t.AsSpan(1), cell.InitialCarry([2], DType.F64), t[0]);
        return [outputs, carry[0]];
    });
}
