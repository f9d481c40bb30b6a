namespace Nabla.Kernels;

/// <summary>One of the things that a loop over lines does one after another: an operation, or a fold of value A of it over the line.</summary>
public readonly record struct LineStep(LoopOperation Operation, FusedUse? Fold = null);

/// <summary>
/// When a loop over lines computes its values. What a fold gives is known when the line has been gone through once, so what needs it belongs to a later turn: turn 0 needs no fold, turn 1 those of turn 0 …
/// </summary>
internal sealed class LinePlan
{
    private readonly LineStep[] _steps;
    private readonly int _loads;
    private readonly bool[] _ofLine;
    private readonly int[] _turns, _lastUses;
    private readonly Scaled?[] _scaled;

    /// <summary>A sum of e^(A − M), where M is made of the largest A alone: known as soon as that is, if the sums are scaled whenever a larger A comes.</summary>
    /// <param name="Largest">The fold of A that gives the largest.</param>
    /// <param name="A">The value that is folded.</param>
    /// <param name="M">What is taken off.</param>
    public sealed record Scaled(int Largest, int A, int M);

    /// <summary>Plans.</summary>
    /// <param name="loads">For each value that is read, whether it is the same along a line.</param>
    /// <param name="steps">In order; their values follow those that are read.</param>
    /// <param name="stored">Values that are written for each element.</param>
    /// <param name="scales">Whether sums of exponentials are <see cref="Scaled"/>, which saves a turn.</param>
    public LinePlan(bool[] loads, LineStep[] steps, int[] stored, bool scales)
    {
        (_steps, _loads) = (steps, loads.Length);
        int values = loads.Length + steps.Length;
        (_ofLine, _turns, _lastUses, _scaled) = (new bool[values], new int[values], new int[values], new Scaled?[values]);
        loads.CopyTo(_ofLine, 0);
        for (int v = loads.Length; v < values; v++)
        {
            _ofLine[v] = FoldOf(v) is not null || Operands(v).All(o => _ofLine[o]);
            _scaled[v] = scales ? ScaledSum(v) : null;
            _turns[v] = _scaled[v] is { } scaled ? _turns[scaled.M] : Operands(v).Max(o => _turns[o]) + (FoldOf(v) is not null ? 1 : 0);
        }
        int[] folds = [.. Enumerable.Range(0, values).Where(v => FoldOf(v) is not null)];
        Turns = Math.Max(folds.Max(v => _turns[v]), stored.Select(v => _turns[v] + 1).DefaultIfEmpty().Max());
        // An element is read in the first turn that uses it.
        for (int v = 0; v < loads.Length; v++)
            if (!_ofLine[v]) _turns[v] = Enumerable.Range(loads.Length, steps.Length).Where(u => Operands(u).Contains(v)).Select(TurnOfUse).Append(Turns - 1).Min();
        foreach (int v in Enumerable.Range(loads.Length, steps.Length))
            foreach (int o in Operands(v)) _lastUses[o] = Math.Max(_lastUses[o], TurnOfUse(v));
        foreach (int v in stored) _lastUses[v] = Turns - 1;
    }

    /// <summary>How often a line is gone through.</summary>
    public int Turns { get; }

    /// <summary>Number of values.</summary>
    public int Values => _turns.Length;

    /// <summary>Whether a value is the same along a line.</summary>
    public bool IsOfLine(int value) => _ofLine[value];

    /// <summary>The turn that computes a value; one that is the same along the line, before it.</summary>
    public int TurnOf(int value) => _turns[value];

    /// <summary>What makes a value; null if it is read.</summary>
    public LineStep? StepOf(int value) => value < _loads ? null : _steps[value - _loads];

    /// <summary>What a value folds; null if it is no fold.</summary>
    public FusedUse? FoldOf(int value) => value < _loads ? null : _steps[value - _loads].Fold;

    /// <summary>What a sum is that is scaled; null for other values.</summary>
    public Scaled? ScaledOf(int value) => _scaled[value];

    /// <summary>The sums that are scaled in a turn.</summary>
    public int[] ScaledIn(int turn) => [.. Enumerable.Range(0, Values).Where(v => _scaled[v] is { } scaled && _turns[scaled.Largest] == turn + 1)];

    /// <summary>The folds at the end of a turn.</summary>
    public int[] FoldsAfter(int turn) => [.. Enumerable.Range(0, Values).Where(v => FoldOf(v) is not null && _scaled[v] is null && _turns[v] == turn + 1)];

    /// <summary>True for a value of elements that a later turn needs.</summary>
    public bool Crosses(int value) => !_ofLine[value] && _lastUses[value] > _turns[value];

    /// <summary>Most values of elements that are kept from one turn to the next.</summary>
    public int MostKept => Enumerable.Range(0, Turns).Max(turn => Enumerable.Range(0, Values).Count(v => !_ofLine[v] && _turns[v] <= turn && _lastUses[v] > turn));

    /// <summary>The values of elements that these are made of, folds being made of what they fold, in order.</summary>
    public int[] PartsOf(IEnumerable<int> values)
    {
        var parts = new SortedSet<int>();
        void Add(int value)
        {
            if (_ofLine[value] || !parts.Add(value)) return;
            foreach (int o in Operands(value)) Add(o);
        }
        foreach (int value in values) Add(FoldOf(value) is null ? value : _steps[value - _loads].Operation.A);
        return [.. parts];
    }

    private Scaled? ScaledSum(int value)
    {
        if (FoldOf(value) != FusedUse.Sum || OfForm(_steps[value - _loads].Operation.A, typeof(ExpOp)) is not { } power || OfForm(power.A, typeof(SubOp)) is not { } difference) return null;
        (int a, int m) = (difference.A, difference.B);
        int largest = Enumerable.Range(_loads, value - _loads).FirstOrDefault(f => FoldOf(f) == FusedUse.Max && _steps[f - _loads].Operation.A == a, -1);
        return largest >= 0 && !_ofLine[a] && _ofLine[m] && _turns[m] == _turns[largest] && IsMadeOf(m, largest) ? new Scaled(largest, a, m) : null;
    }

    private LoopOperation? OfForm(int value, Type operation) => StepOf(value) is { Fold: null } step && step.Operation.Form.Operation == operation ? step.Operation : null;

    private bool IsMadeOf(int value, int part) => value == part || (FoldOf(value) is null && Operands(value).Any(o => IsMadeOf(o, part)));

    // The turn whose elements are gone through when a value is computed of them.
    private int TurnOfUse(int value) => _turns[value] - (FoldOf(value) is not null ? 1 : 0);

    private IEnumerable<int> Operands(int value)
    {
        if (StepOf(value) is not { } step) yield break;
        yield return step.Operation.A;
        if (step.Fold is not null) yield break;
        if (step.Operation.B >= 0) yield return step.Operation.B;
        if (step.Operation.C >= 0) yield return step.Operation.C;
    }
}
