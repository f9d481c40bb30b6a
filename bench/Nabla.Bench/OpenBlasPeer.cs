using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Nabla.Bench;

/// <summary>One prepared call of a peer, and numbers of its result that can be compared with ours.</summary>
internal sealed record PeerWork(Action Run, double[] Check);

/// <summary>
/// OpenBLAS as a contestant: this program again, in a process of its own, with the system's <c>libopenblas.so.0</c>. Line protocol: first its kernels'
/// name; then <c>NAME ARGUMENTS</c> prepares a call, runs it once and answers numbers of the result; an empty line times a batch of
/// calls of at least 2 ms and answers seconds per call; <c>threads N</c> sets and answers the number of threads.
/// </summary>
internal static partial class OpenBlasPeer
{
    /// <summary>The verb under which this program is the peer.</summary>
    public const string Verb = "openblas-peer";

    private const string Library = "libopenblas.so.0";
    private const double SecondsPerBatch = 0.002;
    private const double WarmUpSeconds = 0.05;

    private static readonly List<nint> Held = [];

    /// <summary>What can be asked for. Arguments: see each.</summary>
    private static readonly Dictionary<string, Func<string[], PeerWork>> Requests = new()
    {
        ["gemm"] = OpenBlasProducts.Gemm,
        ["syrk"] = OpenBlasProducts.Syrk,
        ["lapack"] = OpenBlasLapack.Prepare,
    };

    /// <summary>
    /// The peers of this machine: with the kernels of SkylakeX where it has AVX-512, and with those that OpenBLAS chooses itself. Says so and
    /// returns none where the library is missing.
    /// </summary>
    public static List<(string Name, Peer Peer)> StartAll()
    {
        List<(string Name, Peer Peer)> peers = [];
        if (!NativeLibrary.TryLoad(Library, out _))
        {
            Console.WriteLine("OpenBLAS: not installed");
            return peers;
        }
        if (System.Runtime.Intrinsics.X86.Avx512F.IsSupported) Add(Peer.StartSelf(Verb, ("OPENBLAS_CORETYPE", "SkylakeX")));
        Add(Peer.StartSelf(Verb));
        return peers;

        void Add(Peer peer)
        {
            string name = peer.ReadLine();
            if (peers.Exists(p => p.Name == name)) peer.Dispose();
            else peers.Add((name, peer));
        }
    }

    /// <summary>Seconds of one call, by the peer's own watch; afterwards its threads sleep.</summary>
    public static double Time(Peer peer) => peer.Turn("")[0];

    /// <summary>Answers requests until the input ends.</summary>
    public static int Serve()
    {
        Console.WriteLine($"OpenBLAS {Text(GetCoreName())}");
        Action? run = null;
        int batch = 1;
        while (Console.ReadLine() is { } line)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0) Answer([SecondsPerCall(run!, batch)]);
            else if (words[0] == "threads")
            {
                SetThreads(int.Parse(words[1], CultureInfo.InvariantCulture));
                Answer([GetThreads()]);
            }
            else
            {
                Release();
                PeerWork work = Requests[words[0]](words[1..]);
                run = work.Run;
                batch = Math.Max(1, (int)(SecondsPerBatch / WarmUp(run)));
                Answer(work.Check);
            }
        }
        return 0;
    }

    /// <summary>Memory for operands, which stays until the next request.</summary>
    public static unsafe T* Allocate<T>(long count) where T : unmanaged
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)(count * sizeof(T)), 64);
        Held.Add((nint)memory);
        return (T*)memory;
    }

    private static unsafe void Release()
    {
        foreach (nint memory in Held) NativeMemory.AlignedFree((void*)memory);
        Held.Clear();
    }

    private static double WarmUp(Action run)
    {
        var watch = Stopwatch.StartNew();
        int calls = 0;
        for (; calls < 3 || watch.Elapsed.TotalSeconds < WarmUpSeconds; calls++) run();
        return watch.Elapsed.TotalSeconds / calls;
    }

    private static double SecondsPerCall(Action run, int calls)
    {
        run();
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < calls; i++) run();
        return watch.Elapsed.TotalSeconds / calls;
    }

    private static void Answer(double[] numbers) => Console.WriteLine(string.Join(' ', numbers.Select(x => x.ToString("R", CultureInfo.InvariantCulture))));

    private static string Text(nint address) => Marshal.PtrToStringUTF8(address) ?? "";

    [LibraryImport(Library, EntryPoint = "openblas_get_corename")]
    private static partial nint GetCoreName();

    [LibraryImport(Library, EntryPoint = "openblas_set_num_threads")]
    private static partial void SetThreads(int count);

    [LibraryImport(Library, EntryPoint = "openblas_get_num_threads")]
    private static partial int GetThreads();
}
