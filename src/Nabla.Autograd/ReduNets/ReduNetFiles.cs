using Nabla.Files;

namespace Nabla;

public sealed partial class ReduNet
{
    /// <summary>What a file holds; the options are static parts of the tree.</summary>
    private sealed record Saved(
        Tensor Operators, Tensor Counts, Tensor Sample, Tensor Rates, double EpsilonSquared, double Step, double Gate, ReduGate Gating, ReduNormalization Normalization,
        bool Residual, ulong Seed);

    /// <summary>Writes the network to one safetensors file; see <see cref="TreeFile"/>. An existing file is replaced.</summary>
    /// <exception cref="IOException">The file cannot be written; the old one is as it was.</exception>
    public void Save(string path) => TreeFile.Save(path, new Saved(
        Operators, Tensor.From(_counts), Tensor.From(SampleShape.Dims), Tensor.From([.. _rates.SelectMany(r => new[] { r.Rate, r.ClassRate })], [Depth + 1, 2]),
        Options.EpsilonSquared, Options.Step, Options.Gate, Options.Gating, Options.Normalization, Options.Residual, Options.Seed));

    /// <summary>Reads a network that <see cref="Save"/> wrote: the same bits.</summary>
    /// <exception cref="FileFormatException">NB0401–NB0409: not a safetensors file, or damaged; NB0414: the checksum differs.</exception>
    /// <exception cref="TreeFileException">NB0412: not the file of a network, or its parts do not fit each other.</exception>
    public static ReduNet Load(string path)
    {
        // Shapes from the file; TreeFile then checks names, types and checksum.
        OrderedDictionary<string, DenseTensor> found = Safetensors.Read(path).Tensors;
        DenseTensor Like(string name) => found.GetValueOrDefault(name) ?? Tensor.Zeros([0]);
        Saved saved = TreeFile.Load(path, new Saved(Like("operators"), Like("counts"), Like("sample"), Like("rates"), 1, 0, 0, default, default, true, 0));
        DenseTensor operators = saved.Operators.Dense;
        (int[] counts, double[] rates) = (saved.Counts.ToArray<int>(), saved.Rates.ToDoubles());
        int layers = operators.Shape[0];
        var options = new ReduNetOptions(layers, saved.EpsilonSquared, saved.Step, saved.Gate)
        {
            Gating = saved.Gating,
            Normalization = saved.Normalization,
            Residual = saved.Residual,
            Seed = saved.Seed,
        };
        return new ReduNet(Shape.Create(saved.Sample.ToArray<int>()), options, counts, operators, [.. rates.Chunk(2).Select(r => new ReduRates(r[0], r[1]))]);
    }
}
