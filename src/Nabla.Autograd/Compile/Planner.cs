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
    private readonly List<FusionGroup> _schedule;
    // What loops read from a copy, because of its layout.
    private readonly Dictionary<(FusionGroup, Var), Storage> _copies = [];
    // The time of an equation is the place of its group in the schedule.
    private readonly int[] _lastUse;

    private Planner(Program program, Device device)
    {
        // Checks of every kernel call need calls of their own.
        bool fuses = NablaDebug.Fusion && (NablaDebug.Checks & (DebugChecks.Nan | DebugChecks.Bounds)) == 0;
        bool onHost = fuses && FusedLoop.IsSupported && device.IsHost && device != Device.Reference;
        bool onDevice = fuses && device is Accelerator { ComposesKernels: true };
        _program = onHost ? ContractionForms.Lower(program, device) : program;
        _device = device;
        int variables = _program.VarCount;
        _schedule = onDevice ? ProductEpilogues.AttachForDevice(LineFusion.Apply(_program, Fusion.ScheduleForDevice(_program, MayBeView), MayBeView), MayBeView) : onHost ? ProductEpilogues.Attach(Recomputation.Apply(_program, Fusion.Schedule(_program, MayBeView), ref variables), MayBeView) : Fusion.None(_program);
        _storage = new Storage?[variables];
        _layouts = new Layout?[variables];
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
        List<FusionGroup> calls = PlaceResults();
        _memory.Place();
        if (NablaDebug.Level >= 3) Tell(calls);
        Buffer? arena = borrows ? null : Buffer.Allocate(_device, _memory.ArenaBytes);
        var blocks = new List<(Buffer Window, long Offset)>();
        foreach (Storage storage in _storage.Concat(_copies.Values).Where(s => s is { Block: not null }).Distinct()!)
            blocks.Add((storage!.Buffer = Buffer.Window(_device, 0, storage.Block!.Bytes, arena ?? _owner), storage.Block.Offset));
        Plan.Step[] steps = [.. calls.SelectMany(StepsOf)];
        return new Plan(_device, steps, [.. _program.InVars.Select(v => v.Aval)], inputs, Results(), [.. blocks], _memory.ArenaBytes, arena);
    }

    private Plan.Result[] Results()
    {
        var donation = new Donation();
        var written = new Dictionary<Atom, int>();
        foreach ((int t, FusionGroup group) in _schedule.Index())
        {
            foreach (Equation equation in group.Equations)
            {
                bool elementwise = group.IsLoop ? equation != group.Product : equation.Primitive.IsElementwise;
                foreach (Var v in equation.InputArray.OfType<Var>())
                    if (_storage[v.Id] is { } storage) donation.Read(storage, t, elementwise && _layouts[v.Id] is { IsContiguous: true, Offset: 0 });
                foreach (Var v in equation.OutputArray) written[v] = t;
            }
        }
        Plan.Result[] results = [.. _program.Outputs.Select(ResultOf)];
        // What is copied to a result is read at the end.
        for (int i = 0; i < results.Length; i++)
            if (results[i].Source is not null && StorageOf(_program.Outputs[i]) is { } source) donation.Read(source, _schedule.Count, inPlace: false);
        return [.. results.Zip(_program.Outputs, (r, atom) => r.Window is null ? r
            : r with { Overwrites = [.. _program.InVars.Select(v => v.Aval == atom.Aval && donation.MayTake(_storage[v.Id]!, written[atom]))] })];
    }

    private void Tell(List<FusionGroup> calls)
    {
        NablaDebug.Tell(3, _memory.ToString());
        foreach (FusionGroup group in calls.Where(g => g.IsLoop))
            NablaDebug.Tell(3, $"fused over {group.Element.Name}{group.Shape}: {string.Join(' ', group.Equations.Select(e => e.Primitive.Name))}");
    }

    // A view extends the life of what it looks at.
    private int[] LastUses()
    {
        var last = new int[_storage.Length];
        for (int t = 0; t < _schedule.Count; t++)
            foreach (Equation equation in _schedule[t].Equations)
                foreach (Atom input in equation.InputArray)
                    if (input is Var v) last[v.Id] = t;
        foreach (Atom output in _program.Outputs)
            if (output is Var v) last[v.Id] = _schedule.Count;
        return last;
    }

    private List<FusionGroup> PlaceResults()
    {
        var direct = new HashSet<Var>(_program.Outputs.OfType<Var>());
        var calls = new List<FusionGroup>();
        for (int t = 0; t < _schedule.Count; t++)
        {
            FusionGroup group = _schedule[t];
            if (!group.IsLoop && ViewOf(group.Equations[0]) is { } view)
            {
                Var result = group.Equations[0].OutputArray[0];
                Storage storage = StorageOf(group.Equations[0].InputArray[0])!;
                Place(result, storage, view);
                storage.ExtendTo(_lastUse[result.Id]);
                continue;
            }
            calls.Add(group);
            if (group.IsLoop && _device.IsHost) PlaceCopies(group, t);
            foreach ((int position, Equation equation) in group.Equations.Index())
                foreach (Var result in equation.OutputArray)
                {
                    if (group.HasView(equation) || (group.IsLoop && equation != group.Product && StaysInside(group, result, t))) continue;
                    if (direct.Contains(result)) PlaceWindow(result);
                    else if (Reusable(group, position, result, t) is { } reused) Place(result, reused, Layout.RowMajor(result.Aval.Shape)).ExtendTo(_lastUse[result.Id]);
                    else Place(result, NewStorage(result, t, Math.Max(t, _lastUse[result.Id])), Layout.RowMajor(result.Aval.Shape));
                }
        }
        return calls;
    }

    private void PlaceCopies(FusionGroup group, int time)
    {
        foreach (Var v in group.Equations.Where(e => e != group.Product).SelectMany(e => e.InputArray).OfType<Var>().Distinct())
            if (_layouts[v.Id] is { } layout && !FusedLoop.CanRead(layout, group.Cut)) _copies[(group, v)] = NewStorage(v, time, time);
    }

    private Storage NewStorage(Var variable, int first, int last) => new() { Block = _memory.Add(Bytes(variable.Aval), first, last) };

    // Nobody reads the result after its group.
    private bool StaysInside(FusionGroup group, Var result, int time) =>
        _lastUse[result.Id] == time && group.Equations.Any(e => e.InputArray.Contains(result));

    private bool MayBeView(Equation equation) =>
        equation.InputArray is [Var v, ..] && equation.Primitive.View(Layout.RowMajor(v.Aval.Shape), equation.Parameters) is not null;

    private Layout? ViewOf(Equation equation) =>
        equation.InputArray is [Var v, ..] ? equation.Primitive.View(_layouts[v.Id]!, equation.Parameters) : null;

    // An element-wise result may take over a block of the arena that is read for the last time by its own operation, or that of the product which its loop finishes.
    private Storage? Reusable(FusionGroup group, int position, Var result, int time)
    {
        Equation equation = group.Equations[position];
        if (equation.OutputArray.Length != 1 || (group.IsLoop ? FusionGroup.IsFold(equation) || equation == group.Product : !equation.Primitive.IsElementwise)) return null;
        foreach (Atom input in equation.InputArray)
        {
            if (input is not Var v || v.Aval != result.Aval || _storage[v.Id] is not { Block: { } block } storage) continue;
            bool isProduct = group.Product?.OutputArray[0] == v;
            if ((block.First < time || isProduct) && block.Last == time && _lastUse[v.Id] == time && _layouts[v.Id] is { IsContiguous: true, Offset: 0 } && SoleReader(group, position, storage, v)) return storage;
        }
        return null;
    }

    // No later operation of the group reads the block, and none reads it through another variable, which might look elsewhere in it; and no other result has
    // taken it already.
    private bool SoleReader(FusionGroup group, int position, Storage storage, Var reader)
    {
        foreach ((int i, Equation equation) in group.Equations.Index())
        {
            foreach (Atom input in equation.InputArray)
                if (input is Var v && _storage[v.Id] == storage && (i > position || !ReferenceEquals(v, reader) || equation == group.Product)) return false;
            if (i < position && _storage[equation.OutputArray[0].Id] == storage && equation != group.Product) return false;
        }
        return true;
    }

    private IEnumerable<Plan.Step> StepsOf(FusionGroup group)
    {
        if (group.IsLoop)
        {
            foreach (((FusionGroup reader, Var v), Storage copy) in _copies)
                if (reader == group) yield return new Plan.CopyStep(Tensor(v), Copy(v, copy));
            string names = string.Join(' ', group.Equations.Select(e => e.Primitive.Name));
            if (group.IsLines)
            {
                yield return new Plan.FusedStep(LinesOf(group), names);
                yield break;
            }
            (FusedTensor[] tensors, LoopOperation[] operations) = LoopOf(group);
            var accelerator = _device as Accelerator;
            if (group.Product is not { } product)
            {
                yield return new Plan.FusedStep(accelerator is not null ? new DeviceLoop(accelerator, group.Shape, group.Element, tensors, operations, group.Folded)
                    : FusedLoop.Create(group.Shape, group.Element, tensors, operations, group.Folded), names);
            }
            else
            {
                MatMulEpilogue epilogue = accelerator is not null ? DeviceEpilogueOf(group, product, tensors, operations)
                    : FusedLoop.CreateEpilogue(group.Shape, group.Element, tensors, operations, FusionGroup.RowAxes(product));
                yield return new Plan.ProductStep((DotDims)product.Parameters!, Tensor(product.InputArray[0]), Tensor(product.InputArray[1]), Tensor(product.OutputArray[0]), epilogue, names);
            }
            yield break;
        }
        Equation e = group.Equations[0];
        yield return new Plan.KernelStep(e.Primitive, e.Parameters, Array.ConvertAll(e.InputArray, Tensor), Array.ConvertAll(e.OutputArray, Tensor), e.Source);
    }

    // There the product reaches memory only if something else reads it.
    private DeviceEpilogue DeviceEpilogueOf(FusionGroup group, Equation product, FusedTensor[] tensors, LoopOperation[] operations)
    {
        Var sum = product.OutputArray[0];
        Equation[] rest = group.Equations[1..];
        HashSet<Atom> computed = [.. rest.Select(e => e.OutputArray[0])];
        int place = rest.SelectMany(e => e.InputArray).Where(a => !computed.Contains(a)).Distinct().TakeWhile(a => a != sum).Count();
        bool isRead = _lastUse[sum.Id] > _schedule.IndexOf(group);
        return new DeviceEpilogue(sum.Aval.DType, isRead ? [.. tensors, new FusedTensor(Tensor(sum), FusedUse.Store, place)] : tensors, place, operations);
    }

    private (FusedTensor[] Tensors, LoopOperation[] Operations) LoopOf(FusionGroup group)
    {
        Equation[] equations = [.. group.Equations.Where(e => e != group.Product)];
        var values = new Dictionary<Atom, int>();
        var tensors = new List<FusedTensor>();
        HashSet<Atom> computed = [.. equations.Select(e => e.OutputArray[0])];
        foreach (Atom atom in equations.SelectMany(e => e.InputArray))
        {
            if (computed.Contains(atom) || !values.TryAdd(atom, values.Count)) continue;
            DenseTensor tensor = atom is Var v && _copies.TryGetValue((group, v), out Storage? copy) ? Copy(v, copy) : Tensor(atom);
            tensors.Add(new FusedTensor(tensor, FusedUse.Load));
        }
        var operations = new List<LoopOperation>();
        foreach (Equation e in equations.Where(e => !FusionGroup.IsFold(e)))
        {
            int Operand(int i) => i < e.InputArray.Length ? values[e.InputArray[i]] : -1;
            operations.Add(new LoopOperation(Fusion.FormOf(e, _device is Accelerator), Operand(0), Operand(1), Operand(2)));
            values[e.OutputArray[0]] = values.Count;
        }
        foreach (Equation e in equations)
        {
            Var result = e.OutputArray[0];
            if (_storage[result.Id] is null) continue;
            tensors.Add(FusionGroup.FoldOf(e) is { } fold ? new FusedTensor(Tensor(result), fold, values[e.InputArray[0]]) : new FusedTensor(Tensor(result), FusedUse.Store, values[result]));
        }
        return ([.. tensors], [.. operations]);
    }

    private DeviceLines LinesOf(FusionGroup group)
    {
        var values = new Dictionary<Atom, int>();
        HashSet<Atom> computed = [.. group.Equations.Select(e => e.OutputArray[0])];
        foreach (Atom atom in group.Equations.SelectMany(e => e.InputArray))
            if (!computed.Contains(atom)) values.TryAdd(atom, values.Count);
        var tensors = values.Keys.Select(a => new FusedTensor(Tensor(a), FusedUse.Load)).ToList();
        var steps = new List<LineStep>();
        foreach (Equation e in group.Equations)
        {
            Var result = e.OutputArray[0];
            int Operand(int i) => i < e.InputArray.Length ? values[e.InputArray[i]] : -1;
            if (group.HasView(e))
            {
                values[result] = Operand(0);
                continue;
            }
            values[result] = tensors.Count(t => t.Use == FusedUse.Load) + steps.Count;
            steps.Add(FusionGroup.FoldOf(e) is { } fold ? new LineStep(new LoopOperation(default, Operand(0)), fold) : new LineStep(new LoopOperation(Fusion.FormOf(e, forDevice: true), Operand(0), Operand(1), Operand(2))));
            if (_storage[result.Id] is not null) tensors.Add(new FusedTensor(Tensor(result), FusedUse.Store, values[result]));
        }
        return new DeviceLines((Accelerator)_device, group.Shape, group.Folded.Start.Value, group.Element, [.. tensors], [.. steps]);
    }

    private static DenseTensor Copy(Var v, Storage copy) => new(v.Aval.DType, copy.Buffer!, Layout.RowMajor(v.Aval.Shape));

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
