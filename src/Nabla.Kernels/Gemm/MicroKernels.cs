using System.Runtime.InteropServices;

namespace Nabla.Kernels;

/// <summary>The compiled forms of <see cref="MicroKernel{T, V, S}.Tile"/>, looked up by shape; each is compiled at its first use.</summary>
internal static unsafe class MicroKernels<T, V, S>
    where T : unmanaged where V : unmanaged where S : struct, IGemmVector<T, V>
{
    private const int MaxRows = 14;

    // [packed][two vectors][partial][rows], then wide ones: [four vectors][partial][rows]
    private static readonly void** Table = Build();

    /// <summary>The kernels for tiles of this width, three or four vectors, of at most 7 rows of an A that is not packed.</summary>
    public static void** OfWideColumns(int columns) => Table + (8 + (columns > 3 * S.Width ? 2 : 0) + (columns % S.Width != 0 ? 1 : 0)) * MaxRows;

    /// <summary>The kernels for tiles of this width, at most two vectors.</summary>
    public static void** OfColumns(int columns, bool packed)
    {
        bool two = columns > S.Width, partial = columns != S.Width && columns != 2 * S.Width;
        return Table + Index(packed, two, partial);
    }

    /// <summary>The one among them for tiles of this height, at most 14.</summary>
    public static delegate*<nint, T*, nint, nint, T*, nint, T*, nint, int, bool, void> OfRows(void** kernels, int rows) =>
        (delegate*<nint, T*, nint, nint, T*, nint, T*, nint, int, bool, void>)kernels[rows - 1];

    private static int Index(bool packed, bool two, bool partial) => ((packed ? 4 : 0) + (two ? 2 : 0) + (partial ? 1 : 0)) * MaxRows;

    private static void** Build()
    {
        var table = (void**)NativeMemory.Alloc(12 * MaxRows, (nuint)sizeof(void*));
        FillColumns<Strided>(table, packed: false);
        FillColumns<Adjacent>(table, packed: true);
        FillWide<Three>(table + 8 * MaxRows);
        FillWide<PartOfThree>(table + 9 * MaxRows);
        FillWide<Four>(table + 10 * MaxRows);
        FillWide<PartOfFour>(table + 11 * MaxRows);
        return table;
    }

    private static void FillColumns<P>(void** table, bool packed) where P : struct, ISource
    {
        FillRows<OneVector, P>(table + Index(packed, two: false, partial: false));
        FillRows<PartOfOne, P>(table + Index(packed, two: false, partial: true));
        FillRows<TwoVectors, P>(table + Index(packed, two: true, partial: false));
        FillRows<PartOfTwo, P>(table + Index(packed, two: true, partial: true));
    }

    private static void FillRows<W, P>(void** table) where W : struct, IColumns where P : struct, ISource
    {
        Set<R1, W, P>(table);
        Set<R2, W, P>(table);
        Set<R3, W, P>(table);
        Set<R4, W, P>(table);
        Set<R5, W, P>(table);
        Set<R6, W, P>(table);
        Set<R7, W, P>(table);
        Set<R8, W, P>(table);
        Set<R9, W, P>(table);
        Set<R10, W, P>(table);
        Set<R11, W, P>(table);
        Set<R12, W, P>(table);
        Set<R13, W, P>(table);
        Set<R14, W, P>(table);
    }

    private static void Set<R, W, P>(void** table) where R : struct, IRows where W : struct, IColumns where P : struct, ISource
    {
        delegate*<nint, T*, nint, nint, T*, nint, T*, nint, int, bool, void> kernel = &MicroKernel<T, V, S>.Tile<R, W, P>;
        table[R.Count - 1] = kernel;
    }

    private static void FillWide<W>(void** table) where W : struct, IWideColumns
    {
        SetWide<R1, W>(table);
        SetWide<R2, W>(table);
        SetWide<R3, W>(table);
        SetWide<R4, W>(table);
        SetWide<R5, W>(table);
        SetWide<R6, W>(table);
        SetWide<R7, W>(table);
    }

    private static void SetWide<R, W>(void** table) where R : struct, IRows where W : struct, IWideColumns
    {
        delegate*<nint, T*, nint, nint, T*, nint, T*, nint, int, bool, void> kernel = &WideMicroKernel<T, V, S>.Tile<R, W>;
        table[R.Count - 1] = kernel;
    }

    private readonly struct OneVector : IColumns
    {
        public static bool Two => false;
        public static bool Partial => false;
    }

    private readonly struct PartOfOne : IColumns
    {
        public static bool Two => false;
        public static bool Partial => true;
    }

    private readonly struct TwoVectors : IColumns
    {
        public static bool Two => true;
        public static bool Partial => false;
    }

    private readonly struct PartOfTwo : IColumns
    {
        public static bool Two => true;
        public static bool Partial => true;
    }

    private readonly struct Three : IWideColumns
    {
        public static bool Four => false;
        public static bool Partial => false;
    }

    private readonly struct PartOfThree : IWideColumns
    {
        public static bool Four => false;
        public static bool Partial => true;
    }

    private readonly struct Four : IWideColumns
    {
        static bool IWideColumns.Four => true;
        public static bool Partial => false;
    }

    private readonly struct PartOfFour : IWideColumns
    {
        public static bool Four => true;
        public static bool Partial => true;
    }

    private readonly struct Strided : ISource
    {
        public static bool Packed => false;
    }

    private readonly struct Adjacent : ISource
    {
        public static bool Packed => true;
    }

    private readonly struct R1 : IRows { public static int Count => 1; }
    private readonly struct R2 : IRows { public static int Count => 2; }
    private readonly struct R3 : IRows { public static int Count => 3; }
    private readonly struct R4 : IRows { public static int Count => 4; }
    private readonly struct R5 : IRows { public static int Count => 5; }
    private readonly struct R6 : IRows { public static int Count => 6; }
    private readonly struct R7 : IRows { public static int Count => 7; }
    private readonly struct R8 : IRows { public static int Count => 8; }
    private readonly struct R9 : IRows { public static int Count => 9; }
    private readonly struct R10 : IRows { public static int Count => 10; }
    private readonly struct R11 : IRows { public static int Count => 11; }
    private readonly struct R12 : IRows { public static int Count => 12; }
    private readonly struct R13 : IRows { public static int Count => 13; }
    private readonly struct R14 : IRows { public static int Count => 14; }
}
