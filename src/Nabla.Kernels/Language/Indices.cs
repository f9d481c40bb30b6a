namespace Nabla.Kernels.Language;

/// <summary>The groups of a launch.</summary>
public static class Grid
{
    /// <summary>Index of this group along x.</summary>
    public static int IdxX => Emulator.Current.GroupX;

    /// <summary>Index of this group along y.</summary>
    public static int IdxY => Emulator.Current.GroupY;

    /// <summary>Index of this group along z.</summary>
    public static int IdxZ => Emulator.Current.GroupZ;

    /// <summary>Groups along x.</summary>
    public static int DimX => Emulator.Current.Size.GridX;

    /// <summary>Groups along y.</summary>
    public static int DimY => Emulator.Current.Size.GridY;

    /// <summary>Groups along z.</summary>
    public static int DimZ => Emulator.Current.Size.GridZ;

    /// <summary>Index of this group, x fastest.</summary>
    public static int LinearIndex => (IdxZ * DimY + IdxY) * DimX + IdxX;

    /// <summary>Index of this work-item among all: group after group, x fastest.</summary>
    public static int GlobalLinearIndex => LinearIndex * Emulator.Current.Size.GroupSize + Group.LinearIndex;
}

/// <summary>The work-items of a group.</summary>
public static class Group
{
    /// <summary>Index of this work-item along x.</summary>
    public static int IdxX => Emulator.Current.ItemX;

    /// <summary>Index of this work-item along y.</summary>
    public static int IdxY => Emulator.Current.ItemY;

    /// <summary>Index of this work-item along z.</summary>
    public static int IdxZ => Emulator.Current.ItemZ;

    /// <summary>Work-items along x.</summary>
    public static int DimX => Emulator.Current.Size.GroupX;

    /// <summary>Work-items along y.</summary>
    public static int DimY => Emulator.Current.Size.GroupY;

    /// <summary>Work-items along z.</summary>
    public static int DimZ => Emulator.Current.Size.GroupZ;

    /// <summary>Index of this work-item in its group, x fastest.</summary>
    public static int LinearIndex => (IdxZ * DimY + IdxY) * DimX + IdxX;

    /// <summary>
    /// Waits until all work-items of the group are here; what they wrote before is then visible to all of them. Must stand as a statement in the kernel
    /// itself. The emulator runs a translation of the kernel in which it is a place to stop, so this body is never reached there.
    /// </summary>
    public static void Barrier() => throw new NotSupportedException("Group.Barrier() was called outside a kernel.");
}

/// <summary>Memory that the work-items of a group share.</summary>
public static class SharedMemory
{
    /// <summary>An array of <paramref name="extent"/> elements, a constant; the same for all work-items of the group. Its content is undefined.</summary>
    public static ArrayView<T> Allocate<T>(int extent) where T : unmanaged => Emulator.Current.Share<T>(extent);
}

/// <summary>Memory of one work-item.</summary>
public static class LocalMemory
{
    /// <summary>An array of <paramref name="extent"/> elements, a constant. Its content is undefined.</summary>
    public static ArrayView<T> Allocate<T>(int extent) where T : unmanaged => Emulator.Current.Local<T>(extent);
}
