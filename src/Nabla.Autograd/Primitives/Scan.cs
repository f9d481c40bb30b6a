using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// scan: a loop of fixed length with a carry. Operands: constants, initial carry, sequences (time first). The body maps (constants, carry, one element of each
/// sequence) to (new carry, results); results are stacked along time.
/// </summary>
/// <remarks>
/// Derivatives: forward mode runs one loop over values and tangents. Reverse mode runs the loop once and keeps, step by step, what the derivative needs; the
/// tangents follow in a second loop whose body is linear, and cotangents in that loop transposed, from the last step to the first. Memory for reverse
/// mode: the body's residuals times the length.
/// </remarks>
public sealed class ScanPrimitive() : ProgramPrimitive("scan")
{
    internal static readonly ScanPrimitive Instance = new();

    /// <summary>How to loop.</summary>
    /// <param name="Body">(constants, carry, elements) → (carry, results).</param>
    /// <param name="Constants">Number of operands that are the same at every step.</param>
    /// <param name="Carry">Number of operands that each step replaces.</param>
    /// <param name="Length">Number of steps.</param>
    /// <param name="Reverse">From the last element to the first; results keep the place of their element.</param>
    public sealed record Parameters(Subprogram Body, int Constants, int Carry, int Length, bool Reverse);

    /// <inheritdoc/>
    public override string Print(object? parameters)
    {
        var p = (Parameters)parameters!;
        return $"constants={p.Constants} carry={p.Carry} length={p.Length}{(p.Reverse ? " reverse" : "")} body={p.Body}";
    }

