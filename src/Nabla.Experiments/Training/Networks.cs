using Nabla.Nn;

namespace Nabla.Experiments.Training;

/// <summary>Fully connected networks with the initial distributions that the frequency papers use: biases are drawn like weights.</summary>
public static class Networks
{
    /// <summary>Weights and biases of each layer from N(0, 2/(fan-in + fan-out)).</summary>
    /// <param name="inputs">Input features.</param>
    /// <param name="sizes">Output sizes of the layers.</param>
    /// <param name="activation">Between the layers.</param>
    public static Sequential Xavier(int inputs, int[] sizes, Activation activation) =>
        Normal(inputs, sizes, activation, (fanIn, fanOut) => Math.Sqrt(2.0 / (fanIn + fanOut)));

    /// <summary>Weights and biases of each layer from N(0, σ²), σ a function of the layer's (inputs, outputs).</summary>
    public static Sequential Normal(int inputs, int[] sizes, Activation activation, Func<int, int, double> sigma)
    {
        var layers = new List<Layer>();
        foreach (int size in sizes)
        {
            if (layers.Count > 0) layers.Add(activation);
            var normal = Initializers.Normal(sigma(inputs, size));
            layers.Add(new Dense(size, normal, normal));
            inputs = size;
        }
        return new Sequential([.. layers]);
    }
}
