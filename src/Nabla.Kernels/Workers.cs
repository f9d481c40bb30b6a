using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Nabla.Kernels;

/// <summary>One parallel region: <see cref="Run"/> is called once for each part, on any thread, in any order.</summary>
public interface IParallelJob
{
    /// <summary>Does part <paramref name="part"/>; the parts must write disjoint memory.</summary>
    void Run(int part);
}

/// <summary>
/// The threads that kernels share. A region costs no allocation; workers spin briefly for the next one, then park. What is computed
/// must not depend on the number of threads: cut work into parts by its size alone.
/// </summary>
/// <remarks>
/// One 64-bit ticket says it all: its upper half is the number of the region, its lower half the next unclaimed part. A worker
/// that comes late cannot claim a part of a region it has not read, because its compare-and-swap names the region.
/// </remarks>
public static unsafe class Workers
{
    private const int SpinsBeforeParking = 4000;

    private static readonly Lock Gate = new();
    private static readonly SemaphoreSlim Wake = new(0);
    private static int _count = InitialCount();
    private static int _threads;
    private static int _parked;

    // The region in progress: written before the ticket that announces it.
    private static delegate*<void*, int, void> _body;
    private static void* _job;
    private static int _parts;
    private static int _remaining;
    private static Exception? _failure;
    private static long _ticket;

    [ThreadStatic]
    private static bool _inside;

    /// <summary>Threads that take part in a region, the caller's included. Starts as <c>NABLA_THREADS</c>, or all processors.</summary>
    public static int Count
    {
        get => _count;
        set => _count = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least one thread.");
    }

    /// <summary>
    /// Runs all parts of a job and returns when they are done. Inside another region, or while another thread has one in progress, the
    /// parts run one after another on the caller's thread. The first exception of a part is thrown again here.
    /// </summary>
    public static void Run<TJob>(ref TJob job, int parts) where TJob : struct, IParallelJob
    {
        if (parts <= 1 || _count == 1 || _inside || !Gate.TryEnter())
        {
            for (int part = 0; part < parts; part++) job.Run(part);
            return;
        }
        _inside = true;
        try
        {
            Announce(&Invoke<TJob>, Unsafe.AsPointer(ref job), parts);
            Work(RegionOf(_ticket));
            var spinner = new SpinWait();
            while (Volatile.Read(ref _remaining) > 0) spinner.SpinOnce(sleep1Threshold: -1);
            if (_failure is { } failure) ExceptionDispatchInfo.Throw(failure);
        }
        finally
        {
            _inside = false;
            Gate.Exit();
        }
    }

    private static void Invoke<TJob>(void* job, int part) where TJob : struct, IParallelJob => Unsafe.AsRef<TJob>(job).Run(part);

    private static long RegionOf(long ticket) => ticket >> 32;

    private static void Announce(delegate*<void*, int, void> body, void* job, int parts)
    {
        for (; _threads < _count - 1; _threads++)
            new Thread(Loop) { IsBackground = true, Name = $"nabla-{_threads + 1}" }.Start(_threads + 1);
        // A number without parts first: a worker still looking at the last region must not claim parts of this one in its name.
        long region = RegionOf(_ticket);
        Interlocked.Exchange(ref _ticket, ((region + 1) << 32) | int.MaxValue);
        _body = body;
        _job = job;
        (_parts, _remaining, _failure) = (parts, parts, null);
        Interlocked.Exchange(ref _ticket, (region + 2) << 32);
        int parked = Interlocked.Exchange(ref _parked, 0);
        if (parked > 0) Wake.Release(parked);
    }

    private static void Loop(object? number)
    {
        _inside = true;
        long seen = 0;
        while (true)
        {
            seen = WaitForRegionAfter(seen);
            if ((int)number! < _count) Work(seen);
        }
    }

    private static long WaitForRegionAfter(long seen)
    {
        while (true)
        {
            for (int i = 0; i < SpinsBeforeParking; i++)
            {
                long region = RegionOf(Volatile.Read(ref _ticket));
                if (region != seen) return region;
                Thread.SpinWait(8);
            }
            Interlocked.Increment(ref _parked);
            if (RegionOf(Volatile.Read(ref _ticket)) == seen || !Withdraw()) Wake.Wait();
        }
    }

    // Takes back one announced parking, unless the wake-up for it is already on its way.
    private static bool Withdraw()
    {
        while (true)
        {
            int parked = Volatile.Read(ref _parked);
            if (parked == 0) return false;
            if (Interlocked.CompareExchange(ref _parked, parked - 1, parked) == parked) return true;
        }
    }

    private static void Work(long region)
    {
        delegate*<void*, int, void> body = _body;
        void* job = _job;
        int parts = _parts;
        while (true)
        {
            long ticket = Volatile.Read(ref _ticket);
            int part = (int)ticket;
            if (RegionOf(ticket) != region || part >= parts) return;
            if (Interlocked.CompareExchange(ref _ticket, ticket + 1, ticket) != ticket) continue;
            try
            {
                body(job, part);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref _failure, failure, null);
            }
            Interlocked.Decrement(ref _remaining);
        }
    }

    private static int InitialCount() =>
        int.TryParse(Environment.GetEnvironmentVariable("NABLA_THREADS"), out int n) && n >= 1 ? n : Environment.ProcessorCount;
}
