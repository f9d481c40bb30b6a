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
    /// <exception cref="ShapeException">NB0684: another number of axes, or a size below 1; NB0699: too large.</exception>
    public static Tensor RandomKernels(RandomKey key, int axes, int width, int input, int channels, DType dtype = DType.F32)
    {
        if (axes is not (1 or 2)) throw ReduNetErrors.Setting("lifting", "the number of axes", axes, "1 for signals, 2 for images");
        foreach ((string name, int size) in (ReadOnlySpan<(string, int)>)[("the width", width), ("the number of channels of samples", input), ("the number of kernels", channels)])
            if (size < 1) throw ReduNetErrors.Setting("lifting", name, size, "at least 1");
        Int128 elements = (Int128)(axes == 1 ? 1 : width) * width * input * channels;
        if (elements > int.MaxValue) throw ReduNetErrors.TooLarge("the kernels", elements);
        Tensor kernels = key.Normal(Shape.Create([.. Enumerable.Repeat(width, axes), input, channels]), dtype);
        int[] all = [.. Enumerable.Range(0, axes + 1)];
        return kernels / kernels.Square().Sum(all).Sqrt();
    }

    /// <summary>Circular convolution. Shape: [n, T, in] or [n, H, W, in] → the same with the kernels' channels.</summary>
    /// <exception cref="ShapeException">NB0690: these are not signals or images; NB0683: the kernels do not fit them.</exception>
    /// <exception cref="NumericException">NB0687: a sample or a kernel is not finite.</exception>
    public static Tensor Respond(Tensor x, Tensor kernels)
    {
        if (x.Rank is < 3 or > 4 || !x.DType.IsFloat) throw ReduNetErrors.Samples(x.Aval);
        if (kernels.Rank != x.Rank || kernels.DType != x.DType || kernels.Shape[^2] != x.Shape[^1]) throw ReduNetErrors.Kernels(x.Aval, kernels.Aval);
        NearestMean.CheckFinite("lifting", x);
        NearestMean.CheckFinite("lifting", kernels);
        return x.Conv(kernels, new ConvOptions { Padding = Padding.Circular });
    }

    /// <summary>max(response, 0): random features.</summary>
    /// <inheritdoc cref="Respond"/>
    public static Tensor Rectified(Tensor x, Tensor kernels) => Respond(x, kernels).Relu();

    /// <summary>
    /// One step of sparse coding: at each position the <paramref name="active"/> largest |responses| keep their values, the others become 0. Equal ones beside the last are kept.
    /// </summary>
    /// <exception cref="ShapeException">NB0684: fewer than one, or more than there are kernels; NB0690, NB0683 as for <see cref="Respond"/>.</exception>
    /// <exception cref="NumericException">NB0687: a sample or a kernel is not finite.</exception>
    public static Tensor Sparse(Tensor x, Tensor kernels, int active)
    {
        if (kernels.Rank > 0 && (active < 1 || active > kernels.Shape[^1])) throw ReduNetErrors.Setting("lifting", "the number of active responses", active, $"1 to {kernels.Shape[^1]}");
        Tensor responses = Respond(x, kernels), sizes = responses.Abs();
        Tensor least = sizes.Sort(-1, descending: true).MoveAxis(-1, 0).At(active - 1).ExpandDims(sizes.Rank - 1);
        return Ops.Where(sizes >= least, responses, responses.ZerosLike());
    }

    /// <summary>Samples divided by their lengths over all positions and channels; zeros stay zero. Shape: kept.</summary>
    /// <exception cref="ShapeException">NB0690: these are not samples.</exception>
    public static Tensor UnitSamples(Tensor x) => x.Rank is >= 2 and <= 4 && x.DType.IsFloat && x.Shape.Count > 0
        ? x.Reshape([x.Shape[0], -1]).Normalize().Reshape(x.Shape) : throw ReduNetErrors.Samples(x.Aval);
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
    /// <exception cref="ShapeException">NB0684: no circle, no angle, or a rotation that is not finite; NB0685: these are not images; NB0699: too large.</exception>
    /// <exception cref="NumericException">NB0687: a pixel is not finite.</exception>
    public static Tensor Sample(Tensor images, int radii, int angles, double rotation = 0)
    {
        if (radii < 1) throw ReduNetErrors.Setting("polar", "the number of circles", radii, "at least 1");
        if (angles < 1) throw ReduNetErrors.Setting("polar", "the number of angles", angles, "at least 1");
        Check(images, (Int128)radii * angles, rotation);
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
    /// <exception cref="ShapeException">NB0684: the angle is not finite; NB0685: these are not images; NB0699: too large.</exception>
    /// <exception cref="NumericException">NB0687: a pixel is not finite.</exception>
    public static Tensor Rotate(Tensor images, double angle)
    {
        Check(images, images.Rank == 3 ? (Int128)images.Shape[1] * images.Shape[2] : 0, angle);
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

    private static void Check(Tensor images, Int128 points, double angle)
    {
        if (images.Rank != 3 || !images.DType.IsFloat || images.Shape[1] < 1 || images.Shape[2] < 1) throw ReduNetErrors.Images(images.Aval);
        if (!double.IsFinite(angle)) throw ReduNetErrors.Setting("polar", "the angle", angle, "a finite number");
        Int128 elements = points * images.Shape[1] * images.Shape[2];
        if (elements > int.MaxValue) throw ReduNetErrors.TooLarge($"the interpolation [{points},{images.Shape[1]}·{images.Shape[2]}]", elements);
        NearestMean.CheckFinite("polar", images);
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
