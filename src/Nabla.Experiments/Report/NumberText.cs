using System.Globalization;

namespace Nabla.Experiments.Report;

/// <summary>Numbers for people: few digits, a true minus sign, powers of ten as 10ⁿ in raised digits.</summary>
internal static class NumberText
{
    /// <summary>A value in <paramref name="digits"/> significant digits; scientific below 10⁻³ and from 10⁵ on.</summary>
    public static string Value(double value, int digits = 4)
    {
        if (double.IsNaN(value)) return "NaN";
        if (double.IsInfinity(value)) return value > 0 ? "∞" : "−∞";
        if (value == 0) return "0";
        var (mantissa, exponent) = Split(value, digits);
        return exponent is < -3 or > 4
            ? Scientific(mantissa, exponent)
            : Minus(Math.Round((decimal)mantissa * Power10(exponent), Math.Clamp(digits - 1 - exponent, 0, 28)).ToString("0.############", CultureInfo.InvariantCulture));
    }

    /// <summary>A tick of a linear axis: as many decimals as the step needs, or scientific when the axis is large or tiny.</summary>
    public static string Tick(double value, double step, double largest)
    {
        if (Math.Abs(value) < step * 1e-9) return "0";
        if (largest is >= 1e5 or < 1e-3)
        {
            var digits = Math.Clamp((int)Math.Floor(Math.Log10(Math.Abs(value))) - (int)Math.Floor(Math.Log10(step) + 1e-9) + 1, 1, 15);
            var (mantissa, exponent) = Split(value, digits);
            return Scientific(mantissa, exponent);
        }

        var decimals = Math.Clamp((int)-Math.Floor(Math.Log10(step) + 1e-9), 0, 15);
        return Minus(value.ToString($"F{decimals}", CultureInfo.InvariantCulture));
    }

    /// <summary>10ⁿ.</summary>
    public static string PowerOfTen(int exponent) => exponent switch
    {
        0 => "1",
        1 => "10",
        _ => "10" + TextLayout.Superscript(exponent),
    };

    private static string Scientific(double mantissa, int exponent) => mantissa switch
    {
        1 => PowerOfTen(exponent),
        -1 => "−" + PowerOfTen(exponent),
        _ => $"{Minus(mantissa.ToString("0.############", CultureInfo.InvariantCulture))}×10{TextLayout.Superscript(exponent)}",
    };

    /// <summary>Mantissa in [1, 10) with the given digits, and the exponent, by way of the formatter's own correct rounding.</summary>
    private static (double Mantissa, int Exponent) Split(double value, int digits)
    {
        var text = value.ToString("E" + (digits - 1), CultureInfo.InvariantCulture);
        var e = text.IndexOf('E');
        return (double.Parse(text.AsSpan(0, e), CultureInfo.InvariantCulture), int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
    }

    private static decimal Power10(int exponent) => exponent >= 0 ? (decimal)Math.Pow(10, exponent) : 1m / (decimal)Math.Pow(10, -exponent);

    private static string Minus(string text) => text.Replace('-', '−');
}
