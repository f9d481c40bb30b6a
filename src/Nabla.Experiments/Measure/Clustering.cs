namespace Nabla.Experiments.Measure;

/// <summary>Clusters and how well they agree with classes.</summary>
public static class Clustering
{
    private const int MostSweeps = 100;

    /// <summary>
    /// k-means: the best of several runs of Lloyd's sweeps, each from centres drawn with probability proportional to the squared distance from those drawn before.
    /// Shape: points [n, d] → n clusters. Source: Arthur and Vassilvitskii, k-means++: the advantages of careful seeding (SODA 2007).
    /// </summary>
    /// <param name="points">One a row.</param>
    /// <param name="clusters">k.</param>
    /// <param name="key">Decides the starts.</param>
    /// <param name="restarts">Runs; the one with the smallest sum of squared distances is returned.</param>
    public static int[] KMeans(Tensor points, int clusters, RandomKey key, int restarts = 10)
    {
        Tensor x = points.To(DType.F64);
        (int[] Labels, double Cost) best = ([], double.PositiveInfinity);
        for (int run = 0; run < restarts; run++)
        {
            (int[] Labels, double Cost) found = Lloyd(x, Seeds(x, clusters, key.FoldIn(run)));
            if (found.Cost < best.Cost) best = found;
        }
        return best.Labels;
    }

    /// <summary>
    /// Normalised mutual information of two labellings, 2·I(a; b)/(H(a) + H(b)): 1 if they are the same up to names, about 0 if independent; 1 if both are constant.
    /// </summary>
    public static double MutualInformation(ReadOnlySpan<int> a, ReadOnlySpan<int> b)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(a.Length, b.Length);
        var (joint, left, right) = (new Dictionary<(int, int), int>(), new Dictionary<int, int>(), new Dictionary<int, int>());
        for (int i = 0; i < a.Length; i++)
        {
            joint[(a[i], b[i])] = joint.GetValueOrDefault((a[i], b[i])) + 1;
            left[a[i]] = left.GetValueOrDefault(a[i]) + 1;
            right[b[i]] = right.GetValueOrDefault(b[i]) + 1;
        }
        double n = a.Length, entropies = Entropy(left.Values, n) + Entropy(right.Values, n);
        return entropies == 0 ? 1 : 2 * (entropies - Entropy(joint.Values, n)) / entropies;
    }

    /// <summary>Share of samples that are right when each cluster stands for one class, one to one, so that most are. By trying exchanges from the greedy matching.</summary>
    public static double Accuracy(ReadOnlySpan<int> clusters, ReadOnlySpan<int> classes, int count)
    {
        var agree = new int[count, count];
        for (int i = 0; i < clusters.Length; i++) agree[clusters[i], classes[i]]++;
        int[] match = [.. Enumerable.Range(0, count)];
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int i = 0; i < count; i++)
                for (int j = 0; j < i; j++)
                    if (agree[i, match[j]] + agree[j, match[i]] > agree[i, match[i]] + agree[j, match[j]])
                    {
                        (match[i], match[j]) = (match[j], match[i]);
                        changed = true;
                    }
        }
        return Enumerable.Range(0, count).Sum(i => agree[i, match[i]]) / (double)clusters.Length;
    }

    private static double Entropy(IEnumerable<int> counts, double n) => -counts.Sum(c => c / n * Math.Log(c / n));

    private static Tensor Seeds(Tensor x, int clusters, RandomKey key)
    {
        double[] draws = key.Uniform([clusters], dtype: DType.F64).ToDoubles();
        int n = x.Shape[0];
        var centres = new List<Tensor>();
        double[] nearest = [.. Enumerable.Repeat(1.0, n)];
        foreach (double draw in draws)
        {
            double left = draw * nearest.Sum();
            int chosen = 0;
            while (chosen < n - 1 && (left -= nearest[chosen]) > 0) chosen++;
            Tensor centre = x.At(chosen);
            double[] distances = (x - centre).Square().Sum(1).ToDoubles();
            nearest = centres.Count == 0 ? distances : [.. nearest.Zip(distances, Math.Min)];
            centres.Add(centre);
        }
        return Ops.Stack(centres);
    }

    private static (int[] Labels, double Cost) Lloyd(Tensor x, Tensor centres)
    {
        int clusters = centres.Shape[0];
        int[] labels = [];
        double cost = 0, squares = x.Square().Sum().ToDouble();
        for (int sweep = 0; sweep < MostSweeps; sweep++)
        {
            Tensor distances = centres.Square().Sum(1) - 2 * x.MatMul(centres.T), nearest = distances.ArgMin(1);      // less ‖x‖², the same for all
            cost = squares + distances.Min(1).Sum().ToDouble();
            int[] found = nearest.To(DType.I32).ToArray<int>();
            if (found.AsSpan().SequenceEqual(labels)) break;
            labels = found;
            Tensor members = nearest.To(DType.I32).OneHot(clusters, DType.F64), counts = members.Sum(0).ExpandDims(1);
            // A centre without points stays.
            centres = Ops.Where((counts > 0).BroadcastTo(centres.Shape), members.T.MatMul(x) / counts.Maximum(1), centres);
        }
        return (labels, cost);
    }
}
