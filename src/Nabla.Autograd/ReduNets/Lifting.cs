namespace Nabla;

/// <summary>
/// Maps that give signals [n, T, C] and images [n, H, W, C] more channels before a ReduNet with convolutions; they commute with cyclic shifts. Classes that differ only in phases
/// cannot be told apart by shift-invariant linear operators without them.
/// </summary>
/// <remarks>Source: Chan et al., arXiv:2105.10446, §4 (lifting by random filters and by sparse coding).</remarks>
public static class Lifting
{
    /// <summary>
    /// Random kernels for <see cref="Respond"/>: Gaussian, each of length 1. Shape: [width, in, channels] for signals, [width, width, in, channels] for images.
    /// </summary>
    /// <param name="key">Randomness.</param>
    /// <param name="axes">1 for signals, 2 for images.</param>
    /// <param name="width">Width of a kernel.</param>
    /// <param name="input">Channels of the samples.</param>
    /// <param name="channels">Channels wanted.</param>
    /// <param name="dtype">f32 or f64.</param>
    public static Tensor RandomKernels(RandomKey key, int axes, int width, int input, int channels, DType dtype = DType.F32)
    {
        Tensor kernels = key.Normal(Shape.Create([.. Enumerable.Repeat(width, axes), input, channels]), dtype);
        int[] all = [.. Enumerable.Range(0, axes + 1)];
        return kernels / kernels.Square().Sum(all).Sqrt();
    }

    /// <summary>Circular convolution. Shape: [n, T, in] or [n, H, W, in] → the same with the kernels' channels.</summary>
    public static Tensor Respond(Tensor x, Tensor kernels) => x.Conv(kernels, new ConvOptions { Padding = Padding.Circular });

    /// <summary>max(response, 0): random features.</summary>
    public static Tensor Rectified(Tensor x, Tensor kernels) => Respond(x, kernels).Relu();

    /// <summary>
    /// One step of sparse coding: at each position the <paramref name="active"/> largest |responses| keep their values, the others become 0. Equal ones beside the last are kept.
    /// </summary>
    public static Tensor Sparse(Tensor x, Tensor kernels, int active)
    {
        Tensor responses = Respond(x, kernels), sizes = responses.Abs();
        Tensor least = sizes.Sort(-1, descending: true).MoveAxis(-1, 0).At(active - 1).ExpandDims(sizes.Rank - 1);
        return Ops.Where(sizes >= least, responses, responses.ZerosLike());
    }

    /// <summary>Samples divided by their lengths over all positions and channels; zeros stay zero. Shape: kept.</summary>
    public static Tensor UnitSamples(Tensor x) => x.Reshape([x.Shape[0], -1]).Normalize().Reshape(x.Shape);
}

/// <summary>Images in polar coordinates, where a rotation about the centre is a shift of the angle.</summary>
public static class PolarImages
{
    /// <summary>
    /// Values on <paramref name="radii"/> circles, radius (r + ½)/radii of half of the shorter side, at <paramref name="angles"/> equal steps from <paramref name="rotation"/> on, by bilinear
    /// interpolation; 0 outside. Shape: images [n, H, W] → [n, angles, radii], signals over the angle with one channel a radius.
    /// </summary>
    /// <param name="images">Images.</param>
    /// <param name="radii">Number of circles.</param>
    /// <param name="angles">Points on each.</param>
    /// <param name="rotation">Angle of the first point, in radians.</param>
    public static Tensor Sample(Tensor images, int radii, int angles, double rotation = 0)
    {
        (int height, int width) = (images.Shape[1], images.Shape[2]);
        double half = Math.Min(height, width) / 2.0;
        var at = new (double Y, double X)[angles * radii];
        for (int a = 0; a < angles; a++)
            for (int r = 0; r < radii; r++)
            {
                (double sine, double cosine) = Math.SinCos(rotation + 2 * Math.PI * a / angles);
                double radius = half * (r + 0.5) / radii;
                at[a * radii + r] = ((height - 1) / 2.0 + radius * sine, (width - 1) / 2.0 + radius * cosine);
            }
        return At(images, at).Reshape(images.Shape[0], angles, radii);
    }

    /// <summary>Images turned about their centres by bilinear interpolation, 0 outside. Shape: [n, H, W], kept.</summary>
    /// <param name="images">Images.</param>
    /// <param name="angle">Counter-clockwise where rows go down, in radians.</param>
    public static Tensor Rotate(Tensor images, double angle)
    {
        (int height, int width) = (images.Shape[1], images.Shape[2]);
        (double sine, double cosine) = Math.SinCos(angle);
        var at = new (double Y, double X)[height * width];
        for (int i = 0; i < height; i++)
            for (int j = 0; j < width; j++)
            {
                double y = i - (height - 1) / 2.0, x = j - (width - 1) / 2.0;
                at[i * width + j] = ((height - 1) / 2.0 + cosine * y + sine * x, (width - 1) / 2.0 - sine * y + cosine * x);
            }
        return At(images, at).Reshape(images.Shape);
    }

    // One sparse linear map for all images, here as a matrix [points, H·W].
    private static Tensor At(Tensor images, (double Y, double X)[] points)
    {
        (int n, int height, int width) = (images.Shape[0], images.Shape[1], images.Shape[2]);
        var weights = new double[points.Length, height * width];
        for (int p = 0; p < points.Length; p++)
        {
            (double y, double x) = points[p];
            int top = (int)Math.Floor(y), left = (int)Math.Floor(x);
            for (int i = top; i <= top + 1; i++)
                for (int j = left; j <= left + 1; j++)
                    if (i >= 0 && i < height && j >= 0 && j < width) weights[p, i * width + j] += (1 - Math.Abs(y - i)) * (1 - Math.Abs(x - j));
        }
        return images.Reshape([n, height * width]).MatMul(Tensor.From(weights).To(images.DType).T);
    }
}
