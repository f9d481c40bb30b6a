using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>Turns a program into a <see cref="Plan"/>: decides what runs together and where every variable lives, then binds the kernel calls.</summary>
internal sealed class Planner
{
    private readonly Program _program;
    private readonly Device _device;
    private readonly Storage?[] _storage;
    private readonly Layout?[] _layouts;
    private readonly MemoryPlan _memory = new();
    private readonly object _owner = new();
    private readonly IReadOnlyList<Equation[]> _schedule;
    // The time of an equation is the place of its group in the schedule.
    private readonly int[] _lastUse;

    private Planner(Program program, Device device)
    {
        // Checks of every kernel call need calls of their own.
        bool fuses = NablaDebug.Fusion && device.IsHost && device != Device.Reference && (NablaDebug.Checks & (DebugChecks.Nan | DebugChecks.Bounds)) == 0;
        _program = fuses ? OuterProducts.Lower(program, device) : program;
        _device = device;
        _storage = new Storage?[_program.VarCount];
        _layouts = new Layout?[_program.VarCount];
        _schedule = Fusion.Schedule(_program, MayBeView, fuses);
        _lastUse = LastUses();
    }

    /// <summary>The plan of a program: with an arena of its own, or, if <paramref name="borrows"/>, with one that is lent to it for each use.</summary>
    public static Plan Build(Program program, Device device, bool borrows = false) => new Planner(program, device).Build(borrows);

    private Plan Build(bool borrows)
    {
        for (int i = 0; i < _program.ConstVars.Count; i++)
        {
            var constant = (DenseTensor)_program.Constants[i];
            Place(_program.ConstVars[i], new Storage { Buffer = constant.Buffer }, constant.Layout);
        }
        Buffer[] inputs = [.. _program.InVars.Select(v => PlaceWindow(v).Buffer!)];
        List<Equation[]> calls = PlaceResults();
        _memory.Place();
        if (NablaDebug.Level >= 3) Tell(calls);
        Buffer? arena = borrows ? null : Buffer.Allocate(_device, _memory.ArenaBytes);
        var blocks = new List<(Buffer Window, long Offset)>();
        foreach (Storage storage in _storage.Where(s => s is { Block: not null }).Distinct()!)
            blocks.Add((storage!.Buffer = Buffer.Window(_device, 0, storage.Block!.Bytes, arena ?? _owner), storage.Block.Offset));
        Plan.Step[] steps = [.. calls.Select(StepOf)];
        return new Plan(_device, steps, [.. _program.InVars.Select(v => v.Aval)], inputs, [.. _program.Outputs.Select(ResultOf)], [.. blocks], _memory.ArenaBytes, arena);
    }

    private void Tell(List<Equation[]> calls)
    {
        NablaDebug.Tell(3, _memory.ToString());
        foreach (Equation[] group in calls.Where(g => g.Length > 1))
            NablaDebug.Tell(3, $"fused over {group[0].OutputArray[0].Aval.Shape}: {string.Join(' ', group.Select(e => e.Primitive.Name))}");
    }

    // A view extends the life of what it looks at.
    private int[] LastUses()
    {
        var last = new int[_program.VarCount];
        for (int t = 0; t < _schedule.Count; t++)
            foreach (Equation equation in _schedule[t])
                foreach (Atom input in equation.InputArray)
                    if (input is Var v) last[v.Id] = t;
        foreach (Atom output in _program.Outputs)
            if (output is Var v) last[v.Id] = _schedule.Count;
        return last;
    }

    private List<Equation[]> PlaceResults()
    {
        var direct = new HashSet<Var>(_program.Outputs.OfType<Var>());
        var calls = new List<Equation[]>();
        for (int t = 0; t < _schedule.Count; t++)
        {
            Equation[] group = _schedule[t];
            if (group.Length == 1 && ViewOf(group[0]) is { } view)
            {
                Var result = group[0].OutputArray[0];
                Storage storage = StorageOf(group[0].InputArray[0])!;
                Place(result, storage, view);
                storage.ExtendTo(_lastUse[result.Id]);
                continue;
            }
            calls.Add(group);
            foreach ((int position, Equation equation) in group.Index())
                foreach (Var result in equation.OutputArray)
                {
                    if (group.Length > 1 && StaysInside(group, result, t)) continue;
                    if (direct.Contains(result)) PlaceWindow(result);
                    else if (Reusable(group, position, result, t) is { } reused) Place(result, reused, Layout.RowMajor(result.Aval.Shape)).ExtendTo(_lastUse[result.Id]);
                    else Place(result, new Storage { Block = _memory.Add(Bytes(result.Aval), t, Math.Max(t, _lastUse[result.Id])) }, Layout.RowMajor(result.Aval.Shape));
                }
        }
        return calls;
    }

    // Nobody reads the result after its group.
    private bool StaysInside(Equation[] group, Var result, int time) =>
        _lastUse[result.Id] == time && group.Any(e => e.InputArray.Contains(result));

    private bool MayBeView(Equation equation) =>
        equation.InputArray is [Var v, ..] && equation.Primitive.View(Layout.RowMajor(v.Aval.Shape), equation.Parameters) is not null;

    private Layout? ViewOf(Equation equation) =>
        equation.InputArray is [Var v, ..] ? equation.Primitive.View(_layouts[v.Id]!, equation.Parameters) : null;

