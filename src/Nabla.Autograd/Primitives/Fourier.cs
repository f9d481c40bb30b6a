using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// fft: scale·Σⱼ xⱼ·e^(∓2πijk/n) along the last axis, − forward and + inverse, for x = re + i·im: re, im → re, im of one shape [.., n], n ≥ 1. Linear;
    /// as a map of pairs of real vectors its transpose is the transform in the other direction. About 5·n·log₂ n flops a line.
    /// </summary>
    /// <remarks>
    /// There is no complex element type. A pair of real tensors passes through every transformation as two ordinary tensors, and derivatives need no
    /// convention about conjugates: they are those of the real and imaginary parts.
    /// </remarks>
    public sealed class FftPrimitive() : Primitive("fft")
    {
        /// <summary>The direction, and a factor of the result.</summary>
        public readonly record struct Params(bool Inverse, double Scale);

        internal static readonly FftPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override string Print(object? parameters) => FourierRules.Print(((Params)parameters!).Inverse ? "inverse" : "", ((Params)parameters).Scale);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            FourierRules.CheckPair(Name, inputs);
            if (inputs[0].Shape[^1] == 0) throw AutogradErrors.FourierLength(Name, inputs[0], 0);
            return [inputs[0], inputs[0]];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
        {
            var p = (Params)parameters!;
            Fourier.Complex(inputs[0], inputs[1], p.Inverse, p.Scale, outputs[0], outputs[1]);
        }

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (double[] re, double[] im, var p) = (inputs[0].Data, inputs[1].Data, (Params)parameters!);
            int n = inputs[0].Shape[^1];
            for (int at = 0; at < re.Length; at++)
            {
                (ReferenceSum real, ReferenceSum imaginary) = (new(), new());
                for (int j = 0; j < n; j++)
                {
                    (double sine, double cosine) = FourierRules.Root((long)j * (at % n), n, p.Inverse);
                    (double a, double b) = (re[at / n * n + j], im[at / n * n + j]);
                    real.Add(a * cosine);
                    real.Add(-b * sine);
                    imaginary.Add(a * sine);
                    imaginary.Add(b * cosine);
                }
                (outputs[0].Data[at], outputs[1].Data[at]) = (p.Scale * real.Value, p.Scale * imaginary.Value);
            }
        }

        /// <inheritdoc/>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
            Bind(parameters, FourierRules.Both(tangents));

        /// <inheritdoc/>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters)
        {
            var p = (Params)parameters!;
            return Bind(p with { Inverse = !p.Inverse }, FourierRules.Both(cotangents));
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(parameters, Batching.AlignFront(inputs, axes, size)), [0, 0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1], [2], [7], [2, 12], [2, 3, 5], [0, 4], [24], [37]])
                yield return new Sample([source.Uniform(shape), source.Uniform(shape)], new Params(shape.Rank == 2, shape.Rank == 2 ? 0.25 : 1));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([3]), source.Uniform([4])], new Params(false, 1), "NB0107"),
            new([source.Uniform([2, 0]), source.Uniform([2, 0])], new Params(false, 1), "NB0140"),
            new([source.Uniform([3]), source.Integers([3], 0, 2)], new Params(false, 1), "NB0206"),
            new([source.Integers([3], 0, 2), source.Integers([3], 0, 2)], new Params(false, 1), "NB0205"),
            new([source.Uniform([]), source.Uniform([])], new Params(false, 1), "NB0108"),
        ];
    }

    /// <summary>
    /// rfft: scale·Σⱼ xⱼ·e^(−2πijk/n) along the last axis of a real tensor, for k = 0 … ⌊n/2⌋: x [.., n] → re, im [.., ⌊n/2⌋ + 1], n ≥ 1; the other half of
    /// the spectrum is the conjugate of this one. Linear. About half the cost of <c>fft</c> for even n.
    /// </summary>
    public sealed class RfftPrimitive() : Primitive("rfft")
    {
        /// <summary>A factor of the result.</summary>
        public readonly record struct Params(double Scale);

        internal static readonly RfftPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override string Print(object? parameters) => FourierRules.Print("", ((Params)parameters!).Scale);

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            FourierRules.Check(Name, inputs[0]);
            int n = inputs[0].Shape[^1];
            if (n == 0) throw AutogradErrors.FourierLength(Name, inputs[0], 0);
            var half = new Aval(inputs[0].DType, inputs[0].Shape.With(inputs[0].Shape.Rank - 1, n / 2 + 1));
            return [half, half];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Fourier.RealForward(inputs[0], ((Params)parameters!).Scale, outputs[0], outputs[1]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (int n, int bins, double scale) = (inputs[0].Shape[^1], outputs[0].Shape[^1], ((Params)parameters!).Scale);
            for (int at = 0; at < outputs[0].Data.Length; at++)
            {
                (ReferenceSum real, ReferenceSum imaginary) = (new(), new());
                for (int j = 0; j < n; j++)
                {
                    (double sine, double cosine) = FourierRules.Root((long)j * (at % bins), n, inverse: false);
                    real.Add(inputs[0].Data[at / bins * n + j] * cosine);
                    imaginary.Add(inputs[0].Data[at / bins * n + j] * sine);
                }
                (outputs[0].Data[at], outputs[1].Data[at]) = (scale * real.Value, scale * imaginary.Value);
            }
        }

        /// <inheritdoc/>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) => Bind(parameters, tangents[0]!);

        /// <remarks>The inverse adds every bin that stands for two conjugate ones twice; the transpose must not.</remarks>
        public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters)
        {
            int n = avals[0].Shape[^1];
            Tensor[] pair = FourierRules.Both(cotangents);
            Tensor weights = FourierRules.Weights(pair[0], n, 0.5);
            return [IrfftPrimitive.Instance.BindOne(new IrfftPrimitive.Params(n, ((Params)parameters!).Scale), pair[0] * weights, pair[1] * weights)];
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(parameters, inputs[0].MoveAxis(axes[0]!.Value, 0)), [0, 0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (Shape shape in (Shape[])[[1], [2], [7], [2, 12], [2, 3, 5], [0, 4], [50], [37], [74]])
                yield return new Sample([source.Uniform(shape)], new Params(shape.Rank == 2 ? 0.25 : 1));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([2, 0])], new Params(1), "NB0140"), new([source.Integers([3], 0, 2)], new Params(1), "NB0205"),
            new([source.Uniform([])], new Params(1), "NB0108"),
        ];
    }

    /// <summary>
    /// irfft: scale·Σₖ xₖ·e^(2πijk/n) over all n bins, of which the first ⌊n/2⌋ + 1 are given and the others are their conjugates: re, im [.., ⌊n/2⌋ + 1] →
    /// [.., n], n ≥ 1. Imaginary parts of bin 0, and of bin n/2 for even n, count as 0. Linear. Without scale the inverse of <c>rfft</c> times n.
    /// </summary>
    public sealed class IrfftPrimitive() : SinglePrimitive<IrfftPrimitive.Params>("irfft")
    {
        /// <summary>n, and a factor of the result.</summary>
        public readonly record struct Params(int Length, double Scale);

        internal static readonly IrfftPrimitive Instance = new();

        /// <inheritdoc/>
        public override Tolerance Tolerance => Tolerance.Norm(16);

        /// <inheritdoc/>
        public override string Print(object? parameters) => FourierRules.Print($"n={((Params)parameters!).Length}", ((Params)parameters).Scale);

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            FourierRules.CheckPair(Name, inputs);
            if (p.Length < 1) throw AutogradErrors.FourierLength(Name, inputs[0], p.Length);
            if (inputs[0].Shape[^1] != p.Length / 2 + 1) throw AutogradErrors.SpectrumLength(Name, inputs[0], p.Length);
            return new Aval(inputs[0].DType, inputs[0].Shape.With(inputs[0].Shape.Rank - 1, p.Length));
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) =>
            Fourier.RealInverse(inputs[0], inputs[1], p.Scale, output);

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            (int n, int bins) = (p.Length, p.Length / 2 + 1);
            for (int at = 0; at < output.Data.Length; at++)
            {
                ReferenceSum sum = new();
                for (int k = 0; k < bins; k++)
                {
                    (double sine, double cosine) = FourierRules.Root((long)k * (at % n), n, inverse: true);
                    bool alone = k == 0 || 2 * k == n;
                    sum.Add((alone ? 1 : 2) * inputs[0].Data[at / n * bins + k] * cosine);
                    if (!alone) sum.Add(-2 * inputs[1].Data[at / n * bins + k] * sine);
                }
                output.Data[at] = p.Scale * sum.Value;
            }
        }

        /// <inheritdoc/>
        protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p) => BindOne(p, FourierRules.Both(tangents));

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, Params p)
        {
            Tensor[] pair = RfftPrimitive.Instance.Bind(new RfftPrimitive.Params(p.Scale), ct);
            Tensor weights = FourierRules.Weights(pair[0], p.Length, 2);
            return [pair[0] * weights, pair[1] * weights];
        }

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p) =>
            (BindOne(p, Batching.AlignFront(inputs, axes, size)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach ((Shape shape, int n) in ((Shape, int)[])[([1], 1), ([2], 2), ([2], 3), ([2, 7], 12), ([2, 3, 3], 5), ([0, 3], 4), ([26], 50), ([19], 37)])
                yield return new Sample([source.Uniform(shape), source.Uniform(shape)], new Params(n, shape.Rank == 2 ? 0.25 : 1));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([4]), source.Uniform([4])], new Params(5, 1), "NB0141"), new([source.Uniform([1]), source.Uniform([1])], new Params(0, 1), "NB0140"),
            new([source.Uniform([3]), source.Uniform([2])], new Params(4, 1), "NB0107"), new([source.Uniform([3]), source.Integers([3], 0, 2)], new Params(4, 1), "NB0206"),
        ];
    }

    internal static class FourierRules
    {
        public static void Check(string name, Aval x)
        {
            if (!x.DType.IsFloat) throw AutogradErrors.DTypeNotSupported(name, x, "f32 f64");
            if (x.Shape.Rank == 0) throw AutogradErrors.BadParameter(name, "needs at least one axis", x);
        }

        public static void CheckPair(string name, ReadOnlySpan<Aval> pair)
        {
            if (pair[0].Shape != pair[1].Shape) throw AutogradErrors.EqualShapes(name, pair[0], pair[1]);
            if (pair[0].DType != pair[1].DType) throw AutogradErrors.EqualDTypes(name, pair[0], pair[1]);
            Check(name, pair[0]);
        }

        public static string Print(string what, double scale) =>
            scale == 1 ? what : FormattableString.Invariant($"{what}{(what.Length > 0 ? " " : "")}scale={scale}");

        /// <summary>A pair of tangents or cotangents, of which one may be a zero that is not stored.</summary>
        public static Tensor[] Both(Tensor?[] pair) => [pair[0] ?? pair[1]!.ZerosLike(), pair[1] ?? pair[0]!.ZerosLike()];

        /// <summary>1 for the bins that stand for themselves, bin 0 and bin n/2 for even n; the given weight for those that stand for two.</summary>
        public static Tensor Weights(Tensor bins, int n, double paired)
        {
            var weights = new double[n / 2 + 1];
            for (int k = 0; k < weights.Length; k++) weights[k] = k == 0 || 2 * k == n ? 1 : paired;
            return Tensor.From(weights, null, bins.Device).To(bins.DType);
        }

        /// <summary>Sine and cosine of ∓2πk/n, the angle reduced as an integer.</summary>
        public static (double Sine, double Cosine) Root(long k, int n, bool inverse)
        {
            double turn = 2.0 * (k % n) / n;
            return (inverse ? double.SinPi(turn) : -double.SinPi(turn), double.CosPi(turn));
        }
    }
}

