using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// One matrix product without its addresses: sizes, and strides in elements. C is row-major with rows <c>Ldc</c> apart; with
/// <c>Accumulate</c> the product is added to it. With <c>Lower</c> (M = N) what is above the diagonal need not be computed: its content is undefined afterwards.
/// </summary>
internal readonly record struct GemmProblem(
    long M, long N, long K, long RowStrideA, long ColumnStrideA, long RowStrideB, long ColumnStrideB, long Ldc, bool Accumulate = false, bool Lower = false)
{
    /// <summary>Multiply-adds.</summary>
    public long Work => M * N * Math.Max(1, K);
}

/// <summary>
/// C = A·B or C += A·B in floating point: the five loops of BLIS around a register tile, with packing only where it pays.
/// </summary>
/// <remarks>
/// For each slab of columns (NC) and each block of the sum (KC): pack what is to be packed, in parallel; then compute C in parts of about
/// MC rows by <see cref="GemmConfig.PartColumns"/> columns, in parallel. Rows are cut into tiles of nearly equal height, so there are no
/// thin remainders. Parts are cut by size alone and each element of C is summed over k in one order, so the bits do not depend on the
/// number of threads. Arithmetic intensity: KC·MC·NC multiply-adds for KC·(MC + NC) + MC·NC elements moved.
/// Source: K. Goto and R. van de Geijn, Anatomy of high-performance matrix multiplication (ACM TOMS 2008), §4; Van Zee and van de Geijn,
/// BLIS (ACM TOMS 2015).
/// </remarks>
internal static unsafe class Gemm
{
    /// <summary>Runs one product on the path in use, with threads if it is large.</summary>
    public static void Run<T>(T* a, T* b, T* c, in GemmProblem problem, MatMulEpilogue? epilogue, long firstRow) where T : unmanaged, INumber<T>
    {
        GemmPath path = GemmConfig.Path;
        if (path == GemmPath.Avx512) Gemm<T, Vector512<T>, Simd512<T>>.Run(a, b, c, problem, GemmConfig.For(path, sizeof(T)), epilogue, firstRow);
        else if (path == GemmPath.Avx2) Gemm<T, Vector256<T>, Simd256<T>>.Run(a, b, c, problem, GemmConfig.For(path, sizeof(T)), epilogue, firstRow);
        else Gemm<T, Vector128<T>, Simd128<T>>.Run(a, b, c, problem, GemmConfig.For(path, sizeof(T)), epilogue, firstRow);
    }
}

