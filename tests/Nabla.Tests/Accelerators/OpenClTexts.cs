using System.Runtime.InteropServices;
using Nabla.Kernels;
using Nabla.Kernels.OpenCl;

namespace Nabla.Tests.Accelerators;

/// <summary>Kernels written by hand, and what tests do with any device.</summary>
internal static class OpenClTexts
{
    /// <summary>The first OpenCL device; without one the test is skipped.</summary>
    public static OpenClDevice Device
    {
        get
        {
            OpenClDevice? device = Nabla.Kernels.Accelerators.Find().OfType<OpenClDevice>().FirstOrDefault();
            Assert.SkipWhen(device is null, string.Join(' ', Nabla.Kernels.Accelerators.NotFound));
            return device;
        }
    }

    /// <summary>z = x + y, element by element.</summary>
    public static KernelProgram Add(string sign = "+") =>
        Kernel("add", ["float x", "float y", "float z"], [], $"int i = get_global_id(0); if (i < z_length) z[i] = x[i] {sign} y[i];");

    /// <summary>A kernel of views, declared as <c>element name</c>, and of values, declared as in C.</summary>
    public static KernelProgram Kernel(string name, string[] views, string[] values, string body, string before = "", bool needsDouble = false)
    {
        string[][] parts = [.. views.Select(view => view.Split(' '))];
        IEnumerable<string> parameters = [.. parts.Select(p => $"__global {p[0]}* {p[1]}_base, long {p[1]}_offset, int {p[1]}_length"), .. values];
        IEnumerable<string> opened = parts.Select(p => $"    __global {p[0]}* {p[1]} = (__global {p[0]}*)((__global char*){p[1]}_base + {p[1]}_offset);");
        string text = $"{before}\n__kernel void {name}({string.Join(", ", parameters)})\n{{\n{string.Join('\n', opened)}\n    {body}\n}}\n";
        return new KernelProgram { Name = name, OpenCl = text, Cuda = "", NeedsDouble = needsDouble };
    }

    /// <summary>Memory of a device with these elements.</summary>
    public static nint Place<T>(this Device device, params ReadOnlySpan<T> elements) where T : unmanaged
    {
        nint address = device.AllocateMemory(Math.Max(64, MemoryMarshal.AsBytes(elements).Length));
        device.Upload(MemoryMarshal.AsBytes(elements), address);
        return address;
    }

    /// <summary>Elements at an address of a device.</summary>
    public static T[] Fetch<T>(this Device device, nint address, int count) where T : unmanaged
    {
        var elements = new T[count];
        device.Download(address, MemoryMarshal.AsBytes(elements.AsSpan()));
        return elements;
    }

    /// <summary>Gives blocks back.</summary>
    public static void Free(this Device device, params ReadOnlySpan<nint> addresses)
    {
        foreach (nint address in addresses) device.FreeMemory(address, 0);
    }
}
