using static Nabla.Transforms;

namespace Nabla.Tests.Oracle;

/// <summary>One case computed by both libraries: the largest differences of values and of gradients (null where none are compared).</summary>
/// <param name="Case">The case.</param>
/// <param name="Values">Difference of the outputs; +∞ where types, shapes, NaN or infinities differ.</param>
/// <param name="Gradients">Difference of the gradients for the stored cotangents.</param>
/// <param name="Ours">Outputs and gradients of Nabla, as text if they are small.</param>
/// <param name="Theirs">The same of PyTorch.</param>
internal sealed record OracleComparison(OracleCase Case, double Values, double? Gradients, string Ours, string Theirs)
{
    public double Largest => Math.Max(Values, Gradients ?? 0);

    /// <summary>Within the tolerance; or, for a convention, different.</summary>
    public bool Holds => Case.IsConvention ? Largest > Case.Tolerance : Largest <= Case.Tolerance;

    /// <summary>Runs a case on the stored inputs and cotangents.</summary>
    public static OracleComparison Of(OracleCase @case, IReadOnlyDictionary<string, DenseTensor> arrays)
    {
        Tensor[] inputs = Stored("in"), outputs = Stored("out");
        int[] wanted = [.. Enumerable.Range(0, inputs.Length).Where(i => arrays.ContainsKey($"{@case.Name}/grad{i}"))];
        (Tensor[] values, Func<Tensor[], Tensor[]> pullback) = Vjp((Tensor[] own) =>
        {
            var all = (Tensor[])inputs.Clone();
            for (int k = 0; k < wanted.Length; k++) all[wanted[k]] = own[k];
            return @case.Function(all);
        }, (Tensor[])[.. wanted.Select(i => inputs[i])]);
        double difference = Difference(values, outputs, @case.ElementByElement, floor: 0);
        if (wanted.Length == 0 || !SameTypes(values, outputs)) return new OracleComparison(@case, difference, null, Text(values), Text(outputs));
        Tensor[] gradients = pullback([.. values.Select((y, i) => arrays.TryGetValue($"{@case.Name}/ct{i}", out DenseTensor? c) ? (Tensor)c : y.ZerosLike())]);
        Tensor[] expected = [.. wanted.Select(i => arrays[$"{@case.Name}/grad{i}"])];
        return new OracleComparison(@case, difference, Difference(gradients, expected, @case.ElementByElement, floor: 1),
            $"{Text(values)}; {Text(gradients)}", $"{Text(outputs)}; {Text(expected)}");

        Tensor[] Stored(string kind)
        {
            var found = new List<Tensor>();
            while (arrays.TryGetValue($"{@case.Name}/{kind}{found.Count}", out DenseTensor? array)) found.Add(array);
            return [.. found];
        }
    }

    private static bool SameTypes(Tensor[] ours, Tensor[] theirs) => ours.Select(t => t.Aval).SequenceEqual(theirs.Select(t => t.Aval));

    // Relative to the largest finite element of all tensors, or, element by element, to the element itself but at least to the floor.
    private static double Difference(Tensor[] ours, Tensor[] theirs, bool elementByElement, double floor)
    {
        if (!SameTypes(ours, theirs)) return double.PositiveInfinity;
        double[] a = [.. ours.SelectMany(t => t.ToDoubles())], b = [.. theirs.SelectMany(t => t.ToDoubles())];
        double scale = b.Where(double.IsFinite).Select(Math.Abs).Append(0).Max(), worst = 0;
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] == b[i] || (double.IsNaN(a[i]) && double.IsNaN(b[i]))) continue;
            double relative = Math.Abs(a[i] - b[i]) / (elementByElement ? Math.Max(Math.Abs(b[i]), floor) : scale);
            worst = Math.Max(worst, double.IsFinite(relative) ? relative : double.PositiveInfinity);
        }
        return worst;
    }

    /// <summary>How far PyTorch's values and gradients are from the exact ones, for a case of accuracy.</summary>
    public static (double Values, double Gradients) OfPyTorch(string name, IReadOnlyDictionary<string, DenseTensor> arrays) =>
        (Difference([arrays[$"{name}/torch0"]], [arrays[$"{name}/out0"]], elementByElement: true, floor: 0),
         Difference([arrays[$"{name}/torchgrad0"]], [arrays[$"{name}/grad0"]], elementByElement: true, floor: 1));

    private static string Text(Tensor[] tensors) => string.Join(" ", tensors.Select(t => t.Count > 6
        ? t.Aval.ToString()
        : $"[{string.Join(", ", t.ToDoubles().Select(x => FormattableString.Invariant($"{x:g12}")))}]"));
}
