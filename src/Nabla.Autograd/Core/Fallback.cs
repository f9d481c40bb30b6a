using System.Collections.Concurrent;
using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// What happens when a device has no kernel for a primitive: an error that names it, or, if <c>NABLA_FALLBACK=cpu</c> or <see cref="IsAllowed"/> says so, the CPU does it
/// on copies. Each primitive that needed it is told once, on standard error.
/// </summary>
public static class Fallback
{
    private static readonly ConcurrentDictionary<(string Primitive, string Device), bool> Told = new();

    /// <summary>True if the CPU may do what a device cannot. Starts as <c>NABLA_FALLBACK=cpu</c>.</summary>
    public static bool IsAllowed { get; set; } = Environment.GetEnvironmentVariable("NABLA_FALLBACK") == "cpu";

    /// <summary>The primitives that the CPU did for a device so far, by name.</summary>
    public static IReadOnlyList<string> Used => [.. Told.Keys.Select(k => k.Primitive).Distinct().Order()];

    internal static void Run(Primitive primitive, ReadOnlySpan<DenseTensor> inputs, DenseTensor[] outputs, object? parameters, Device device)
    {
        if (Told.TryAdd((primitive.Name, device.Name), true)) Console.Error.WriteLine($"nabla: {primitive.Name} has no kernel for {device}; the CPU does it (NABLA_FALLBACK=cpu).");
        var operands = new DenseTensor[inputs.Length];
        for (int i = 0; i < operands.Length; i++) operands[i] = inputs[i].OnHost();
        DenseTensor[] results = Array.ConvertAll(outputs, o => DenseTensor.Allocate(o.Aval, Device.Cpu));
        primitive.Evaluate(operands, results, parameters);
        for (int i = 0; i < results.Length; i++) Move.Copy(results[i], outputs[i]);
        GC.KeepAlive(operands);
    }
}
