using static Nabla.Transforms;

namespace Nabla.Tests.Docs;

/// <summary>The code of the README, line by line; <see cref="DocsTests"/> compares the two texts and runs this one.</summary>
internal static class ReadmeExample
{
    public static (double First, double Last, int[] PerExample, string Program) Run()
    {
        Tensor x = new RandomKey(0).Normal([100, 3]), w = new RandomKey(1).Normal([3]);

        static Tensor Loss(Tensor w, Tensor x) => (x.MatMul(w).Tanh() - 0.5).Square().Mean();

        var gradient = Grad<Tensor, Tensor>(Loss);                   // ∂Loss/∂w by reverse mode
        Tensor perExample = Vmap(gradient, null, 0)(w, x);           // [100, 3]: one batched pass, no loop
        Tensor curvature = Hvp(p => Loss(p, x), w, perExample.At(0)); // ∇²Loss·v without a matrix
        var step = Compile((Tensor p) => p - 0.1 * gradient(p, x));  // traced once, planned, replayed
        double before = Loss(w, x).ToDouble();
        for (int i = 0; i < 200; i++) w = step.Call(w);
        Console.WriteLine($"loss {before:g3} → {Loss(w, x).ToDouble():g3}");
        Console.WriteLine(Trace((Tensor v) => v.Tanh().Sum(), w));   // { lambda a:f32[3] . b:f32[3] = tanh a; … }

        Assert.Equal([3], curvature.Shape.Dims.ToArray());
        return (before, Loss(w, x).ToDouble(), perExample.Shape.Dims.ToArray(), Trace((Tensor v) => v.Tanh().Sum(), w).ToString());
    }
}
