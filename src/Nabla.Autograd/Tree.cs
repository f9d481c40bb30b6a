using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;

namespace Nabla;

/// <summary>A type that says itself how it is made of tensors.</summary>
public interface ITree
{
    /// <summary>The parts, in a fixed order: tensors, trees, or static values.</summary>
    IReadOnlyList<object?> Children { get; }

    /// <summary>The same structure with other parts.</summary>
    ITree WithChildren(IReadOnlyList<object?> children);

    /// <summary>The name of a part in paths and files; its number, unless the type says better.</summary>
    string ChildName(int index) => index.ToString(CultureInfo.InvariantCulture);
}

/// <summary>
/// Nested parameters: records (constructor parameters in order), tuples, arrays, lists and dictionaries (keys sorted) of tensors. Numbers, strings,
/// enums and null are static: they belong to the structure. The accessor of each type is built once.
/// </summary>
public static class Tree
{
    /// <summary>The tensors of a value in order.</summary>
    /// <exception cref="TraceException">NB0510: a part is neither a tensor nor a tree; NB0514: a container is null.</exception>
    public static Tensor[] Leaves<T>(T value)
    {
        if (typeof(T) == typeof(Tensor) && value is Tensor leaf) return [leaf];
        var sink = new TreeSink();
        TreeCodec<T>.Instance.Flatten(value, sink);
        return [.. sink.Leaves];
    }

    /// <summary>The tensors of a value, and what is needed to build a value of the same structure from others.</summary>
    public static (Tensor[] Leaves, TreeStructure<T> Structure) Flatten<T>(T value)
    {
        if (typeof(T) == typeof(Tensor) && value is Tensor leaf) return ([leaf], TreeStructure<T>.OfTensor);
        var sink = new TreeSink();
        TreeCodec<T>.Instance.Flatten(value, sink);
        return ([.. sink.Leaves], new TreeStructure<T>([.. sink.Statics], sink.Leaves.Count));
    }

    /// <summary>
    /// <see cref="Flatten"/>, and where in the value each tensor is, for people: <c>layers.0.weight</c>. A path names parameters of records in snake case,
    /// elements of tuples, arrays and lists by number, and entries of dictionaries by their keys as they are. A value that is a tensor itself has the
    /// path <c>""</c>.
    /// </summary>
    public static (string[] Paths, Tensor[] Leaves, TreeStructure<T> Structure) FlattenWithPaths<T>(T value)
    {
        var sink = new TreeSink { Paths = new TreePaths() };
        TreeCodec<T>.Instance.Flatten(value, sink);
        return ([.. sink.Paths.Leaves], [.. sink.Leaves], new TreeStructure<T>([.. sink.Statics], sink.Leaves.Count));
    }

    /// <summary>A value of the same structure, each tensor replaced by a function of it.</summary>
    public static T Map<T>(Func<Tensor, Tensor> function, T value)
    {
        (Tensor[] leaves, TreeStructure<T> structure) = Flatten(value);
        return structure.Unflatten(Array.ConvertAll(leaves, leaf => function(leaf)));
    }

    /// <summary>
    /// All float tensors of a value as one vector, in order, and the way back from any such vector. Other leaves stay as they are. The vector's element type is
    /// the widest of the leaves'; the way back restores their own.
    /// </summary>
    /// <exception cref="TraceException">NB0506: no leaf is f32 or f64.</exception>
    public static (Tensor Vector, Func<Tensor, T> Unravel) Ravel<T>(T value)
    {
        (Tensor[] leaves, TreeStructure<T> structure) = Flatten(value);
        Tensor[] floats = [.. leaves.Where(leaf => leaf.DType.IsFloat)];
        if (floats.Length == 0) throw AutogradErrors.NoFloatInput("ravel");
        Tensor vector = Ops.Concatenate([.. floats.Select(leaf => leaf.Reshape(Shape.Create(checked((int)leaf.Count))))]);
        return (vector, Unravel);

        T Unravel(Tensor flat)
        {
            if (flat.Shape != vector.Shape) throw AutogradErrors.OperatorShape("unravel", vector.Aval, flat.Aval);
            int start = 0;
            return structure.Unflatten(Array.ConvertAll(leaves, leaf =>
            {
                if (!leaf.DType.IsFloat) return leaf;
                int end = start + checked((int)leaf.Count);
                Tensor part = flat.Slice(start..end).Reshape(leaf.Shape).To(leaf.DType);
                start = end;
                return part;
            }));
        }
    }

