namespace Nabla.Autograd;

/// <summary>
/// cond: one of two programs, chosen by a truth value. Operands: the condition bool[], then the arguments of either program. Only the chosen one runs; batched
/// over the condition, both run and a select picks.
/// </summary>
public sealed class CondPrimitive() : ProgramPrimitive("cond")
{
    internal static readonly CondPrimitive Instance = new();

    /// <summary>The programs, of equal types.</summary>
    public sealed record Parameters(Subprogram True, Subprogram False);

    /// <inheritdoc/>
    public override string Print(object? parameters) => $"true={((Parameters)parameters!).True} false={((Parameters)parameters).False}";

    /// <inheritdoc/>
    public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        Require(inputs, [new Aval(DType.Bool, Shape.Scalar), .. p.True.Inputs]);
        return p.True.Outputs;
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        (inputs[0].ToDouble() != 0 ? p.True : p.False).Run(inputs[1..], outputs);
    }

    /// <inheritdoc/>
    public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        (inputs[0].Data[0] != 0 ? p.True : p.False).Reference(inputs[1..], outputs);
    }

    /// <inheritdoc/>
    public override (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize)
    {
        var p = (Parameters)parameters!;
        return linearize ? Linearize(p, primals, tangents) : Forward(p, primals, tangents);
    }

    /// <inheritdoc/>
    public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        var p = (Parameters)parameters!;
        bool[] batched = Array.ConvertAll(axes, a => a is not null);
        Tensor[] operands = [.. inputs.Select((x, i) => batched[i] ? Batching.ToFront(x, axes[i], size) : x)];
        bool[] has = new bool[p.True.Outputs.Length];
        if (batched[0]) return (Both(p, operands, batched, size), [.. has.Select(_ => (int?)0)]);
        (Subprogram Program, bool[] Has) Batched(Subprogram branch, bool[] required) =>
            SubprogramRules.Batch(branch, inputs[0].Device, batched[1..], required, size);
        // Both must agree on which results are batched.
        (Subprogram onFalse, has) = Batched(p.False, Batched(p.True, has).Has);
        (Subprogram onTrue, _) = Batched(p.True, has);
        return (Bind(new Parameters(onTrue, onFalse), operands), [.. has.Select(b => b ? 0 : (int?)null)]);
    }

    /// <summary>For branches that are linear in the operands given as null: their transposes, chosen by the same condition.</summary>
    public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters)
    {
        var p = (Parameters)parameters!;
        Device device = inputs[0]!.Device;
        int[] known = [.. Enumerable.Range(1, inputs.Length - 1).Where(i => inputs[i] is not null)], linear = [.. Enumerable.Range(1, inputs.Length - 1).Except(known)];
        int[] given = [.. Enumerable.Range(0, cotangents.Length).Where(i => cotangents[i] is not null)];
        Subprogram Back(Subprogram branch) => new(Subprogram.Record([.. known.Select(i => avals[i]), .. given.Select(i => branch.Outputs[i])], device, x =>
        {
            var (arguments, outer) = (new Tensor?[branch.Inputs.Length], new Tensor?[cotangents.Length]);
            foreach ((int k, int i) in known.Index()) arguments[i - 1] = x[k];
            foreach ((int k, int i) in given.Index()) outer[i] = x[known.Length + k];
            return Present(SubprogramRules.Transpose(branch.Program, arguments, outer, device));
        }));
        Tensor[] found = Bind(new Parameters(Back(p.True), Back(p.False)), [inputs[0]!, .. known.Select(i => inputs[i]!), .. given.Select(i => cotangents[i]!)]);
        var back = new Tensor?[inputs.Length];
        foreach ((int k, int i) in linear.Index()) back[i] = found[k];
        return back;
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        foreach (bool choice in (bool[])[true, false])
            yield return new Sample([Tensor.From([choice], []), source.Uniform([3]), source.Uniform([2, 3])])
            {
                ParametersFor = dtype =>
                {
                    Aval[] avals = [new(dtype, [3]), new(dtype, [2, 3])];
                    return new Parameters(Of(avals, x => [(x[1] * x[0]).Sin(), x[0]]), Of(avals, x => [x[1].Exp(), x[1].Sum(0) * x[0]]));
                },
            };
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source)
    {
        var p = new Parameters(Of([new(DType.F64, [3])], x => [x[0]]), Of([new(DType.F64, [3])], x => [-x[0]]));
        return [new([source.Uniform([]), source.Uniform([3])], p, "NB0522"), new([Tensor.From([true], []), source.Uniform([4])], p, "NB0522")];
    }

    private static Subprogram Of(Aval[] avals, Func<Tensor[], Tensor[]> function) => new(Subprogram.Record(avals, Device.Default, function));

    private Tensor[] Both(Parameters p, Tensor[] operands, bool[] batched, int size)
    {
        bool[] required = [.. p.True.Outputs.Select(_ => true)];
        Tensor[] onTrue = SubprogramRules.Batch(p.True.Program, operands[1..], batched[1..], required, size).Outputs;
        Tensor[] onFalse = SubprogramRules.Batch(p.False.Program, operands[1..], batched[1..], required, size).Outputs;
        return [.. onTrue.Zip(onFalse, (a, b) => Ops.Where(operands[0].BroadcastInDim(a.Shape, [0]), a, b))];
    }

    private (Tensor[] Outputs, Tensor?[] Tangents) Forward(Parameters p, Tensor[] primals, Tensor?[] tangents)
    {
        int[] active = [.. Enumerable.Range(1, primals.Length - 1).Where(i => tangents[i] is not null)];
        int count = p.True.Outputs.Length, arguments = primals.Length - 1;
        var has = new bool[count];
        Program Rates(Subprogram branch) => Subprogram.Record([.. branch.Inputs, .. active.Select(i => primals[i].Aval)], primals[0].Device, x =>
        {
            var rates = new Tensor?[arguments];
            foreach ((int k, int i) in active.Index()) rates[i - 1] = x[arguments + k];
            (Tensor[] outputs, Tensor?[] found) = SubprogramRules.Jvp(branch.Program, x[..arguments], rates);
            for (int i = 0; i < count; i++)
            {
                has[i] |= found[i] is not null;
                if (has[i]) found[i] ??= outputs[i].ZerosLike();
            }
            return [.. outputs, .. Present(found)];
        });
        // Which results have tangents is known when both have been traced.
        Rates(p.True);
        Program onFalse = Rates(p.False), onTrue = Rates(p.True);
        Tensor[] results = Bind(new Parameters(new Subprogram(onTrue), new Subprogram(onFalse)), [.. primals, .. active.Select(i => tangents[i]!)]);
        var next = new Queue<Tensor>(results[count..]);
        return (results[..count], [.. has.Select(h => h ? next.Dequeue() : null)]);
    }

    // The forward branches return the residuals of both, zeros for the one that did not run.
    private (Tensor[] Outputs, Tensor?[] Tangents) Linearize(Parameters p, Tensor[] primals, Tensor?[] tangents)
    {
        Device device = primals[0].Device;
        bool[] active = Some(tangents)[1..], passable = [.. active.Select(_ => true)];
        int count = p.True.Outputs.Length;
        SubprogramRules.Halves Split(Subprogram branch, bool[] required) => SubprogramRules.Split(branch.Program, device, active, required, passable);
        SubprogramRules.Halves onFalse = Split(p.False, Split(p.True, new bool[count]).HasTangent), onTrue = Split(p.True, onFalse.HasTangent);
        Aval[] ofTrue = Residuals(onTrue, count), ofFalse = Residuals(onFalse, count);
        Program forwardTrue = WithResults(onTrue.Forward, [.. ofFalse.Select(a => SubprogramRules.Zero(a, device))], count + ofTrue.Length);
        Program forwardFalse = WithResults(onFalse.Forward, [.. ofTrue.Select(a => SubprogramRules.Zero(a, device))], count);
        Tensor[] kept = Bind(new Parameters(new Subprogram(forwardTrue), new Subprogram(forwardFalse)), primals);

        // Arguments of the linear branches: residuals of both, all passed operands of both, tangents.
        int[] passed = [.. onTrue.Passed.Concat(onFalse.Passed).Distinct().Order()];
        Aval[] rest = [.. passed.Select(i => primals[i + 1].Aval), .. active.Index().Where(a => a.Item).Select(a => primals[a.Index + 1].Aval)];
        Program Linear(SubprogramRules.Halves half, int start, int own) => Subprogram.Record([.. ofTrue, .. ofFalse, .. rest], device, x =>
        {
            Tensor[] known = x[(ofTrue.Length + ofFalse.Length)..];
            return half.Linear.Apply([.. x[start..(start + own)], .. half.Passed.Select(i => known[Array.IndexOf(passed, i)]), .. known[passed.Length..]]);
        });
        var choice = new Parameters(new Subprogram(Linear(onTrue, 0, ofTrue.Length)), new Subprogram(Linear(onFalse, ofTrue.Length, ofFalse.Length)));
        var rates = new Queue<Tensor>(Bind(choice, [primals[0], .. kept[count..], .. passed.Select(i => primals[i + 1]), .. Present(tangents)]));
        return (kept[..count], [.. onTrue.HasTangent.Select(h => h ? rates.Dequeue() : null)]);
    }

    private static Aval[] Residuals(SubprogramRules.Halves half, int count) => [.. half.Forward.Outputs.Skip(count).Select(a => a.Aval)];

    // The program with more results, inserted before position `at`.
    private static Program WithResults(Program program, Atom[] more, int at) => new([.. program.ConstVars], [.. program.Constants], [.. program.InVars],
        program.Equations, [.. program.Outputs.Take(at), .. more, .. program.Outputs.Skip(at)], program.VarCount);
}
