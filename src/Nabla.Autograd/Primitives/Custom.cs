namespace Nabla.Autograd;

/// <summary>
/// custom: a program with rules of the user in place of those that follow from its parts: a derivative forward (JVP), or backward (VJP), or a batching rule.
/// </summary>
public sealed class CustomPrimitive() : ProgramCallPrimitive("custom")
{
    internal static readonly CustomPrimitive Instance = new();

    /// <summary>A batching rule: operands (a batch, where there is one, on axis 0), which of them have one, the number of members; results with the batch on axis 0.</summary>
    internal delegate Tensor[] BatchRule(Tensor[] inputs, bool[] batched, int size);

    /// <summary>The program and its rules; rules are recorded when they are first needed.</summary>
    public sealed class Parameters
    {
        /// <summary>The program.</summary>
        public required Subprogram Body { get; init; }

        /// <summary>(operands, tangents of the float ones) → (results, tangents of the float ones).</summary>
        internal Lazy<Subprogram>? Jvp { get; init; }

        /// <summary>Operands → (results, residuals).</summary>
        internal Lazy<Subprogram>? Forward { get; init; }

        /// <summary>(residuals, cotangents of the float results) → cotangents of the float operands.</summary>
        internal Lazy<Subprogram>? Backward { get; init; }

        internal BatchRule? Batch { get; init; }
    }

    /// <inheritdoc/>
    protected override Subprogram BodyOf(object? parameters) => ((Parameters)parameters!).Body;

    /// <inheritdoc/>
    public override (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize)
    {
        var p = (Parameters)parameters!;
        int count = p.Body.Outputs.Length;
        if (p.Jvp is null && p.Backward is null) return SubprogramRules.Jvp(p.Body.Program, primals, tangents, linearize);
        Tensor[] rates = [.. primals.Index().Where(x => x.Item.DType.IsFloat).Select(x => tangents[x.Index] ?? x.Item.ZerosLike())];
        Tensor[] outputs, found;
        if (p.Jvp is not null)
        {
            Tensor[] results = p.Jvp.Value.Program.Apply([.. primals, .. rates]);
            (outputs, found) = (results[..count], results[count..]);
        }
        else
        {
            Tensor[] results = p.Forward!.Value.Program.Apply(primals), residuals = results[count..];
            outputs = results[..count];
            found = AdjointPrimitive.Instance.Bind(new AdjointPrimitive.Parameters(p.Backward!.Value, residuals.Length), [.. residuals, .. rates]);
        }
        var next = new Queue<Tensor>(found);
        return (outputs, [.. outputs.Select(y => y.DType.IsFloat ? next.Dequeue() : null)]);
    }

    /// <inheritdoc/>
    public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        var p = (Parameters)parameters!;
        bool[] batched = Array.ConvertAll(axes, a => a is not null);
        Tensor[] operands = [.. inputs.Select((x, i) => batched[i] ? Batching.ToFront(x, axes[i], size) : x)];
        int?[] front = [.. p.Body.Outputs.Select(_ => (int?)0)];
        if (p.Batch is not null) return (p.Batch(operands, batched, size), front);
        Device device = inputs[0].Device;
        bool[] floats = [.. batched.Where((_, i) => inputs[i].DType.IsFloat)];
        Subprogram All(Subprogram rule, bool[] which) => SubprogramRules.Batch(rule, device, which, [.. rule.Outputs.Select(_ => true)], size).Program;
        var together = new Parameters
        {
            Body = All(p.Body, batched),
            Jvp = p.Jvp is { } jvp ? new(() => All(jvp.Value, [.. batched, .. floats])) : null,
            Forward = p.Forward is { } forward ? new(() => All(forward.Value, batched)) : null,
            Backward = p.Backward is { } backward ? new(() => AdjointPrimitive.Batched(backward.Value, device, [.. backward.Value.Inputs.Select(_ => true)], floats, size)) : null,
        };
        return (Bind(together, operands), front);
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        // log(1 + eˣ)·y with its derivative given, forward and backward.
        foreach (bool forward in (bool[])[true, false])
            yield return new Sample([source.Uniform([2, 3]), source.Uniform([3]), source.Integers([3], 0, 5)]) { ParametersFor = dtype => Softplus(dtype, forward) };
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Uniform([3])], Softplus(DType.F64, true), "NB0522")];

    private static Parameters Softplus(DType dtype, bool forward)
    {
        Aval x = new(dtype, [2, 3]), y = new(dtype, [3]), n = new(DType.I32, [3]);
        Subprogram Of(Aval[] avals, Func<Tensor[], Tensor[]> f) => new(Subprogram.Record(avals, Device.Default, f));
        Subprogram body = Of([x, y, n], v => [v[0].Exp().Log1p() * v[1], v[2] + 1]);
        if (forward)
            return new Parameters { Body = body, Jvp = new(() => Of([x, y, n, x, y], v => [v[0].Softplus() * v[1], v[2] + 1, v[0].Sigmoid() * v[3] * v[1] + v[0].Softplus() * v[4]])) };
        return new Parameters
        {
            Body = body,
            Forward = new(() => Of([x, y, n], v => [v[0].Softplus() * v[1], v[2] + 1, v[0], v[1]])),
            Backward = new(() => Of([x, y, x], v => [v[0].Sigmoid() * v[1] * v[2], (v[0].Softplus() * v[2]).Sum(0)])),
        };
    }
}

