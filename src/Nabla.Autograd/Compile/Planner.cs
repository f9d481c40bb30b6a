namespace Nabla.Autograd;

/// <summary>Turns a program into a <see cref="Plan"/>: decides where every variable lives, then binds the kernel calls.</summary>
internal sealed class Planner
{
    private readonly Program _program;
    private readonly Device _device;
    private readonly Storage?[] _storage;
    private readonly Layout?[] _layouts;
    private readonly MemoryPlan _memory = new();
    private readonly object _owner = new();

    private Planner(Program program, Device device)
    {
        _program = program;
        _device = device;
        _storage = new Storage?[program.VarCount];
        _layouts = new Layout?[program.VarCount];
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
        int[] lastUse = LastUses();
        List<Equation> calls = PlaceResults(lastUse);
        _memory.Place();
        if (NablaDebug.Level >= 3) NablaDebug.Tell(3, _memory.ToString());
        Buffer? arena = borrows ? null : Buffer.Allocate(_device, _memory.ArenaBytes);
        var blocks = new List<(Buffer Window, long Offset)>();
        foreach (Storage storage in _storage.Where(s => s is { Block: not null }).Distinct()!)
            blocks.Add((storage!.Buffer = Buffer.Window(_device, 0, storage.Block!.Bytes, arena ?? _owner), storage.Block.Offset));
        Plan.Step[] steps = [.. calls.Select(e => new Plan.Step(
            e.Primitive, e.Parameters, Array.ConvertAll(e.InputArray, Tensor), Array.ConvertAll(e.OutputArray, Tensor), e.Source))];
        return new Plan(_device, steps, [.. _program.InVars.Select(v => v.Aval)], inputs, [.. _program.Outputs.Select(ResultOf)], [.. blocks], _memory.ArenaBytes, arena);
    }

    // The time of an equation is its index; a view extends the life of what it looks at.
    private int[] LastUses()
    {
        var last = new int[_program.VarCount];
        for (int e = 0; e < _program.Equations.Count; e++)
            foreach (Atom input in _program.Equations[e].Inputs)
                if (input is Var v) last[v.Id] = e;
        foreach (Atom output in _program.Outputs)
            if (output is Var v) last[v.Id] = _program.Equations.Count;
        return last;
    }

    private List<Equation> PlaceResults(int[] lastUse)
    {
        var direct = new HashSet<Var>(_program.Outputs.OfType<Var>());
        var calls = new List<Equation>();
        for (int e = 0; e < _program.Equations.Count; e++)
        {
            Equation equation = _program.Equations[e];
            if (ViewOf(equation) is { } view)
            {
                Var result = equation.OutputArray[0];
                Storage storage = StorageOf(equation.InputArray[0])!;
                Place(result, storage, view);
                storage.ExtendTo(lastUse[result.Id]);
                continue;
            }
            calls.Add(equation);
            foreach (Var result in equation.OutputArray)
            {
                if (direct.Contains(result)) PlaceWindow(result);
                else if (Reusable(equation, result, e, lastUse) is { } reused) Place(result, reused, Layout.RowMajor(result.Aval.Shape)).ExtendTo(lastUse[result.Id]);
                else Place(result, new Storage { Block = _memory.Add(Bytes(result.Aval), e, Math.Max(e, lastUse[result.Id])) }, Layout.RowMajor(result.Aval.Shape));
            }
        }
        return calls;
    }

    private Layout? ViewOf(Equation equation) =>
        equation.InputArray is [Var v, ..] ? equation.Primitive.View(_layouts[v.Id]!, equation.Parameters) : null;

    // An element-wise result may take over a block of the arena that is read here for the last time.
    private Storage? Reusable(Equation equation, Var result, int time, int[] lastUse)
    {
        if (!equation.Primitive.IsElementwise || equation.OutputArray.Length != 1) return null;
        foreach (Atom input in equation.InputArray)
        {
            if (input is not Var v || v.Aval != result.Aval || _storage[v.Id] is not { Block: { } block } storage) continue;
            if (block.Last == time && lastUse[v.Id] == time && _layouts[v.Id] is { IsContiguous: true, Offset: 0 } && SoleReader(equation, storage, v)) return storage;
        }
        return null;
    }

    // No other operand may look at the same block through another layout: it would see elements already overwritten.
    private bool SoleReader(Equation equation, Storage storage, Var reader) => equation.InputArray.All(a =>
        a is not Var v || _storage[v.Id] != storage || ReferenceEquals(v, reader));

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
