using Nabla.Autograd;
using Nabla.Proof;

namespace Nabla.Tests.Cuda;

/// <summary>
/// The contract of some primitives of every family on a GPU whose kernels are the generated CUDA C, run on the CPU. The others are checked by <c>tests/cuda.sh</c>, which takes minutes.
/// </summary>
[Collection(nameof(FakeCuda))]
public sealed class CudaContractTests
{
    public static TheoryData<string> Primitives =>
    [
        "add", "rem", "tanh", "pow", "select", "convert", "reduce_sum", "reduce_max", "argmax", "cumsum", "sort", "gather", "scatter_add", "concatenate", "transpose", "dot_general", "max_pool", "cholesky", "solve", "coding_rate",
        "random_bits", "random_uniform", "random_normal",
    ];

    [Theory]
    [MemberData(nameof(Primitives))]
    public void A_primitive_keeps_its_contract_through_CUDA_C(string name)
    {
        using IDisposable _ = Device.Use(FakeCuda.Devices[0]);
        Primitive primitive = PrimitiveCatalog.Find(name)!;
        ContractResult[] results = [.. Contract.DTypesOf(primitive).SelectMany(dtype => Contract.CheckAll(primitive, dtype))];
        Assert.True(results.All(r => r.Passed), string.Join('\n', results.Where(r => !r.Passed)));
    }
}
