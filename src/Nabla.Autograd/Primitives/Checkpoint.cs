namespace Nabla.Autograd;

/// <summary>
/// checkpoint: a program whose intermediate results are not kept for reverse mode but computed again on the way back. Its tangents are a checkpoint again, of the
/// program that goes through the point once more and applies the derivative there.
/// </summary>
public sealed class CheckpointPrimitive() : ProgramCallPrimitive("checkpoint")
{
    internal static readonly CheckpointPrimitive Instance = new();

    /// <summary>The program.</summary>
    public sealed record Parameters(Subprogram Body);

    /// <inheritdoc/>
    protected override Subprogram BodyOf(object? parameters) => ((Parameters)parameters!).Body;

    /// <inheritdoc/>
    public override (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize)
    {
        Program program = ((Parameters)parameters!).Body.Program;
        // Forward mode keeps nothing anyway.
        if (!linearize) return SubprogramRules.Jvp(program, primals, tangents);
        bool[] active = Some(tangents), has = [];
        Tensor[] rates = Present(tangents);
        Program linear = Subprogram.Record([.. primals.Concat(rates).Select(x => x.Aval)], primals[0].Device, x =>
        {
            (_, LinearMap map) = LinearMap.At(y => program.Apply(y), x[..primals.Length], active);
            has = map.HasTangent;
            return map.Program.Apply(x[primals.Length..]);
        });
        Tensor[] outputs = Bind(parameters, primals);
        if (Array.TrueForAll(has, h => !h)) return (outputs, new Tensor?[has.Length]);
        var next = new Queue<Tensor>(Bind(new Parameters(new Subprogram(linear)), [.. primals, .. rates]));
        return (outputs, [.. has.Select(h => h ? next.Dequeue() : null)]);
    }

    /// <inheritdoc/>
    public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        Subprogram body = ((Parameters)parameters!).Body;
        bool[] batched = Array.ConvertAll(axes, a => a is not null);
        (Subprogram program, bool[] has) = SubprogramRules.Batch(body, inputs[0].Device, batched, new bool[body.Outputs.Length], size);
        Tensor[] operands = [.. inputs.Select((x, i) => batched[i] ? Batching.ToFront(x, axes[i], size) : x)];
        return (Bind(new Parameters(program), operands), [.. has.Select(h => h ? 0 : (int?)null)]);
    }

    /// <inheritdoc/>
    public override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters)
    {
        Subprogram body = ((Parameters)parameters!).Body;
        Tensor[] known = Present(inputs), given = Present(cotangents);
        Device device = given[0].Device;
        Program back = Subprogram.Record([.. known.Concat(given).Select(x => x.Aval)], device, x =>
        {
            var next = new Queue<Tensor>(x);
            Tensor?[] arguments = [.. inputs.Select(i => i is null ? null : next.Dequeue())];
            Tensor?[] outer = [.. cotangents.Select(ct => ct is null ? null : next.Dequeue())];
            return Present(SubprogramRules.Transpose(body.Program, arguments, outer, device));
        });
        var found = new Queue<Tensor>(Bind(new Parameters(new Subprogram(back)), [.. known, .. given]));
        return [.. inputs.Select(i => i is null ? found.Dequeue() : null)];
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source) =>
    [
        new([source.Uniform([3, 3]), source.Uniform([2, 3]), source.Integers([2], 0, 3)])
        {
            ParametersFor = dtype => new Parameters(new Subprogram(Subprogram.Record([new(dtype, [3, 3]), new(dtype, [2, 3]), new(DType.I32, [2])], Device.Default, x =>
                [x[1].MatMul(x[0]).Tanh().MatMul(x[0]).Sin(), x[2] + 1, x[0].Exp().Sum(1)]))),
        },
    ];

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
        [new([source.Uniform([3])], new Parameters(new Subprogram(Subprogram.Record([new(DType.F64, [2])], Device.Default, x => [x[0].Exp()]))), "NB0522")];
}
