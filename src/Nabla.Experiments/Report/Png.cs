using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>Writes PNG files with a palette of up to 256 colours (W3C PNG specification, colour type 3, 8 bits, no filter).</summary>
internal static class Png
{
    private static readonly uint[] s_crcTable = CrcTable();

    /// <summary>Encodes one byte per pixel, row by row. <paramref name="palette"/> holds 0xAARRGGBB; alpha is kept.</summary>
    public static byte[] Encode(int width, int height, ReadOnlySpan<byte> pixels, ReadOnlySpan<uint> palette)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        header[8] = 8; // bits per index
        header[9] = 3; // palette
        WriteChunk(file, "IHDR", header);
        WritePalette(file, palette);
        WriteChunk(file, "IDAT", Compress(width, height, pixels));
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    private static void WritePalette(MemoryStream file, ReadOnlySpan<uint> palette)
    {
        var colors = new byte[3 * palette.Length];
        var alphas = new byte[palette.Length];
        for (var i = 0; i < palette.Length; i++)
        {
            colors[3 * i] = (byte)(palette[i] >> 16);
            colors[3 * i + 1] = (byte)(palette[i] >> 8);
            colors[3 * i + 2] = (byte)palette[i];
            alphas[i] = (byte)(palette[i] >> 24);
        }

        WriteChunk(file, "PLTE", colors);
        if (alphas.AsSpan().ContainsAnyExcept((byte)255)) WriteChunk(file, "tRNS", alphas);
    }

    private static byte[] Compress(int width, int height, ReadOnlySpan<byte> pixels)
    {
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var row = 0; row < height; row++)
            {
                zlib.WriteByte(0); // this row is not filtered
                zlib.Write(pixels.Slice(row * width, width));
            }
        }

        return data.ToArray();
    }

    private static void WriteChunk(MemoryStream file, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        file.Write(word);
        var name = Encoding.ASCII.GetBytes(type);
        file.Write(name);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, ~Crc(Crc(uint.MaxValue, name), data));
        file.Write(word);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var b in data) crc = s_crcTable[(crc ^ b) & 0xFF] ^ (crc >> 8);
        return crc;
    }

    // CRC-32 of ISO 3309 with the reflected polynomial, annex D of the specification.
    private static uint[] CrcTable()
    {
        var table = new uint[256];
        for (uint n = 0; n < 256; n++)
        {
            var c = n;
            for (var k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
            table[n] = c;
        }

        return table;
    }
}
