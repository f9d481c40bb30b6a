namespace Nabla.Files;

/// <summary>Writes files that are either the old one or the new one, whole, whatever happens in between.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Calls <paramref name="write"/> on a temporary file beside <paramref name="path"/>, flushes it to disk, and renames it over
    /// <paramref name="path"/>. If anything fails, such as a full disk, the old file stays, the temporary file is removed, and the
    /// exception goes on to the caller.
    /// </summary>
    /// <remarks>
    /// Readers see the old bytes or the new ones, never a mixture. A process killed on the way leaves a file
    /// <c>.name.*.tmp</c>, which may be deleted. An existing file keeps its Unix permissions.
    /// </remarks>
    /// <exception cref="IOException">The file cannot be written: full disk, read-only folder, missing folder.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        string temporary = Path.Combine(
            Path.GetDirectoryName(full) ?? throw new IOException($"'{path}' is a folder, not a file."),
            $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            if (!OperatingSystem.IsWindows() && File.Exists(full)) File.SetUnixFileMode(temporary, File.GetUnixFileMode(full));
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            Discard(temporary);
            throw;
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark; see <see cref="Write(string, Action{Stream})"/>.</summary>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    // The first failure is the one to report: a second one while cleaning up would hide it.
    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
