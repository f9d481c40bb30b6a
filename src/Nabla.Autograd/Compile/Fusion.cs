using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>Equations that run together: one alone, or several as one loop over <see cref="Shape"/>.</summary>
/// <param name="Equations">In order.</param>
/// <param name="Shape">The shape of the loop.</param>
/// <param name="Element">The type of its numbers.</param>
/// <param name="Folded">The axes that its folds fold; empty if it has none.</param>
internal sealed record FusionGroup(Equation[] Equations, Shape Shape, DType Element, Range Folded)
{
    /// <summary>True if it is one loop.</summary>
    public bool IsLoop => Equations.Length > 1;

    /// <summary>True for a loop over lines (<see cref="LineFusion"/>): its folds fold the last axes; operations may use their results, also as elements of <see cref="Shape"/>, through views that are among the equations.</summary>
    public bool IsLines { get; init; }

    /// <summary>The product that the loop finishes, its first equation; null if there is none.</summary>
    public Equation? Product => IsLoop && Equations[0].Primitive is DotGeneralPrimitive ? Equations[0] : null;

    /// <summary>How the axes are cut: where the columns of the product begin, or the axes that are folded.</summary>
    public Range Cut => Product is { } product ? RowAxes(product)..Shape.Rank : Folded;

    /// <summary>The number of axes of a product's result that count entries or rows.</summary>
    public static int RowAxes(Equation product)
    {
        var dims = (DotDims)product.Parameters!;
        return product.InputArray[0].Aval.Shape.Rank - dims.LhsContract.Length;
    }

    /// <summary>What a loop does with the result of an equation that is a fold over the loop, not an element of it; null for others.</summary>
    public static FusedUse? FoldOf(Equation equation) => equation.Primitive switch
    {
        ReduceSumPrimitive => FusedUse.Sum,
        ReduceMaxPrimitive => FusedUse.Max,
        ReduceMinPrimitive => FusedUse.Min,
        _ => null,
    };

    /// <summary>True for an equation whose result is a fold over the loop, not an element of it.</summary>
    public static bool IsFold(Equation equation) => FoldOf(equation) is not null;

    /// <summary>True for a view among the equations of a loop over lines.</summary>
    public bool HasView(Equation equation) => IsLines && !IsFold(equation) && Fusion.FormOf(equation, forDevice: true).IsNone;
}

/// <summary>
/// Which equations of a program run together. Element-wise equations of one shape and type gather in a group, with the sums, on accelerators also the maxima and minima,
/// that end them; the group is held back as long as nothing outside reads what it computes, so that it also takes in independent chains.
/// </summary>
/// <remarks>
/// A group may be held back because whatever reads it closes it first; so no equation of another group can lie between it and its operands. Results inside a
/// group that nobody else reads never reach memory.
/// </remarks>
internal sealed class Fusion
{
    // Beyond this, values do not stay in registers any more.
    private const int MostOperations = 48;
    // Single numbers cost less than preparing a loop for them, on the host.
    private const int FewestElements = 2;

    private readonly Dictionary<(Shape, DType), Group> _open = [];
    private readonly List<FusionGroup> _order = [];
    private readonly Group?[] _owner;
    private readonly bool _forDevice;
    // What reads each variable; for accelerators.
    private readonly ILookup<Atom, Equation> _readers;
    private readonly HashSet<Atom> _results;

    private Fusion(Program program, bool forDevice)
    {
        _owner = new Group?[program.VarCount];
        _forDevice = forDevice;
        _readers = (forDevice ? program.Equations : []).SelectMany(e => e.InputArray, (e, atom) => (e, atom)).ToLookup(r => r.atom, r => r.e);
        _results = [.. program.Outputs];
    }

    /// <summary>What runs together, in order of execution.</summary>
    /// <param name="program">What is to run.</param>
    /// <param name="isView">Equations that compute nothing.</param>
    public static List<FusionGroup> Schedule(Program program, Func<Equation, bool> isView) => Schedule(program, isView, forDevice: false);

    /// <summary>The same for an accelerator: operations that have a function there; what a kernel reads and writes fits into its parameters.</summary>
    public static List<FusionGroup> ScheduleForDevice(Program program, Func<Equation, bool> isView) => Schedule(program, isView, forDevice: true);

    private static List<FusionGroup> Schedule(Program program, Func<Equation, bool> isView, bool forDevice)
    {
        var fusion = new Fusion(program, forDevice);
        foreach (Equation equation in program.Equations)
        {
            if (isView(equation)) fusion.View(equation);
            else if ((forDevice ? FusionGroup.IsFold(equation) : equation.Primitive is ReduceSumPrimitive) && fusion.JoinFold(equation)) continue;
            else if (!MayJoin(equation, forDevice) || !fusion.Join(equation)) fusion.Stand(equation);
        }
        foreach (Group group in fusion._open.Values.ToArray()) fusion.Close(group);
        return fusion._order;
    }

    /// <summary>How an equation is written into a loop of the host, or of an accelerator.</summary>
    public static LaneForm FormOf(Equation equation, bool forDevice = false) => equation.OutputArray.Length == 1 && equation.OutputArray[0].Aval.Shape.Count >= (forDevice ? 1 : FewestElements)
        ? equation.Primitive.LaneOf(Array.ConvertAll(equation.InputArray, a => a.Aval), equation.OutputArray[0].Aval, equation.Parameters) : default;

    /// <summary>Every equation alone.</summary>
    public static List<FusionGroup> None(Program program) => [.. program.Equations.Select(Alone)];

    /// <summary>An equation that runs by itself.</summary>
    public static FusionGroup Alone(Equation equation) => new([equation], equation.OutputArray[0].Aval.Shape, equation.OutputArray[0].Aval.DType, ..0);

