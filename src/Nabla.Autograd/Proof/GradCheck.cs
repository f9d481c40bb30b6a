using System.Globalization;
using System.Text;

namespace Nabla.Proof;

/// <summary>
/// Checks the derivatives of a user's function: needed for custom primitives, useful wherever a function may not be differentiable where it is used.
/// </summary>
/// <remarks>
/// f32 leaves are checked in f64, so that differences mean something. Where the function itself converts to f32, the bounds of 1e−7 for differences and
/// 1e−12 for the adjoint become 1e−2 and 1e−5. Directions are random, fixed by the seed: a derivative that is wrong somewhere is found with probability 1.
/// </remarks>
public static class GradCheck
{
    /// <summary>
    /// Derivative against central differences, adjoint identity, and, unless declined, the same for the directional derivative and the orders of
    /// differentiation of the Hessian. Never throws for a failing function: an error that it raises becomes the failure of a check.
    /// </summary>
    /// <param name="function">From a tree of tensors to a tree of tensors. Must give equal results for equal arguments.</param>
    /// <param name="point">Where. Integer and boolean leaves are kept as they are.</param>
    /// <param name="secondOrder">Whether second derivatives are checked; functions that have none still pass the first order.</param>
    /// <param name="seed">Fixes the random directions.</param>
    public static GradCheckResult Check<TIn, TOut>(Func<TIn, TOut> function, TIn point, bool secondOrder = true, ulong seed = 0)
    {
        (Tensor[] leaves, TreeStructure<TIn> structure) = Tree.Flatten(point);
        Tensor[] floats = [.. leaves.Where(l => l.DType.IsFloat).Select(l => l.To(DType.F64))];
        Tensor[] Function(Tensor[] x)
        {
            int next = 0;
            Tensor[] results = Tree.Leaves(function(structure.Unflatten(Array.ConvertAll(leaves, l => l.DType.IsFloat ? x[next++] : l))));
            return [.. results.Where(y => y.DType.IsFloat)];
        }
        return new GradCheckResult(floats.Length == 0
            ? [Failed("function", AutogradErrors.NoFloatInput("gradcheck").Message)] : Run(Function, floats, secondOrder, seed));
    }

    /// <summary>The same, for tests: returns the result if all checks hold.</summary>
    /// <exception cref="TraceException">NB0520: a check fails; the message holds the table.</exception>
    public static GradCheckResult Require<TIn, TOut>(Func<TIn, TOut> function, TIn point, bool secondOrder = true, ulong seed = 0)
    {
        GradCheckResult result = Check(function, point, secondOrder, seed);
        return result.Passed ? result : throw AutogradErrors.GradCheckFailed(result.ToString());
    }

    private static IReadOnlyList<ContractResult> Run(Func<Tensor[], Tensor[]> f, Tensor[] x, bool secondOrder, ulong seed)
    {
        var evaluation = new Tally("function", "function", DType.F64, 0);
        bool precise = true;
        evaluation.Guard("function", () =>
        {
            Tensor[] results = f(x);
            precise = results.All(y => y.DType == DType.F64);
            evaluation.Require(results.Length > 0, "no float leaf in the result: nothing to differentiate");
            evaluation.Require(results.All(y => Array.TrueForAll(y.ToDoubles(), double.IsFinite)), "the value is not finite");
        });
        if (evaluation.Result() is { Passed: false } failed) return [failed];
        double differences = precise ? 1e-7 : 1e-2, adjoint = precise ? 1e-12 : 1e-5;
        var checks = new List<ContractResult>
        {
            One("jvp", differences, tally => AddDifferences(tally, f, x, seed)),
            One("adjoint", adjoint, tally => tally.Add(Differences.AdjointError(f, x, seed + 1), "⟨v, J·u⟩ ≠ ⟨Jᵀ·v, u⟩")),
        };
        if (!secondOrder) return checks;
        checks.Add(One("second order", differences, tally => AddDifferences(tally, Differences.Along(f, x, seed + 3), x, seed + 4)));
        checks.Add(One("hessian", precise ? 1e-11 : 1e-4, tally =>
        {
            foreach ((string what, double error) in Differences.HessianErrors(Differences.Scalarised(f, seed + 5), x, seed + 6)) tally.Add(error, what);
        }));
        return checks;
    }

    private static void AddDifferences(Tally tally, Func<Tensor[], Tensor[]> f, Tensor[] x, ulong seed)
    {
        (double error, double doubt) = Differences.JvpError(f, x, seed);
        tally.Add(error, doubt < 1e-3 ? "differs from central differences" : string.Create(CultureInfo.InvariantCulture,
            $"differs from central differences, which differ by {doubt:g2} among themselves for steps of 1/512 to 1/2048: a kink or jump near the point, or a function that is not deterministic"));
    }

    private static ContractResult One(string check, double bound, Action<Tally> body)
    {
        var tally = new Tally(check, "function", DType.F64, bound);
        tally.Guard(check, () => body(tally));
        return tally.Result();
    }

    private static ContractResult Failed(string check, string message) => new(check, "function", DType.F64, 1, double.PositiveInfinity, 0, message);
}

/// <summary>What <see cref="GradCheck"/> found.</summary>
/// <param name="Checks">One entry per check, in the order in which they were made.</param>
public sealed record GradCheckResult(IReadOnlyList<ContractResult> Checks)
{
    /// <summary>True if all checks hold.</summary>
    public bool Passed => Checks.All(c => c.Passed);

    /// <summary>A table: check, largest relative error, bound, verdict; below it a line for each failure.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("check         error     bound     verdict\n");
        foreach (ContractResult c in Checks)
            text.Append(CultureInfo.InvariantCulture, $"{c.Check,-12}  {c.Error,-8:0.0e+00}  {c.Bound,-8:0.0e+00}  {(c.Passed ? "holds" : "FAILS")}\n");
        foreach (ContractResult c in Checks.Where(c => !c.Passed)) text.Append(CultureInfo.InvariantCulture, $"{c.Check}: {c.Failure}\n");
        return text.ToString().TrimEnd();
    }
}
