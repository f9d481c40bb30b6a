namespace Nabla.Kernels;

/// <summary>
/// Marks a kernel: a static method over views, scalars and small structs of scalars that every work-item runs. It is translated to OpenCL C and CUDA C
/// when the project is built; a construct outside the subset is a build error NK0001 … (docs/kernels.md). The numbers are the work-items of a group.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KernelAttribute(int groupX, int groupY = 1, int groupZ = 1) : Attribute
{
    /// <summary>Work-items of a group along x.</summary>
    public int GroupX { get; } = groupX;

    /// <summary>Work-items of a group along y.</summary>
    public int GroupY { get; } = groupY;

    /// <summary>Work-items of a group along z.</summary>
    public int GroupZ { get; } = groupZ;

    /// <summary>
    /// The name of a static method beside the kernel, with the kernel's type parameters and without parameters, that computes from constants how many groups a multiprocessor should have room for: CUDA C
    /// then gives a work-item that many registers fewer. Not said: the compiler decides.
    /// </summary>
    public string? AtOnce { get; init; }
}

/// <summary>
/// The element types that a generic kernel is made for. Given once, it holds for every type parameter that does not stand for an operation; given
/// several times, for one after the other, and all combinations are made. Given for every type parameter, it names operations too; else those are bound when the kernel is launched.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class InstancesAttribute(params Type[] types) : Attribute
{
    /// <summary>The types.</summary>
    public IReadOnlyList<Type> Types { get; } = types;
}

/// <summary>
/// Maps a method to an instruction or a built-in function of a device. A plain name is a function to call (in CUDA C with an f at the end for f32); a text with
/// <c>{0}</c>, <c>{1}</c> is an expression. Where no text is given, the C# body is translated; the emulator always runs it.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class IntrinsicAttribute : Attribute
{
    /// <summary>The OpenCL C text.</summary>
    public string? OpenCl { get; init; }

    /// <summary>The CUDA C text.</summary>
    public string? Cuda { get; init; }
}
