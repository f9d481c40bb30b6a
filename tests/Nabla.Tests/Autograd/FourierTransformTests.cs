using Nabla.Autograd;
using Nabla.Kernels;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class FourierTransformTests
{
    public static TheoryData<int> Lengths => [.. Enumerable.Range(1, 64), 97, 100, 127, 128, 243, 360, 1000, 1009, 1024, 4096, 10007];

    private static double Magnitude(params double[][] parts) => Math.Sqrt(parts.Sum(p => p.Sum(x => x * x)));

    private static double Gap(Tensor a, Tensor b) => a.Count == 0 ? 0 : (a - b).Abs().Max().ToDouble();

    private static bool IsRough(int n)
    {
        for (int p = 2; p <= 31; p++)
            while (n % p == 0) n /= p;
        return n > 1;
    }

    private static double Bound(int n, DType dtype) => (IsRough(n) ? 6 : 2) * dtype.UnitRoundoff * (1 + Math.Log2(n));

    // Σ xⱼ·e^(−2πijk/n) in about twice double precision: exact products (fused multiply-add), compensated sums.
    private static (double Re, double Im) Bin(double[] re, double[] im, int k, double[] cosines, double[] sines)
    {
        (ReferenceSum real, ReferenceSum imaginary) = (new(), new());
        long at = 0;
        for (int j = 0; j < re.Length; j++, at = (at + k) % re.Length)
        {
            Add(ref real, re[j], cosines[at]);
            Add(ref real, im[j], sines[at]);
            Add(ref imaginary, im[j], cosines[at]);
            Add(ref imaginary, -re[j], sines[at]);
        }
        return (real.Value, imaginary.Value);

        static void Add(ref ReferenceSum sum, double a, double b)
        {
            double product = a * b;
            sum.Add(product);
            sum.Add(Math.FusedMultiplyAdd(a, b, -product));
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Transforms_of_every_length_keep_their_error_bound_against_the_definition(int n)
    {
        var source = new SampleSource((ulong)n);
        Tensor re = source.Uniform([n]).To(DType.F32), im = source.Uniform([n]).To(DType.F32);
        (double[] x, double[] y) = (re.ToDoubles(), im.ToDoubles());
        double[] cosines = [.. Enumerable.Range(0, n).Select(i => double.CosPi(2.0 * i / n))], sines = [.. Enumerable.Range(0, n).Select(i => double.SinPi(2.0 * i / n))];
        int[] bins = [.. Enumerable.Range(0, n).Where(k => n <= 1100 || k % 37 == 5)];
        (double Re, double Im)[] exact = [.. bins.Select(k => Bin(x, y, k, cosines, sines))], real = [.. bins.Select(k => Bin(x, new double[n], k, cosines, sines))];
        foreach (DType dtype in (DType[])[DType.F32, DType.F64])
        {
            Tensor a = re.To(dtype), b = im.To(dtype);
            Check(Ops.Fft(a, b), exact, k => k);
            (Tensor backRe, Tensor backIm) = Ops.Ifft(a, -b);
            Check((backRe * n, backIm * -n), exact, k => k);
            (Tensor halfRe, Tensor halfIm) = a.Rfft();
            Assert.Equal([n / 2 + 1], halfRe.Shape);
            Check((halfRe, halfIm), real, k => k <= n / 2 ? k : -1);

            void Check((Tensor Re, Tensor Im) result, (double Re, double Im)[] expected, Func<int, int> place)
            {
                (double[] p, double[] q) = (result.Re.ToDoubles(), result.Im.ToDoubles());
                double error = 0, norm = 0;
                for (int i = 0; i < bins.Length; i++)
                {
                    if (place(bins[i]) is not (>= 0 and int at)) continue;
                    error += Math.Pow(p[at] - expected[i].Re, 2) + Math.Pow(q[at] - expected[i].Im, 2);
                    norm += expected[i].Re * expected[i].Re + expected[i].Im * expected[i].Im;
                }
                Assert.True(Math.Sqrt(error) <= Bound(n, dtype) * Math.Sqrt(norm), $"n = {n}, {dtype.Name}: {Math.Sqrt(error / norm) / dtype.UnitRoundoff} u");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Inverses_give_back_the_signal_and_energies_agree(int n)
    {
        var source = new SampleSource((ulong)n + 7);
        foreach (DType dtype in (DType[])[DType.F32, DType.F64])
        {
            Tensor re = source.Uniform([n]).To(dtype), im = source.Uniform([n]).To(dtype);
            (Tensor a, Tensor b) = Ops.Fft(re, im);
            (Tensor backRe, Tensor backIm) = Ops.Ifft(a, b);
            double energy = Magnitude(re.ToDoubles(), im.ToDoubles()), bound = 2 * Bound(n, dtype);
            Assert.True(Magnitude((backRe - re).ToDoubles(), (backIm - im).ToDoubles()) <= bound * energy);
            // Parseval.
            Assert.Equal(1, Magnitude(a.ToDoubles(), b.ToDoubles()) / (Math.Sqrt(n) * energy), bound);
            (Tensor orthoRe, Tensor orthoIm) = Ops.Fft(re, im, norm: FourierNorm.Ortho);
            Assert.Equal(1, Magnitude(orthoRe.ToDoubles(), orthoIm.ToDoubles()) / energy, bound);
            (Tensor halfRe, Tensor halfIm) = re.Rfft();
            Assert.True(Magnitude((Ops.Irfft(halfRe, halfIm, n) - re).ToDoubles()) <= bound * Magnitude(re.ToDoubles()));
            (halfRe, halfIm) = re.Rfft(norm: FourierNorm.Forward);
            Assert.True(Magnitude((Ops.Irfft(halfRe, halfIm, n, norm: FourierNorm.Forward) - re).ToDoubles()) <= bound * Magnitude(re.ToDoubles()));
        }
    }

    [Theory]
    [InlineData(12)]
    [InlineData(35)]
    [InlineData(74)]
    [InlineData(128)]
    public void Sums_shifts_and_convolutions_go_over_as_they_should(int n)
    {
        var source = new SampleSource(5);
        Tensor x = source.Uniform([n]), y = source.Uniform([n]), zero = x.ZerosLike();
        (Tensor xr, Tensor xi) = Ops.Fft(x, zero);
        (Tensor yr, Tensor yi) = Ops.Fft(y, zero);
        (Tensor sumRe, Tensor sumIm) = Ops.Fft(2 * x - 3 * y, zero);
        Assert.True(Gap(sumRe, 2 * xr - 3 * yr) + Gap(sumIm, 2 * xi - 3 * yi) < 1e-12);
        // Circular convolution.
        (double[] a, double[] b) = (x.ToDoubles(), y.ToDoubles());
        Tensor direct = Tensor.From([.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Sum(j => a[j] * b[(i - j + n) % n]))]);
        Tensor product = Ops.Ifft(xr * yr - xi * yi, xr * yi + xi * yr).Re;
        Assert.True(Gap(product, direct) < 1e-12);
        (Tensor p, Tensor q) = x.Rfft();
        (Tensor s, Tensor t) = y.Rfft();
        Assert.True(Gap(Ops.Irfft(p * s - q * t, p * t + q * s, n), direct) < 1e-12);
        // A shift by 3 turns bin k by 3k/n.
        Tensor turn = Ops.FftFrequencies(n, 1, DType.F64) * (-2 * Math.PI * 3), cosine = turn.Cos(), sine = turn.Sin();
        (Tensor shiftedRe, Tensor shiftedIm) = Ops.Fft(Ops.Concatenate([x.Slice((n - 3)..), x.Slice(..(n - 3))], 0), zero);
        Assert.True(Gap(shiftedRe, xr * cosine - xi * sine) + Gap(shiftedIm, xr * sine + xi * cosine) < 1e-12);
    }

    [Fact]
    public void Any_axis_and_any_layout_give_what_contiguous_lines_give()
    {
        var source = new SampleSource(6);
        Tensor re = source.Uniform([3, 20, 4]), im = source.Uniform([3, 20, 4]);
        (Tensor a, Tensor b) = Ops.Fft(re, im, axis: 1);
        Assert.Equal([3, 20, 4], a.Shape);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 4; j++)
            {
                (Tensor lineRe, Tensor lineIm) = Ops.Fft(re.Slice(i..(i + 1), .., j..(j + 1)).Reshape(20), im.Slice(i..(i + 1), .., j..(j + 1)).Reshape(20));
                Assert.Equal(lineRe.ToDoubles(), a.Slice(i..(i + 1), .., j..(j + 1)).ToDoubles());
                Assert.Equal(lineIm.ToDoubles(), b.Slice(i..(i + 1), .., j..(j + 1)).ToDoubles());
            }
        Tensor reversed = re.Reverse(1), every = re.Slice([0, 1, 0], [3, 10, 4], [1, 2, 1]);
        Assert.Equal(Tensor.From(reversed.ToDoubles(), re.Shape).Rfft(1).Re.ToDoubles(), reversed.Rfft(1).Re.ToDoubles());
        Assert.Equal(Tensor.From(every.ToDoubles(), every.Shape).Rfft(1).Im.ToDoubles(), every.Rfft(1).Im.ToDoubles());
        Assert.Equal([0, 5, 3], Tensor.Zeros([0, 8, 3]).Rfft(1).Re.Shape);
        Assert.Equal([0, 8], Ops.Irfft(Tensor.Zeros([0, 5]), Tensor.Zeros([0, 5]), 8).Shape);
    }

    [Fact]
    public void Two_dimensional_transforms_are_those_of_one_axis_after_the_other()
    {
        var source = new SampleSource(7);
        Tensor re = source.Uniform([6, 2, 9]), im = source.Uniform([6, 2, 9]);
        (Tensor a, Tensor b) = Ops.Fft2(re, im, 0, 2);
        (Tensor c, Tensor d) = Ops.Fft(re, im, 0);
        (c, d) = Ops.Fft(c, d, 2);
        Assert.True(Gap(a, c) + Gap(b, d) < 1e-13);
        (Tensor backRe, Tensor backIm) = Ops.Ifft2(a, b, 0, 2);
        Assert.True(Gap(backRe, re) + Gap(backIm, im) < 1e-14);
        foreach ((int first, int last) in ((int, int)[])[(0, 2), (2, 0), (-3, -2)])
        {
            (Tensor p, Tensor q) = re.Rfft2(first, last);
            Assert.True(Gap(Ops.Irfft2(p, q, re.Shape[last], first, last), re) < 1e-14);
            Tensor full = Ops.Fft2(re, re.ZerosLike(), first, last).Im.MoveAxis(last, 0).Slice(..(re.Shape[last] / 2 + 1));
            Assert.True(Gap(q.MoveAxis(last, 0), full) < 1e-13);
        }
    }

    [Fact]
    public void Frequencies_and_shifts_order_the_bins()
    {
        Assert.Equal([0, 1, 2, -2, -1], (Ops.FftFrequencies(5, 0.2, DType.F64)).ToDoubles());
        Assert.Equal([0, 0.5, -1, -0.5], Ops.FftFrequencies(4, 0.5, DType.F64).ToDoubles());
        foreach (int n in (int[])[1, 2, 5, 6])
        {
            Tensor bins = Ops.Arange(n, DType.F64).ExpandDims(0) + 10 * Ops.Arange(3, DType.F64).ExpandDims(1);
            double[] frequencies = (Ops.FftFrequencies(n, 1, DType.F64) * n).FftShift().ToDoubles();
            Assert.Equal([.. Enumerable.Range(0, n).Select(i => (double)(i - n / 2))], frequencies);
            Assert.Equal(bins.ToDoubles(), bins.FftShift().IfftShift().ToDoubles());
            Assert.Equal(bins.ToDoubles(), bins.IfftShift(1).FftShift(-1).ToDoubles());
        }
    }

    [Fact]
    public void A_filter_in_frequency_space_is_differentiated_batched_and_compiled()
    {
        Tensor x = new SampleSource(8).Uniform([3, 10]), weights = new SampleSource(9).Uniform([6]);
        Tensor Energy(Tensor line)
        {
            (Tensor re, Tensor im) = line.Rfft();
            return Ops.Irfft(re * weights, im * weights, 10).Tanh().Square().Sum();
        }
        Proof.GradCheck.Require((Tensor t) => Energy(t), x.At(0));
        Tensor batched = Vmap(Grad<Tensor>(Energy))(x), compiled = Compile(Vmap(Grad<Tensor>(Energy))).Call(x);
        Assert.Equal(batched.ToDoubles(), compiled.ToDoubles());
        for (int i = 0; i < 3; i++) Assert.True(Gap(Grad<Tensor>(Energy)(x.At(i)), batched.At(i)) < 1e-14);
    }

    [Fact]
    public void Wrong_lengths_shapes_and_axes_are_refused_by_name()
    {
        Tensor x = Tensor.Zeros([2, 5]);
        void Refuses(string code, Func<object> call) => Assert.Equal(code, Assert.ThrowsAny<NablaException>(call).Code);
        Refuses("NB0140", () => Ops.Fft(Tensor.Zeros([3, 0]), Tensor.Zeros([3, 0])));
        Refuses("NB0140", () => Tensor.Zeros([0, 3]).Rfft(0));
        Refuses("NB0140", () => Ops.FftFrequencies(0));
        Refuses("NB0107", () => Ops.Fft(x, Tensor.Zeros([2, 4])));
        Refuses("NB0107", () => Ops.Fft(x, Tensor.Zeros([5]), 0));
        Refuses("NB0141", () => Ops.Irfft(x, x, 10));
        Refuses("NB0102", () => x.Rfft(2));
        Refuses("NB0103", () => Ops.Fft2(x, x, 1, -1));
        Refuses("NB0205", () => Tensor.From([1, 2, 3]).Rfft());
    }
}

[Collection(nameof(Kernels.ProcessSettings))]
[OnChosenDevice]
public sealed class FourierThreadTests
{
    [Theory]
    [InlineData(1024)]
    [InlineData(1009)]
    [InlineData(90)]
    public void Two_threads_give_the_bits_of_one(int n)
    {
        Tensor x = new SampleSource(4).Uniform([50, n]).To(DType.F32), y = new SampleSource(5).Uniform([50, n]).To(DType.F32);
        int before = Workers.Count;
        try
        {
            Workers.Count = 1;
            double[] one = Ops.Fft(x, y).Re.ToDoubles(), half = x.Rfft().Im.ToDoubles();
            Workers.Count = 2;
            Assert.Equal(one, Ops.Fft(x, y).Re.ToDoubles());
            Assert.Equal(half, x.Rfft().Im.ToDoubles());
        }
        finally
        {
            Workers.Count = before;
        }
    }
}
