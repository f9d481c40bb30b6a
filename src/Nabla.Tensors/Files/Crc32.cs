namespace Nabla.Files;

/// <summary>The cyclic redundancy check of zip and gzip (polynomial 0xEDB88320, reflected), eight bytes at a time.</summary>
/// <remarks>Source: Kounavis and Berry, "A systematic approach to building high performance software-based CRC generators", 2005.</remarks>
internal static class Crc32
{
    private static readonly uint[][] Tables = MakeTables();

    /// <summary>Extends a check, 0 at the start, by more bytes.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint[][] t = Tables;
        uint c = ~crc;
        while (bytes.Length >= 8)
        {
            uint low = c ^ BitConverter.ToUInt32(bytes), high = BitConverter.ToUInt32(bytes[4..]);
            c = t[7][(byte)low] ^ t[6][(byte)(low >> 8)] ^ t[5][(byte)(low >> 16)] ^ t[4][low >> 24]
                ^ t[3][(byte)high] ^ t[2][(byte)(high >> 8)] ^ t[1][(byte)(high >> 16)] ^ t[0][high >> 24];
            bytes = bytes[8..];
        }
        foreach (byte b in bytes) c = t[0][(byte)(c ^ b)] ^ (c >> 8);
        return ~c;
    }

    // Table k advances a byte by k more zero bytes.
    private static uint[][] MakeTables()
    {
        var tables = new uint[8][];
        for (int k = 0; k < 8; k++)
        {
            tables[k] = new uint[256];
            for (uint i = 0; i < 256; i++)
            {
                uint c = k == 0 ? i : tables[k - 1][i];
                if (k > 0) c = tables[0][(byte)c] ^ (c >> 8);
                else for (int bit = 0; bit < 8; bit++) c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
                tables[k][i] = c;
            }
        }
        return tables;
    }
}
