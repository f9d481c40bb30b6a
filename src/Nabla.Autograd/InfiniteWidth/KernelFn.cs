namespace Nabla.InfiniteWidth;

/// <summary>
/// The kernels of a network on whole sets of inputs, computed in tiles that fit a budget of memory; of symmetric kernels only one half. Whether pairs of positions
/// are needed follows from the layers.
/// </summary>
/// <remarks>Results do not depend on the tiles but for rounding. Everything can be differentiated, with respect to inputs and to σw and σb of the layers.</remarks>
public sealed class KernelFn
{
    // Tensors of the size of one kernel that a layer keeps at a time, with their derivatives.
    private const int Temporaries = 16;
    private const int WorthHalving = 128;
    private readonly Layer _layer;
    private readonly SpatialMode _output;
    private readonly long _byteBudget;
    private readonly int? _tile;

    /// <summary>The kernels of a network.</summary>
    /// <param name="layer">The network.</param>
    /// <param name="output">Which pairs of positions the result holds, if the network's output still has positions.</param>
    /// <param name="byteBudget">Memory for intermediate results, about.</param>
    /// <param name="tile">Inputs on each side of a tile; by default as many as fit the budget. Need not divide anything.</param>
    public KernelFn(Layer layer, SpatialMode output = SpatialMode.Full, long byteBudget = 256L << 20, int? tile = null) =>
        (_layer, _output, _byteBudget, _tile) = (layer, output, byteBudget, tile is null or > 0 ? tile : throw InfiniteWidthErrors.Misfit("kernel", $"tiles of {tile}"));

    /// <summary>K(x1, x2), shape [n1, n2] (with positions behind, if the network keeps them); x2 = null: x1 with itself.</summary>
    public Tensor Nngp(Tensor x1, Tensor? x2 = null) => Tiled(x1, x2, false).Nngp;

    /// <summary>Θ(x1, x2), shaped like <see cref="Nngp"/>.</summary>
    public Tensor Ntk(Tensor x1, Tensor? x2 = null) => Tiled(x1, x2, true).Ntk!;

    /// <summary>K and Θ together.</summary>
    public (Tensor Nngp, Tensor Ntk) Both(Tensor x1, Tensor? x2 = null)
    {
        (Tensor nngp, Tensor? ntk) = Tiled(x1, x2, true);
        return (nngp, ntk!);
    }

    /// <summary>Variance K(x, x) of the output on each input: n kernels of 1 × 1, in tiles. Shape: [n, …].</summary>
    public Tensor Variances(Tensor x)
    {
        SpatialMode mode = Mode(x);
        int size = Math.Max(1, (int)Math.Min(x.Shape[0], _byteBudget / BytesPerPair(x, mode)));
        var parts = new List<Tensor>();
        for (int at = 0; at < x.Shape[0]; at += size)
        {
            // A single second input: only Var1 matters, which costs one kernel an input.
            Tensor part = x.Slice(at..Math.Min(at + size, x.Shape[0]));
            parts.Add(_layer.Kernel(KernelState.Of(part, x.Slice(at..(at + 1)), mode, ntk: false)).Var1);
        }
        return parts.Count == 1 ? parts[0] : Ops.Concatenate(parts);
    }

    /// <summary>Everything that the last layer knows, in one piece whatever its size.</summary>
    public KernelState State(Tensor x1, Tensor? x2 = null, bool ntk = true) =>
        _layer.Kernel(KernelState.Of(x1, ReferenceEquals(x1, x2) ? null : x2, Mode(x1), ntk));

    private SpatialMode Mode(Tensor x)
    {
        if (x.Rank < 2) throw InfiniteWidthErrors.Misfit("kernel", $"inputs {x.Aval}; expected [n, spatial…, channels]");
        bool keepsPositions = _layer.OutputShape(Shape.Create(x.Shape.Dims[1..])).Rank > 1;
        SpatialMode mode = _layer.Needs(keepsPositions ? _output : SpatialMode.None);
        return x.Rank > 2 && mode == SpatialMode.None ? SpatialMode.Diagonal : mode;
    }

    private static long BytesPerPair(Tensor x, SpatialMode mode)
    {
        long positions = Shape.Create(x.Shape.Dims[1..^1]).Count;
        return Temporaries * 8 * Math.Max(1, mode == SpatialMode.Full ? positions * positions : positions);
    }

    private (Tensor Nngp, Tensor? Ntk) Tiled(Tensor x1, Tensor? x2, bool ntk)
    {
        if (ReferenceEquals(x1, x2)) x2 = null;
        SpatialMode mode = Mode(x1);
        int n = x1.Shape[0], m = (x2 ?? x1).Shape[0];
        int tile = _tile ?? (int)Math.Clamp(Math.Sqrt(_byteBudget / BytesPerPair(x1, mode)), 1, Math.Max(n, m) + 1);
        if (_tile is null && x2 is null && n >= WorthHalving) tile = Math.Min(tile, (n + 3) / 4);
        if (tile >= n && tile >= m) return Tile(x1, x2, 0, 0, mode, ntk);
        int axes = _layer.OutputShape(Shape.Create(x1.Shape.Dims[1..])).Rank - 1, rows = (n + tile - 1) / tile, columns = (m + tile - 1) / tile;
        var tiles = new (Tensor Nngp, Tensor? Ntk)[rows, columns];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
            {
                if (x2 is null && j < i)
                {
                    tiles[i, j] = (Mirrored(tiles[j, i].Nngp, axes), tiles[j, i].Ntk is { } other ? Mirrored(other, axes) : null);
                    continue;
                }
                Tensor left = Part(x1, i, tile);
                tiles[i, j] = x2 is null && i == j ? Tile(left, null, i * tile, j * tile, mode, ntk) : Tile(left, Part(x2 ?? x1, j, tile), i * tile, j * tile, mode, ntk);
            }
        Tensor Assembled(Func<(Tensor Nngp, Tensor? Ntk), Tensor> of) => Joined(Enumerable.Range(0, rows).Select(i =>
            Joined(Enumerable.Range(0, columns).Select(j => of(tiles[i, j])), 1)), 0);
        return (Assembled(t => t.Nngp), ntk ? Assembled(t => t.Ntk!) : null);
    }

    private (Tensor Nngp, Tensor? Ntk) Tile(Tensor x1, Tensor? x2, int first, int second, SpatialMode mode, bool ntk)
    {
        KernelState state = KernelState.Of(x1, x2, mode, ntk);
        if (x2 is null) state = state with { Common = (first, second) };
        KernelState result = _layer.Kernel(state);
        return (result.Nngp, result.Ntk);
    }

    private static Tensor Part(Tensor x, int index, int tile) => x.Slice((index * tile)..Math.Min((index + 1) * tile, x.Shape[0]));

    private static Tensor Joined(IEnumerable<Tensor> parts, int axis) => parts.ToList() is var all && all.Count == 1 ? all[0] : Ops.Concatenate(all, axis);

    // K(x2, x1) from K(x1, x2): the inputs change places, and so do their positions.
    private static Tensor Mirrored(Tensor kernel, int positionAxes)
    {
        int spatial = kernel.Rank - 2, half = spatial > positionAxes ? positionAxes : 0;
        return kernel.Transpose([1, 0, .. Enumerable.Range(2 + half, spatial - half), .. Enumerable.Range(2, half)]);
    }
}
