namespace Nabla.Experiments.Measure;

/// <summary>
/// D(k) of several trainings (one a seed) at every step, and what follows from it: when each frequency was learned. Step t is the state after t updates.
/// </summary>
public sealed class FrequencyTrace
{
    private readonly FrequencyError _error;
    private readonly int _runs;
    private readonly List<double[]> _outputs = [];
    private readonly List<double[][]> _errors = [];

    /// <summary>A trace before the first step.</summary>
    /// <param name="error">Target and frequencies.</param>
    /// <param name="runs">How many trainings there are.</param>
    public FrequencyTrace(FrequencyError error, int runs) => (_error, _runs) = (error, runs);

    /// <summary>The threshold under which a frequency counts as learned.</summary>
    public const double Threshold = 0.2;

    /// <summary>How many trainings there are.</summary>
    public int Runs => _runs;

    /// <summary>The frequencies.</summary>
    public IReadOnlyList<int> Frequencies => _error.Frequencies;

    /// <summary>How many steps were recorded.</summary>
    public int Steps => _outputs.Count;

    /// <summary>Records the functions at the next step. Shape: [runs, N], row-major.</summary>
    public void Record(double[] outputs)
    {
        int n = outputs.Length / _runs;
        _outputs.Add(outputs);
        _errors.Add([.. Enumerable.Range(0, _runs).Select(run => _error.Of(outputs.AsSpan(run * n, n)))]);
    }

    /// <summary>The function of a run at a step, on the grid.</summary>
    public double[] Output(int run, int step)
    {
        int n = _outputs[step].Length / _runs;
        return _outputs[step][(run * n)..((run + 1) * n)];
    }

    /// <summary>D(k) of a run at a step.</summary>
    public double Error(int run, int frequency, int step) => _errors[step][run][IndexOf(frequency)];

    /// <summary>The median over the runs of D(k) at a step.</summary>
    public double Median(int frequency, int step)
    {
        int at = IndexOf(frequency);
        return Statistics.Median(Array.ConvertAll(_errors[step], e => e[at]));
    }

    /// <summary>t_k: the first step of a run with D(k) below the threshold; −1 if there is none.</summary>
    public int FirstBelow(int run, int frequency, double threshold = Threshold)
    {
        int at = IndexOf(frequency);
        return _errors.FindIndex(e => e[run][at] < threshold);
    }

    /// <summary>t_later ÷ t_earlier of a run: NaN, which fails every check, if one of the two was not learned.</summary>
    public double Ratio(int run, int later, int earlier)
    {
        (int a, int b) = (FirstBelow(run, later), FirstBelow(run, earlier));
        return a < 0 || b < 0 ? double.NaN : (double)a / b;
    }

    /// <summary>True once every run has learned every one of the given frequencies.</summary>
    public bool Learned(ReadOnlySpan<int> frequencies)
    {
        foreach (int k in frequencies)
            for (int run = 0; run < _runs; run++)
                if (FirstBelow(run, k) < 0) return false;
        return true;
    }

    private int IndexOf(int frequency)
    {
        for (int i = 0; i < Frequencies.Count; i++)
            if (Frequencies[i] == frequency) return i;
        throw new ArgumentException($"Frequency {frequency} is not among those recorded: {string.Join(' ', Frequencies)}.", nameof(frequency));
    }
}
