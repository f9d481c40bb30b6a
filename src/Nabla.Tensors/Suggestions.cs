namespace Nabla;

/// <summary>Nearest names for what was mistyped.</summary>
public static class Suggestions
{
    /// <summary>
    /// The <paramref name="count"/> names nearest to <paramref name="word"/>, nearest first: those that contain it, then by edit distance.
    /// </summary>
    public static string[] Nearest(string word, IEnumerable<string> names, int count = 3) =>
        [.. names.OrderBy(name => word.Length >= 2 && name.Contains(word, StringComparison.OrdinalIgnoreCase) ? 0 : EditDistance(word, name)).Take(count)];

    /// <summary>
    /// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other, upper and lower case alike.
    /// Source: optimal string alignment, the restricted form of Damerau 1964.
    /// </summary>
    public static int EditDistance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) rows[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) rows[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
            for (int j = 1; j <= b.Length; j++)
            {
                int substitution = rows[i - 1, j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1);
                rows[i, j] = Math.Min(substitution, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1])) rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        return rows[a.Length, b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
