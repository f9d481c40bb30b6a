using Nabla.Autograd;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Autograd.ConvReference;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class ConvTests
{
    private static readonly ConvOptions Plain = new();

    /// <summary>Input, kernel, strides, dilation, groups.</summary>
    private static readonly (int[] X, int[] W, int[] Strides, int[] Dilation, int Groups)[] Cases =
    [
        ([2, 6, 5, 3], [3, 3, 3, 4], [1, 1], [1, 1], 1), ([1, 1, 1, 1], [1, 1, 1, 1], [1, 1], [1, 1], 1),
        ([2, 7, 8, 2], [3, 2, 2, 3], [2, 3], [1, 1], 1), ([1, 9, 7, 2], [2, 3, 2, 2], [1, 2], [3, 2], 1),
        ([2, 5, 6, 4], [3, 3, 2, 6], [1, 1], [1, 1], 2), ([2, 5, 6, 4], [3, 3, 1, 4], [2, 1], [1, 2], 4),
        ([1, 5, 5, 3], [2, 2, 1, 6], [1, 1], [1, 1], 3), ([2, 4, 9, 3], [1, 1, 3, 5], [1, 1], [1, 1], 1),
        ([2, 9, 4, 3], [1, 1, 3, 5], [4, 3], [1, 1], 1), ([3, 4, 4, 1], [4, 4, 1, 2], [5, 5], [1, 1], 1),
        ([1, 2, 3, 2], [3, 3, 2, 2], [1, 1], [1, 1], 1), ([0, 5, 5, 2], [3, 3, 2, 2], [1, 1], [1, 1], 1),
        ([2, 6, 1, 3], [3, 1, 3, 1], [1, 1], [2, 1], 1), ([2, 8, 8, 20], [3, 3, 1, 20], [1, 1], [1, 1], 20),
        ([2, 4, 4, 16], [3, 3, 16, 17], [1, 1], [1, 1], 1), ([1, 6, 6, 70], [3, 3, 1, 70], [2, 2], [1, 1], 70),
    ];

    private static readonly Padding[] Paddings =
        [Padding.Valid, Padding.Same, Padding.Circular, Padding.Explicit((2, 1)), Padding.Explicit((3, 0), (1, 4)), Padding.Explicit((1, -1), (-1, 2))];

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Results_and_both_gradients_equal_nested_loops(DType dtype)
    {
        int compared = 0;
        foreach ((int[] x, int[] w, int[] strides, int[] dilation, int groups) in Cases)
            foreach (Padding padding in Paddings)
            {
                var options = new ConvOptions { Strides = strides, Dilation = dilation, Groups = groups, Padding = padding };
                compared += Check(Random(x, 1, dtype), Random(w, 2, dtype), options) ? 1 : 0;
            }
        Assert.True(compared > 80, $"{compared} combinations had a window that fits");
    }

    [Fact]
    public void Sizes_beyond_one_tile_and_one_part_equal_nested_loops()
    {
        // Many windows: several parts; many channels: tiles cut by columns.
        Check(Random([4, 20, 21, 3], 1, DType.F64), Random([3, 3, 3, 7], 2, DType.F64), new ConvOptions { Padding = Padding.Same });
        Check(Random([2, 6, 6, 64], 1, DType.F64), Random([3, 3, 64, 4], 2, DType.F64), new ConvOptions { Padding = Padding.Same });
        Check(Random([3, 18, 18, 24], 1, DType.F64), Random([3, 3, 1, 24], 2, DType.F64), new ConvOptions { Groups = 24, Strides = [2] });
        Check(Random([1, 700, 1, 1], 1, DType.F64), Random([9, 1, 1, 1], 2, DType.F64), Plain);
        Check(Random([1, 40, 1, 2], 1, DType.F32), Random([300, 1, 2, 3], 2, DType.F32), new ConvOptions { Padding = Padding.Circular });
    }

    [Fact]
    public void Views_of_any_layout_are_read_in_place()
    {
        var options = new ConvOptions { Padding = Padding.Same, Strides = [1, 2] };
        Tensor x = Random([2, 6, 7, 3], 1, DType.F64), w = Random([3, 3, 3, 4], 2, DType.F64), expected = x.Conv(w, options);
        int[] axes = [0, 1, 2, 3];
        Tensor reversed = Tensor.From(x.Reverse(axes).ToDoubles(), x.Shape).Reverse(axes), turned = Tensor.From(w.Reverse(axes).ToDoubles(), w.Shape).Reverse(axes);
        Tensor channelsFirst = Tensor.From(x.MoveAxis(3, 1).ToDoubles(), [2, 3, 6, 7]).MoveAxis(1, 3);
        Tensor spread = Ops.Stack([x, x * 7], -1).Slice(.., .., .., .., ..1).Squeeze(-1);
        foreach (Tensor view in new[] { reversed, channelsFirst, spread })
            foreach (Tensor kernel in new[] { w, turned }) AssertClose(expected, view.Conv(kernel, options), 1e-14);
        Tensor repeated = x.Slice(..1, .., .., ..).BroadcastTo([5, 6, 7, 3]).Conv(w, options);
        AssertClose(repeated.At(4), x.At(0).Conv(w, options), 1e-14);
    }

    [Fact]
    public void Any_number_of_batch_and_spatial_axes_is_taken()
    {
        Tensor x = Random([2, 3, 5, 6, 2], 1, DType.F64), w = Random([3, 2, 2, 4], 2, DType.F64);
        Tensor y = x.Conv(w);
        Assert.Equal([2, 3, 3, 5, 4], y.Shape.Dims.ToArray());
        AssertClose(y.At(1).At(2), x.At(1).At(2).Conv(w), 1e-14);
        Assert.Equal([5, 4], x.At(0).At(0).At(0).Conv(Random([2, 2, 4], 3, DType.F64)).Shape.Dims.ToArray());
        Assert.Equal([1, 2, 2, 4, 3], Random([1, 3, 3, 5, 2], 4, DType.F64).Conv(Random([2, 2, 2, 2, 3], 5, DType.F64)).Shape.Dims.ToArray());
    }

    [Fact]
    public void Transposed_convolution_is_the_adjoint()
    {
        foreach ((int[] shape, int[] window, int[] strides, int[] dilation, int groups) in Cases)
            foreach (Padding padding in Paddings)
            {
                var options = new ConvOptions { Strides = strides, Dilation = dilation, Groups = groups, Padding = padding };
                Tensor x = Random(shape, 1, DType.F64), w = Random(window, 2, DType.F64);
                if (!TryConv(x, w, options, out Tensor y)) continue;
                Tensor v = Random(y.Shape, 3, DType.F64);
                int[] extra = [.. Enumerable.Range(0, 2).Select(i => Remainder(shape[i + 1], window[i], strides[i], dilation[i], padding, i))];
                if (Whole(padding) && (shape[1] % strides[0] != 0 || shape[2] % strides[1] != 0)) continue;
                Tensor back = v.ConvTranspose(w, options, extra);
                Assert.Equal(x.Shape, back.Shape);
                double left = (y * v).Sum().ToDouble(), right = (x * back).Sum().ToDouble();
                Assert.Equal(left, right, 1e-12 * Math.Max(1, y.Abs().Sum().ToDouble()));
            }
    }

    [Fact]
    public void A_delta_kernel_is_the_identity()
    {
        Tensor x = Random([2, 5, 6, 3], 1, DType.F32);
        Tensor delta = Ops.Eye(3).Reshape(1, 1, 3, 3).Pad([1, 1, 0, 0], [1, 1, 0, 0]);
        foreach (Padding padding in new[] { Padding.Same, Padding.Circular })
            Assert.Equal(x.ToDoubles(), x.Conv(delta, new ConvOptions { Padding = padding }).ToDoubles());
        Assert.Equal(x.ToDoubles(), x.ConvTranspose(delta, new ConvOptions { Padding = Padding.Same }).ToDoubles());
    }

    [Fact]
    public void A_circular_convolution_of_a_ring_is_diagonal_in_the_Fourier_basis()
    {
        const int n = 12;
        Tensor w = Random([5, 1, 1], 2, DType.F64);
        var options = new ConvOptions { Padding = Padding.Circular };
        for (int frequency = 0; frequency < n; frequency++)
        {
            Tensor phase = Ops.Arange(n, DType.F64).Reshape(1, n, 1) * (2 * Math.PI * frequency / n), cos = phase.Cos(), sin = phase.Sin();
            // The window is centred: Σₖ w[k]·exp(iω(j + k − 2)) = λ·exp(iωj).
            double[] taps = w.ToDoubles();
            double re = taps.Select((t, k) => t * Math.Cos(2 * Math.PI * frequency * (k - 2) / n)).Sum();
            double im = taps.Select((t, k) => t * Math.Sin(2 * Math.PI * frequency * (k - 2) / n)).Sum();
            AssertClose(cos * re - sin * im, cos.Conv(w, options), 1e-13);
            AssertClose(sin * re + cos * im, sin.Conv(w, options), 1e-13);
        }
    }

    [Fact]
    public void Per_example_gradients_of_a_network_equal_the_loop()
    {
        Tensor x = Random([5, 8, 8, 2], 1, DType.F64), first = Random([3, 3, 2, 4], 2, DType.F64), second = Random([3, 3, 2, 4], 3, DType.F64), head = Random([4], 4, DType.F64);
        Tensor Loss((Tensor First, Tensor Second) p, Tensor image)
        {
            Tensor h = image.Conv(p.First, new ConvOptions { Padding = Padding.Same, Strides = [2] }).Tanh();
            h = h.Conv(p.Second, new ConvOptions { Padding = Padding.Circular, Groups = 2 }).Tanh();
            return h.Mean(0, 1).Dot(head);
        }
        (Tensor a, Tensor b) = Vmap((Tensor image) => Grad(((Tensor, Tensor) p) => Loss(p, image))((first, second)))(x);
        for (int i = 0; i < 5; i++)
        {
            Tensor image = x.At(i);
            (Tensor c, Tensor d) = Grad(((Tensor, Tensor) p) => Loss(p, image))((first, second));
            AssertClose(c, a.At(i), 1e-13);
            AssertClose(d, b.At(i), 1e-13);
        }
    }

    [Fact]
    public void The_program_of_a_convolution_reads_like_one()
    {
        var program = Trace((Tensor x) => x.Conv(Tensor.Full([3, 2, 4], 0.5), new ConvOptions { Padding = Padding.Same, Strides = [2] }), new Aval(DType.F32, [1, 6, 2]));
        Assert.Contains("= conv[strides=(2) padding=((0,1)) lhs_dilation=(1) rhs_dilation=(1)]", program.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("NB0131", new[] { 6 }, new[] { 3, 2, 2 }, 1, 1, 1)]
    [InlineData("NB0131", new[] { 2, 6, 2 }, new[] { 2, 2 }, 1, 1, 1)]
    [InlineData("NB0132", new[] { 2, 6, 3 }, new[] { 3, 2, 2 }, 1, 1, 1)]
    [InlineData("NB0132", new[] { 2, 6, 4 }, new[] { 3, 4, 2 }, 1, 1, 2)]
    [InlineData("NB0133", new[] { 2, 6, 3 }, new[] { 3, 1, 2 }, 1, 1, 2)]
    [InlineData("NB0133", new[] { 2, 6, 4 }, new[] { 3, 2, 3 }, 1, 1, 2)]
    [InlineData("NB0133", new[] { 2, 6, 4 }, new[] { 3, 4, 3 }, 1, 1, 0)]
    [InlineData("NB0134", new[] { 2, 6, 2 }, new[] { 7, 2, 2 }, 1, 1, 1)]
    [InlineData("NB0134", new[] { 2, 6, 2 }, new[] { 3, 2, 2 }, 1, 3, 1)]
    [InlineData("NB0135", new[] { 2, 6, 2 }, new[] { 3, 2, 2 }, 0, 1, 1)]
    [InlineData("NB0135", new[] { 2, 6, 2 }, new[] { 3, 2, 2 }, 1, 0, 1)]
    [InlineData("NB0135", new[] { 2, 6, 2 }, new[] { 0, 2, 2 }, 1, 1, 1)]
    public void Wrong_operands_are_refused_with_their_own_code(string code, int[] x, int[] w, int stride, int dilation, int groups)
    {
        var options = new ConvOptions { Strides = [stride], Dilation = [dilation], Groups = groups };
        ShapeException e = Assert.Throws<ShapeException>(() => Random(x, 1, DType.F32).Conv(Random(w, 2, DType.F32), options));
        Assert.Equal(code, e.Code);
    }

    [Fact]
    public void Lists_of_the_wrong_length_and_output_padding_out_of_range_are_refused()
    {
        Tensor x = Random([1, 6, 6, 2], 1, DType.F32), w = Random([3, 3, 2, 2], 2, DType.F32);
        Assert.Equal("NB0131", Assert.Throws<ShapeException>(() => x.Conv(w, new ConvOptions { Strides = [1, 1, 1] })).Code);
        Assert.Equal("NB0131", Assert.Throws<ShapeException>(() => x.Conv(w, new ConvOptions { Padding = Padding.Explicit((1, 1), (1, 1), (1, 1)) })).Code);
        Assert.Equal("NB0108", Assert.Throws<ShapeException>(() => x.ConvTranspose(w, new ConvOptions { Strides = [2] }, [2])).Code);
        Assert.Equal("NB0134", Assert.Throws<ShapeException>(() => x.ConvTranspose(w, new ConvOptions { Padding = Padding.Explicit((9, 0)) })).Code);
    }

    private static bool Whole(Padding padding) => padding == Padding.Same || padding == Padding.Circular;

    // How many elements the windows leave at the end.
    private static int Remainder(int size, int window, int stride, int dilation, Padding padding, int axis)
    {
        if (Whole(padding)) return 0;
        (int low, int high) = Amounts(padding, axis, size, window, stride, dilation);
        return (size + low + high - (window - 1) * dilation - 1) % stride;
    }

    private static bool Check(Tensor x, Tensor w, ConvOptions options)
    {
        if (!TryConv(x, w, options, out Tensor y)) return false;
        Tensor ct = Random(y.Shape, 3, x.DType);
        var reference = new ConvReference(x, w, ct, options);
        reference.Compare("result", y, reference.Y);
        reference.Compare("input gradient", Vjp((Tensor u) => u.Conv(w, options), x).Pullback(ct), reference.Dx);
        reference.Compare("kernel gradient", Vjp((Tensor u) => x.Conv(u, options), w).Pullback(ct), reference.Dw);
        return true;
    }

    private static bool TryConv(Tensor x, Tensor w, ConvOptions options, out Tensor y)
    {
        y = x;
        try
        {
            y = x.Conv(w, options);
            return true;
        }
        catch (ShapeException e) when (e.Code == "NB0134")
        {
            return false;
        }
    }

    private static void AssertClose(Tensor expected, Tensor actual, double tolerance) =>
        Assert.True((expected - actual).Abs().Max().ToDouble() <= tolerance * Math.Max(1, expected.Abs().Max().ToDouble()));
}

/// <summary>
/// A convolution of [batch, height, width, channels] and the gradients of ⟨y, ct⟩ by plain loops in double precision, each with the sums of absolute
/// terms beside it.
/// </summary>
internal sealed class ConvReference
{
    private readonly string _case;
    private readonly double _unit;

    public ConvReference(Tensor x, Tensor w, Tensor ct, ConvOptions options)
    {
        int[] xs = x.Shape.Dims.ToArray(), ws = w.Shape.Dims.ToArray(), ys = ct.Shape.Dims.ToArray();
        (Y, Dx, Dw) = (new double[2][], new double[2][], new double[2][]);
        (_case, _unit) = ($"{x.Aval} {w.Aval} {options} strides {options.Strides} dilation {options.Dilation}", x.DType.UnitRoundoff);
        (int[] strides, int[] dilation) = (PerAxis(options.Strides), PerAxis(options.Dilation));
        int[] low = [.. Enumerable.Range(0, 2).Select(i => Amounts(options.Padding, i, xs[i + 1], ws[i], strides[i], dilation[i]).Low)];
        bool circular = options.Padding == Padding.Circular;
        for (int absolute = 0; absolute < 2; absolute++)
        {
            double[] a = Values(x, absolute), b = Values(w, absolute), c = Values(ct, absolute);
            double[] y = Y[absolute] = new double[c.Length], dx = Dx[absolute] = new double[a.Length], dw = Dw[absolute] = new double[b.Length];
            int features = ys[3] / options.Groups;
            for (int i = 0; i < c.Length; i++)
            {
                int f = i % ys[3], column = i / ys[3] % ys[2], row = i / ys[3] / ys[2] % ys[1], batch = i / ys[3] / ys[2] / ys[1];
                for (int k = 0; k < ws[0] * ws[1]; k++)
                {
                    int h = row * strides[0] + k / ws[1] * dilation[0] - low[0], v = column * strides[1] + k % ws[1] * dilation[1] - low[1];
                    if (circular) (h, v) = (((h % xs[1]) + xs[1]) % xs[1], ((v % xs[2]) + xs[2]) % xs[2]);
                    if (h < 0 || h >= xs[1] || v < 0 || v >= xs[2]) continue;
                    for (int channel = 0; channel < ws[2]; channel++)
                    {
                        int p = ((batch * xs[1] + h) * xs[2] + v) * xs[3] + f / features * ws[2] + channel, q = (k * ws[2] + channel) * ws[3] + f;
                        y[i] += a[p] * b[q];
                        dx[p] += c[i] * b[q];
                        dw[q] += c[i] * a[p];
                    }
                }
            }
        }
    }

    /// <summary>Values and sums of absolute terms.</summary>
    public double[][] Y { get; }

    public double[][] Dx { get; }

    public double[][] Dw { get; }

    public static Tensor Random(Shape shape, int seed, DType dtype) => new SampleSource((ulong)seed).Uniform(shape).To(dtype);

    /// <summary>The padding of an axis, as documented.</summary>
    public static (int Low, int High) Amounts(Padding padding, int axis, int size, int window, int stride, int dilation)
    {
        if (padding == Padding.Same || padding == Padding.Circular)
        {
            int total = Math.Max(0, ((size + stride - 1) / stride - 1) * stride + (window - 1) * dilation + 1 - size);
            return (total / 2, total - total / 2);
        }
        (int[] low, int[] high) = padding.Amounts("test", new int[2], new int[2], new int[2]);
        return (low[axis], high[axis]);
    }

    public void Compare(string what, Tensor actual, double[][] expected)
    {
        double[] values = actual.ToDoubles();
        Assert.Equal(expected[0].Length, values.Length);
        for (int i = 0; i < values.Length; i++)
            if (!(Math.Abs(values[i] - expected[0][i]) <= 8 * _unit * expected[1][i])) Assert.Fail($"{what} of {_case} at {i}: {values[i]}, expected {expected[0][i]}");
    }

    private static int[] PerAxis(Axes list) => list.Length == 0 ? [1, 1] : [list[0], list[list.Length - 1]];

    private static double[] Values(Tensor x, int absolute) => absolute == 0 ? x.ToDoubles() : Array.ConvertAll(x.ToDoubles(), Math.Abs);
}
