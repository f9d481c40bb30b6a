using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

public sealed class TreeTests
{
    private sealed record Layer(Tensor W, Tensor? Bias, string Name);

    private readonly record struct Net(Layer[] Layers, Dictionary<string, Tensor> Extra, int Depth);

    private abstract record Shape2D;

    private sealed record Circle(Tensor Radius) : Shape2D;

    private sealed class Pair(Tensor a, object? b) : ITree
    {
        public IReadOnlyList<object?> Children => [a, b];

        public ITree WithChildren(IReadOnlyList<object?> children) => new Pair((Tensor)children[0]!, children[1]);
    }

    private static Tensor T(double x) => Tensor.From([x]);

    private static Net Sample() => new(
        [new(T(1), T(2), "a"), new(T(3), T(4), "b")], new() { ["z"] = T(6), ["b"] = T(5) }, 2);

    [Fact]
    public void Leaves_come_in_constructor_order_with_sorted_keys() =>
        Assert.Equal([1, 2, 3, 4, 5, 6], Tree.Leaves(Sample()).Select(t => t.ToDouble()));

    [Fact]
    public void A_rebuilt_value_has_the_same_structure_and_new_leaves()
    {
        Net doubled = Tree.Map(t => t * 2, Sample());
        Assert.Equal([2, 4, 6, 8, 10, 12], Tree.Leaves(doubled).Select(t => t.ToDouble()));
        Assert.Equal("b", doubled.Layers[1].Name);
        Assert.Equal(2, doubled.Depth);
    }

    [Fact]
    public void Static_values_belong_to_the_structure()
    {
        Assert.Equal(Tree.Flatten(Sample()).Structure, Tree.Flatten(Sample() with { }).Structure);
        Assert.NotEqual(Tree.Flatten(Sample()).Structure, Tree.Flatten(Sample() with { Depth = 3 }).Structure);
        Assert.Equal("NB0511", Assert.Throws<TraceException>(() => Tree.Map((a, b) => a + b, Sample(), Sample() with { Depth = 3 })).Code);
    }

    [Fact]
    public void An_absent_tensor_stays_absent()
    {
        Layer[] layers = [new(T(1), null, "a"), new(T(2), T(3), "b")];
        Layer[] mapped = Tree.Map(t => t + 1, layers);
        Assert.Null(mapped[0].Bias);
        Assert.Equal([2, 3, 4], Tree.Leaves(mapped).Select(t => t.ToDouble()));
    }

    [Fact]
    public void Declared_base_types_keep_the_type_of_the_value()
    {
        Shape2D circle = new Circle(T(2));
        Assert.Equal(6, Assert.IsType<Circle>(Tree.Map(t => t * 3, circle)).Radius.ToDouble());
    }

    [Fact]
    public void A_type_may_say_itself_how_it_is_made()
    {
        Pair pair = Tree.Map(t => t + 1, new Pair(T(1), new List<Tensor> { T(2), T(3) }));
        Assert.Equal([2, 3, 4], Tree.Leaves(pair).Select(t => t.ToDouble()));
    }

    [Fact]
    public void Gradients_have_the_structure_of_the_parameters()
    {
        (Tensor A, List<Tensor> Others) gradient = Grad(((Tensor A, List<Tensor> Others) p) => (p.A * p.Others[0] + p.Others[1].Exp()).Sum())((T(2), [T(3), T(0)]));
        Assert.Equal([3, 2, 1], Tree.Leaves(gradient).Select(t => t.ToDouble()));
    }

    [Fact]
    public void Integer_leaves_get_zero_gradients_of_their_own_type()
    {
        (Tensor X, Tensor I) gradient = Grad(((Tensor X, Tensor I) p) => p.X.Take(p.I).Sum())((Tensor.From([1.0, 2]), Tensor.From([1, 1])));
        Assert.Equal([0, 2], gradient.X.ToDoubles());
        Assert.Equal(DType.I32, gradient.I.DType);
        Assert.Equal([0, 0], gradient.I.ToDoubles());
    }

    [Fact]
    public void What_is_not_a_tree_is_refused() =>
        Assert.Equal("NB0510", Assert.Throws<TraceException>(() => Tree.Leaves(new object())).Code);

    [Fact]
    public void Absent_tensors_are_part_of_the_structure_and_absent_containers_are_refused()
    {
        Assert.Single(Tree.Leaves(new Layer(Tensor.From([1.0]), null, "dense")));
        Action[] wrong =
        [
            () => Tree.Leaves<Tensor[]>(null!), () => Tree.Leaves<List<Tensor>>(null!), () => Tree.Leaves<Dictionary<string, Tensor>>(null!),
            () => Tree.Leaves<Layer>(null!), () => Tree.Leaves(new Layer?[] { null }), () => Tree.Leaves((Tensor.From([1.0]), (Tensor[])null!)),
        ];
        foreach (Action action in wrong) Assert.Equal("NB0514", Assert.Throws<TraceException>(action).Code);
        Assert.Equal("NB0514", Assert.Throws<TraceException>(() => Grad((Layer[] x) => x[0].W.Sum())([null!])).Code);
    }
}
