using Nabla.Files;
using Nabla.Nn;
using Nabla.Optim;
using static Nabla.Transforms;

namespace Nabla.Tests.Docs;

/// <summary>The code of the tour, block by block; <see cref="DocsTests"/> compares the two texts and runs this one.</summary>
public sealed class TourExample
{
    [Fact]
    public void The_code_of_the_tour_does_what_it_says()
    {
        Tensor a = Tensor.From([1.0, 2, 3, 4, 5, 6], [2, 3]);
        Tensor view = a.T.Slice(..2);                                  // [2, 2], no copy
        Assert.Equal([1, 4, 2, 5], view.ToDoubles());

        Tensor one = Tensor.Scalar(1, DType.F64);
        Tensor outer = Jvp((Tensor x) => x * Jvp((Tensor y) => x + y, one, one).Tangent, one, one).Tangent;
        Assert.Equal(1, outer.ToDouble());                             // d/dx (x · d/dy (x + y)) = 1, not 2

        (Tensor value, Func<Tensor, Tensor> slope) = Linearize((Tensor x) => x.Sin() * x, Tensor.Scalar(2, DType.F64));
        double expected = Math.Cos(2) * 2 + Math.Sin(2);
        Assert.Equal(expected, slope(one).ToDouble(), 14);
        Assert.Equal(expected, Grad((Tensor x) => x.Sin() * x)(Tensor.Scalar(2, DType.F64)).ToDouble(), 14);
        Assert.Equal(2 * Math.Sin(2), value.ToDouble(), 14);

        var program = Trace((Tensor x) => (x.Tanh() * 2).Sum(), new Aval(DType.F32, [3]));
        Assert.Equal("{ lambda a:f32[3] . b:f32[3] = tanh a; c:f32[3] = mul b 2.0; d:f32[] = reduce_sum[axes=(0)] c; in (d) }", program.ToString());

        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => x.Tanh() * x.Tanh());
        Assert.Equal(2, compiled.ProgramFor(a).Equations.Count);         // one tanh, one mul

        static Tensor Decay(Tensor rate) => Control.Scan((Tensor x) => (x - rate * x, 0), Tensor.Scalar(1, DType.F64), length: 100).Carry;
        Tensor slow = Tensor.Scalar(0.01, DType.F64);
        Assert.Equal(-100 * Math.Pow(0.99, 99), Grad<Tensor>(Decay)(slow).ToDouble(), 12);
        Assert.Equal(2, Trace(Grad<Tensor>(Decay), slow.Aval).Equations.Count(e => e.Primitive.Name == "scan"));

        Func<Tensor, Tensor> clipped = CustomVjp((Tensor x) => x * 1, x => (x * 1, 0), (int _, Tensor ct) => ct.Clamp(-1, 1));
        Assert.Equal(1, Grad((Tensor x) => 5 * clipped(x))(one).ToDouble());

        var net = new Sequential(new Dense(16), new BatchNorm(), Activation.Tanh, new Dropout(0.1), new Dense(1));
        (Tensor[] parameters, Tensor[] state, _) = net.Init(new RandomKey(0), [3]);  // one example has three features
        Tensor inputs = new RandomKey(1).Normal([32, 3]), targets = inputs.Sum(-1).ExpandDims(-1).Tanh();
        var step = ValueAndGrad((Tensor[] p) =>
        {
            (Tensor y, Tensor[] next) = net.Apply(p, state, inputs, Pass.Training(new RandomKey(2)));
            return (Losses.MeanSquaredError(y, targets), next);              // the new running statistics come back as data
        });
        ((Tensor loss, Tensor[] after), Tensor[] gradient) = step(parameters);
        Assert.Equal(["0.weight", "0.bias", "1.scale", "1.shift", "4.weight", "4.bias"], net.ParameterNames);
        Assert.Equal(["1.mean", "1.variance"], net.StateNames);

        Assert.Equal(parameters.Select(p => p.Aval), gradient.Select(g => g.Aval));
        Assert.InRange(loss.ToDouble(), 0.01, 10);
        Assert.NotEqual(state[0].ToDoubles(), after[0].ToDoubles());

        // Names of files are relative to the current folder, which all tests share.
        string folder = Directory.CreateTempSubdirectory("nabla-tour-").FullName;
        try
        {
            Keep(a, Path.Combine(folder, "network.safetensors"), Path.Combine(folder, "checkpoints"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Keep(Tensor a, string networkFile, string checkpointFolder)
    {
        var network = Sequential.Mlp([8, 1], Activation.Tanh, Initializers.Xavier);
        Tensor[] weights = network.Init(new RandomKey(0), [2]).Parameters;
        Dictionary<string, Tensor> named = network.ParameterNames.Zip(weights).ToDictionary();
        TreeFile.Save(networkFile, named);                              // 0.weight, 0.bias, 2.weight, 2.bias
        named = TreeFile.Load(networkFile, like: named);
        Assert.Equal(["0.weight", "0.bias", "2.weight", "2.bias"], named.Keys.OrderBy(k => network.ParameterNames.ToList().IndexOf(k)));

        var adam = new Adam(0.01);
        var slope = Grad((Tensor[] p) => network.Apply(p, a.T.To(DType.F32)).Square().Mean());
        TrainingLoop<(Tensor[] P, OptimizerState S), Tensor> Training() =>
            new(s => (adam.Update(s.P, slope(s.P), s.S), s.S.Step), (weights, adam.Init(weights)));

        var checkpoints = new Checkpoints(checkpointFolder);
        var first = Training();
        first.Run(30);
        first.Save(checkpoints);                                        // step-00000030.safetensors
        first.Run(10);

        var resumed = Training();
        Assert.True(resumed.TryResume(checkpoints));
        resumed.Run(10);
        Assert.Equal(first.State.P[0].ToDoubles(), resumed.State.P[0].ToDoubles());
    }
}
