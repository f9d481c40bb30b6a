using System.Globalization;
using System.Text;

namespace Nabla;

/// <summary>
/// Prints tensors like NumPy: nested brackets, columns aligned at the decimal point, at most <see cref="Threshold"/> elements before the
/// middle of each axis becomes <c>...</c>, at most 8 digits after the point, and the abstract value at the end.
/// </summary>
internal sealed class TensorPrinter
{
    private const int Threshold = 1000;
    private const int Edge = 3;
    private const int Digits = 8;
    private const int LineWidth = 75;

    private readonly DenseTensor _tensor;
    private readonly bool _summarise;
    private readonly List<string> _texts = [];
    private readonly StringBuilder _output = new();
    private int _next;

    private TensorPrinter(DenseTensor tensor)
    {
        _tensor = tensor.OnHost();
        _summarise = tensor.Count > Threshold;
    }

    /// <summary>The elements and the abstract value of a tensor on any device.</summary>
    public static string Print(DenseTensor tensor)
    {
        if (tensor.Count == 0) return $"[] {tensor.Aval}";
        var printer = new TensorPrinter(tensor);
        var offsets = new List<long>();
        printer.CollectOffsets(axis: 0, offset: 0, offsets);
        printer.FormatElements(offsets);
        printer.PrintAxis(axis: 0);
        GC.KeepAlive(tensor);
        return printer._output.Append(' ').Append(tensor.Aval).ToString();
    }

    private bool IsCut(int axis) => _summarise && _tensor.Shape.Dims[axis] > 2 * Edge;

    // Positions of the elements that will be printed, in order.
    private void CollectOffsets(int axis, long offset, List<long> offsets)
    {
        if (axis == _tensor.Rank)
        {
            offsets.Add(offset);
            return;
        }
        int dim = _tensor.Shape.Dims[axis];
        long stride = _tensor.Layout.Strides[axis];
        for (int i = 0; i < dim; i++)
        {
            if (IsCut(axis) && i == Edge) i = dim - Edge;
            CollectOffsets(axis + 1, offset + i * stride, offsets);
        }
    }

    private unsafe void FormatElements(List<long> offsets)
    {
        switch (_tensor.DType)
        {
            case DType.F32:
                float* floats = _tensor.Pointer<float>();
                FormatNumbers([.. offsets.Select(o => (double)floats[o])], single: true);
                break;
            case DType.F64:
                double* doubles = _tensor.Pointer<double>();
                FormatNumbers([.. offsets.Select(o => doubles[o])], single: false);
                break;
            case DType.I32:
                int* ints = _tensor.Pointer<int>();
                _texts.AddRange(offsets.Select(o => ints[o].ToString(CultureInfo.InvariantCulture)));
                break;
            case DType.I64:
                long* longs = _tensor.Pointer<long>();
                _texts.AddRange(offsets.Select(o => longs[o].ToString(CultureInfo.InvariantCulture)));
                break;
            default:
                bool* bools = _tensor.Pointer<bool>();
                _texts.AddRange(offsets.Select(o => bools[o] ? "True" : "False"));
                break;
        }
        int width = _texts.Max(t => t.Length);
        for (int i = 0; i < _texts.Count; i++) _texts[i] = _texts[i].PadLeft(width);
    }

    // NumPy's choice: exponents when magnitudes are large, tiny, or span more than a factor of 1000.
    private void FormatNumbers(double[] values, bool single)
    {
        double[] magnitudes = [.. values.Where(v => double.IsFinite(v) && v != 0).Select(Math.Abs)];
        if (_tensor.Rank == 0) _texts.Add(FormatScalar(values[0], single));
        else if (magnitudes.Length > 0 && (magnitudes.Max() >= 1e8 || magnitudes.Min() < 1e-4 || magnitudes.Max() / magnitudes.Min() > 1000))
            _texts.AddRange(Align([.. values.Select(v => Exponential(v, single))], 'e'));
        else _texts.AddRange(Align([.. values.Select(v => Fixed(v, single))], '\0'));
    }

