using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// A program made ready to run again and again: every kernel call with its operands bound, intermediate results in one arena, arguments and results reached
/// through windows that each run points at the caller's tensors. A run allocates nothing.
/// </summary>
internal sealed class Plan
{
    private readonly Device _device;
    private readonly Step[] _steps;
    private readonly Aval[] _inputs;
    private readonly Buffer[] _inputWindows;
    private readonly Result[] _results;
    private readonly DenseTensor?[] _inputCopies;
    private readonly (Buffer Window, long Offset)[] _blocks;
    // Null if it is lent for each use.
    private readonly Buffer? _arena;
    // What may lie elsewhere at the next run: arguments, results, arena; and the precision of products, since what was recorded keeps its kernels.
    private readonly nint[] _memory;
    private readonly LaunchReplay? _replay;
    private readonly Action _work;

    internal Plan(Device device, Step[] steps, Aval[] inputs, Buffer[] inputWindows, Result[] results,
        (Buffer Window, long Offset)[] blocks, long arenaBytes, Buffer? arena)
    {
        _device = device;
        _steps = steps;
        _inputs = inputs;
        _inputWindows = inputWindows;
        _results = results;
        _inputCopies = new DenseTensor?[inputs.Length];
        _blocks = blocks;
        ArenaBytes = arenaBytes;
        _arena = arena;
        _memory = new nint[inputs.Length + results.Length + 2];
        _replay = (device as Accelerator)?.NewReplay();
        _work = () => RunSteps(watched: false);
        if (arena is not null) UseArena(arena.Address);
    }

    /// <summary>Where it runs.</summary>
    public Device Device => _device;

    /// <summary>Number of kernel calls in a run.</summary>
    public int StepCount => _steps.Length;

    /// <summary>Number of arguments that some run had to copy.</summary>
    public int CopiedArguments => _inputCopies.Count(c => c is not null);

    /// <summary>Bytes of intermediate results.</summary>
    public long ArenaBytes { get; }

    /// <summary>Types of the results.</summary>
    public IEnumerable<Aval> Outputs => _results.Select(r => r.Aval);

    /// <summary>Puts the intermediate results at <paramref name="address"/>, where <see cref="ArenaBytes"/> bytes are free until the next run is over.</summary>
    public void UseArena(nint address)
    {
        foreach ((Buffer window, long offset) in _blocks) window.Retarget(address + (nint)offset);
        _memory[^1] = address;
    }

    /// <summary>
    /// Runs into tensors of the caller, which must be contiguous and distinct. A result may be written over an argument: if that is read later, it is copied first.
    /// </summary>
    public void Run(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        for (int i = 0; i < _inputs.Length; i++) _inputWindows[i].Retarget(_memory[i] = AddressOf(i, (DenseTensor)inputs[i], outputs));
        for (int i = 0; i < _results.Length; i++) _results[i].Window?.Retarget(_memory[_inputs.Length + i] = Start((DenseTensor)outputs[i]));
        _memory[^2] = (nint)MatMulPrecision.Default;
        if (NablaDebug.Active || _replay is null) RunSteps(NablaDebug.Active);
        else _replay.Run(_memory, _work);
        for (int i = 0; i < _results.Length; i++)
            if (_results[i].Source is { } source) Move.Copy(source, (DenseTensor)outputs[i]);
        GC.KeepAlive(_arena);
    }

    private void RunSteps(bool watched)
    {
        foreach (Step step in _steps) step.Run(_device, watched);
    }

    private nint AddressOf(int i, DenseTensor input, ReadOnlySpan<Tensor> outputs)
    {
        bool overwritten = false;
        for (int j = 0; j < outputs.Length; j++)
        {
            var output = (DenseTensor)outputs[j];
            overwritten |= output.Buffer == input.Buffer && !(_results[j].Overwrites is { } may && may[i] && Start(output) == Start(input));
        }
        if (input.IsContiguous && !overwritten) return Start(input);
        DenseTensor copy = _inputCopies[i] ??= DenseTensor.Allocate(_inputs[i], _device);
        Move.Copy(input, copy);
        return Start(copy);
    }

    private static nint Start(DenseTensor tensor) => tensor.Buffer.Address + (nint)(tensor.Layout.Offset * tensor.DType.Size);

    /// <summary>One kernel call.</summary>
    internal abstract class Step
    {
        /// <summary>Does it; <paramref name="watched"/>: with the checks that are on.</summary>
        public abstract void Run(Device device, bool watched);
    }

    /// <summary>A primitive applied to operands, and the caller's file and line if they were recorded.</summary>
    internal sealed class KernelStep(Primitive primitive, object? parameters, DenseTensor[] inputs, DenseTensor[] outputs, string? source) : Step
    {
        public override void Run(Device device, bool watched)
        {
            if (watched) Watch.Evaluate(primitive, inputs, outputs, parameters, device, source);
            else Evaluation.Execute(primitive, inputs, outputs, parameters, device);
        }
    }

    /// <summary>Element-wise primitives of one shape, and sums of what they compute, as one loop.</summary>
    internal sealed class FusedStep(ILoop loop, string names) : Step
    {
        public override void Run(Device device, bool watched)
        {
            if (watched) Watch.Fused(names, device, loop.Run);
            else loop.Run();
        }
    }

    /// <summary>A contraction, and element-wise primitives that finish its parts.</summary>
    internal sealed class ProductStep(DotDims dims, DenseTensor a, DenseTensor b, DenseTensor c, MatMulEpilogue epilogue, string names) : Step
    {
        public override void Run(Device device, bool watched)
        {
            if (watched) Watch.Fused(names, device, () => Contraction.DotGeneral(a, b, dims, c, epilogue));
            else Contraction.DotGeneral(a, b, dims, c, epilogue);
        }
    }

    /// <summary>A copy of an operand that a loop cannot read as it lies.</summary>
    internal sealed class CopyStep(DenseTensor source, DenseTensor target) : Step
    {
        public override void Run(Device device, bool watched) => Move.Copy(source, target);
    }

    /// <summary>
    /// Where a result comes from: written in place through a window, or copied from somewhere at the end.
    /// </summary>
    internal sealed record Result(Aval Aval, Buffer? Window, DenseTensor? Source)
    {
        /// <summary>For each argument, whether the window may be that argument's memory; null: none.</summary>
        public bool[]? Overwrites { get; init; }
    }
}
