using System.Runtime.InteropServices;
using Nabla.Kernels;
using Nabla.Kernels.Cuda;
using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Cuda;

/// <summary>The CUDA run time on the stand-in of a driver: what kernels compute, what is refused, what is kept.</summary>
[Collection(nameof(FakeCuda))]
public sealed class CudaTests : IDisposable
{
    private static readonly KernelProgram Add = FakeCuda.Add();

    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-cuda-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static float[] Ramp(int count, float scale = 1) => [.. Enumerable.Range(0, count).Select(i => scale * i)];

    private static float[] RunAdd(CudaDevice device, KernelProgram add, float[] left, float[] right)
    {
        nint x = device.Place<float>(left), y = device.Place<float>(right), z = device.AllocateMemory(4 * left.Length);
        device.Launch(add, LaunchSize.Linear(left.Length, 64), new KernelArguments().View(x, left.Length).View(y, right.Length).View(z, left.Length));
        float[] sum = device.Fetch<float>(z, left.Length);
        device.Free(x, y, z);
        return sum;
    }

    // Tensors of earlier tests go back now, not while blocks are counted.
    private static long BlocksAfterCollection()
    {
        for (int i = 0; i < 3; i++) BufferPool.CollectAll();
        return FakeCuda.Get(FakeCuda.Place.Blocks);
    }

    private static string Refused(CudaDevice device, KernelProgram program, LaunchSize size, KernelArguments arguments, string code)
    {
        DeviceException error = Assert.Throws<DeviceException>(() => device.Launch(program, size, arguments));
        Assert.Equal(code, error.Code);
        Assert.Contains(device.Name, error.Message);
        return error.Message;
    }

    [Fact]
    public void Devices_say_what_they_are()
    {
        CudaDevice device = FakeCuda.Devices[0];
        Assert.Equal(["cuda:0", "cuda:1"], FakeCuda.Devices.Select(d => d.Name));
        Assert.Equal("Fake GPU, compute capability 9.0, 8 multiprocessors, 4.0 GiB, driver for CUDA 13.0", device.Description);
        Assert.Equal((4L << 30, 1024, 49152, 8, true, false), (device.MemoryBytes, device.MaxGroupSize, device.SharedMemoryBytes, device.Multiprocessors, device.HasDouble, device.IsProcessor));
        Assert.Null(device.Info.Unfit);
        Assert.Contains("12.0 is needed", (device.Info with { DriverNumber = 11080 }).Unfit);
        Assert.Contains("6.0 is needed", (device.Info with { Architecture = 52 }).Unfit);
    }

