namespace Nabla.Kernels.OpenCl;

/// <summary>
/// A compiled kernel. Its arguments are part of the driver's object, so launches of one kernel exclude each other from the first argument until it is queued.
/// </summary>
internal sealed unsafe class OpenClKernel
{
    private readonly nint _handle;
    private readonly uint _parameterCount;
    private readonly bool[]? _isPointer;
    private readonly int _maxGroupSize;
    private readonly ulong _sharedBytes;
    private readonly Lock _gate = new();

    /// <summary>Takes over a kernel object.</summary>
    public OpenClKernel(nint handle, OpenClInfo info)
    {
        _handle = handle;
        uint count = 0;
        Cl.clGetKernelInfo(handle, Cl.KernelNumArgs, sizeof(uint), &count, null);
        _parameterCount = count;
        _isPointer = Pointers(handle, count);
        nuint most = 0;
        Cl.clGetKernelWorkGroupInfo(handle, info.Device, Cl.KernelWorkGroupSize, (nuint)sizeof(nuint), &most, null);
        ulong shared = 0;
        Cl.clGetKernelWorkGroupInfo(handle, info.Device, Cl.KernelLocalMemSize, sizeof(ulong), &shared, null);
        _sharedBytes = shared;
        _maxGroupSize = most == 0 ? info.MaxGroupSize : (int)Math.Min(most, (nuint)info.MaxGroupSize);
    }

    /// <summary>Sets the arguments and queues the kernel. Null, or why this cannot be.</summary>
    public string? Launch(OpenClQueue queue, OpenClInfo info, in LaunchSize size, KernelArguments arguments)
    {
        if (GroupFault(info, size) is { } fault) return fault;
        nuint* local = stackalloc nuint[3] { (nuint)size.GroupX, (nuint)size.GroupY, (nuint)size.GroupZ };
        nuint* global = stackalloc nuint[3] { (nuint)size.GridX * local[0], (nuint)size.GridY * local[1], (nuint)size.GridZ * local[2] };
        lock (_gate)
        {
            if (SetArguments(queue, arguments) is { } refused) return refused;
            ClStatus status = queue.Launch(_handle, global, local);
            return status == ClStatus.CL_SUCCESS ? null : status.ToString();
        }
    }

    private string? GroupFault(OpenClInfo info, in LaunchSize size)
    {
        if (size.GroupX < 1 || size.GroupY < 1 || size.GroupZ < 1) return "a group has at least one work-item along each axis";
        long items = (long)size.GroupX * size.GroupY * size.GroupZ;
        if (items > _maxGroupSize)
            return $"the group has {items} work-items; the kernel runs there with at most {_maxGroupSize}, any kernel with at most {info.MaxGroupSize}";
        if (_sharedBytes > (ulong)info.SharedMemoryBytes)
            return $"a group shares {_sharedBytes:N0} bytes of memory; the device has {info.SharedMemoryBytes:N0} for it";
        return size.GroupX > info.MaxItems[0] || size.GroupY > info.MaxItems[1] || size.GroupZ > info.MaxItems[2]
            ? $"a group has at most {string.Join('×', info.MaxItems)} work-items along the axes" : null;
    }

    private string? SetArguments(OpenClQueue queue, KernelArguments arguments)
    {
        uint at = 0;
        for (int i = 0; i < arguments.Count; i++)
        {
            KernelArguments.Argument argument = arguments[i];
            // Drivers crash on a number where they expect a memory object.
            if (_isPointer is not null && at < _parameterCount && _isPointer[at] != argument.IsView)
                return $"argument {i} is {(argument.IsView ? "a view" : "a value")}; the kernel has the other there";
            ClStatus status;
            if (argument.IsView)
            {
                nint address = argument.Address == 0 && argument.Length == 0 ? queue.Nothing : argument.Address;
                nint memory = queue.Memory.Find(address, out long offset);
                int length = argument.Length;
                if (memory == 0) return $"argument {i} does not lie in memory of this device";
                status = Cl.clSetKernelArg(_handle, at++, (nuint)sizeof(nint), &memory);
                if (status == ClStatus.CL_SUCCESS) status = Cl.clSetKernelArg(_handle, at++, sizeof(long), &offset);
                if (status == ClStatus.CL_SUCCESS) status = Cl.clSetKernelArg(_handle, at++, sizeof(int), &length);
            }
            else
            {
                fixed (byte* value = arguments.BytesOf(argument)) status = Cl.clSetKernelArg(_handle, at++, (nuint)argument.Size, value);
            }
            if (status != ClStatus.CL_SUCCESS) return $"argument {i} ({(argument.IsView ? "a view" : $"{argument.Size} bytes")}): {status}";
        }
        // The driver would take those that are missing from the launch before.
        return at == _parameterCount ? null : $"{at} parameters were given; the kernel has {_parameterCount}";
    }

    // Which parameters point to device memory; null if the driver does not tell.
    private static bool[]? Pointers(nint kernel, uint count)
    {
        bool[] pointers = new bool[count];
        for (uint i = 0; i < count; i++)
        {
            uint space = 0;
            if (Cl.clGetKernelArgInfo(kernel, i, Cl.KernelArgAddressQualifier, sizeof(uint), &space, null) != ClStatus.CL_SUCCESS) return null;
            pointers[i] = space == Cl.KernelArgAddressGlobal;
        }
        return pointers;
    }
}
