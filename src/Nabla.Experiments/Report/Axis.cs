namespace Nabla.Experiments.Report;

/// <summary>How values are laid out along an axis.</summary>
public enum AxisScale
{
    /// <summary>Equal differences have equal lengths.</summary>
    Linear,

    /// <summary>Equal ratios have equal lengths; values ≤ 0 cannot be drawn, and the figure says how many were left out.</summary>
    Log,
}

/// <summary>
/// What an axis (or a colour bar) measures: label, unit and scale, and optionally its ends. A string converts to a linear axis with that label.
/// </summary>
/// <param name="Label">The quantity, such as <c>step</c> or <c>sharpness λ₁</c>. All texts of figures know <c>σ_{w}</c> and <c>n^{−1/2}</c>.</param>
/// <param name="Unit">The unit, such as <c>s</c>; empty for a pure number.</param>
/// <param name="Scale">Linear or logarithmic.</param>
/// <param name="Min">Lower end; null: from the data.</param>
/// <param name="Max">Upper end; null: from the data.</param>
public sealed record Axis(string Label, string Unit = "", AxisScale Scale = AxisScale.Linear, double? Min = null, double? Max = null)
{
    /// <summary>A logarithmic axis.</summary>
    public static Axis Log(string label, string unit = "", double? min = null, double? max = null) =>
        new(label, unit, AxisScale.Log, min, max);

    /// <summary>A linear axis with the given label.</summary>
    public static implicit operator Axis(string label) => new(label);

    /// <summary>The text beside the axis: label, unit, and the scale when it is logarithmic.</summary>
    internal string Caption
    {
        get
        {
            string[] inParentheses = [.. new[] { Unit, Scale == AxisScale.Log ? "log scale" : "" }.Where(s => s.Length > 0)];
            return inParentheses.Length == 0 ? Label : $"{Label} ({string.Join(", ", inParentheses)})".TrimStart();
        }
    }
}