namespace Nabla
{
    /// <summary>Where the factor 1/n of a Fourier transform and its inverse goes.</summary>
    public enum FourierNorm
    {
        /// <summary>To the inverse: 1 forward, 1/n backward.</summary>
        Backward,

        /// <summary>To both: 1/√n each, which makes them orthogonal maps.</summary>
        Ortho,

        /// <summary>To the forward transform: 1/n forward, 1 backward.</summary>
        Forward,
    }

    public static partial class Ops
    {
        /// <summary>
        /// The discrete Fourier transform Σⱼ (re + i·im)ⱼ·e^(−2πijk/n) along an axis of any length n ≥ 1: re, im of one shape, f32 or f64 → (re, im) of that
        /// shape. Complex numbers are pairs of real tensors: see <see cref="FftPrimitive"/>. Relative error in the Euclidean norm 2·u·(1 + log₂ n), 6·u·(1 + log₂ n)
        /// if n has a prime factor above 31. Raises NB0140 if n = 0.
        /// </summary>
        public static (Tensor Re, Tensor Im) Fft(Tensor re, Tensor im, int axis = -1, FourierNorm norm = FourierNorm.Backward) =>
            AlongAxis(re, im, axis, inverse: false, norm);

        /// <summary>The inverse of <see cref="Fft"/>: (1/n)·Σₖ (re + i·im)ₖ·e^(2πijk/n) along an axis.</summary>
        public static (Tensor Re, Tensor Im) Ifft(Tensor re, Tensor im, int axis = -1, FourierNorm norm = FourierNorm.Backward) =>
            AlongAxis(re, im, axis, inverse: true, norm);

