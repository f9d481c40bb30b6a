namespace Nabla.Tests.Accelerators;

/// <summary>Networks that are built on a device are those of the CPU to rounding: vectors, signals and images, every gate and normalisation, and from moments.</summary>
public sealed class DeviceReduNetTests
{
    private const int Classes = 4;

    // Class 2 has no samples.
    private static readonly int[] Labels = [.. Enumerable.Range(0, 18).Select(i => i % 3 == 2 ? 3 : i % 3)];

    public static TheoryData<string, int[]> Cases => new(DeviceCases.Names.SelectMany(name => (int[][])[[5], [6, 2], [3, 4, 2]], (name, shape) => (name.Data, shape)));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Layers_features_and_rates_are_those_of_the_cpu(string name, int[] shape)
    {
        Device device = DeviceCases.Find(name);
        Tensor x = new RandomKey(1).Normal([18, .. shape], DType.F64), fresh = new RandomKey(2).Normal([7, .. shape], DType.F64);
        foreach (ReduNetOptions options in (ReduNetOptions[])
            [new(3, 0.5, Step: 0.3, Gate: 4), new(2, 0.5, Step: 0.1, Gate: 4) { Gating = ReduGate.Labels, Normalization = ReduNormalization.Class },
             new(2, 0.5, Step: 0.1, Gate: 4) { Gating = ReduGate.Uniform, Residual = false }])
        {
            ReduNet here = ReduNet.Build(x, Labels, Classes, options, out Tensor features), there = ReduNet.Build(x.ToDevice(device), Labels, Classes, options, out Tensor found);
            Assert.Equal(device, there.Operators.Device);
            Near(here.Operators, there.Operators);
            Near(features, found);
            Near(here.Transform(fresh), there.Transform(fresh.ToDevice(device)));
            Near(here.Gates(fresh), there.Gates(fresh.ToDevice(device)));
            Near(here.ApplyOperator(fresh, 1, 2), there.ApplyOperator(fresh.ToDevice(device), 1, 2));
            for (int i = 0; i <= options.Layers; i++)
            {
                Assert.Equal(here.Rates[i].Rate, there.Rates[i].Rate, 1e-10 * here.Rates[i].Rate);
                Assert.Equal(here.Rates[i].ClassRate, there.Rates[i].ClassRate, 1e-10 * here.Rates[i].Rate);
            }
        }
    }

    [Theory]
    [MemberData(nameof(DeviceCases.Names), MemberType = typeof(DeviceCases))]
    public void From_moments_too(string name)
    {
        Device device = DeviceCases.Find(name);
        Tensor rows = new RandomKey(3).Normal([3, 9, 5], DType.F64), moments = rows.T.MatMul(rows);
        var options = new ReduNetOptions(3, 0.5, Step: 0.2, Gate: 4);
        ReduNet here = ReduNet.FromMoments(moments, [9, 9, 9], options, out Tensor last), there = ReduNet.FromMoments(moments.ToDevice(device), [9, 9, 9], options, out Tensor found);
        Near(here.Operators, there.Operators);
        Near(last, found);
    }

    [Theory]
    [MemberData(nameof(DeviceCases.Names), MemberType = typeof(DeviceCases))]
    public void A_layer_that_cannot_be_computed_says_so(string name)
    {
        Tensor x = (1e20 * new RandomKey(1).Normal([18, 5])).ToDevice(DeviceCases.Find(name));
        Assert.Equal("NB0695", Assert.Throws<NumericException>(() => ReduNet.Build(x, Labels, Classes, new ReduNetOptions(2, 0.5, Step: 0.3, Gate: 4))).Code);
    }

    private static void Near(Tensor expected, Tensor found)
    {
        double[] x = expected.ToDoubles(), y = found.ToDoubles();
        double scale = x.Max(Math.Abs);
        for (int i = 0; i < x.Length; i++) Assert.Equal(x[i], y[i], 1e-10 * scale);
    }
}