/// <inheritdoc cref="Gemm"/>
internal static unsafe class Gemm<T, V, S>
    where T : unmanaged, INumber<T> where V : unmanaged where S : struct, IGemmVector<T, V>
{
    private const int PanelsPerPackingPart = 8;

    public static void Run(T* a, T* b, T* c, in GemmProblem g, in GemmConfig config, MatMulEpilogue? epilogue, long firstRow)
    {
        if (g.M == 0 || g.N == 0) return;
        if (g.K == 0)
        {
            if (!g.Accumulate) Clear(c, g);
            epilogue?.Run(firstRow, (nint)g.M, 0, (nint)g.N);
            return;
        }
        var slab = new Slab(g, config, sizeof(T));
        for (long column = 0; column < g.N; column += config.NC)
            for (int block = 0; block < slab.Blocks; block++)
                for (long row = 0; row < g.M; row += GemmConfig.SlabRows)
                    RunSlab(a, b, c, g, ref slab, row, column, block, block == slab.Blocks - 1 ? epilogue : null, firstRow);
    }

    // The product of a slab of rows of A and a slab of columns of B over one block of k.
    private static void RunSlab(T* a, T* b, T* c, in GemmProblem g, ref Slab slab, long row, long column, int block, MatMulEpilogue? epilogue, long firstRow)
    {
        long from = g.K * block / slab.Blocks, to = g.K * (block + 1) / slab.Blocks;
        slab.Depth = (nint)(to - from);
        slab.Rows = (nint)Math.Min(GemmConfig.SlabRows, g.M - row);
        slab.Columns = (nint)Math.Min(slab.Config.NC, g.N - column);
        slab.A = a + row * g.RowStrideA + from * g.ColumnStrideA;
        slab.B = b + from * g.RowStrideB + column * g.ColumnStrideB;
        slab.C = c + row * g.Ldc + column;
        slab.Accumulate = g.Accumulate || block > 0;
        (slab.Epilogue, slab.Row, slab.SlabRow, slab.Column) = (epilogue, firstRow + row, row, (nint)column);
        slab.Panels = (int)((slab.Rows + slab.Height - 1) / slab.Height);
        bool parallel = g.Work >= GemmConfig.ParallelFrom;

        int panelsA = slab.PackA ? slab.Panels : 0;
        int panelsB = slab.PackB && row == 0 ? (int)((slab.Columns + slab.Strip - 1) / slab.Strip) : 0;
        if (panelsA + panelsB > 0)
        {
            if (slab.PackA) slab.PackedA = Scratch.Get<T>(Scratch.Slot.PackedA, slab.Rows * slab.Depth);
            if (slab.PackB) slab.PackedB = Scratch.Get<T>(Scratch.Slot.PackedB, slab.Columns * slab.Depth);
            slab.PanelsB = panelsB;
            var packing = new PackingJob(slab, panelsA + panelsB);
            Do(ref packing, packing.Parts, parallel);
        }
        var computing = new ComputingJob(slab);
        Do(ref computing, computing.Parts, parallel);
    }

    private static void Do<TJob>(ref TJob job, int parts, bool parallel) where TJob : struct, IParallelJob
    {
        if (parallel) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
    }

    private static void Clear(T* c, in GemmProblem g)
    {
        for (long i = 0; i < g.M; i++) new Span<T>(c + i * g.Ldc, checked((int)g.N)).Clear();
    }

    /// <summary>What both jobs know: where the operands of the current slabs lie and how they are cut.</summary>
    private struct Slab
    {
        public T* A, B, C, PackedA, PackedB;
        public nint RowStrideA, ColumnStrideA, RowStrideB, ColumnStrideB, Ldc;
        public nint Rows, Columns, Depth;
        public int Panels, PanelsB, Blocks, Height, Strip;
        public bool PackA, PackB, Accumulate, Lower;
        public GemmConfig Config;
        public MatMulEpilogue? Epilogue;
        public long Row, SlabRow;
        public nint Column;

        public Slab(in GemmProblem g, in GemmConfig config, int elementSize)
        {
            (RowStrideA, ColumnStrideA, Ldc) = ((nint)g.RowStrideA, (nint)g.ColumnStrideA, (nint)g.Ldc);
            (RowStrideB, ColumnStrideB) = ((nint)g.RowStrideB, (nint)g.ColumnStrideB);
            Config = config;
            bool largeB = g.K * Math.Min(g.N, config.NC) * elementSize > GemmConfig.PackBFromBytes;
            PackA = g.N >= GemmConfig.PackAFromColumns && g.K > GemmConfig.StreamedDepth;
            PackB = g.ColumnStrideB != 1 || (largeB && g.M > 2 * config.MR && g.K > GemmConfig.StreamedDepth);
            Lower = g.Lower;
            bool wide = !PackA && !Lower && config.MR > WideMicroKernel<T, V, S>.MaxRows;
            (Height, Strip) = wide ? (WideMicroKernel<T, V, S>.MaxRows, 4 * S.Width) : (config.MR, 2 * S.Width);
            int depth = largeB && !PackB ? GemmConfig.StreamedDepth : config.KC;
            Blocks = (int)((g.K + depth - 1) / depth);
        }

        /// <summary>First row of a panel; panels have nearly equal heights of at most MR.</summary>
        public readonly nint Start(int panel) => Rows * panel / Panels;
    }

    private readonly struct PackingJob(in Slab slab, int panels) : IParallelJob
    {
        private readonly Slab _slab = slab;

        public int Parts => (panels + PanelsPerPackingPart - 1) / PanelsPerPackingPart;

        public void Run(int part)
        {
            int end = Math.Min(panels, (part + 1) * PanelsPerPackingPart);
            for (int panel = part * PanelsPerPackingPart; panel < end; panel++)
            {
                if (panel < _slab.PanelsB) PackB(panel * _slab.Strip);
                else PackA(panel - _slab.PanelsB);
            }
        }

        private void PackA(int panel)
        {
            nint start = _slab.Start(panel), end = _slab.Start(panel + 1);
            Pack.Panel(_slab.A + start * _slab.RowStrideA, _slab.RowStrideA, _slab.ColumnStrideA,
                (int)(end - start), _slab.Depth, _slab.PackedA + start * _slab.Depth, end - start);
        }

        private void PackB(nint column)
        {
            int columns = (int)Math.Min(_slab.Strip, _slab.Columns - column);
            Pack.Panel(_slab.B + column * _slab.ColumnStrideB, _slab.ColumnStrideB, _slab.RowStrideB,
                columns, _slab.Depth, _slab.PackedB + column * _slab.Depth, columns);
        }
    }

    private readonly struct ComputingJob : IParallelJob
    {
        private readonly Slab _slab;
        private readonly int _rowParts, _columnParts;

        public ComputingJob(in Slab slab)
        {
            _slab = slab;
            int panelsPerPart = slab.Config.MC / slab.Height;
            _rowParts = (slab.Panels + panelsPerPart - 1) / panelsPerPart;
            _columnParts = (int)((slab.Columns + GemmConfig.PartColumns - 1) / GemmConfig.PartColumns);
        }

        public int Parts => _rowParts * _columnParts;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int part)
        {
            (int rowPart, int columnPart) = Math.DivRem(part, _columnParts);
            int first = (int)((long)_slab.Panels * rowPart / _rowParts), end = (int)((long)_slab.Panels * (rowPart + 1) / _rowParts);
            nint start = (nint)columnPart * GemmConfig.PartColumns, last = Math.Min(_slab.Columns, start + GemmConfig.PartColumns);
            if (_slab.Depth > GemmConfig.StreamedDepth)
            {
                for (nint column = start; column < last; column += _slab.Strip) Strip(first, end, column, last);
            }
            else
                for (int panel = first; panel < end; panel++)
                    for (nint column = start; column < last; column += _slab.Strip) Strip(panel, panel + 1, column, last);
            _slab.Epilogue?.Run(_slab.Row + _slab.Start(first), _slab.Start(end) - _slab.Start(first), _slab.Column + start, last - start);
        }

        // True if the panel ends before the diagonal reaches this column.
        private bool IsAbove(int panel, nint column) => _slab.SlabRow + _slab.Start(panel + 1) <= _slab.Column + column;

        // Tiles of the same columns, one below the other.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Strip(int first, int end, nint column, nint last)
        {
            int columns = (int)Math.Min(_slab.Strip, last - column);
            T* b = _slab.PackB ? _slab.PackedB + column * _slab.Depth : _slab.B + column;
            nint ldb = _slab.PackB ? columns : _slab.RowStrideB;
            void** kernels = columns > 2 * S.Width ? MicroKernels<T, V, S>.OfWideColumns(columns) : MicroKernels<T, V, S>.OfColumns(columns, _slab.PackA);
            while (_slab.Lower && first < end && IsAbove(first, column)) first++;
            for (int panel = first; panel < end; panel++)
            {
                nint start = _slab.Start(panel);
                T* a = _slab.PackA ? _slab.PackedA + start * _slab.Depth : _slab.A + start * _slab.RowStrideA;
                MicroKernels<T, V, S>.OfRows(kernels, (int)(_slab.Start(panel + 1) - start))(
                    _slab.Depth, a, _slab.RowStrideA, _slab.ColumnStrideA, b, ldb, _slab.C + start * _slab.Ldc + column, _slab.Ldc, columns, _slab.Accumulate);
            }
        }
    }
}
