using static Nabla.Tests.Oracle.OracleCase;

namespace Nabla.Tests.Oracle;

internal static class ElementwiseCases
{
    public static IEnumerable<OracleCase> All => [.. Functions, .. AtSpecialValues, .. Arithmetic, .. Accuracy, .. Activations];

    private static OracleCase[] Functions =>
    [
        Of("elementwise/exp", x => x.Exp()),
        Of("elementwise/expm1", x => x.Expm1()),
        Of("elementwise/log", x => x.Log()),
        Of("elementwise/log1p", x => x.Log1p()),
        Of("elementwise/sqrt", x => x.Sqrt()),
        Of("elementwise/sqrt at 0", x => x.Sqrt()),
        Of("elementwise/rsqrt", x => x.Rsqrt()),
        Of("elementwise/sin", x => x.Sin()),
        Of("elementwise/cos", x => x.Cos()),
        Of("elementwise/sinh", x => x.Sinh()),
        Of("elementwise/cosh", x => x.Cosh()),
        Of("elementwise/tanh", x => x.Tanh()),
        Of("elementwise/asin", x => x.Asin()),
        Of("elementwise/acos", x => x.Acos()),
        Of("elementwise/atan", x => x.Atan()),
        Of("elementwise/sigmoid", x => x.Sigmoid()),
        Of("elementwise/erf", x => x.Erf()),
        Of("elementwise/erfc", x => x.Erfc()),
        Of("elementwise/erfinv", x => x.ErfInv()),
        Of("elementwise/normal cdf", x => x.NormalCdf()),
        Of("elementwise/normal quantile", x => x.NormalQuantile()),
        Of("elementwise/lgamma", x => x.LogGamma()),
        Of("elementwise/digamma", x => x.Digamma()),
        Of("elementwise/tetragamma", x => x.Polygamma(2)),
        Of("elementwise/abs", x => x.Abs()),
        Of("elementwise/sign", x => x.Sign()),
        Of("elementwise/floor", x => x.Floor()),
        Of("elementwise/ceil", x => x.Ceil()),
        Of("elementwise/round half even", x => x.Round()),
        Of("elementwise/square", x => x.Square()),
        Of("elementwise/cube", x => x.Pow(3)),
        Of("elementwise/power -2", x => x.Pow(-2)),
        Of("elementwise/power 0", x => x.Pow(0)),
        Of("elementwise/power 1.5", x => x.Pow(1.5)),
        Of("elementwise/reciprocal", x => x.Reciprocal()),
    ];

    private static OracleCase[] AtSpecialValues =>
    [
        Of("elementwise/exp at zeros, infinities, NaN", x => x.Exp()),
        Of("elementwise/log at zeros, infinities, NaN", x => x.Log()),
        Of("elementwise/log1p at zeros, infinities, NaN", x => x.Log1p()),
        Of("elementwise/sqrt at zeros, infinities, NaN", x => x.Sqrt()),
        Of("elementwise/tanh at zeros, infinities, NaN", x => x.Tanh()),
        Of("elementwise/sigmoid at zeros, infinities, NaN", x => x.Sigmoid()),
        Of("elementwise/erf at zeros, infinities, NaN", x => x.Erf()),
        Of("elementwise/erfc at zeros, infinities, NaN", x => x.Erfc()),
        Of("elementwise/atan at zeros, infinities, NaN", x => x.Atan()),
        Of("elementwise/lgamma at zeros, infinities, NaN", x => x.LogGamma()),
        Of("elementwise/reciprocal at zeros, infinities, NaN", x => x.Reciprocal()),
        Of("elementwise/sin at zeros, infinities, NaN", x => x.Sin()),
    ];

