namespace Nabla.Kernels;

/// <summary>
/// How f32 products are computed on devices with tensor cores (CUDA, from compute capability 8.0 on), in products of at least 64 rows and columns. Other devices compute all of them in f32, and
/// products in f64 are not concerned. Sums are in f32 everywhere. u = 2⁻²⁴ is f32's unit of rounding; the bounds are relative to |A||B|, componentwise.
/// </summary>
/// <remarks>
/// An element that is not finite is computed again in f32, so infinities, NaN and overflow come out as with <see cref="Highest"/>. Factorisations, matrix functions and coding rates always use
/// <see cref="Highest"/> inside.
/// </remarks>
public enum MatMulPrecision
{
    /// <summary>Multiply-adds in f32. Error: at most (k + 1)·u.</summary>
    Highest,

    /// <summary>
    /// Each operand is the sum of two TF32 numbers, and three of the four products are added up ("3×TF32"). Error: at most about (k/16 + 40)·u for k terms, of random matrices no more than twice that of
    /// <see cref="Highest"/>; parts of an operand below 2⁻¹³⁷ are lost.
    /// </summary>
    High,

    /// <summary>Operands are rounded to TF32, which has 10 bits of fraction. Error: at most 2⁻¹⁰, and what the sums in f32 add.</summary>
    Medium,

    /// <summary>Operands are rounded to bf16, which has 7 bits of fraction. Error: at most 2⁻⁷, and what the sums in f32 add.</summary>
    Low,
}

/// <summary>Which <see cref="MatMulPrecision"/> holds.</summary>
public static class MatMulPrecisions
{
    private const string Variable = "NABLA_MATMUL_PRECISION";

    [ThreadStatic]
    private static MatMulPrecision? _ofThread;

    private static MatMulPrecision _ofProcess = FromText(Environment.GetEnvironmentVariable(Variable));

    extension(MatMulPrecision)
    {
        /// <summary>
        /// What products use from now on. Starts as <c>NABLA_MATMUL_PRECISION</c>, or <see cref="MatMulPrecision.Highest"/>; <see cref="Use"/> changes it for one thread. Compiled programs are not bound to one:
        /// each run uses what holds then.
        /// </summary>
        public static MatMulPrecision Default
        {
            get => _ofThread ?? _ofProcess;
            set => _ofProcess = value;
        }

        /// <summary>Makes a precision the one of this thread until the result is disposed.</summary>
        public static IDisposable Use(MatMulPrecision precision) => new ThreadDefault(precision);
    }

    /// <summary>The precision that a text names, as the environment variable does.</summary>
    internal static MatMulPrecision FromText(string? text)
    {
        if (string.IsNullOrEmpty(text)) return MatMulPrecision.Highest;
        foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
            if (text.Equals(precision.ToString(), StringComparison.OrdinalIgnoreCase)) return precision;
        Console.Error.WriteLine($"nabla: {Variable}: no such precision: {text}; expected highest, high, medium or low.");
        return MatMulPrecision.Highest;
    }

    private sealed class ThreadDefault : IDisposable
    {
        private readonly MatMulPrecision? _before = _ofThread;
        private bool _done;

        public ThreadDefault(MatMulPrecision precision) => _ofThread = precision;

        public void Dispose()
        {
            if (_done) return;
            _done = true;
            _ofThread = _before;
        }
    }
}