    // An element-wise result may take over a block of the arena that is read for the last time by its own operation.
    private Storage? Reusable(Equation[] group, int position, Var result, int time)
    {
        Equation equation = group[position];
        if (equation.OutputArray.Length != 1 || (group.Length == 1 && !equation.Primitive.IsElementwise)) return null;
        foreach (Atom input in equation.InputArray)
        {
            if (input is not Var v || v.Aval != result.Aval || _storage[v.Id] is not { Block: { } block } storage) continue;
            if (block.First < time && block.Last == time && _lastUse[v.Id] == time && _layouts[v.Id] is { IsContiguous: true, Offset: 0 } && SoleReader(group, position, storage, v)) return storage;
        }
        return null;
    }

    // No later operation of the group reads the block, and none reads it through another variable, which might look elsewhere in it; and no other result has
    // taken it already.
    private bool SoleReader(Equation[] group, int position, Storage storage, Var reader)
    {
        foreach ((int i, Equation equation) in group.Index())
        {
            foreach (Atom input in equation.InputArray)
                if (input is Var v && _storage[v.Id] == storage && (i > position || !ReferenceEquals(v, reader))) return false;
            if (i < position && _storage[equation.OutputArray[0].Id] == storage) return false;
        }
        return true;
    }

    private Plan.Step StepOf(Equation[] group)
    {
        if (group.Length > 1) return new Plan.FusedStep(Fuse(group), string.Join(' ', group.Select(e => e.Primitive.Name)));
        Equation e = group[0];
        return new Plan.KernelStep(e.Primitive, e.Parameters, Array.ConvertAll(e.InputArray, Tensor), Array.ConvertAll(e.OutputArray, Tensor), e.Source);
    }

    // Numbers the places of a group: tensors first, then registers, of which one is free again after the last operation that reads it.
    private FusedMap Fuse(Equation[] group)
    {
        var tensors = new List<DenseTensor>();
        var places = new Dictionary<Atom, int>();
        foreach (Atom atom in group.SelectMany(e => e.InputArray.Concat(e.OutputArray)))
        {
            if (places.ContainsKey(atom) || (atom is Var v && _storage[v.Id] is null)) continue;
            places[atom] = tensors.Count;
            tensors.Add(Tensor(atom));
        }
        var (registers, free) = (0, new Stack<int>());
        var operations = new FusedOperation[group.Length];
        for (int i = 0; i < group.Length; i++)
        {
            Equation e = group[i];
            int[] operands = Array.ConvertAll(e.InputArray, a => places[a]);
            int[] dead = [.. e.InputArray.Where(a => !group.Skip(i + 1).Any(later => later.InputArray.Contains(a))).Select(a => places[a]).Where(p => p >= tensors.Count).Distinct()];
            // A kernel may write over an operand only if the elements have one size.
            bool inPlace = Array.TrueForAll(e.InputArray, a => a.Aval.DType.Size == e.OutputArray[0].Aval.DType.Size);
            if (inPlace) Array.ForEach(dead, free.Push);
            if (!places.TryGetValue(e.OutputArray[0], out int result))
                places[e.OutputArray[0]] = result = free.TryPop(out int register) ? register : tensors.Count + registers++;
            if (!inPlace) Array.ForEach(dead, free.Push);
            RowForm form = Fusion.FormOf(e);
            operations[i] = form.ConditionFirst
                ? new FusedOperation(form, operands[1], operands[2], operands[0], result)
                : new FusedOperation(form, operands[0], operands.Length > 1 ? operands[1] : -1, -1, result);
        }
        int size = group.SelectMany(e => e.InputArray.Concat(e.OutputArray)).Max(a => a.Aval.DType.Size);
        return new FusedMap(group[0].OutputArray[0].Aval.Shape, operations, [.. tensors], registers, size);
    }

    private Plan.Result ResultOf(Atom atom, int position)
    {
        bool first = !_program.Outputs.Take(position).Contains(atom);
        if (first && atom is Var v && _storage[v.Id] is { IsResult: true, Buffer: { } window } && _layouts[v.Id]!.IsContiguous)
            return new Plan.Result(atom.Aval, window, null);
        return new Plan.Result(atom.Aval, null, Tensor(atom));
    }

    private DenseTensor Tensor(Atom atom) => atom is Var v
        ? new DenseTensor(v.Aval.DType, _storage[v.Id]!.Buffer!, _layouts[v.Id]!) : ((Literal)atom).Value;

    private Storage? StorageOf(Atom atom) => atom is Var v ? _storage[v.Id] : null;

    private Storage PlaceWindow(Var variable)
    {
        Buffer window = Buffer.Window(_device, 0, Bytes(variable.Aval), _owner);
        bool isResult = !_program.InVars.Contains(variable);
        return Place(variable, new Storage { Buffer = window, IsResult = isResult }, Layout.RowMajor(variable.Aval.Shape));
    }

    private Storage Place(Var variable, Storage storage, Layout layout)
    {
        _layouts[variable.Id] = layout;
        return _storage[variable.Id] = storage;
    }

    private static long Bytes(Aval aval) => Math.Max(1, aval.Shape.Count * aval.DType.Size);

    /// <summary>Memory that one or more variables look at.</summary>
    private sealed class Storage
    {
        public Buffer? Buffer { get; set; }

        public MemoryPlan.Block? Block { get; init; }

        public bool IsResult { get; init; }

        public void ExtendTo(int time)
        {
            if (Block is not null) Block.Last = Math.Max(Block.Last, time);
        }
    }
}
