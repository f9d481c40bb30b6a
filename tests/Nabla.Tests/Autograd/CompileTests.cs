using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class CompileTests
{
    private static readonly Tensor X = Tensor.From([0.5, -1.5, 2.0, 0.25], [2, 2]);

    private static string Body<TIn, TOut>(Func<TIn, TOut> function, TIn example) => Compile(function).ProgramFor(example).ToString();

    [Fact]
    public void Equal_expressions_are_computed_once()
    {
        string program = Body((Tensor x) => x.Tanh() * x.Tanh(), X);
        Assert.Equal("{ lambda a:f64[2,2] . b:f64[2,2] = tanh a; c:f64[2,2] = mul b b; in (c) }", program);
    }

    [Fact]
    public void Equal_constants_stay_two_variables_with_two_gradients()
    {
        // Merging the variables instead of the expressions would double both gradients.
        Tensor a = Tensor.From([1.0, 2]), b = Tensor.From([1.0, 2]);
        (Tensor, Tensor) gradient = Compile(Grad(((Tensor A, Tensor B) p) => (p.A * p.B.Exp()).Sum())).Call((a, b));
        Assert.Equal(b.Exp().ToDoubles(), gradient.Item1.ToDoubles());
        Assert.Equal((a * b.Exp()).ToDoubles(), gradient.Item2.ToDoubles());
    }

    [Fact]
    public void What_nobody_reads_is_dropped()
    {
        Assert.Equal("{ lambda a:f64[2,2] . b:f64[2,2] = sin a; in (b) }", Body((Tensor x) =>
        {
            _ = x.Exp().Sum() * X.Cos().Sum();
            return x.Sin();
        }, X));
    }

    [Fact]
    public void What_changes_nothing_is_dropped()
    {
        Assert.Equal("{ lambda a:f64[2,2] . in (a) }", Body((Tensor x) => -(-((x * 1 / 1 - 0).T.T.StopGradient().Pow(1))), X));
        Assert.Equal("{ lambda a:f64[2,2] . in (a) }", Body((Tensor x) => x.Reshape(4).Reshape(2, 2), X));
    }

    [Fact]
    public void Constants_are_captured_once_and_unused_ones_not_at_all()
    {
        Tensor c = Tensor.From([1.0, 2, 3, 4], [2, 2]), unused = Tensor.From([7.0, 8, 9, 9], [2, 2]);
        var program = Compile((Tensor x) => { _ = x + unused; return x * c + c; }).ProgramFor(X);
        Assert.Single(program.Constants);
    }

    [Fact]
    public void A_result_may_be_an_argument_a_constant_a_literal_a_view_or_given_twice()
    {
        Tensor c = Tensor.From([1.0, 2]);
        Tensor[] results = Compile((Tensor x) => { Tensor y = x + 1; return new[] { x, c, x.ZerosLike(), y.T, y, y }; }).Call(X);
        Assert.Equal(X.ToDoubles(), results[0].ToDoubles());
        Assert.Equal(c.ToDoubles(), results[1].ToDoubles());
        Assert.Equal([0, 0, 0, 0], results[2].ToDoubles());
        Assert.Equal((X + 1).T.ToDoubles(), results[3].ToDoubles());
        Assert.Equal((X + 1).ToDoubles(), results[4].ToDoubles());
        Assert.Equal((X + 1).ToDoubles(), results[5].ToDoubles());
    }

    [Fact]
    public void Arguments_of_any_layout_give_the_same_result()
    {
        var f = Compile((Tensor x) => (x.Exp().MatMul(x) + x.Sum(0)).T);
        Tensor big = Tensor.From(Enumerable.Range(0, 24).Select(i => i * 0.1).ToArray(), [4, 6]);
        foreach (Tensor x in (Tensor[])[X, X.T, big.Slice(1..3, 2..4), Tensor.Full([2, 2], 0.3, DType.F64), big.Slice([3, 5], [2, 2], [-2, -3])])
            Assert.Equal((x.Exp().MatMul(x) + x.Sum(0)).T.ToDoubles(), f.Call(x).ToDoubles());
        Assert.Equal(1, f.CompileCount);
    }

    [Fact]
    public void Each_signature_is_compiled_once()
    {
        var f = Compile(((Tensor X, int Power) a) => a.X.Pow(a.Power));
        f.Call((X, 2));
        f.Call((X + 1, 2));
        Assert.Equal(1, f.CompileCount);
        Assert.Equal(X.Pow(3).ToDoubles(), f.Call((X, 3)).ToDoubles());
        f.Call((X.Slice(..1), 2));
        f.Call((X.To(DType.F32), 2));
        Assert.Equal(4, f.CompileCount);
    }

    [Fact]
    public void Intermediate_results_share_memory()
    {
        Tensor x = Tensor.From(new double[1000]);
        var f = Compile((Tensor v) => { for (int i = 0; i < 50; i++) v = v.Sin().Cos(); return v; });
        Assert.Equal(x.Sin().Cos().Shape, f.Call(x).Shape);
        Assert.InRange(f.PlanFor(x).ArenaBytes, 0, 2 * 8064);
    }

    [Fact]
    public void Intermediate_results_may_exceed_two_gigabytes()
    {
        // Planned only: pages of the host that nothing writes to cost no memory.
        using IDisposable _ = Device.Use(Device.Cpu);
        Tensor x = Tensor.Zeros([1 << 14], DType.F64);
        var f = Compile((Tensor v) => (v.ExpandDims(0) * v.ExpandDims(1)).CumSum(0).CumSum(1).Sum());
        Assert.InRange(f.PlanFor(x).ArenaBytes, (1L << 31) + 1, 1L << 33);
    }

    [Fact]
    public void Run_may_write_a_result_over_an_argument()
    {
        var step = Compile((Tensor[] s) => new[] { s[1], s[0] + s[1] });
        Tensor[] state = [Tensor.From([1.0]), Tensor.From([1.0])];
        for (int i = 0; i < 5; i++) step.Run(state, state);
        Assert.Equal(8, state[0].ToDouble());
        Assert.Equal(13, state[1].ToDouble());
    }

    [Fact]
    public void Run_refuses_results_that_do_not_fit()
    {
        var f = Compile((Tensor x) => new[] { x + 1, x + 2 });
        Tensor fits = Tensor.From(new double[4], [2, 2]);
        Assert.Equal("NB0512", Assert.Throws<TraceException>(() => f.Run(X, [fits])).Code);
        Assert.Equal("NB0512", Assert.Throws<TraceException>(() => f.Run(X, [fits, fits])).Code);
        Assert.Equal("NB0512", Assert.Throws<TraceException>(() => f.Run(X, [fits, Tensor.From(new double[3])])).Code);
    }

    [Fact]
    public void A_compiled_function_is_differentiated_and_batched_like_the_original()
    {
        Func<Tensor, Tensor> f = x => x.Exp().Sum();
        Func<Tensor, Tensor> compiled = Compile(f);
        Assert.Equal(Grad<Tensor>(f)(X).ToDoubles(), Grad<Tensor>(compiled)(X).ToDoubles());
        Assert.Equal(Vmap(f)(X).ToDoubles(), Vmap(compiled)(X).ToDoubles());
    }

    [Fact]
    public void A_compiled_function_may_capture_what_another_transformation_follows()
    {
        Tensor gradient = Grad((Tensor x) => Compile((Tensor y) => (x * y).Sum()).Call(X))(X);
        Assert.Equal(X.ToDoubles(), gradient.ToDoubles());
        Assert.Equal("NB0513", Assert.Throws<TraceException>(() => Grad((Tensor x) =>
        {
            Compile((Tensor y) => x * y).Run(X, Tensor.From(new double[4], [2, 2]));
            return x.Sum();
        })(X)).Code);
    }

    [Fact]
    public void Random_numbers_of_a_compiled_step_follow_its_key()
    {
        var draw = Compile((RandomKey key) => key.Normal([5]));
        Assert.Equal(new RandomKey(7).Normal([5]).ToDoubles(), draw.Call(new RandomKey(7)).ToDoubles());
        Assert.NotEqual(draw.Call(new RandomKey(7)).ToDoubles(), draw.Call(new RandomKey(8)).ToDoubles());
    }

    [Fact]
    public void A_stand_in_that_escapes_is_named()
    {
        Tensor? stolen = null;
        Compile((Tensor x) => { stolen = x; return x + 1; }).Call(X);
        Assert.Equal("NB0502", Assert.Throws<TraceException>(() => stolen! + 1).Code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Results_over_arguments_are_right_whatever_is_read_later(bool fusion)
    {
        using IDisposable scope = NablaDebug.Scope(fusion: fusion);
        Tensor x = new RandomKey(1).Normal([30, 30]), y = new RandomKey(2).Normal([30, 30]);
        Func<(Tensor A, Tensor B), (Tensor, Tensor)>[] programs =
        [
            a => (a.A - 0.1 * a.B.Tanh(), a.B * 2), a => (a.B + 1, a.A - 1), a => (a.A.MatMul(a.B), a.B.Sin()), a => (a.A + a.A.MatMul(a.A), a.B.T + a.B),
            a => (a.A.Tanh(), a.A.Exp() + a.B), a => (a.A + a.B.Sum(0), a.B * a.A.Sum(1).ExpandDims(1)), a => (a.A, a.A + a.B), a => (a.B, a.A),
            a => (a.A.Reverse(0) * 2, a.B + a.A), a => ((a.A + a.B).Tanh().MatMul(a.A), a.B.Square()),
        ];
        foreach (Func<(Tensor A, Tensor B), (Tensor, Tensor)> f in programs)
        {
            (Tensor u, Tensor v) = f((x, y));
            Compiled<(Tensor A, Tensor B), (Tensor, Tensor)> compiled = Transforms.Compile(f);
            (Tensor A, Tensor B) own = (Copy(x), Copy(y));
            compiled.Run(own, own);
            Assert.Equal(u.ToDoubles(), own.A.ToDoubles());
            Assert.Equal(v.ToDoubles(), own.B.ToDoubles());
            own = (Copy(x), Copy(y));
            compiled.Run(own, (own.B, own.A));
            Assert.Equal(u.ToDoubles(), own.B.ToDoubles());
            Assert.Equal(v.ToDoubles(), own.A.ToDoubles());
        }

        static Tensor Copy(Tensor t) => Tensor.From(Array.ConvertAll(t.ToDoubles(), e => (float)e), t.Shape);
    }

    [Fact]
    public void Parameters_are_updated_in_place_without_a_copy()
    {
        const int count = 1 << 20;
        Compiled<(Tensor P, Tensor G), (Tensor, Tensor)> step = Transforms.Compile(((Tensor P, Tensor G) s) => (s.P - 0.1 * s.G, 0.9 * s.G));
        (Tensor P, Tensor G) state = (Tensor.From(new float[count]) + 1, Tensor.From(new float[count]) + 1);
        step.Run(state, state);
        Assert.Equal((0.9f, 0.9f), ((float)state.P.At(5).ToDouble(), (float)state.G.At(7).ToDouble()));
        Assert.Equal(0, step.PlanFor(state).CopiedArguments);
    }
}
