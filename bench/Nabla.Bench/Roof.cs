using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>What the machine can do at most, measured beside every figure: multiply-adds from registers, and copying memory.</summary>
internal static class Roof
{
    private const int Steps = 20_000;
    private const int Chains = 12;

    /// <summary>flop/s of independent fused multiply-adds in registers, on this many threads.</summary>
    public static double Flops<T>(int threads) where T : unmanaged, INumber<T>
    {
        int previous = Workers.Count;
        Workers.Count = threads;
        var job = new FmaJob<T>();
        Timing timing = Timing.Of(() => Workers.Run(ref job, threads));
        Workers.Count = previous;
        int lanes = (Vector512.IsHardwareAccelerated ? 64 : 32) / Unsafe.SizeOf<T>();
        return 2.0 * Chains * lanes * Steps * threads / timing.P10;
    }

    /// <summary>The same from one look of about a millisecond: a share of it says more about a machine whose clock and neighbours change.</summary>
    public static double FlopsNow<T>(int threads) where T : unmanaged, INumber<T>
    {
        const int looks = 10;
        var job = new FmaJob<T>();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < looks; i++) Workers.Run(ref job, threads);
        int lanes = (Vector512.IsHardwareAccelerated ? 64 : 32) / Unsafe.SizeOf<T>();
        return 2.0 * Chains * lanes * Steps * threads * looks / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Bytes/s read and written by copying 64 MB.</summary>
    public static double CopyBandwidth()
    {
        var source = new byte[64 << 20];
        var target = new byte[source.Length];
        return 2.0 * source.Length / Timing.Of(() => source.CopyTo(target, 0)).Median;
    }

    /// <summary>All of them: GFLOP/s and GB/s.</summary>
    public static (string Name, double Value)[] All() =>
    [
        .. new[] { 1, Environment.ProcessorCount }.Distinct().SelectMany(threads => new[]
        {
            ($"f32 GFLOP/s on {threads}", Flops<float>(threads) / 1e9), ($"f64 GFLOP/s on {threads}", Flops<double>(threads) / 1e9),
        }),
        ("copy GB/s (read + write)", CopyBandwidth() / 1e9),
    ];

    /// <summary>Prints the table.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("roof", "roof", "measured");
        foreach ((string name, double value) in All()) table.Row(name, Cell.Number(value));
    }

    private struct FmaJob<T> : IParallelJob where T : unmanaged, INumber<T>
    {
        private Vector512<byte> _sink;

        public void Run(int part)
        {
            if (typeof(T) == typeof(float)) Chain<float>(1.0001f);
            else Chain<double>(1.0001);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Chain<U>(U start) where U : unmanaged, INumber<U>
        {
            if (Vector512.IsHardwareAccelerated)
            {
                Vector512<U> x = Vector512.Create(start), y = x - Vector512<U>.One;
                Vector512<U> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
                for (int step = 0; step < Steps; step++)
                {
                    a = Fma(a, y, x); b = Fma(b, y, x); c = Fma(c, y, x); d = Fma(d, y, x);
                    e = Fma(e, y, x); f = Fma(f, y, x); g = Fma(g, y, x); h = Fma(h, y, x);
                    i = Fma(i, y, x); j = Fma(j, y, x); k = Fma(k, y, x); l = Fma(l, y, x);
                }
                _sink = (a + b + c + d + e + f + g + h + i + j + k + l).AsByte();
            }
            else
            {
                Vector256<U> x = Vector256.Create(start), y = x - Vector256<U>.One;
                Vector256<U> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
                for (int step = 0; step < Steps; step++)
                {
                    a = Fma(a, y, x); b = Fma(b, y, x); c = Fma(c, y, x); d = Fma(d, y, x);
                    e = Fma(e, y, x); f = Fma(f, y, x); g = Fma(g, y, x); h = Fma(h, y, x);
                    i = Fma(i, y, x); j = Fma(j, y, x); k = Fma(k, y, x); l = Fma(l, y, x);
                }
                _sink = (a + b + c + d + e + f + g + h + i + j + k + l).ToVector512().AsByte();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<U> Fma<U>(Vector512<U> x, Vector512<U> y, Vector512<U> z) => typeof(U) == typeof(float)
            ? Vector512.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, U>()
            : Vector512.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, U>();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<U> Fma<U>(Vector256<U> x, Vector256<U> y, Vector256<U> z) => typeof(U) == typeof(float)
            ? Vector256.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, U>()
            : Vector256.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, U>();
    }
}
