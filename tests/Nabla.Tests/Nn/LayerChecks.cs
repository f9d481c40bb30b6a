using Nabla.Nn;
using Nabla.Proof;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

/// <summary>What holds for every layer: shapes, names, derivatives, batching over parameters and examples, compilation, f32.</summary>
internal static class LayerChecks
{
    public static Tensor Normal(ulong seed, Shape shape) => new RandomKey(seed).Normal(shape, DType.F64);

    public static void Near(IReadOnlyList<double> expected, Tensor actual, double tolerance = 1e-12)
    {
        double[] values = actual.ToDoubles();
        Assert.Equal(expected.Count, values.Length);
        double scale = Math.Max(1, expected.Select(Math.Abs).DefaultIfEmpty(0).Max());
        for (int i = 0; i < values.Length; i++) Assert.InRange(values[i] - expected[i], -tolerance * scale, tolerance * scale);
    }

    /// <summary>Parameters of a layer in f64, moved away from their special initial values; its state, made positive and different by channel.</summary>
    public static (Tensor[] Parameters, Tensor[] State, Shape Output) Start(Layer layer, Shape input, ulong seed = 1)
    {
        (Tensor[] parameters, Tensor[] state, Shape output) = layer.Init(new RandomKey(seed), input, DType.F64);
        Assert.Equal(layer.ParameterNames.Count, parameters.Length);
        Assert.Equal(layer.StateNames.Count, state.Length);
        Assert.Equal(parameters.Length, layer.ParameterNames.Distinct().Count());
        return ([.. parameters.Select((p, i) => p + 0.3 * Normal(seed + 10 + (ulong)i, p.Shape))],
            [.. state.Select((s, i) => s + Normal(seed + 50 + (ulong)i, s.Shape).Square())], output);
    }

    /// <param name="layer">The layer.</param>
    /// <param name="input">The shape of one example.</param>
    /// <param name="pass">Evaluation by default.</param>
    /// <param name="x">The batch; four normal examples by default.</param>
    /// <param name="alone">Whether an example may be seen without a batch.</param>
    public static void All(Layer layer, Shape input, Pass? pass = null, Tensor? x = null, bool alone = true)
    {
        pass ??= Pass.Evaluation;
        x ??= Normal(99, [4, .. input]);
        (Tensor[] parameters, Tensor[] state, Shape output) = Start(layer, input);
        (Tensor y, Tensor[] next) = layer.Apply(parameters, state, x, pass);
        Assert.Equal<Shape>([4, .. output], y.Shape);
        Assert.Equal(DType.F64, y.DType);
        Assert.Equal(state.Select(s => s.Aval), next.Select(s => s.Aval));

        GradCheck.Require(((Tensor[] P, Tensor[] S, Tensor X) a) => layer.Apply(a.P, a.S, a.X, pass), (parameters, state, x));
        Near([.. y.ToDoubles(), .. next.SelectMany(s => s.ToDoubles())], Joined(
            Compile(((Tensor[] P, Tensor[] S, Tensor X) a) => layer.Apply(a.P, a.S, a.X, pass)).Call((parameters, state, x))), 1e-14);
        Ensemble(layer, input, pass, state, x);
        if (alone) Alone(layer, parameters, state, x, y, pass);

        Tensor[] Single(Tensor[] tensors) => [.. tensors.Select(t => t.To(DType.F32))];
        (Tensor single, Tensor[] singleNext) = layer.Apply(Single(parameters), Single(state), x.DType.IsFloat ? x.To(DType.F32) : x, pass);
        Assert.All([single, .. singleNext], t => Assert.Equal(DType.F32, t.DType));
        Near(y.ToDoubles(), single, 2e-5);
    }

    private static Tensor Joined((Tensor Output, Tensor[] State) result) =>
        Ops.Concatenate([.. new[] { result.Output }.Concat(result.State).Select(t => t.Reshape(-1))]);

    private static void Ensemble(Layer layer, Shape input, Pass pass, Tensor[] state, Tensor x)
    {
        Tensor[][] members = [.. Enumerable.Range(1, 3).Select(seed => Start(layer, input, (ulong)seed).Parameters)];
        if (members[0].Length == 0) return;
        Tensor[] stacked = [.. Enumerable.Range(0, members[0].Length).Select(i => Ops.Stack([.. members.Select(m => m[i])]))];
        Tensor together = Vmap((Tensor[] p) => layer.Apply(p, state, x, pass).Output)(stacked);
        for (int m = 0; m < 3; m++) Near(layer.Apply(members[m], state, x, pass).Output.ToDoubles(), together.At(m));
    }

    private static void Alone(Layer layer, Tensor[] parameters, Tensor[] state, Tensor x, Tensor y, Pass pass)
    {
        Near(y.At(2).ToDoubles(), layer.Apply(parameters, state, x.At(2), pass).Output);
        if (parameters.Length == 0) return;
        Tensor[] OfOne(Tensor example) => Grad((Tensor[] p) => layer.Apply(p, state, example, pass).Output.Square().Sum())(parameters);
        Tensor[] perExample = Vmap((Tensor example) => OfOne(example))(x);
        for (int i = 0; i < x.Shape[0]; i++)
            foreach ((Tensor expected, Tensor all) in OfOne(x.At(i)).Zip(perExample)) Near(expected.ToDoubles(), all.At(i), 1e-11);
    }
}
