using Nabla.Nn;
using static Nabla.Tests.Oracle.OracleCase;

namespace Nabla.Tests.Oracle;

internal static class ShapeCases
{
    public static IEnumerable<OracleCase> All => [.. Reductions, .. Running, .. Order, .. Indices, .. Shapes, .. Products];

    private static OracleCase[] Reductions =>
    [
        Of("reductions/sum of all", x => x.Sum()),
        Of("reductions/sum of axes 0 and 2", x => x.Sum(0, 2)),
        Of("reductions/sum of 100003", x => x.Sum()),
        Of("reductions/sum of nothing", x => x.Sum(1)),
        Of("reductions/sum with kept axis", x => x / x.Square().Sum(1).ExpandDims(1)),
        Of("reductions/sum of transposed", x => x.T.Sum(0)),
        Of("reductions/sum of integers", x => x.Sum(0)),
        Of("reductions/mean", x => x.Mean()),
        Of("reductions/mean of one", x => x.Mean(0)),
        Of("reductions/variance", x => x.Variance(1)),
        Of("reductions/variance of one", x => x.Variance(1)),
        Of("reductions/variance far from zero", x => x.Variance()).Within(2e-10, "the mean 1e6 has an error of 1e6·u, beside deviations of order 1"),
        Of("reductions/product", x => x.Prod(1)),
        Of("reductions/product with one zero", x => x.Prod(1)),
        Of("reductions/product with two zeros", x => x.Prod(1)),
        Of("reductions/product of nothing", x => x.Prod(1)),
        Of("reductions/max of axis", x => x.Max(1)),
        Of("reductions/max of all", x => x.Max()),
        Of("reductions/max with ties", x => x.Max(1)),
        Of("reductions/min of axes", x => x.Min(0, 2)),
        Of("reductions/max with NaN", x => x.Max(1)),
        Many("reductions/argmax and argmin", t => [t[0].ArgMax(1), t[0].ArgMin(0)]),
        Many("reductions/any and all", t => [t[0].Any(1), t[0].All(1)]),
        Many("reductions/any and all of nothing", t => [t[0].Any(1), t[0].All(1)]),
        Of("reductions/logsumexp", x => x.LogSumExp(1)),
        Of("reductions/logsumexp with -inf", x => x.LogSumExp(1)),
        Of("reductions/logsumexp of huge", x => x.LogSumExp(1)).Within(3e-12, "PyTorch's gradient is exp(x − result), an exponent with an error of 1e4·u"),
        Of("reductions/logsumexp of infinities alone", x => x.LogSumExp(1)),
        Of("reductions/norm", x => x.Norm()),
        Of("reductions/logsumexp of -inf alone", x => x.LogSumExp(0)),
        Of("reductions/logsumexp of nothing", x => x.LogSumExp(1)),
        Of("reductions/norm of huge and tiny", x => x.Norm(1)),
        Many("reductions/max, sum and product of integers", t => [t[0].Max(1), t[0].Sum(1), t[0].Prod(1)]),
        Of("reductions/mean of nothing", x => x.Mean(1)),
        Of("reductions/norm of nothing", x => x.Norm(1)),
        Many("reductions/argmax and argmin of ties", t => [t[0].ArgMax(1), t[0].ArgMin(1)]),
        Many("reductions/argmax and argmin with NaN", t => [t[0].ArgMax(1), t[0].ArgMin(1)]),
        Of("reductions/norm at 0", x => x.Norm()),
        Of("reductions/norm of axis", x => x.Norm(1)),
    ];

    private static OracleCase[] Running =>
    [
        Of("running/cumsum", x => x.CumSum(1)),
        Of("running/cumsum of axis 0", x => x.CumSum(0)),
        Of("running/cumsum reversed", x => x.CumSum(1, reverse: true)),
        Of("running/cumsum of nothing", x => x.CumSum(1)),
        Of("running/cumprod", x => x.CumProd(1)),
        Of("running/cumprod with one zero", x => x.CumProd(0)),
        Of("running/cumprod with two zeros", x => x.CumProd(0)),
        Of("running/cummax", x => x.CumMax(1)),
        Of("running/cummin", x => x.CumMin(0)),
        Of("running/cumprod with zeros, axis 0", x => x.CumProd(0)),
        Of("running/cummax with NaN", x => x.CumMax(0)),
        Of("running/cummin with ties", x => x.CumMin(0)),
        Of("running/cumsum of integers", x => x.CumSum(1)),
        Of("running/cummax with ties", x => x.CumMax(0)),
        Of("running/cummax reversed", x => x.CumMax(0, reverse: true)),
    ];

