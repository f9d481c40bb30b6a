namespace Nabla.Experiments.Report;

/// <summary>A grey image.</summary>
/// <param name="Caption">Text under it.</param>
/// <param name="Rows">Height in pixels.</param>
/// <param name="Columns">Width in pixels.</param>
/// <param name="Pixels">Row by row, rows × columns values.</param>
public sealed record GreyImage(string Caption, int Rows, int Columns, double[] Pixels);

/// <summary>Small images in a row (and more rows when there are many).</summary>
/// <param name="Title">Short heading.</param>
/// <param name="Images">The images, left to right.</param>
public sealed record ImageStripFigure(string Title, params GreyImage[] Images) : Figure(Title)
{
    /// <summary>Images in a row; 0: as many as fit (at most 10).</summary>
    public int PerRow { get; init; }

    /// <summary>Value drawn black (blue when signed); null: the least of all images.</summary>
    public double? Min { get; init; }

    /// <summary>Value drawn white (orange when signed); null: the greatest of all images.</summary>
    public double? Max { get; init; }

    /// <summary>True: each image has its own range.</summary>
    public bool RangePerImage { get; init; }

    /// <summary>Grey, or blue–white–orange around zero for signed values such as first-layer weights.</summary>
    public bool Signed { get; init; }

    internal int ImagesPerRow => PerRow > 0 ? PerRow : Math.Clamp(Images.Length, 1, 10);

    internal override void Validate()
    {
        foreach (var image in Images) RequireLength($"image '{image.Caption}'", image.Pixels, image.Rows * image.Columns);
    }

    internal override (double Width, double Height) NaturalSize() => ImageStripPlot.NaturalSize(this);

    internal override void Draw(SvgWriter svg, double width, double height) => ImageStripPlot.Draw(this, svg, width, height);

    internal override string Summary() => $"{Images.Length} images: {string.Join(", ", Images.Select(i => i.Caption))}.";

    internal override CsvTable Table() => new(["image", "caption", "row", "column", "value"],
        Images.SelectMany((image, n) => image.Pixels.Select((value, p) => new[]
        {
            $"{n}", image.Caption, $"{p / image.Columns}", $"{p % image.Columns}", CsvTable.Number(value),
        })));
}
