using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// while: repeats a body as long as a condition on the carry holds. Operands: constants of the condition, constants of the body, initial carry. Batched, it
/// runs until no member goes on; members that have stopped keep their carry.
/// </summary>
public sealed class WhilePrimitive() : ProgramPrimitive("while")
{
    internal static readonly WhilePrimitive Instance = new();

    /// <summary>What to repeat.</summary>
    /// <param name="Condition">(its constants, carry) → bool[].</param>
    /// <param name="Body">(its constants, carry) → carry.</param>
    /// <param name="ConditionConstants">Number of operands for the condition alone.</param>
    /// <param name="BodyConstants">Number of operands for the body alone.</param>
    public sealed record Parameters(Subprogram Condition, Subprogram Body, int ConditionConstants, int BodyConstants)
    {
        /// <summary>Number of operands before the carry.</summary>
        public int Constants => ConditionConstants + BodyConstants;
    }

    /// <inheritdoc/>
    public override bool HasReverseMode => false;

    /// <inheritdoc/>
    public override string Print(object? parameters)
    {
        var p = (Parameters)parameters!;
        return $"constants=({p.ConditionConstants},{p.BodyConstants}) condition={p.Condition} body={p.Body}";
    }

    /// <inheritdoc/>
    public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        Require(inputs, [.. p.Condition.Inputs[..p.ConditionConstants], .. p.Body.Inputs]);
        return p.Body.Outputs;
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        DenseTensor[] operands = [.. inputs.ToArray().Select(Contiguous)];
        Device device = inputs[0].Device;
        Tensor[] answer = [DenseTensor.Allocate(new Aval(DType.Bool, Shape.Scalar), device)], carry = operands[p.Constants..];
        Tensor[] condition = [.. operands[..p.ConditionConstants], .. carry], body = [.. operands[p.ConditionConstants..]];
        // Two sets take turns; the initial carry is only read.
        Tensor[][] turns = [[.. outputs], [.. outputs.ToArray().Select(o => DenseTensor.Allocate(o.Aval, device))]];
        using Subprogram.Lease conditionLease = p.Condition.Rent(device), bodyLease = p.Body.Rent(device);
        for (int step = 0; ; step++)
        {
            carry.CopyTo(condition, p.ConditionConstants);
            conditionLease.Plan.Run(condition, answer);
            if (answer[0].Dense.ToDouble() == 0) break;
            carry.CopyTo(body, p.BodyConstants);
            bodyLease.Plan.Run(body, turns[step % 2]);
            carry = turns[step % 2];
        }
        for (int i = 0; i < carry.Length; i++)
            if (!ReferenceEquals(carry[i], outputs[i])) Move.Copy((DenseTensor)carry[i], outputs[i]);
        GC.KeepAlive(operands);
    }

    /// <inheritdoc/>
    public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        ReferenceArray[] operands = inputs.ToArray(), carry = operands[p.Constants..];
        while (p.Condition.Reference([.. operands[..p.ConditionConstants], .. carry])[0].Data[0] != 0)
            carry = p.Body.Reference([.. operands[p.ConditionConstants..p.Constants], .. carry]);
        for (int i = 0; i < carry.Length; i++) carry[i].Data.CopyTo(outputs[i].Data, 0);
    }

    /// <summary>One loop that carries values and tangents. Constants of the condition have no influence on tangents.</summary>
    /// <exception cref="TraceException">NB0527: in reverse mode.</exception>
    public override (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize)
    {
        var p = (Parameters)parameters!;
        int count = p.Body.Outputs.Length;
        bool[] active = Some(tangents), has = [];
        if (Array.TrueForAll(active[p.ConditionConstants..], a => !a)) return (Bind(parameters, primals), new Tensor?[count]);
        if (linearize) throw AutogradErrors.WhileBackwards();
        Program body;
        int[] constants, carry;
        do
        {
            constants = [.. Enumerable.Range(p.ConditionConstants, p.BodyConstants).Where(i => active[i])];
            carry = [.. Enumerable.Range(p.Constants, count).Where(i => active[i])];
            (body, has) = BodyWithTangents(p, primals, active, constants, carry);
        }
        while (Grow(active.AsSpan(p.Constants), has));
        Program condition = Subprogram.Record([.. p.Condition.Inputs, .. carry.Select(i => primals[i].Aval)], primals[0].Device,
            x => p.Condition.Program.Apply(x[..^carry.Length]));
        Tensor[] results = Bind(new Parameters(new Subprogram(condition), new Subprogram(body), p.ConditionConstants, p.BodyConstants + constants.Length),
        [
            .. primals[..p.ConditionConstants], .. constants.Select(i => tangents[i]!), .. primals[p.ConditionConstants..],
            .. carry.Select(i => tangents[i] ?? primals[i].ZerosLike()),
        ]);
        var next = new Queue<Tensor>(results[count..]);
        return (results[..count], [.. has.Select(h => h ? next.Dequeue() : null)]);
    }

    /// <inheritdoc/>
    public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        var p = (Parameters)parameters!;
        bool[] batched = Array.ConvertAll(axes, a => a is not null);
        bool members = SpreadBatch(p, inputs[0].Device, batched, size);
        Tensor[] operands = [.. inputs.Select((x, i) => batched[i] ? Batching.ToFront(x, axes[i], size) : x)];
        Parameters together = Batched(p, operands, batched, members, size);
        Tensor[] outputs = Bind(together, [.. operands[..p.ConditionConstants], .. members ? operands[..p.ConditionConstants] : [], .. operands[p.ConditionConstants..]]);
        return (outputs, [.. batched[p.Constants..].Select(b => b ? 0 : (int?)null)]);
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        // Newton's square root: a constant for each program, a counter, and a carry whose number of steps depends on the data.
        yield return new Sample([Tensor.From([6], []), source.Uniform([3], 1, 4), Tensor.From([0], []), source.Uniform([3], 1, 2)])
        {
            ParametersFor = dtype => new Parameters(
                Of([new(DType.I32, []), new(DType.I32, []), new(dtype, [3])], x => [x[1] < x[0]]),
                Of([new(dtype, [3]), new(DType.I32, []), new(dtype, [3])], x => [x[1] + 1, 0.5 * (x[2] + x[0] / x[2])]), 1, 1),
        };
        yield return new Sample([source.Uniform([2], 0.6, 1)])
        {
            ParametersFor = dtype => new Parameters(Of([new(dtype, [2])], x => [x[0].Sum() < 10]), Of([new(dtype, [2])], x => [x[0] * 1.5 + 0.1]), 0, 0),
        };
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source)
    {
        var p = new Parameters(Of([new(DType.F64, [2])], x => [x[0].Sum() < 3]), Of([new(DType.F64, [2])], x => [x[0] + 1]), 0, 0);
        return [new([source.Uniform([3])], p, "NB0522")];
    }

    // (constants' tangents, body's operands, carry's tangents) → (carry, tangents of those that have one).
    private static (Program Body, bool[] Has) BodyWithTangents(Parameters p, Tensor[] primals, bool[] active, int[] constants, int[] carry)
    {
        bool[] has = [];
        Aval[] avals = [.. constants.Select(i => primals[i].Aval), .. p.Body.Inputs, .. carry.Select(i => primals[i].Aval)];
        Program body = Subprogram.Record(avals, primals[0].Device, x =>
        {
            Tensor[] values = x[constants.Length..^carry.Length];
            var rates = new Tensor?[values.Length];
            foreach ((int k, int i) in constants.Index()) rates[i - p.ConditionConstants] = x[k];
            foreach ((int k, int i) in carry.Index()) rates[i - p.ConditionConstants] = x[constants.Length + values.Length + k];
            (Tensor[] outputs, Tensor?[] found) = SubprogramRules.Jvp(p.Body.Program, values, rates);
            has = [.. found.Select((r, i) => r is not null || active[p.Constants + i])];
            return [.. outputs, .. Present(found.Select((r, i) => has[i] ? r ?? outputs[i].ZerosLike() : null))];
        });
        return (body, has);
    }

    // Marks every carry that becomes a batch. True if the condition differs between members: then all carries do.
    private static bool SpreadBatch(Parameters p, Device device, bool[] batched, int size)
    {
        bool members;
        bool[] has;
        do
        {
            members = SubprogramRules.Batch(p.Condition, device, OfCondition(p, batched), [false], size).Batched[0];
            bool[] required = [.. batched[p.Constants..].Select(b => b || members)];
            has = SubprogramRules.Batch(p.Body, device, batched[p.ConditionConstants..], required, size).Batched;
        }
        while (Grow(batched.AsSpan(p.Constants), has));
        return members;
    }

    // Goes on while any member does; the body asks the condition again, member by member, and keeps the carry of those that have stopped.
    private static Parameters Batched(Parameters p, Tensor[] operands, bool[] batched, bool members, int size)
    {
        Device device = operands[0].Device;
        bool[] ofCondition = OfCondition(p, batched), ofBody = batched[p.ConditionConstants..], required = batched[p.Constants..];
        if (!members)
            return p with { Condition = SubprogramRules.Batch(p.Condition, device, ofCondition, [false], size).Program, Body = SubprogramRules.Batch(p.Body, device, ofBody, required, size).Program };
        Tensor GoesOn(Tensor[] x) => SubprogramRules.Batch(p.Condition.Program, x, ofCondition, [true], size).Outputs[0];
        Aval[] asked = SubprogramRules.Batched(p.Condition.Inputs, ofCondition, size), own = SubprogramRules.Batched(p.Body.Inputs, ofBody, size);
        Program condition = Subprogram.Record(asked, device, x => [GoesOn(x).Any()]);
        Program body = Subprogram.Record([.. asked[..p.ConditionConstants], .. own], device, x =>
        {
            Tensor[] carry = x[p.Constants..];
            Tensor[] results = SubprogramRules.Batch(p.Body.Program, x[p.ConditionConstants..], ofBody, required, size).Outputs;
            Tensor goesOn = GoesOn([.. x[..p.ConditionConstants], .. carry]);
            return [.. results.Zip(carry, (after, before) => Ops.Where(goesOn.BroadcastInDim(after.Shape, [0]), after, before))];
        });
        return new Parameters(new Subprogram(condition), new Subprogram(body), p.ConditionConstants, p.Constants);
    }

    private static bool[] OfCondition(Parameters p, bool[] batched) => [.. batched[..p.ConditionConstants], .. batched[p.Constants..]];

    private static Subprogram Of(Aval[] avals, Func<Tensor[], Tensor[]> function) => new(Subprogram.Record(avals, Device.Default, function));
}
