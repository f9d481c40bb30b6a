using System.Runtime.CompilerServices;
using Nabla.Autograd;
using Nabla.Proof;
using Nabla.Tests.Accelerators;
using Nabla.Tests.Tensors;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class PrimitiveContractTests
{
    public static TheoryData<string> Primitives => [.. PrimitiveCatalog.All.Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Primitives))]
    public void Every_primitive_keeps_its_contract_in_every_element_type(string name)
    {
        Primitive primitive = PrimitiveCatalog.Find(name)!;
        IReadOnlyList<DType> dtypes = Contract.DTypesOf(primitive);
        ContractResult[] results = [.. dtypes.SelectMany(dtype => Contract.CheckAll(primitive, dtype))];
        Assert.All(dtypes, dtype => Assert.True(results.Single(r => r.Check == "evaluation" && r.DType == dtype).Comparisons > 0));
        Assert.True(results.All(r => r.Passed), string.Join('\n', results.Where(r => !r.Passed)));
    }

    [Fact]
    public void Every_primitive_class_is_found_and_names_are_unique()
    {
        Assert.Empty(PrimitiveCatalog.Orphans);
        Assert.Equal(PrimitiveCatalog.All.Count, PrimitiveCatalog.All.Select(p => p.Name).Distinct().Count());
        string[] required =
        [
            "neg", "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tanh", "logistic", "erf", "floor", "add", "sub", "mul", "div",
            "pow", "integer_pow", "max", "min", "eq", "ne", "lt", "le", "gt", "ge", "select", "convert", "stop_gradient", "reduce_sum", "reduce_max", "reduce_min",
            "reduce_prod", "argmax", "argmin", "cumsum", "reshape", "transpose", "broadcast_in_dim", "slice", "pad", "concatenate", "reverse", "gather",
            "scatter_add", "iota", "dot_general", "cholesky", "triangular_solve", "random_bits",
        ];
        Assert.All(required, name => Assert.NotNull(PrimitiveCatalog.Find(name)));
    }

    [Fact]
    public void Functions_of_floats_are_checked_in_both_float_types_and_to_second_order()
    {
        foreach (string name in (string[])["tanh", "mul", "reduce_prod", "dot_general", "cholesky", "gather"])
            foreach (DType dtype in (DType[])[DType.F32, DType.F64])
                Assert.All((string[])["jvp", "second order", "adjoint", "hessian", "vmap of vjp"], check =>
                    Assert.True(Contract.Checks[check](PrimitiveCatalog.Find(name)!, dtype).Comparisons > 0, $"{name} {dtype} {check}"));
    }
}

[Collection(nameof(MemoryTestsRunAlone))]
[OnChosenDevice]
public sealed class ContractMemoryTests
{
    [Theory]
    [InlineData("mul")]
    [InlineData("dot_general")]
    [InlineData("cholesky")]
    public void A_contract_run_gives_all_its_memory_back(string name)
    {
        Run(name);
        long start = LiveAfterCollection();
        Run(name);
        Assert.Equal(start, LiveAfterCollection());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run(string name) => Assert.All(Contract.CheckAll(PrimitiveCatalog.Find(name)!, DType.F64), r => Assert.True(r.Passed, r.ToString()));

    private static long LiveAfterCollection()
    {
        for (int i = 0; i < 3; i++) BufferPool.CollectAll();
        return Buffer.LiveBytes;
    }
}
