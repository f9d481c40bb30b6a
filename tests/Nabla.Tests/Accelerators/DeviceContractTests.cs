using Nabla.Autograd;
using Nabla.Kernels;
using Nabla.Proof;

namespace Nabla.Tests.Accelerators;

/// <summary>
/// The contract of every primitive on every accelerator that is present, the emulator at least; where NABLA_DEVICE chooses one, PrimitiveContractTests run on it.
/// </summary>
public sealed class DeviceContractTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (Device device in Device.All.Where(d => d is Accelerator && d != TestDevice.Chosen))
                foreach (Primitive primitive in PrimitiveCatalog.All) cases.Add(device.Name, primitive.Name);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_primitive_keeps_its_contract_on_every_accelerator(string device, string name)
    {
        using IDisposable _ = Device.Use(Device.Parse(device));
        Primitive primitive = PrimitiveCatalog.Find(name)!;
        // Rules of derivatives are the same everywhere: beside a driver's device, which proves them all, the emulator shows that its kernels compute.
        bool briefly = device == "emu" && Device.All.Count(d => d is Accelerator) > 1;
        ContractResult[] results = [.. Contract.DTypesOf(primitive).SelectMany(dtype =>
            briefly ? [Contract.Checks["evaluation"](primitive, dtype)] : Contract.CheckAll(primitive, dtype))];
        Assert.True(results.All(r => r.Passed), string.Join('\n', results.Where(r => !r.Passed)));
    }
}
