using System.IO.Compression;

namespace Nabla.Files;

/// <summary>A place in a file, for messages: <c>'weights.npy' at byte 128</c>.</summary>
internal readonly record struct FilePlace(string Format, string File, long Offset)
{
    public override string ToString() => $"'{File}' at byte {Offset}";
}

/// <summary>
/// A forward reader that knows where it is and how much can follow, so that a claim made by a file is checked
/// against its real length before memory is taken for it.
/// </summary>
internal sealed class ByteSource : IDisposable
{
    /// <summary>Decompressed bytes that are accepted at any ratio of expansion.</summary>
    public const long FreeExpansion = 64L << 20;

    /// <summary>The largest ratio of expansion beyond <see cref="FreeExpansion"/>.</summary>
    public const int MaxExpansion = 200;

    // Deflate cannot expand more than this (258 bytes from two bits).
    private const int DeflateExpansion = 1032;

    private readonly string _format;
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly long _end;
    private readonly long _compressed;

    /// <summary>
    /// Reads <paramref name="stream"/> from its position. <paramref name="length"/> and <paramref name="compressed"/> are the
    /// bytes to come before and after compression, −1 where not known; a stream that can seek tells its length.
    /// </summary>
    public ByteSource(string format, Stream stream, string? name = null, long length = -1, long compressed = -1, bool leaveOpen = true)
    {
        (_format, _stream, _leaveOpen, _compressed) = (format, stream, leaveOpen, compressed);
        Name = name ?? (stream as FileStream)?.Name ?? "stream";
        if (stream.CanSeek) Position = stream.Position;
        _end = length >= 0 ? length : stream.CanSeek ? stream.Length : -1;
    }

    /// <summary>What messages call the file.</summary>
    public string Name { get; }

    /// <summary>Bytes before the next one.</summary>
    public long Position { get; private set; }

    /// <summary>True if nothing bounds what the file may claim: a pipe, for example.</summary>
    public bool IsUnbounded => _end < 0 && _compressed < 0;

    /// <summary>The next byte, for messages.</summary>
    public FilePlace Here => At(Position);

    /// <summary>Opens a file.</summary>
    public static ByteSource Open(string format, string path) => new(format, OpenFile(path), path, leaveOpen: false);

    /// <summary>Opens a file that may be compressed by gzip, which its first two bytes tell.</summary>
    public static ByteSource OpenMaybeGzip(string format, string path)
    {
        FileStream file = OpenFile(path);
        Span<byte> magic = stackalloc byte[2];
        bool gzip = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
        file.Position = 0;
        return gzip
            ? new ByteSource(format, new GZipStream(file, CompressionMode.Decompress), path, compressed: file.Length, leaveOpen: false)
            : new ByteSource(format, file, path, leaveOpen: false);
    }

    /// <summary>A place in this file.</summary>
    public FilePlace At(long offset) => new(_format, Name, offset);

    /// <summary>Refuses a claim of <paramref name="bytes"/> more bytes that the file cannot hold.</summary>
    public void Require(Int128 bytes, string what)
    {
        if (_end >= 0 && bytes > _end - Position) throw TensorErrors.FileTooShort(Here, what, bytes, _end - Position);
        if (_compressed < 0) return;
        Int128 most = (Int128)_compressed * DeflateExpansion;
        if (bytes > most) throw TensorErrors.FileTooShort(Here, what, bytes, (long)most);
        CheckExpansion(Position + bytes);
    }

    /// <summary>Reads up to the length of the span; 0 only at the end.</summary>
    public int Read(Span<byte> target)
    {
        int read;
        try
        {
            read = _stream.Read(target);
        }
        catch (InvalidDataException e)
        {
            throw TensorErrors.DamagedCompression(Here, e.Message, e);
        }
        Position += read;
        if (_compressed >= 0) CheckExpansion(Position);
        return read;
    }

    /// <summary>Fills the span; an error if the file ends before.</summary>
    public void ReadExactly(Span<byte> target, string what)
    {
        long wanted = target.Length, start = Position;
        while (!target.IsEmpty)
        {
            int read = Read(target);
            if (read == 0) throw TensorErrors.FileTooShort(At(start), what, wanted, Position - start);
            target = target[read..];
        }
    }

    /// <summary>An error if bytes follow.</summary>
    public void ExpectEnd()
    {
        Span<byte> one = stackalloc byte[1];
        long end = Position;
        if (Read(one) > 0) throw TensorErrors.FileTooLong(At(end));
    }

    /// <summary>The next bytes, collected as they arrive, for a source that does not tell its length.</summary>
    public ByteSource Collect(long bytes, string what)
    {
        var memory = new MemoryStream();
        var chunk = new byte[1 << 16];
        while (memory.Length < bytes)
        {
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, bytes - memory.Length));
            ReadExactly(part, what);
            memory.Write(part);
        }
        memory.Position = 0;
        return new ByteSource(_format, memory, Name);
    }

    public void Dispose()
    {
        if (!_leaveOpen) _stream.Dispose();
    }

    private static FileStream OpenFile(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);

    private void CheckExpansion(Int128 bytes)
    {
        if (bytes > FreeExpansion && bytes > (Int128)_compressed * MaxExpansion)
            throw TensorErrors.FileLimit(Here, $"{bytes} bytes from {_compressed} compressed ones",
                $"a ratio of at most {MaxExpansion} beyond {FreeExpansion >> 20} MiB", "Store such data uncompressed.");
    }
}