    /// <inheritdoc/>
    public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        int fixedCount = p.Constants + p.Carry;
        Require(inputs, [.. p.Body.Inputs[..fixedCount], .. p.Body.Inputs[fixedCount..].Select(a => Stacked(a, p.Length))]);
        return [.. p.Body.Outputs[..p.Carry], .. p.Body.Outputs[p.Carry..].Select(a => Stacked(a, p.Length))];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        if (p.Length == 0)
        {
            for (int i = 0; i < p.Carry; i++) Move.Copy(inputs[p.Constants + i], outputs[i]);
            return;
        }
        DenseTensor[] operands = [.. inputs.ToArray().Select(Contiguous)];
        using Subprogram.Lease lease = p.Body.Rent(inputs.Length > 0 ? inputs[0].Device : outputs[0].Device);
        new Loop(p, operands, outputs.ToArray()).Run(lease.Plan);
        GC.KeepAlive(operands);
    }

    /// <inheritdoc/>
    public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        ReferenceArray[] operands = inputs.ToArray(), carry = operands[p.Constants..(p.Constants + p.Carry)];
        for (int i = 0; i < p.Length; i++)
        {
            int t = p.Reverse ? p.Length - 1 - i : i;
            ReferenceArray[] results = p.Body.Reference([.. operands[..p.Constants], .. carry, .. operands[(p.Constants + p.Carry)..].Select(x => Element(x, t))]);
            carry = results[..p.Carry];
            for (int y = p.Carry; y < results.Length; y++) results[y].Data.CopyTo(outputs[y].Data, t * results[y].Data.Length);
        }
        for (int i = 0; i < p.Carry; i++) carry[i].Data.CopyTo(outputs[i].Data, 0);
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
        bool[] batched = Array.ConvertAll(axes, a => a is not null), required = new bool[p.Body.Outputs.Length], has = [];
        Subprogram body;
        // A carry that becomes batched in the body is batched from the start; that may make others so.
        do
        {
            for (int i = 0; i < p.Carry; i++) required[i] = batched[p.Constants + i];
            (body, has) = SubprogramRules.Batch(p.Body, inputs[0].Device, batched, required, size);
        }
        while (Grow(batched.AsSpan(p.Constants, p.Carry), has));
        int sequences = p.Constants + p.Carry;
        Tensor[] operands = [.. inputs.Select((x, i) => !batched[i] ? x : i < sequences ? Batching.ToFront(x, axes[i], size) : x.MoveAxis(axes[i]!.Value, 1))];
        Tensor[] outputs = Bind(p with { Body = body }, operands);
        return (outputs, [.. has.Select((b, i) => b ? i < p.Carry ? 0 : 1 : (int?)null)]);
    }

    /// <summary>
    /// For a loop that is linear in its carry and in the operands given as null: the loop backwards, which carries the cotangents of the carry and adds
    /// up those of the constants.
    /// </summary>
    public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters)
    {
        var p = (Parameters)parameters!;
        int sequences = p.Constants + p.Carry, results = p.Body.Outputs.Length - p.Carry;
        Device device = Present([.. cotangents, .. inputs])[0].Device;
        int[] knownConstants = [.. Enumerable.Range(0, p.Constants).Where(i => inputs[i] is not null)], linearConstants = [.. Enumerable.Range(0, p.Constants).Except(knownConstants)];
        int[] knownSequences = [.. Enumerable.Range(sequences, inputs.Length - sequences).Where(i => inputs[i] is not null)];
        int[] linearSequences = [.. Enumerable.Range(sequences, inputs.Length - sequences).Except(knownSequences)];
        int[] given = [.. Enumerable.Range(p.Carry, results).Where(i => cotangents[i] is not null)];
        Aval[] sums = [.. linearConstants.Select(i => avals[i])], carry = p.Body.Inputs[p.Constants..sequences];

        Program body = Subprogram.Record(
            [.. knownConstants.Select(i => avals[i]), .. sums, .. carry, .. knownSequences.Select(i => p.Body.Inputs[i]), .. given.Select(i => p.Body.Outputs[i])], device, x =>
        {
            var next = new Queue<Tensor>(x);
            var known = new Tensor?[inputs.Length];
            foreach (int i in knownConstants) known[i] = next.Dequeue();
            Tensor[] sum = Array.ConvertAll(sums, _ => next.Dequeue());
            var outer = new Tensor?[cotangents.Length];
            for (int i = 0; i < carry.Length; i++) outer[i] = next.Dequeue();
            foreach (int i in knownSequences) known[i] = next.Dequeue();
            foreach (int i in given) outer[i] = next.Dequeue();
            Tensor?[] inner = SubprogramRules.Transpose(p.Body.Program, known, outer, device);
            return [.. sum.Select((s, i) => s + inner[linearConstants[i]]!), .. Present(inner[p.Constants..sequences]), .. linearSequences.Select(i => inner[i]!)];
        });
        Tensor[] found = Bind(new Parameters(new Subprogram(body), knownConstants.Length, sums.Length + carry.Length, p.Length, !p.Reverse),
        [
            .. knownConstants.Select(i => inputs[i]!), .. sums.Select(a => SubprogramRules.Zeros(a, device)),
            .. carry.Select((a, i) => cotangents[i] ?? SubprogramRules.Zeros(a, device)), .. knownSequences.Select(i => inputs[i]!), .. given.Select(i => cotangents[i]!),
        ]);
        var back = new Tensor?[inputs.Length];
        foreach ((int k, int i) in linearConstants.Concat(Enumerable.Range(p.Constants, p.Carry)).Concat(linearSequences).Index()) back[i] = found[k];
        return back;
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        foreach (bool reverse in (bool[])[false, true])
        {
            // A recurrent cell: constant matrix, carry, sequence in, sequence out.
            yield return new Sample([source.Uniform([3, 3]), source.Uniform([2, 3]), source.Uniform([4, 2, 3])])
            {
                ParametersFor = dtype => Of([new(dtype, [3, 3]), new(dtype, [2, 3]), new(dtype, [2, 3])], 1, 1, 4, reverse, x =>
                {
                    Tensor h = (x[1].MatMul(x[0]) + x[2]).Tanh();
                    return [h, h * x[2]];
                }),
            };
        }
        // Two carries of which one feeds the other late, an integer counter, and no result.
        yield return new Sample([source.Uniform([3]), source.Uniform([3]), source.Integers([], 0, 3), source.Uniform([5, 3])])
        {
            ParametersFor = dtype => Of([new(dtype, [3]), new(dtype, [3]), new(DType.I32, []), new(dtype, [3])], 0, 3, 5, false, x =>
                [x[1].Sin(), x[0] * x[3] + x[2].To(dtype), x[2] + 1]),
        };
        foreach (int length in (int[])[0, 1])
            yield return new Sample([source.Uniform([2]), source.Uniform([length, 2])])
            {
                ParametersFor = dtype => Of([new(dtype, [2]), new(dtype, [2])], 0, 1, length, false, x => [x[0] * x[1], x[0].Exp()]),
            };
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source)
    {
        Parameters p = Of([new(DType.F64, [2]), new(DType.F64, [2])], 0, 1, 3, false, x => [x[0] * x[1]]);
        return [new([source.Uniform([2]), source.Uniform([4, 2])], p, "NB0522"), new([source.Uniform([2])], p, "NB0522")];
    }

    private static Parameters Of(Aval[] avals, int constants, int carry, int length, bool reverse, Func<Tensor[], Tensor[]> body) =>
        new(new Subprogram(Subprogram.Record(avals, Device.Default, body)), constants, carry, length, reverse);

    // One loop that carries values and tangents.
    private (Tensor[] Outputs, Tensor?[] Tangents) Forward(Parameters p, Tensor[] primals, Tensor?[] tangents)
    {
        (bool[] active, bool[] has) = (Some(tangents), []);
        int sequences = p.Constants + p.Carry, results = p.Body.Outputs.Length;
        Program body;
        do
        {
            Aval[] avals = [.. Interleaved(p, p.Body.Inputs, active, p.Body.Inputs)];
            body = Subprogram.Record(avals, primals[0].Device, x =>
            {
                (Tensor[] values, Tensor?[] rates) = Separate(p, x, active);
                (Tensor[] outputs, Tensor?[] outRates) = SubprogramRules.Jvp(p.Body.Program, values, rates);
                has = [.. outRates.Select((r, i) => r is not null || (i < p.Carry && active[p.Constants + i]))];
                for (int i = 0; i < p.Carry; i++)
                    if (has[i]) outRates[i] ??= outputs[i].ZerosLike();
                return [.. outputs[..p.Carry], .. Present(outRates[..p.Carry]), .. outputs[p.Carry..], .. Present(outRates[p.Carry..])];
            });
        }
        while (Grow(active.AsSpan(p.Constants, p.Carry), has));
        Tensor[] rates = [.. tangents.Select((t, i) => active[i] ? t ?? primals[i].ZerosLike() : primals[i])];
        int extraConstants = active[..p.Constants].Count(a => a), extraCarry = active[p.Constants..sequences].Count(a => a);
        Tensor[] found = Bind(p with { Body = new Subprogram(body), Constants = p.Constants + extraConstants, Carry = p.Carry + extraCarry },
            [.. Interleaved(p, primals, active, rates)]);
        var next = new Queue<Tensor>(found);
        var (outputs, outTangents) = (new Tensor[results], new Tensor?[results]);
        foreach ((int start, int end) in ((int, int)[])[(0, p.Carry), (p.Carry, results)])
        {
            for (int i = start; i < end; i++) outputs[i] = next.Dequeue();
            for (int i = start; i < end; i++) outTangents[i] = has[i] ? next.Dequeue() : null;
        }
        return (outputs, outTangents);
    }

    // A loop that keeps residuals, and a linear loop over them.
    private (Tensor[] Outputs, Tensor?[] Tangents) Linearize(Parameters p, Tensor[] primals, Tensor?[] tangents)
    {
        bool[] active = Some(tangents), required = new bool[p.Body.Outputs.Length];
        int sequences = p.Constants + p.Carry, results = p.Body.Outputs.Length;
        bool[] passable = [.. Enumerable.Range(0, primals.Length).Select(i => i < p.Constants || i >= sequences)];
        SubprogramRules.Halves halves;
        do
        {
            for (int i = 0; i < p.Carry; i++) required[i] = active[p.Constants + i];
            halves = SubprogramRules.Split(p.Body.Program, primals[0].Device, active, required, passable);
        }
        while (Grow(active.AsSpan(p.Constants, p.Carry), halves.HasTangent));
        Tensor[] kept = Bind(p with { Body = new Subprogram(halves.Forward) }, primals), residuals = kept[results..];

        // The linear program's arguments in the order of a loop: constants, carry, sequences.
        int[] activeInputs = [.. Enumerable.Range(0, active.Length).Where(i => active[i])];
        Tensor[] operands = [.. residuals, .. halves.Passed.Select(i => primals[i]), .. activeInputs.Select(i => tangents[i] ?? primals[i].ZerosLike())];
        int[] origin = [.. Enumerable.Repeat(int.MaxValue, residuals.Length), .. halves.Passed, .. activeInputs];
        int[] order = [.. Enumerable.Range(0, origin.Length).OrderBy(k => origin[k] < p.Constants ? 0 : origin[k] < sequences ? 1 : 2)];
        Program linear = halves.Linear;
        var body = new Program([.. linear.ConstVars], [.. linear.Constants], [.. order.Select(k => linear.InVars[k])], linear.Equations, [.. linear.Outputs], linear.VarCount);
        var loop = new Parameters(new Subprogram(body), origin.Count(o => o < p.Constants), active[p.Constants..sequences].Count(a => a), p.Length, p.Reverse);
        var rates = new Queue<Tensor>(Bind(loop, [.. order.Select(k => operands[k])]));
        return (kept[..results], [.. halves.HasTangent.Select(h => h ? rates.Dequeue() : null)]);
    }

    // Values, then tangents of the active ones, group by group: constants, carry, sequences.
    private static IEnumerable<T> Interleaved<T>(Parameters p, T[] values, bool[] active, T[] rates)
    {
        foreach (Range group in Groups(p, values.Length))
        {
            foreach (T value in values[group]) yield return value;
            foreach ((T rate, bool has) in rates[group].Zip(active[group]))
                if (has) yield return rate;
        }
    }

    private static (Tensor[] Values, Tensor?[] Rates) Separate(Parameters p, Tensor[] x, bool[] active)
    {
        var next = new Queue<Tensor>(x);
        var (values, rates) = (new Tensor[active.Length], new Tensor?[active.Length]);
        foreach (Range group in Groups(p, active.Length))
        {
            (int start, int length) = group.GetOffsetAndLength(active.Length);
            for (int i = start; i < start + length; i++) values[i] = next.Dequeue();
            for (int i = start; i < start + length; i++) rates[i] = active[i] ? next.Dequeue() : null;
        }
        return (values, rates);
    }

    private static Range[] Groups(Parameters p, int count) => [0..p.Constants, p.Constants..(p.Constants + p.Carry), (p.Constants + p.Carry)..count];

    private static Aval Stacked(Aval element, int length) => new(element.DType, element.Shape.Insert(0, length));

    private static ReferenceArray Element(ReferenceArray x, int t)
    {
        var element = new ReferenceArray(new Aval(x.Aval.DType, x.Shape.Without([0])));
        Array.Copy(x.Data, t * element.Data.Length, element.Data, 0, element.Data.Length);
        return element;
    }

    /// <summary>Runs a body over windows that move along the sequences; the carry alternates between its result and a spare.</summary>
    private sealed class Loop
    {
        private readonly Parameters _p;
        private readonly Tensor[] _inputs, _outputs;
        private readonly DenseTensor[] _spare;
        private readonly DenseTensor[] _results;
        private readonly (Buffer Window, nint Start, long Stride)[] _moving;

        public Loop(Parameters p, DenseTensor[] inputs, DenseTensor[] outputs)
        {
            (_p, _results) = (p, outputs);
            (_inputs, _outputs) = ([.. inputs], [.. outputs]);
            _spare = Array.ConvertAll(outputs[..p.Carry], o => DenseTensor.Allocate(o.Aval, o.Device));
            var moving = new List<(Buffer, nint, long)>();
            for (int i = p.Constants + p.Carry; i < inputs.Length; i++) _inputs[i] = Window(inputs[i], moving);
            for (int i = p.Carry; i < outputs.Length; i++) _outputs[i] = Window(outputs[i], moving);
            _moving = [.. moving];
        }

        public void Run(Plan plan)
        {
            for (int i = 0; i < _p.Length; i++)
            {
                int t = _p.Reverse ? _p.Length - 1 - i : i;
                foreach ((Buffer window, nint start, long stride) in _moving) window.Retarget(start + (nint)(t * stride));
                // The last step writes the result itself.
                DenseTensor[] target = (_p.Length - 1 - i) % 2 == 0 ? _results : _spare;
                for (int c = 0; c < _p.Carry; c++) _outputs[c] = target[c];
                plan.Run(_inputs, _outputs);
                for (int c = 0; c < _p.Carry; c++) _inputs[_p.Constants + c] = target[c];
            }
        }

        private static DenseTensor Window(DenseTensor sequence, List<(Buffer, nint, long)> moving)
        {
            Shape element = sequence.Shape.Without([0]);
            long stride = element.Count * sequence.DType.Size;
            nint start = sequence.Buffer.Address + (nint)(sequence.Layout.Offset * sequence.DType.Size);
            Buffer window = Buffer.Window(sequence.Device, start, stride, sequence);
            moving.Add((window, start, stride));
            return new DenseTensor(sequence.DType, window, Layout.RowMajor(element));
        }
    }
}