    private static OracleCase[] Arithmetic =>
    [
        Of("elementwise/power of tensors", (x, y) => x.Pow(y)),
        Of("elementwise/add broadcast", (x, y) => x + y),
        Of("elementwise/sub broadcast", (x, y) => x - y),
        Of("elementwise/mul broadcast", (x, y) => x * y),
        Of("elementwise/div broadcast", (x, y) => x / y),
        Of("elementwise/mul scalar by empty", (x, y) => x * y),
        Of("elementwise/atan2", (x, y) => x.Atan2(y)),
        Of("elementwise/atan2 at zeros", (x, y) => x.Atan2(y)),
        Of("elementwise/remainder", (x, y) => x % y),
        Of("elementwise/power 0 of a tensor at 0", (x, y) => x.Pow(y)),
        Many("elementwise/power 1.5 and 2 at 0", t => [t[0].Pow(1.5), t[1].Pow(2.0)]),
        Of("elementwise/power of a negative number", (x, y) => x.Pow(y)),
        Of("elementwise/power of 0", (x, y) => x.Pow(y)),
        Of("elementwise/power of 0, by exponent", (x, y) => x.Pow(y)),
        Of("elementwise/atan2 at the origin", (x, y) => x.Atan2(y)),
        Of("elementwise/where guarding log", x => Ops.Where(x > 0, x.Log(), x.ZerosLike())),
        Of("elementwise/remainder of integers", (x, y) => x % y),
        Of("elementwise/large integers to float", x => x.To(DType.F64)),
        Many("elementwise/log and rsqrt at 0", t => [t[0].Log(), t[1].Rsqrt()]),
        Of("elementwise/lgamma at -1", x => x.LogGamma()),
        Many("elementwise/maximum and minimum of equal elements", t => [t[0].Maximum(t[1]), t[0].Minimum(t[1])]),
        Many("elementwise/maximum and clamp of NaN", t => [t[0].Maximum(t[1]), t[0].Clamp(0, 2)]),
        Of("elementwise/maximum", (x, y) => x.Maximum(y)),
        Of("elementwise/minimum", (x, y) => x.Minimum(y)),
        Of("elementwise/clamp inside and outside", x => x.Clamp(-1, 1)),
        Many("elementwise/where", t => [Ops.Where(t[0], t[1], t[2])]),
        Many("elementwise/comparisons", t => [t[0].Equal(t[1]), t[0].NotEqual(t[1]), t[0] < t[1], t[0] > t[1], t[0] <= t[1], t[0] >= t[1]]),
        Many("elementwise/is finite, is nan", t => [t[0].IsFinite(), t[0].IsNaN()]),
        Many("elementwise/and, or, xor, not", t => [t[0] & t[1], t[0] | t[1], t[0] ^ t[1], !t[0]]),
        Of("elementwise/to integer", x => x.To(DType.I64)),
        Of("elementwise/through f32", x => (x.To(DType.F32) * 2).To(DType.F64)),
    ];

    private static OracleCase[] Accuracy =>
    [
        Of("accuracy/asin near 1", x => x.Asin()).Meaning("PyTorch's derivative 1/√(1 − x²) cancels."),
        Of("accuracy/acos near 1", x => x.Acos()).Meaning("PyTorch's derivative 1/√(1 − x²) cancels."),
        Of("accuracy/erfinv near 1", x => x.ErfInv()).Meaning("PyTorch refines with erf x − y, which cancels; it needs erfc."),
        Of("accuracy/lower tail of the normal cdf", x => x.NormalCdf()).Meaning("PyTorch computes (1 + erf(x/√2))/2, which cancels to 0."),
        Of("accuracy/digamma", x => x.Digamma()).Meaning("PyTorch's derivative is its trigamma."),
        Of("accuracy/trigamma", x => x.Polygamma(1)).Meaning("PyTorch's asymptotic series ends early."),
    ];

    private static OracleCase[] Activations =>
    [
        Of("activations/relu", x => x.Relu()),
        Of("activations/relu at 0", x => x.Relu()),
        Of("activations/leaky relu", x => x.LeakyRelu(0.2)),
        Of("activations/softplus", x => x.Softplus()),
        Of("activations/log sigmoid", x => -(-x).Softplus()),
        Of("activations/gelu", x => x.Gelu()),
        Of("activations/silu", x => x.Silu()),
        Of("activations/elu", x => x.Elu(0.7)),
        Of("activations/selu", x => x.Selu()),
        Of("activations/hard tanh", x => x.HardTanh()),
        Of("activations/mish", x => x.Mish()),
        Of("activations/softplus of extremes", x => x.Softplus()),
        Of("activations/silu of extremes", x => x.Silu()),
        Of("activations/gelu of extremes", x => x.Gelu()),
        Of("activations/elu of extremes", x => x.Elu()),
        Of("activations/relu of extremes", x => x.Relu()),
        Of("activations/softmax rows", x => x.Softmax()),
        Of("activations/softmax of columns", x => x.Softmax(0)),
        Of("activations/softmax of huge logits", x => x.Softmax()),
        Of("activations/softmax with -inf", x => x.Softmax()),
        Of("activations/log softmax", x => x.LogSoftmax(1)),
        Of("activations/log softmax of huge logits", x => x.LogSoftmax()),
        Of("activations/softmax of one", x => x.Softmax()),
        Of("activations/softmax of none", x => x.Softmax()),
        Of("activations/normalize", x => x.Normalize()),
    ];
}
