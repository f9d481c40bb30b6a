using Nabla.Autograd;
using Nabla.Kernels;
using Nabla.Proof;
using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Autograd;

/// <summary>The checks can fail: each kind of fault is found by the check that is meant for it.</summary>
[OnChosenDevice]
public sealed class GradCheckTests
{
    private static readonly Tensor X = Tensor.From([0.4, -0.7, 1.3]);

    private sealed record Layer(Tensor Weights, Tensor Bias, int Repeats);

    [Fact]
    public void A_correct_function_of_a_tree_passes_and_prints_a_table()
    {
        var layer = new Layer(Tensor.From(new[,] { { 0.1f, 0.2f }, { 0.3f, -0.4f } }), Tensor.From([0.5f, 0.25f]), 3);
        GradCheckResult result = GradCheck.Check((Layer l) =>
        {
            Tensor h = l.Bias;
            for (int i = 0; i < l.Repeats; i++) h = (l.Weights.MatMul(h) + l.Bias).Tanh();
            return (h.Sum(), h);
        }, layer);
        Assert.True(result.Passed, result.ToString());
        Assert.Equal(["jvp", "adjoint", "second order", "hessian"], result.Checks.Select(c => c.Check));
        Assert.Equal(5, result.ToString().Split('\n').Length);
        Assert.All(result.Checks, c => Assert.True(c.Comparisons > 0));
    }

    [Fact]
    public void A_stopped_gradient_is_a_wrong_derivative()
    {
        GradCheckResult result = GradCheck.Check((Tensor x) => (x * x.StopGradient()).Sum(), X);
        Assert.False(result.Passed);
        Assert.False(result.Checks[0].Passed);
        var error = Assert.Throws<TraceException>(() => GradCheck.Require((Tensor x) => (x * x.StopGradient()).Sum(), X));
        Assert.Equal("NB0520", error.Code);
        Assert.Contains("FAILS", error.Message);
    }

    [Fact]
    public void A_kink_at_the_point_is_named()
    {
        GradCheckResult result = GradCheck.Check((Tensor x) => x.Abs().Sum(), Tensor.From([0.0, 1.0]));
        // Central differences of |x| at 0 give 0, the convention; a shifted kink inside the step does not.
        Assert.True(result.Checks[0].Passed);
        GradCheckResult beside = GradCheck.Check((Tensor x) => (x - 1e-4).Abs().Sum(), Tensor.From([0.0, 1e-4]));
        Assert.Contains("kink", beside.Checks[0].Failure);
    }

    [Fact]
    public void Errors_and_missing_floats_become_failures_not_exceptions()
    {
        Assert.Contains("nothing to differentiate", GradCheck.Check((Tensor x) => x, Tensor.From([1, 2])).Checks.Single().Failure);
        Assert.Contains("broadcast", GradCheck.Check((Tensor x) => x + Tensor.From([1.0, 2.0]), X).Checks.Single().Failure);
        Assert.Contains("InvalidOperationException", GradCheck.Check<Tensor, Tensor>(_ => throw new InvalidOperationException("no"), X).Checks.Single().Failure);
        Assert.Contains("not finite", GradCheck.Check((Tensor x) => x.Log(), X).Checks.Single().Failure);
    }

    [Fact]
    public void A_sound_custom_primitive_keeps_the_contract()
    {
        var cube = new Cube(Fault.None);
        foreach (DType dtype in Contract.DTypesOf(cube))
            Assert.All(Contract.CheckAll(cube, dtype), r => Assert.True(r.Passed, r.ToString()));
    }

    [Theory]
    [InlineData(Fault.Evaluate, "evaluation")]
    [InlineData(Fault.Layout, "layouts")]
    [InlineData(Fault.Reference, "evaluation")]
    [InlineData(Fault.Jvp, "jvp")]
    [InlineData(Fault.SecondJvp, "second order")]
    [InlineData(Fault.Transpose, "adjoint")]
    [InlineData(Fault.NoTranspose, "adjoint")]
    [InlineData(Fault.Vmap, "vmap")]
    [InlineData(Fault.VmapThrows, "vmap")]
    [InlineData(Fault.Unrepeatable, "compile")]
    [InlineData(Fault.Shape, "programs")]
    [InlineData(Fault.TangentType, "zeros")]
    [InlineData(Fault.ErrorCode, "errors")]
    internal void Each_fault_of_a_primitive_is_caught_by_its_check(Fault fault, string check)
    {
        ContractResult result = Contract.Checks[check](new Cube(fault), DType.F64);
        Assert.False(result.Passed, result.ToString());
        Assert.Contains("cube", result.Failure);
    }

