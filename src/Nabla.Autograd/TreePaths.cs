using System.Globalization;
using System.Text;

namespace Nabla;

/// <summary>What a part of a value that is not a tensor says.</summary>
internal enum StaticKind
{
    /// <summary>A value of its own: a number, a truth value, a text, an enum, a shape.</summary>
    Value,
    /// <summary>How many elements follow.</summary>
    Length,
    /// <summary>A key of a dictionary.</summary>
    Key,
    /// <summary>The type of a value whose declaration leaves it open.</summary>
    Type,
    /// <summary>Type and number of children of an <see cref="ITree"/>.</summary>
    Children,
    /// <summary>A tensor that is null.</summary>
    Absent,
    /// <summary>A delegate.</summary>
    Function,
}

/// <summary>A static part: where it is, what it says, and as which type it is declared if it is a <see cref="StaticKind.Value"/>.</summary>
internal readonly record struct StaticPart(string Path, StaticKind Kind, Type? Declared);

/// <summary>Notes the path of each part while a value is flattened.</summary>
internal sealed class TreePaths
{
    private readonly StringBuilder _path = new();
    private readonly Stack<int> _lengths = new();

    /// <summary>The paths of the tensors.</summary>
    public List<string> Leaves { get; } = [];

    /// <summary>The static parts.</summary>
    public List<StaticPart> Statics { get; } = [];

    public void Leaf() => Leaves.Add(_path.ToString());

    public void Static(StaticKind kind, Type? declared) => Statics.Add(new StaticPart(_path.ToString(), kind, declared));

    public void Enter<TName>(TName name) where TName : notnull
    {
        _lengths.Push(_path.Length);
        if (_lengths.Count > 1) _path.Append('.');
        _path.Append(name is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : name.ToString());
    }

    public void Leave() => _path.Length = _lengths.Pop();
}