    /// <summary>A value of the structure of two equal ones, each pair of tensors replaced by a function of it.</summary>
    /// <exception cref="TraceException">NB0511: the structures differ.</exception>
    public static T Map<T>(Func<Tensor, Tensor, Tensor> function, T first, T second)
    {
        (Tensor[] a, TreeStructure<T> structure) = Flatten(first);
        (Tensor[] b, TreeStructure<T> other) = Flatten(second);
        if (!structure.Equals(other)) throw AutogradErrors.TreeStructure("tree map", structure.ToString(), other.ToString());
        return structure.Unflatten([.. a.Zip(b, function)]);
    }
}

/// <summary>All of a value of type <typeparamref name="T"/> except its tensors: lengths, keys, numbers, names. Compared by value.</summary>
public sealed class TreeStructure<T>(object?[] statics, int leafCount) : IEquatable<TreeStructure<T>>
{
    /// <summary>The structure of a tensor alone.</summary>
    internal static readonly TreeStructure<T> OfTensor = new([], 1);

    /// <summary>Number of tensors.</summary>
    public int LeafCount => leafCount;

    internal ReadOnlySpan<object?> Statics => statics;

    /// <summary>The value with the given tensors.</summary>
    public T Unflatten(Tensor[] leaves) => ReferenceEquals(this, OfTensor) ? (T)(object)leaves[0] : TreeCodec<T>.Instance.Unflatten(new TreeSource(leaves, statics));

    /// <inheritdoc/>
    public bool Equals(TreeStructure<T>? other) =>
        other is not null && leafCount == other.LeafCount && statics.AsSpan().SequenceEqual(other.Statics);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TreeStructure<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (object? part in statics) hash.Add(part);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{typeof(T).Name} with {leafCount} tensors and ({string.Join(", ", statics)})";
}

/// <summary>Receives the parts of a value.</summary>
internal sealed class TreeSink
{
    public List<Tensor> Leaves { get; } = [];

    public List<object?> Statics { get; } = [];

    // Boxes of small numbers, so that flattening the arguments of a compiled step allocates nothing.
    private static readonly object[] Counts = [.. Enumerable.Range(0, 1024).Select(i => (object)i)];

    /// <summary>Notes where each part is; null if nobody asks.</summary>
    public TreePaths? Paths { get; init; }

    public void Leaf(Tensor value)
    {
        Paths?.Leaf();
        Leaves.Add(value);
    }

    public void Static(object? value, StaticKind kind, Type? declared = null)
    {
        Paths?.Static(kind, declared);
        Statics.Add(value);
    }

    /// <summary>The number of children of a container.</summary>
    public void Count(int count) => Static(count < Counts.Length ? Counts[count] : count, StaticKind.Length);

    /// <summary>A part that has a name within the whole.</summary>
    public void Part<TName, T>(TName name, T value) where TName : notnull
    {
        Paths?.Enter(name);
        TreeCodec<T>.Instance.Flatten(value, this);
        Paths?.Leave();
    }

    public void Clear()
    {
        Leaves.Clear();
        Statics.Clear();
    }
}

/// <summary>A tensor that is null, behind so many others.</summary>
internal sealed record AbsentLeaf(int Position);

/// <summary>Hands the parts back in the same order.</summary>
internal sealed class TreeSource(Tensor[] leaves, object?[] statics)
{
    private int _leaf;
    private int _static;

    public Tensor? NextLeaf()
    {
        if (_static < statics.Length && statics[_static] is AbsentLeaf absent && absent.Position == _leaf)
        {
            _static++;
            return null;
        }
        return leaves[_leaf++];
    }

