using Nabla.Autograd;
using Nabla.Proof;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class ControlTests
{
    private static readonly Tensor W = new RandomKey(1).Normal([3, 3], DType.F64) * 0.5, H = new RandomKey(2).Normal([3], DType.F64);
    private static readonly Tensor Xs = new RandomKey(3).Normal([6, 3], DType.F64);

    private static (Tensor, Tensor) Cell(Tensor w, Tensor h, Tensor x)
    {
        Tensor next = (h.MatMul(w) + x).Tanh();
        return (next, next * x);
    }

    private static Tensor Loop(Tensor w, Tensor h, Tensor xs)
    {
        (Tensor carry, Tensor ys) = Control.Scan((Tensor c, Tensor x) => Cell(w, c, x), h, xs);
        return carry.Sum() + ys.Square().Sum();
    }

    private static Tensor Unrolled(Tensor w, Tensor h, Tensor xs)
    {
        var ys = new List<Tensor>();
        for (int t = 0; t < xs.Shape[0]; t++)
        {
            (h, Tensor y) = Cell(w, h, xs.At(t));
            ys.Add(y);
        }
        return h.Sum() + Ops.Stack([.. ys]).Square().Sum();
    }

    private static void Close(Tensor expected, Tensor actual, double bound = 1e-12) =>
        Assert.All(expected.ToDoubles().Zip(actual.ToDoubles()), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, bound * (1 + Math.Abs(p.First))));

    [Fact]
    public void Scan_is_its_unrolled_loop_with_all_derivatives()
    {
        Close(Unrolled(W, H, Xs), Loop(W, H, Xs));
        Func<(Tensor, Tensor, Tensor), Tensor> loop = p => Loop(p.Item1, p.Item2, p.Item3), unrolled = p => Unrolled(p.Item1, p.Item2, p.Item3);
        (Tensor, Tensor, Tensor) point = (W, H, Xs), direction = (W.Cos(), H.Sin(), Xs.Cos());
        foreach ((Tensor a, Tensor b) in Tree.Leaves(Grad(unrolled)(point)).Zip(Tree.Leaves(Grad(loop)(point)))) Close(a, b);
        foreach ((Tensor a, Tensor b) in Tree.Leaves(Hvp(unrolled, point, direction)).Zip(Tree.Leaves(Hvp(loop, point, direction)))) Close(a, b);
        GradCheck.Require(loop, point);
    }

    [Fact]
    public void A_scan_is_one_equation_whatever_its_length_and_its_gradient_two()
    {
        int Equations(int length) => Trace((Tensor x) => Loop(W, H, x), Tensor.Zeros([length, 3], DType.F64)).Equations.Count;
        Assert.Equal(Equations(3), Equations(300));
        Program gradient = Trace((Tensor w) => Grad((Tensor p) => Loop(p, H, Xs))(w), W);
        Assert.Equal(2, gradient.Equations.Count(e => e.Primitive.Name == "scan"));
    }

    [Fact]
    public void Scans_are_batched_over_any_operand_and_compiled()
    {
        Tensor ws = Ops.Stack([W, W.T, W * 2]), hs = Ops.Stack([H, H + 1, H - 1]), many = Ops.Stack([Xs, Xs * 2, Xs.Sin()]);
        Func<Tensor, Tensor, Tensor, Tensor> gradient = Grad<Tensor, Tensor, Tensor>(Loop);
        Tensor batched = Vmap(gradient, 0, null, null)(ws, H, Xs);
        Tensor all = Vmap(gradient)(ws, hs, many), last = Vmap(gradient, null, null, 2)(W, H, many.MoveAxis(0, 2));
        for (int i = 0; i < 3; i++)
        {
            Close(gradient(ws.At(i), H, Xs), batched.At(i));
            Close(gradient(ws.At(i), hs.At(i), many.At(i)), all.At(i));
            Close(gradient(W, H, many.At(i)), last.At(i));
        }
        Compiled<(Tensor, Tensor, Tensor), Tensor> compiled = Compile(((Tensor, Tensor, Tensor) p) => Vmap(gradient)(p.Item1, p.Item2, p.Item3));
        Assert.Equal(all.ToDoubles(), compiled.Call((ws, hs, many)).ToDoubles());
    }

    [Fact]
    public void Carries_and_results_are_trees_and_reverse_keeps_places()
    {
        var xs = new Dictionary<string, Tensor> { ["a"] = Tensor.From([1.0, 2, 3, 4]), ["b"] = Tensor.From([1, 1, 0, 1]) };
        ((Tensor sum, Tensor count), Tensor[] ys) = Control.Scan(
            ((Tensor S, Tensor N) c, Dictionary<string, Tensor> x) => ((c.S * 2 + x["a"], c.N + x["b"]), new[] { c.S, x["a"] }),
            (Tensor.From([0.0], []), Tensor.From([0], [])), xs, reverse: true);
        Assert.Equal(1 + 2 * (2 + 2 * (3 + 2 * 4.0)), sum.ToDouble());
        Assert.Equal(3, count.ToDouble());
        Assert.Equal([24, 11, 4, 0], ys[0].ToDoubles());
        Assert.Equal([1, 2, 3, 4], ys[1].ToDoubles());
    }

    [Fact]
    public void A_scan_without_sequences_runs_so_many_steps()
    {
        (Tensor carry, Tensor powers) = Control.Scan((Tensor c) => (c * 2, c), Tensor.From([1.0], []), 5);
        Assert.Equal(32, carry.ToDouble());
        Assert.Equal([1, 2, 4, 8, 16], powers.ToDoubles());
        Assert.Equal([0], Control.Scan((Tensor c) => (c * 2, c), Tensor.From([1.0], []), 0).Ys.Shape.Dims.ToArray());
    }

    [Fact]
    public void A_training_run_can_be_differentiated_with_respect_to_its_learning_rate()
    {
        Tensor Trained(Tensor rate) => Control.Scan((Tensor p) => (p - rate * Grad((Tensor q) => (q.Square() * Tensor.From([1.0, 3])).Sum() / 2)(p), 0), Tensor.From([1.0, 1]), 10).Carry.Square().Sum();
        double eta = 0.1, expected = 20 * -Math.Pow(1 - eta, 19) - 60 * Math.Pow(1 - 3 * eta, 19);
        Assert.Equal(expected, Grad<Tensor>(Trained)(Tensor.From([eta], [])).ToDouble(), 10);
        Assert.Equal(expected, Compile(Grad<Tensor>(Trained)).Call(Tensor.From([eta], [])).ToDouble(), 10);
    }

    [Fact]
    public void Cond_runs_one_branch_and_differentiates_it()
    {
        Tensor F(Tensor x, Tensor w) => Control.Cond(x.Sum() > 0, (Tensor v) => (v * w).Sin().Sum(), v => (v - w).Exp().Sum(), x);
        foreach (double shift in (double[])[3.0, -3.0])
        {
            Tensor x = H + shift;
            Close(shift > 0 ? (x * Xs.At(0)).Sin().Sum() : (x - Xs.At(0)).Exp().Sum(), F(x, Xs.At(0)));
            GradCheck.Require<(Tensor, Tensor), Tensor>(p => F(p.Item1, p.Item2), (x, Xs.At(0)));
        }
        Tensor mixed = Ops.Stack([H + 3, H - 3]);
        Tensor gradient = Vmap(Grad<Tensor, Tensor>(F), 0, null)(mixed, Xs.At(0));
        for (int i = 0; i < 2; i++) Close(Grad<Tensor, Tensor>(F)(mixed.At(i), Xs.At(0)), gradient.At(i));
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => Grad((Tensor v) => F(v, Xs.At(0)))(x));
        for (int i = 0; i < 2; i++) Close(gradient.At(i), compiled.Call(mixed.At(i)));
        Assert.Equal(1, compiled.CompileCount);
    }

    [Fact]
    public void The_other_branch_is_not_run()
    {
        Tensor Risky(Tensor x) => Control.Cond(x > 0, (Tensor v) => v.Log(), v => v * 0, x);
        using IDisposable checks = NablaDebug.Scope(checks: DebugChecks.Nan);
        Assert.Equal(0, Risky(Tensor.From([-1.0], [])).ToDouble());
        Assert.Equal(0, Grad<Tensor>(Risky)(Tensor.From([-1.0], [])).ToDouble());
    }

    [Fact]
    public void While_repeats_member_by_member()
    {
        // Collatz: members stop at different times.
        Tensor Steps(Tensor n) => Control.While(((Tensor N, Tensor K) c) => c.N > 1,
            c => (Ops.Where((c.N - c.N / 2 * 2).Equal(0), c.N / 2, 3 * c.N + 1), c.K + 1), (n, Tensor.From([0], []))).Item2;
        Assert.Equal(111, Steps(Tensor.From([27], [])).ToDouble());
        Assert.Equal([0, 1, 7, 111], Vmap<Tensor, Tensor>(Steps)(Tensor.From([1, 2, 3, 27])).ToDoubles());
        Assert.Equal([0, 1, 7, 111], Compile(Vmap<Tensor, Tensor>(Steps)).Call(Tensor.From([1, 2, 3, 27])).ToDoubles());
    }

    [Fact]
    public void While_has_a_forward_derivative_and_with_a_limit_a_backward_one()
    {
        Tensor Root(Tensor a, int? limit) => Control.While((Tensor y) => (y * y - a).Abs() > 1e-13, y => 0.5 * (y + a / y), Tensor.From([1.0], []), limit);
        Tensor two = Tensor.From([2.0], []), one = Tensor.From([1.0], []);
        Assert.Equal(0.5 / Math.Sqrt(2), Jvp((Tensor a) => Root(a, null), two, one).Tangent.ToDouble(), 12);
        Assert.Equal(0.5 / Math.Sqrt(2), Grad((Tensor a) => Root(a, 20))(two).ToDouble(), 12);
        Assert.Equal("NB0527", Assert.Throws<TraceException>(() => Grad((Tensor a) => Root(a, null))(two)).Code);
        // A derivative that does not pass through the loop is no obstacle.
        Assert.Equal(Math.Sqrt(2), Grad((Tensor x) => x * Root(two, null))(one).ToDouble(), 12);
    }

    [Fact]
    public void Wrong_loops_and_branches_say_what_is_wrong()
    {
        static string Code(Action action) => Assert.ThrowsAny<NablaException>(action).Code;
        Tensor f = Tensor.Zeros([2]), yes = Tensor.From([true], []);
        Assert.Equal("NB0523", Code(() => Control.Scan((Tensor c, Tensor x) => (c.Sum(), 0), f, Tensor.Zeros([3]))));
        Assert.Equal("NB0523", Code(() => Control.While((Tensor c) => c.Sum() > 0, c => c.To(DType.F64), f)));
        Assert.Equal("NB0524", Code(() => Control.Scan((Tensor c, Tensor[] x) => (c, 0), f, [Tensor.Zeros([3]), Tensor.Zeros([4])])));
        Assert.Equal("NB0524", Code(() => Control.Scan((Tensor c, Tensor[] x) => (c, 0), f, Array.Empty<Tensor>())));
        Assert.Equal("NB0525", Code(() => Control.Cond(yes, (Tensor x) => x, x => x.Sum(), f)));
        Assert.Equal("NB0526", Code(() => Control.Cond(f > 0, (Tensor x) => x, x => x, f)));
        Assert.Equal("NB0526", Code(() => Control.While((Tensor x) => x > 0, x => x, f)));
    }

    [Fact]
    public void A_long_scan_allocates_in_proportion_to_its_results_only()
    {
        Tensor x = Tensor.Ones([64, 64]) * 0.01;
        Func<Tensor, Tensor> loop = v => Control.Scan((Tensor c) => (c.MatMul(c).Tanh() + v, 0), v, 2000).Carry;
        loop(x);
        long before = GC.GetAllocatedBytesForCurrentThread();
        loop(x);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000);
    }
}