        /// <summary>
        /// The inverse of <c>Rfft</c> for a result of length <paramref name="n"/>: re, im [.., ⌊n/2⌋ + 1, ..] → real [.., n, ..]. Imaginary parts of bin 0, and
        /// of bin n/2 for even n, count as 0. Raises NB0141 if the number of bins is not ⌊n/2⌋ + 1.
        /// </summary>
        public static Tensor Irfft(Tensor re, Tensor im, int n, int axis = -1, FourierNorm norm = FourierNorm.Backward)
        {
            axis = Shape.NormalizeAxis(axis, re.Rank, "irfft");
            var p = new IrfftPrimitive.Params(n, FourierScale(n, inverse: true, norm));
            RequireSameRank("irfft", re, im);
            return IrfftPrimitive.Instance.BindOne(p, re.MoveAxis(axis, -1), im.MoveAxis(axis, -1)).MoveAxis(-1, axis);
        }

        /// <summary>The transform along two axes; see <see cref="Fft"/>. Shapes kept.</summary>
        public static (Tensor Re, Tensor Im) Fft2(Tensor re, Tensor im, int axis0 = -2, int axis1 = -1, FourierNorm norm = FourierNorm.Backward)
        {
            RequireTwoAxes("fft2", re, axis0, axis1);
            (Tensor a, Tensor b) = Fft(re, im, axis1, norm);
            return Fft(a, b, axis0, norm);
        }

