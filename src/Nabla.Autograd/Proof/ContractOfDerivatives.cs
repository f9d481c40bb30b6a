using Nabla.Autograd;

namespace Nabla.Proof;

public static partial class Contract
{
    private const ulong First = 101, Second = 202;

    /// <summary>
    /// The derivative in a random direction. f64: against central differences with Richardson extrapolation, bound 1e−7; f32: against the one in f64 at the
    /// same point, bound 1e−5. Error relative to the largest element.
    /// </summary>
    public static ContractResult FirstOrder(Primitive primitive, DType dtype) => Run("jvp", primitive, dtype, dtype == DType.F64 ? 1e-7 : 1e-5, (tally, c) =>
    {
        if (!c.HasDerivative) return;
        if (dtype == DType.F32) tally.Add(AgainstDouble(c, (f, x, dx) => Differences.Jvp(f, x, dx)), c.Name);
        else if (c.Differentiable) tally.Add(Differences.JvpError(c.ApplyToFloats, c.Floats, First).Error, c.Name);
    });

    /// <summary>The derivative of the directional derivative in another direction, checked like <see cref="FirstOrder"/>.</summary>
    public static ContractResult SecondOrder(Primitive primitive, DType dtype) => Run("second order", primitive, dtype, dtype == DType.F64 ? 1e-7 : 1e-5, (tally, c) =>
    {
        if (!c.HasDerivative) return;
        if (dtype == DType.F32)
            tally.Add(AgainstDouble(c, (f, x, dx) => Differences.Jvp(Differences.Along(f, x, First), x, dx)), c.Name);
        else if (c.Differentiable)
            tally.Add(Differences.JvpError(Differences.Along(c.ApplyToFloats, c.Floats, First), c.Floats, Second).Error, c.Name);
    });

    /// <summary>|⟨v, J·u⟩ − ⟨Jᵀ·v, u⟩| relative to ‖v‖·‖J·u‖ + ‖Jᵀ·v‖·‖u‖: 1e−12 in f64, 1e−5 in f32. Also at points where the derivative is a convention.</summary>
    public static ContractResult Adjoint(Primitive primitive, DType dtype) => Run("adjoint", primitive, dtype, dtype == DType.F64 ? 1e-12 : 1e-5, (tally, c) =>
    {
        if (c.HasCotangents) tally.Add(Differences.AdjointError(c.ApplyToFloats, c.Floats, First), c.Precision == DType.F64 ? 1e-12 : 1e-5, c.Name);
    });

    /// <summary>
    /// The Hessian of ⟨w, f(x)⟩ along random directions: symmetric, and equal forward over reverse, reverse over forward and reverse over reverse, to
    /// 1e−11 of its largest element (f32: 1e−4).
    /// </summary>
    public static ContractResult HessianOrders(Primitive primitive, DType dtype) => Run("hessian", primitive, dtype, dtype == DType.F64 ? 1e-11 : 1e-4, (tally, c) =>
    {
        if (!c.HasCotangents) return;
        Func<Tensor[], Tensor> s = Differences.Scalarised(c.ApplyToFloats, 303);
        foreach ((string what, double error) in Differences.HessianErrors(s, c.Floats, First)) tally.Add(error, $"{c.Name}, {what}");
    });

    /// <summary>
    /// Exact zeros of the right type: cotangents of an operand that is not used and of integer and boolean operands; tangents of results that have no
    /// derivative.
    /// </summary>
    public static ContractResult Zeros(Primitive primitive, DType dtype) => Run("zeros", primitive, dtype, 0, (tally, c) =>
    {
        if (c.IsSpecial || !c.Primitive.HasReverseMode) return;
        Tensor unused = Tensor.Full([2, 3], 0.5, DType.F32);
        Tensor[] inputs = [.. c.Inputs, unused];
        Tensor[] Function(Tensor[] all) => c.Apply(all[..^1]);
        (Tensor[] outputs, Func<Tensor[], Tensor[]> pullback) = Transforms.Vjp(Function, inputs);
        Tensor[] cotangents = pullback(Array.ConvertAll(outputs, y => y.OnesLike()));
        for (int i = 0; i < inputs.Length; i++)
        {
            bool used = i < c.Inputs.Length && inputs[i].DType.IsFloat && c.HasDerivative;
            tally.Require(cotangents[i].Aval == inputs[i].Aval, $"{c.Name}: the cotangent of {inputs[i].Aval} is {cotangents[i].Aval}");
            tally.Require(used || AllZero(cotangents[i]), $"{c.Name}: the cotangent of operand {i}, {inputs[i].Aval}, is not zero");
        }
        Tensor[] tangents = Transforms.Jvp(Function, inputs, Array.ConvertAll(inputs, x => x.OnesLike())).Tangent;
        for (int i = 0; i < outputs.Length; i++)
        {
            bool moves = outputs[i].DType.IsFloat && c.HasDerivative;
            tally.Require(tangents[i].Aval == outputs[i].Aval, $"{c.Name}: the tangent of {outputs[i].Aval} is {tangents[i].Aval}");
            tally.Require(moves || AllZero(tangents[i]), $"{c.Name}: the tangent of result {i}, {outputs[i].Aval}, is not zero");
        }
    });

    // A derivative in f32 against the same one in f64, at the same point and in the same directions.
    private static double AgainstDouble(ContractCase c, Func<Func<Tensor[], Tensor[]>, Tensor[], Tensor[], Tensor[]> derivative)
    {
        Tensor[] x = c.Floats, dx = Differences.Direction(x, Second);
        Tensor[] exact = derivative(c.ApplyToFloats, [.. x.Select(Wide)], [.. dx.Select(Wide)]);
        return Closeness.Relative(derivative(c.ApplyToFloats, x, dx), exact, 1e-4 * Differences.Largest(c.ApplyToFloats(x)));
    }

    private static Tensor Wide(Tensor x) => x.To(DType.F64);

    private static bool AllZero(Tensor x) => Array.TrueForAll(x.ToDoubles(), e => e == 0);
}
