using System.Globalization;

namespace Nabla.Proof;

/// <summary>The outcome of one check: over all samples of a primitive in one element type, or of a function at a point.</summary>
/// <param name="Check">What was checked, such as <c>adjoint</c>.</param>
/// <param name="Subject">The primitive, or the function.</param>
/// <param name="DType">Element type under test.</param>
/// <param name="Comparisons">Number of comparisons made; 0: the check does not apply, as derivatives do not to integers.</param>
/// <param name="Error">The largest error met, in the units of the check.</param>
/// <param name="Bound">What it may be.</param>
/// <param name="Failure">Null if the check holds; else the worst violation: subject, element type, sample, layout, numbers.</param>
public sealed record ContractResult(string Check, string Subject, DType DType, int Comparisons, double Error, double Bound, string? Failure)
{
    /// <summary>True if no comparison exceeded the bound.</summary>
    public bool Passed => Failure is null;

    /// <summary>One line: subject, element type, check, error and bound, and the failure if there is one.</summary>
    public override string ToString()
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{Subject} {DType.Name} {Check}: error {Error:g3}, bound {Bound:g3}, {Comparisons} comparisons");
        return Passed ? text : $"{text}: {Failure}";
    }
}

/// <summary>Collects the errors of one check and remembers the worst.</summary>
internal sealed class Tally(string check, string subject, DType dtype, double bound)
{
    private int _comparisons;
    private double _error;
    private string? _failure;

    /// <summary>Counts an error; NaN counts as infinite.</summary>
    public void Add(double error, string where) => Add(error, bound, where);

    /// <summary>Counts an error whose own bound is smaller or larger than that of the check: it is scaled to it.</summary>
    public void Add(double error, double ownBound, string where)
    {
        _comparisons++;
        if (double.IsNaN(error)) error = double.PositiveInfinity;
        double scaled = ownBound == bound || error == 0 ? error : error / ownBound * bound;
        if (scaled > bound && (_failure is null || scaled > _error))
            _failure = string.Create(CultureInfo.InvariantCulture, $"{where}: error {error:g4} exceeds {ownBound:g4}");
        _error = Math.Max(_error, scaled);
    }

    /// <summary>Counts a condition that either holds or does not.</summary>
    public void Require(bool holds, string where)
    {
        _comparisons++;
        if (!holds) Fail(where);
    }

    /// <summary>Counts a failure that is no matter of degree.</summary>
    public void Fail(string message)
    {
        _failure = _failure is null || _error < double.PositiveInfinity ? message : _failure;
        _error = double.PositiveInfinity;
    }

    /// <summary>Runs part of a check. Faulty rules throw anything; whatever it is becomes a failure with that text.</summary>
    public void Guard(string where, Action body)
    {
        try
        {
            body();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Fail($"{where}: {(e is NablaException ? e.Message : $"{e.GetType().Name}: {e.Message}")}");
        }
    }

    public ContractResult Result() => new(check, subject, dtype, _comparisons, _error, bound, _failure);
}