    [Fact]
    public void The_compiler_is_looked_for_in_toolkits_conda_and_wheels()
    {
        string[] Folders(params (string Name, string Value)[] variables) => [.. CudaLibraries.CompilerFolders(name => variables.FirstOrDefault(v => v.Name == name).Value)];
        string bin = Path.Combine(_folder, "venv", "bin"), packages = Path.Combine(_folder, "venv", "lib", "python3.12", "site-packages");
        Directory.CreateDirectory(bin);
        Directory.CreateDirectory(packages);
        File.WriteAllText(Path.Combine(bin, "python3"), "");
        Assert.Contains("/a/toolkit/lib64", Folders(("CUDA_HOME", "/a/toolkit")));
        Assert.Contains("/usr/local/cuda/lib64", Folders());
        Assert.Contains("/a/conda/lib", Folders(("CONDA_PREFIX", "/a/conda")));
        foreach ((string, string)[] found in ((string, string)[][])[[("VIRTUAL_ENV", Path.Combine(_folder, "venv"))], [("PATH", $"/none:{bin}")]])
        {
            Assert.Contains(Path.Combine(packages, "nvidia/cu13/lib"), Folders(found));
            Assert.Contains(Path.Combine(packages, "nvidia/cuda_nvrtc/lib"), Folders(found));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(4099)]
    public void Vectors_are_added_on_both_GPUs(int count) =>
        Assert.All(FakeCuda.Devices, device => Assert.Equal(Ramp(count, 3), RunAdd(device, Add, Ramp(count), Ramp(count, 2))));

    [Fact]
    public void Threads_take_turns_between_GPUs_and_launch_with_arguments_of_their_own()
    {
        CudaDevice[] devices = FakeCuda.Devices;
        float[] results = new float[6];
        Thread[] threads = [.. Enumerable.Range(0, results.Length).Select(t => new Thread(() =>
        {
            // sum += step, on one GPU and the other.
            float sum = 0;
            for (int i = 0; i < 50; i++) sum = RunAdd(devices[(i + t) % 2], Add, [sum], [t + 1])[0];
            results[t] = sum;
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Equal([50f, 100f, 150f, 200f, 250f, 300f], results);
    }

    [Fact]
    public void Groups_share_memory_and_meet_at_barriers()
    {
        KernelProgram sums = FakeCuda.Kernel("sums", ["float x", "float y"], [], """
            __shared__ float shared[128];
                int item = threadIdx.x, group = blockIdx.x;
                shared[item] = x[group * 128 + item];
                __syncthreads();
                for (int width = 64; width > 0; width /= 2)
                {
                    if (item < width) shared[item] += shared[item + width];
                    __syncthreads();
                }
                if (item == 0) y[group] = shared[0];
            """);
        CudaDevice device = FakeCuda.Devices[0];
        nint x = device.Place<float>(Ramp(5 * 128)), y = device.AllocateMemory(64);
        device.Launch(sums, new LaunchSize(5, 1, 1, 128), new KernelArguments().View(x, 5 * 128).View(y, 5));
        Assert.Equal([.. Enumerable.Range(0, 5).Select(g => 128f * 128 * g + 127 * 64)], device.Fetch<float>(y, 5));
        device.Free(x, y);
    }

    [Fact]
    public void Grids_and_groups_have_three_axes()
    {
        KernelProgram places = FakeCuda.Kernel("places", ["int y"], [], """
            int nx = gridDim.x * blockDim.x, ny = gridDim.y * blockDim.y;
                int at = ((blockIdx.z * blockDim.z + threadIdx.z) * ny + blockIdx.y * blockDim.y + threadIdx.y) * nx + blockIdx.x * blockDim.x + threadIdx.x;
                y[at] = blockIdx.x + 10 * blockIdx.y + 100 * blockIdx.z + 1000 * threadIdx.x + 10000 * threadIdx.y + 100000 * threadIdx.z;
            """);
        int[] expected = [.. from z in Enumerable.Range(0, 4) from y in Enumerable.Range(0, 9) from x in Enumerable.Range(0, 4)
                             select x / 2 + 10 * (y / 3) + 100 * (z / 2) + 1000 * (x % 2) + 10000 * (y % 3) + 100000 * (z % 2)];
        CudaDevice device = FakeCuda.Devices[0];
        nint to = device.AllocateMemory(4 * expected.Length);
        device.Launch(places, new LaunchSize(2, 3, 2, 2, 3, 2), new KernelArguments().View(to, expected.Length));
        Assert.Equal(expected, device.Fetch<int>(to, expected.Length));
        device.Free(to);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Line(byte Kind, float Slope, short Step, long Start);

    [Fact]
    public void Scalars_and_structs_are_passed_by_value_with_the_layout_of_C()
    {
        KernelProgram lines = FakeCuda.Kernel("lines", ["float y"], ["bool on", "line a", "float shift", "long long big"],
            "int i = threadIdx.x; if (on) y[i] = a.slope * (a.step * i) + (float)(a.start - big) + shift + a.kind;",
            before: "struct line { unsigned char kind; float slope; short step; long long start; };");
        CudaDevice device = FakeCuda.Devices[0];
        nint y = device.Place<float>(new float[8]);
        long big = 1L << 40;
        device.Launch(lines, LaunchSize.Linear(8, 8), new KernelArguments().View(y, 8).Value(true).Value(new Line(100, 0.5f, 2, big + 7)).Value(0.25f).Value(big));
        Assert.Equal([.. Enumerable.Range(0, 8).Select(i => i + 107.25f)], device.Fetch<float>(y, 8));
        device.Free(y);
    }

    [Fact]
    public void Products_and_sums_are_rounded_one_by_one()
    {
        float a = 1 + MathF.ScaleB(1, -12), product = a * a;
        Assert.NotEqual(MathF.FusedMultiplyAdd(a, a, -1), product - 1);
        KernelProgram steps = FakeCuda.Kernel("steps", ["float y"], ["float a"], "y[0] = a * a - 1.0f;");
        CudaDevice device = FakeCuda.Devices[0];
        nint y = device.AllocateMemory(64);
        device.Launch(steps, new LaunchSize(1, 1, 1, 1), new KernelArguments().View(y, 1).Value(a));
        Assert.Equal(product - 1, device.Fetch<float>(y, 1)[0]);
        device.Free(y);
    }

    [Fact]
    public void Bytes_are_copied_up_down_and_within_in_pieces_of_the_staging_memory()
    {
        CudaDevice device = FakeCuda.Devices[1];
        foreach (int count in (int[])[1, 63, 1 << 20, (1 << 20) + 1, 11_000_003])
        {
            byte[] bytes = new byte[count];
            new Random(count).NextBytes(bytes);
            nint x = device.Place<byte>(bytes), y = device.AllocateMemory(count);
            byte[] source = (byte[])bytes.Clone();
            device.Upload(source, y);
            // An upload has read its source when it returns.
            source.AsSpan().Clear();
            Assert.Equal(bytes, device.Fetch<byte>(x, count));
            Assert.Equal(bytes, device.Fetch<byte>(y, count));
            device.CopyWithin(x, y, count / 2);
            device.CopyWithin(x, y, 0);
            Assert.Equal(bytes, device.Fetch<byte>(y, count));
            device.Free(x, y);
        }
        Assert.Empty(device.Fetch<byte>(0, 0));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Memory_goes_back_when_the_work_that_uses_it_is_done(bool pooled)
    {
        CudaDevice device = FakeCuda.Open(change: info => info with { HasPools = pooled });
        KernelProgram slow = FakeCuda.Kernel("slow", ["float x", "float y"], ["int rounds"],
            "float value = x[0]; for (int i = 0; i < rounds; i++) value = sinf(value) + 1; y[threadIdx.x] = x[threadIdx.x] + (value > 5 ? 1 : 0);");
        device.Synchronize();
        long before = BlocksAfterCollection();
        nint x = device.Place<float>(7, 8), y = device.AllocateMemory(64), z = device.AllocateMemory(64);
        device.Launch(slow, new LaunchSize(1, 1, 1, 2), new KernelArguments().View(x, 2).View(y, 2).Value(3_000_000));
        device.Launch(Add, new LaunchSize(1, 1, 1, 2), new KernelArguments().View(y, 2).View(x, 2).View(z, 2));
        device.Free(x, y);
        nint[] others = [.. Enumerable.Range(0, 50).Select(i => device.Place<float>(100, 100))];
        Assert.Equal([14f, 16f], device.Fetch<float>(z, 2));
        device.Free([z, .. others]);
        device.Synchronize();
        Assert.Equal(before, FakeCuda.Get(FakeCuda.Place.Blocks));
        Assert.Throws<OutOfMemoryException>(() => device.AllocateMemory(device.MemoryBytes + 1));
        Assert.Equal("NB0302", Assert.Throws<DeviceException>(() => device.Pool.Rent(device.MemoryBytes + 1)).Code);
    }

    [Fact]
    public void Many_launches_leave_nothing_behind_and_allocate_nothing()
    {
        CudaDevice device = FakeCuda.Devices[0];
        nint one = device.Place<float>(1), sum = device.Place<float>(0);
        var arguments = new KernelArguments();
        void Run(int launches)
        {
            for (int i = 0; i < launches; i++)
            {
                nint next = device.AllocateMemory(64);
                device.Launch(Add, new LaunchSize(1, 1, 1, 1), arguments.Clear().View(sum, 1).View(one, 1).View(next, 1));
                device.Free(sum);
                sum = next;
            }
            device.Synchronize();
        }
        Run(100);
        long blocks = BlocksAfterCollection(), managed = GC.GetAllocatedBytesForCurrentThread();
        Run(2000);
        Assert.Equal(blocks, FakeCuda.Get(FakeCuda.Place.Blocks));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - managed, 0, 10_000);
        Assert.Equal([2100f], device.Fetch<float>(sum, 1));
        device.Free(one, sum);
    }

    [Fact]
    public void A_kernel_that_does_not_compile_shows_the_log_of_the_compiler()
    {
        CudaDevice device = FakeCuda.Devices[0];
        KernelProgram bad = FakeCuda.Kernel("bad", ["float y"], [], "y[0] = no_such_function(1);");
        string message = Refused(device, bad, new LaunchSize(1, 1, 1, 1), new KernelArguments().View(0, 0), "NB0310");
        Assert.Contains("NVRTC_ERROR_COMPILATION", message);
        Assert.Contains("no_such_function", message);
        var misnamed = new KernelProgram { Name = "other", OpenCl = "", Cuda = Add.Cuda };
        Assert.Contains("CUDA_ERROR_NOT_FOUND (a sentence of the driver)", Refused(device, misnamed, new LaunchSize(1, 1, 1, 1), new KernelArguments(), "NB0310"));
    }

    [Fact]
    public void Launches_beyond_the_limits_are_refused_with_sizes()
    {
        CudaDevice device = FakeCuda.Devices[0];
        KernelArguments none = new KernelArguments().View(0, 0).View(0, 0).View(0, 0);
        Assert.Contains("2048 work-items; the kernel runs there with at most 1024", Refused(device, Add, new LaunchSize(1, 1, 1, 512, 4), none, "NB0311"));
        Assert.Contains("at most 1024×1024×64", Refused(device, Add, new LaunchSize(1, 1, 1, 2048), none, "NB0311"));
        Assert.Contains("at least one", Refused(device, Add, new LaunchSize(1, 1, 1, 0), none, "NB0311"));
        Assert.Contains("70000 groups along y; the device runs at most 2147483647×65535×65535", Refused(device, Add, new LaunchSize(1, 70_000, 1, 1), none, "NB0311"));
        Assert.Contains("65536 groups along z", Refused(device, Add, new LaunchSize(1, 1, 65_536, 1), none, "NB0311"));
        device.Launch(Add, LaunchSize.Linear(0, 64), none);
        device.Launch(Add, LaunchSize.Linear(1, 64), none);
        device.Synchronize();
    }

    [Fact]
    public void Arguments_that_do_not_fit_are_refused()
    {
        CudaDevice device = FakeCuda.Devices[0];
        KernelProgram scaled = FakeCuda.Kernel("scaled", ["float y"], ["float by"], "if (y_length > 0) y[0] *= by;");
        string Message(KernelArguments arguments) => Refused(device, scaled, new LaunchSize(1, 1, 1, 1), arguments, "NB0311");
        Assert.Contains("2 parameters were given; the kernel has 3", Message(new KernelArguments().View(0, 0)));
        Assert.Contains("argument 1 (8 bytes) does not fit parameter 2, which has 4 bytes", Message(new KernelArguments().View(0, 0).Value(2.0)));
        Assert.Contains("more than 3 parameters", Message(new KernelArguments().View(0, 0).Value(2f).Value(1)));
        Assert.Contains("argument 1 (a view)", Message(new KernelArguments().View(0, 0).View(0, 0)));
    }

    [Fact]
    public void A_transfer_beyond_a_block_is_an_error_with_the_status()
    {
        CudaDevice device = FakeCuda.Devices[0];
        nint x = device.AllocateMemory(64);
        DeviceException error = Assert.Throws<DeviceException>(() => device.Download(x, new byte[1 << 16]));
        Assert.Equal("NB0313", error.Code);
        Assert.Contains("cuMemcpyDtoHAsync: the device reports an error: CUDA_ERROR_INVALID_VALUE", error.Message);
        device.Free(x);
    }

    [Fact]
    public void A_kernel_that_faults_is_reported_by_what_waits_for_it_and_by_all_that_follows()
    {
        CudaDevice device = FakeCuda.Open();
        KernelProgram trap = FakeCuda.Kernel("trap", ["float y"], [], "__trap();");
        nint y = device.AllocateMemory(64);
        device.Launch(trap, new LaunchSize(1, 1, 1, 1), new KernelArguments().View(y, 1));
        try
        {
            foreach (Action next in (Action[])[device.Synchronize, () => device.Fetch<float>(y, 1), () => device.CopyWithin(y, y + 32, 4)])
            {
                DeviceException error = Assert.Throws<DeviceException>(next);
                Assert.Equal("NB0350", error.Code);
                Assert.Contains("CUDA_ERROR_LAUNCH_FAILED", error.Message);
                Assert.Contains("NABLA_DEVICE=emu", error.Message);
            }
            device.Free(y);
        }
        finally
        {
            FakeCuda.Set(FakeCuda.Place.Fault, 0);
        }
    }

    [Fact]
    public void Machine_code_is_kept_on_disk_and_used_by_the_next_device()
    {
        CudaDevice Open() => FakeCuda.Open(new KernelCache(_folder));
        Assert.Equal([4f, 6f], RunAdd(Open(), Add, [1, 2], [3, 4]));
        Assert.Equal([-2f, -2f], RunAdd(Open(), FakeCuda.Add("-"), [1, 2], [3, 4]));
        Assert.Equal(2, Directory.GetFiles(_folder).Length);
        // Seen only if the machine code is what runs: that of a difference under the name of the sum.
        var cache = new KernelCache(_folder);
        cache.Write(Open().CacheKey(Add), cache.Read(Open().CacheKey(FakeCuda.Add("-")))!);
        Assert.Equal([-2f, -2f], RunAdd(Open(), Add, [1, 2], [3, 4]));
        // What the driver refuses is compiled again, and kept.
        cache.Write(Open().CacheKey(Add), new byte[100]);
        Assert.Equal([4f, 6f], RunAdd(Open(), Add, [1, 2], [3, 4]));
        Assert.True(cache.Read(Open().CacheKey(Add))!.Length > 100);
        Assert.NotEqual(Open().CacheKey(Add), FakeCuda.Open(new KernelCache(_folder), info => info with { DriverNumber = 12080 }).CacheKey(Add));
    }

    [Fact]
    public void A_driver_older_than_the_compiler_is_given_PTX_of_the_lowest_version()
    {
        long driver = FakeCuda.Devices.Length > 0 ? FakeCuda.Get(FakeCuda.Place.DriverVersion) : 0;
        FakeCuda.Set(FakeCuda.Place.DriverVersion, 12040);
        try
        {
            CudaDevice Open() => FakeCuda.Open(new KernelCache(_folder), info => info with { DriverNumber = 12040 });
            Assert.Equal([4f, 6f], RunAdd(Open(), Add, [1, 2], [3, 4]));
            string kept = System.Text.Encoding.ASCII.GetString(new KernelCache(_folder).Read(Open().CacheKey(Add))!);
            Assert.StartsWith(".version 7.8\n.target sm_90\n", kept);
            Assert.Equal([4f, 6f], RunAdd(Open(), Add, [1, 2], [3, 4]));
        }
        finally
        {
            FakeCuda.Set(FakeCuda.Place.DriverVersion, driver);
        }
    }

    [Theory]
    [InlineData(61, "5.0")]
    [InlineData(75, "6.3")]
    [InlineData(80, "7.0")]
    [InlineData(90, "7.8")]
    [InlineData(120, "8.7")]
    public void PTX_says_the_version_in_which_its_target_came(int target, string version) =>
        Assert.Equal($"// made by\n.version {version}\n.target sm_{target}\n.version 1.0", CudaPrograms.Lowered($"// made by\n.version 9.0\n.target sm_{target}\n.version 1.0"));

    [Fact]
    public void A_GPU_that_the_compiler_does_not_know_is_given_PTX_for_an_older_one()
    {
        CudaDevice device = FakeCuda.Open(new KernelCache(_folder), info => info with { Architecture = 103 });
        Assert.Equal([4f, 6f], RunAdd(device, Add, [1, 2], [3, 4]));
        Assert.StartsWith(".version 9.0\n.target sm_90\n", System.Text.Encoding.ASCII.GetString(new KernelCache(_folder).Read(device.CacheKey(Add))!));
    }
}

/// <summary>One test at a time changes the switches of the stand-in.</summary>
[CollectionDefinition(nameof(FakeCuda))]
public sealed class FakeCudaCollection;
