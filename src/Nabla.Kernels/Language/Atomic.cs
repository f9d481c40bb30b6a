using System.Numerics;

namespace Nabla.Kernels.Language;

/// <summary>
/// Read, change and write an element as one step that no other work-item sees half done; each returns what was there before. The emulator runs one
/// work-item at a time.
/// </summary>
public static class Atomic
{
    /// <summary>target += value.</summary>
    public static int Add(ref int target, int value) => Change(ref target, target + value);

    /// <inheritdoc cref="Add(ref int, int)"/>
    public static uint Add(ref uint target, uint value) => Change(ref target, target + value);

    /// <inheritdoc cref="Add(ref int, int)"/>
    public static float Add(ref float target, float value) => Change(ref target, target + value);

    /// <inheritdoc cref="Add(ref int, int)"/>
    public static double Add(ref double target, double value) => Change(ref target, target + value);

    /// <summary>target = max(target, value).</summary>
    public static int Max(ref int target, int value) => Change(ref target, Math.Max(target, value));

    /// <inheritdoc cref="Max(ref int, int)"/>
    public static uint Max(ref uint target, uint value) => Change(ref target, Math.Max(target, value));

    /// <summary>target = min(target, value).</summary>
    public static int Min(ref int target, int value) => Change(ref target, Math.Min(target, value));

    /// <inheritdoc cref="Min(ref int, int)"/>
    public static uint Min(ref uint target, uint value) => Change(ref target, Math.Min(target, value));

    /// <summary>target = value.</summary>
    public static int Exchange(ref int target, int value) => Change(ref target, value);

    /// <inheritdoc cref="Exchange(ref int, int)"/>
    public static uint Exchange(ref uint target, uint value) => Change(ref target, value);

    /// <summary>target = value, if target is <paramref name="compare"/>.</summary>
    public static int CompareExchange(ref int target, int compare, int value) => Change(ref target, target == compare ? value : target);

    /// <inheritdoc cref="CompareExchange(ref int, int, int)"/>
    public static uint CompareExchange(ref uint target, uint compare, uint value) => Change(ref target, target == compare ? value : target);

    private static T Change<T>(ref T target, T value) where T : INumber<T>
    {
        T before = target;
        target = value;
        return before;
    }
}
