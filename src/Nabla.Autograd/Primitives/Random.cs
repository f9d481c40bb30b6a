using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla.Autograd
{
    /// <summary>
    /// A draw from Philox4x32-10: keys i32 [k…, 2] give [k…, shape…], each key its own stream. The words are fixed by key and position alone, so that the
    /// same key gives the same numbers on every device.
    /// </summary>
    public sealed class RandomPrimitive : SinglePrimitive<RandomPrimitive.Params>
    {
        /// <summary>Shape of one key's draw, and its element type.</summary>
        public readonly record struct Params(Shape Shape, DType DType);

        /// <summary>random_bits: 32 random bits each, i32.</summary>
        internal static readonly RandomPrimitive Bits = new("random_bits", "i32", RandomKernels.Bits);

        /// <summary>random_uniform: f32 or f64 uniform in [0, 1).</summary>
        internal static readonly RandomPrimitive Uniform = new("random_uniform", "f32 f64", RandomKernels.Uniform);

        /// <summary>random_normal: f32 or f64 standard normal, by the inverse distribution function.</summary>
        internal static readonly RandomPrimitive Normal = new("random_normal", "f32 f64", RandomKernels.Normal);

        /// <summary>random_permutation: 0 … n − 1 in random order, i32; the draw's shape is [n].</summary>
        internal static readonly RandomPrimitive Permutation = new("random_permutation", "i32", RandomKernels.Permutation);

        /// <summary>random_split: n child keys, i32; the draw's shape is [n, 2].</summary>
        internal static readonly RandomPrimitive Split = new("random_split", "i32", RandomKernels.Split);

        private readonly string _dtypes;
        private readonly Action<DenseTensor, DenseTensor> _kernel;

        private RandomPrimitive(string name, string dtypes, Action<DenseTensor, DenseTensor> kernel) : base(name) =>
            (_dtypes, _kernel) = (dtypes, kernel);

        /// <inheritdoc/>
        public override string Print(object? parameters) => new Aval(((Params)parameters!).DType, ((Params)parameters).Shape).ToString();

        /// <inheritdoc/>
        protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
        {
            RandomRules.CheckKeys(Name, inputs[0]);
            if (!_dtypes.Contains(p.DType.Name, StringComparison.Ordinal)) throw AutogradErrors.DTypeNotSupported(Name, new Aval(p.DType, p.Shape), _dtypes);
            return new Aval(p.DType, [.. inputs[0].Shape.Dims[..^1], .. p.Shape.Dims]);
        }

        /// <inheritdoc/>
        protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p) => _kernel(inputs[0], output);

        /// <remarks>Written from the definition of the streams; the normal's quantile is found by bisection on the reference error function.</remarks>
        protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
        {
            int draw = checked((int)p.Shape.Count);
            for (int key = 0; key * 2 < inputs[0].Data.Length; key++)
            {
                (uint k0, uint k1) = ((uint)(int)inputs[0].Data[2 * key], (uint)(int)inputs[0].Data[2 * key + 1]);
                for (int i = 0; i < draw; i++) output.Data[key * draw + i] = RandomRules.Element(Name, k0, k1, i, draw, p.DType);
            }
        }

        /// <inheritdoc/>
        public override Tolerance Tolerance => Name == "random_normal" ? Tolerance.Ulps(4) : Tolerance.Exact;

        /// <inheritdoc/>
        protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p) => null;

        /// <inheritdoc/>
        protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p) =>
            (BindOne(p, inputs[0].MoveAxis(axes[0]!.Value, 0)), 0);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source)
        {
            Shape shape = Name switch { "random_permutation" => [37], "random_split" => [5, 2], _ => [3, 11] };
            foreach (string dtype in _dtypes.Split(' '))
            {
                yield return new Sample([source.Integers([2], -99, 99)], new Params(shape, DTypes.Parse(dtype)));
                yield return new Sample([source.Integers([3, 2], -99, 99)], new Params(shape, DTypes.Parse(dtype)));
            }
        }

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Integers([3], 0, 9)], new Params([4], DTypes.Parse(_dtypes.Split(' ')[0])), "NB0108")];
    }

    /// <summary>random_fold_in: the key that belongs to an integer under a parent key: keys i32 [k…, 2] and data [k…] give i32 [k…, 2].</summary>
    public sealed class RandomFoldInPrimitive() : Primitive("random_fold_in")
    {
        internal static readonly RandomFoldInPrimitive Instance = new();

        /// <inheritdoc/>
        public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
        {
            RandomRules.CheckKeys(Name, inputs[0]);
            if (!inputs[1].DType.IsInteger) throw AutogradErrors.DTypeNotSupported(Name, inputs[1], "i32 i64");
            if (!inputs[1].Shape.Dims.SequenceEqual(inputs[0].Shape.Dims[..^1]))
                throw AutogradErrors.BadParameter(Name, $"needs one number for each key of {inputs[0]}", inputs[1]);
            return [inputs[0]];
        }

        /// <inheritdoc/>
        public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
            RandomKernels.FoldIn(inputs[0], inputs[1], outputs[0]);

        /// <inheritdoc/>
        public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
        {
            for (int i = 0; i < inputs[1].Data.Length; i++)
            {
                (uint k0, uint k1) = Philox.FoldIn((uint)(int)inputs[0].Data[2 * i], (uint)(int)inputs[0].Data[2 * i + 1], (ulong)(long)inputs[1].Data[i]);
                (outputs[0].Data[2 * i], outputs[0].Data[2 * i + 1]) = ((int)k0, (int)k1);
            }
        }

        /// <inheritdoc/>
        public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) => [null];

        /// <inheritdoc/>
        public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters) =>
            (Bind(null, Batching.AlignFront(inputs, axes, size)), [0]);

        /// <inheritdoc/>
        public override IEnumerable<Sample> Samples(SampleSource source) =>
            [new([source.Integers([2], -99, 99), source.Integers([], 0, 9)]), new([source.Integers([3, 2], -99, 99), source.Integers([3], -9, 9, DType.I64)])];

        /// <inheritdoc/>
        public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
            [new([source.Integers([2], 0, 9), source.Uniform([])], null, "NB0205"), new([source.Integers([2], 0, 9), source.Integers([3], 0, 9)], null, "NB0108")];
    }

    internal static class RandomRules
    {
        public static void CheckKeys(string name, Aval keys)
        {
            if (keys.DType != DType.I32 || keys.Shape.Rank == 0 || keys.Shape[^1] != 2)
                throw AutogradErrors.BadParameter(name, "keys must be i32[.., 2]; make them with new RandomKey(seed)", keys);
        }

        /// <summary>Element i of a draw, from the definition of the streams.</summary>
        public static double Element(string name, uint k0, uint k1, int i, int count, DType dtype)
        {
            switch (name)
            {
                case "random_bits": return (int)Word(k0, k1, i);
                case "random_split": return (int)(i % 2 == 0 ? Philox.Split(k0, k1, (ulong)(i / 2)).K0 : Philox.Split(k0, k1, (ulong)(i / 2)).K1);
                case "random_permutation":
                    return Enumerable.Range(0, count).OrderBy(j => ((ulong)Word(k0, k1, 2 * j + 1) << 32) | Word(k0, k1, 2 * j)).ThenBy(j => j).ElementAt(i);
                default:
                    double uniform = dtype == DType.F32 ? Philox.ToUniform(Word(k0, k1, i)) : Philox.ToUniform(Word(k0, k1, 2 * i), Word(k0, k1, 2 * i + 1));
                    return name == "random_uniform" ? uniform : Quantile(uniform - 0.5 + dtype.UnitRoundoff / 2);
            }
        }

        private static uint Word(uint k0, uint k1, int i)
        {
            (uint w0, uint w1, uint w2, uint w3) = Philox.Block((uint)(i / 4), 0, Philox.DrawDomain, 0, k0, k1);
            return (i % 4) switch { 0 => w0, 1 => w1, 2 => w2, _ => w3 };
        }

        // The z with Φ(z) = ½ + q, by bisection on erf(t) = 2|q|, in the tail on erfc(t) = 1 − 2|q|, for t = |z|/√2. q, 2q and 1 − 2|q| are exact.
        private static double Quantile(double q)
        {
            double side = 2 * Math.Abs(q), low = 0, high = 9;
            while (true)
            {
                double middle = (low + high) / 2;
                if (middle == low || middle == high) return Math.Sign(q) * middle * Math.Sqrt(2);
                bool below = side < 0.5 ? ReferenceMath.Erf(middle) < side : ReferenceMath.Erfc(middle) > 1 - side;
                if (below) low = middle;
                else high = middle;
            }
        }
    }
}

