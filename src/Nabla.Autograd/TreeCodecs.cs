using System.Reflection;
using System.Text.Json;

namespace Nabla;

internal sealed class LeafCodec<T> : TreeCodec<T> where T : Tensor
{
    public override void Flatten(T? value, TreeSink sink)
    {
        if (value is null) sink.Static(new AbsentLeaf(sink.Leaves.Count), StaticKind.Absent);
        else sink.Leaf(value);
    }

    public override T Unflatten(TreeSource source) => source.NextLeaf() switch
    {
        null => null!,
        T leaf => leaf,
        _ => throw AutogradErrors.NotATree(typeof(T)),
    };
}

/// <summary>Values that belong to the structure.</summary>
internal sealed class StaticCodec<T> : TreeCodec<T>
{
    public override void Flatten(T value, TreeSink sink) =>
        sink.Static(value, typeof(Delegate).IsAssignableFrom(typeof(T)) ? StaticKind.Function : StaticKind.Value, typeof(T));

    public override T Unflatten(TreeSource source) => (T)source.NextStatic()!;
}

internal sealed class OwnCodec<T> : TreeCodec<T> where T : ITree
{
    public override void Flatten(T value, TreeSink sink)
    {
        IReadOnlyList<object?> children = Present(value).Children;
        sink.Static(new Shell(value, children.Count), StaticKind.Children);
        for (int i = 0; i < children.Count; i++)
        {
            sink.Paths?.Enter(value.ChildName(i));
            Open.Flatten(children[i], sink);
            sink.Paths?.Leave();
        }
    }

    public override T Unflatten(TreeSource source)
    {
        var shell = (Shell)source.NextStatic()!;
        var children = new object?[shell.Count];
        for (int i = 0; i < children.Length; i++) children[i] = Open.Unflatten(source);
        return (T)shell.Example.WithChildren(children);
    }

    // Two values have the same structure if they are of one type with as many children; the children speak for the rest.
    private sealed class Shell(ITree example, int count) : IEquatable<Shell>
    {
        public ITree Example => example;

        public int Count => count;

        public bool Equals(Shell? other) => other is not null && other.Count == count && other.Example.GetType() == example.GetType();

        public override bool Equals(object? obj) => Equals(obj as Shell);

        public override int GetHashCode() => HashCode.Combine(example.GetType(), count);

        public override string ToString() => $"{example.GetType().Name} of {count}";
    }
}

/// <summary>A declared type that says too little: the run-time type is written into the structure.</summary>
internal sealed class OpenCodec<T> : TreeCodec<T>
{
    public override void Flatten(T value, TreeSink sink) => Open.Flatten(value, sink);

    public override T Unflatten(TreeSource source) => (T)Open.Unflatten(source)!;
}

internal static class Open
{
    public static void Flatten(object? value, TreeSink sink)
    {
        Type? type = value is Tensor ? typeof(Tensor) : value?.GetType();
        sink.Static(type, StaticKind.Type);
        if (type is not null) TreeCodecs.Of(type).Flatten(value, sink);
    }

    public static object? Unflatten(TreeSource source) =>
        source.NextStatic() is Type type ? TreeCodecs.Of(type).Unflatten(source) : null;
}

internal sealed class ArrayCodec<T> : TreeCodec<T[]>
{
    public override void Flatten(T[] value, TreeSink sink)
    {
        sink.Count(Present(value).Length);
        for (int i = 0; i < value.Length; i++) sink.Part(i, value[i]);
    }

    public override T[] Unflatten(TreeSource source)
    {
        var value = new T[(int)source.NextStatic()!];
        for (int i = 0; i < value.Length; i++) value[i] = TreeCodec<T>.Instance.Unflatten(source);
        return value;
    }
}

internal sealed class ListCodec<T> : TreeCodec<List<T>>
{
    public override void Flatten(List<T> value, TreeSink sink)
    {
        sink.Count(Present(value).Count);
        for (int i = 0; i < value.Count; i++) sink.Part(i, value[i]);
    }

    public override List<T> Unflatten(TreeSource source)
    {
        int count = (int)source.NextStatic()!;
        var value = new List<T>(count);
        for (int i = 0; i < count; i++) value.Add(TreeCodec<T>.Instance.Unflatten(source));
        return value;
    }
}

internal sealed class DictionaryCodec<TDictionary, TKey, TValue> : TreeCodec<TDictionary>
    where TDictionary : IDictionary<TKey, TValue>, new() where TKey : notnull
{
    public override void Flatten(TDictionary value, TreeSink sink)
    {
        sink.Count(Present(value).Count);
        IComparer<TKey> order = typeof(TKey) == typeof(string) ? (IComparer<TKey>)StringComparer.Ordinal : Comparer<TKey>.Default;
        foreach (TKey key in value.Keys.Order(order))
        {
            sink.Paths?.Enter(key);
            sink.Static(key, StaticKind.Key);
            TreeCodec<TValue>.Instance.Flatten(value[key], sink);
            sink.Paths?.Leave();
        }
    }

    public override TDictionary Unflatten(TreeSource source)
    {
        var value = new TDictionary();
        for (int count = (int)source.NextStatic()!; count > 0; count--)
        {
            var key = (TKey)source.NextStatic()!;
            value[key] = TreeCodec<TValue>.Instance.Unflatten(source);
        }
        return value;
    }
}

