using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Nabla.Files;

namespace Nabla.Kernels;

/// <summary>
/// Compiled kernels on disk, so that a second process need not compile. An entry is a file named after everything that decides its content; it starts
/// with that name and a checksum, and one that is damaged does as if it were not there. A folder that cannot be written is no error: nothing is kept. When the files take more
/// than the limit, those go that were used longest ago.
/// </summary>
/// <param name="folder">Where the files lie; null keeps nothing.</param>
/// <param name="limit">Bytes that the files may take in all.</param>
internal sealed class KernelCache(string? folder, long limit = KernelCache.DefaultLimit)
{
    /// <summary>Bytes that the files may take in all, if the environment says nothing else.</summary>
    public const long DefaultLimit = 256L << 20;

    private const string Variable = "NABLA_KERNEL_CACHE", LimitVariable = "NABLA_KERNEL_CACHE_MB", Files = "*.bin";
    private const int HashBytes = SHA256.HashSizeInBytes;

    // What the files take, as far as this process knows; below 0: it has not looked yet.
    private long _bytes = -1;

    // The file: magic, key, SHA-256 of the binary, binary.
    private static ReadOnlySpan<byte> Magic => "NABLAKC1"u8;

    /// <summary>The cache that the environment asks for: a folder, <c>off</c>, or by default one in the user's cache folder.</summary>
    public static KernelCache FromEnvironment() => new(Environment.GetEnvironmentVariable(Variable) switch
    {
        "off" => null,
        { Length: > 0 } chosen => chosen,
        _ => UserFolders.Cache is { } cache ? Path.Combine(cache, "kernels") : null,
    }, LimitFromEnvironment());

    /// <summary>SHA-256, in hexadecimal, of all that decides what a compiler makes: text, options, device, driver.</summary>
    public static string Key(params ReadOnlySpan<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))));

    /// <summary>The file of an entry; null if nothing is kept.</summary>
    public string? PathOf(string key) => folder is null ? null : Path.Combine(folder, key + ".bin");

    /// <summary>The binary kept under a key; null if there is none, or none that is whole.</summary>
    public byte[]? Read(string key)
    {
        if (PathOf(key) is not { } path) return null;
        try
        {
            if (!File.Exists(path)) return null;
            ReadOnlySpan<byte> bytes = File.ReadAllBytes(path);
            int header = Magic.Length + 2 * HashBytes;
            if (bytes.Length <= header || !bytes.StartsWith(Magic)) return null;
            ReadOnlySpan<byte> binary = bytes[header..];
            bool whole = bytes[Magic.Length..].StartsWith(Convert.FromHexString(key)) && bytes[(Magic.Length + HashBytes)..].StartsWith(SHA256.HashData(binary));
            if (!whole) return null;
            MarkUsed(path);
            return binary.ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a binary, over what was there.</summary>
    public void Write(string key, byte[] binary)
    {
        if (PathOf(key) is not { } path) return;
        try
        {
            Directory.CreateDirectory(folder!);
            AtomicFile.Write(path, stream =>
            {
                stream.Write(Magic);
                stream.Write(Convert.FromHexString(key));
                stream.Write(SHA256.HashData(binary));
                stream.Write(binary);
            });
            Interlocked.Add(ref _bytes, _bytes < 0 ? 0 : binary.Length + Magic.Length + 2 * HashBytes);
            if (_bytes < 0 || _bytes > limit) Trim(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            NablaDebug.Tell(1, $"kernel cache: {e.Message}");
        }
    }

    // Down to three quarters of the limit, so that not every entry asks for this. The newest entry stays.
    private void Trim(string newest)
    {
        FileInfo[] files = [.. new DirectoryInfo(folder!).GetFiles(Files)];
        long total = files.Sum(f => f.Length), kept = total;
        foreach (FileInfo file in files.Where(f => f.Name != Path.GetFileName(newest)).OrderBy(f => f.LastWriteTimeUtc))
        {
            if (total <= limit || kept <= limit / 4 * 3) break;
            kept -= file.Length;
            file.Delete();
        }
        _bytes = kept;
    }

    // A folder may be for reading alone.
    private static void MarkUsed(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    // Not a number of megabytes: the default.
    private static long LimitFromEnvironment() =>
        long.TryParse(Environment.GetEnvironmentVariable(LimitVariable), NumberStyles.None, CultureInfo.InvariantCulture, out long megabytes) && megabytes < 1 << 30 ? megabytes << 20 : DefaultLimit;
}
