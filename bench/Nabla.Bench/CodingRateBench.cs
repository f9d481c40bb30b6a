using System.Globalization;
using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>
/// ΔR with gradient for labelled features in f32: the primitive alone, and under <c>Compile(ValueAndGrad)</c>, beside four formulations in PyTorch
/// (<c>bench/peers/torch_coding_rate.py</c>). Values and gradients are compared before anything is timed; contestants take turns.
/// </summary>
internal static class CodingRateBench
{
    /// <summary>ε² of all cases.</summary>
    internal const double EpsilonSquared = 0.5;

    internal sealed record Case(int D, int N, int K)
    {
        /// <summary>flop of the least work: symmetric Gram matrices nd², Cholesky and inverse (k + 1)d³, one product 2nd².</summary>
        public double Flops => 3.0 * N * D * D + (K + 1.0) * D * D * D;

        public override string ToString() => $"{D}, {N}, {K}";
    }

    internal static readonly Case[] Cases = [new(128, 1000, 10), new(512, 2000, 10), new(128, 50_000, 10)];

    internal static readonly string[] Formulations = ["dense", "loop", "cholesky", "closed"];

    /// <summary>Prints the table for one thread and for all.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("coding-rate", "d, n, k", "threads", "primitive µs", "compiled µs", "least work, of roof", "dense", "class loop", "Cholesky", "closed form", "best / primitive");
        using Torch? torch = Torch.Find(report, table);
        table.Note("Least work: 3nd² + (k + 1)d³ flop, against multiply-adds from registers; classes with fewer samples than dimensions are factored as n_j×n_j, which takes another number. " +
            "Dense memberships need kn² numbers and are left out where these exceed 64 MiB.");
        int previous = Workers.Count;
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Workers.Count = threads;
            double roof = Roof.Flops<float>(threads);
            foreach (Case c in Cases) Row(table, c, threads, roof, torch);
        }
        Workers.Count = previous;
    }

    /// <summary>Prints the construction of a ReduNet in f32, layers kept and ΔR before each one computed, for one thread and for all.</summary>
    public static void PrintReduNet(Report report)
    {
        const int n = 1000, d = 64, k = 10;
        var options = new ReduNetOptions(50, EpsilonSquared, Step: 0.5, Gate: 10);
        Table table = report.Table("redunet", "n, d, k, layers", "threads", "build ms", "least work, of roof", "PyTorch ms", "PyTorch / build");
        using Torch? torch = Torch.Find(report, table);
        table.Note("Least work: operators 2nd²(k + 1), Gram matrices nd², Cholesky and inverse (k + 1)d³ flop a layer. PyTorch: class Gram matrices, one batched Cholesky and inverse, one product for " +
            "all operators.");
        DenseTensor x = Waves(n, d);
        int[] labels = [.. Enumerable.Range(0, n).Select(i => i % k)];
        double flops = options.Layers * (2.0 * n * d * d * (k + 1) + (double)n * d * d + (k + 1.0) * d * d * d);
        int previous = Workers.Count;
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Workers.Count = threads;
            double roof = Roof.Flops<float>(threads);
            double[] exact = Summary(ReduNet.Build(x.To(DType.F64), labels, k, options, out Tensor z), z);
            RequireNear(exact, Summary(ReduNet.Build(x, labels, k, options, out z), z), "redunet");
            var samplers = new List<Func<double[]>> { Timing.Sampler(() => ReduNet.Build(x, labels, k, options)) };
            if (torch is not null)
            {
                torch.Do(string.Create(CultureInfo.InvariantCulture,
                    $"import torch_coding_rate\nbuild = torch_coding_rate.redunet({threads}, {d}, {n}, {k}, {options.Layers}, {EpsilonSquared}, {options.Step}, {options.Gate})"));
                RequireNear(exact, torch.Values("torch_coding_rate.redunet_summary(build)"), "redunet in PyTorch");
                samplers.Add(torch.Sampler("build()"));
            }
            Timing[] t = Timing.InTurns([.. samplers]);
            Timing? peer = t.Length > 1 ? t[1] : null;
            table.Row([$"{n}, {d}, {k}, {options.Layers}", threads, Cell.Millis(t[0]), Cell.Share(flops / t[0].Median / roof), Cell.Millis(peer), Cell.Ratio(peer, t[0])]);
        }
        Workers.Count = previous;
    }

    internal static double[] Summary(ReduNet net, Tensor z)
    {
        Tensor features = z.To(DType.F64), cosines = (1 + Ops.Arange((int)z.Count, DType.F64)).Cos().Reshape(z.Shape);
        return [net.Rates[0].Reduction, net.Rates[net.Depth - 1].Reduction, (features * cosines).Sum().ToDouble()];
    }

    // Rounding grows from layer to layer: 1e-3 of the largest number.
    internal static void RequireNear(double[] exact, double[] found, string who)
    {
        double scale = exact.Max(Math.Abs);
        for (int i = 0; i < exact.Length; i++)
            if (!(Math.Abs(found[i] - exact[i]) <= 1e-3 * scale)) throw new InvalidDataException($"{who}: {string.Join(", ", found)}; expected {string.Join(", ", exact)}");
    }

    private static void Row(Table table, Case c, int threads, double roof, Torch? torch)
    {
        Tensor rows = Waves(c.N, c.D), labels = Tensor.From([.. Enumerable.Range(0, c.N).Select(i => i % c.K)]);
        Action primitive = () => CodingRate.ReductionWithGradient(rows.T, labels, c.K, EpsilonSquared);
        var compiled = Transforms.Compile(Transforms.ValueAndGrad((Tensor y) => CodingRate.Reduction(y.T, labels, c.K, EpsilonSquared)));
        (Tensor value, Tensor gradient) = CodingRate.ReductionWithGradient(rows.T, labels, c.K, EpsilonSquared);
        double[] ours = Summary(value, gradient.T), exact = Exact(c);
        RequireClose(exact, ours, "f64");
        (Tensor Value, Tensor Gradient) graded = compiled.Call(rows);
        RequireClose(exact, Summary(graded.Value, graded.Gradient), "compiled");

        var samplers = new List<Func<double[]>> { Timing.Sampler(primitive), Timing.Sampler(() => compiled.Call(rows)) };
        var names = new List<string>();
        torch?.Do(string.Create(CultureInfo.InvariantCulture, $"import torch_coding_rate\nrates = torch_coding_rate.case({threads}, {c.D}, {c.N}, {c.K}, {EpsilonSquared})"));
        foreach (string name in torch is null ? [] : Formulations)
        {
            if (torch!.Values($"[int('{name}' in rates)]")[0] == 0) continue;
            RequireClose(exact, torch.Values($"torch_coding_rate.summary(rates['{name}'])"), name);
            names.Add(name);
            samplers.Add(torch.Sampler($"rates['{name}']()"));
        }
        Timing[] t = Timing.InTurns([.. samplers]);
        Timing? Of(string name) => names.IndexOf(name) is >= 0 and var i ? t[i + 2] : null;
        Timing? best = names.Count == 0 ? null : t[2..].MinBy(x => x.Median);
        table.Row([c.ToString(), threads, Cell.Micros(t[0]), Cell.Micros(t[1]), Cell.Share(c.Flops / t[0].Median / roof), .. Formulations.Select(name => Cell.Micros(Of(name))), Cell.Ratio(best, t[0])]);
    }

    // Unit rows of sin(0.37·r·i) + 0.3·cos(1.7·r − 0.9·i), as in the script.
    internal static DenseTensor Waves(int n, int d)
    {
        var rows = new double[n, d];
        for (int i = 0; i < n; i++)
        {
            double square = 0;
            for (int r = 0; r < d; r++)
            {
                double x = Math.Sin(0.37 * (r + 1) * (i + 1)) + 0.3 * Math.Cos(1.7 * (r + 1) - 0.9 * (i + 1));
                (rows[i, r], square) = (x, square + x * x);
            }
            for (int r = 0; r < d; r++) rows[i, r] /= Math.Sqrt(square);
        }
        return Tensor.From(rows).To(DType.F32).Dense;
    }

    // The same in f64 by the closed forms on dense memberships, class by class.
    internal static double[] Exact(Case c)
    {
        Tensor z = Waves(c.N, c.D).To(DType.F64).T;
        Tensor gradient = CodingRate.RateGradient(z, EpsilonSquared).T;
        double value = CodingRate.Rate(z, EpsilonSquared).ToDouble();
        for (int j = 0; j < c.K; j++)
        {
            Tensor members = Tensor.From([.. Enumerable.Range(0, c.N).Where(i => i % c.K == j)]), own = z.Take(members, 1);
            double share = (double)members.Shape[0] / c.N;
            value -= share * CodingRate.Rate(own, EpsilonSquared).ToDouble();
            gradient = gradient.ScatterAdd(members, -share * CodingRate.RateGradient(own, EpsilonSquared).T);
        }
        return [.. Summary(Tensor.Scalar(value, DType.F64), gradient), CodingRate.Rate(z, EpsilonSquared).ToDouble()];
    }

    internal static double[] Summary(Tensor value, Tensor gradient)
    {
        Tensor g = gradient.To(DType.F64), cosines = (1 + Ops.Arange((int)g.Count, DType.F64)).Cos().Reshape(g.Shape);
        return [value.ToDouble(), g.Norm().ToDouble(), (g * cosines).Sum().ToDouble()];
    }

    // The value to 1e-5 of R, of which it is what is left after subtraction; norm and direction of the gradient to 1e-4 of the norm.
    internal static void RequireClose(double[] exact, double[] found, string who)
    {
        double[] tolerances = [1e-5 * exact[3], 1e-4 * exact[1], 1e-4 * exact[1]];
        for (int i = 0; i < tolerances.Length; i++)
            if (!(Math.Abs(found[i] - exact[i]) <= tolerances[i]))
                throw new InvalidDataException($"coding rate, {who}: {string.Join(", ", found)}; expected {string.Join(", ", exact)}");
    }
}
