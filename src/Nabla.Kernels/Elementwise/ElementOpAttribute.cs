namespace Nabla.Kernels;

/// <summary>Names an element-wise operation and states how far its floating-point results may be from exact ones.</summary>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class ElementOpAttribute(string name) : Attribute
{
    /// <summary>The name of the operation in the IR.</summary>
    public string Name { get; } = name;

    /// <summary>
    /// Largest error in units in the last place of the exact result, f32 and f64, over the whole range, with no absolute floor;
    /// 0.5 means correctly rounded, 0 means exact.
    /// </summary>
    public double MaxUlp { get; init; }
}

/// <summary>What one element costs, roughly: decides from which size on several threads are worth waking.</summary>
public enum WorkClass : byte
{
    /// <summary>Bound by memory: a few instructions an element.</summary>
    Light,
    /// <summary>A vectorised polynomial or division: about a nanosecond an element.</summary>
    Medium,
    /// <summary>Not vectorised: tens of nanoseconds an element.</summary>
    Heavy,
}
