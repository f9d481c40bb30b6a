using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using Nabla.Files;

namespace Nabla.Experiments.Data;

/// <summary>Training and test set.</summary>
/// <param name="Train">For training.</param>
/// <param name="Test">For testing; disjoint from the former.</param>
/// <param name="Note">What a report must say about the split; null if it is the published one.</param>
public sealed record TrainTest(Dataset Train, Dataset Test, string? Note = null);

/// <summary>Image sets read from disk: see <see cref="DataFolders"/> for where. Pixels are 0 to 255, not scaled.</summary>
public static class ImageData
{
    private const int FallbackTrain = 8000;

    private static readonly string[] Digits = [.. Enumerable.Range(0, 10).Select(k => k.ToString(CultureInfo.InvariantCulture))];

    private static readonly string[] Clothes =
        ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

    private static readonly string[] Things = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>
    /// MNIST: f32[60000, 784] and f32[10000, 784]. Where only the 10,000 test images are found, the first 8,000 of them are the training set and the
    /// last 2,000 the test set, and the note says so.
    /// </summary>
    /// <exception cref="EnvironmentException">NB0712: not on this machine; NB0713: the files are not those of MNIST.</exception>
    public static TrainTest Mnist() => IdxPair(Catalog.Mnist, Digits);

    /// <summary>Fashion-MNIST, as <see cref="Mnist"/>.</summary>
    /// <inheritdoc cref="Mnist"/>
    public static TrainTest FashionMnist() => IdxPair(Catalog.FashionMnist, Clothes);

    /// <summary>
    /// CIFAR-10: f32[n, 3072] and f32[10000, 3072], each sample the red, the green, then the blue plane. All 50,000 training images take 614 MB.
    /// </summary>
    /// <param name="trainCount">How many training images to read, from the first on.</param>
    /// <exception cref="EnvironmentException">NB0712: not on this machine; NB0713: the file is not that of CIFAR-10.</exception>
    public static TrainTest Cifar10(int trainCount = 50_000)
    {
        string file = DataFolders.Find($"{Catalog.Cifar10.Name}/{Catalog.Cifar10.Files[0].Name}") ?? throw ExperimentErrors.DataMissing(Catalog.Cifar10);
        Dictionary<string, byte[]> batches = ReadTar(file);
        var train = new CifarReader(trainCount);
        for (int i = 1; i <= 5 && train.Missing > 0; i++) train.Add(Batch(file, batches, $"data_batch_{i}.bin"));
        var test = new CifarReader(10_000);
        test.Add(Batch(file, batches, "test_batch.bin"));
        return new TrainTest(train.ToDataset(), test.ToDataset());
    }

    private static TrainTest IdxPair(DataEntry entry, string[] classes)
    {
        (string Images, string Labels)? train = FindPair(entry, "train"), test = FindPair(entry, "t10k");
        if (test is not { } testFiles) throw ExperimentErrors.DataMissing(entry);
        Dataset last = ReadPair(entry, testFiles, 10_000, classes);
        if (train is { } trainFiles) return new TrainTest(ReadPair(entry, trainFiles, 60_000, classes), last);
        string note = string.Create(CultureInfo.InvariantCulture,
            $"Only the {last.Count:N0} test images of {entry.Title} are on this machine: the first {FallbackTrain:N0} are the training set here, the last {last.Count - FallbackTrain:N0} the test set.");
        return new TrainTest(last.Take(FallbackTrain), last.Slice(FallbackTrain, last.Count - FallbackTrain), note);
    }

    // Both files of a part, each compressed as published or unpacked.
    private static (string, string)? FindPair(DataEntry entry, string part)
    {
        string? images = Find($"{part}-images-idx3-ubyte"), labels = Find($"{part}-labels-idx1-ubyte");
        return images is null || labels is null ? null : (images, labels);

        string? Find(string stem) => DataFolders.Find($"{entry.Name}/{stem}.gz") ?? DataFolders.Find($"{entry.Name}/{stem}");
    }

    private static Dataset ReadPair(DataEntry entry, (string Images, string Labels) files, int count, string[] classes)
    {
        DenseTensor images = Idx.Read(files.Images, DType.F32), labels = Idx.Read(files.Labels, DType.I32);
        if (images.Shape != [count, 28, 28]) throw ExperimentErrors.DataShape(files.Images, images.Aval.ToString(), $"f32[{count},28,28]");
        if (labels.Shape != [count]) throw ExperimentErrors.DataShape(files.Labels, labels.Aval.ToString(), $"i32[{count}]");
        int[] classOf = labels.ToArray<int>();
        if (classOf.Any(k => k < 0 || k >= classes.Length)) throw ExperimentErrors.DataShape(files.Labels, "a label outside the classes", "labels from 0 to 9");
        return new Dataset(entry.Title, images.ToArray<float>(), classOf, [28, 28], classes);
    }

    private static Dictionary<string, byte[]> ReadTar(string file)
    {
        var batches = new Dictionary<string, byte[]>();
        try
        {
            using var tar = new TarReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.Length != CifarReader.BatchBytes || entry.DataStream is null) continue;
                var bytes = new byte[CifarReader.BatchBytes];
                entry.DataStream.ReadExactly(bytes);
                batches[Path.GetFileName(entry.Name)] = bytes;
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw ExperimentErrors.DataShape(file, e.Message, "a tar archive compressed by gzip");
        }
        return batches;
    }

    private static byte[] Batch(string file, Dictionary<string, byte[]> batches, string name) =>
        batches.GetValueOrDefault(name) ?? throw ExperimentErrors.DataShape(file, $"no entry {name} of {CifarReader.BatchBytes} bytes", "the binary version of CIFAR-10");

    // A record is one byte for the class, then 3072 pixels.
    private sealed class CifarReader(int count)
    {
        public const int Pixels = 3072, BatchBytes = 10_000 * (1 + Pixels);

        private readonly float[] _features = new float[checked(count * Pixels)];
        private readonly int[] _labels = new int[count];
        private int _filled;

        public int Missing => count - _filled;

        public void Add(byte[] batch)
        {
            for (int i = 0; i < 10_000 && Missing > 0; i++, _filled++)
            {
                ReadOnlySpan<byte> sample = batch.AsSpan(i * (1 + Pixels), 1 + Pixels);
                if (sample[0] >= Things.Length) throw ExperimentErrors.DataShape(Catalog.Cifar10.Title, $"label {sample[0]}", "labels from 0 to 9");
                _labels[_filled] = sample[0];
                for (int j = 0; j < Pixels; j++) _features[_filled * Pixels + j] = sample[1 + j];
            }
        }

        public Dataset ToDataset() => new(Catalog.Cifar10.Title, _features, _labels, [3, 32, 32], Things);
    }
}
