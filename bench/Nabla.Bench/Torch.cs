using System.Text.Json;

namespace Nabla.Bench;

/// <summary>
/// PyTorch in a process of its own (<c>bench/peers/torch_run.py</c>), which runs the Python statements that stand beside ours in the benchmarks and times them
/// when it is its turn. If its products are OpenBLAS', they run with the kernels of SkylakeX where the machine has AVX-512: what OpenBLAS chooses itself can be
/// several times slower.
/// </summary>
internal sealed class Torch : IDisposable
{
    private readonly Peer _peer;

    private Torch(Peer peer) => _peer = peer;

    /// <summary>Starts it if peers are asked for; null, and a note in the table, if there is none.</summary>
    public static Torch? Find(Report report, Table table)
    {
        if (!report.Options.Peers) return null;
        try
        {
            Peer peer = System.Runtime.Intrinsics.X86.Avx512F.IsSupported
                ? Peer.Start(report.Options.Python, "torch_run.py", ("OPENBLAS_CORETYPE", "SkylakeX")) : Peer.Start(report.Options.Python, "torch_run.py");
            report.Uses(peer.ReadLine());
            return new Torch(peer);
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidDataException)
        {
        }
        table.Note($"PyTorch: not run; {report.Options.Python} does not have it. Name another python with `--python`.");
        return null;
    }

    /// <summary>Runs statements; their names stay.</summary>
    public void Do(string statements) => Ask("do", statements);

    /// <summary>The numbers of a Python list.</summary>
    public double[] Values(string expression) => Ask("values", expression);

    /// <summary>A contestant that runs a statement; warmed up now.</summary>
    public Func<double[]> Sampler(string statement)
    {
        Ask("warm", statement);
        return () => _peer.Turn(Text("time", statement));
    }

    /// <inheritdoc/>
    public void Dispose() => _peer.Dispose();

    private double[] Ask(string what, string code) => _peer.Request(Text(what, code));

    private static string Text(string what, string code) => JsonSerializer.Serialize(new { what, code });
}
