using Nabla.Experiments.Report;

namespace Nabla.Experiments;

/// <summary>Checks that must hold for every seed.</summary>
public static class SeedChecks
{
    extension(Bench bench)
    {
        /// <summary>
        /// The claim for each of several measurements, such as one a seed: the one that lies worst with respect to the bounds is checked, and the note
        /// lists them all.
        /// </summary>
        /// <param name="name">What was measured.</param>
        /// <param name="values">One value a seed.</param>
        /// <param name="min">Smallest value that agrees with the claim.</param>
        /// <param name="max">Largest value that agrees with the claim.</param>
        /// <param name="note">Where the bounds come from.</param>
        public bool CheckEach(string name, IReadOnlyList<double> values, double? min = null, double? max = null, string? note = null) =>
            bench.Check(name, Worst(values, min, max), min, max, Note(values, note));

        /// <summary>A negative control for each of several measurements.</summary>
        /// <inheritdoc cref="CheckEach"/>
        public bool ControlEach(string name, IReadOnlyList<double> values, double? min = null, double? max = null, string? note = null) =>
            bench.Control(name, Worst(values, min, max), min, max, Note(values, note));
    }

    /// <summary>The value with the smallest distance inside the bounds, or the largest outside; NaN if one is NaN or there is none.</summary>
    internal static double Worst(IReadOnlyList<double> values, double? min, double? max) => values.Count == 0 || values.Any(double.IsNaN)
        ? double.NaN : values.MinBy(v => Math.Min(v - (min ?? double.NegativeInfinity), (max ?? double.PositiveInfinity) - v));

    private static string? Note(IReadOnlyList<double> values, string? note)
    {
        string? each = values.Count < 2 ? null : $"Seeds: {string.Join(", ", values.Select(v => NumberText.Value(v)))}.";
        return note is null ? each : each is null ? note : $"{note} {each}";
    }
}
