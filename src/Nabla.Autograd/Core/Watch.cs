using System.Diagnostics;
using System.Globalization;

namespace Nabla.Autograd;

/// <summary>What <see cref="NablaDebug"/> asks for around kernel calls and compilations.</summary>
internal static class Watch
{
    private static int _dumped;

    /// <summary>
    /// File and line of the first caller outside the engine, such as <c>Train.cs:42</c>; the method's name where there are no symbols. Slow: it walks
    /// the stack.
    /// </summary>
    public static string? CallSite()
    {
        if (!NablaDebug.WantsSource) return null;
        foreach (StackFrame frame in new StackTrace(fNeedFileInfo: true).GetFrames())
        {
            if (frame.GetMethod() is not { DeclaringType.Assembly: { } assembly } method || IsEngine(assembly.GetName().Name!)) continue;
            return frame.GetFileName() is { } file ? $"{Path.GetFileName(file)}:{frame.GetFileLineNumber()}" : $"{method.DeclaringType}.{method.Name}";
        }
        return null;
    }

    /// <summary>Runs a kernel with all checks that are on.</summary>
    public static void Evaluate(Primitive primitive, DenseTensor[] inputs, DenseTensor[] outputs, object? parameters, Device device, string? source)
    {
        if (NablaDebug.Checks.HasFlag(DebugChecks.Bounds)) CheckBounds(primitive, [.. inputs, .. outputs]);
        bool findsNan = NablaDebug.Checks.HasFlag(DebugChecks.Nan);
        // Asked first, because a result may take the memory of an operand.
        bool hadNan = findsNan && Array.Exists(inputs, i => FirstNan(i) >= 0);
        TimeSpan time = Time(device, () => Evaluation.Execute(primitive, inputs, outputs, parameters, device));
        if (NablaDebug.Level >= 2) NablaDebug.Tell(2, Describe(primitive, inputs, outputs, parameters, time));
        if (findsNan) CheckNan(primitive, inputs, outputs, hadNan, source);
    }

    /// <summary>Runs a chain of element-wise primitives, and tells of it.</summary>
    public static void Fused(string names, Device device, Action run)
    {
        TimeSpan time = Time(device, run);
        if (NablaDebug.Level >= 2) NablaDebug.Tell(2, string.Create(CultureInfo.InvariantCulture, $"{time.TotalMicroseconds,9:F1} µs            fused {names}"));
    }

    // A launch returns before the kernel has run: where times are told, the device is idle before and after.
    private static TimeSpan Time(Device device, Action run)
    {
        bool told = NablaDebug.Level >= 2;
        if (told) device.Synchronize();
        long start = Stopwatch.GetTimestamp();
        run();
        if (told) device.Synchronize();
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Tells of a program that has been compiled, and writes it to the dump folder.</summary>
    public static void Compiled(Program program, Plan plan, TimeSpan time)
    {
        NablaDebug.Tell(1, string.Create(CultureInfo.InvariantCulture,
            $"compile: {string.Join(' ', program.InVars.Select(v => v.Aval))} -> {string.Join(' ', program.Outputs.Select(o => o.Aval))}: " +
            $"{program.Equations.Count} equations, {plan.StepCount} kernel calls, arena {plan.ArenaBytes} bytes, {time.TotalMilliseconds:F1} ms"));
        if (NablaDebug.DumpFolder is not { } folder) return;
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"program-{Environment.ProcessId}-{Interlocked.Increment(ref _dumped):D3}");
        File.WriteAllText(path + ".ir", program.ToString() + "\n");
        File.WriteAllText(path + ".dot", program.ToDot());
    }

    private static bool IsEngine(string assembly) =>
        assembly is "Nabla.Tensors" or "Nabla.Kernels" or "Nabla.Autograd" || assembly.StartsWith("System.", StringComparison.Ordinal);

    private static string Describe(Primitive primitive, DenseTensor[] inputs, DenseTensor[] outputs, object? parameters, TimeSpan time)
    {
        double bytes = inputs.Concat(outputs).Sum(t => (double)t.Count * t.DType.Size), seconds = Math.Max(time.TotalSeconds, 1e-9);
        string printed = primitive.Print(parameters);
        return string.Create(CultureInfo.InvariantCulture,
            $"{time.TotalMicroseconds,9:F1} µs {bytes / seconds * 1e-9,6:F1} GB/s  {string.Join(' ', outputs.Select(o => o.Aval))} = " +
            $"{primitive.Name}{(printed.Length > 0 ? $"[{printed}]" : "")} {string.Join(' ', inputs.Select(i => i.Aval))}");
    }

    private static void CheckNan(Primitive primitive, DenseTensor[] inputs, DenseTensor[] outputs, bool hadNan, string? source)
    {
        foreach (DenseTensor output in outputs)
        {
            int at = FirstNan(output);
            if (at >= 0) throw AutogradErrors.NanFound(primitive, output.Aval, at, inputs, hadNan, source ?? CallSite());
        }
    }

    private static int FirstNan(DenseTensor x) => x.DType.IsFloat ? Array.FindIndex(x.ToDoubles(), double.IsNaN) : -1;

    private static void CheckBounds(Primitive primitive, DenseTensor[] tensors)
    {
        foreach (DenseTensor tensor in tensors)
        {
            if (tensor.Count == 0) continue;
            long low = tensor.Layout.Offset, high = low;
            for (int axis = 0; axis < tensor.Rank; axis++)
            {
                long reach = (tensor.Shape.Dims[axis] - 1) * tensor.Layout.Strides[axis];
                if (reach < 0) low += reach;
                else high += reach;
            }
            if (low < 0 || (high + 1) * tensor.DType.Size > tensor.Buffer.Bytes) throw AutogradErrors.OutOfBounds(primitive.Name, tensor, low, high);
        }
    }
}