    internal enum Fault
    {
        None, Evaluate, Layout, Reference, Jvp, SecondJvp, Transpose, NoTranspose, Vmap, VmapThrows, Unrepeatable, Shape, TangentType, ErrorCode,
    }

    /// <summary>x³ and, for its derivative, times(x, c) = x·c², which is linear in x: each rule can be made wrong.</summary>
    private sealed class Cube(Fault fault) : Primitive("cube")
    {
        private int _calls;

        public override Tolerance Tolerance => Tolerance.Ulps(2);

        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) =>
            inputs[0].DType.IsFloat ? [fault == Fault.Shape ? Next(inputs[0]) : inputs[0]] : throw new TraceException("NB0599", "cube: floats only");

        // A shape rule that does not give the same answer twice.
        private Aval Next(Aval x) => new(x.DType, x.Shape.With(0, x.Shape[0] + _calls++));

        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
        {
            DenseTensor x = inputs[0];
            if (fault == Fault.Layout) x = x.View(new Layout(x.Shape, x.Shape.RowMajorStrides(), 0));
            Map.IntegerPow(x, fault == Fault.Evaluate ? 2 : 3, outputs[0]);
            if (fault == Fault.Unrepeatable) Map.Binary<AddOp>(outputs[0], Tensor.Full(x.Shape, _calls++, x.DType), outputs[0]);
        }

        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            for (int i = 0; i < inputs[0].Data.Length; i++) outputs[0].Data[i] = Math.Pow(inputs[0].Data[i], 3) + (fault == Fault.Reference ? 1e-9 : 0);
        }

        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            Tensor x = primals[0], dx = tangents[0]!;
            if (fault == Fault.TangentType) return [(dx * 3 * x.Square()).To(DType.F32)];
            Tensor slope = fault == Fault.SecondJvp ? x.StopGradient() * x : x.Square();
            return [Scale.Instances[fault].BindOne(null, dx, slope * (fault == Fault.Jvp ? 3.001 : 3))];
        }

        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) => fault switch
        {
            Fault.VmapThrows => throw new InvalidCastException("vmap"),
            Fault.Vmap => (Bind(null, inputs[0].Reverse(axes[0]!.Value)), [axes[0]]),
            _ => (Bind(null, inputs[0]), [axes[0]]),
        };

        public override IEnumerable<Sample> Samples(SampleSource source) => [new([source.Uniform([4], 0.5, 2)]), new([source.Uniform([2, 3], -2, -0.5)])];

        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Integers([3], 0, 5)], null, fault == Fault.ErrorCode ? "NB0598" : "NB0599")];
    }

    /// <summary>x·c, linear in x, with its own transpose.</summary>
    private sealed class Scale(Fault fault) : Primitive("scale")
    {
        public static readonly Dictionary<Fault, Scale> Instances = Enum.GetValues<Fault>().ToDictionary(f => f, f => new Scale(f));

        public override Tolerance Tolerance => Tolerance.Ulps(0.5);

        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => [inputs[0]];

        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Map.Binary<MulOp>(inputs[0], inputs[1], outputs[0]);

        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            for (int i = 0; i < inputs[0].Data.Length; i++) outputs[0].Data[i] = inputs[0].Data[i] * inputs[1].Data[i];
        }

        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            Tensor? left = tangents[0] is { } dx ? BindOne(null, dx, primals[1]) : null, right = tangents[1] is { } dc ? primals[0] * dc : null;
            return [left is not null && right is not null ? left + right : left ?? right];
        }

        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
        {
            Tensor[] front = [.. inputs.Select((x, i) => axes[i] is { } at ? x.MoveAxis(at, 0) : x.BroadcastTo([size, .. x.Shape.Dims]))];
            return (Bind(null, front), [0]);
        }

        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) => fault switch
        {
            Fault.NoTranspose => base.Transpose(cotangents, inputs, avals, parameters),
            Fault.Transpose => [cotangents[0]! * inputs[1]!.Abs() * 1.01, null],
            _ => [BindOne(null, cotangents[0]!, inputs[1]!), null],
        };

        public override IEnumerable<Sample> Samples(SampleSource source) => [new([source.Uniform([4]), source.Uniform([4])])];
    }
}
