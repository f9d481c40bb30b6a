using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// On accelerators: joins folds of lines, which are the last axes of a shape, with what is computed of their results, for the lines and for their elements again, such as the three loops of a softmax.
/// </summary>
/// <remarks>
/// As in <see cref="Fusion"/>, lines are held back until something else reads what they compute; so no other group can lie between them and their operands.
/// </remarks>
internal sealed class LineFusion
{
    private const int MostOperations = 96;

    private readonly Func<Equation, bool> _isView;
    private readonly List<FusionGroup> _order = [];
    private readonly List<Lines> _open = [];
    private readonly ILookup<Atom, Equation> _readers;
    private readonly HashSet<Atom> _results, _views;

    private LineFusion(Program program, Func<Equation, bool> isView)
    {
        _isView = isView;
        _readers = program.Equations.SelectMany(e => e.InputArray, (e, atom) => (e, atom)).ToLookup(r => r.atom, r => r.e);
        _results = [.. program.Outputs];
        _views = [.. program.Equations.Where(isView).SelectMany(e => e.OutputArray)];
    }

    /// <summary>The schedule with lines joined.</summary>
    public static List<FusionGroup> Apply(Program program, List<FusionGroup> schedule, Func<Equation, bool> isView)
    {
        var fusion = new LineFusion(program, isView);
        foreach (FusionGroup group in schedule) fusion.Take(group);
        foreach (Lines lines in fusion._open.ToArray()) fusion.Close(lines);
        return fusion._order;
    }

    private void Take(FusionGroup group)
    {
        Lines[] read = [.. _open.Where(lines => group.Equations.Any(e => e.InputArray.Any(lines.Makes)))];
        bool isView = !group.IsLoop && _isView(group.Equations[0]);
        if (read is [var only] && (isView || MayJoin(only, group)))
        {
            if (isView) only.AddView(group.Equations[0]);
            else only.Add(group);
            return;
        }
        foreach (Lines lines in read) Close(lines);
        if (FoldedLast(group) is not { } folded) _order.Add(group);
        else if (DeviceLines.AreWhole(group.Equations.First(FusionGroup.IsFold).InputArray[0].Aval.Shape, folded.Start.Value)) _open.Add(new Lines(group, folded));
        else _order.Add(group.IsLoop ? group with { IsLines = true } : group);
    }

    // The axes that a group folds, if they are the last ones.
    private Range? FoldedLast(FusionGroup group)
    {
        if (Array.Find(group.Equations, FusionGroup.IsFold) is not { } fold) return null;
        Aval x = fold.InputArray[0].Aval;
        // A sum of what lies elsewhere than in rows is added in another order when it is alone.
        if (!group.IsLoop && fold.Primitive is ReduceSumPrimitive && _views.Contains(fold.InputArray[0])) return null;
        Range? folded = group.IsLoop ? group.Folded : DeviceLoop.FoldedFor(x.Shape, x.DType, ((Axes)fold.Parameters!).Span);
        return folded is { } range && range.End.Value == x.Shape.Rank ? range : null;
    }

    private bool MayJoin(Lines lines, FusionGroup group)
    {
        bool folds = Array.Exists(group.Equations, FusionGroup.IsFold);
        if (folds && !(FoldedLast(group) is { } folded && folded.Equals(lines.Folded))) return false;
        if (!Array.TrueForAll(group.Equations, e => FusionGroup.IsFold(e) || Fusion.MayJoin(e, forDevice: true))) return false;
        Aval of = folds ? Array.Find(group.Equations, FusionGroup.IsFold)!.InputArray[0].Aval : new Aval(group.Element, group.Shape);
        bool isOfElements = of.Shape == lines.Shape, isOfLines = !folds && group.Shape.Count == lines.Count;
        if (!(isOfElements || isOfLines) || !HasType(group, lines.Element)) return false;
        if (group.Equations.SelectMany(e => e.InputArray).Any(a => lines.Makes(a) && !lines.IsValue(a))) return false;
        Equation[] all = [.. lines.Equations, .. group.Equations];
        return all.Length <= MostOperations && ParameterBytes(all) <= DeviceLoop.MostParameterBytes;
    }

