using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using Nabla.Experiments;
using Nabla.Experiments.Cli;
using Nabla.Experiments.Data;

namespace Nabla.Tests.Experiments;

/// <summary>Data sets on disk and downloads. One class, because it changes NABLA_DATA, which belongs to the process.</summary>
public sealed class ImageDataTests : IDisposable
{
    private static readonly DataFile Hello = new("hello.txt", 5, "5d41402abc4b2a76b9719d911017c592");

    private static readonly DataEntry Entry = new("greetings", "Greetings", "nobody", "https://example.invalid/data/", [Hello]);

    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-data-").FullName;
    private readonly string? _real = TestData.Folder; // read before the constructor changes the variable
    private readonly string? _before = Environment.GetEnvironmentVariable(DataFolders.Variable);
    private readonly string? _cacheBefore = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");

    public ImageDataTests()
    {
        Environment.SetEnvironmentVariable(DataFolders.Variable, _folder);
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", Path.Combine(_folder, "cache"));
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(DataFolders.Variable, _before);
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", _cacheBefore);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Mnist_is_the_published_one()
    {
        Assert.SkipWhen(_real is null || !File.Exists(Path.Combine(_real, "mnist", "t10k-images-idx3-ubyte.gz")), "MNIST is not on this machine.");
        Environment.SetEnvironmentVariable(DataFolders.Variable, _real);
        var bench = new Bench(new BenchSettings([0], Device.Cpu));
        (Dataset train, Dataset test, string? note) = bench.Load(ImageData.Mnist);
        int[] labels = [.. note is null ? test.LabelSpan : [.. train.LabelSpan, .. test.LabelSpan]];
        Assert.Equal([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009], labels.CountBy(k => k).OrderBy(p => p.Key).Select(p => p.Value));
        Assert.Equal([7, 2, 1, 0, 4], labels[..5]);
        Assert.Equal((784, "[28,28]"), (test.FeatureCount, test.SampleShape.ToString()));
        Assert.Equal(255.0, test.Sample(0).ToArray().Max(), 15.0);
        if (note is null) return;
        Assert.Equal((8000, 2000), (train.Count, test.Count));
        Assert.Equal([note], bench.Findings);
    }

    [Fact]
    public void A_data_set_that_is_not_there_says_where_it_was_looked_for()
    {
        var error = Assert.Throws<EnvironmentException>(() => ImageData.Mnist());
        Assert.Equal("NB0712", error.Code);
        Assert.Contains(_folder, error.Message);
        Assert.Contains("nabla data download mnist", error.Message);
        Assert.Equal("NB0712", Assert.Throws<EnvironmentException>(() => ImageData.Cifar10()).Code);
    }

    [Fact]
    public void Files_of_another_shape_are_refused()
    {
        WriteIdx("fashion-mnist/t10k-images-idx3-ubyte", [2, 28, 28]);
        WriteIdx("fashion-mnist/t10k-labels-idx1-ubyte", [2]);
        var error = Assert.Throws<EnvironmentException>(() => ImageData.FashionMnist());
        Assert.Equal("NB0713", error.Code);
        Assert.Contains("f32[2,28,28]; expected f32[10000,28,28]", error.Message);
    }

    [Fact]
    public void Cifar_is_read_from_its_archive()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "cifar10")).FullName;
        using (var tar = new TarWriter(new GZipStream(File.Create(Path.Combine(folder, "cifar-10-binary.tar.gz")), CompressionLevel.Fastest)))
            foreach (string name in new[] { "data_batch_1.bin", "test_batch.bin" })
            {
                var bytes = new byte[10_000 * 3073];
                for (int i = 0; i < 10_000; i++) (bytes[i * 3073], bytes[i * 3073 + 1]) = ((byte)(i % 10), (byte)(i % 256));
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"cifar-10-batches-bin/{name}") { DataStream = new MemoryStream(bytes) });
            }
        (Dataset train, Dataset test, _) = ImageData.Cifar10(trainCount: 300);
        Assert.Equal((300, 10_000, 3072), (train.Count, test.Count, train.FeatureCount));
        Assert.Equal((9, 43f, 0f), (train.LabelSpan[299], train.Sample(299)[0], train.Sample(299)[1]));
        Assert.Equal("NB0713", Assert.Throws<EnvironmentException>(() => ImageData.Cifar10(trainCount: 10_001)).Code);
    }

    [Fact]
    public void A_download_with_the_right_checksum_is_kept_and_not_fetched_again()
    {
        Assert.True(Fetch(() => Answer("hello")));
        Assert.Equal("hello", File.ReadAllText(Path.Combine(_folder, "greetings", "hello.txt")));
        Assert.False(Fetch(() => throw new InvalidOperationException("must not be asked again")));
    }

    [Theory]
    [InlineData("hallo", "MD5")]
    [InlineData("hell", "4 bytes")]
    [InlineData("hello hello", "more than 5 bytes")]
    public void Another_file_is_not_kept(string content, string what)
    {
        var error = Assert.Throws<EnvironmentException>(() => Fetch(() => Answer(content)));
        Assert.Equal("NB0715", error.Code);
        Assert.Contains(what, error.Message);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "greetings")));
    }

    [Fact]
    public void A_failed_download_says_why_and_leaves_nothing()
    {
        Assert.Contains("404", Assert.Throws<EnvironmentException>(() => Fetch(() => new HttpResponseMessage(HttpStatusCode.NotFound))).Message);
        var offline = Assert.Throws<EnvironmentException>(() => Fetch(() => throw new HttpRequestException("no such host")));
        Assert.Equal("NB0714", offline.Code);
        Assert.Equal(ExitCode.Environment, ExitCode.Of(offline));
        Assert.Contains("no such host", offline.Message);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "greetings")));
    }

    [Fact]
    public void Data_lists_what_is_embedded_and_what_was_found()
    {
        WriteIdx("mnist/t10k-labels-idx1-ubyte", [3]);
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(0, CommandLine.Run(["data"], () => new Registry(), new Terminal(output, error)));
        Assert.Matches(@"digits +digits\.csv\.gz +57\.5 kB +embedded", output.ToString());
        Assert.Matches(@"mnist +t10k-labels-idx1-ubyte\.gz +11 B +.*t10k-labels-idx1-ubyte", output.ToString());
        Assert.Matches(@"cifar10 +cifar-10-binary\.tar\.gz +not found", output.ToString());
        Assert.Contains(_folder, error.ToString());
    }

    [Fact]
    public void An_unknown_data_set_is_a_usage_error()
    {
        var error = new StringWriter();
        Assert.Equal(2, CommandLine.Run(["data", "download", "imagenet"], () => new Registry(), new Terminal(new StringWriter(), error)));
        Assert.Contains("mnist", error.ToString());
    }

    private bool Fetch(Func<HttpResponseMessage> answer)
    {
        using var client = new HttpClient(new FakeServer(answer));
        return Downloads.Fetch(Entry, Hello, _folder, client, (_, _) => { }, CancellationToken.None);
    }

    private static HttpResponseMessage Answer(string content) => new(HttpStatusCode.OK) { Content = new StringContent(content) };

    private void WriteIdx(string name, int[] dims)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var bytes = new byte[4 + 4 * dims.Length + dims.Aggregate(1, (a, b) => a * b)];
        (bytes[2], bytes[3]) = (8, (byte)dims.Length);
        for (int i = 0; i < dims.Length; i++) BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 + 4 * i), dims[i]);
        File.WriteAllBytes(path, bytes);
    }

    private sealed class FakeServer(Func<HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Assert.Equal("https://example.invalid/data/hello.txt", request.RequestUri!.ToString());
            return answer();
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(Send(request, cancellationToken));
    }
}