/// <summary>
/// adjoint: a linear map that is given by its adjoint, a program (residuals, cotangents of results) → cotangents of operands. Operands: residuals, then those in which
/// it is linear. Its transpose runs the program; forward, the program is transposed, which needs its parts to be linear in the cotangents.
/// </summary>
public sealed class AdjointPrimitive() : ProgramPrimitive("adjoint")
{
    internal static readonly AdjointPrimitive Instance = new();

    /// <summary>The adjoint, and how many residuals it takes.</summary>
    public sealed record Parameters(Subprogram Adjoint, int Residuals)
    {
        private Subprogram? _forth;

        /// <summary>The map itself, (residuals, operands) → results; null until it is asked for.</summary>
        internal Subprogram Forth => _forth ??= new Subprogram(Subprogram.Record([.. Adjoint.Inputs[..Residuals], .. Adjoint.Outputs], Device.Default, x =>
        {
            Tensor?[] arguments = [.. x[..Residuals], .. Adjoint.Inputs[Residuals..].Select(_ => (Tensor?)null)];
            return Present(SubprogramRules.Transpose(Adjoint.Program, arguments, x[Residuals..], x[0].Device));
        }));
    }

    /// <inheritdoc/>
    public override string Print(object? parameters) => $"residuals={((Parameters)parameters!).Residuals} adjoint={((Parameters)parameters).Adjoint}";

    /// <inheritdoc/>
    public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
    {
        var p = (Parameters)parameters!;
        Require(inputs, [.. p.Adjoint.Inputs[..p.Residuals], .. p.Adjoint.Outputs]);
        return p.Adjoint.Inputs[p.Residuals..];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        ((Parameters)parameters!).Forth.Run(inputs, outputs);

    /// <inheritdoc/>
    public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters) =>
        ((Parameters)parameters!).Forth.Reference(inputs, outputs);

    /// <inheritdoc/>
    public override (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize)
    {
        var p = (Parameters)parameters!;
        Tensor[] outputs = Bind(parameters, primals);
        bool residualsMove = tangents[..p.Residuals].Any(t => t is not null), operandsMove = tangents[p.Residuals..].Any(t => t is not null);
        // In its operands it is its own derivative; in the residuals it has that of the program that computes it.
        Tensor?[] found = residualsMove
            ? SubprogramRules.Jvp(p.Forth.Program, primals, [.. tangents[..p.Residuals], .. new Tensor?[primals.Length - p.Residuals]], linearize).Tangents
            : new Tensor?[outputs.Length];
        if (operandsMove)
        {
            Tensor[] own = Bind(parameters, [.. primals[..p.Residuals], .. tangents[p.Residuals..].Select((t, i) => t ?? primals[p.Residuals + i].ZerosLike())]);
            for (int i = 0; i < own.Length; i++) found[i] = found[i] is { } other ? other + own[i] : own[i];
        }
        return (outputs, found);
    }

    /// <inheritdoc/>
    public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters)
    {
        var p = (Parameters)parameters!;
        Tensor[] residuals = Present(inputs[..p.Residuals]);
        if (residuals.Length < p.Residuals) throw AutogradErrors.NotLinear(Name);
        Device device = Present(cotangents)[0].Device;
        Tensor[] outer = [.. cotangents.Select((ct, i) => ct ?? SubprogramRules.Zeros(p.Adjoint.Inputs[p.Residuals + i], device))];
        return [.. new Tensor?[p.Residuals], .. p.Adjoint.Program.Apply([.. residuals, .. outer])];
    }

    /// <inheritdoc/>
    public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        var p = (Parameters)parameters!;
        bool[] batched = [.. axes[..p.Residuals].Select(a => a is not null), .. Enumerable.Repeat(true, p.Adjoint.Inputs.Length - p.Residuals)];
        Tensor[] operands = [.. inputs.Select((x, i) => i < p.Residuals && axes[i] is null ? x : Batching.ToFront(x, axes[i], size))];
        Subprogram together = Batched(p.Adjoint, inputs[0].Device, batched, [.. p.Adjoint.Outputs.Select(_ => true)], size);
        return (Bind(new Parameters(together, p.Residuals), operands), [.. p.Adjoint.Inputs[p.Residuals..].Select(_ => (int?)0)]);
    }

    /// <summary>An adjoint for a batch: results for operands that are the same for all members are summed over them.</summary>
    internal static Subprogram Batched(Subprogram adjoint, Device device, bool[] batched, bool[] operands, int size) => new(Subprogram.Record(
        SubprogramRules.Batched(adjoint.Inputs, batched, size), device, x =>
        {
            Tensor[] found = SubprogramRules.Batch(adjoint.Program, x, batched, [.. adjoint.Outputs.Select(_ => true)], size).Outputs;
            return [.. found.Select((ct, i) => operands[i] ? ct : ct.Sum(0))];
        }));

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        yield return new Sample([source.Uniform([3]), source.Uniform([2, 3]), source.Uniform([2])])
        {
            ParametersFor = dtype => new Parameters(new Subprogram(Subprogram.Record([new(dtype, [3]), new(dtype, [2, 3])], Device.Default, x =>
                [x[1] * x[0].Sin(), x[1].Sum(1)])), 1),
        };
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
    [
        new([source.Uniform([3]), source.Uniform([3])],
            new Parameters(new Subprogram(Subprogram.Record([new(DType.F64, [2]), new(DType.F64, [2])], Device.Default, x => [x[0] * x[1]])), 1), "NB0522"),
    ];
}