        /// <summary>The inverse of <see cref="Fft2"/>.</summary>
        public static (Tensor Re, Tensor Im) Ifft2(Tensor re, Tensor im, int axis0 = -2, int axis1 = -1, FourierNorm norm = FourierNorm.Backward)
        {
            RequireTwoAxes("ifft2", re, axis0, axis1);
            (Tensor a, Tensor b) = Ifft(re, im, axis0, norm);
            return Ifft(a, b, axis1, norm);
        }

        /// <summary>The inverse of <c>Rfft2</c>: re, im with ⌊n/2⌋ + 1 bins along the last given axis → real with n elements there.</summary>
        public static Tensor Irfft2(Tensor re, Tensor im, int n, int axis0 = -2, int axis1 = -1, FourierNorm norm = FourierNorm.Backward)
        {
            RequireTwoAxes("irfft2", re, axis0, axis1);
            (Tensor a, Tensor b) = Ifft(re, im, axis0, norm);
            return Irfft(a, b, n, axis1, norm);
        }

        /// <summary>
        /// The frequencies of the bins of <see cref="Fft"/> in cycles per unit, for samples a <paramref name="spacing"/> apart: 0, 1, …, then the negative
        /// ones, over n·spacing; for even n, n/2 counts as negative. Shape: [n].
        /// </summary>
        public static Tensor FftFrequencies(int n, double spacing = 1, DType dtype = DType.F32)
        {
            if (n < 1) throw AutogradErrors.FourierLength("fft_frequencies", new Aval(dtype, [0]), n);
            return Tensor.From([.. Enumerable.Range(0, n).Select(k => (k < (n + 1) / 2 ? k : k - n) / (n * spacing))]).To(dtype);
        }

