namespace Nabla.Kernels.Generator;

/// <summary>All that is written about one kernel: strings alone, so that an unchanged kernel is recognised.</summary>
internal sealed record KernelModel(
    string Namespace,
    string Class,
    string ClassKeywords,
    string Method,
    string TypeParameters,
    string Constraints,
    KernelShape Shape,
    EquatableArray<KernelParameter> Parameters,
    EquatableArray<string> OpenParameters,
    EquatableArray<KernelInstance> Instances,
    EquatableArray<Part> Parts,
    EquatableArray<string> Usings,
    KernelCoroutine? Coroutine);

/// <summary>A parameter of a kernel, as C# and as what the launcher takes.</summary>
internal sealed record KernelParameter(string Name, string Type, string? Element);

/// <summary>A kernel for one choice of element types: the condition on the type parameters, and the text.</summary>
internal sealed record KernelInstance(string Condition, string Name, string OpenCl, string Cuda, EquatableArray<string> Uses, bool NeedsDouble);

/// <summary>The body of a kernel with barriers as an iterator that stops at each.</summary>
internal sealed record KernelCoroutine(string Body, string File, int Line);

/// <summary>An operation on elements for one element type.</summary>
internal sealed record OperationModel(string Type, string Suffix, string Function, EquatableArray<Part> Parts);
