using System.Net.Http.Headers;
using System.Security.Cryptography;
using Nabla.Files;

namespace Nabla.Experiments.Data;

/// <summary>Fetches data sets. Nothing else in Nabla opens a network connection, and this only when the user asks.</summary>
internal static class Downloads
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Fetches one file into a folder; it appears there whole, with the right size and checksum, or not at all. A file that is already there and right
    /// is left alone.
    /// </summary>
    /// <returns>True if it was fetched, false if it was there.</returns>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written; NB0714: it cannot be fetched; NB0715: it is not the right one.</exception>
    public static bool Fetch(DataEntry entry, DataFile file, string folder, HttpClient client, Action<long, long> progress, CancellationToken stop)
    {
        string target = Path.Combine(folder, entry.Name, file.Name);
        if (IsRight(target, file)) return false;
        var address = new Uri(new Uri(entry.Address), file.Name);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
            patience.CancelAfter(Patience);
            using HttpResponseMessage response = client.Send(new HttpRequestMessage(HttpMethod.Get, address), HttpCompletionOption.ResponseHeadersRead, patience.Token);
            response.EnsureSuccessStatusCode();
            using Stream body = response.Content.ReadAsStream(stop);
            AtomicFile.Write(target, stream => Copy(body, stream, file, address, progress, stop));
            return true;
        }
        catch (HttpRequestException e)
        {
            throw ExperimentErrors.DownloadFailed(address, e.InnerException?.Message ?? e.Message, e);
        }
        catch (HttpIOException e)
        {
            throw ExperimentErrors.DownloadFailed(address, e.Message, e);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw ExperimentErrors.DownloadFailed(address, $"no answer within {Patience.TotalSeconds:F0} s", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ExperimentErrors.CannotWrite(target, e);
        }
    }

    /// <summary>A client that says who it is.</summary>
    public static HttpClient NewClient()
    {
        var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("nabla", Runs.MachineInfo.Version.Version));
        return client;
    }

    private static bool IsRight(string path, DataFile file)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != file.Bytes) return false;
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(MD5.HashData(stream)) == file.Md5;
    }

    // Stops at the published size, so that a wrong server cannot fill the disk.
    private static void Copy(Stream body, Stream target, DataFile file, Uri address, Action<long, long> progress, CancellationToken stop)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        var buffer = new byte[1 << 16];
        long total = 0;
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            int count = body.Read(buffer);
            if (count == 0) break;
            total += count;
            if (total > file.Bytes) throw ExperimentErrors.WrongDownload(address, $"more than {file.Bytes} bytes", $"{file.Bytes} bytes");
            hash.AppendData(buffer, 0, count);
            target.Write(buffer, 0, count);
            progress(total, file.Bytes);
        }
        if (total != file.Bytes) throw ExperimentErrors.WrongDownload(address, $"{total} bytes", $"{file.Bytes} bytes");
        string md5 = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (md5 != file.Md5) throw ExperimentErrors.WrongDownload(address, $"MD5 {md5}", $"MD5 {file.Md5}");
    }
}