        extension(Tensor x)
        {
            /// <summary>
            /// The Fourier transform of a real tensor along an axis, bins 0 … ⌊n/2⌋: [.., n, ..] → (re, im) [.., ⌊n/2⌋ + 1, ..]; the remaining bins are conjugates of
            /// these. Half the cost of <see cref="Fft"/> for even n. Raises NB0140 if n = 0.
            /// </summary>
            public (Tensor Re, Tensor Im) Rfft(int axis = -1, FourierNorm norm = FourierNorm.Backward)
            {
                axis = Shape.NormalizeAxis(axis, x.Rank, "rfft");
                var p = new RfftPrimitive.Params(FourierScale(x.Shape[axis], inverse: false, norm));
                Tensor[] pair = RfftPrimitive.Instance.Bind(p, x.MoveAxis(axis, -1));
                return (pair[0].MoveAxis(-1, axis), pair[1].MoveAxis(-1, axis));
            }

            /// <summary>The transform of a real tensor along two axes, of which the last given one is halved; see <c>Rfft</c>.</summary>
            public (Tensor Re, Tensor Im) Rfft2(int axis0 = -2, int axis1 = -1, FourierNorm norm = FourierNorm.Backward)
            {
                RequireTwoAxes("rfft2", x, axis0, axis1);
                (Tensor re, Tensor im) = x.Rfft(axis1, norm);
                return Fft(re, im, axis0, norm);
            }

            /// <summary>Bin 0 moved to the middle, place ⌊n/2⌋, of each given axis (default: all), so that frequencies ascend.</summary>
            public Tensor FftShift(params ReadOnlySpan<int> axes) => Rolled(x, axes, n => n / 2);

            /// <summary>The inverse of <c>FftShift</c>.</summary>
            public Tensor IfftShift(params ReadOnlySpan<int> axes) => Rolled(x, axes, n => n - n / 2);

            /// <summary>A cyclic shift: element i of an axis of length n goes to place (i + shift) mod n. Shape: kept.</summary>
            public Tensor Roll(int shift, int axis = -1)
            {
                axis = Shape.NormalizeAxis(axis, x.Rank, "roll");
                int n = x.Shape[axis], back = n == 0 ? 0 : ((-shift % n) + n) % n;
                if (back == 0) return x;
                (int[] starts, int[] sizes) = (new int[x.Rank], x.Shape.Dims.ToArray());
                (starts[axis], sizes[axis]) = (back, n - back);
                Tensor first = x.Slice(starts, sizes);
                (starts[axis], sizes[axis]) = (0, back);
                return Concatenate([first, x.Slice(starts, sizes)], axis);
            }
        }

        private static (Tensor Re, Tensor Im) AlongAxis(Tensor re, Tensor im, int axis, bool inverse, FourierNorm norm)
        {
            axis = Shape.NormalizeAxis(axis, re.Rank, "fft");
            RequireSameRank("fft", re, im);
            var p = new FftPrimitive.Params(inverse, FourierScale(re.Shape[axis], inverse, norm));
            Tensor[] pair = FftPrimitive.Instance.Bind(p, re.MoveAxis(axis, -1), im.MoveAxis(axis, -1));
            return (pair[0].MoveAxis(-1, axis), pair[1].MoveAxis(-1, axis));
        }

        private static double FourierScale(int n, bool inverse, FourierNorm norm) => norm switch
        {
            _ when n < 1 => 1,
            FourierNorm.Ortho => 1 / Math.Sqrt(n),
            FourierNorm.Backward when inverse => 1.0 / n,
            FourierNorm.Forward when !inverse => 1.0 / n,
            _ => 1,
        };

        // Axes are counted in both operands alike only if the ranks agree.
        private static void RequireSameRank(string operation, Tensor re, Tensor im)
        {
            if (re.Rank != im.Rank) throw AutogradErrors.EqualShapes(operation, re.Aval, im.Aval);
        }

        private static void RequireTwoAxes(string operation, Tensor x, int axis0, int axis1) => Shape.NormalizeAxes([axis0, axis1], x.Rank, operation);

        private static Tensor Rolled(Tensor x, ReadOnlySpan<int> axes, Func<int, int> shift)
        {
            int[] all = axes.Length == 0 ? [.. Enumerable.Range(0, x.Rank)] : Shape.NormalizeAxes(axes, x.Rank, "fft_shift");
            foreach (int axis in all) x = x.Roll(shift(x.Shape[axis]), axis);
            return x;
        }
    }
}
