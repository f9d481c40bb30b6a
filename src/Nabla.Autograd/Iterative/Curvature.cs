namespace Nabla.Iterative;

/// <summary>
/// Curvature of a loss over any tree of parameters, as products with vectors: nothing of size n² is stored. Each operator takes and returns one flat vector,
/// in the order of <see cref="Tree.Ravel{T}"/>, and is linearised at the given parameters once, then compiled at its first use: make a new one when they change.
/// Inside a transformation it is differentiated and batched like any function.
/// </summary>
public static class Curvature
{
    /// <summary>v ↦ ∇²loss·v, forward over reverse. About twice the cost of a gradient a product.</summary>
    /// <param name="loss">A scalar function of the parameters.</param>
    /// <param name="parameters">Where.</param>
    public static Func<Tensor, Tensor> Hessian<T>(Func<T, Tensor> loss, T parameters)
    {
        (Tensor point, Func<Tensor, T> unravel) = Tree.Ravel(parameters);
        (_, Func<Tensor, Tensor> product) = Transforms.Linearize(Transforms.Grad((Tensor x) => loss(unravel(x))), point);
        return Transforms.Compile(product).Call;
    }

    /// <summary>
    /// v ↦ Jᵀ·H·J·v, the generalised Gauss–Newton matrix: J the Jacobian of the model's outputs, H the Hessian of the loss in these outputs. Positive
    /// semidefinite for a loss that is convex in the outputs. Source: Schraudolph, Fast curvature matrix-vector products for second-order gradient
    /// descent (Neural Computation 2002), §3.
    /// </summary>
    /// <param name="model">Outputs of the network on its data, as a function of the parameters; any shape.</param>
    /// <param name="lossOfOutputs">A scalar function of the outputs.</param>
    /// <param name="parameters">Where.</param>
    public static Func<Tensor, Tensor> GaussNewton<T>(Func<T, Tensor> model, Func<Tensor, Tensor> lossOfOutputs, T parameters) =>
        Sandwich(model, parameters, outputs => Transforms.Linearize(Transforms.Grad(lossOfOutputs), outputs).Tangents);

    /// <summary>
    /// v ↦ (1/B)·Σᵢ Jᵢᵀ·(diag pᵢ − pᵢ·pᵢᵀ)·Jᵢ·v, the Fisher information of the classes that the model itself predicts, p = softmax(logits), averaged over the
    /// B rows. Equal to the Gauss–Newton matrix of the mean cross-entropy, whatever the labels. Source: Martens, New insights and perspectives on the
    /// natural gradient method (JMLR 2020), §9.
    /// </summary>
    /// <param name="logits">[batch…, classes] as a function of the parameters.</param>
    /// <param name="parameters">Where.</param>
    public static Func<Tensor, Tensor> FisherCrossEntropy<T>(Func<T, Tensor> logits, T parameters) => Sandwich(logits, parameters, z =>
    {
        RequireRows("fisher", z);
        Tensor p = z.Softmax();
        double rows = z.Count / z.Shape[^1];
        return dz =>
        {
            Tensor weighted = p * dz;
            return (weighted - p * weighted.Sum(-1).ExpandDims(z.Rank - 1)) / rows;
        };
    });

    /// <summary>
    /// v ↦ (1/(B·σ²))·Σᵢ Jᵢᵀ·Jᵢ·v, the Fisher information of outputs with independent Gaussian noise of variance σ², averaged over the B rows. The
    /// Gauss–Newton matrix of <see cref="Nn.Losses.MeanSquaredError"/>, which divides by all B·K elements, is 2σ²/K times it.
    /// </summary>
    /// <param name="outputs">[batch…, K] as a function of the parameters.</param>
    /// <param name="parameters">Where.</param>
    /// <param name="variance">σ².</param>
    public static Func<Tensor, Tensor> FisherMeanSquaredError<T>(Func<T, Tensor> outputs, T parameters, double variance = 1)
    {
        if (!(variance > 0)) throw AutogradErrors.IterationArgument("fisher", $"the variance is {variance}; expected a number above 0");
        return Sandwich(outputs, parameters, y =>
        {
            RequireRows("fisher", y);
            return dy => dy * (y.Shape[^1] / (variance * y.Count));
        });
    }

    /// <summary>
    /// v ↦ (1/B)·Σᵢ gᵢ·gᵢᵀ·v with gᵢ the gradient of the i-th loss: the empirical Fisher matrix, or uncentred covariance of gradients. It is not the Fisher
    /// information: see Kunstner et al., arXiv:1905.12558.
    /// </summary>
    /// <param name="losses">[batch] losses, one for each example, as a function of the parameters.</param>
    /// <param name="parameters">Where.</param>
    public static Func<Tensor, Tensor> EmpiricalFisher<T>(Func<T, Tensor> losses, T parameters) =>
        Sandwich(losses, parameters, each => d => d / (double)each.Count);

    // v ↦ Jᵀ·M·J·v, where M acts on the outputs.
    private static Func<Tensor, Tensor> Sandwich<T>(Func<T, Tensor> model, T parameters, Func<Tensor, Func<Tensor, Tensor>> middle)
    {
        (Tensor point, Func<Tensor, T> unravel) = Tree.Ravel(parameters);
        Tensor Outputs(Tensor x) => model(unravel(x));
        (Tensor outputs, Func<Tensor, Tensor> forward) = Transforms.Linearize(Outputs, point);
        (_, Func<Tensor, Tensor> backward) = Transforms.Vjp(Outputs, point);
        if (outputs.Count == 0) throw AutogradErrors.IterationArgument("curvature", $"the model returned {outputs.Aval}; expected at least one output");
        Func<Tensor, Tensor> inner = middle(outputs);
        return Transforms.Compile((Tensor v) => backward(inner(forward(v)))).Call;
    }

    private static void RequireRows(string operation, Tensor outputs)
    {
        if (outputs.Rank == 0) throw AutogradErrors.BadParameter(operation, "needs outputs [batch…, size]", outputs.Aval);
    }
}