    private static bool HasType(FusionGroup group, DType element) =>
        group.Equations.SelectMany(e => e.InputArray.Append(e.OutputArray[0])).All(a => a.Aval.DType == element || a.Aval.DType == DType.Bool);

    private int ParameterBytes(Equation[] equations)
    {
        HashSet<Atom> computed = [.. equations.Select(e => e.OutputArray[0])];
        int reads = equations.SelectMany(e => e.InputArray).Distinct().Count(a => !computed.Contains(a)), writes = computed.Count(a => IsReadBeside(a, equations));
        return reads * DeviceLoop.StridedBytes + writes * DeviceLoop.TensorBytes + DeviceLines.OwnBytes;
    }

    private bool IsReadBeside(Atom atom, IEnumerable<Equation> equations) => _results.Contains(atom) || _readers[atom].Any(e => !equations.Contains(e));

    // Views of what the lines compute follow them if something else reads them.
    private void Close(Lines lines)
    {
        _open.Remove(lines);
        var views = new List<Equation>(lines.Later);
        if (lines.Equations.Count(e => !_isView(e)) == 1)
        {
            _order.Add(lines.First);
            views.InsertRange(0, lines.Equations.Where(_isView));
        }
        else
        {
            foreach (Equation view in lines.Equations.Where(_isView).Reverse())
                if (IsReadBeside(view.OutputArray[0], lines.Equations.Where(e => !views.Contains(e)))) views.Insert(0, view);
            _order.Add(new FusionGroup([.. lines.Equations], lines.Shape, lines.Element, lines.Folded) { IsLines = true });
        }
        _order.AddRange(views.Select(Fusion.Alone));
    }

    /// <summary>Lines that are held back.</summary>
    private sealed class Lines
    {
        // What they compute, and whether a loop over lines can read it: an element for each line, or for each of the shape.
        private readonly Dictionary<Atom, bool> _made = [];

        public Lines(FusionGroup first, Range folded)
        {
            Aval of = first.Equations.First(FusionGroup.IsFold).InputArray[0].Aval;
            (First, Shape, Element, Folded) = (first, of.Shape, of.DType, folded);
            Count = 1;
            foreach (int size in Shape.Dims[..folded.Start]) Count *= size;
            Add(first);
        }

        public FusionGroup First { get; }

        public Shape Shape { get; }

        public DType Element { get; }

        public Range Folded { get; }

        /// <summary>Number of lines.</summary>
        public long Count { get; }

        public List<Equation> Equations { get; } = [];

        /// <summary>Views that are not a part of the loop.</summary>
        public List<Equation> Later { get; } = [];

        public bool Makes(Atom atom) => _made.ContainsKey(atom);

        public bool IsValue(Atom atom) => _made[atom];

        public void Add(FusionGroup group)
        {
            Equations.AddRange(group.Equations);
            foreach (Equation equation in group.Equations) _made[equation.OutputArray[0]] = true;
        }

        /// <summary>Takes in a view of what is computed, or lets it follow.</summary>
        public void AddView(Equation view)
        {
            Atom x = view.InputArray[0];
            bool isValue = IsValue(x) && x.Aval.Shape.Count == Count && view.Primitive.View(Layout.RowMajor(x.Aval.Shape), view.Parameters) is { } layout && IsByLine(layout);
            _made[view.OutputArray[0]] = isValue;
            (isValue ? Equations : Later).Add(view);
        }

        // Whether line i of the layout is element i of what it looks at: as many elements as lines, or each as often as a line has elements.
        private bool IsByLine(Layout layout)
        {
            if (layout.Shape.Count == Count) return layout.IsContiguous && layout.Offset == 0;
            if (layout.Shape != Shape || layout.Offset != 0) return false;
            long step = Count;
            for (int axis = 0; axis < Shape.Rank; axis++)
            {
                int size = Shape.Dims[axis];
                if (axis < Folded.Start.Value) step /= size;
                if (size > 1 && layout.Strides[axis] != (axis < Folded.Start.Value ? step : 0)) return false;
            }
            return true;
        }
    }
}
