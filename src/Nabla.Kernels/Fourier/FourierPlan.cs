using System.Collections.Concurrent;
using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// How complex transforms of one length are computed, with the tables for it; made once per length and element type and kept. Real and
/// imaginary parts lie in two vectors.
/// </summary>
internal abstract unsafe class FourierPlan<T>(int length) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Elements that may be read behind the end of a vector in scratch memory.</summary>
    public const int Padding = 16;

    private static readonly ConcurrentDictionary<int, FourierPlan<T>> Plans = new();

    /// <summary>n.</summary>
    public int Length => length;

    /// <summary>Elements of scratch memory that <see cref="Run"/> needs.</summary>
    public abstract long WorkSize { get; }

    /// <summary>
    /// The plan for a length: mixed radix if no prime factor is above 31, else Bluestein's.
    /// </summary>
    public static FourierPlan<T> For(int length) => Plans.TryGetValue(length, out FourierPlan<T>? plan) ? plan : Plans.GetOrAdd(length, Create);

    /// <summary>
    /// y = Σⱼ xⱼ·e^(−2πijk/n). The inverse, without 1/n, is the same with real and imaginary parts exchanged in x and in y. y and work overlap neither each
    /// other nor x.
    /// </summary>
    public abstract void Run(T* xr, T* xi, T* yr, T* yi, T* work);

    /// <summary>A table that does not move.</summary>
    protected static T[] Table(long elements) => GC.AllocateArray<T>(checked((int)elements), pinned: true);

    /// <summary>Address of a table.</summary>
    protected static T* Address(T[] table) => (T*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(table, 0);

    private static FourierPlan<T> Create(int length) =>
        MixedRadixPlan<T>.Suits(length) ? new MixedRadixPlan<T>(length, MixedRadixPlan<T>.Radices(length)) : new BluesteinPlan<T>(length);
}
