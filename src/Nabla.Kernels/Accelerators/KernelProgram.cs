namespace Nabla.Kernels;

/// <summary>
/// A kernel as devices take it: the same C# method as OpenCL C, as CUDA C, and as something that the emulator, or ILGPU, can run. Programs are compared by
/// reference: make each once and keep it.
/// </summary>
/// <remarks>
/// In both texts a view is passed as three arguments in OpenCL (<c>__global T* base, long byteOffset, int length</c>) and as two in CUDA
/// (<c>T* base, int length</c>); a value is one argument.
/// </remarks>
internal sealed class KernelProgram
{
    /// <summary>Name of the entry point in both texts.</summary>
    public required string Name { get; init; }

    /// <summary>The whole translation unit for <c>clBuildProgram</c>.</summary>
    public required string OpenCl { get; init; }

    /// <summary>The whole translation unit for NVRTC.</summary>
    public required string Cuda { get; init; }

    /// <summary>True if it computes in f64.</summary>
    public bool NeedsDouble { get; init; }

    /// <summary>
    /// Runs the C# method itself: group by group on the host, or through ILGPU where the engine was built with it. Null for a program that was composed at run
    /// time and has no C# form.
    /// </summary>
    public Action<Accelerator, LaunchSize, KernelArguments>? Run { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
