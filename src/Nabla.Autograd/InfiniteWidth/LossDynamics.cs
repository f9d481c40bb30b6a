namespace Nabla.InfiniteWidth;

/// <summary>
/// What <see cref="Predict.GradientDescent"/> returns. Since f(x, t) = f₀(x) − ηΘ(x, X)·s with s = ∫∇L dt, one equation for s [n, c] gives the outputs everywhere.
/// </summary>
public sealed class LossDynamics
{
    private const int MostSteps = 1_000_000;

    // Dormand and Prince, "A family of embedded Runge–Kutta formulae", 1980: stages, 5th-order weights (the last stage), and 5th minus 4th.
    private static readonly double[][] Stages =
    [
        [],
        [1.0 / 5],
        [3.0 / 40, 9.0 / 40],
        [44.0 / 45, -56.0 / 15, 32.0 / 9],
        [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
        [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
        [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
    ];

    private static readonly double[] Differences =
        [71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40];

    private readonly Tensor _kernel;
    private readonly Tensor _matrix;
    private readonly double _learningRate;
    private readonly Func<Tensor, Tensor> _gradient;

    internal LossDynamics(Func<Tensor, Tensor> loss, Tensor kernel, double learningRate)
    {
        (_kernel, _matrix, _learningRate) = (kernel, KernelMatrix.Flat(kernel), learningRate);
        _gradient = Transforms.Grad(loss);
    }

    /// <summary>Outputs at time t on the training set [n, c], and on other inputs [m, c] if their kernel with the training set is given.</summary>
    /// <param name="t">Time ≥ 0, in steps; finite.</param>
    /// <param name="f0Train">Outputs on the training set at the start [n, c].</param>
    /// <param name="kernelTestTrain">Θ(x, X); null: no other inputs.</param>
    /// <param name="f0Test">Outputs on the other inputs at the start; null: 0.</param>
    /// <param name="relative">Tolerance of a step relative to s.</param>
    /// <param name="absolute">Tolerance of a step.</param>
    /// <exception cref="InfiniteWidthException">NB0542: more than a million steps, or values that are not finite.</exception>
    public (Tensor Train, Tensor? Test) At(
        double t, Tensor f0Train, Tensor? kernelTestTrain = null, Tensor? f0Test = null, double relative = 1e-8, double absolute = 1e-10)
    {
        if (!(t >= 0 && double.IsFinite(t))) throw InfiniteWidthErrors.Time(t);
        (_, Tensor start) = KernelMatrix.Training(_kernel, f0Train, 0);
        Tensor Outputs(Tensor s) => start - _learningRate * _matrix.MatMul(s);
        Tensor s = Integrate(s => KernelMatrix.Columns(_kernel, _gradient(Outputs(s).Reshape(f0Train.Shape))), start.ZerosLike(), t, relative, absolute);
        Tensor train = Outputs(s).Reshape(f0Train.Shape);
        if (kernelTestTrain is null) return (train, null);
        Tensor moved = (_learningRate * KernelMatrix.Flat(kernelTestTrain).MatMul(s)).Reshape(kernelTestTrain.Shape[0], f0Train.Shape[1]);
        return (train, f0Test is null ? -moved : f0Test - moved);
    }

    private static Tensor Integrate(Func<Tensor, Tensor> rate, Tensor s, double end, double relative, double absolute)
    {
        Tensor first = rate(s);
        double time = 0, step = Math.Min(end, FirstStep(rate, s, first, relative, absolute));
        for (int count = 0; time < end; count++)
        {
            if (count > MostSteps) throw InfiniteWidthErrors.Integration($"{MostSteps} steps led to time {time} of {end}; the kernel may be badly scaled, or the rate too large");
            step = Math.Min(step, end - time);
            var slopes = new Tensor[Stages.Length];
            slopes[0] = first;
            Tensor next = s;
            for (int i = 1; i < Stages.Length; i++)
            {
                next = Combine(s, slopes, Stages[i], step);
                slopes[i] = rate(next);
            }
            Tensor error = Combine(null, slopes, Differences, step);
            double size = Size(error, absolute + relative * s.Abs().Maximum(next.Abs()));
            if (double.IsNaN(size)) throw InfiniteWidthErrors.Integration($"a value is not a number at time {time} of {end}");
            if (size <= 1)
            {
                // The last stage is taken at the end of the step: it is the first of the next one.
                (time, s, first) = (step >= end - time ? end : time + step, next, slopes[^1]);
            }
            step *= Math.Clamp(0.9 * Math.Pow(Math.Max(size, 1e-10), -0.2), 0.2, 5);
        }
        return s;
    }

    // Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, §II.4: a step over which explicit Euler and the change of slope stay small.
    private static double FirstStep(Func<Tensor, Tensor> rate, Tensor s, Tensor first, double relative, double absolute)
    {
        Tensor scale = absolute + relative * s.Abs();
        double slope = Size(first, scale), guess = slope < 1e-5 ? 1e-6 : Math.Max(Size(s, scale), 1e-5) / slope * 0.01;
        double bend = Size(rate(s + guess * first) - first, scale) / guess, largest = Math.Max(slope, bend);
        return largest <= 1e-15 ? Math.Max(1e-6, guess * 1e-3) : Math.Min(100 * guess, Math.Pow(0.01 / largest, 0.2));
    }

    private static Tensor Combine(Tensor? start, Tensor[] slopes, double[] weights, double step)
    {
        Tensor? sum = start;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0) continue;
            Tensor term = step * weights[i] * slopes[i];
            sum = sum is null ? term : sum + term;
        }
        return sum!;
    }

    private static double Size(Tensor x, Tensor scale) => (x / scale).Square().Mean().Sqrt().ToDouble();
}