internal sealed class PairCodec<TA, TB> : TreeCodec<(TA, TB)>
{
    public override void Flatten((TA, TB) value, TreeSink sink)
    {
        sink.Part(0, value.Item1);
        sink.Part(1, value.Item2);
    }

    public override (TA, TB) Unflatten(TreeSource source) => (TreeCodec<TA>.Instance.Unflatten(source), TreeCodec<TB>.Instance.Unflatten(source));
}

internal sealed class TripleCodec<TA, TB, TC> : TreeCodec<(TA, TB, TC)>
{
    public override void Flatten((TA, TB, TC) value, TreeSink sink)
    {
        sink.Part(0, value.Item1);
        sink.Part(1, value.Item2);
        sink.Part(2, value.Item3);
    }

    public override (TA, TB, TC) Unflatten(TreeSource source) =>
        (TreeCodec<TA>.Instance.Unflatten(source), TreeCodec<TB>.Instance.Unflatten(source), TreeCodec<TC>.Instance.Unflatten(source));
}

internal sealed class QuadrupleCodec<TA, TB, TC, TD> : TreeCodec<(TA, TB, TC, TD)>
{
    public override void Flatten((TA, TB, TC, TD) value, TreeSink sink)
    {
        sink.Part(0, value.Item1);
        sink.Part(1, value.Item2);
        sink.Part(2, value.Item3);
        sink.Part(3, value.Item4);
    }

    public override (TA, TB, TC, TD) Unflatten(TreeSource source) =>
        (TreeCodec<TA>.Instance.Unflatten(source), TreeCodec<TB>.Instance.Unflatten(source),
            TreeCodec<TC>.Instance.Unflatten(source), TreeCodec<TD>.Instance.Unflatten(source));
}

/// <summary>
/// Records: the parameters of the longest constructor of which each is a property of the same name and type.
/// </summary>
internal sealed class RecordCodec<T> : TreeCodec<T>
{
    private readonly Part[] _parts;
    private readonly ConstructorInvoker _constructor;

    public RecordCodec()
    {
        ConstructorInfo constructor = typeof(T).GetConstructors()
            .Where(c => c.GetParameters().Length > 0 && c.GetParameters().All(p => PropertyOf(p) is not null))
            .MaxBy(c => c.GetParameters().Length) ?? throw AutogradErrors.NotATree(typeof(T));
        _constructor = ConstructorInvoker.Create(constructor);
        _parts = Array.ConvertAll(constructor.GetParameters(), MakePart);
    }

    public override void Flatten(T value, TreeSink sink)
    {
        Present(value);
        foreach (Part part in _parts) part.Flatten(ref value, sink);
    }

    public override T Unflatten(TreeSource source)
    {
        var arguments = new object?[_parts.Length];
        for (int i = 0; i < arguments.Length; i++) arguments[i] = _parts[i].Unflatten(source);
        return (T)_constructor.Invoke(arguments.AsSpan());
    }

    private static PropertyInfo? PropertyOf(ParameterInfo parameter) => typeof(T).GetProperty(parameter.Name!, parameter.ParameterType);

    private static Part MakePart(ParameterInfo parameter) => (Part)Activator.CreateInstance(
        typeof(Part<>).MakeGenericType(typeof(T), parameter.ParameterType),
        PropertyOf(parameter)!.GetMethod, JsonNamingPolicy.SnakeCaseLower.ConvertName(parameter.Name!))!;

    private abstract class Part
    {
        public abstract void Flatten(ref T value, TreeSink sink);

        public abstract object? Unflatten(TreeSource source);
    }

    private sealed class Part<TPart> : Part
    {
        private delegate TPart StructGetter(ref T value);

        private readonly Func<T, TPart>? _get;
        private readonly StructGetter? _getFromStruct;
        private readonly string _name;

        public Part(MethodInfo getter, string name)
        {
            _name = name;
            if (typeof(T).IsValueType) _getFromStruct = getter.CreateDelegate<StructGetter>();
            else _get = getter.CreateDelegate<Func<T, TPart>>();
        }

        public override void Flatten(ref T value, TreeSink sink) =>
            sink.Part(_name, _get is null ? _getFromStruct!(ref value) : _get(value));

        public override object? Unflatten(TreeSource source) => TreeCodec<TPart>.Instance.Unflatten(source);
    }
}
