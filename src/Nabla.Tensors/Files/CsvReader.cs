using System.Globalization;
using System.Numerics;
using System.Text;

namespace Nabla.Files;

/// <summary>Reads lines of numbers; memory grows with the lines that have been read, not with what a file may claim.</summary>
internal sealed class CsvReader<T>(ByteSource source, bool? header, char delimiter, int largest = 0)
    where T : unmanaged, INumberBase<T>
{
    private readonly List<T> _values = [];
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _filled;
    private bool _atEnd;
    private long _consumed, _lineStart;
    private long _line;
    private int _columns;
    private long _rows;

    /// <summary>Reads all lines; <paramref name="convert"/> turns numbers into elements.</summary>
    public CsvTable Read<E>(Func<T, E> convert) where E : unmanaged
    {
        string[]? names = null;
        FilePlace start = source.Here;
        _consumed = source.Position;
        while (TryReadLine(out ReadOnlySpan<byte> line))
        {
            if (_line == 1)
            {
                if (line.StartsWith("\uFEFF"u8)) line = line[3..];
                if (header ?? !IsNumbers(line))
                {
                    names = [.. ReadNames(line)];
                    _columns = names.Length;
                    continue;
                }
            }
            // Blank lines may end the file; anywhere else they are a line with too few cells.
            if (line.Trim((byte)' ').IsEmpty && IsBlankToTheEnd()) break;
            ReadRow(line);
        }
        if (_line == 0) throw TensorErrors.FileTooShort(start, "a line of numbers", 1, 0);
        E[] elements = new E[_values.Count];
        for (int i = 0; i < elements.Length; i++) elements[i] = convert(_values[i]);
        return new CsvTable(Tensor.From(elements, [checked((int)_rows), _columns]), names);
    }

    private void ReadRow(ReadOnlySpan<byte> line)
    {
        int column = 0;
        while (true)
        {
            int end = line.IndexOf((byte)delimiter);
            ReadOnlySpan<byte> cell = (end < 0 ? line : line[..end]).Trim(" \t"u8);
            column++;
            if (!TryParse(cell, out T value)) throw Error(column, $"'{Shorten(cell)}' is not {Expected}");
            if (_values.Count == Array.MaxLength)
                throw TensorErrors.FileLimit(source.At(_lineStart), "too many cells", $"{Array.MaxLength}", "Use npy.");
            _values.Add(value);
            if (end < 0) break;
            line = line[(end + 1)..];
        }
        if (_columns == 0) _columns = column;
        if (column != _columns) throw Error(Math.Min(column, _columns) + 1, $"the line has {column} cells; expected {_columns}");
        _rows++;
    }

    private string Expected => largest == 1 ? "0 or 1"
        : typeof(T) == typeof(int) ? "a 32-bit integer"
        : typeof(T) == typeof(long) ? "a 64-bit integer" : "a number";

    private static bool IsInteger => typeof(T) != typeof(float) && typeof(T) != typeof(double);

    private bool TryParse(ReadOnlySpan<byte> cell, out T value)
    {
        NumberStyles style = IsInteger ? NumberStyles.AllowLeadingSign : NumberStyles.Float;
        if (T.TryParse(cell, style, CultureInfo.InvariantCulture, out value))
            return largest == 0 || value == T.Zero || value == T.One;
        if (IsInteger) return false;
        ReadOnlySpan<byte> word = cell is [(byte)'+' or (byte)'-', ..] ? cell[1..] : cell;
        if (!Ascii.EqualsIgnoreCase(word, "inf"u8)) return false;
        value = T.CreateTruncating(cell[0] == (byte)'-' ? double.NegativeInfinity : double.PositiveInfinity);
        return true;
    }

    private bool IsNumbers(ReadOnlySpan<byte> line)
    {
        foreach (Range cell in line.Split((byte)delimiter))
            if (!TryParse(line[cell].Trim(" \t"u8), out _)) return false;
        return true;
    }

    // Quoted names may contain the delimiter, and a quote as two.
    private List<string> ReadNames(ReadOnlySpan<byte> line)
    {
        var names = new List<string>();
        string text = Encoding.UTF8.GetString(line);
        for (int at = 0; ;)
        {
            while (at < text.Length && text[at] is ' ' or '\t') at++;
            var name = new StringBuilder();
            if (at < text.Length && text[at] == '"')
            {
                for (at++; ; at++)
                {
                    if (at == text.Length) throw Error(names.Count + 1, "a quoted name has no closing quote");
                    if (text[at] == '"' && (++at == text.Length || text[at] != '"')) break;
                    name.Append(text[at]);
                }
                while (at < text.Length && text[at] is ' ' or '\t') at++;
                if (at < text.Length && text[at] != delimiter) throw Error(names.Count + 1, "text follows a quoted name");
                names.Add(name.ToString());
            }
            else
            {
                while (at < text.Length && text[at] != delimiter) name.Append(text[at++]);
                names.Add(name.ToString().Trim());
            }
            if (at >= text.Length) return names;
            at++;
        }
    }

    // The next line without its end; the span is valid until the next call.
    private bool TryReadLine(out ReadOnlySpan<byte> line)
    {
        int searched = 0;
        while (true)
        {
            int length = _buffer.AsSpan(_start + searched, _filled - _start - searched).IndexOf((byte)'\n');
            if (length >= 0 || (_atEnd && _filled > _start))
            {
                length = length >= 0 ? length + searched : _filled - _start;
                line = _buffer.AsSpan(_start, length);
                if (line is [.., (byte)'\r']) line = line[..^1];
                _start = Math.Min(_filled, _start + length + 1);
                _line++;
                _lineStart = _consumed;
                _consumed += length + 1;
                return true;
            }
            line = default;
            if (_atEnd) return false;
            searched = _filled - _start;
            Fill();
        }
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _filled - _start).CopyTo(_buffer);
        _filled -= _start;
        _start = 0;
        if (_filled == _buffer.Length) Array.Resize(ref _buffer, checked(2 * _buffer.Length));
        int read = source.Read(_buffer.AsSpan(_filled));
        _filled += read;
        _atEnd = read == 0;
    }

    private bool IsBlankToTheEnd()
    {
        (long line, long lineStart) = (_line, _lineStart);
        while (TryReadLine(out ReadOnlySpan<byte> rest))
        {
            if (rest.Trim((byte)' ').IsEmpty) continue;
            (_line, _lineStart) = (line, lineStart);
            throw Error(1, "the line is empty");
        }
        return true;
    }

    private FileFormatException Error(int column, string problem) =>
        TensorErrors.FileText(source.At(_lineStart), _line, column, problem);

    private static string Shorten(ReadOnlySpan<byte> cell) =>
        Encoding.UTF8.GetString(cell.Length > 32 ? cell[..32] : cell) + (cell.Length > 32 ? "…" : "");
}
