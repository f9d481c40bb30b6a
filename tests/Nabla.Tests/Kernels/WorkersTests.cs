using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class WorkersTests
{
    private struct CountingJob(int[] visits) : IParallelJob
    {
        public readonly void Run(int part) => Interlocked.Increment(ref visits[part]);
    }

    private struct FailingJob : IParallelJob
    {
        public readonly void Run(int part)
        {
            if (part == 3) throw new InvalidDataException("part 3");
        }
    }

    [Fact]
    public void Every_part_runs_exactly_once_in_each_of_many_regions()
    {
        for (int region = 0; region < 20_000; region++)
        {
            var visits = new int[region % 7 + 1];
            var job = new CountingJob(visits);
            Workers.Run(ref job, visits.Length);
            Assert.All(visits, v => Assert.Equal(1, v));
        }
    }

    [Fact]
    public void A_failure_of_a_part_reaches_the_caller_and_the_pool_goes_on()
    {
        var failing = new FailingJob();
        Assert.Throws<InvalidDataException>(() => Workers.Run(ref failing, 8));
        var visits = new int[8];
        var job = new CountingJob(visits);
        Workers.Run(ref job, visits.Length);
        Assert.All(visits, v => Assert.Equal(1, v));
    }

    [Fact]
    public void A_region_allocates_nothing()
    {
        var visits = new int[4];
        var job = new CountingJob(visits);
        for (int i = 0; i < 100; i++) Workers.Run(ref job, 4);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Workers.Run(ref job, 4);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
