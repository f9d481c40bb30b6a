namespace Nabla.Experiments.Report;

/// <summary>A colour: its value on paper and light screens, and the class that changes it on dark screens. The class followed by
/// <c>-f</c> colours fills, by <c>-c</c> sets currentColor; the bare class colours strokes.</summary>
internal readonly record struct Ink(string Class, string Color);

/// <summary>Colours that eyes of every kind can tell apart: Okabe and Ito 2008, "Color Universal Design", yellow last because it is faint on white.</summary>
internal static class Palette
{
    private static readonly string[] s_series = ["#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#000000", "#F0E442"];

    public static readonly Ink Background = new("nb-bg", "#ffffff");
    public static readonly Ink Text = new("nb-tx", "#1f2328");
    public static readonly Ink Muted = new("nb-mu", "#5c636b");
    public static readonly Ink Axis = new("nb-ax", "#6e757c");
    public static readonly Ink Grid = new("nb-gr", "#e7e9ec");
    public static readonly Ink MinorGrid = new("nb-gm", "#f3f4f6");
    public static readonly Ink Missing = new("nb-na", "#c8ccd1");
    public static readonly Ink Theory = new("nb-th", "#000000");

    // Above a coloured field both stay as they are in every scheme, since the field does.
    public static readonly Ink OnField = new("nb-of", "#000000");
    public static readonly Ink FieldHalo = new("nb-fh", "#ffffff");

    /// <summary>The colour of the i-th series, repeating after eight.</summary>
    public static Ink Series(int i) => new($"nb-c{i % s_series.Length}", s_series[i % s_series.Length]);

    /// <summary>The style sheet: text colours of dark screens. Printing always uses the light colours.</summary>
    public static string StyleSheet { get; } =
        "@media screen and (prefers-color-scheme:dark){" +
        Dark("nb-bg", "#14171c") + Dark("nb-tx", "#e6e8ea") + Dark("nb-mu", "#a2a9b1") + Dark("nb-ax", "#8b939b") +
        Dark("nb-gr", "#2b3037") + Dark("nb-gm", "#20242a") + Dark("nb-na", "#4a5059") + Dark("nb-th", "#ffffff") +
        ".nb-c6-c{color:#ffffff}.nb-c3-c{color:#2b8fd0}}";

    private static string Dark(string name, string color) => $".{name}{{stroke:{color}}}.{name}-f{{fill:{color}}}.{name}-c{{color:{color}}}";
}
