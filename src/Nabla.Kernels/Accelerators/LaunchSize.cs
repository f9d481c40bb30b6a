namespace Nabla.Kernels;

/// <summary>How many groups a launch has along each of three axes, and how many work-items a group has.</summary>
/// <param name="GridX">Groups along x.</param>
/// <param name="GridY">Groups along y.</param>
/// <param name="GridZ">Groups along z.</param>
/// <param name="GroupX">Work-items of a group along x.</param>
/// <param name="GroupY">Work-items of a group along y.</param>
/// <param name="GroupZ">Work-items of a group along z.</param>
public readonly record struct LaunchSize(int GridX, int GridY, int GridZ, int GroupX, int GroupY = 1, int GroupZ = 1)
{
    /// <summary>Enough groups of <paramref name="group"/> work-items along x for <paramref name="items"/> work-items.</summary>
    public static LaunchSize Linear(long items, int group) => new(checked((int)((items + group - 1) / group)), 1, 1, group);

    /// <summary>Groups in all.</summary>
    public long Groups => (long)GridX * GridY * GridZ;

    /// <summary>Work-items of a group.</summary>
    public int GroupSize => GroupX * GroupY * GroupZ;
}
