using System.Runtime.InteropServices;

namespace Nabla.Bench;

/// <summary>
/// LAPACK's routines in OpenBLAS on the samples of <see cref="LinalgCase"/>, a batch as one call after another. Each call copies its operands, which the
/// routines overwrite. Columns are dense there: a triangle in rows is the other triangle in columns, a general matrix is transposed before.
/// </summary>
internal sealed unsafe class OpenBlasLapack
{
    private static readonly nint Library = NativeLibrary.Load("libopenblas.so.0");

    private readonly LinalgCase _case;
    private readonly int _size;
    private readonly byte* _matrices, _rightSides, _a, _b, _u, _v, _values, _work;
    private readonly int* _integers;

    private OpenBlasLapack(LinalgCase c)
    {
        (_case, _size) = (c, c.DType == DType.F64 ? 8 : 4);
        long square = (long)c.N * c.N;
        bool general = c.Operation is "solve" or "solve-n" or "qr" or "svd";
        _matrices = Copy(c.Matrices(), general ? c.N : 0);
        _rightSides = Copy(c.RightSides(), c.N);
        _a = Allocate(square);
        _b = Allocate(square);
        _u = Allocate(square);
        _v = Allocate(square);
        _values = Allocate(c.Batch * (long)c.N);
        _work = Allocate(WorkElements);
        _integers = OpenBlasPeer.Allocate<int>(IntegerElements);
    }

    private int WorkElements => 8 * _case.N * _case.N + 200 * _case.N + 1000;

    private int IntegerElements => 16 * _case.N + 100;

    /// <summary>Arguments as <see cref="LinalgCase.ToRequest"/> writes them; answers the numbers that <see cref="LinalgWork.Verify"/> returns.</summary>
    public static PeerWork Prepare(string[] arguments)
    {
        var work = new OpenBlasLapack(LinalgCase.FromRequest(arguments));
        return new PeerWork(() => work.Run(null), work.Check());
    }

    private double[] Check()
    {
        List<double> numbers = [];
        Run(entry => numbers.AddRange(Numbers(entry)));
        return [.. numbers];
    }

    private void Run(Action<int>? done)
    {
        int n = _case.N;
        long square = (long)n * n * _size, sides = (long)n * _case.Columns * _size;
        for (int entry = 0; entry < _case.Batch; entry++)
        {
            System.Buffer.MemoryCopy(_matrices + entry * square, _a, square, square);
            if (_case.Operation is "trsm" or "solve" or "solve-n") System.Buffer.MemoryCopy(_rightSides + entry * sides, _b, sides, sides);
            int info = One(entry);
            if (info != 0) throw new InvalidDataException($"{_case}: LAPACK returned {info}");
            done?.Invoke(entry);
        }
    }

    private int One(int entry)
    {
        int n = _case.N, columns = _case.Columns, info = 0, most = WorkElements, mostIntegers = IntegerElements;
        byte upper = (byte)'U', plain = (byte)'N', transposed = (byte)'T', vectors = (byte)'V', some = (byte)'S';
        byte* values = _values + (long)entry * n * _size;
        switch (_case.Operation)
        {
            case "cholesky": ((delegate* unmanaged<byte*, int*, byte*, int*, int*, void>)Find("potrf_"))(&upper, &n, _a, &n, &info); break;
            case "potri": ((delegate* unmanaged<byte*, int*, byte*, int*, int*, void>)Find("potri_"))(&upper, &n, _a, &n, &info); break;
            case "inverse": ((delegate* unmanaged<byte*, byte*, int*, byte*, int*, int*, void>)Find("trtri_"))(&upper, &plain, &n, _a, &n, &info); break;
            case "trsm":
                ((delegate* unmanaged<byte*, byte*, byte*, int*, int*, byte*, int*, byte*, int*, int*, void>)Find("trtrs_"))(
                    &upper, &transposed, &plain, &n, &columns, _a, &n, _b, &n, &info);
                break;
            case "solve" or "solve-n":
                ((delegate* unmanaged<int*, int*, byte*, int*, int*, byte*, int*, int*, void>)Find("gesv_"))(&n, &columns, _a, &n, _integers, _b, &n, &info);
                break;
            case "qr":
                ((delegate* unmanaged<int*, int*, byte*, int*, byte*, byte*, int*, int*, void>)Find("geqrf_"))(&n, &n, _a, &n, values, _work, &most, &info);
                for (int i = 0; i < n; i++) System.Buffer.MemoryCopy(_a + i * (n + 1L) * _size, _b + i * _size, _size, _size);
                ((delegate* unmanaged<int*, int*, int*, byte*, int*, byte*, byte*, int*, int*, void>)Find("orgqr_"))(
                    &n, &n, &n, _a, &n, values, _work, &most, &info);
                break;
            case "eigh":
                ((delegate* unmanaged<byte*, byte*, int*, byte*, int*, byte*, byte*, int*, int*, int*, int*, void>)Find("syevd_"))(
                    &vectors, &upper, &n, _a, &n, values, _work, &most, _integers, &mostIntegers, &info);
                break;
            case "svd":
                ((delegate* unmanaged<byte*, int*, int*, byte*, int*, byte*, byte*, int*, byte*, int*, byte*, int*, int*, int*, void>)Find("gesdd_"))(
                    &some, &n, &n, _a, &n, values, _u, &n, _v, &n, _work, &most, _integers, &info);
                break;
            default: throw new InvalidOperationException($"no operation {_case.Operation}");
        }
        return info;
    }

    private nint Find(string routine) => NativeLibrary.GetExport(Library, (_size == 8 ? "d" : "s") + routine);

    private double[] Numbers(int entry)
    {
        int n = _case.N, columns = _case.Columns;
        switch (_case.Operation)
        {
            case "cholesky" or "inverse":
                double[] triangle = Read(_a, n * n);
                for (int i = 0; i < triangle.Length; i++) triangle[i] = i % n <= i / n ? triangle[i] : 0;
                return LinalgCase.RowSums(triangle, n);
            case "potri": return [.. Enumerable.Range(0, n).Select(i => Read(_a, n * n)[i * (n + 1)])];
            case "qr": return Array.ConvertAll(Read(_b, n), Math.Abs);
            case "eigh" or "svd": return Read(_values + (long)entry * n * _size, n);
            default:
                double[] x = Read(_b, n * columns);
                return LinalgCase.RowSums([.. Enumerable.Range(0, x.Length).Select(i => x[i % columns * n + i / columns])], columns);
        }
    }

    private byte* Allocate(long count) => _size == 8 ? (byte*)OpenBlasPeer.Allocate<double>(count) : (byte*)OpenBlasPeer.Allocate<float>(count);

    // Matrices of that many rows are transposed; 0: copied as they are.
    private byte* Copy(double[] x, int rows)
    {
        byte* target = Allocate(x.Length);
        int columns = rows == _case.N && x.Length == _case.Batch * rows ? 1 : _case.N, all = rows * columns;
        for (int i = 0; i < x.Length; i++)
        {
            int at = rows == 0 ? i : i / all * all + i % columns * rows + i % all / columns;
            if (_size == 8) ((double*)target)[at] = x[i];
            else ((float*)target)[at] = (float)x[i];
        }
        return target;
    }

    private double[] Read(byte* source, int count) =>
        [.. Enumerable.Range(0, count).Select(i => _size == 8 ? ((double*)source)[i] : ((float*)source)[i])];
}