    private static string FormatScalar(double value, bool single)
    {
        double magnitude = Math.Abs(value);
        if (!double.IsFinite(value)) return Special(value);
        if (magnitude != 0 && (magnitude >= 1e16 || magnitude < 1e-4)) return Exponential(value, single);
        string text = Shortest(value, single, "F17");
        return text.Contains('.') ? text : text + ".0";
    }

    private static string Special(double value) => double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

    private static string Fixed(double value, bool single)
    {
        if (!double.IsFinite(value)) return Special(value);
        string text = Shortest(value, single, "F8");
        int point = text.IndexOf('.');
        if (point >= 0 && text.Length - point - 1 > Digits) text = value.ToString("F8", CultureInfo.InvariantCulture).TrimEnd('0');
        return point >= 0 ? text : text + ".";
    }

    // The shortest digits that give the element back, without an exponent.
    private static string Shortest(double value, bool single, string otherwise)
    {
        string text = single
            ? ((float)value).ToString(CultureInfo.InvariantCulture)
            : value.ToString(CultureInfo.InvariantCulture);
        return text.Contains('E') ? value.ToString(otherwise, CultureInfo.InvariantCulture).TrimEnd('0') : text;
    }

    private static string Exponential(double value, bool single)
    {
        if (!double.IsFinite(value)) return Special(value);
        string text = "";
        for (int digits = 0; digits <= Digits && !IsExact(text, value, single); digits++)
            text = value.ToString($"e{digits}", CultureInfo.InvariantCulture);
        int e = text.IndexOf('e');
        int exponent = int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = text[..e];
        return $"{mantissa}{(mantissa.Contains('.') ? "" : ".")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static bool IsExact(string text, double value, bool single) => text.Length > 0 && (single
        ? float.Parse(text, CultureInfo.InvariantCulture) == (float)value
        : double.Parse(text, CultureInfo.InvariantCulture) == value);

    // Equal numbers of digits after the point: zeros before an exponent, spaces in plain numbers.
    private static IEnumerable<string> Align(string[] texts, char exponent)
    {
        int digits = texts.Max(t => FractionDigits(t, exponent));
        foreach (string text in texts)
        {
            int missing = digits - FractionDigits(text, exponent);
            int e = exponent == 'e' ? text.IndexOf('e') : -1;
            if (!text.Contains('.')) yield return text;
            else if (e >= 0) yield return text.Insert(e, new string('0', missing));
            else yield return text + new string(' ', missing);
        }
    }

    private static int FractionDigits(string text, char exponent)
    {
        int point = text.IndexOf('.');
        if (point < 0) return 0;
        int end = exponent == 'e' ? text.IndexOf('e') : text.Length;
        return (end < 0 ? text.Length : end) - point - 1;
    }

    private void PrintAxis(int axis)
    {
        if (axis == _tensor.Rank)
        {
            _output.Append(_texts[_next++]);
            return;
        }
        _output.Append('[');
        int dim = _tensor.Shape.Dims[axis];
        bool last = axis == _tensor.Rank - 1;
        int column = axis + 1;
        for (int i = 0; i < dim; i++)
        {
            if (IsCut(axis) && i == Edge)
            {
                Separate(axis, last, first: false, 3, ref column);
                _output.Append("...");
                i = dim - Edge;
            }
            Separate(axis, last, first: i == 0, last ? _texts[_next].Length : 0, ref column);
            PrintAxis(axis + 1);
        }
        _output.Append(']');
    }

    // A space, or a new line when the row is full, between elements; new lines between rows, one more for each axis.
    private void Separate(int axis, bool last, bool first, int width, ref int column)
    {
        if (!first && !last)
        {
            _output.Append('\n', _tensor.Rank - 1 - axis).Append(' ', axis + 1);
            return;
        }
        bool wrap = !first && column + 1 + width + _tensor.Rank > LineWidth;
        if (wrap)
        {
            _output.Append('\n').Append(' ', axis + 1);
            column = axis + 1;
        }
        else if (!first)
        {
            _output.Append(' ');
            column++;
        }
        column += width;
    }
}
