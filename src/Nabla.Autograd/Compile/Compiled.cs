using Nabla.Autograd;

namespace Nabla;

/// <summary>
/// A function that is traced once per signature (shapes, dtypes, device and static values of its argument), simplified, planned, and replayed without
/// dispatch. Make one with <see cref="Transforms.Compile{TIn, TOut}"/>, keep it, and call it.
/// </summary>
public sealed class Compiled<TIn, TOut>
{
    private readonly Func<TIn, TOut> _function;
    private readonly Lock _gate = new();
    private readonly List<Entry> _entries = [];
    // The flattened argument and result of the call in progress: they keep its tensors reachable until it is done.
    private readonly TreeSink _inputs = new(), _outputs = new();

    internal Compiled(Func<TIn, TOut> function) => _function = function;

    /// <summary>How many signatures have been compiled so far.</summary>
    public int CompileCount => _entries.Count;

    /// <summary>
    /// The function's value. Allocates the results and their handles only. Inside another transformation the original function is applied instead, so that
    /// it is differentiated, batched or compiled as part of the whole.
    /// </summary>
    public TOut Call(TIn input)
    {
        lock (_gate)
        {
            Entry? entry = Find(input);
            if (entry is null) return _function(input);
            var outputs = new Tensor[entry.Outputs.Length];
            for (int i = 0; i < outputs.Length; i++) outputs[i] = DenseTensor.Allocate(entry.Outputs[i], entry.Device);
            entry.Plan.Run(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_inputs.Leaves), outputs);
            TOut result = entry.OutStructure.Unflatten(outputs);
            _inputs.Clear();
            return result;
        }
    }

    /// <summary>
    /// Computes into the caller's tensors, which must have the types of the results, be contiguous, and not share memory with each other; nothing is
    /// allocated. The old values of those tensors are overwritten, for everyone who sees them: use this on tensors that are yours alone, such
    /// as two sets of parameters that take turns. A tensor may be argument and result at once: the result is written in place where the program no longer
    /// reads the argument (parameters and their update, for example); else the argument is copied first.
    /// </summary>
    /// <exception cref="TraceException">NB0512: the tensors do not fit; NB0513: called inside a transformation.</exception>
    public void Run(TIn input, TOut output)
    {
        lock (_gate)
        {
            Entry entry = Require(input);
            _outputs.Clear();
            TreeCodec<TOut>.Instance.Flatten(output, _outputs);
            CheckOutputs(entry);
            entry.Plan.Run(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_inputs.Leaves),
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_outputs.Leaves));
            _inputs.Clear();
            _outputs.Clear();
        }
    }

    /// <summary>The optimised program for arguments like this one.</summary>
    public Autograd.Program ProgramFor(TIn example)
    {
        lock (_gate)
        {
            return Require(example).Program;
        }
    }

    /// <summary>The plan for arguments like this one: kernel calls and memory.</summary>
    internal Plan PlanFor(TIn example)
    {
        lock (_gate)
        {
            return Require(example).Plan;
        }
    }

    /// <summary>The function as a delegate.</summary>
    public static implicit operator Func<TIn, TOut>(Compiled<TIn, TOut> compiled) => compiled.Call;

    private Entry Require(TIn input) => Find(input) ?? throw AutogradErrors.RunInsideTransformation();

    // Leaves the flattened argument in _inputs. Null: the argument, or something that the function captures, is a stand-in of another transformation.
    private Entry? Find(TIn input)
    {
        _inputs.Clear();
        TreeCodec<TIn>.Instance.Flatten(input, _inputs);
        foreach (Tensor leaf in _inputs.Leaves)
            if (leaf is not DenseTensor) return null;
        foreach (Entry entry in _entries)
            if (entry.Fits(_inputs)) return entry;
        Entry? fresh = Compile([.. _inputs.Leaves], [.. _inputs.Statics]);
        if (fresh is not null) _entries.Insert(0, fresh);
        // Tracing may have called this function again.
        _inputs.Clear();
        TreeCodec<TIn>.Instance.Flatten(input, _inputs);
        return fresh;
    }

    private Entry? Compile(Tensor[] leaves, object?[] statics)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        TreeStructure<TOut>? outStructure = null;
        Autograd.Program traced = Transforms.Record(leaves, inputs =>
        {
            (Tensor[] results, outStructure) = Tree.Flatten(_function(TreeCodec<TIn>.Instance.Unflatten(new TreeSource(inputs, statics))));
            return results;
        });
        if (traced.Constants.Any(c => c is not DenseTensor)) return null;
        IrChecker.Check(traced);
        Autograd.Program program = Passes.Run(traced);
        Device device = leaves.Length > 0 ? leaves[0].Device : Device.Default;
        Plan plan = Planner.Build(program, device);
        if (NablaDebug.Active) Watch.Compiled(program, plan, System.Diagnostics.Stopwatch.GetElapsedTime(start));
        return new Entry(Array.ConvertAll(leaves, l => l.Aval), statics, device, program, plan, [.. plan.Outputs], outStructure!);
    }

    private void CheckOutputs(Entry entry)
    {
        List<Tensor> outputs = _outputs.Leaves;
        if (outputs.Count != entry.Outputs.Length) throw AutogradErrors.OutputMismatch($"{outputs.Count} tensors given, {entry.Outputs.Length} results");
        for (int i = 0; i < outputs.Count; i++)
        {
            if (outputs[i] is not DenseTensor { IsContiguous: true } given || given.Aval != entry.Outputs[i] || given.Device != entry.Device)
                throw AutogradErrors.OutputMismatch($"result {i} is {entry.Outputs[i]}, given {outputs[i].Aval}; expected a contiguous tensor of that type on {entry.Device}");
            for (int j = 0; j < i; j++)
                if (((DenseTensor)outputs[j]).Buffer == given.Buffer) throw AutogradErrors.OutputMismatch($"results {j} and {i} share memory");
        }
    }

    private sealed record Entry(
        Aval[] Inputs, object?[] Statics, Device Device, Autograd.Program Program, Plan Plan, Aval[] Outputs, TreeStructure<TOut> OutStructure)
    {
        public bool Fits(TreeSink sink)
        {
            if (sink.Leaves.Count != Inputs.Length || sink.Statics.Count != Statics.Length) return false;
            for (int i = 0; i < Inputs.Length; i++)
                if (sink.Leaves[i].Aval != Inputs[i] || sink.Leaves[i].Device != Device) return false;
            for (int i = 0; i < Statics.Length; i++)
                if (!Equals(sink.Statics[i], Statics[i])) return false;
            return true;
        }
    }
}

public static partial class Transforms
{
    /// <summary>
    /// A compiled version of a function: same results, without the cost of dispatch, of intermediate allocation, and of work that is dead or done twice.
    /// Values that the function captures are constants of the compiled program: pass as argument whatever changes.
    /// </summary>
    public static Compiled<TIn, TOut> Compile<TIn, TOut>(Func<TIn, TOut> function) => new(function);

    /// <summary>A compiled function of two arguments, called with a pair.</summary>
    public static Compiled<(TA, TB), TOut> Compile<TA, TB, TOut>(Func<TA, TB, TOut> function) => new(args => function(args.Item1, args.Item2));
}
