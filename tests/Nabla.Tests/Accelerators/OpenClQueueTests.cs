using System.Runtime.InteropServices;
using Nabla.Kernels;
using Nabla.Kernels.OpenCl;

namespace Nabla.Tests.Accelerators;

/// <summary>What is queued runs in order, whatever the host does meanwhile, and leaves nothing behind.</summary>
[Collection(nameof(Tensors.MemoryTestsRunAlone))]
public sealed class OpenClQueueTests
{
    // Long enough that the host is done with its part before the device is.
    private static readonly KernelProgram Slow = OpenClTexts.Kernel("slow", ["float x", "float y"], ["int rounds"], """
        float value = x[0];
            for (int i = 0; i < rounds; i++) value = sin(value) + 1;
            y[get_global_id(0)] = x[get_global_id(0)] + (value > 5 ? 1 : 0);
        """);

    private static readonly KernelProgram Add = OpenClTexts.Add();

    [Fact]
    public void Memory_given_back_lives_until_the_work_that_uses_it_is_done()
    {
        OpenClDevice device = OpenClTexts.Device;
        int before = device.MemoryObjects;
        nint x = device.Place<float>(7, 8), y = device.AllocateMemory(64), z = device.AllocateMemory(64);
        device.Launch(Slow, new LaunchSize(1, 1, 1, 2), new KernelArguments().View(x, 2).View(y, 2).Value(3_000_000));
        device.Launch(Add, new LaunchSize(1, 1, 1, 2), new KernelArguments().View(y, 2).View(x, 2).View(z, 2));
        device.Free(x, y);
        nint[] others = [.. Enumerable.Range(0, 50).Select(i => device.Place<float>(100, 100))];
        Assert.Equal([14f, 16f], device.Fetch<float>(z, 2));
        device.Free([z, .. others]);
        Assert.Equal(before, device.MemoryObjects);
    }

    [Fact]
    public void The_source_of_an_upload_may_be_used_again_at_once()
    {
        OpenClDevice device = OpenClTexts.Device;
        nint x = device.Place<float>(1, 2), y = device.AllocateMemory(64);
        device.Launch(Slow, new LaunchSize(1, 1, 1, 2), new KernelArguments().View(x, 2).View(y, 2).Value(1_000_000));
        // More than the staging memory holds, and one block too large for it.
        float[] source = new float[10_000], large = new float[100_000];
        nint[] targets = [.. Enumerable.Range(0, 100).Select(i => device.AllocateMemory(40_000))];
        nint big = device.AllocateMemory(400_000);
        for (int i = 0; i < targets.Length; i++)
        {
            source.AsSpan().Fill(i);
            device.Upload(MemoryMarshal.AsBytes(source.AsSpan()), targets[i]);
        }
        large.AsSpan().Fill(-1);
        device.Upload(MemoryMarshal.AsBytes(large.AsSpan()), big);
        large.AsSpan().Fill(-2);
        for (int i = 0; i < targets.Length; i++) Assert.All(device.Fetch<float>(targets[i], 10_000), value => Assert.Equal(i, value));
        Assert.All(device.Fetch<float>(big, 100_000), value => Assert.Equal(-1, value));
        device.Free([x, y, big, .. targets]);
    }

    [Fact]
    public void Several_threads_launch_one_kernel_with_arguments_of_their_own()
    {
        OpenClDevice device = OpenClTexts.Device;
        float[][] results = new float[4][];
        Thread[] threads = [.. Enumerable.Range(0, results.Length).Select(t => new Thread(() =>
        {
            // sum += step, 500 times: a launch with another thread's arguments would show.
            nint step = device.Place<float>(t + 1), sum = device.Place<float>(0);
            var arguments = new KernelArguments();
            for (int i = 0; i < 500; i++) device.Launch(Add, new LaunchSize(1, 1, 1, 1), arguments.Clear().View(sum, 1).View(step, 1).View(sum, 1));
            results[t] = device.Fetch<float>(sum, 1);
            device.Free(step, sum);
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Equal([500f, 1000f, 1500f, 2000f], results.Select(r => r[0]));
    }

    [Fact]
    public void A_hundred_thousand_launches_leave_no_memory_behind_and_allocate_nothing()
    {
        OpenClDevice device = OpenClTexts.Device;
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
        Run(10_000);
        int objects = device.MemoryObjects;
        long resident = Environment.WorkingSet, managed = GC.GetAllocatedBytesForCurrentThread();
        Run(100_000);
        Assert.Equal(objects, device.MemoryObjects);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - managed, 0, 10_000);
        Assert.InRange(Environment.WorkingSet - resident, long.MinValue, 16L << 20);
        Assert.Equal([110_000f], device.Fetch<float>(sum, 1));
        device.Free(one, sum);
    }
}
