using System.Diagnostics;
using System.Globalization;
using Nabla.Kernels;
using Nabla.Kernels.Cuda;

namespace Nabla.Bench;

/// <summary>A run of groups of the table of GPUs: the device, its roofs, the other contestants, and how rows are made.</summary>
internal sealed class GpuRun : IDisposable
{
    // Beyond this the rest of a group is left out, so that a run ends.
    private const int SecondsPerGroup = 200;

    private readonly Report _report;
    private readonly Lazy<DeviceRoof> _roof;
    private readonly Lazy<Torch?> _torch;
    private readonly Stopwatch _watch = new();
    private bool _torchEnded;
    private readonly List<string> _missing = [];
    private string _group = "";
    private Table? _table;

    /// <summary>Opens the device and NVIDIA's libraries beside it.</summary>
    public GpuRun(Report report, Accelerator device, bool isQuick)
    {
        (_report, Device, IsQuick) = (report, device, isQuick);
        _roof = new(() => DeviceRoof.Of(device));
        _torch = new(FindTorch);
        if (device is not CudaDevice cuda || !report.Options.Peers) return;
        Cublas = Opened("cuBLAS", "NABLA_CUBLAS", () => Cublas.Open(cuda));
        Cusolver = Opened("cuSOLVER", "NABLA_CUSOLVER", () => Cusolver.Open(cuda));
        if (Cublas is not null) report.Uses(Cublas.Version);
        if (Cusolver is not null) report.Uses(Cusolver.Version);
    }

    /// <summary>What is measured.</summary>
    public Accelerator Device { get; }

    /// <summary>Small sizes, for devices on which the table would take hours.</summary>
    public bool IsQuick { get; }

    /// <summary>Products by NVIDIA; null if there are none.</summary>
    public Cublas? Cublas { get; }

    /// <summary>Factorisations by NVIDIA; null if there are none.</summary>
    public Cusolver? Cusolver { get; }

    /// <summary>What the device can do at most, measured once.</summary>
    public DeviceRoof Roof => _roof.Value;

    /// <summary>PyTorch; null if there is none, or no longer.</summary>
    public Torch? Torch => _torchEnded ? null : _torch.Value;

    /// <summary>A group begins.</summary>
    public void Start(string group)
    {
        _group = group;
        _watch.Restart();
    }

    /// <summary>The table of the group.</summary>
    public Table Table(params string[] columns) => _table = _report.Table($"gpu-{_group}", columns);

    /// <summary>A group ends: what it was measured on.</summary>
    public void End()
    {
        _table!.Note(string.Create(CultureInfo.InvariantCulture,
            $"{Device.Name}: {Device.Description}; its roofs: f32 {Roof.FlopsF32 / 1e12:G3} TFLOP/s, f64 {Roof.FlopsF64 / 1e12:G3} TFLOP/s, copy {Roof.Bytes / 1e9:G3} GB/s read + write. {GpuBench.Clocks()}"));
        if (!_report.Options.Peers) return;
        foreach (string missing in _missing) _table.Note(missing);
        if (_torch.IsValueCreated && Torch is not null && Torch.Values("[1 if device == 'cuda' else 0]")[0] == 0) _table.Note("This PyTorch has no GPU: its figures are of the CPU.");
    }

    /// <summary>Makes a row; what goes wrong is a remark, and the run fails in the end.</summary>
    public void Row(string what, Action row)
    {
        if (_watch.Elapsed.TotalSeconds > SecondsPerGroup)
        {
            _table!.Note($"{what}: not measured, since the group had taken {SecondsPerGroup} s.");
            return;
        }
        try
        {
            row();
        }
        catch (Exception e) when (e is NablaException or PeerException or IOException or InvalidDataException or InvalidOperationException or OutOfMemoryException or EntryPointNotFoundException)
        {
            _torchEnded |= e is IOException;
            _report.HasFailed = true;
            _table!.Note($"{what}: FAILED: {e.Message.ReplaceLineEndings(" ")}");
        }
        // What a row held is freed before the next one needs memory.
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    /// <summary>Statements for PyTorch; false, and a remark, if it cannot do them or is not there.</summary>
    public bool Prepare(string what, string statements)
    {
        if (Torch is not { } torch) return false;
        return Ask(what, () => torch.Do(statements));
    }

    /// <summary>Numbers of PyTorch; null, and a remark, if it has none.</summary>
    public double[]? Values(string what, string expression)
    {
        double[]? values = null;
        return Torch is { } torch && Ask(what, () => values = torch.Values(expression)) ? values : null;
    }

    /// <summary>Times contestants that take turns on the device; what is null is left out.</summary>
    public (Timing Ours, Timing? Library, Timing?[] Torch) Race(string what, Action ours, Action? library, params string?[] torch)
    {
        var samplers = new List<Func<double[]>> { Timing.Sampler(ours, Device.Synchronize) };
        if (library is not null) samplers.Add(Timing.Sampler(library, Device.Synchronize));
        int[] places = new int[torch.Length];
        for (int i = 0; i < torch.Length; i++)
        {
            Func<double[]>? sampler = null;
            if (torch[i] is { } statement && Torch is { } peer && Ask(what, () => sampler = peer.Sampler(statement))) samplers.Add(sampler!);
            places[i] = sampler is null ? -1 : samplers.Count - 1;
        }
        Timing[] times = Timing.InTurns([.. samplers]);
        return (times[0], library is null ? null : times[1], Array.ConvertAll(places, place => place < 0 ? (Timing?)null : times[place]));
    }

    /// <summary>The fastest of those that were measured.</summary>
    public static Timing? Best(params IEnumerable<Timing?> times) => times.Where(time => time is not null).MinBy(time => time!.Value.Median);

    /// <inheritdoc/>
    public void Dispose()
    {
        Cublas?.Dispose();
        Cusolver?.Dispose();
        if (_torch.IsValueCreated) _torch.Value?.Dispose();
    }

    // A library that is there but does not work is as good as none.
    private T? Opened<T>(string name, string variable, Func<T?> open) where T : class
    {
        string reason = $"not found; {variable} names its file";
        try
        {
            if (open() is { } library) return library;
        }
        catch (Exception e) when (e is InvalidOperationException or EntryPointNotFoundException)
        {
            reason = e.Message;
        }
        _missing.Add($"{name}: {reason}.");
        return null;
    }

    private bool Ask(string what, Action question)
    {
        try
        {
            question();
            return true;
        }
        catch (Exception e) when (e is PeerException or IOException or InvalidDataException)
        {
            _torchEnded |= e is not PeerException;
            _table!.Note($"{what}, PyTorch: {e.Message}");
            return false;
        }
    }

    private Torch? FindTorch()
    {
        Torch? torch = Torch.Find(_report, _table!);
        torch?.Do("device = 'cuda' if torch.cuda.is_available() else 'cpu'\ntorch.backends.cuda.matmul.allow_tf32 = False");
        return torch;
    }
}
