namespace Nabla.Experiments.Report;

/// <summary>Colours for numbers in [0, 1], in 255 steps; step 255 means "no value" and is transparent.</summary>
internal static class ColorMap
{
    /// <summary>Palette index of a missing value.</summary>
    public const byte NoValue = 255;

    // Ten equally spaced colours of viridis (van der Walt and Smith 2015, released under CC0); between them linear.
    private static readonly uint[] s_viridis =
        [0x440154, 0x482878, 0x3E4989, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6DCD59, 0xB4DE2C, 0xFDE725];

    // Blue and vermilion of Okabe and Ito through white, darkened at the ends.
    private static readonly uint[] s_diverging =
        [0x08306B, 0x0072B2, 0x67AFD9, 0xBBDCEF, 0xFAFAFA, 0xFBD9AE, 0xF0A04B, 0xD55E00, 0x7F2F00];

    private static readonly uint[] s_grey = [0x000000, 0xFFFFFF];

    /// <summary>256 entries 0xAARRGGBB of a colour scale.</summary>
    public static uint[] Palette(ColorScale scale) => Build(scale == ColorScale.Diverging ? s_diverging : s_viridis);

    /// <summary>256 entries from black to white.</summary>
    public static uint[] Grey() => Build(s_grey);

    /// <summary>Index of t in [0, 1]; NaN: no value; values outside are drawn as the nearest end.</summary>
    public static byte Index(double t) => double.IsNaN(t) ? NoValue : (byte)Math.Round(254 * Math.Clamp(t, 0, 1));

    /// <summary>Whether dark text reads better than light text on a colour (WCAG 2 relative luminance above 0.18).</summary>
    public static bool IsLight(uint color)
    {
        static double Linear(uint channel) => Math.Pow((channel & 0xFF) / 255.0, 2.2);
        return 0.2126 * Linear(color >> 16) + 0.7152 * Linear(color >> 8) + 0.0722 * Linear(color) > 0.18;
    }

    private static uint[] Build(uint[] stops)
    {
        var palette = new uint[256];
        for (var i = 0; i < 255; i++)
        {
            var position = i / 254.0 * (stops.Length - 1);
            var k = Math.Min((int)position, stops.Length - 2);
            palette[i] = 0xFF000000 | Mix(stops[k], stops[k + 1], position - k);
        }

        return palette;
    }

    private static uint Mix(uint a, uint b, double t)
    {
        uint Channel(int shift) => (uint)Math.Round((1 - t) * ((a >> shift) & 0xFF) + t * ((b >> shift) & 0xFF)) << shift;
        return Channel(16) | Channel(8) | Channel(0);
    }
}
