using Microsoft.CodeAnalysis;

namespace Nabla.Kernels.Generator;

/// <summary>A method with its type parameters bound, and with the memory that each of its views points to: what becomes one C function.</summary>
internal sealed class MethodInstance(IMethodSymbol method, IReadOnlyDictionary<ITypeParameterSymbol, ITypeSymbol> types, IReadOnlyList<Space> spaces)
{
    /// <summary>Its definition.</summary>
    public IMethodSymbol Method { get; } = method;

    /// <summary>The memory of each view among its parameters, in order.</summary>
    public IReadOnlyList<Space> Spaces { get; } = spaces;

    /// <summary>The name of the C function: type, method, element types, memories other than global.</summary>
    public string CName
    {
        get
        {
            string name = $"{Method.ContainingType.Name}_{Method.Name}";
            if (IsOverloaded) name += string.Concat(Method.Parameters.Select(p => "_" + Suffix(MethodTranslator.ElementOf(p.Type) ?? p.Type)));
            foreach (ITypeParameterSymbol parameter in Method.TypeParameters)
                if (!IsOpen(parameter)) name += "_" + Suffix(Resolve(parameter));
            foreach (ITypeParameterSymbol parameter in Method.ContainingType.TypeParameters)
                if (!IsOpen(parameter)) name += "_" + Suffix(Resolve(parameter));
            if (Spaces.Any(s => s != Space.Global)) name += "_" + string.Concat(Spaces.Select(s => char.ToLowerInvariant(s.ToString()[0])));
            return Identifiers.InC(name);
        }
    }

    // Methods of one name that C could not tell apart; those over spans are for the host.
    private bool IsOverloaded => Method.ContainingType.GetMembers(Method.Name).OfType<IMethodSymbol>()
        .Count(m => m.TypeParameters.Length == Method.TypeParameters.Length && m.Parameters.All(p => !p.Type.IsRefLikeType)) > 1;

    /// <summary>A type with type parameters replaced, where they are bound.</summary>
    public ITypeSymbol Resolve(ITypeSymbol type) =>
        type is ITypeParameterSymbol parameter && types.TryGetValue(parameter, out ITypeSymbol? bound) ? bound : type;

    /// <summary>True for a parameter that stands for an operation and is bound when a kernel is first launched.</summary>
    public bool IsOpen(ITypeParameterSymbol parameter) => !types.ContainsKey(parameter);

    /// <summary>The bindings of a method called from this one.</summary>
    public Dictionary<ITypeParameterSymbol, ITypeSymbol> BindingsOf(IMethodSymbol called)
    {
        var bindings = new Dictionary<ITypeParameterSymbol, ITypeSymbol>(SymbolEqualityComparer.Default);
        Bind(called.OriginalDefinition.TypeParameters, called.TypeArguments);
        if (called.ContainingType is { } type) Bind(type.OriginalDefinition.TypeParameters, type.TypeArguments);
        return bindings;

        void Bind(IReadOnlyList<ITypeParameterSymbol> parameters, IReadOnlyList<ITypeSymbol> arguments)
        {
            for (int i = 0; i < parameters.Count; i++)
                if (Resolve(arguments[i]) is not ITypeParameterSymbol and { } bound) bindings[parameters[i]] = bound;
        }
    }

    /// <summary>The short name of a type in the names of functions: f32, i64; a struct keeps its own.</summary>
    public static string Suffix(ITypeSymbol type) => type.SpecialType switch
    {
        SpecialType.System_Single => "f32",
        SpecialType.System_Double => "f64",
        SpecialType.System_Int32 => "i32",
        SpecialType.System_UInt32 => "u32",
        SpecialType.System_Int64 => "i64",
        SpecialType.System_UInt64 => "u64",
        SpecialType.System_Byte => "u8",
        SpecialType.System_SByte => "i8",
        SpecialType.System_Int16 => "i16",
        SpecialType.System_UInt16 => "u16",
        SpecialType.System_Boolean => "bool",
        _ => type.Name,
    };
}
