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
    /// <exception cref="TreeFileException">NB0412: not the file of a network; NB0413: a later version; NB0689: its parts do not fit each other.</exception>
    public static ReduNet Load(string path)
    {
        // Shapes from the file; TreeFile then checks names, types and checksum.
        OrderedDictionary<string, DenseTensor> found = Safetensors.Read(path).Tensors;
        DenseTensor Like(string name) => found.GetValueOrDefault(name) ?? Tensor.Zeros([0]);
        Saved saved = TreeFile.Load(path, new Saved(Like("operators"), Like("counts"), Like("sample"), Like("rates"), 1, 0, 0, default, default, true, 0));
        if (Misfit(saved) is { } problem) throw ReduNetErrors.Saved(path, problem);
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

    // What is wrong with the parts of a file, or null.
    private static string? Misfit(Saved s)
    {
        if (s.Counts.DType != DType.I32 || s.Counts.Rank != 1 || s.Sample.DType != DType.I32 || s.Sample.Rank != 1) return $"counts {s.Counts.Aval} and sample {s.Sample.Aval} are not i32 vectors";
        (int[] counts, int[] sample) = (s.Counts.ToArray<int>(), s.Sample.ToArray<int>());
        if (counts.Length == 0 || counts.Any(c => c < 0) || counts.All(c => c == 0)) return $"class sizes ({string.Join(", ", counts)})";
        if (sample.Length is < 1 or > 3 || sample.Any(length => length < 1)) return $"samples of shape ({string.Join(", ", sample)})";
        var blocks = new SampleBlocks(Shape.Create(sample));
        bool fits = s.Operators.Rank == 5 && s.Operators.DType.IsFloat && s.Operators.Shape[0] >= 1
            && s.Operators.Shape.Dims[1..].SequenceEqual([blocks.Blocks, counts.Length + 1, blocks.Size, blocks.Size]);
        if (!fits) return $"operators {s.Operators.Aval} for {counts.Length} classes and samples of shape ({string.Join(", ", sample)})";
        if (s.Rates.Rank != 2 || s.Rates.Shape[0] != s.Operators.Shape[0] + 1 || s.Rates.Shape[1] != 2) return $"rates {s.Rates.Aval} for {s.Operators.Shape[0]} layers";
        bool valid = s.EpsilonSquared > 0 && double.IsFinite(s.EpsilonSquared) && double.IsFinite(s.Step) && s.Gate >= 0 && double.IsFinite(s.Gate);
        return valid ? null : $"ε² = {s.EpsilonSquared}, η_eff = {s.Step}, λ_eff = {s.Gate}";
    }
}
