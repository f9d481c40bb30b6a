using Nabla.Autograd;

namespace Nabla;

/// <summary>Compositions of primitives with the field's own names: their derivatives follow from the parts.</summary>
public static partial class Ops
{
    extension(Tensor x)
    {
        /// <summary>max(x, 0), element by element; derivative 0 at 0; NaN stays NaN.</summary>
        public Tensor Relu() => Where(x <= 0, x.ZerosLike(), x);

        /// <summary>x where x > 0, slope·x elsewhere.</summary>
        public Tensor LeakyRelu(double slope = 0.01) => Where(x > 0, x, slope * x);

        /// <summary>log(1 + eˣ) = max(x, 0) + log(1 + e^(−|x|)), without overflow.</summary>
        public Tensor Softplus() => x.Maximum(0) + (-x.Abs()).Exp().Log1p();

        /// <summary>Gaussian error linear unit x·Φ(x), with Φ the normal distribution function. Source: Hendrycks and Gimpel, arXiv:1606.08415.</summary>
        public Tensor Gelu() => x * (0.5 * (1 + (x * (1 / Math.Sqrt(2))).Erf()));

        /// <summary>Sigmoid linear unit x·σ(x), also called swish.</summary>
        public Tensor Silu() => x * x.Sigmoid();

        /// <summary>Exponential linear unit: x where x > 0, α(eˣ − 1) elsewhere. Source: Clevert et al., arXiv:1511.07289.</summary>
        public Tensor Elu(double alpha = 1) => Where(x > 0, x, alpha * x.Minimum(0).Expm1());

        /// <summary>Scaled exponential linear unit λ·elu(x, α) with the α, λ that keep mean 0 and variance 1. Source: Klambauer et al., arXiv:1706.02515.</summary>
        public Tensor Selu() => 1.0507009873554805 * x.Elu(1.6732632423543772);

        /// <summary>x limited to [−1, 1].</summary>
        public Tensor HardTanh() => x.Clamp(-1, 1);

        /// <summary>Ricker wavelet (1 − (x/a)²)·exp(−(x/a)²/2).</summary>
        public Tensor Ricker(double a = 1)
        {
            Tensor square = (x / a).Square();
            return (1 - square) * (square * -0.5).Exp();
        }

        /// <summary>x·tanh(softplus x). Source: Misra, arXiv:1908.08681.</summary>
        public Tensor Mish() => x * x.Softplus().Tanh();

        /// <summary>x·tanh x: of multiplicity 2 at 0. Source: Zhou et al., arXiv:2105.11686.</summary>
        public Tensor XTanh() => x * x.Tanh();

        /// <summary>x²·tanh x: of multiplicity 3 at 0. Source: Zhou et al., arXiv:2105.11686.</summary>
        public Tensor XSquareTanh() => x.Square() * x.Tanh();

        /// <summary>Smooth compact ReLU x₊·(1 − x)₊, zero outside [0, 1]. Source: Liu, Cai and Xu, arXiv:2007.11207.</summary>
        public Tensor SRelu() => x.Relu() * (1 - x).Relu();

        /// <summary>
        /// Quadratic B-spline (x)₊² − 3(x − 1)₊² + 3(x − 2)₊² − (x − 3)₊², zero outside [0, 3]; written piece by piece, without cancellation. Source: Liu,
        /// Cai and Xu, arXiv:2007.11207.
        /// </summary>
        public Tensor QuadraticSpline()
        {
            // Symmetric about 3/2: with d = |x − 3/2|, 3/2 − 2d² in the middle and (3/2 − d)² towards the ends.
            Tensor d = (x - 1.5).Abs();
            return Where(d <= 0.5, 1.5 - 2 * d.Square(), (1.5 - d).Relu().Square());
        }

        /// <summary>log Σ eˣ along an axis, with the largest element taken out first. −∞ for −∞ alone. Shape: the axis disappears.</summary>
        public Tensor LogSumExp(int axis = -1)
        {
            Tensor top = x.Max(axis).StopGradient();
            Tensor safe = Where(top.Abs().Equal(double.PositiveInfinity), top.ZerosLike(), top);
            return (x - safe.ExpandDims(Kept(axis, x.Rank))).Exp().Sum(axis).Log() + safe;
        }

        /// <summary>eˣ/Σ eˣ along an axis. Shape: kept.</summary>
        public Tensor Softmax(int axis = -1)
        {
            Tensor shifted = (x - x.Max(axis).StopGradient().ExpandDims(Kept(axis, x.Rank))).Exp();
            return shifted / shifted.Sum(axis).ExpandDims(Kept(axis, x.Rank));
        }

        /// <summary>log of <see cref="Softmax"/>: x − log Σ eˣ. Shape: kept.</summary>
        public Tensor LogSoftmax(int axis = -1) => x - x.LogSumExp(axis).ExpandDims(Kept(axis, x.Rank));

        /// <summary>Euclidean length √Σx² over the given axes, or over all. Derivative at 0: 0, a subgradient.</summary>
        public Tensor Norm(params ReadOnlySpan<int> axes)
        {
            Tensor square = x.Square().Sum(axes);
            Tensor zero = square.Equal(0);
            return Where(zero, square.ZerosLike(), Where(zero, square.OnesLike(), square).Sqrt());
        }

        /// <summary>x divided by its Euclidean length along an axis; zeros stay zeros. Shape: kept.</summary>
        public Tensor Normalize(int axis = -1)
        {
            Tensor length = x.Norm(axis).ExpandDims(Kept(axis, x.Rank));
            return x / Where(length.Equal(0), length.OnesLike(), length);
        }

        /// <summary>Mean squared deviation from the mean over the given axes, or over all; divides by the count.</summary>
        public Tensor Variance(params ReadOnlySpan<int> axes)
        {
            Axes all = axes.Length == 0 ? Axes.Range(x.Rank) : Shape.NormalizeAxes(axes, x.Rank, "variance");
            Tensor mean = Reducing.Spread(x.Mean(all), x.Shape, all);
            return (x - mean).Square().Mean(all);
        }

        /// <summary>True where any element along the given axes, or of all, is true. Shape: the axes disappear; bool. False for no elements.</summary>
        public Tensor Any(params ReadOnlySpan<int> axes) => x.To(DType.I32).Sum(axes) > 0;

        /// <summary>True where all elements along the given axes, or all, are true. Shape: the axes disappear; bool. True for no elements.</summary>
        public Tensor All(params ReadOnlySpan<int> axes) => (!x).To(DType.I32).Sum(axes).Equal(0);

        /// <summary>Outer product. Shape: [m] and [n] → [m, n].</summary>
        public Tensor Outer(Tensor y) => x.ExpandDims(1) * y.ExpandDims(0);
    }

    private static int Kept(int axis, int rank) => Shape.NormalizeAxis(axis, rank, "axis");
}
