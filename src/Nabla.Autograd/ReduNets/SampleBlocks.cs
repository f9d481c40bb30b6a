using Nabla.Kernels;

namespace Nabla;

/// <summary>
/// Samples as blocks [n, F, m] on which operators of a ReduNet act one by one. A vector is one block. A signal [T, C] or an image [H, W, C] has one block a frequency of
/// its real Fourier transform, C real parts and C imaginary ones: operators that commute with shifts are products there. Frequencies that stand for two, p and −p, are
/// scaled such that blocks have the length of the sample.
/// </summary>
/// <remarks>
/// Complex C×C systems are real ones of size 2C, [[A, −B], [B, A]] for A + iB: products cost the same as in complex arithmetic, 8nC² flops, factorisations twice as much. Sources: Chan
/// et al., arXiv:2105.10446, §4.2 and appendix; the transform is not normalised, so that ε² means what it means for the circulant matrices.
/// </remarks>
internal sealed class SampleBlocks
{
    private readonly Shape _sample;
    private readonly double[] _scales;

    /// <param name="sample">[d], [T, C] or [H, W, C].</param>
    public SampleBlocks(Shape sample)
    {
        _sample = sample;
        int last = sample.Rank == 1 ? 1 : sample[^2], bins = last / 2 + 1;
        Blocks = sample.Rank == 1 ? 1 : sample.Rank == 2 ? bins : sample[0] * bins;
        Size = sample.Rank == 1 ? sample[0] : 2 * sample[^1];
        double positions = sample.Rank == 1 ? 1 : sample.Rank == 2 ? last : (double)sample[0] * last;
        _scales = new double[Blocks];
        Factors = new double[Blocks];
        for (int i = 0; i < Blocks; i++)
        {
            int bin = i % bins;
            double multiplicity = sample.Rank == 1 || bin == 0 || 2 * bin == last ? 1 : 2;
            (_scales[i], Factors[i]) = (Math.Sqrt(multiplicity / positions), positions / multiplicity);
        }
    }

    /// <summary>F.</summary>
    public int Blocks { get; }

    /// <summary>m.</summary>
    public int Size { get; }

    /// <summary>Blocks stand for complex vectors.</summary>
    public bool Complex => _sample.Rank > 1;

    /// <summary>d for vectors, C for signals and images: what α is proportional to.</summary>
    public int Dimension => _sample[^1];

    /// <summary>1/scale² of each block: the Gram matrices of blocks times these are those of the transform.</summary>
    public double[] Factors { get; }

    /// <summary>Samples [n, sample…] → blocks [n, F, m], in memory of their own.</summary>
    public DenseTensor Of(Tensor x)
    {
        int n = x.Shape[0];
        DenseTensor own = DenseTensor.Allocate(new Aval(x.DType, [n, Blocks, Size]), x.Device);
        Move.Copy((Complex ? Transform(x) : x.Reshape([n, 1, Size])).Dense, own);
        return own;
    }

    private Tensor Transform(Tensor x)
    {
        Shape shape = [x.Shape[0], Blocks, Dimension];
        (Tensor re, Tensor im) = _sample.Rank == 2 ? x.Rfft(1) : x.Rfft2(1, 2);
        return Ops.Concatenate([re.Reshape(shape), im.Reshape(shape)], 2) * Scales(x.DType);
    }

    /// <summary>Blocks → samples.</summary>
    public Tensor Samples(Tensor blocks)
    {
        int n = blocks.Shape[0];
        if (!Complex) return blocks.Reshape([n, Size]);
        Tensor transform = blocks / Scales(blocks.DType);
        int last = _sample[^2], bins = last / 2 + 1;
        Shape shape = _sample.Rank == 2 ? [n, bins, Dimension] : [n, _sample[0], bins, Dimension];
        Tensor re = transform.Slice(.., .., ..Dimension).Reshape(shape), im = transform.Slice(.., .., Dimension..).Reshape(shape);
        return _sample.Rank == 2 ? Ops.Irfft(re, im, last, 1) : Ops.Irfft2(re, im, last, 1, 2);
    }

    private DenseTensor Scales(DType dtype) => Tensor.From(_scales, [Blocks, 1]).To(dtype).Dense;
}
