using Nabla.Proof;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class CustomRuleTests
{
    private static readonly Tensor X = new RandomKey(1).Normal([4], DType.F64), Y = new RandomKey(2).Normal([4], DType.F64);

    private static void Equal(Tensor expected, Tensor actual) =>
        Assert.All(expected.ToDoubles().Zip(actual.ToDoubles()), p => Assert.Equal(p.First, p.Second, 12));

    [Fact]
    public void A_forward_rule_replaces_the_derivative_in_every_mode()
    {
        // A rule that doubles the derivative shows that it is the one in use.
        Func<Tensor, Tensor> f = CustomJvp((Tensor x) => x.Sin(), (x, dx) => (x.Sin(), 2 * x.Cos() * dx));
        Equal(X.Sin(), f(X));
        Equal(2 * X.Cos() * Y, Jvp(f, X, Y).Tangent);
        Equal(2 * X.Cos(), Grad((Tensor x) => f(x).Sum())(X));
        Equal(-2 * X.Sin(), Grad((Tensor x) => Grad((Tensor z) => f(z).Sum())(x).Sum())(X));
        Tensor batch = Ops.Stack([X, Y]);
        Equal(2 * batch.Cos(), Vmap(Grad((Tensor x) => f(x).Sum()))(batch));
        Equal(2 * batch.Cos(), Compile(Vmap(Grad((Tensor x) => f(x).Sum()))).Call(batch));
        Equal(2 * batch.Cos(), Grad((Tensor b) => Vmap(f)(b).Sum())(batch));
        Assert.Contains("custom", Trace(f, X).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_backward_rule_works_backward_and_forward_where_it_is_linear()
    {
        Func<(Tensor, Tensor), Tensor> f = CustomVjp(((Tensor A, Tensor B) v) => (v.A * v.B.Exp()).Sum(),
            v => ((v.A * v.B.Exp()).Sum(), v), ((Tensor A, Tensor B) r, Tensor ct) => (ct * r.B.Exp(), ct * r.A * r.B.Exp()));
        GradCheck.Require(f, (X, Y));
        (Tensor batchA, Tensor batchB) = (Ops.Stack([X, Y, X + Y]), Y);
        Func<Tensor, Tensor, Tensor> ofB = (a, b) => Grad((Tensor z) => f((a, z)))(b);
        Tensor perMember = Vmap(ofB, 0, null)(batchA, batchB);
        for (int i = 0; i < 3; i++) Equal(ofB(batchA.At(i), Y), perMember.At(i));
        // Shared by the members: cotangents add up.
        Equal(perMember.Sum(0), Grad((Tensor b) => Vmap((Tensor a) => f((a, b)))(batchA).Sum())(Y));
    }

    [Fact]
    public void Gradient_clipping_is_a_backward_rule_that_is_not_linear()
    {
        Func<Tensor, Tensor> clip = CustomVjp((Tensor x) => x * 1, x => (x * 1, 0), (int _, Tensor ct) => ct.Clamp(-1, 1));
        Equal((4 * X).Clamp(-1, 1), Grad((Tensor x) => (clip(x).Square() * 2).Sum())(X));
        Assert.ThrowsAny<NablaException>(() => Jvp(clip, X, Y));
    }

    [Fact]
    public void Integer_leaves_pass_through_rules()
    {
        Func<(Tensor, Tensor), (Tensor, Tensor)> f = CustomVjp(((Tensor V, Tensor I) v) => (v.V.Take(v.I), v.I + 1),
            v => ((v.V.Take(v.I), v.I + 1), (v.V, v.I)),
            ((Tensor V, Tensor I) r, (Tensor V, Tensor I) ct) => (r.V.ZerosLike().ScatterAdd(r.I, ct.V), r.I));
        Tensor at = Tensor.From([2, 2, 0]);
        (Tensor gradient, Tensor ofIntegers) = Grad(((Tensor, Tensor) v) => f(v).Item1.Square().Sum())((X, at));
        Assert.Equal(4 * X.At(2).ToDouble(), gradient.At(2).ToDouble(), 12);
        Assert.Equal([0, 0, 0], ofIntegers.ToDoubles());
    }

    [Fact]
    public void A_batching_rule_sees_which_leaves_are_batched()
    {
        var seen = new List<string>();
        Func<(Tensor, Tensor), Tensor> f = CustomVmap(((Tensor A, Tensor B) v) => v.A.MatMul(v.B), (v, batched, size) =>
        {
            seen.Add($"{string.Join(',', batched)} {size} {v.A.Aval} {v.B.Aval}");
            return batched[1] ? (v.A * v.B).Sum(-1) : v.A.MatMul(v.B);
        });
        Tensor batch = Ops.Stack([X, Y, X]);
        Equal(batch.MatMul(Y), Vmap((Tensor a) => f((a, Y)))(batch));
        Equal((batch * batch).Sum(1), Vmap((Tensor a) => f((a, a)))(batch));
        Assert.Equal(["True,False 3 f64[3,4] f64[4]", "True,True 3 f64[3,4] f64[3,4]"], seen);
        Equal(Y, Grad((Tensor a) => f((a, Y)))(X));
    }

    [Fact]
    public void Wrong_rules_say_what_is_wrong()
    {
        static string Code(Action action) => Assert.ThrowsAny<NablaException>(action).Code;
        Assert.Equal("NB0528", Code(() => Grad((Tensor w) => CustomJvp((Tensor x) => x * w, (x, dx) => (x * w, dx * w))(X).Sum())(Y)));
        Assert.Equal("NB0529", Code(() => Grad((Tensor x) => CustomJvp((Tensor v) => v * 2, (v, dv) => (v * 2, dv.Sum()))(x).Sum())(X)));
        Assert.Equal("NB0529", Code(() => Grad((Tensor x) => CustomVjp((Tensor v) => v * 2, v => (v * 2, 0), (_, ct) => ct.To(DType.F32))(x).Sum())(X)));
        Assert.Equal("NB0529", Code(() => Vmap(CustomVmap((Tensor v) => v * 2, (v, _, _) => v.Sum(0)))(Ops.Stack([X, Y]))));
    }

    [Fact]
    public void A_checkpoint_changes_memory_and_nothing_else()
    {
        Tensor w = new RandomKey(3).Normal([32, 32], DType.F64) * 0.2, x = new RandomKey(4).Normal([256, 32], DType.F64);
        static Tensor Block(Tensor w, Tensor h)
        {
            for (int i = 0; i < 6; i++) h = h.MatMul(w).Tanh();
            return h;
        }
        Tensor Loss(Tensor p, bool checkpoint)
        {
            Tensor h = x;
            for (int i = 0; i < 8; i++) h = checkpoint ? Checkpoint(((Tensor W, Tensor H) a) => Block(a.W, a.H))((p, h)) : Block(p, h);
            return h.Square().Sum();
        }
        Tensor expected = Grad((Tensor p) => Loss(p, false))(w), actual = Grad((Tensor p) => Loss(p, true))(w);
        Assert.All(expected.ToDoubles().Zip(actual.ToDoubles()), p => Assert.Equal(p.First, p.Second, 1e-10));
        Compiled<Tensor, Tensor> plain = Compile(Grad((Tensor p) => Loss(p, false))), thrifty = Compile(Grad((Tensor p) => Loss(p, true)));
        Assert.Equal(actual.ToDoubles(), thrifty.Call(w).ToDoubles());
        // 48 activations against 8 boundaries and, lent while a block runs, the 6 of one block.
        Assert.InRange(thrifty.PlanFor(w).ArenaBytes, 0, plain.PlanFor(w).ArenaBytes / 3);
        Assert.Equal(16, thrifty.ProgramFor(w).Equations.Count(e => e.Primitive.Name == "checkpoint"));
        GradCheck.Require(Checkpoint((Tensor p) => Block(p, x).Square().Mean()), w * 0.3);
    }

    [Fact]
    public void A_checkpointed_scan_step_keeps_its_carry_only()
    {
        Tensor Loss(Tensor w, bool checkpoint)
        {
            Func<(Tensor W, Tensor H), Tensor> step = a => (a.H.MatMul(a.W).Sin().Exp() * 0.3).MatMul(a.W).Tanh();
            return Control.Scan((Tensor h) => ((checkpoint ? Checkpoint(step) : step)((w, h)), 0), Tensor.Ones([8], DType.F64), 12).Carry.Sum();
        }
        Tensor p = new RandomKey(5).Normal([8, 8], DType.F64) * 0.3;
        Equal(Grad((Tensor w) => Loss(w, false))(p), Grad((Tensor w) => Loss(w, true))(p));
        int Kept(bool checkpoint) => Trace((Tensor w) => Grad((Tensor q) => Loss(q, checkpoint))(w), p).Equations.First(e => e.Primitive.Name == "scan").Outputs.Count;
        Assert.True(Kept(true) < Kept(false), $"{Kept(true)} against {Kept(false)}");
    }
}
