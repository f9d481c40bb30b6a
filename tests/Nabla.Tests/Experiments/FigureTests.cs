using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Nabla.Experiments;
using Nabla.Experiments.Report;

namespace Nabla.Tests.Experiments;

public sealed class FigureTests
{
    private const string Hostile = "</svg><script>alert('x')</script> & \"q\" \0 \uD800";
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static readonly double[] Steps = [0, 1, 2, 3];

    public static TheoryData<string> Kinds => [.. All("t").Keys];

    private static Dictionary<string, Figure> All(string t)
    {
        var line = new LineFigure(t, new Axis(t, t), Axis.Log(t), Series.FromSeeds(t, Steps, [[1, 2, 3, 4], [2, 3, 4, 5]]),
            Series.Theory(t, Steps, [1, 2, 4, 8]))
        { References = [ReferenceLine.AtX(1, t), ReferenceLine.AtY(2, t)] };
        var heat = new HeatMapFigure(t, t, t, t, new double[,] { { 1, -2 }, { double.NaN, 4 } })
        {
            XLabels = [t, t],
            Colors = ColorScale.Diverging,
            ShowValues = true,
            Curves = [new Series(t, [0, 1], [0, 1])],
            Markers = [new MapMarker(0.5, 0.5, t)],
        };
        var bars = new BarFigure(t, t, [t, t], new BarGroup(t, [1, -2], [0.5, -3], [2, -1]), new BarGroup(t, [double.NaN, 3])) { ShowValues = true };
        var images = new ImageStripFigure(t, new GreyImage(t, 1, 2, [0, 1]));
        return new Dictionary<string, Figure>
        {
            ["line"] = line,
            ["scatter"] = new ScatterFigure(t, t, t, new PointClass(t, [1, 2], [3, 4]), new PointClass(t, [2], [2])) { EqualAspect = true },
            ["heat"] = heat,
            ["histogram"] = new HistogramFigure(t, t, new Sample(t, [1, 2, 2, 3])) { Curves = [Series.Theory(t, [1, 3], [0.5, 0.5])] },
            ["bar"] = bars,
            ["images"] = images,
            ["panel"] = new PanelFigure(t, line, heat, bars, images),
            ["no data"] = new LineFigure(t, t, Axis.Log(t)),
            ["empty field"] = new HeatMapFigure(t, t, t, t, new double[0, 0]),
        };
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_kind_is_well_formed_svg_with_a_name_and_no_outside_resource(string kind)
    {
        var text = All("loss λ₁ ^{−1/2}")[kind].ToSvg();
        var root = XDocument.Parse(text).Root!;
        Assert.Equal(Svg + "svg", root.Name);
        Assert.NotEmpty(root.Element(Svg + "title")!.Value);
        Assert.NotEmpty(root.Element(Svg + "desc")!.Value);
        Assert.All(root.Descendants().Attributes().Where(a => a.Name.LocalName == "href"), a => Assert.StartsWith("data:image/png;base64,", a.Value));
        Assert.DoesNotContain("NaN", Regex.Replace(text, ">[^<]*<", "><"));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Hostile_texts_stay_texts(string kind)
    {
        var root = XDocument.Parse(All(Hostile)[kind].ToSvg()).Root!;
        Assert.Empty(root.Descendants(Svg + "script"));
        Assert.StartsWith("</svg><script>alert('x')</script> & \"q\"", root.Element(Svg + "title")!.Value);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Csv_has_as_many_cells_in_every_row(string kind)
    {
        var lines = All("plain")[kind].ToCsv().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Single(lines.Select(l => l.Count(c => c == ',')).Distinct());
    }

    [Fact]
    public void Csv_of_a_line_holds_every_number_exactly()
    {
        double[] y = [0.1 + 0.2, 1e-300, double.NaN, double.PositiveInfinity];
        var csv = new LineFigure("", "step", "loss", new Series("a,\"b\"", Steps, y)).ToCsv();
        var rows = csv.Split('\n');
        Assert.Equal("kind,series,seed,x,y,low,high", rows[0]);
        Assert.Equal("series,\"a,\"\"b\"\"\",,0,0.30000000000000004,,", rows[1]);
        Assert.Equal("series,\"a,\"\"b\"\"\",,1,1E-300,,", rows[2]);
        Assert.EndsWith(",2,NaN,,", rows[3]);
        Assert.EndsWith(",3,inf,,", rows[4]);
    }

    [Fact]
    public void Long_series_are_thinned_for_drawing_but_keep_their_extremes_and_their_csv()
    {
        double[] x = [.. Enumerable.Range(0, 100_000).Select(i => (double)i)];
        double[] y = [.. x.Select(v => Math.Sin(v))];
        y[51_234] = 40; // one spike must survive
        var figure = new LineFigure("", "step", "value", new Series("s", x, y));
        var svg = figure.ToSvg();
        Assert.InRange(svg.Length, 1_000, 80_000);
        Assert.Equal(100_001, figure.ToCsv().Count(c => c == '\n'));
        var run = x.Select((v, i) => (v / 150, y[i])).ToList();
        var thin = Paths.Thin(run);
        Assert.InRange(thin.Count, 600, 4 * 667);
        Assert.Contains(thin, p => p.Y == 40);
        Assert.Equal((run[0], run[^1]), (thin[0], thin[^1]));
    }

    [Fact]
    public void Values_that_are_not_finite_leave_gaps()
    {
        var scale = Scale.Between(0, 4).On(0, 4);
        var pixels = Paths.Pixels([0, 1, 2, 3, 4], [0, 1, double.NaN, 3, double.PositiveInfinity], scale, scale);
        Assert.Equal("M0 0L1 1M3 3h0.01", Paths.Line(pixels));
        Assert.Equal("M0 0L1 1L1 1L0 0ZM3 3L3 3Z", Paths.Region(pixels, pixels));
    }

    [Fact]
    public void A_logarithmic_axis_says_what_it_cannot_show()
    {
        var svg = new LineFigure("", "step", Axis.Log("loss"), new Series("s", Steps, [1, 0, -2, double.NaN])).ToSvg();
        Assert.Contains("2 values of loss not positive, left out of the logarithmic axis.", svg);
        Assert.Contains("1 value of loss not finite, left out.", svg);
    }

    [Theory]
    [InlineData(0, 10, 5, "0 2 4 6 8 10")]
    [InlineData(-0.31, 0.29, 6, "−0.3 −0.2 −0.1 0 0.1 0.2")]
    [InlineData(0.97, 1.05, 4, "0.98 1.00 1.02 1.04")]
    [InlineData(0, 3e5, 3, "0 10⁵ 2×10⁵ 3×10⁵")]
    [InlineData(0, 2.5e-5, 5, "0 5×10⁻⁶ 10⁻⁵ 1.5×10⁻⁵ 2×10⁻⁵ 2.5×10⁻⁵")]
    public void Linear_ticks_are_nice_numbers(double min, double max, int wanted, string expected) =>
        Assert.Equal(expected, string.Join(' ', Ticks.Linear(min, max, wanted).Select(t => t.Text)));

    [Theory]
    [InlineData(1e-4, 10, 6, "10⁻⁴ 10⁻³ 10⁻² 10⁻¹ 1 10")]
    [InlineData(1e-12, 1, 5, "10⁻¹² 10⁻⁹ 10⁻⁶ 10⁻³ 1")]
    [InlineData(0.3, 30, 6, "0.5 1 2 5 10 20")]
    [InlineData(1.2, 1.8, 3, "1.2 1.4 1.6 1.8")]
    public void Logarithmic_ticks_are_decades_or_finer(double min, double max, int wanted, string expected) =>
        Assert.Equal(expected, string.Join(' ', Ticks.Log(min, max, wanted).Select(t => t.Text)));

    [Fact]
    public void Ticks_lie_inside_any_range_and_are_few()
    {
        var random = new Random(5);
        for (var i = 0; i < 2000; i++)
        {
            var center = (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-12, 13));
            var half = Math.Pow(10, random.Next(-12, 13)) * random.NextDouble();
            var (min, max) = (center - half, center + half);
            if (max - min < 1e-9 * Math.Abs(center)) continue;
            var ticks = Ticks.Linear(min, max, 5);
            Assert.InRange(ticks.Count, 1, 9);
            Assert.All(ticks, t => Assert.InRange(t.Value, min - 1e-6 * half, max + 1e-6 * half));
            Assert.Equal(ticks.Count, ticks.Select(t => t.Text).Distinct().Count());
        }
    }

    [Theory]
    [InlineData(0.00012345, "1.234×10⁻⁴")]
    [InlineData(0.0012345, "0.001234")]
    [InlineData(-12345.6, "−12350")]
    [InlineData(123456, "1.235×10⁵")]
    [InlineData(9.99996, "10")]
    [InlineData(0, "0")]
    [InlineData(double.NegativeInfinity, "−∞")]
    public void Values_have_four_digits(double value, string expected) => Assert.Equal(expected, NumberText.Value(value));

    [Fact]
    public void Png_decodes_to_the_pixels_that_went_in()
    {
        byte[] pixels = [0, 1, 2, 2, 1, 0];
        var png = Png.Encode(3, 2, pixels, [0xFF102030, 0xFFA0B0C0, 0x00000000]);
        var (width, height, decoded, palette, alpha) = DecodePng(png);
        Assert.Equal((3, 2), (width, height));
        Assert.Equal(pixels, decoded);
        Assert.Equal([0x10, 0x20, 0x30, 0xA0, 0xB0, 0xC0, 0, 0, 0], palette);
        Assert.Equal([255, 255, 0], alpha);
    }

    [Fact]
    public void A_heat_map_of_a_million_cells_stays_small()
    {
        var random = new Random(3);
        var values = new double[1000, 1000];
        for (var i = 0; i < 1000; i++)
        {
            for (var j = 0; j < 1000; j++) values[i, j] = random.NextDouble();
        }

        var svg = new HeatMapFigure("", "x", "y", "noise", values).ToSvg();
        Assert.InRange(svg.Length, 10_000, 400_000);
        Assert.Contains("averages over 1000×1000 cells", svg);
    }

    [Fact]
    public void Heat_maps_put_row_zero_where_they_are_told_and_missing_values_apart()
    {
        var map = new HeatMapFigure("", "x", "y", "v", new[,] { { 0.0, 1 }, { double.NaN, 0.5 } });
        var color = Scale.Between(0, 1);
        Assert.Equal([ColorMap.NoValue, 127, 0, 254], HeatMapPlot.Raster(map, color).Pixels);
        Assert.Equal([0, 254, ColorMap.NoValue, 127], HeatMapPlot.Raster(map with { FirstRowOnTop = true }, color).Pixels);
    }

    [Fact]
    public void Seeds_become_median_and_band()
    {
        double[][] seeds = [.. Enumerable.Range(0, 11).Select(s => new[] { s, s == 0 ? double.NaN : 2.0 * s })];
        var series = Series.FromSeeds("s", [0, 1], seeds);
        Assert.Equal([5, 11], series.Y);
        Assert.Equal([1, 3.8], series.Band!.Low.Select(v => Math.Round(v, 12)));
        Assert.Equal([9, 18.2], series.Band.High.Select(v => Math.Round(v, 12)));
        Assert.Equal(11, series.Seeds.Length);
    }

    [Fact]
    public void Histogram_densities_have_area_one_and_counts_hold_every_value()
    {
        double[] values = [.. Enumerable.Range(0, 1000).Select(i => Math.Sqrt(i))];
        var bins = HistogramBins.Of(new HistogramFigure("", "x", new Sample("s", values)));
        Assert.Equal(1000, bins.Counts[0].Sum());
        Assert.Equal(1, Enumerable.Range(0, bins.Count).Sum(b => bins.Density(0, b) * (bins.Edges[b + 1] - bins.Edges[b])), 12);
    }

    [Fact]
    public void Arrays_that_do_not_fit_name_the_series()
    {
        var figure = new LineFigure("loss", "x", "y", new Series("a", [1, 2], [1]));
        var error = Assert.Throws<ExperimentException>(figure.ToSvg);
        Assert.Equal("NB0790", error.Code);
        Assert.Contains("y of series 'a' has 1 values where 2 are expected", error.Message);
        Assert.Equal("NB0790", Assert.Throws<ExperimentException>(figure.ToCsv).Code);
    }

    [Fact]
    public void Figures_do_not_depend_on_the_culture()
    {
        var before = CultureInfo.CurrentCulture;
        var figure = All("t")["line"];
        var expected = (figure.ToSvg(), figure.ToCsv());
        try
        {
            CultureInfo.CurrentCulture = (CultureInfo)before.Clone();
            CultureInfo.CurrentCulture.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture.NumberFormat.NegativeSign = "~";
            Assert.Equal(expected, (figure.ToSvg(), figure.ToCsv()));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_small_figure_is_drawn_as_reviewed()
    {
        var figure = new LineFigure("Loss", "step", Axis.Log("loss", "nats"),
            new Series("measured", [0, 1, 2, 3], [1, 0.5, double.NaN, 0.1]) { Band = new Band([0.9, 0.4, double.NaN, 0.08], [1.1, 0.6, double.NaN, 0.13]) },
            Series.Theory("e^{−t}", [0, 1, 2, 3], [1, 0.37, 0.14, 0.05]))
        { References = [ReferenceLine.AtY(0.1, "target")] };
        Golden.Verify("LineFigure", figure.ToSvg());
    }

    private static (int Width, int Height, byte[] Pixels, byte[] Palette, byte[] Alpha) DecodePng(byte[] png)
    {
        Assert.Equal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], png[..8]);
        var chunks = new Dictionary<string, byte[]>();
        for (var at = 8; at < png.Length;)
        {
            var length = Int(png, at);
            var name = System.Text.Encoding.ASCII.GetString(png, at + 4, 4);
            chunks[name] = png[(at + 8)..(at + 8 + length)];
            Assert.Equal(Crc(png.AsSpan(at + 4, length + 4)), (uint)Int(png, at + 8 + length));
            at += length + 12;
        }

        var (width, height) = (Int(chunks["IHDR"], 0), Int(chunks["IHDR"], 4));
        using var zlib = new ZLibStream(new MemoryStream(chunks["IDAT"]), CompressionMode.Decompress);
        using var raw = new MemoryStream();
        zlib.CopyTo(raw);
        var rows = raw.ToArray().Chunk(width + 1).ToArray();
        Assert.All(rows, r => Assert.Equal(0, r[0]));
        Assert.Equal(height, rows.Length);
        Assert.Empty(chunks["IEND"]);
        return (width, height, [.. rows.SelectMany(r => r[1..])], chunks["PLTE"], chunks["tRNS"]);
    }

    private static int Int(byte[] bytes, int at) => (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];

    // Bit by bit, unlike the table in the writer.
    private static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }

        return ~crc;
    }
}
