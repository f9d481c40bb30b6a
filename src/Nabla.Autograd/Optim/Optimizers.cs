namespace Nabla.Optim;

/// <summary>
/// Gradient descent: θ ← θ − η·g; with momentum μ: v ← μv + g, θ ← θ − η·v; Nesterov: θ ← θ − η·(g + μv). Weight decay λ adds λθ to g.
/// Source: Sutskever et al., ICML 2013, §2, in the form that keeps η out of v.
/// </summary>
public sealed class Sgd(Schedule rate, double momentum = 0, bool nesterov = false, double weightDecay = 0) : Optimizer(rate)
{
    /// <summary>With a constant rate.</summary>
    public Sgd(double rate, double momentum = 0, bool nesterov = false, double weightDecay = 0)
        : this(Schedules.Constant(rate), momentum, nesterov, weightDecay)
    {
    }

    /// <inheritdoc/>
    protected override int SlotCount => momentum == 0 ? 0 : 1;

    /// <inheritdoc/>
    protected override Tensor Update(Tensor parameter, Tensor gradient, Tensor[] moments, Tensor step, Tensor rate)
    {
        Tensor g = weightDecay == 0 ? gradient : gradient + weightDecay * parameter;
        if (momentum != 0)
        {
            moments[0] = momentum * moments[0] + g;
            g = nesterov ? g + momentum * moments[0] : moments[0];
        }
        return parameter - rate * g;
    }
}

/// <summary>
/// Adam: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − η·m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ). Source: Kingma and Ba,
/// arXiv:1412.6980, algorithm 1. Decoupled weight decay θ ← θ − ηλθ makes it AdamW: Loshchilov and Hutter, arXiv:1711.05101.
/// </summary>
public sealed class Adam(Schedule rate, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double decoupledWeightDecay = 0)
    : Optimizer(rate)
{
    /// <summary>With a constant rate.</summary>
    public Adam(double rate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double decoupledWeightDecay = 0)
        : this(Schedules.Constant(rate), beta1, beta2, epsilon, decoupledWeightDecay)
    {
    }

    /// <summary>AdamW: Adam with decoupled weight decay.</summary>
    public static Adam W(double rate = 1e-3, double weightDecay = 0.01) => new(rate, decoupledWeightDecay: weightDecay);

    /// <inheritdoc/>
    protected override int SlotCount => 2;

    /// <inheritdoc/>
    protected override Tensor Update(Tensor parameter, Tensor gradient, Tensor[] moments, Tensor step, Tensor rate)
    {
        moments[0] = beta1 * moments[0] + (1 - beta1) * gradient;
        moments[1] = beta2 * moments[1] + (1 - beta2) * gradient.Square();
        Tensor first = moments[0] / OneMinusPower(beta1, step), second = moments[1] / OneMinusPower(beta2, step);
        Tensor updated = parameter - rate * (first / (second.Sqrt() + epsilon));
        return decoupledWeightDecay == 0 ? updated : updated - rate * decoupledWeightDecay * parameter;
    }

    // 1 − βᵗ without cancellation for β near 1.
    private static Tensor OneMinusPower(double beta, Tensor step) => -(step * Math.Log(beta)).Expm1();
}

/// <summary>
/// RMSProp: v ← ρv + (1 − ρ)g², θ ← θ − η·g/(√v + ε). Source: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012.
/// </summary>
public sealed class RmsProp(Schedule rate, double decay = 0.9, double epsilon = 1e-8) : Optimizer(rate)
{
    /// <summary>With a constant rate.</summary>
    public RmsProp(double rate, double decay = 0.9, double epsilon = 1e-8) : this(Schedules.Constant(rate), decay, epsilon)
    {
    }

    /// <inheritdoc/>
    protected override int SlotCount => 1;

    /// <inheritdoc/>
    protected override Tensor Update(Tensor parameter, Tensor gradient, Tensor[] moments, Tensor step, Tensor rate)
    {
        moments[0] = decay * moments[0] + (1 - decay) * gradient.Square();
        return parameter - rate * gradient / (moments[0].Sqrt() + epsilon);
    }
}

/// <summary>
/// Sign descent: θ ← θ − η·sign g; with momentum μ: v ← μv + (1 − μ)g, θ ← θ − η·sign v. Source: Bernstein et al., arXiv:1802.04434, algorithms 1
/// and 2.
/// </summary>
public sealed class SignSgd(Schedule rate, double momentum = 0) : Optimizer(rate)
{
    /// <summary>With a constant rate.</summary>
    public SignSgd(double rate, double momentum = 0) : this(Schedules.Constant(rate), momentum)
    {
    }

    /// <inheritdoc/>
    protected override int SlotCount => momentum == 0 ? 0 : 1;

    /// <inheritdoc/>
    protected override Tensor Update(Tensor parameter, Tensor gradient, Tensor[] moments, Tensor step, Tensor rate)
    {
        if (momentum == 0) return parameter - rate * gradient.Sign();
        moments[0] = momentum * moments[0] + (1 - momentum) * gradient;
        return parameter - rate * moments[0].Sign();
    }
}
