namespace Nabla.Autograd;

/// <summary>
/// Places blocks with known lifetimes into one arena: each block goes to the lowest gap that is free for its whole life, largest blocks first.
/// </summary>
internal sealed class MemoryPlan
{
    private readonly List<Block> _blocks = [];

    /// <summary>Bytes of the arena after <see cref="Place"/>.</summary>
    public long ArenaBytes { get; private set; }

    /// <summary>Announces a block that is written at time <paramref name="first"/> and last read at time <paramref name="last"/>.</summary>
    public Block Add(long bytes, int first, int last)
    {
        var block = new Block(Math.Max(64, (bytes + 63) / 64 * 64), first, last);
        _blocks.Add(block);
        return block;
    }

    /// <summary>Gives every block its offset: blocks whose lifetimes meet do not overlap.</summary>
    public void Place()
    {
        var placed = new List<Block>();
        foreach (Block block in _blocks.OrderByDescending(b => b.Bytes).ThenBy(b => b.First))
        {
            long offset = 0;
            foreach (Block other in placed.Where(o => o.First <= block.Last && block.First <= o.Last).OrderBy(o => o.Offset))
            {
                if (offset + block.Bytes <= other.Offset) break;
                offset = Math.Max(offset, other.Offset + other.Bytes);
            }
            block.Offset = offset;
            ArenaBytes = Math.Max(ArenaBytes, offset + block.Bytes);
            placed.Add(block);
        }
    }

    /// <summary>The blocks as <c>[offset, end) times first–last</c>, by offset.</summary>
    public override string ToString() => $"memory plan: arena {ArenaBytes} bytes for {_blocks.Sum(b => b.Bytes)} bytes in {_blocks.Count} blocks:" +
        string.Concat(_blocks.OrderBy(b => b.Offset).ThenBy(b => b.First).Select(b => $" [{b.Offset}, {b.Offset + b.Bytes}) times {b.First}–{b.Last};"));

    /// <summary>A piece of the arena.</summary>
    public sealed class Block(long bytes, int first, int last)
    {
        public long Bytes { get; } = bytes;

        public int First { get; } = first;

        public int Last { get; set; } = last;

        public long Offset { get; set; }
    }
}
