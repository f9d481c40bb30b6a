namespace Nabla.Kernels.Cuda;

/// <summary>A compiled kernel. The driver copies the arguments at each launch, so that several threads may launch it at once.</summary>
internal sealed unsafe class CudaKernel
{
    private readonly nint _function;
    private readonly int _maxGroupSize;
    // Null if the driver does not tell.
    private readonly int[]? _parameterSizes;

    /// <summary>Takes over a function of a module.</summary>
    public CudaKernel(nint function, CudaInfo info)
    {
        _function = function;
        int most = 0;
        Cu.cuFuncGetAttribute(&most, Cu.FuncMaxThreadsPerBlock, function);
        _maxGroupSize = most == 0 ? info.MaxGroupSize : Math.Min(most, info.MaxGroupSize);
        _parameterSizes = CudaLibraries.DriverHas(nameof(Cu.cuFuncGetParamInfo)) ? ParameterSizes(function) : null;
    }

    /// <summary>Queues the kernel. Null, or why this cannot be.</summary>
    public string? Launch(CudaQueue queue, CudaInfo info, in LaunchSize size, KernelArguments arguments)
    {
        if (SizeFault(info, size) is { } fault) return fault;
        if (ArgumentFault(arguments) is { } misfit) return misfit;
        // A view is two parameters, a pointer and an int, which lie here one after the other.
        int count = arguments.Count;
        void** parameters = stackalloc void*[2 * count];
        (nint Address, nint Length)* views = stackalloc (nint, nint)[count];
        int at = 0;
        CuResult result;
        queue.Enter();
        fixed (byte* values = arguments.Bytes)
        {
            for (int i = 0; i < count; i++)
            {
                KernelArguments.Argument argument = arguments[i];
                if (argument.IsView)
                {
                    // The machine is little-endian: the int is the first half of the word.
                    views[i] = (argument.Address, argument.Length);
                    parameters[at++] = &views[i].Address;
                    parameters[at++] = &views[i].Length;
                }
                else
                {
                    parameters[at++] = values + argument.Offset;
                }
            }
            result = Cu.cuLaunchKernel(_function, (uint)size.GridX, (uint)size.GridY, (uint)size.GridZ, (uint)size.GroupX, (uint)size.GroupY, (uint)size.GroupZ, 0, queue.Stream, parameters, null);
            if (result == CuResult.CUDA_SUCCESS) CudaRecording.OfThread?.Add(queue, _function, size, parameters);
        }
        if (result is CuResult.CUDA_ERROR_INVALID_VALUE or CuResult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES) return CudaErrors.Text(result);
        queue.Check(result, "cuLaunchKernel");
        return null;
    }

    private string? SizeFault(CudaInfo info, in LaunchSize size)
    {
        ReadOnlySpan<int> group = [size.GroupX, size.GroupY, size.GroupZ], grid = [size.GridX, size.GridY, size.GridZ];
        long items = 1;
        for (int axis = 0; axis < 3; axis++)
        {
            if (group[axis] < 1) return "a group has at least one work-item along each axis";
            if (group[axis] > info.MaxItems[axis]) return $"a group has at most {string.Join('×', info.MaxItems)} work-items along the axes";
            if (grid[axis] > info.MaxGroups[axis]) return $"{grid[axis]} groups along {"xyz"[axis]}; the device runs at most {string.Join('×', info.MaxGroups)}";
            items *= group[axis];
        }
        return items > _maxGroupSize
            ? $"the group has {items} work-items; the kernel runs there with at most {_maxGroupSize}, any kernel with at most {info.MaxGroupSize}" : null;
    }

    // The driver takes pointers to the arguments without their sizes, and reads what it needs.
    private string? ArgumentFault(KernelArguments arguments)
    {
        if (_parameterSizes is not { } sizes) return null;
        int at = 0;
        for (int i = 0; i < arguments.Count; i++)
        {
            KernelArguments.Argument argument = arguments[i];
            if (argument.IsView && at + 1 < sizes.Length && sizes[at] == sizeof(nint) && sizes[at + 1] == sizeof(int)) at += 2;
            else if (!argument.IsView && at < sizes.Length && sizes[at] == argument.Size) at++;
            else if (at >= sizes.Length) return $"more than {sizes.Length} parameters were given; the kernel has {sizes.Length}";
            else return $"argument {i} ({(argument.IsView ? "a view" : $"{argument.Size} bytes")}) does not fit parameter {at}, which has {sizes[at]} bytes";
        }
        return at == sizes.Length ? null : $"{at} parameters were given; the kernel has {sizes.Length}";
    }

    private static int[] ParameterSizes(nint function)
    {
        var sizes = new List<int>();
        nuint offset, size;
        while (Cu.cuFuncGetParamInfo(function, (nuint)sizes.Count, &offset, &size) == CuResult.CUDA_SUCCESS) sizes.Add((int)size);
        return [.. sizes];
    }
}
