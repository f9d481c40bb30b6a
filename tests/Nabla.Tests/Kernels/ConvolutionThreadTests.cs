using Nabla.Kernels;
using static Nabla.Tests.Autograd.ConvReference;
using static Nabla.Transforms;

namespace Nabla.Tests.Kernels;

/// <summary>Convolutions and poolings large enough to be shared between threads.</summary>
[Collection(nameof(ProcessSettings))]
public sealed class ConvolutionThreadTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose()
    {
        GemmConfig.Path = GemmConfig.Best;
        Workers.Count = _threads;
    }

    public static TheoryData<int[], int[], ConvOptions> Cases => new()
    {
        { [8, 16, 16, 16], [3, 3, 16, 32], new ConvOptions { Padding = Padding.Same } },
        { [16, 28, 28, 1], [5, 5, 1, 8], new ConvOptions { Strides = [2] } },
        { [8, 20, 20, 40], [3, 3, 1, 40], new ConvOptions { Padding = Padding.Same, Groups = 40 } },
        { [8, 16, 16, 16], [3, 3, 4, 32], new ConvOptions { Padding = Padding.Circular, Groups = 4 } },
        { [16, 200, 16], [7, 16, 16], new ConvOptions { Dilation = [2] } },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Results_and_gradients_have_the_same_bits_for_one_and_more_threads(int[] input, int[] kernel, ConvOptions options)
    {
        Tensor x = Random(input, 1, DType.F32), w = Random(kernel, 2, DType.F32), ct = Random(x.Conv(w, options).Shape, 3, DType.F32);
        double[][] Run(int threads)
        {
            Workers.Count = threads;
            Tensor y = x.Conv(w, options);
            (Tensor dx, Tensor dw) = Vjp(((Tensor X, Tensor W) p) => p.X.Conv(p.W, options), (x, w)).Pullback(ct);
            return [y.ToDoubles(), dx.ToDoubles(), dw.ToDoubles()];
        }
        double[][] alone = Run(1);
        foreach (int threads in new[] { 2, 3 })
            foreach ((double[] expected, double[] actual) in alone.Zip(Run(threads))) Assert.Equal(expected, actual);
    }

    [Fact]
    public void Pooling_has_the_same_bits_for_one_and_more_threads()
    {
        Tensor x = Random([8, 40, 40, 24], 1, DType.F32);
        Workers.Count = 1;
        (Tensor values, Tensor indices) = x.MaxPoolWithIndices([3, 3], [1]);
        (double[] v, double[] i, double[] s) = (values.ToDoubles(), indices.ToDoubles(), x.SumPool([3, 3], [1]).ToDoubles());
        Workers.Count = 2;
        (values, indices) = x.MaxPoolWithIndices([3, 3], [1]);
        Assert.Equal(v, values.ToDoubles());
        Assert.Equal(i, indices.ToDoubles());
        Assert.Equal(s, x.SumPool([3, 3], [1]).ToDoubles());
    }

    [Fact]
    public void Every_instruction_set_agrees_with_doubles()
    {
        var options = new ConvOptions { Padding = Padding.Same };
        Tensor x = Random([2, 9, 10, 5], 1, DType.F32), w = Random([3, 3, 5, 7], 2, DType.F32), ct = Random([2, 9, 10, 7], 3, DType.F32);
        foreach (GemmPath path in Enum.GetValues<GemmPath>())
        {
            if (path > GemmConfig.Best) continue;
            GemmConfig.Path = path;
            var reference = new Autograd.ConvReference(x, w, ct, options);
            reference.Compare("result", x.Conv(w, options), reference.Y);
            reference.Compare("kernel gradient", Vjp((Tensor u) => x.Conv(u, options), w).Pullback(ct), reference.Dw);
        }
    }
}