    private static OracleCase[] Order =>
    [
        Of("order/sort", x => x.Sort(1)),
        Of("order/sort descending of axis 0", x => x.Sort(0, descending: true)),
        Of("order/sort with infinities and NaN", x => x.Sort()),
        Of("order/argsort of ties", x => x.ArgSort()),
        Of("order/argsort descending of ties", x => x.ArgSort(descending: true)),
        Of("order/sort of ties", x => x.Sort()),
        Many("order/sort of one and of none", t => [t[0].Sort(1), t[1].Sort(1)]),
        Of("order/top-k", x => x.TopK(3, 1).Values),
        Of("order/top-k indices", x => x.TopK(3, 1).Indices),
        Of("order/sort of integers", x => x.Sort(1)),
        Of("order/top-0", x => x.TopK(0, 1).Values),
        Of("order/search in nothing", (s, v) => s.SearchSorted(v)),
        Of("order/take along", (x, i) => x.TakeAlong(i, 1)),
        Of("order/take along axis 0", (x, i) => x.TakeAlong(i, 0)),
        Of("order/search sorted left", (s, v) => s.SearchSorted(v)),
        Of("order/search sorted right", (s, v) => s.SearchSorted(v, right: true)),
    ];

    private static OracleCase[] Indices =>
    [
        Of("indices/take repeated", (x, i) => x.Take(i)),
        Of("indices/take axis 1 by a matrix", (x, i) => x.Take(i, 1)),
        Of("indices/take none", (x, i) => x.Take(i)),
        Of("indices/take last", (x, i) => x.TakeLast(i)),
        Many("indices/scatter add with repeats", t => [t[0].ScatterAdd(t[1], t[2])]),
        Many("indices/scatter add of nothing", t => [t[0].ScatterAdd(t[1], t[2])]),
        Of("indices/segment sum with an empty segment", (x, i) => x.SegmentSum(i, 4)),
        Of("indices/one-hot", i => i.OneHot(4, DType.F64)),
        Of("indices/embedding", (i, w) => new Embedding(7, 5).Apply([w], i)),
        Of("indices/diagonal", x => x.Diagonal()),
        Of("indices/lower triangle", x => x.Tril(1)),
        Of("indices/upper triangle", x => x.Triu(-1)),
        Many("indices/concatenate", t => [Ops.Concatenate(t, 1)]),
        Many("indices/stack", t => [Ops.Stack(t, 1)]),
        Of("indices/pad", x => x.Pad([0, 1], [3, 2], value: 0.5)),
        Of("indices/pad by negative amounts", x => x.Pad([1, -1], [-2, 2])),
        Of("indices/slice with steps", x => x.Slice([1, 0], [3, 2], [2, 3])),
        Of("indices/reverse", x => x.Reverse(0, 1).CumSum(1)),
        Of("indices/masked", (x, m) => Ops.Where(m, x, x.ZerosLike())),
    ];

    private static OracleCase[] Shapes =>
    [
        Of("shapes/reshape", x => x.Reshape(3, 8).CumSum(0)),
        Of("shapes/reshape of transposed", x => x.T.Reshape(8, 3).CumSum(0)),
        Of("shapes/transpose", x => x.Transpose(2, 0, 1).CumSum(0)),
        Of("shapes/move axis", x => x.MoveAxis(0, 2).CumSum(2)),
        Of("shapes/broadcast", x => x.BroadcastTo([2, 3, 4]).CumSum(2)),
        Of("shapes/expand and squeeze", x => x.Squeeze(1).ExpandDims(0)),
        Of("shapes/reshape of nothing", x => x.Reshape(0, 2, 3)),
    ];

    private static OracleCase[] Products =>
    [
        Of("products/matrix by matrix", (a, b) => a.MatMul(b)),
        Of("products/larger matrices", (a, b) => a.MatMul(b)),
        Of("products/transposed operands", (a, b) => a.T.MatMul(b.T)),
        Of("products/matrix by vector", (a, b) => a.MatMul(b)),
        Of("products/vector by matrix", (a, b) => a.MatMul(b)),
        Of("products/vector by vector", (a, b) => a.Dot(b)),
        Of("products/batched", (a, b) => a.MatMul(b)),
        Of("products/batched and broadcast", (a, b) => a.MatMul(b)),
        Of("products/batch by one matrix", (a, b) => a.MatMul(b)),
        Of("products/vector by batch", (a, b) => a.MatMul(b)),
        Of("products/inner size 0", (a, b) => a.MatMul(b)),
        Of("products/no rows", (a, b) => a.MatMul(b)),
        Of("products/integers", (a, b) => a.MatMul(b)),
        Of("products/no batches", (a, b) => a.MatMul(b)),
        Of("products/sizes 1", (a, b) => a.MatMul(b)),
        Of("products/outer", (a, b) => a.Outer(b)),
        Contraction("bij,bjk->bik"),
        Contraction("ij->ji"),
        Contraction("iij->j"),
        Contraction("ij,i->j"),
        Contraction(",ij->ij"),
        Contraction("ij,jk->ik"),
        Contraction("ab,cb,ad->dc"),
        Contraction("ii->"),
        Contraction("ii->i"),
        Contraction("ij,ij->"),
        Contraction("bhid,bhjd->bhij"),
        Contraction("i,j,k->kij"),
        Contraction("ij,jk,kl->il"),
        Contraction("ijk->j"),
    ];

    private static OracleCase Contraction(string subscripts) => Many($"products/einsum {subscripts}", t => [Ops.Einsum(subscripts, t)]);
}
