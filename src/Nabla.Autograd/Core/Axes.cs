using System.Collections;
using System.Runtime.CompilerServices;

namespace Nabla.Autograd;

/// <summary>
/// A list of axes, sizes or steps as a parameter of a primitive: immutable, compared by value, printed as <c>(0,1)</c>. Written as a collection
/// expression.
/// </summary>
[CollectionBuilder(typeof(Axes), nameof(Create))]
public readonly struct Axes : IEquatable<Axes>, IEnumerable<int>
{
    private readonly int[]? _values;

    private Axes(int[] values) => _values = values;

    /// <summary>Number of entries.</summary>
    public int Length => _values?.Length ?? 0;

    /// <summary>The entries.</summary>
    public ReadOnlySpan<int> Span => _values;

    /// <summary>Entry <paramref name="i"/>.</summary>
    public int this[int i] => _values![i];

    /// <summary>A list with the given entries.</summary>
    public static Axes Create(params ReadOnlySpan<int> values) => new(values.ToArray());

    /// <summary>0, 1, …, count − 1.</summary>
    public static Axes Range(int count) => new([.. Enumerable.Range(0, count)]);

    /// <summary>The entries, with 1 added to those at or beyond <paramref name="axis"/>: where they lie after an axis is inserted there.</summary>
    public Axes ShiftPast(int axis) => new(Array.ConvertAll(_values ?? [], a => a >= axis ? a + 1 : a));

    /// <summary>A copy with <paramref name="value"/> inserted before position <paramref name="position"/>.</summary>
    public Axes Insert(int position, int value) => [.. Span[..position], value, .. Span[position..]];

    /// <inheritdoc/>
    public bool Equals(Axes other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Axes other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (int value in Span) hash.Add(value);
        return hash.ToHashCode();
    }

    /// <summary>The entries as a span.</summary>
    public static implicit operator ReadOnlySpan<int>(Axes axes) => axes.Span;

    /// <summary>A list from an array, which is copied.</summary>
    public static implicit operator Axes(int[] values) => Create(values);

    /// <inheritdoc/>
    public override string ToString() => $"({string.Join(',', _values ?? [])})";

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(_values ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
