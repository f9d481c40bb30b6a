namespace Nabla.Experiments.Report;

/// <summary>The data of a figure contradict each other.</summary>
public sealed class FigureException(string code, string message) : NablaException(code, message);

/// <summary>The messages of this folder, side by side.</summary>
internal static class ReportErrors
{
    public static FigureException FigureData(string kind, string title, string problem) => new("NB0790",
        $"figure: the data do not fit together: {kind} '{title}': {problem}. Give every array of a series the length of its x; mark missing values by NaN.");
}
