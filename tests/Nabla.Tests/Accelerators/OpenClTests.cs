using System.Runtime.InteropServices;
using Nabla.Kernels;
using Nabla.Kernels.OpenCl;

namespace Nabla.Tests.Accelerators;

/// <summary>The OpenCL run time with kernels written by hand: what they compute, what is refused, what is kept.</summary>
public sealed class OpenClTests : IDisposable
{
    private static readonly KernelProgram Add = OpenClTexts.Add();

    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-opencl-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static float[] Ramp(int count, float scale = 1) => [.. Enumerable.Range(0, count).Select(i => scale * i)];

    private static float[] RunAdd(OpenClDevice device, KernelProgram add, float[] left, float[] right)
    {
        nint x = device.Place<float>(left), y = device.Place<float>(right), z = device.AllocateMemory(4 * left.Length);
        device.Launch(add, LaunchSize.Linear(left.Length, 64), new KernelArguments().View(x, left.Length).View(y, right.Length).View(z, left.Length));
        float[] sum = device.Fetch<float>(z, left.Length);
        device.Free(x, y, z);
        return sum;
    }

    private static string Refused(OpenClDevice device, KernelProgram program, LaunchSize size, KernelArguments arguments, string code)
    {
        DeviceException error = Assert.Throws<DeviceException>(() => device.Launch(program, size, arguments));
        Assert.Equal(code, error.Code);
        Assert.Contains(device.Name, error.Message);
        Assert.Contains($"'{program.Name}'", error.Message);
        return error.Message;
    }

    [Fact]
    public void Devices_say_what_they_are_and_are_found_by_name()
    {
        OpenClDevice device = OpenClTexts.Device;
        Assert.Equal("opencl:0", device.Name);
        Assert.Same(device, Device.Parse("opencl"));
        Assert.Same(device, Device.Parse("opencl:0"));
        Assert.False(device.IsHost);
        Assert.True(device.MemoryBytes > 0 && device.MaxGroupSize > 0 && device.SharedMemoryBytes > 0 && device.Multiprocessors > 0);
        Assert.Contains(device.Info.Driver, device.Description);
        Assert.Contains($"{device.Info.ComputeUnits} compute units", device.Description);
    }

    [Fact]
    public void A_missing_library_is_a_sentence()
    {
        List<Device> devices = [];
        List<string> absences = [];
        OpenClPlatforms.Find(devices, absences, "libNoSuchOpenCL.so.1");
        Assert.Empty(devices);
        Assert.Contains("libNoSuchOpenCL.so.1 was not found", Assert.Single(absences));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(4099)]
    public void Vectors_are_added(int count) =>
        Assert.Equal(Ramp(count, 3), RunAdd(OpenClTexts.Device, Add, Ramp(count), Ramp(count, 2)));

    [Fact]
    public void Views_start_anywhere_in_a_block()
    {
        OpenClDevice device = OpenClTexts.Device;
        nint block = device.Place<float>(Ramp(100));
        device.Launch(Add, LaunchSize.Linear(10, 64), new KernelArguments().View(block + 4 * 3, 10).View(block + 4 * 50, 10).View(block + 4 * 80, 10));
        float[] expected = [.. Ramp(80), .. Enumerable.Range(0, 10).Select(i => 53f + 2 * i), .. Ramp(100)[90..]];
        Assert.Equal(expected, device.Fetch<float>(block, 100));
        Assert.Equal([7f, 8f], device.Fetch<float>(block + 4 * 7, 2));
        device.Free(block);
    }

    [Fact]
    public void Groups_share_memory_and_meet_at_barriers()
    {
        OpenClDevice device = OpenClTexts.Device;
        KernelProgram sums = OpenClTexts.Kernel("sums", ["float x", "float y"], [], """
            __local float shared[128];
                int item = get_local_id(0), group = get_group_id(0);
                shared[item] = x[group * 128 + item];
                barrier(CLK_LOCAL_MEM_FENCE);
                for (int width = 64; width > 0; width /= 2)
                {
                    if (item < width) shared[item] += shared[item + width];
                    barrier(CLK_LOCAL_MEM_FENCE);
                }
                if (item == 0) y[group] = shared[0];
            """);
        nint x = device.Place<float>(Ramp(5 * 128)), y = device.AllocateMemory(64);
        device.Launch(sums, new LaunchSize(5, 1, 1, 128), new KernelArguments().View(x, 5 * 128).View(y, 5));
        Assert.Equal([.. Enumerable.Range(0, 5).Select(g => 128f * 128 * g + 127 * 64)], device.Fetch<float>(y, 5));
        device.Free(x, y);
    }

