namespace Nabla.Kernels;

/// <summary>Many consecutive Philox blocks at once.</summary>
internal static unsafe class PhiloxBlocks
{
    /// <summary>
    /// Writes the words of blocks <paramref name="first"/>, first + 1, … of the draw stream of a key: 4·<paramref name="count"/> words.
    /// </summary>
    public static void Fill(uint k0, uint k1, ulong first, int count, uint* words)
    {
        for (int i = 0; i < count; i++)
        {
            ulong block = first + (ulong)i;
            (words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]) =
                Philox.Block((uint)block, (uint)(block >> 32), Philox.DrawDomain, 0, k0, k1);
        }
    }
}