    public object? NextStatic() => statics[_static++];
}

/// <summary>How values of one type are taken apart and put together.</summary>
internal abstract class TreeCodec<T> : ITreeCodec
{
    private static TreeCodec<T>? _instance;

    public static TreeCodec<T> Instance => _instance ??= (TreeCodec<T>)TreeCodecs.OfDeclared(typeof(T));

    public abstract void Flatten(T value, TreeSink sink);

    public abstract T Unflatten(TreeSource source);

    /// <summary>The value of a type whose parts are looked at, which must not be null; a tensor may be absent, what holds tensors may not.</summary>
    protected static T Present(T? value) => value ?? throw AutogradErrors.NullInTree(typeof(T));

    void ITreeCodec.Flatten(object? value, TreeSink sink) => Flatten((T)value!, sink);

    object? ITreeCodec.Unflatten(TreeSource source) => Unflatten(source);
}

/// <summary>A codec behind a type that is known only at run time.</summary>
internal interface ITreeCodec
{
    void Flatten(object? value, TreeSink sink);

    object? Unflatten(TreeSource source);
}

/// <summary>Chooses and builds the codec of a type.</summary>
internal static class TreeCodecs
{
    private static readonly ConcurrentDictionary<Type, ITreeCodec> Cache = new();

    /// <summary>The codec of values whose type is exactly this one.</summary>
    public static ITreeCodec Of(Type type) => Cache.GetOrAdd(type, Create);

    /// <summary>The codec of values declared with this type: where a value may be of a derived type, one that asks the value.</summary>
    public static ITreeCodec OfDeclared(Type type)
    {
        bool exact = type.IsSealed || type.IsValueType || typeof(Tensor).IsAssignableFrom(type) || IsStatic(type) || IsContainer(type);
        return exact ? Create(type) : Make(typeof(OpenCodec<>), type);
    }

    private static ITreeCodec Create(Type type)
    {
        if (typeof(Tensor).IsAssignableFrom(type)) return Make(typeof(LeafCodec<>), type);
        if (IsStatic(type)) return Make(typeof(StaticCodec<>), type);
        if (typeof(ITree).IsAssignableFrom(type)) return Make(typeof(OwnCodec<>), type);
        if (type.IsArray) return Make(typeof(ArrayCodec<>), type.GetElementType()!);
        if (type.IsGenericType)
        {
            Type definition = type.GetGenericTypeDefinition();
            Type[] arguments = type.GetGenericArguments();
            if (definition == typeof(List<>)) return Make(typeof(ListCodec<>), arguments);
            if (definition == typeof(Dictionary<,>) || definition == typeof(SortedDictionary<,>)) return Make(typeof(DictionaryCodec<,,>), [type, .. arguments]);
            if (definition == typeof(ValueTuple<,>)) return Make(typeof(PairCodec<,>), arguments);
            if (definition == typeof(ValueTuple<,,>)) return Make(typeof(TripleCodec<,,>), arguments);
            if (definition == typeof(ValueTuple<,,,>)) return Make(typeof(QuadrupleCodec<,,,>), arguments);
        }
        return Make(typeof(RecordCodec<>), type);
    }

    private static ITreeCodec Make(Type codec, params Type[] arguments)
    {
        try
        {
            return (ITreeCodec)Activator.CreateInstance(codec.MakeGenericType(arguments))!;
        }
        catch (TargetInvocationException failure) when (failure.InnerException is NablaException inner)
        {
            throw inner;
        }
    }

    private static bool IsStatic(Type type) =>
        type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(decimal) || type == typeof(Shape) || typeof(Delegate).IsAssignableFrom(type) ||
        Nullable.GetUnderlyingType(type) is { } inner && IsStatic(inner);

    private static bool IsContainer(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() is { } definition &&
        (definition == typeof(List<>) || definition == typeof(Dictionary<,>) || definition == typeof(SortedDictionary<,>));
}
