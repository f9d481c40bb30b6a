namespace Nabla.Proof;

/// <summary>
/// Transformations of transformations: every sequence of up to three of jvp, vjp, vmap, compile and linearize, applied to functions that use the engine in
/// different ways. Each is compared with the same mathematical function computed by nested forward mode and loops alone, whose first three directional
/// derivatives are compared with central differences.
/// </summary>
public static class Compositions
{
    private const double Bound = 1e-11;

    private static readonly OrderedDictionary<string, (Func<Tensor, Tensor> Function, int Size)> Cases = new()
    {
        ["mlp loss"] = (MlpLoss, 6),
        ["log det"] = (LogDet, 4),
        ["cross entropy"] = (CrossEntropy, 6),
        ["gather scatter"] = (GatherScatter, 5),
        ["cumsum prod"] = (CumSumProd, 4),
        ["where abs"] = (WhereAbs, 5),
        ["rearrangements"] = (Rearrangements, 6),
        ["triangular solve"] = (Triangular, 5),
    };

    /// <summary>What is applied to a function of one tensor; each gives a function of one tensor again.</summary>
    private enum Step { Jvp, Vjp, Vmap, Compile, Linearize }

    /// <summary>Names of the functions.</summary>
    public static IReadOnlyList<string> Functions { get; } = [.. Cases.Keys];

    /// <summary>
    /// All sequences of up to <paramref name="depth"/> transformations of one function, in f64: to 1e−11 of the largest element.
    /// </summary>
    public static ContractResult Check(string function, int depth = 3)
    {
        (Func<Tensor, Tensor> f, int size) = Cases[function];
        Tensor x = Fixed([size], 0.4) * 0.8;
        var tally = new Tally("compositions", function, DType.F64, Bound);
        var known = new Dictionary<string, double[]>();
        CheckDerivatives(tally, function, f, x, depth);
        foreach (Step[] steps in Sequences(depth))
        {
            string name = $"{string.Join(" of ", steps.Reverse())} of {function}";
            tally.Guard(name, () =>
            {
                Step[] plain = [.. steps.Where(s => s != Step.Compile).Select(s => s == Step.Linearize ? Step.Jvp : s)];
                string key = string.Join(',', plain);
                if (!known.TryGetValue(key, out double[]? expected)) known[key] = expected = plain.Aggregate(f, Plainly)(x).ToDoubles();
                tally.Add(Closeness.Relative([steps.Aggregate(f, Apply)(x).ToDoubles()], [expected]), name);
            });
        }
        return tally.Result();
    }

    // The plain versions are anchored in central differences: f, its directional derivative, and the derivative of that.
    private static void CheckDerivatives(Tally tally, string name, Func<Tensor, Tensor> f, Tensor x, int depth)
    {
        for (int order = 1; order <= depth; order++)
        {
            Func<Tensor, Tensor> g = f;
            string where = $"derivative {order} of {name}";
            tally.Guard(where, () => tally.Add(Differences.JvpError(at => [g(at[0])], [x], 7).Error, 1e-7, where));
            f = Plainly(f, Step.Jvp);
        }
    }

    private static IEnumerable<Step[]> Sequences(int depth)
    {
        IEnumerable<Step[]> longest = [[]];
        for (int i = 0; i < depth; i++)
        {
            longest = [.. longest.SelectMany(s => Enum.GetValues<Step>().Select(next => (Step[])[.. s, next]))];
            foreach (Step[] steps in longest) yield return steps;
        }
    }

    private static Func<Tensor, Tensor> Apply(Func<Tensor, Tensor> f, Step step) => step switch
    {
        Step.Jvp => x => Transforms.Jvp(f, x, Fixed(x.Shape, 1)).Tangent,
        Step.Linearize => x => Transforms.Linearize(f, x).Tangents(Fixed(x.Shape, 1)),
        Step.Vjp => x =>
        {
            (Tensor y, Func<Tensor, Tensor> pullback) = Transforms.Vjp(f, x);
            return pullback(Fixed(y.Shape, 2));
        }
        ,
        Step.Vmap => x => Transforms.Vmap(f)(Ops.Stack(Members(x))),
        _ => x => Transforms.Compile(f).Call(x),
    };

