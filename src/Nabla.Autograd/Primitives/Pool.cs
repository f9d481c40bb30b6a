using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// max_pool: x [batch, spatial…, channels] → the largest element of each window [batch, spatial′…, channels], and (second result, i32) its row-major
    /// position among the spatial axes. Of equal ones the first; NaN wins; padding never does. The derivative belongs to the winner.
    /// </summary>
    public sealed class MaxPoolPrimitive() : Primitive("max_pool")
    {
        /// <summary>Sizes of the window, and how it moves, without dilation.</summary>
        public readonly record struct Params(Axes Window, ConvDims Dims);

        internal static readonly MaxPoolPrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => $"window={((Params)parameters!).Window} {((Params)parameters).Dims}";

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            (Axes window, ConvDims dims) = (Params)parameters!;
            Aval x = inputs[0];
            if (!x.DType.IsFloat) throw AutogradErrors.DTypeNotSupported(Name, x, "f32 f64");
            if (x.Shape.Rank != dims.Rank + 2 || window.Length != dims.Rank)
                throw KernelErrors.ConvRanks($"{Name} of {x} with window {window}: expected [batch, {dims.Rank} spatial, channels]");
            int[] sizes = x.Shape.Dims.ToArray();
            for (int i = 0; i < dims.Rank; i++)
            {
                int size = sizes[i + 1], windows = dims.OutputSize(i, size, window[i]), last = (windows - 1) * dims.Strides[i] - dims.Low[i];
                if (window[i] < 1) throw KernelErrors.ConvSteps(Name, $"window {window}");
                if (windows > 0 && (last >= size || window[i] <= dims.Low[i])) throw AutogradErrors.PoolPadding(Name, i, x);
                sizes[i + 1] = windows;
            }
            return [new Aval(x.DType, sizes), new Aval(DType.I32, sizes)];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            MaxPooling.Run(inputs[0], ((Params)parameters!).Window, ((Params)parameters).Dims, outputs[0], outputs[1]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            (Axes window, ConvDims dims) = (Params)parameters!;
            ReferenceArray x = inputs[0];
            foreach (int[] y in ReferenceArray.Indices(outputs[0].Shape))
            {
                (double best, long winner) = (0, -1);
                foreach (int[] k in ReferenceArray.Indices(Shape.Create(window)))
                {
                    int[] at = [.. y];
                    long position = 0;
                    for (int i = 0; i < dims.Rank; i++)
                    {
                        at[i + 1] = y[i + 1] * dims.Strides[i] + k[i] - dims.Low[i];
                        position = at[i + 1] < 0 || at[i + 1] >= x.Shape.Dims[i + 1] || position < 0 ? -1 : position * x.Shape.Dims[i + 1] + at[i + 1];
                    }
                    if (position >= 0 && (winner < 0 || x[at] > best || (double.IsNaN(x[at]) && !double.IsNaN(best)))) (best, winner) = (x[at], position);
                }
                (outputs[0][y], outputs[1][y]) = (best, winner);
            }
        }

        /// <remarks>Tangents are gathered at the winners, and so are tangents of tangents.</remarks>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
        {
            Tensor tangent = tangents[0]!, winners = outputs[1];
            (int batch, int channels) = (tangent.Shape.Dims[0], tangent.Shape.Dims[^1]);
            Tensor flat = tangent.Reshape(Shape.Create(batch, SpatialSize(tangent.Shape), channels)).MoveAxis(1, 2);
            Tensor at = winners.Reshape(Shape.Create(batch, SpatialSize(winners.Shape), channels)).MoveAxis(1, 2);
            return [GatherPrimitive.Instance.BindOne(2, flat, at).MoveAxis(2, 1).Reshape(winners.Shape), null];
        }

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
        {
            Tensor x = inputs[0].MoveAxis(axes[0]!.Value, 0);
            int batch = x.Shape.Dims[1];
            Tensor[] results = Bind(parameters, x.Reshape(Shape.Create([size * batch, .. x.Shape.Dims[2..]])));
            return (Array.ConvertAll(results, y => y.Reshape(Shape.Create([size, batch, .. y.Shape.Dims[1..]]))), [0, 0]);
        }

        private static int SpatialSize(Shape shape)
        {
            int count = 1;
            foreach (int size in shape.Dims[1..^1]) count *= size;
            return count;
        }

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            Sample Of(Shape x, int[] window, int[] strides, int[] low, int[] high) => new([source.Distinct(x)], Over(window, strides, low, high));
            yield return Of([2, 6, 3], [2], [2], [0], [0]);
            yield return Of([1, 5, 4, 19], [3, 2], [1, 2], [1, 0], [1, 1]);
            yield return Of([2, 4, 4, 1], [2, 2], [3, 1], [0, 1], [0, 0]);
            yield return Of([2, 3, 1, 2], [3, 1], [1, 1], [2, 0], [0, 0]);
            yield return Of([1, 2, 3, 2, 2], [2, 2, 2], [1, 1, 1], [0, 0, 0], [0, 0, 0]);
            yield return Of([0, 4, 2], [2], [2], [0], [0]);
            yield return Of([2, 4, 0], [2], [1], [0], [0]);
            yield return new Sample([Tensor.From([1.0, 3, 3, 3, -1, 3], [1, 6, 1])], Over([3], [1], [1], [1]), Differentiable: false);
        }

        private static Params Over(int[] window, int[] strides, int[] low, int[] high)
        {
            int[] ones = Array.ConvertAll(window, _ => 1);
            return new Params(window, new ConvDims(strides, low, high, ones, ones));
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [
            new([source.Uniform([2, 4])], Over([2], [1], [0], [0]), "NB0131"), new([source.Integers([2, 4, 1], 0, 3)], Over([2], [1], [0], [0]), "NB0205"),
            new([source.Uniform([2, 4, 1])], Over([2], [1], [2], [0]), "NB0136"), new([source.Uniform([2, 4, 1])], Over([2], [3], [0], [4]), "NB0136"),
            new([source.Uniform([2, 4, 1])], Over([0], [1], [0], [0]), "NB0135"),
        ];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>
            /// The largest element of each window, channel by channel; NaN if it holds one. Shape: [batch…, spatial…, channels] → [batch…, spatial′…, channels],
            /// with as many spatial axes as the window has entries; sizes: see <see cref="Padding"/>. Padding never wins. The derivative belongs to the
            /// first of the largest.
            /// </summary>
            /// <param name="window">Sizes of the window.</param>
            /// <param name="strides">Distance between windows, for each spatial axis or one for all; by default the window, so that they do not overlap.</param>
            /// <param name="padding">What lies beyond the borders.</param>
            /// <exception cref="ShapeException">
            /// NB0131: ranks or lists do not fit; NB0134: the window is larger than the padded input; NB0135: a stride or size is less than 1; NB0136: a
            /// window holds padding alone.
            /// </exception>
            public Tensor MaxPool(Axes window, Axes strides = default, Padding padding = default) => x.MaxPoolWithIndices(window, strides, padding).Values;

            /// <summary>
            /// <see cref="MaxPool"/>, and where the maxima are: i32, row-major positions among the spatial axes (of the input continued periodically, if
            /// the padding is circular).
            /// </summary>
            public (Tensor Values, Tensor Indices) MaxPoolWithIndices(Axes window, Axes strides = default, Padding padding = default)
            {
                (Tensor a, ConvDims dims) = Pooled("max_pool", x, window, strides, padding);
                Tensor[] results = MaxPoolPrimitive.Instance.Bind(new MaxPoolPrimitive.Params(window, dims), Windowing.WithOneBatchAxis(a, window.Length));
                Shape shape = Shape.Create([.. x.Shape.Dims[..^(window.Length + 1)], .. results[0].Shape.Dims[1..]]);
                return (results[0].Reshape(shape), results[1].Reshape(shape));
            }

            /// <summary>The sum of each window, channel by channel. Shapes, parameters and errors as for <see cref="MaxPool"/>; padding counts as 0.</summary>
            public Tensor SumPool(Axes window, Axes strides = default, Padding padding = default)
            {
                (Tensor a, ConvDims dims) = Pooled("sum_pool", x, window, strides, padding);
                // Each channel is a group of its own, under a kernel of ones.
                Tensor flat = Windowing.WithOneBatchAxis(a, window.Length).ExpandDims(-1);
                Tensor ones = Tensor.Full(Shape.Create([.. window, a.Shape[-1], 1, 1]), 1, a.DType, a.Device);
                Tensor y = ConvPrimitive.Instance.BindOne(dims, flat, ones);
                return y.Reshape(Shape.Create([.. x.Shape.Dims[..^(window.Length + 1)], .. y.Shape.Dims[1..^1]]));
            }

            /// <summary>
            /// The mean of each window, channel by channel. Shapes, parameters and errors as for <see cref="MaxPool"/>. Over all spatial axes it is
            /// <c>x.Mean</c>.
            /// </summary>
            /// <param name="window">Sizes of the window.</param>
            /// <param name="strides">Distance between windows; by default the window.</param>
            /// <param name="padding">What lies beyond the borders.</param>
            /// <param name="countPadding">True: the sum is divided by the size of the window; false: by the number of elements in it that are no padding.</param>
            public Tensor AveragePool(Axes window, Axes strides = default, Padding padding = default, bool countPadding = true)
            {
                Tensor sum = x.SumPool(window, strides, padding);
                double size = 1;
                foreach (int k in window) size *= k;
                if (countPadding) return sum / size;
                Tensor ones = Tensor.Full(Shape.Create([.. x.Shape.Dims[^(window.Length + 1)..^1], 1]), 1, x.DType, x.Device);
                return sum / ones.SumPool(window, strides, padding);
            }
        }

        private static (Tensor X, ConvDims Dims) Pooled(string name, Tensor x, Axes window, Axes strides, Padding padding)
        {
            int rank = window.Length;
            if (rank < 1 || x.Rank < rank + 1) throw KernelErrors.ConvRanks($"{name} of {x.Aval} with window {window}: expected [batch..., {Math.Max(1, rank)} spatial, channels]");
            int[] sizes = Windowing.AtLeastOne(name, "window", [.. window]);
            int[] steps = Windowing.AtLeastOne(name, "strides", strides.Length == 0 ? sizes : Windowing.PerAxis(name, strides, rank, 1));
            return Windowing.Over(name, x, sizes, steps, Array.ConvertAll(sizes, _ => 1), padding);
        }
    }
}
