using System.Globalization;
using System.IO.Compression;
using System.Reflection;

namespace Nabla.Experiments.Data;

/// <summary>
/// Handwritten digits: 1,797 images of 8 × 8 counts, 0 to 16, in ten classes. Embedded, so that an experiment on real data runs anywhere.
/// </summary>
/// <remarks>Source: Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49 (CC BY 4.0), test part.</remarks>
public static class Digits
{
    private static readonly Lazy<Dataset> Lazy = new(() => EmbeddedCsv.Read(
        "digits", "digits.csv.gz", headerLines: 0, [8, 8], [.. Enumerable.Range(0, 10).Select(k => k.ToString(CultureInfo.InvariantCulture))]));

    /// <summary>Features f32[1797, 64] from 0 to 16, not scaled; labels i32[1797].</summary>
    public static Dataset Load() => Lazy.Value;
}

/// <summary>150 irises of three species: length and width of sepal and petal in cm. Embedded.</summary>
/// <remarks>Source: Fisher 1936, The use of multiple measurements in taxonomic problems; UCI, doi:10.24432/C56C76 (CC BY 4.0).</remarks>
public static class Iris
{
    private static readonly Lazy<Dataset> Lazy = new(() =>
        EmbeddedCsv.Read("iris", "iris.csv", headerLines: 1, [4], ["setosa", "versicolor", "virginica"]));

    /// <summary>Features f32[150, 4] in cm; labels i32[150].</summary>
    public static Dataset Load() => Lazy.Value;
}

/// <summary>Reads the tables inside this assembly: rows of numbers, the class last.</summary>
internal static class EmbeddedCsv
{
    /// <summary>Names of the embedded files.</summary>
    public static IReadOnlyList<string> Files { get; } = ["digits.csv.gz", "iris.csv"];

    /// <summary>Size of an embedded file in bytes.</summary>
    public static long Size(string file)
    {
        using Stream stream = Open(file);
        return stream.Length;
    }

    public static Stream Open(string file) =>
        Assembly.GetExecutingAssembly().GetManifestResourceStream($"Nabla.Experiments.Data.{file}")
        ?? throw new InvalidOperationException($"Resource {file} is missing from the assembly.");

    public static Dataset Read(string name, string file, int headerLines, Shape sampleShape, IReadOnlyList<string> classes)
    {
        using Stream stream = Open(file);
        using var reader = new StreamReader(file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(stream, CompressionMode.Decompress) : stream);
        for (int i = 0; i < headerLines; i++) reader.ReadLine();
        var features = new List<float>();
        var labels = new List<int>();
        while (reader.ReadLine() is { } line)
        {
            int last = line.LastIndexOf(',');
            foreach (Range cell in line.AsSpan(0, last).Split(','))
                features.Add(float.Parse(line.AsSpan(0, last)[cell], CultureInfo.InvariantCulture));
            labels.Add(int.Parse(line.AsSpan(last + 1), CultureInfo.InvariantCulture));
        }
        return new Dataset(name, [.. features], [.. labels], sampleShape, classes);
    }
}
