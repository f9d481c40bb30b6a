using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class TransformTests
{
    private static readonly Tensor X = Tensor.From([0.3, -1.2, 0.7]);

    private static Tensor Loss(Tensor x) => (x.Tanh() * x.Sin()).Sum();

    private static double LossAt(double x) => Math.Tanh(x) * Math.Sin(x);

    private static double SlopeAt(double x) => (1 - Math.Pow(Math.Tanh(x), 2)) * Math.Sin(x) + Math.Tanh(x) * Math.Cos(x);

    [Fact]
    public void A_gradient_has_the_value_of_the_formula()
    {
        double[] gradient = Grad<Tensor>(Loss)(X).ToDoubles();
        Assert.All(X.ToDoubles().Zip(gradient), p => Assert.Equal(SlopeAt(p.First), p.Second, 14));
    }

    [Fact]
    public void Jvp_gives_value_and_slope_together()
    {
        (Tensor value, Tensor slope) = Jvp<Tensor, Tensor>(Loss, X, X.OnesLike());
        Assert.Equal(X.ToDoubles().Sum(LossAt), value.ToDouble(), 14);
        Assert.Equal(X.ToDoubles().Sum(SlopeAt), slope.ToDouble(), 14);
    }

    [Fact]
    public void Nested_derivatives_are_not_confused()
    {
        // d/dx [x · d/dy (x + y)] = d/dx x = 1; confusing the two levels would give 2.
        Tensor one = Tensor.Scalar(1, DType.F64);
        Tensor outer = Jvp((Tensor x) => x * Jvp((Tensor y) => x + y, one, one).Tangent, one, one).Tangent;
        Assert.Equal(1, outer.ToDouble());
    }

    [Fact]
    public void Hessians_agree_in_all_orders()
    {
        double[] forwardReverse = Hessian(Loss)(X).ToDoubles();
        double[] reverseForward = JacobianReverse(x => JacobianForward(Loss)(x))(X).ToDoubles();
        double[] reverseReverse = JacobianReverse(Grad<Tensor>(Loss))(X).ToDoubles();
        for (int i = 0; i < 9; i++)
        {
            Assert.Equal(forwardReverse[i], reverseForward[i], 12);
            Assert.Equal(forwardReverse[i], reverseReverse[i], 12);
        }
    }

    [Fact]
    public void Vmap_of_grad_gives_per_example_gradients()
    {
        Tensor batch = Tensor.From([0.3, -1.2, 0.7, 0.1, 2, -0.4], [2, 3]);
        Tensor gradients = Vmap(Grad<Tensor>(Loss))(batch);
        Assert.Equal([2, 3], gradients.Shape.Dims.ToArray());
        Assert.All(batch.ToDoubles().Zip(gradients.ToDoubles()), p => Assert.Equal(SlopeAt(p.First), p.Second, 14));
    }

    [Fact]
    public void A_compiled_gradient_equals_the_eager_one()
    {
        Compiled<Tensor, Tensor> compiled = Compile(Grad<Tensor>(Loss));
        Assert.Equal(Grad<Tensor>(Loss)(X).ToDoubles(), compiled.Call(X).ToDoubles());
        Assert.Equal(1, compiled.CompileCount);
    }

    [Fact]
    public void A_program_prints_as_it_reads()
    {
        Nabla.Autograd.Program program = Trace((Tensor x) => (x.Tanh() * 2).Sum(), new Aval(DType.F32, [3]));
        Assert.Equal("{ lambda a:f32[3] . b:f32[3] = tanh a; c:f32[3] = mul b 2.0; d:f32[] = reduce_sum[axes=(0)] c; in (d) }", program.ToString());
    }

    [Fact]
    public void Reading_a_value_inside_a_transformation_says_why_it_cannot_be()
    {
        var error = Assert.Throws<TraceException>(() => Grad((Tensor x) => x * x.ToDouble())(Tensor.Scalar(1)));
        Assert.Equal("NB0501", error.Code);
    }

    [Fact]
    public void Compiled_run_allocates_nothing()
    {
        Tensor w = new RandomKey(1).Normal([20, 30]), x = new RandomKey(2).Normal([8, 20]);
        Compiled<(Tensor W, Tensor X), Tensor> step = Compile(((Tensor W, Tensor X) a) =>
            a.W - 0.1 * Grad((Tensor p) => (a.X.MatMul(p).Tanh().Square()).Mean())(a.W));
        Tensor other = step.Call((w, x));
        for (int i = 0; i < 10; i++) step.Run((other, x), w);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) step.Run((other, x), w);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
