#pragma warning disable IDE0130 // One file for the names that kernels are written with.
namespace ILGPU;

/// <summary>Thrown by every member: these are declarations, nothing runs.</summary>
internal static class Stub
{
    public static NotSupportedException Only => new("This is the stub of ILGPU, which declares and does not run. Build with -p:UseIlgpu=true.");
}

public readonly struct Index1D
{
    public Index1D(int x) => X = x;

    public int X { get; }

    public static implicit operator Index1D(int index) => new(index);

    public static implicit operator int(Index1D index) => index.X;

    public static implicit operator LongIndex1D(Index1D index) => new(index.X);
}

public readonly struct LongIndex1D
{
    public LongIndex1D(long x) => X = x;

    public long X { get; }

    public static implicit operator LongIndex1D(long index) => new(index);

    public static implicit operator long(LongIndex1D index) => index.X;

    public static explicit operator Index1D(LongIndex1D index) => new((int)index.X);
}

public readonly struct Index3D
{
    public Index3D(int x, int y, int z) => (X, Y, Z) = (x, y, z);

    public int X { get; }

    public int Y { get; }

    public int Z { get; }
}

public static class Stride1D
{
    public readonly struct Dense;
}

public readonly struct KernelConfig
{
    public KernelConfig(Index3D gridDim, Index3D groupDim) => throw Stub.Only;
}

public readonly struct ArrayView<T> where T : unmanaged
{
    public bool IsValid => throw Stub.Only;

    public long Length => throw Stub.Only;

    public int IntLength => throw Stub.Only;

    public long LengthInBytes => throw Stub.Only;

    public ref T this[Index1D index] => throw Stub.Only;

    public ref T this[LongIndex1D index] => throw Stub.Only;

    public ref T this[int index] => throw Stub.Only;

    public ref T this[long index] => throw Stub.Only;

    public ArrayView<T> SubView(long index) => throw Stub.Only;

    public ArrayView<T> SubView(int index, int subViewLength) => throw Stub.Only;

    public ArrayView<T> SubView(long index, long subViewLength) => throw Stub.Only;

    public ArrayView<TOther> Cast<TOther>() where TOther : unmanaged => throw Stub.Only;
}

public static class Grid
{
    public static int IdxX => throw Stub.Only;

    public static int IdxY => throw Stub.Only;

    public static int IdxZ => throw Stub.Only;

    public static int DimX => throw Stub.Only;

    public static int DimY => throw Stub.Only;

    public static int DimZ => throw Stub.Only;

    public static int LinearIndex => throw Stub.Only;

    public static int GlobalLinearIndex => throw Stub.Only;
}

public static class Group
{
    public static int IdxX => throw Stub.Only;

    public static int IdxY => throw Stub.Only;

    public static int IdxZ => throw Stub.Only;

    public static int DimX => throw Stub.Only;

    public static int DimY => throw Stub.Only;

    public static int DimZ => throw Stub.Only;

    public static int LinearIndex => throw Stub.Only;

    public static void Barrier() => throw Stub.Only;
}

public static class SharedMemory
{
    public static ArrayView<T> Allocate<T>(int extent) where T : unmanaged => throw Stub.Only;
}

public static class LocalMemory
{
    public static ArrayView<T> Allocate<T>(int extent) where T : unmanaged => throw Stub.Only;
}

public static class Atomic
{
    public static int Add(ref int target, int value) => throw Stub.Only;

    public static uint Add(ref uint target, uint value) => throw Stub.Only;

    public static float Add(ref float target, float value) => throw Stub.Only;

    public static double Add(ref double target, double value) => throw Stub.Only;

    public static int Max(ref int target, int value) => throw Stub.Only;

    public static uint Max(ref uint target, uint value) => throw Stub.Only;

    public static int Min(ref int target, int value) => throw Stub.Only;

    public static uint Min(ref uint target, uint value) => throw Stub.Only;

    public static int Exchange(ref int target, int value) => throw Stub.Only;

    public static uint Exchange(ref uint target, uint value) => throw Stub.Only;

    public static int CompareExchange(ref int target, int compare, int value) => throw Stub.Only;

    public static uint CompareExchange(ref uint target, uint compare, uint value) => throw Stub.Only;
}
