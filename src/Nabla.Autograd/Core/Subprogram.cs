using System.Collections.Concurrent;

namespace Nabla.Autograd;

/// <summary>
/// A program as a parameter of a primitive, such as the body of a loop. It captures nothing that is traced: what its function used from outside became
/// arguments. Compared by reference.
/// </summary>
public sealed class Subprogram(Program program)
{
    private readonly ConcurrentBag<Plan> _idle = [];

    /// <summary>The program.</summary>
    public Program Program => program;

    /// <summary>Types of the arguments.</summary>
    public Aval[] Inputs { get; } = [.. program.InVars.Select(v => v.Aval)];

    /// <summary>Types of the results.</summary>
    public Aval[] Outputs { get; } = [.. program.Outputs.Select(a => a.Aval)];

    /// <inheritdoc/>
    public override string ToString() => program.ToString();

    /// <summary>Records a function; stand-ins of outer transformations that it uses become its first arguments and are returned.</summary>
    internal static (Subprogram Body, Tensor[] Captured) Capture(Aval[] inputs, Device device, Func<Tensor[], Tensor[]> function)
    {
        Program program = Record(inputs, device, function);
        int[] lifted = [.. Enumerable.Range(0, program.Constants.Count).Where(i => program.Constants[i] is not DenseTensor)];
        int[] kept = [.. Enumerable.Range(0, program.Constants.Count).Except(lifted)];
        var closed = new Program([.. kept.Select(i => program.ConstVars[i])], [.. kept.Select(i => program.Constants[i])],
            [.. lifted.Select(i => program.ConstVars[i]), .. program.InVars], program.Equations, [.. program.Outputs], program.VarCount);
        return (new Subprogram(closed), [.. lifted.Select(i => program.Constants[i])]);
    }

    /// <summary>Records a function of operands of given types.</summary>
    internal static Program Record(Aval[] inputs, Device device, Func<Tensor[], Tensor[]> function)
    {
        var trace = new IrTrace("subprogram");
        try
        {
            return trace.Finish(function(Array.ConvertAll(inputs, aval => (Tensor)trace.AddInput(aval, device))));
        }
        finally
        {
            trace.End();
        }
    }

    /// <summary>Computes the results into the given tensors.</summary>
    internal void Run(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs)
    {
        using Lease lease = Rent(inputs.Length > 0 ? inputs[0].Device : outputs[0].Device);
        lease.Plan.Run([.. inputs], [.. outputs]);
    }

    /// <summary>Computes the results in double precision into the given arrays.</summary>
    internal void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs)
    {
        ReferenceArray[] results = Reference(inputs.ToArray());
        for (int i = 0; i < results.Length; i++) results[i].Data.CopyTo(outputs[i].Data, 0);
    }

    /// <summary>Computes all results in double precision by the references of the primitives.</summary>
    internal ReferenceArray[] Reference(ReferenceArray[] inputs)
    {
        var values = new ReferenceArray[program.VarCount];
        for (int i = 0; i < program.Constants.Count; i++) values[program.ConstVars[i].Id] = ReferenceArray.From((DenseTensor)program.Constants[i]);
        for (int i = 0; i < inputs.Length; i++) values[program.InVars[i].Id] = inputs[i];
        ReferenceArray Read(Atom atom) => atom is Var v ? values[v.Id] : ReferenceArray.From(((Literal)atom).Value);
        foreach (Equation equation in program.Equations)
        {
            ReferenceArray[] results = Array.ConvertAll(equation.OutputArray, v => values[v.Id] = new ReferenceArray(v.Aval));
            equation.Primitive.Reference(Array.ConvertAll(equation.InputArray, Read), results, equation.Parameters);
        }
        return [.. program.Outputs.Select(Read)];
    }

    /// <summary>A plan for use by one caller until the lease is disposed, with its arena.</summary>
    internal Lease Rent(Device device)
    {
        if (!_idle.TryTake(out Plan? plan) || plan.Device != device) plan = Planner.Build(Passes.Run(program), device, borrows: true);
        return new Lease(this, plan);
    }

    internal readonly struct Lease : IDisposable
    {
        private readonly Subprogram _owner;
        private readonly nint _arena;
        private readonly bool _isKept;

        public Lease(Subprogram owner, Plan plan)
        {
            (_owner, Plan) = (owner, plan);
            if (plan.ArenaBytes == 0) return;
            // A block that somebody keeps is returned by whoever keeps it.
            _isKept = MemoryBlock.Kept is not null;
            _arena = _isKept ? new MemoryBlock(plan.Device, plan.ArenaBytes).Address : plan.Device.Pool.Rent(plan.ArenaBytes);
            plan.UseArena(_arena);
        }

        public Plan Plan { get; }

        public void Dispose()
        {
            if (Plan.ArenaBytes > 0 && !_isKept) Plan.Device.Pool.Return(_arena, Plan.ArenaBytes);
            _owner._idle.Add(Plan);
        }
    }
}
