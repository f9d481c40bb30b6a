using System.Reflection;

namespace Nabla;

internal sealed class LeafCodec<T> : TreeCodec<T> where T : Tensor
{
    public override void Flatten(T? value, TreeSink sink)
    {
        if (value is null) sink.Statics.Add(new AbsentLeaf(sink.Leaves.Count));
        else sink.Leaves.Add(value);
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
    public override void Flatten(T value, TreeSink sink) => sink.Statics.Add(value);

    public override T Unflatten(TreeSource source) => (T)source.NextStatic()!;
}

internal sealed class OwnCodec<T> : TreeCodec<T> where T : ITree
{
    public override void Flatten(T value, TreeSink sink)
    {
        IReadOnlyList<object?> children = value.Children;
        sink.Statics.Add(new Shell(value, children.Count));
        foreach (object? child in children) Open.Flatten(child, sink);
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
        sink.Statics.Add(type);
        if (type is not null) TreeCodecs.Of(type).Flatten(value, sink);
    }

    public static object? Unflatten(TreeSource source) =>
        source.NextStatic() is Type type ? TreeCodecs.Of(type).Unflatten(source) : null;
}

internal sealed class ArrayCodec<T> : TreeCodec<T[]>
{
    public override void Flatten(T[] value, TreeSink sink)
    {
        sink.AddCount(value.Length);
        foreach (T item in value) TreeCodec<T>.Instance.Flatten(item, sink);
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
        sink.AddCount(value.Count);
        foreach (T item in value) TreeCodec<T>.Instance.Flatten(item, sink);
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
        sink.AddCount(value.Count);
        IComparer<TKey> order = typeof(TKey) == typeof(string) ? (IComparer<TKey>)StringComparer.Ordinal : Comparer<TKey>.Default;
        foreach (TKey key in value.Keys.Order(order))
        {
            sink.Statics.Add(key);
            TreeCodec<TValue>.Instance.Flatten(value[key], sink);
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
        TreeCodec<TA>.Instance.Flatten(value.Item1, sink);
        TreeCodec<TB>.Instance.Flatten(value.Item2, sink);
    }

    public override (TA, TB) Unflatten(TreeSource source) => (TreeCodec<TA>.Instance.Unflatten(source), TreeCodec<TB>.Instance.Unflatten(source));
}

internal sealed class TripleCodec<TA, TB, TC> : TreeCodec<(TA, TB, TC)>
{
    public override void Flatten((TA, TB, TC) value, TreeSink sink)
    {
        TreeCodec<TA>.Instance.Flatten(value.Item1, sink);
        TreeCodec<TB>.Instance.Flatten(value.Item2, sink);
        TreeCodec<TC>.Instance.Flatten(value.Item3, sink);
    }

    public override (TA, TB, TC) Unflatten(TreeSource source) =>
        (TreeCodec<TA>.Instance.Unflatten(source), TreeCodec<TB>.Instance.Unflatten(source), TreeCodec<TC>.Instance.Unflatten(source));
}

internal sealed class QuadrupleCodec<TA, TB, TC, TD> : TreeCodec<(TA, TB, TC, TD)>
{
    public override void Flatten((TA, TB, TC, TD) value, TreeSink sink)
    {
        TreeCodec<TA>.Instance.Flatten(value.Item1, sink);
        TreeCodec<TB>.Instance.Flatten(value.Item2, sink);
        TreeCodec<TC>.Instance.Flatten(value.Item3, sink);
        TreeCodec<TD>.Instance.Flatten(value.Item4, sink);
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
        typeof(Part<>).MakeGenericType(typeof(T), parameter.ParameterType), PropertyOf(parameter)!.GetMethod)!;

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

        public Part(MethodInfo getter)
        {
            if (typeof(T).IsValueType) _getFromStruct = getter.CreateDelegate<StructGetter>();
            else _get = getter.CreateDelegate<Func<T, TPart>>();
        }

        public override void Flatten(ref T value, TreeSink sink) =>
            TreeCodec<TPart>.Instance.Flatten(_get is null ? _getFromStruct!(ref value) : _get(value), sink);

        public override object? Unflatten(TreeSource source) => TreeCodec<TPart>.Instance.Unflatten(source);
    }
}