    // The same functions by forward mode and loops.
    private static Func<Tensor, Tensor> Plainly(Func<Tensor, Tensor> f, Step step) => step switch
    {
        Step.Vjp => x =>
        {
            Tensor basis = Ops.Eye((int)x.Count, DType.F64);
            return Ops.Stack([.. Enumerable.Range(0, (int)x.Count).Select(i =>
            {
                Tensor tangent = Transforms.Jvp(f, x, basis.At(i).Reshape(x.Shape)).Tangent;
                return (tangent * Fixed(tangent.Shape, 2)).Sum();
            })]).Reshape(x.Shape);
        }
        ,
        Step.Vmap => x => Ops.Stack([.. Members(x).Select(f)]),
        _ => Apply(f, step),
    };

    private static Tensor[] Members(Tensor x) => [x, 0.9 * x + 0.05, 1.1 * x - 0.03];

    // Fixed numbers in (−1, 1) of a shape.
    private static DenseTensor Fixed(Shape shape, double phase) =>
        Tensor.From(Enumerable.Range(0, checked((int)shape.Count)).Select(i => Math.Sin(phase + 1.7 * (i + 1))).ToArray(), shape);

    private static Tensor MlpLoss(Tensor x)
    {
        Tensor hidden = Fixed([3, 2], 3).MatMul(x.Slice(..4).Reshape(2, 2)).Tanh();
        return (hidden.MatMul(x.Slice(4..)) - Fixed([3], 4)).Square().Mean();
    }

    private static Tensor LogDet(Tensor x)
    {
        Tensor g = x.Reshape(2, 2);
        return (g.MatMul(g.T) + Ops.Eye(2, DType.F64)).LogDetPositiveDefinite();
    }

    private static Tensor CrossEntropy(Tensor x)
    {
        Tensor logits = x.Reshape(2, 3), shifted = logits - logits.Max(-1).ExpandDims(-1);
        Tensor logProbabilities = shifted - shifted.Exp().Sum(-1).Log().ExpandDims(-1);
        return -logProbabilities.TakeLast(Tensor.From([2, 0])).Sum();
    }

    private static Tensor GatherScatter(Tensor x)
    {
        Tensor taken = x.Take(Tensor.From([0, 2, 2, -1])).Sin() * x.Slice(..4);
        return Tensor.Zeros([3], DType.F64).ScatterAdd(Tensor.From([0, 1, 1, 2]), taken).Square();
    }

    private static Tensor CumSumProd(Tensor x) => x.CumSum().Sin() * (x + 2).Prod() + x.CumSum(reverse: true).Exp();

    private static Tensor WhereAbs(Tensor x) =>
        Ops.Where(x > 0.1, (x.Abs() + 1).Log() * x, x.Pow(3) / (x.Square() + 1)) + x.Maximum(0.2) * (x + 3).Pow(1.5) + x.Min() * x.Erf();

    private static Tensor Rearrangements(Tensor x)
    {
        Tensor m = x.Reshape(2, 3);
        Tensor joined = Ops.Concatenate([m.Reverse(1), m.T.Slice(1.., ..).Sigmoid()], 1);
        Tensor padded = joined.Pad([1, 0], [0, 1], [0, 1], 0.5);
        return (padded.MatMul(padded.T).Square() + 1).Rsqrt().Reshape(9).Slice([8], [4], [-2]);
    }

    private static Tensor Triangular(Tensor x)
    {
        Tensor lower = x.Slice(..4).Reshape(2, 2) * 0.5 + 2 * Ops.Eye(2, DType.F64);
        return lower.SolveTriangular(x.Slice(1..).Reshape(2, 2).Cos(), transpose: true).Expm1().Square().Log1p();
    }
}
