using System.IO.Compression;

namespace Nabla.Files;

/// <summary>NumPy's npz files: zip archives of npy files, one for each named array.</summary>
/// <remarks>
/// Refused are archives of more than <see cref="MostEntries"/> entries, entries that share compressed bytes, entries that expand more than 200
/// times beyond 64 MiB, and entries whose check sum differs.
/// </remarks>
public static class Npz
{
    /// <summary>The most arrays that one file may hold.</summary>
    public const int MostEntries = 65_535;

    private const string Format = "npz";
    private const string Suffix = ".npy";

    // Entries carry the earliest time that zip can express, so that equal arrays give equal files.
    private static readonly DateTimeOffset Time = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Reads all arrays, in the order of the archive.</summary>
    /// <exception cref="FileFormatException">NB0401–NB0406, NB0408, NB0409, NB0411: damaged, or more than the limits allow.</exception>
    public static OrderedDictionary<string, DenseTensor> Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return Read(stream, path);
    }

    /// <summary>Reads all arrays from a stream that can seek.</summary>
    /// <exception cref="FileFormatException">As of <see cref="Read(string)"/>.</exception>
    public static OrderedDictionary<string, DenseTensor> Read(Stream stream) => Read(stream, (stream as FileStream)?.Name ?? "stream");

    /// <summary>Writes arrays under their names; see <see cref="AtomicFile"/>.</summary>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> arrays, bool compress = false) =>
        AtomicFile.Write(path, stream => Write(stream, arrays, compress));

    /// <summary>Writes arrays under their names.</summary>
    /// <exception cref="ArgumentException">A name is empty or occurs twice.</exception>
    public static void Write(Stream stream, IEnumerable<KeyValuePair<string, Tensor>> arrays, bool compress = false)
    {
        var names = new HashSet<string>();
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach ((string name, Tensor tensor) in arrays)
        {
            if (name.Length == 0 || !names.Add(name)) throw new ArgumentException($"'{name}' is empty or occurs twice.", nameof(arrays));
            ZipArchiveEntry entry = archive.CreateEntry(name + Suffix, compress ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
            entry.LastWriteTime = Time;
            using Stream target = entry.Open();
            Npy.Write(target, tensor);
        }
    }

    private static OrderedDictionary<string, DenseTensor> Read(Stream stream, string name)
    {
        var start = new FilePlace(Format, name, 0);
        var arrays = new OrderedDictionary<string, DenseTensor>();
        ZipArchive archive = Guard(start, () => new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true));
        using (archive)
        {
            IReadOnlyCollection<ZipArchiveEntry> entries = Guard(start, () => archive.Entries);
            if (entries.Count > MostEntries)
                throw TensorErrors.FileLimit(start, $"{entries.Count} entries", $"{MostEntries}", "Split the file.");
            Int128 compressed = 0;
            foreach (ZipArchiveEntry entry in entries)
            {
                if (!entry.FullName.EndsWith(Suffix, StringComparison.Ordinal) || entry.FullName.Length == Suffix.Length)
                    throw TensorErrors.FileName(start, $"entry '{entry.FullName}' is not called NAME{Suffix}");
                string key = entry.FullName[..^Suffix.Length];
                compressed += Math.Max(0, entry.CompressedLength);
                if (compressed > stream.Length)
                    throw TensorErrors.FileLimit(start, $"entries of {compressed} compressed bytes", $"the {stream.Length} of the file", "Is it a zip bomb?");
                if (!arrays.TryAdd(key, ReadEntry(entry, new FilePlace(Format, $"{name}({entry.FullName})", 0))))
                    throw TensorErrors.FileName(start, $"'{key}' occurs twice");
            }
        }
        return arrays;
    }

    private static DenseTensor ReadEntry(ZipArchiveEntry entry, FilePlace place)
    {
        using Stream data = Guard(place, entry.Open);
        using var checkedData = new CheckedStream(data);
        using var source = new ByteSource(Format, checkedData, place.File, entry.Length, entry.CompressedLength);
        DenseTensor tensor = Npy.Read(source, toEnd: true);
        if (checkedData.Crc != entry.Crc32)
            throw TensorErrors.DamagedCompression(source.Here, $"check sum {checkedData.Crc:x8}, expected {entry.Crc32:x8}");
        return tensor;
    }

    // What the archive reader raises on damaged structures, as the one exception for bad files.
    private static T Guard<T>(FilePlace place, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ArgumentException or NotSupportedException)
        {
            throw TensorErrors.DamagedCompression(place, e.Message, e);
        }
    }

    /// <summary>Passes reads on and computes their check sum, which the archive reader leaves to its caller.</summary>
    private sealed class CheckedStream(Stream inner) : Stream
    {
        public uint Crc { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer);
            Crc = Crc32.Append(Crc, buffer[..read]);
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
