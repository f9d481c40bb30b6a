namespace Nabla.Autograd;

/// <summary>
/// A function's derivative at a point as a program that is linear in the tangents of its inputs. Run forward it is the JVP; run
/// backward by the primitives' transposes it is the VJP.
/// </summary>
/// <remarks>
/// Recorded in one pass: the JVP trace computes primal values in the outer world (so they are evaluated, batched or recorded
/// there) and tangents as stand-ins of a recording, which thus holds the linear part alone.
/// </remarks>
internal sealed class LinearMap
{
    private readonly Program _program;
    private readonly Aval[] _inputs;
    private readonly bool[] _active;
    private readonly bool[] _hasTangent;
    private readonly Device _device;

    private LinearMap(Program program, Aval[] inputs, bool[] active, bool[] hasTangent, Device device)
    {
        _program = program;
        _inputs = inputs;
        _active = active;
        _hasTangent = hasTangent;
        _device = device;
    }

    /// <summary>The recorded program: tangents of the active inputs to those of the outputs that depend on them.</summary>
    public Program Program => _program;

    /// <summary>Which outputs have a tangent, in the order of the function's results.</summary>
    public bool[] HasTangent => _hasTangent;

    /// <summary>Runs <paramref name="function"/> at a point and records its derivative there.</summary>
    /// <param name="function">From tensors to tensors.</param>
    /// <param name="point">Where.</param>
    /// <param name="active">The inputs that are differentiated: all floats unless given.</param>
    public static (Tensor[] Outputs, LinearMap Map) At(Func<Tensor[], Tensor[]> function, Tensor[] point, bool[]? active = null)
    {
        active ??= Array.ConvertAll(point, p => p.DType.IsFloat);
        var recording = new IrTrace("linearize");
        var jvp = new JvpTrace(linearize: true);
        try
        {
            var inputs = new Tensor[point.Length];
            for (int i = 0; i < point.Length; i++)
                inputs[i] = jvp.Lift(point[i], active[i] ? recording.AddInput(point[i].Aval, point[i].Device) : null);
            Tensor[] results = function(inputs);
            var outputs = new Tensor[results.Length];
            var tangents = new Tensor?[results.Length];
            for (int i = 0; i < results.Length; i++) (outputs[i], tangents[i]) = jvp.Lower(results[i]);
            Program program = recording.Finish([.. tangents.Where(t => t is not null).Select(t => t!)]);
            if (NablaDebug.Checks.HasFlag(DebugChecks.Ir)) IrChecker.Check(program);
            bool[] hasTangent = Array.ConvertAll(tangents, t => t is not null);
            Device device = point.Length > 0 ? point[0].Device : Device.Default;
            return (outputs, new LinearMap(program, Array.ConvertAll(point, p => p.Aval), active, hasTangent, device));
        }
        finally
        {
            jvp.End();
            recording.End();
        }
    }

    /// <summary>Tangents of the outputs; null where they are zero for every input.</summary>
    public Tensor?[] Apply(Tensor[] tangents)
    {
        Tensor[] results = _program.Apply([.. tangents.Where((_, i) => _active[i])]);
        var outputs = new Tensor?[_hasTangent.Length];
        for (int i = 0, k = 0; i < outputs.Length; i++)
            if (_hasTangent[i]) outputs[i] = results[k++];
        return outputs;
    }

    /// <summary>
    /// Cotangents of the inputs: zeros of the right type for an input that the outputs do not depend on; for integer and boolean inputs
    /// zeros of their own type.
    /// </summary>
    public Tensor[] ApplyTransposed(Tensor?[] cotangents)
    {
        Tensor?[] found = Transposition.Run(_program, new Tensor?[_program.InVars.Count], [.. cotangents.Where((_, i) => _hasTangent[i])]);
        var results = new Tensor[_inputs.Length];
        for (int i = 0, k = 0; i < results.Length; i++)
        {
            Tensor? cotangent = _active[i] ? found[k++] : null;
            results[i] = cotangent ?? Tensor.Zeros(_inputs[i].Shape, _inputs[i].DType, _device);
        }
        return results;
    }
}
