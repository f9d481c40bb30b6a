using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// convert: the same numbers in another element type. Float to integer truncates toward zero and saturates, NaN becomes 0; to bool: x ≠ 0. Linear
    /// between floats; elsewhere the derivative is 0.
    /// </summary>
    public sealed class ConvertPrimitive() : SinglePrimitive<DType>("convert")
    {
        internal static readonly ConvertPrimitive Instance = new();

        /// <inheritdoc/>
        public override string Print(object? parameters) => ((DType)parameters!).Name;

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, DType dtype) => new(dtype, inputs[0].Shape);

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, DType dtype) => Map.Convert(inputs[0], output);

        /// <inheritdoc/>
        public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => inputs[0].DType == DType.Bool && output.DType.IsFloat ? LaneForm.FromBool : default;

        /// <inheritdoc/>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, DType dtype)
        {
            for (int i = 0; i < output.Data.Length; i++) output.Data[i] = Round(inputs[0].Data[i], dtype);
        }

        private static double Round(double x, DType dtype) => dtype switch
        {
            DType.F32 => (float)x,
            DType.F64 => x,
            DType.Bool => x != 0 ? 1 : 0,
            DType.I32 => double.IsNaN(x) ? 0 : Math.Clamp(Math.Truncate(x), int.MinValue, int.MaxValue),
            _ => double.IsNaN(x) ? 0 : Math.Truncate(x),
        };

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, DType dtype) =>
            dtype.IsFloat ? tangents[0]!.To(dtype) : null;

        /// <inheritdoc/>
        protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, DType dtype) => [ct.To(avals[0].DType)];

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, DType dtype) =>
            (BindOne(dtype, inputs[0]), axes[0]!.Value);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            foreach (DType to in DTypes.All)
            {
                yield return new Sample([source.Uniform([3, 5], -40, 40)], to, to == DType.F64);
                yield return new Sample([source.Integers([17], -3, 3)], to);
                yield return new Sample([source.Bools([17])], to);
            }
        }
    }

    /// <summary>stop_gradient: the value itself, without derivative.</summary>
    public sealed class StopGradientPrimitive() : ElementwisePrimitive("stop_gradient")
    {
        internal static readonly StopGradientPrimitive Instance = new();

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => [inputs[0]];

        /// <inheritdoc/>
        public override Layout? View(Layout input, object? parameters) => input;

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            Move.Copy(inputs[0], outputs[0]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters) =>
            inputs[0].Data.CopyTo(outputs[0].Data, 0);

        /// <inheritdoc/>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) => [null];

        /// <remarks>Central differences see the value, not the convention: the derivative is checked by a test of its own.</remarks>
        public override IEnumerable<Sample> Samples(SampleSource source) => [new([source.Uniform([3, 5])], null, Differentiable: false)];
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(Tensor x)
        {
            /// <summary>
            /// The same numbers in another element type; x itself if it has that type. Float to integer truncates toward zero and saturates, NaN
            /// becomes 0.
            /// </summary>
            public Tensor To(DType dtype) => x.DType == dtype ? x : ConvertPrimitive.Instance.BindOne(dtype, x);

            /// <summary>
            /// A copy on another device; x itself if it is there. Works on values, not inside a transformation: move data before the function that uses it.
            /// </summary>
            public Tensor ToDevice(Device device)
            {
                if (x.Device == device) return x;
                DenseTensor source = x.Dense, copy = DenseTensor.Allocate(x.Aval, device);
                Move.Copy(source, copy);
                GC.KeepAlive(source);
                return copy;
            }

            /// <summary>The value of x, taken as constant by every differentiation.</summary>
            public Tensor StopGradient() => StopGradientPrimitive.Instance.BindOne(null, x);

            /// <summary>Zeros of the shape, type and device of x.</summary>
            public Tensor ZerosLike() => Tensor.Zeros(x.Shape, x.DType, x.Device);

            /// <summary>Ones of the shape, type and device of x.</summary>
            public Tensor OnesLike() => Tensor.Ones(x.Shape, x.DType, x.Device);
        }
    }
}