    /// <summary>True for an operation on elements that can be part of a loop.</summary>
    public static bool MayJoin(Equation equation, bool forDevice)
    {
        LaneForm form = FormOf(equation, forDevice);
        DType element = equation.InputArray.Append(equation.OutputArray[0]).Any(a => a.Aval.DType == DType.F64) ? DType.F64 : DType.F32;
        return !form.IsNone && (!forDevice || DeviceLoop.Supports(form, element));
    }

    private bool Join(Equation equation)
    {
        Shape shape = equation.OutputArray[0].Aval.Shape;
        DType? number = equation.InputArray.Append(equation.OutputArray[0]).Select(a => a.Aval.DType).Cast<DType?>().FirstOrDefault(d => d!.Value.IsFloat);
        // Truth values alone go where one of them comes from.
        DType? element = number ?? equation.InputArray.Select(GroupOf).FirstOrDefault(g => g is not null && g.Shape == shape)?.Element;
        if (element is not { } type) return false;
        Group? group = _open.GetValueOrDefault((shape, type));
        foreach (Atom input in equation.InputArray)
            if (GroupOf(input) is { } other && !(other == group && group.Elements.Contains(input))) Close(other);
        group = _open.GetValueOrDefault((shape, type));
        if (group?.Equations.Count >= MostOperations)
        {
            Close(group);
            group = null;
        }
        group ??= _open[(shape, type)] = new Group(shape, type);
        Add(group, equation);
        group.Elements.Add(equation.OutputArray[0]);
        return true;
    }

    private bool JoinFold(Equation equation)
    {
        Atom operand = equation.InputArray[0];
        var axes = (Axes)equation.Parameters!;
        if (GroupOf(operand) is not { } group || !group.Elements.Contains(operand)) return false;
        Range? axesOfLoop = _forDevice ? DeviceLoop.FoldedFor(group.Shape, group.Element, axes.Span) : FusedLoop.FoldedFor(group.Shape, group.Element, axes.Span);
        if (axesOfLoop is not { } folded) return false;
        Group? into = group.Folded is null || group.Folded.Equals(folded) ? group : Apart(group, operand);
        if (into is null) return false;
        into.Folded = folded;
        Add(into, equation);
        return true;
    }

    // The operand's equation in a group of its own, if nothing in its group reads it.
    private Group? Apart(Group group, Atom operand)
    {
        Equation producer = group.Equations.Single(e => e.OutputArray[0] == operand);
        bool isRead = group.Equations.Concat(group.Views).Any(e => e.InputArray.Contains(operand));
        if (isRead) return null;
        group.Equations.Remove(producer);
        Close(group);
        Group apart = _open[(group.Shape, group.Element)] = new Group(group.Shape, group.Element);
        Add(apart, producer);
        apart.Elements.Add(operand);
        return apart;
    }

    private void Add(Group group, Equation equation)
    {
        group.Equations.Add(equation);
        _owner[equation.OutputArray[0].Id] = group;
    }

    // A view of what a group computes follows it.
    private void View(Equation equation)
    {
        if (GroupOf(equation.InputArray[0]) is not { } group)
        {
            _order.Add(Alone(equation));
            return;
        }
        group.Views.Add(equation);
        _owner[equation.OutputArray[0].Id] = group;
    }

    private void Stand(Equation equation)
    {
        foreach (Atom input in equation.InputArray)
            if (GroupOf(input) is { } group) Close(group);
        _order.Add(Alone(equation));
    }

    private void Close(Group group)
    {
        if (group.Equations.Count > 0) AddParts([.. group.Equations], group);
        _order.AddRange(group.Views.Select(Alone));
        _open.Remove((group.Shape, group.Element));
        foreach (Equation equation in group.Equations.Concat(group.Views)) _owner[equation.OutputArray[0].Id] = null;
    }

    // One loop, or halves where its kernel would have too many parameters.
    private void AddParts(Equation[] equations, Group group)
    {
        bool folds = Array.Exists(equations, FusionGroup.IsFold);
        if (_forDevice && equations.Length > 1 && ParameterBytes(equations, folds) > DeviceLoop.MostParameterBytes)
        {
            AddParts(equations[..(equations.Length / 2)], group);
            AddParts(equations[(equations.Length / 2)..], group);
            return;
        }
        _order.Add(new FusionGroup(equations, group.Shape, group.Element, folds ? group.Folded!.Value : ..0));
    }

    // At most: an operand that is not a single number may have any layout.
    private int ParameterBytes(Equation[] equations, bool folds)
    {
        HashSet<Atom> computed = [.. equations.Select(e => e.OutputArray[0])];
        int reads = equations.SelectMany(e => e.InputArray).Distinct().Where(a => !computed.Contains(a)).Sum(a => a is Literal ? DeviceLoop.TensorBytes : DeviceLoop.StridedBytes);
        int writes = computed.Count(a => _results.Contains(a) || _readers[a].Any(e => !equations.Contains(e)));
        return reads + writes * DeviceLoop.TensorBytes + (folds ? DeviceLoop.FoldBytes : 2 * sizeof(int));
    }

    private Group? GroupOf(Atom atom) => atom is Var v ? _owner[v.Id] : null;

    private sealed class Group(Shape shape, DType element)
    {
        public Shape Shape { get; } = shape;

        public DType Element { get; } = element;

        public List<Equation> Equations { get; } = [];

        /// <summary>Results with one element for each of the loop.</summary>
        public HashSet<Atom> Elements { get; } = [];

        /// <summary>Views of results.</summary>
        public List<Equation> Views { get; } = [];

        public Range? Folded { get; set; }
    }
}
