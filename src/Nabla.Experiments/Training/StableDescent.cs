namespace Nabla.Experiments.Training;

/// <summary>
/// Gradient descent on the mean squared error (1/n)·Σᵢ (f(xᵢ) − yᵢ)² that follows the gradient flow at any scale of initialisation. Its rate is
/// η = min(1/(2τ), ρ/v): 2τ, with τ = maxᵢ ‖∇f(xᵢ)‖², is a bound of the largest eigenvalue of the Gauss–Newton matrix, and v, the fastest relative
/// speed of a group of parameters, keeps every group from changing by more than ρ of its size in a step.
/// </summary>
public static class StableDescent
{
    /// <summary>The rate η = min(1/(2τ), ρ/v), as a square root of squares: scalars → scalar. ∞ never occurs while τ or v is positive.</summary>
    /// <param name="largestSampleNorm">τ.</param>
    /// <param name="squaredSpeed">v²: the largest <see cref="SquaredSpeed"/> of a group.</param>
    /// <param name="rho">ρ.</param>
    public static Tensor Rate(Tensor largestSampleNorm, Tensor squaredSpeed, double rho) =>
        (0.5 / largestSampleNorm).Minimum(rho * squaredSpeed.Rsqrt());

    /// <summary>
    /// (max ‖g‖/max ‖θ‖)², the squared relative speed of a group whose entries are single numbers, or rows given by their parts: the norm of
    /// entry j is then √Σₖ θₖ[j]².
    /// </summary>
    /// <param name="parts">Gradient and parameter of each part; all of one shape.</param>
    public static Tensor SquaredSpeed(params (Tensor Gradient, Tensor Parameter)[] parts)
    {
        Tensor Largest(Func<(Tensor Gradient, Tensor Parameter), Tensor> part) => parts.Select(p => part(p).Square()).Aggregate((a, b) => a + b).Max();
        return Largest(p => p.Gradient) / Largest(p => p.Parameter);
    }

    /// <summary>One step of a two-layer network, with a as one group and the rows (w, b) as the other.</summary>
    /// <param name="network">The parameters θ.</param>
    /// <param name="at">Their gradient.</param>
    /// <param name="rho">ρ.</param>
    public static TwoLayerRelu Step(TwoLayerRelu network, LossAndGradient at, double rho)
    {
        TwoLayerRelu g = at.Gradient;
        Tensor speed = SquaredSpeed((g.A, network.A)).Maximum(SquaredSpeed((g.W, network.W), (g.B, network.B)));
        Tensor rate = Rate(at.LargestSampleNorm, speed, rho);
        return new TwoLayerRelu(network.A - rate * g.A, network.W - rate * g.W, network.B - rate * g.B);
    }
}
