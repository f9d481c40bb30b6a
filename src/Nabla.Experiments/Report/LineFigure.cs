namespace Nabla.Experiments.Report;

/// <summary>The region between two curves over the x of its series.</summary>
/// <param name="Low">Lower curve.</param>
/// <param name="High">Upper curve.</param>
/// <param name="Label">What the region is, for the legend.</param>
public sealed record Band(double[] Low, double[] High, string Label = "10–90 %");

/// <summary>One curve: y over x. Values that are not finite leave a gap.</summary>
/// <param name="Name">Name in the legend.</param>
/// <param name="X">Abscissae; need not be sorted (a trajectory in a plane is a series too).</param>
/// <param name="Y">Ordinates, as many as abscissae.</param>
public sealed record Series(string Name, double[] X, double[] Y)
{
    /// <summary>A region around the curve.</summary>
    public Band? Band { get; init; }

    /// <summary>Single runs (seeds), each as long as <see cref="X"/>, drawn as thin lines of the same colour.</summary>
    public double[][] Seeds { get; init; } = [];

    /// <summary>Dash pattern.</summary>
    public LineDash Dash { get; init; } = LineDash.Solid;

    /// <summary>Marker shape.</summary>
    public MarkerShape Marker { get; init; } = MarkerShape.Auto;

    /// <summary>False: points only.</summary>
    public bool Line { get; init; } = true;

    /// <summary>True: a prediction, drawn as a black (white on dark) dashed line above everything measured.</summary>
    public bool IsTheory { get; init; }

    /// <summary>A prediction.</summary>
    public static Series Theory(string name, double[] x, double[] y) => new(name, x, y) { IsTheory = true };

    /// <summary>Measured points without a line.</summary>
    public static Series Points(string name, double[] x, double[] y) => new(name, x, y) { Line = false };

    /// <summary>
    /// Median over seeds with the band from the 10th to the 90th percentile and every seed as a thin line. NaNs are left out of the
    /// statistics position by position. <c>Shape:</c> seeds [seeds][steps], x [steps].
    /// </summary>
    public static Series FromSeeds(string name, double[] x, double[][] seeds)
    {
        var median = new double[x.Length];
        var low = new double[x.Length];
        var high = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            double[] column = [.. seeds.Where(s => i < s.Length).Select(s => s[i]).Where(v => !double.IsNaN(v)).Order()];
            low[i] = Quantile(column, 0.1);
            median[i] = Quantile(column, 0.5);
            high[i] = Quantile(column, 0.9);
        }

        return new Series(name, x, median) { Band = new Band(low, high), Seeds = seeds };
    }

    /// <summary>The same from a rectangular array. <c>Shape:</c> seeds [seeds, steps], x [steps].</summary>
    public static Series FromSeeds(string name, double[] x, double[,] seeds)
    {
        var rows = new double[seeds.GetLength(0)][];
        for (var s = 0; s < rows.Length; s++)
        {
            rows[s] = new double[seeds.GetLength(1)];
            for (var i = 0; i < rows[s].Length; i++) rows[s][i] = seeds[s, i];
        }

        return FromSeeds(name, x, rows);
    }

    /// <summary>Quantile of sorted values by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996); NaN when empty.</summary>
    internal static double Quantile(double[] sorted, double p)
    {
        if (sorted.Length == 0) return double.NaN;
        var position = p * (sorted.Length - 1);
        var below = (int)Math.Floor(position);
        var fraction = position - below;
        if (fraction == 0 || sorted[below] == sorted[below + 1]) return sorted[below];
        return sorted[below] + fraction * (sorted[below + 1] - sorted[below]);
    }
}

/// <summary>Curves over a common x axis.</summary>
/// <param name="Title">Short heading.</param>
/// <param name="X">Horizontal axis.</param>
/// <param name="Y">Vertical axis.</param>
/// <param name="Series">The curves, in the order of the legend.</param>
public sealed record LineFigure(string Title, Axis X, Axis Y, params Series[] Series) : Figure(Title)
{
    /// <summary>Straight lines across the plot.</summary>
    public ReferenceLine[] References { get; init; } = [];

    internal override void Validate()
    {
        foreach (var s in Series)
        {
            RequireLength($"y of series '{s.Name}'", s.Y, s.X.Length);
            if (s.Band is { } band)
            {
                RequireLength($"lower band of series '{s.Name}'", band.Low, s.X.Length);
                RequireLength($"upper band of series '{s.Name}'", band.High, s.X.Length);
            }

            foreach (var seed in s.Seeds) RequireLength($"a seed of series '{s.Name}'", seed, s.X.Length);
        }
    }

    internal override (double Width, double Height) NaturalSize() => (680, 420);

    internal override void Draw(SvgWriter svg, double width, double height) => LinePlot.Draw(this, svg, width, height);

    internal override string Summary() =>
        $"Line plot of {Y.Caption} over {X.Caption}: {string.Join(", ", Series.Select(s => s.Name))}.";

    internal override CsvTable Table() => new(["kind", "series", "seed", "x", "y", "low", "high"], Rows());

    private IEnumerable<string[]> Rows()
    {
        foreach (var s in Series)
        {
            var kind = s.IsTheory ? "theory" : "series";
            for (var i = 0; i < s.X.Length; i++)
            {
                yield return [kind, s.Name, "", CsvTable.Number(s.X[i]), CsvTable.Number(s.Y[i]),
                    s.Band is null ? "" : CsvTable.Number(s.Band.Low[i]), s.Band is null ? "" : CsvTable.Number(s.Band.High[i])];
            }

            for (var seed = 0; seed < s.Seeds.Length; seed++)
            {
                for (var i = 0; i < s.X.Length; i++)
                    yield return ["seed", s.Name, $"{seed}", CsvTable.Number(s.X[i]), CsvTable.Number(s.Seeds[seed][i]), "", ""];
            }
        }

        foreach (var r in References) yield return CsvTable.Reference(r);
    }
}
