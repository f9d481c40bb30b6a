using Nabla.Kernels;

namespace Nabla;

public sealed partial class ReduNet
{
    /// <summary>
    /// Builds the layers from second moments Σ_j = Z_j Z_jᵀ of the classes alone: with labels as gates and <see cref="ReduNormalization.Class"/>, a layer is one matrix a class,
    /// M_j = I + η(E − γ_j C_j), and Σ_j ← M_jΣ_jM_j·n_j/tr. New classes join by adding their moments; the network is the one of all samples together. New samples pass it with
    /// soft gates and are divided by their lengths. (k + 1)·d³·6 flops a layer, whatever the number of samples.
    /// </summary>
    /// <remarks>Source: Wu, Baek, You, Ma, "Incremental learning via rate reduction", arXiv:2011.14593.</remarks>
    /// <param name="moments">Σ_j. Shape: [k, d, d].</param>
    /// <param name="counts">n_j.</param>
    /// <param name="options">L, ε², η, λ; gating and normalisation are taken to be those above.</param>
    /// <param name="last">The moments behind the last layer, for <see cref="NearestSubspace.FromMoments"/>. Shape: [k, d, d].</param>
    /// <exception cref="ShapeException">NB0698: moments and sizes do not fit; NB0691: an option is out of range; NB0699: too large.</exception>
    /// <exception cref="NumericException">NB0687: a moment is not finite; NB0695: a layer cannot be computed.</exception>
    public static ReduNet FromMoments(Tensor moments, ReadOnlySpan<int> counts, ReduNetOptions options, out Tensor last)
    {
        options.Check();
        using IDisposable constants = Device.Use(moments.Device);
        bool fits = moments.Rank == 3 && moments.DType.IsFloat && moments.Shape[1] == moments.Shape[2] && moments.Shape[0] == counts.Length
            && counts.IndexOfAnyExceptInRange(0, int.MaxValue) < 0 && counts.IndexOfAnyExcept(0) >= 0;
        if (!fits) throw ReduNetErrors.Moments(moments.Aval, counts.Length);
        NearestMean.CheckFinite("redunet", moments);
        (int k, int d) = (moments.Shape[0], moments.Shape[1]);
        options = options with { Gating = ReduGate.Labels, Normalization = ReduNormalization.Class };
        var net = new ReduNet([d], options, counts.ToArray(), Reserve([d], k, options.Layers, moments.DType, moments.Device), new ReduRates[options.Layers + 1]);
        Tensor sizes = Tensor.From(Array.ConvertAll(net._counts, c => (double)c)).To(moments.DType).Reshape(k, 1, 1);
        Tensor shares = sizes / net._counts.Sum(), current = moments;
        for (int layer = 0; layer <= options.Layers; layer++)
        {
            DenseTensor operators = layer < options.Layers ? Layer(net.Operators, layer) : DenseTensor.Allocate(Layer(net.Operators, 0).Aval, moments.Device);
            Move.Copy(current.Dense, operators.Slice(.., 1..).Reshape([k, d, d]).Dense);
            net.Finish(layer, operators);
            if (layer == options.Layers) break;
            Tensor all = operators.At(0), steps = Ops.Eye(d, moments.DType) + net.Step * (all.Slice(..1) - shares * all.Slice(1..));
            Tensor moved = steps.MatMul(current).MatMul(steps), trace = moved.Trace().Reshape(k, 1, 1);
            current = moved * Ops.Where(trace > 0, sizes / trace.Maximum(double.Epsilon), sizes.ZerosLike());
        }
        last = current;
        return net;
    }
}
