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
    private readonly bool[] _hasTangent;
    private readonly Device _device;

    private LinearMap(Program program, Aval[] inputs, bool[] hasTangent, Device device)
    {
        _program = program;
        _inputs = inputs;
        _hasTangent = hasTangent;
        _device = device;
    }

    /// <summary>The recorded program: tangents of the float inputs to those of the outputs that depend on them.</summary>
    public Program Program => _program;

    /// <summary>Runs <paramref name="function"/> at a point and records its derivative there.</summary>
    public static (Tensor[] Outputs, LinearMap Map) At(Func<Tensor[], Tensor[]> function, Tensor[] point)
    {
        var recording = new IrTrace("linearize");
        var jvp = new JvpTrace();
        try
        {
            var inputs = new Tensor[point.Length];
            for (int i = 0; i < point.Length; i++)
                inputs[i] = jvp.Lift(point[i], point[i].DType.IsFloat ? recording.AddInput(point[i].Aval, point[i].Device) : null);
            Tensor[] results = function(inputs);
            var outputs = new Tensor[results.Length];
            var tangents = new Tensor?[results.Length];
            for (int i = 0; i < results.Length; i++) (outputs[i], tangents[i]) = jvp.Lower(results[i]);
            Program program = recording.Finish([.. tangents.Where(t => t is not null).Select(t => t!)]);
            if (NablaDebug.Checks.HasFlag(DebugChecks.Ir)) IrChecker.Check(program);
            bool[] hasTangent = Array.ConvertAll(tangents, t => t is not null);
            Device device = point.Length > 0 ? point[0].Device : Device.Default;
            return (outputs, new LinearMap(program, Array.ConvertAll(point, p => p.Aval), hasTangent, device));
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
        Tensor[] floats = [.. tangents.Where((_, i) => _inputs[i].DType.IsFloat)];
        Tensor[] results = _program.Apply(floats);
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
        Tensor?[] floats = Transposition.Run(_program, [.. cotangents.Where((_, i) => _hasTangent[i])]);
        var results = new Tensor[_inputs.Length];
        for (int i = 0, k = 0; i < results.Length; i++)
        {
            Tensor? found = _inputs[i].DType.IsFloat ? floats[k++] : null;
            results[i] = found ?? Tensor.Zeros(_inputs[i].Shape, _inputs[i].DType, _device);
        }
        return results;
    }
}
