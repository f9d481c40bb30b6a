using Nabla.Kernels;

namespace Nabla.Tests.Accelerators;

/// <summary>Samples sorted by class on devices: the order is the host's, and pieces and Gram matrices cover it.</summary>
public sealed class DeviceClassesTests
{
    /// <summary>The devices.</summary>
    public static TheoryData<string> Devices => DeviceCases.Names;

    [Theory, MemberData(nameof(Devices))]
    public void The_order_is_that_of_the_host_and_everything_is_covered_once(string name)
    {
        Device device = DeviceCases.Find(name);
        // One sample, one class, a tile and its neighbours, more classes than samples, more classes than work-items, classes small and large, more dimensions than samples.
        foreach ((int n, int d, int k, int entries) in new[] { (1, 1, 1, 1), (255, 3, 1, 2), (256, 20, 7, 1), (257, 20, 40, 2), (1000, 90, 11, 2), (50, 4, 600, 2), (700, 2, 300, 1), (30, 60, 5, 3), (600, 5, 0, 2) })
            Check((Accelerator)device, n, d, k, entries);
    }

    internal static void Check(Accelerator device, int n, int d, int k, int entries)
    {
        var random = new Random(n + k);
        // Some classes are empty, the first is large.
        int[] labels = [.. Enumerable.Range(0, n * entries).Select(_ => random.Next(3) == 0 ? 0 : random.Next(Math.Max(1, k)) / 2 * 2)];
        var form = new RateForm(k, 0.5, ByClass: k == 0 ? 0 : -1);
        DenseTensor faults = Tensor.From([int.MaxValue, int.MaxValue, int.MaxValue]).ToDevice(device).Dense;
        DeviceClasses made = DeviceClasses.Make<float>(device, k == 0 ? null : Tensor.From(labels).ToDevice(device).Dense, n, d, entries, form, faults);
        int[] order = made.Order.CopyToArray<int>(), parts = made.Parts.CopyToArray<int>(), ranges = made.Ranges.CopyToArray<int>(), tasks = made.Tasks.CopyToArray<int>(), pieces = made.Pieces.CopyToArray<int>();
        string which = $"n = {n}, d = {d}, k = {k}";
        Assert.All(faults.CopyToArray<int>(), word => Assert.Equal(int.MaxValue, word));
        for (int entry = 0; entry < entries; entry++)
        {
            (int[] expected, (int Start, int Count, bool Small)[] classes) = Sorted(labels.AsSpan(entry * n, n), n, d, form);
            Assert.Equal(expected.Select(i => entry * n + i), order[(entry * n)..((entry + 1) * n)]);
            for (int j = 0; j <= k; j++)
            {
                int matrix = entry * (k + 1) + j;
                (int start, int count, bool small) = classes[j];
                Assert.Equal((entry * n + start, count, small ? 1 : 0), (parts[3 * matrix], parts[3 * matrix + 1], parts[3 * matrix + 2]));
                // The Gram matrices of a matrix: its samples one after another.
                Assert.Equal(count == 0 ? 0 : small ? count : d, ranges[3 * matrix + 2]);
                int next = entry * n + start;
                for (int task = ranges[3 * matrix]; task < ranges[3 * matrix + 1]; task++)
                {
                    Assert.True(tasks[3 * task] == next && tasks[3 * task + 1] > 0 && tasks[3 * task + 2] == (small ? 1 : 0), which);
                    next += tasks[3 * task + 1];
                }
                Assert.Equal(entry * n + start + count, next);
            }
        }
        var covered = new int[n * entries];
        for (int piece = 0; piece < pieces.Length; piece += 4)
            for (int i = 0; i < pieces[piece + 3]; i++)
            {
                int place = pieces[piece + 2] + i, matrix = pieces[piece];
                covered[place]++;
                Assert.Equal(place / n * (k + 1) + k, pieces[piece + 1]);
                Assert.True(k == 0 ? matrix == -1 : place >= parts[3 * matrix] && place < parts[3 * matrix] + parts[3 * matrix + 1], which);
            }
        Assert.All(covered, times => Assert.Equal(1, times));
    }

    // By the host's table, of which nobody keeps more.
    private static unsafe (int[] Order, (int, int, bool)[] Parts) Sorted(ReadOnlySpan<int> labels, int n, int d, RateForm form)
    {
        fixed (int* own = labels)
        {
            var table = new ClassTable(n, d, form.Classes);
            Assert.True(table.Sort(own, 1, form, form.SmallBelow<float>(n, d)));
            var parts = new (int, int, bool)[form.Classes + 1];
            for (int j = 0; j <= form.Classes; j++) parts[j] = (table.Parts[j].Start, table.Parts[j].Count, table.Parts[j].Small);
            return (new ReadOnlySpan<int>(table.Order, n).ToArray(), parts);
        }
    }
}
