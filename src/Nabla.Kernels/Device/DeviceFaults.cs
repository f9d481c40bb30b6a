namespace Nabla.Kernels;

/// <summary>
/// Words into which kernels put the smallest place of a fault, <see cref="int.MaxValue"/> if there is none. Work that is done now is asked for its faults at once; work that becomes a part of a
/// <see cref="LaunchReplay"/> when the host next waits for the device after a run, with whatever that run was given, which may be gone by then.
/// </summary>
internal static class DeviceFaults
{
    /// <summary>Words without a fault.</summary>
    public static DenseTensor Words(Accelerator device, int count)
    {
        if (device.RecordedFaults?.Words(count) is { } kept) return kept;
        DenseTensor words = DenseTensor.Allocate(new Aval(DType.I32, [count]), device);
        words.Write<int>([.. Enumerable.Repeat(int.MaxValue, count)]);
        return words;
    }

    /// <summary>Throws what <paramref name="cause"/> makes of the words, now or later, if one of them has a fault. It is told whether that is later: then it must not look at tensors.</summary>
    public static void Check(DenseTensor words, Func<int[], bool, Exception> cause)
    {
        if (((Accelerator)words.Device).RecordedFaults is { } recorded && recorded.Check(words, found => cause(found, true))) return;
        int[] found = words.CopyToArray<int>();
        if (found.Any(word => word != int.MaxValue)) throw cause(found, false);
    }
}

/// <summary>The faults of work that is being recorded.</summary>
internal interface IRecordedFaults
{
    /// <summary>Words without a fault, in which those of all runs meet; null if there is no more room.</summary>
    DenseTensor? Words(int count);

    /// <summary>Throws what <paramref name="cause"/> makes of the words when the host waits for the device after a run; false if they are not from here.</summary>
    bool Check(DenseTensor words, Func<int[], Exception> cause);
}
