using Nabla.Autograd;

namespace Nabla;

public static partial class Transforms
{
    /// <summary>
    /// Maps a function over an axis without a loop: every primitive inside handles the whole batch at once.
    /// </summary>
    /// <param name="function">A function of one member.</param>
    /// <param name="inAxes">The batch axis of every leaf of the argument; negative counts from the end.</param>
    /// <param name="outAxes">Where the batch goes in every leaf of the result. A leaf that does not depend on the member is repeated.</param>
    /// <exception cref="ShapeException">NB0508: batch sizes differ; NB0509: nothing is batched; NB0102: no such axis.</exception>
    public static Func<TIn, TOut> Vmap<TIn, TOut>(Func<TIn, TOut> function, int inAxes = 0, int outAxes = 0) => x =>
        VmapRun([.. Batched(x, inAxes)], outAxes, leaves => function(Rebuild(x, leaves, 0)));

    /// <summary>Maps over two arguments; an axis of null means that the argument is the same for all members.</summary>
    public static Func<TA, TB, TOut> Vmap<TA, TB, TOut>(Func<TA, TB, TOut> function, int? inAxis1 = 0, int? inAxis2 = 0, int outAxes = 0) => (a, b) =>
    {
        int split = Tree.Leaves(a).Length;
        return VmapRun([.. Batched(a, inAxis1), .. Batched(b, inAxis2)], outAxes,
            leaves => function(Rebuild(a, leaves, 0), Rebuild(b, leaves, split)));
    };

    /// <summary>Maps over three arguments; an axis of null means that the argument is the same for all members.</summary>
    public static Func<TA, TB, TC, TOut> Vmap<TA, TB, TC, TOut>(
        Func<TA, TB, TC, TOut> function, int? inAxis1 = 0, int? inAxis2 = 0, int? inAxis3 = 0, int outAxes = 0) => (a, b, c) =>
    {
        int first = Tree.Leaves(a).Length, second = first + Tree.Leaves(b).Length;
        return VmapRun([.. Batched(a, inAxis1), .. Batched(b, inAxis2), .. Batched(c, inAxis3)], outAxes,
            leaves => function(Rebuild(a, leaves, 0), Rebuild(b, leaves, first), Rebuild(c, leaves, second)));
    };

    private static IEnumerable<(Tensor Value, int? Axis)> Batched<T>(T tree, int? axis) =>
        Tree.Leaves(tree).Select(leaf => (leaf, axis is { } at ? Shape.NormalizeAxis(at, leaf.Rank, "vmap") : (int?)null));

    private static T Rebuild<T>(T like, Tensor[] leaves, int start)
    {
        TreeStructure<T> structure = Tree.Flatten(like).Structure;
        return structure.Unflatten(leaves[start..(start + structure.LeafCount)]);
    }

    internal static TOut VmapRun<TOut>((Tensor Value, int? Axis)[] inputs, int outAxis, Func<Tensor[], TOut> function)
    {
        var trace = new VmapTrace(BatchSize(inputs));
        try
        {
            (Tensor[] results, TreeStructure<TOut> structure) = Tree.Flatten(function(Array.ConvertAll(inputs, i => trace.Lift(i.Value, i.Axis))));
            return structure.Unflatten(Array.ConvertAll(results, r => Place(trace, r, outAxis)));
        }
        finally
        {
            trace.End();
        }
    }

    private static Tensor Place(VmapTrace trace, Tensor result, int outAxis)
    {
        (Tensor value, int? axis) = trace.Lower(result);
        int target = Shape.NormalizeAxis(outAxis, result.Rank + 1, "vmap");
        return axis is { } at ? value.MoveAxis(at, target) : Batching.Repeat(value, target, trace.Size);
    }

    private static int BatchSize((Tensor Value, int? Axis)[] inputs)
    {
        int? size = null;
        foreach ((Tensor value, int? axis) in inputs)
        {
            if (axis is not { } at) continue;
            if (size is { } known && known != value.Shape[at])
                throw AutogradErrors.BatchSizes(string.Join(", ", inputs.Where(i => i.Axis is not null).Select(i => $"{i.Value.Aval} on axis {i.Axis}")));
            size = value.Shape[at];
        }
        return size ?? throw AutogradErrors.NothingBatched();
    }
}
