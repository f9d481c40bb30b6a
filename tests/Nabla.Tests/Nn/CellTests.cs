using Nabla.Nn;
using Nabla.Proof;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class CellTests
{
    private const int Time = 4, Batch = 2, Features = 3, Units = 2;

    private static readonly Tensor X = Normal(5, [Time, Batch, Features]);

    public static TheoryData<string> Names => ["rnn", "lstm", "gru", "minimal"];

    internal static Cell Make(string name) => name switch
    {
        "rnn" => new RnnCell(Units),
        "lstm" => new LstmCell(Units),
        "gru" => new GruCell(Units, updateBias: 0.5),
        _ => new MinimalRnnCell(Units, updateBias: 0.5),
    };

    internal static Tensor[] Parameters(Cell cell, ulong seed = 1) =>
        [.. cell.Init(new RandomKey(seed), Features, DType.F64).Select((p, i) => p + 0.3 * Normal(seed + 20 + (ulong)i, p.Shape))];

    private static Tensor Unrolled(Cell cell, Tensor[] parameters, Tensor x)
    {
        Tensor[] carry = cell.InitialCarry(Shape.Create(x.Shape.Dims[1..^1]), x.DType);
        var outputs = new Tensor[x.Shape[0]];
        for (int t = 0; t < outputs.Length; t++) (carry, outputs[t]) = cell.Step(parameters, carry, x.At(t));
        return Ops.Stack(outputs);
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>The outputs [time, batch, units] of a cell, one number after another.</summary>
    internal static double[] Reference(string name, Tensor[] parameters, Tensor input)
    {
        double[][] p = [.. parameters.Select(t => t.ToDoubles())];
        double[] x = input.ToDoubles();
        var y = new double[Time * Batch * Units];
        for (int b = 0; b < Batch; b++)
        {
            double[] h = new double[Units], c = new double[Units];
            for (int t = 0; t < Time; t++)
            {
                double[] now = x[((t * Batch + b) * Features)..((t * Batch + b + 1) * Features)], old = [.. h];
                // (row vector · matrix)[column], for a matrix with the given number of columns.
                double Dot(double[] row, double[] matrix, int columns, int column) => row.Select((r, i) => r * matrix[i * columns + column]).Sum();
                double[] z = [.. Enumerable.Range(0, Units).Select(k => Math.Tanh(Dot(now, p[0], Units, k)))];
                for (int k = 0; k < Units; k++)
                {
                    int gates = name switch { "rnn" => 1, "lstm" => 4, _ => 3 };
                    double In(int gate) => Dot(now, p[0], gates * Units, gate * Units + k) + p[2][gate * Units + k];
                    double Back(int gate) => Dot(old, p[1], gates * Units, gate * Units + k);
                    if (name == "rnn")
                    {
                        h[k] = Math.Tanh(In(0) + Back(0));
                    }
                    else if (name == "lstm")
                    {
                        c[k] = Sigmoid(In(1) + Back(1)) * c[k] + Sigmoid(In(0) + Back(0)) * Math.Tanh(In(2) + Back(2));
                        h[k] = Sigmoid(In(3) + Back(3)) * Math.Tanh(c[k]);
                    }
                    else if (name == "gru")
                    {
                        double f = Sigmoid(In(1) + Back(1));
                        h[k] = f * old[k] + (1 - f) * Math.Tanh(In(2) + Sigmoid(In(0) + Back(0)) * Back(2));
                    }
                    else
                    {
                        double u = Sigmoid(Dot(old, p[2], Units, k) + Dot(z, p[1], Units, k) + p[3][k]);
                        h[k] = u * old[k] + (1 - u) * z[k];
                    }
                    y[(t * Batch + b) * Units + k] = h[k];
                }
            }
        }
        return y;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_cell_follows_its_formula(string name)
    {
        Cell cell = Make(name);
        Tensor[] p = Parameters(cell);
        Assert.Equal(cell.ParameterNames.Count, p.Length);
        Near(Reference(name, p, X), Unrolled(cell, p, X));
        Tensor single = Unrolled(cell, [.. p.Select(t => t.To(DType.F32))], X.To(DType.F32));
        Assert.Equal(DType.F32, single.DType);
        Near(Reference(name, p, X), single, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_cell_is_differentiable_and_batches_over_its_parameters(string name)
    {
        Cell cell = Make(name);
        Tensor[] p = Parameters(cell), other = Parameters(cell, 2);
        GradCheck.Require(((Tensor[] P, Tensor X) a) => Unrolled(cell, a.P, a.X), (p, X));
        Tensor together = Compile(Vmap((Tensor[] q) => Unrolled(cell, q, X))).Call([.. p.Zip(other, (a, b) => Ops.Stack([a, b]))]);
        Near(Unrolled(cell, p, X).ToDoubles(), together.At(0));
        Near(Unrolled(cell, other, X).ToDoubles(), together.At(1));
    }

    [Fact]
    public void Blocks_are_drawn_each_on_its_own()
    {
        Tensor[] p = new LstmCell(8, forgetBias: 3).Init(new RandomKey(0), 5, DType.F64);
        Assert.Equal<Shape>([5, 32], p[0].Shape);
        for (int gate = 0; gate < 4; gate++)
        {
            Tensor w = p[1].Slice(.., (8 * gate)..(8 * gate + 8));
            Assert.InRange((w.T.MatMul(w) - Ops.Eye(8, DType.F64)).Abs().Max().ToDouble(), 0, 1e-13);
            Assert.Equal([.. Enumerable.Repeat(gate == 1 ? 3.0 : 0, 8)], p[2].Slice((8 * gate)..(8 * gate + 8)).ToDoubles());
            if (gate > 0) Assert.NotEqual(p[1].Slice(.., ..8).ToDoubles(), w.ToDoubles());
        }
    }

    [Fact]
    public void A_closed_update_gate_remembers()
    {
        foreach (Cell cell in (Cell[])[new GruCell(Units, updateBias: 50), new MinimalRnnCell(Units, updateBias: 50)])
        {
            Tensor h = Normal(9, [Batch, Units]);
            (_, Tensor next) = cell.Step(cell.Init(new RandomKey(1), Features, DType.F64), [h], X.At(0));
            Near(h.ToDoubles(), next, 1e-14);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_recurrent_layer_is_the_unrolled_loop(string name)
    {
        Cell cell = Make(name);
        Tensor[] p = Parameters(cell);
        Tensor x = X.MoveAxis(0, 1), unrolled = Unrolled(cell, p, X);
        Near(unrolled.MoveAxis(0, 1).ToDoubles(), new Recurrent(cell).Apply(p, x));
        Near(unrolled.At(-1).ToDoubles(), new Recurrent(cell, lastOnly: true).Apply(p, x));
        Near(Unrolled(cell, p, X.Reverse(0)).Reverse(0).MoveAxis(0, 1).ToDoubles(), new Recurrent(cell, reverse: true).Apply(p, x));
        Near(Unrolled(cell, p, X.Reverse(0)).At(-1).ToDoubles(), new Recurrent(cell, lastOnly: true, reverse: true).Apply(p, x));
        // A sequence in two pieces, the carry handed on.
        var layer = new Recurrent(cell);
        (Tensor[] carry, Tensor first) = layer.Run(p, cell.InitialCarry([Batch], DType.F64), x.Slice(.., ..3));
        Tensor second = layer.Run(p, carry, x.Slice(.., 3..)).Outputs;
        Near(unrolled.MoveAxis(0, 1).ToDoubles(), Ops.Concatenate([first, second], 1));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_recurrent_layer_keeps_the_contract_of_layers(string name)
    {
        All(new Recurrent(Make(name)), [Time, Features]);
        All(new Sequential(new Recurrent(Make(name)), new Recurrent(Make(name), lastOnly: true), new Dense(1)), [2, Features]);
    }

    [Fact]
    public void A_recurrent_layer_needs_time_and_features() => Assert.Equal(
        "NB0553", Assert.Throws<ShapeException>(() => new Recurrent(new RnnCell(2)).Init(new RandomKey(0), [3])).Code);
}