namespace Nabla
{
    public static partial class Ops
    {
        extension(RandomKey key)
        {
            /// <summary>n independent keys as one batch: words i32 [.., n, 2]. Take one with <c>keys.At(i)</c>, or vmap over it.</summary>
            public RandomKey Split(int n = 2) => new(RandomPrimitive.Split.BindOne(new RandomPrimitive.Params([n, 2], DType.I32), key.Words));

            /// <summary>The key that belongs to a number under this key.</summary>
            public RandomKey FoldIn(int data) => key.FoldIn(Tensor.Full(key.Words.Shape.Without([key.Words.Rank - 1]), data, DType.I32, key.Words.Device));

            /// <summary>The key that belongs to an integer scalar under this key; the scalar may be traced.</summary>
            public RandomKey FoldIn(Tensor data) => new(RandomFoldInPrimitive.Instance.BindOne(null, key.Words, data));

            /// <summary>Key i of a batch of keys.</summary>
            public RandomKey At(int i) => new(key.Words.At(i));

            /// <summary>32 random bits per element, i32.</summary>
            public Tensor Bits(Shape shape) => key.Draw(RandomPrimitive.Bits, shape, DType.I32);

            /// <summary>Uniform in [low, high); f32 or f64.</summary>
            public Tensor Uniform(Shape shape, double low = 0, double high = 1, DType dtype = DType.F32)
            {
                Tensor u = key.Draw(RandomPrimitive.Uniform, shape, dtype);
                return low == 0 && high == 1 ? u : low + (high - low) * u;
            }

            /// <summary>Standard normal; f32 or f64.</summary>
            public Tensor Normal(Shape shape, DType dtype = DType.F32) => key.Draw(RandomPrimitive.Normal, shape, dtype);

            /// <summary>true with probability <paramref name="probability"/>.</summary>
            public Tensor Bernoulli(double probability, Shape shape) => key.Uniform(shape) < probability;

            /// <summary>0 … n − 1 in random order, i32.</summary>
            public Tensor Permutation(int n) => key.Draw(RandomPrimitive.Permutation, [n], DType.I32);

            private Tensor Draw(RandomPrimitive primitive, Shape shape, DType dtype) => primitive.BindOne(new RandomPrimitive.Params(shape, dtype), key.Words);
        }
    }
}
