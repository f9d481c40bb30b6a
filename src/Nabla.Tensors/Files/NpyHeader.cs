using System.Buffers.Binary;
using System.Text;

namespace Nabla.Files;

/// <summary>What an npy header says: element type, byte order, order of elements, dimensions.</summary>
/// <remarks>Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays", and numpy.lib.format for versions 2 and 3.</remarks>
internal sealed record NpyHeader(StoredType Type, bool BigEndian, bool FortranOrder, long[] Dims)
{
    /// <summary>The longest header that is read, in bytes; NumPy writes 118 for simple arrays.</summary>
    private const int LongestHeader = 1 << 16;

    private const int MostAxes = 64;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads magic, version, length and dictionary.</summary>
    public static NpyHeader Read(ByteSource source)
    {
        FilePlace start = source.Here;
        Span<byte> prefix = stackalloc byte[8];
        source.ReadExactly(prefix, "magic and version");
        if (!prefix[..6].SequenceEqual(Magic)) throw TensorErrors.NotThisFormat(start, "the bytes 93 'NUMPY'");
        if (prefix[6] is < 1 or > 3 || prefix[7] != 0)
            throw TensorErrors.NotThisFormat(start, $"version 1.0, 2.0 or 3.0, not {prefix[6]}.{prefix[7]}");
        Span<byte> word = stackalloc byte[prefix[6] == 1 ? 2 : 4];
        FilePlace at = source.Here;
        source.ReadExactly(word, "header length");
        uint length = prefix[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(word) : BinaryPrimitives.ReadUInt32LittleEndian(word);
        if (length > LongestHeader) throw TensorErrors.FileLimit(at, $"a header of {length} bytes", $"{LongestHeader} bytes", "Is the file damaged?");
        source.Require(length, "header");
        var text = new byte[length];
        FilePlace headerStart = source.Here;
        source.ReadExactly(text, "header");
        return new Parser(text, source, headerStart.Offset).Parse();
    }

    /// <summary>The header of a row-major tensor, padded so that the elements start at a multiple of 64 bytes.</summary>
    public static byte[] Write(Aval aval)
    {
        string descr = aval.DType switch
        {
            DType.F32 => "<f4",
            DType.F64 => "<f8",
            DType.I32 => "<i4",
            DType.I64 => "<i8",
            _ => "|b1",
        };
        string dims = string.Join(", ", aval.Shape) + (aval.Shape.Rank == 1 ? "," : "");
        string text = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}";
        int prefix = Magic.Length + 4;
        int total = (prefix + text.Length + 1 + 63) / 64 * 64;
        var bytes = new byte[total];
        Magic.CopyTo(bytes);
        bytes[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), checked((ushort)(total - prefix)));
        Encoding.ASCII.GetBytes(text.PadRight(total - prefix - 1) + "\n", bytes.AsSpan(prefix));
        return bytes;
    }

    // The header is a Python dictionary with three known keys; only what numpy.lib.format writes is understood.
    private ref struct Parser(ReadOnlySpan<byte> text, ByteSource source, long start)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private int _at;

        public NpyHeader Parse()
        {
            string? descr = null;
            bool? fortran = null;
            List<long>? dims = null;
            long descrAt = start;
            Expect('{');
            while (!TryTake('}'))
            {
                FilePlace keyAt = Place();
                string key = ReadString();
                Expect(':');
                if (key == "descr" && descr is null) (descrAt, descr) = (Place().Offset, ReadString());
                else if (key == "fortran_order" && fortran is null) fortran = ReadBool();
                else if (key == "shape" && dims is null) dims = ReadTuple();
                else throw TensorErrors.FileHeader(keyAt, $"key '{key}'", "each of 'descr', 'fortran_order', 'shape' once");
                if (TryTake(',')) continue;
                Expect('}');
                break;
            }
            SkipSpace();
            if (_at != _text.Length) throw Malformed("only spaces after the dictionary");
            if (descr is null || fortran is null || dims is null)
                throw Malformed("the keys 'descr', 'fortran_order' and 'shape'");
            (StoredType type, bool big) = ParseDescr(descr, source.At(descrAt));
            return new NpyHeader(type, big, fortran.Value, [.. dims]);
        }

        private static (StoredType, bool) ParseDescr(string descr, FilePlace at)
        {
            bool big = descr is ['>', ..] || (descr is ['=', ..] && !BitConverter.IsLittleEndian);
            if (descr is ['<' or '>' or '=' or '|', _, _])
            {
                StoredType? type = descr[1..] switch
                {
                    "f4" => StoredType.F32,
                    "f8" => StoredType.F64,
                    "f2" => StoredType.F16,
                    "i4" => StoredType.I32,
                    "i8" => StoredType.I64,
                    "i2" => StoredType.I16,
                    "i1" => StoredType.I8,
                    "u1" => StoredType.U8,
                    "u2" => StoredType.U16,
                    "u4" => StoredType.U32,
                    "b1" => StoredType.Bool,
                    _ => null,
                };
                if (type is { } known) return (known, big);
            }
            throw TensorErrors.FileElementType(at, descr, "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 b1 with < > = |");
        }

        private string ReadString()
        {
            SkipSpace();
            if (_at >= _text.Length || _text[_at] is not ((byte)'\'' or (byte)'"')) throw Malformed("a quoted string");
            byte quote = _text[_at++];
            int length = _text[_at..].IndexOf(quote);
            if (length is < 0 or > 64) throw Malformed("the end of a short string");
            string value = Encoding.Latin1.GetString(_text.Slice(_at, length));
            _at += length + 1;
            return value;
        }

        private bool ReadBool()
        {
            SkipSpace();
            if (TryTake("True"u8)) return true;
            if (TryTake("False"u8)) return false;
            throw Malformed("True or False");
        }

        private List<long> ReadTuple()
        {
            var dims = new List<long>();
            Expect('(');
            while (!TryTake(')'))
            {
                dims.Add(ReadInteger());
                if (dims.Count > MostAxes)
                    throw TensorErrors.FileLimit(Place(), $"more than {MostAxes} axes", $"{MostAxes}", "Is the file damaged?");
                if (TryTake(',')) continue;
                Expect(')');
                break;
            }
            return dims;
        }

        private long ReadInteger()
        {
            SkipSpace();
            int end = _at;
            while (end < _text.Length && char.IsAsciiDigit((char)_text[end])) end++;
            if (end == _at || !long.TryParse(_text[_at..end], out long value)) throw Malformed("a size of at most 63 bits");
            _at = end;
            TryTake("L"u8); // written by Python 2
            return value;
        }

        private void Expect(char symbol)
        {
            if (!TryTake(symbol)) throw Malformed($"'{symbol}'");
        }

        private bool TryTake(char symbol)
        {
            SkipSpace();
            return TryTake([(byte)symbol]);
        }

        private bool TryTake(scoped ReadOnlySpan<byte> word)
        {
            if (!_text[_at..].StartsWith(word)) return false;
            _at += word.Length;
            return true;
        }

        private void SkipSpace()
        {
            while (_at < _text.Length && _text[_at] is (byte)' ' or (byte)'\n' or (byte)'\t' or (byte)'\r') _at++;
        }

        private readonly FilePlace Place() => source.At(start + _at);

        private readonly FileFormatException Malformed(string expected) => TensorErrors.FileHeader(
            Place(), _at < _text.Length ? $"byte 0x{_text[_at]:x2}" : "end of the header", expected);
    }
}