    [Fact]
    public void Grids_and_groups_have_three_axes()
    {
        OpenClDevice device = OpenClTexts.Device;
        KernelProgram places = OpenClTexts.Kernel("places", ["int y"], [], """
            int nx = get_global_size(0), ny = get_global_size(1);
                int at = (get_global_id(2) * ny + get_global_id(1)) * nx + get_global_id(0);
                y[at] = get_group_id(0) + 10 * get_group_id(1) + 100 * get_group_id(2) + 1000 * get_local_id(0) + 10000 * get_local_id(1) + 100000 * get_local_id(2);
            """);
        int[] expected = [.. from z in Enumerable.Range(0, 4) from y in Enumerable.Range(0, 9) from x in Enumerable.Range(0, 4)
                             select x / 2 + 10 * (y / 3) + 100 * z + 1000 * (x % 2) + 10000 * (y % 3)];
        nint to = device.AllocateMemory(4 * expected.Length);
        device.Launch(places, new LaunchSize(2, 3, 4, 2, 3, 1), new KernelArguments().View(to, expected.Length));
        Assert.Equal(expected, device.Fetch<int>(to, expected.Length));
        device.Free(to);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Line(int Step, float Slope, long Start);

    [Fact]
    public void Scalars_and_structs_are_passed_by_value()
    {
        OpenClDevice device = OpenClTexts.Device;
        KernelProgram lines = OpenClTexts.Kernel("lines", ["float y"], ["int n", "line a", "float shift", "long big"],
            "int i = get_global_id(0); if (i < n) y[i] = a.slope * (a.step * i) + (float)(a.start - big) + shift;",
            before: "typedef struct { int step; float slope; long start; } line;");
        nint y = device.Place<float>(new float[8]);
        long big = 1L << 40;
        device.Launch(lines, LaunchSize.Linear(8, 8), new KernelArguments().View(y, 8).Value(6).Value(new Line(2, 0.5f, big + 7)).Value(0.25f).Value(big));
        Assert.Equal([.. Enumerable.Range(0, 6).Select(i => i + 7.25f), 0, 0], device.Fetch<float>(y, 8));
        device.Free(y);
    }

    [Fact]
    public void Kernels_compute_in_f64_where_the_device_can()
    {
        OpenClDevice device = OpenClTexts.Device;
        KernelProgram thirds = OpenClTexts.Kernel("thirds", ["double y"], [], "y[get_global_id(0)] = (double)get_global_id(0) / 3.0;",
            before: "#pragma OPENCL EXTENSION cl_khr_fp64 : enable", needsDouble: true);
        var without = new OpenClDevice("opencl:f32", device.Info with { HasDouble = false }, new KernelCache(null));
        Assert.Contains("no f64", Refused(without, thirds, new LaunchSize(1, 1, 1, 4), new KernelArguments(), "NB0312"));
        Assert.SkipUnless(device.HasDouble, "The device has no f64.");
        nint y = device.AllocateMemory(64);
        device.Launch(thirds, new LaunchSize(1, 1, 1, 4), new KernelArguments().View(y, 4));
        Assert.Equal([0, 1 / 3.0, 2 / 3.0, 1], device.Fetch<double>(y, 4));
        device.Free(y);
    }

    [Fact]
    public void Division_is_rounded_correctly_if_the_device_says_so()
    {
        OpenClDevice device = OpenClTexts.Device;
        Assert.SkipUnless(device.Info.RoundsDivision, "The device does not round division correctly.");
        float[] x = [.. Enumerable.Range(1, 1000).Select(i => 1f + i * 0.37f)], y = [.. Enumerable.Range(1, 1000).Select(i => 3f + i * 0.11f)];
        Assert.Equal(x.Zip(y, (a, b) => a / b), RunAdd(device, OpenClTexts.Add("/"), x, y));
    }

    [Fact]
    public void Empty_grids_launch_nothing_and_empty_views_need_no_memory()
    {
        OpenClDevice device = OpenClTexts.Device;
        nint x = device.Place<float>(5, 6);
        device.Launch(Add, LaunchSize.Linear(0, 64), new KernelArguments().View(x, 1).View(x, 1).View(x, 1));
        device.Launch(Add, LaunchSize.Linear(1, 64), new KernelArguments().View(0, 0).View(0, 0).View(0, 0));
        device.Synchronize();
        Assert.Equal([5f, 6f], device.Fetch<float>(x, 2));
        device.Free(x);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Bytes_are_copied_up_down_and_within(bool asProcessor)
    {
        // Memory is taken in one way from the host's processor, in another from other devices; both work on any.
        var device = new OpenClDevice("opencl:test", OpenClTexts.Device.Info with { IsProcessor = asProcessor }, new KernelCache(null));
        byte[] bytes = new byte[300_000];
        new Random(1).NextBytes(bytes);
        nint x = device.Place<byte>(bytes), y = device.AllocateMemory(bytes.Length);
        device.CopyWithin(x + 1000, y + 7, 200_000);
        device.CopyWithin(y + 7, y + 250_000, 1000);
        device.CopyWithin(x, y, 0);
        Assert.Equal(bytes, device.Fetch<byte>(x, bytes.Length));
        Assert.Equal(bytes[1000..201_000], device.Fetch<byte>(y + 7, 200_000));
        Assert.Equal(bytes[1000..2000], device.Fetch<byte>(y + 250_000, 1000));
        Assert.Empty(device.Fetch<byte>(y, 0));
        device.Free(x, y);
    }

    [Fact]
    public void A_kernel_that_does_not_compile_shows_the_log_of_the_driver()
    {
        OpenClDevice device = OpenClTexts.Device;
        KernelProgram bad = OpenClTexts.Kernel("bad", ["float y"], [], "y[0] = no_such_function(1);");
        Assert.Contains("no_such_function", Refused(device, bad, new LaunchSize(1, 1, 1, 1), new KernelArguments().View(0, 0), "NB0310"));
        var misnamed = new KernelProgram { Name = "other", OpenCl = Add.OpenCl, Cuda = "" };
        Assert.Contains("CL_INVALID_KERNEL_NAME", Refused(device, misnamed, new LaunchSize(1, 1, 1, 1), new KernelArguments(), "NB0310"));
    }

    [Fact]
    public void Groups_that_are_too_large_are_refused_with_sizes()
    {
        OpenClDevice device = OpenClTexts.Device;
        KernelArguments none = new KernelArguments().View(0, 0).View(0, 0).View(0, 0);
        string message = Refused(device, Add, new LaunchSize(3, 1, 1, 2 * device.MaxGroupSize), none, "NB0311");
        Assert.Contains($"{2 * device.MaxGroupSize} work-items", message);
        Assert.Contains($"at most {device.MaxGroupSize}", message);
        Refused(device, Add, new LaunchSize(1, 1, 1, 0), none, "NB0311");
        KernelProgram greedy = OpenClTexts.Kernel("greedy", ["float y"], [],
            $"__local float shared[{device.SharedMemoryBytes}]; shared[get_local_id(0)] = 1; barrier(CLK_LOCAL_MEM_FENCE); y[0] = shared[0];");
        Assert.Contains($"the device has {device.SharedMemoryBytes:N0}", Refused(device, greedy, new LaunchSize(1, 1, 1, 1), new KernelArguments().View(0, 0), "NB0311"));
    }

    [Fact]
    public void Arguments_that_do_not_fit_are_refused()
    {
        OpenClDevice device = OpenClTexts.Device;
        KernelProgram scaled = OpenClTexts.Kernel("scaled", ["float y"], ["float by"], "y[0] *= by;");
        string Message(KernelArguments arguments) => Refused(device, scaled, new LaunchSize(1, 1, 1, 1), arguments, "NB0311");
        Assert.Contains("3 parameters were given; the kernel has 4", Message(new KernelArguments().View(0, 0)));
        Assert.Contains("CL_INVALID_ARG_SIZE", Message(new KernelArguments().View(0, 0).Value(2.0)));
        Assert.Contains("CL_INVALID_ARG_INDEX", Message(new KernelArguments().View(0, 0).Value(2f).Value(1)));
        Assert.Contains("not lie in memory", Message(new KernelArguments().View((nint)1 << 62, 1).Value(2f)));
        Assert.Contains("the other there", Message(new KernelArguments().Value(2L).Value(2L).Value(2).Value(2f)));
    }

    [Fact]
    public void A_transfer_beyond_a_block_is_an_error_with_the_status()
    {
        OpenClDevice device = OpenClTexts.Device;
        nint x = device.AllocateMemory(64);
        DeviceException error = Assert.Throws<DeviceException>(() => device.Download(x, new byte[1 << 20]));
        Assert.Equal("NB0313", error.Code);
        Assert.Contains("clEnqueueReadBuffer", error.Message);
        Assert.Contains("CL_INVALID_VALUE", error.Message);
        device.Free(x);
    }

    [Fact]
    public void More_memory_than_there_is_is_refused()
    {
        OpenClDevice device = OpenClTexts.Device;
        Assert.Throws<OutOfMemoryException>(() => device.AllocateMemory(4 * device.MemoryBytes));
        Assert.Throws<OutOfMemoryException>(() => device.AllocateMemory(1L << 60));
        Assert.Equal("NB0302", Assert.Throws<DeviceException>(() => device.Pool.Rent(device.MemoryBytes + 1)).Code);
    }

    [Fact]
    public void Binaries_are_kept_on_disk_and_used_by_the_next_device()
    {
        OpenClDevice found = OpenClTexts.Device;
        OpenClDevice Open() => new("opencl:test", found.Info, new KernelCache(_folder));
        Assert.Equal([4f, 6f], RunAdd(Open(), Add, [1, 2], [3, 4]));
        Assert.Equal([-2f, -2f], RunAdd(Open(), OpenClTexts.Add("-"), [1, 2], [3, 4]));
        Assert.Equal(2, Directory.GetFiles(_folder).Length);
        // Seen only if the binary is what runs: that of a difference under the name of the sum.
        var cache = new KernelCache(_folder);
        cache.Write(Open().CacheKey(Add), cache.Read(Open().CacheKey(OpenClTexts.Add("-")))!);
        Assert.Equal([-2f, -2f], RunAdd(Open(), Add, [1, 2], [3, 4]));
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("changed")]
    [InlineData("empty")]
    [InlineData("renamed")]
    [InlineData("refused")]
    public void A_damaged_entry_is_compiled_again_and_written_again(string damage)
    {
        OpenClDevice found = OpenClTexts.Device;
        OpenClDevice Open() => new("opencl:test", found.Info, new KernelCache(_folder));
        RunAdd(Open(), Add, [1], [2]);
        var cache = new KernelCache(_folder);
        string key = Open().CacheKey(Add), path = cache.PathOf(key)!;
        byte[] whole = File.ReadAllBytes(path), binary = cache.Read(key)!, other = (byte[])whole.Clone();
        other[^1] ^= 1;
        if (damage == "cut") File.WriteAllBytes(path, whole[..^10]);
        if (damage == "changed") File.WriteAllBytes(path, other);
        if (damage == "empty") File.WriteAllBytes(path, []);
        if (damage == "renamed") File.WriteAllBytes(path, [.. whole[..8], .. new byte[32], .. whole[40..]]);
        if (damage == "refused") cache.Write(key, [1, 2, 3, 4]);
        else Assert.Null(cache.Read(key));
        Assert.Equal([3f], RunAdd(Open(), Add, [1], [2]));
        Assert.True(cache.Read(key)!.Length >= binary.Length / 2);
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void The_entries_that_were_used_longest_ago_go_when_the_cache_is_full()
    {
        var cache = new KernelCache(_folder, limit: 40_000);
        string[] keys = [.. Enumerable.Range(0, 6).Select(i => KernelCache.Key($"{i}"))];
        for (int i = 0; i < 3; i++)
        {
            cache.Write(keys[i], new byte[10_000]);
            File.SetLastWriteTimeUtc(cache.PathOf(keys[i])!, DateTime.UtcNow.AddHours(i - 10));
        }
        Assert.NotNull(cache.Read(keys[0]));
        cache.Write(keys[3], new byte[10_000]);
        // Two are left in three quarters of the limit: the new one, and the one that was read.
        Assert.Equal([true, false, false, true], keys[..4].Select(key => cache.Read(key) is not null));
        // Another process counts what it finds; an entry larger than the limit is alone.
        new KernelCache(_folder, limit: 40_000).Write(keys[4], new byte[50_000]);
        Assert.Equal(cache.PathOf(keys[4]), Assert.Single(Directory.GetFiles(_folder)));
        Assert.NotNull(new KernelCache(_folder, limit: 40_000).Read(keys[4]));
    }

    [Fact]
    public void Without_a_cache_and_with_a_folder_that_cannot_be_written_kernels_run_all_the_same()
    {
        OpenClDevice found = OpenClTexts.Device;
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Assert.Equal([3f], RunAdd(new("opencl:test", found.Info, new KernelCache(null)), Add, [1], [2]));
        Assert.Equal([3f], RunAdd(new("opencl:test", found.Info, new KernelCache(Path.Combine(file, "inside"))), Add, [1], [2]));
        Assert.Equal([file], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Addresses_are_never_zero_and_slots_are_used_again()
    {
        var memory = new OpenClMemory();
        nint[] addresses = [.. Enumerable.Range(1, 1000).Select(handle => memory.Add(handle))];
        Assert.DoesNotContain((nint)0, addresses);
        Assert.Equal(1000, memory.Count);
        Assert.Equal(777, memory.Find(addresses[776] + 12345, out long offset));
        Assert.Equal(12345, offset);
        Assert.Equal(777, memory.Remove(addresses[776]));
        Assert.Equal(0, memory.Find(addresses[776], out _));
        Assert.Equal(0, memory.Remove(addresses[776]));
        Assert.Equal(addresses[776], memory.Add(5));
        Assert.Equal(0, memory.Find(-1, out _));
        Assert.Equal(0, memory.Find(0, out _));
        Assert.Equal(1000, memory.Count);
    }
}
