using Microsoft.CodeAnalysis;

namespace Nabla.Kernels.Generator;

/// <summary>What a kernel may not contain. Each rule has a page in docs/errors.md and a test.</summary>
internal static class Rules
{
    /// <summary>NK0001.</summary>
    public static readonly DiagnosticDescriptor Construct = Rule("NK0001", "Construct outside the kernel subset",
        "kernel: not in the kernel subset: {0}. Kernels are views, scalars, loops and conditions; see docs/kernels.md.");

    /// <summary>NK0002.</summary>
    public static readonly DiagnosticDescriptor Call = Rule("NK0002", "Call of a method that has no translation",
        "kernel: no translation of this method: {0}. Call static methods of this project in the subset, MathF, Math, or mark the method [Intrinsic].");

    /// <summary>NK0003.</summary>
    public static readonly DiagnosticDescriptor Type = Rule("NK0003", "Type outside the kernel subset",
        "kernel: type not allowed in a kernel: {0}; expected numbers, bool, views of them, or structs of them");

    /// <summary>NK0004.</summary>
    public static readonly DiagnosticDescriptor Declaration = Rule("NK0004", "Declaration of a kernel",
        "kernel: {0}: expected a 'static void' method with a name of its own in a 'static partial class'");

    /// <summary>NK0005.</summary>
    public static readonly DiagnosticDescriptor Extent = Rule("NK0005", "Extent of group-shared or local memory",
        "kernel: {0}: the number of elements must be a constant, and the allocation the initial value of a local in the outermost block of the kernel");

    /// <summary>NK0006.</summary>
    public static readonly DiagnosticDescriptor Barrier = Rule("NK0006", "Barrier outside a kernel",
        "kernel: Group.Barrier() stands in a helper method: {0}; a barrier must stand as a statement in the kernel itself");

    /// <summary>NK0007.</summary>
    public static readonly DiagnosticDescriptor Recursion = Rule("NK0007", "Recursion", "kernel: recursive call: {0}; devices have no stack to recurse on");

    /// <summary>NK0008.</summary>
    public static readonly DiagnosticDescriptor State = Rule("NK0008", "State outside the kernel",
        "kernel: reads or writes a field: {0}; only constants and static readonly numbers with a constant value are visible to a kernel");

    /// <summary>NK0009.</summary>
    public static readonly DiagnosticDescriptor View = Rule("NK0009", "View without a fixed memory",
        "kernel: a view must come from one memory: {0}; declare it with 'var' from a parameter, an allocation or SubView, and never assign it again");

    /// <summary>NK0010.</summary>
    public static readonly DiagnosticDescriptor Instances = Rule("NK0010", "Generic kernel without element types",
        "kernel: generic kernel without element types: {0}; add [Instances(typeof(float), typeof(double))]");

    /// <summary>NK0011.</summary>
    public static readonly DiagnosticDescriptor Lanes = Rule("NK0011", "Count of a loop over lanes",
        "kernel: lanes of a vector: {0}; expected a constant, 2, 4, 8 or a multiple of 16, as the end of a 'for' loop that counts up from 0");

    /// <summary>All of them.</summary>
    public static readonly DiagnosticDescriptor[] All =
        [Construct, Call, Type, Declaration, Extent, Barrier, Recursion, State, View, Instances, Lanes];

    private static DiagnosticDescriptor Rule(string id, string title, string message) => new(
        id, title, message, "Nabla.Kernels", DiagnosticSeverity.Error, isEnabledByDefault: true,
        helpLinkUri: $"docs/errors.md#{id.ToLowerInvariant()}");
}
