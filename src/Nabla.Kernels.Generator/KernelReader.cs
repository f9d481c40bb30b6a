using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nabla.Kernels.Generator;

/// <summary>Reads a kernel, or an operation, from its symbol: checks its declaration and translates it for every element type that it is for.</summary>
internal static class KernelReader
{
    private static readonly SymbolDisplayFormat Full = SymbolDisplayFormat.FullyQualifiedFormat;

    /// <summary>The kernel; its faults are in <paramref name="translation"/>.</summary>
    public static KernelModel? Read(IMethodSymbol method, Translation translation)
    {
        if (method.DeclaringSyntaxReferences is not [var reference] || reference.GetSyntax() is not MethodDeclarationSyntax syntax) return null;
        if (!CheckDeclaration(method, syntax, translation)) return null;
        KernelShape shape = GroupOf(method);
        // With as many lists of types as type parameters, operations are bound here too; else they are when the kernel is first launched.
        bool closed = method.GetAttributes().Count(a => a.AttributeClass?.Name == "InstancesAttribute") == method.TypeParameters.Length;
        ITypeParameterSymbol[] open = [.. method.TypeParameters.Where(p => IsOperation(p) && !closed)];
        ITypeParameterSymbol[] elements = [.. method.TypeParameters.Where(p => !open.Contains(p, SymbolEqualityComparer.Default))];
        var choices = Choices(method, elements);
        if (choices.Count == 0)
        {
            translation.Report(Rules.Instances, syntax.Identifier, method.Name);
            return null;
        }
        var parts = new List<Part>();
        var instances = new List<KernelInstance>();
        Space[] spaces = [.. method.Parameters.Where(p => MethodTranslator.ElementOf(p.Type) is not null).Select(_ => Space.Global)];
        foreach (ITypeSymbol[] choice in choices)
        {
            var types = new Dictionary<ITypeParameterSymbol, ITypeSymbol>(SymbolEqualityComparer.Default);
            for (int i = 0; i < elements.Length; i++) types[elements[i]] = choice[i];
            Part part = translation.Translate(new MethodInstance(method, types, spaces), shape)!;
            IReadOnlyList<Part> closure = translation.Closure(part);
            parts.AddRange(closure.Where(p => p.Name != part.Name && !parts.Any(known => known.Name == p.Name)));
            string condition = string.Join(" && ", elements.Select((e, i) => $"typeof({e.Name}) == typeof({choice[i].ToDisplayString(Full)})"));
            instances.Add(new KernelInstance(condition, part.Name, part.OpenCl, part.Cuda, new EquatableArray<string>([.. closure.Where(p => p.Name != part.Name).Select(p => p.Name)]), closure.Any(p => p.NeedsDouble)));
        }
        return new KernelModel(
            method.ContainingNamespace.IsGlobalNamespace ? "" : method.ContainingNamespace.ToDisplayString(), method.ContainingType.Name, Keywords(method.ContainingType), method.Name,
            method.TypeParameters.Length == 0 ? "" : $"<{string.Join(", ", method.TypeParameters.Select(p => p.Name))}>",
            string.Concat(syntax.ConstraintClauses.Select(c => " " + c.NormalizeWhitespace().ToFullString())), shape,
            new EquatableArray<KernelParameter>([.. method.Parameters.Select(p => new KernelParameter(Escape(p.Name), p.Type.ToDisplayString(Full), MethodTranslator.ElementOf(p.Type)?.ToDisplayString(Full)))]),
            new EquatableArray<string>([.. open.Select(p => p.Name)]), new EquatableArray<KernelInstance>([.. instances]), new EquatableArray<Part>([.. parts]),
            new EquatableArray<string>(UsingsOf(syntax)), Coroutines.Of(syntax, translation));
    }

    private static string[] UsingsOf(SyntaxNode kernel) =>
        [.. kernel.SyntaxTree.GetRoot().DescendantNodes().OfType<UsingDirectiveSyntax>().Where(u => u.GlobalKeyword.IsKind(SyntaxKind.None)).Select(u => u.NormalizeWhitespace().ToFullString().Trim())];

    /// <summary>The functions of an operation on elements: one for each number type that its constraint allows.</summary>
    public static IEnumerable<OperationModel> ReadOperation(INamedTypeSymbol type, Translation translation)
    {
        if (ElementFunctionOf(type) is not { } method) yield break;
        ITypeParameterSymbol? parameter = method.TypeParameters.FirstOrDefault();
        foreach (SpecialType element in parameter is null ? [SpecialType.System_Boolean] : ElementsOf(parameter))
        {
            var types = new Dictionary<ITypeParameterSymbol, ITypeSymbol>(SymbolEqualityComparer.Default);
            ITypeSymbol elementType = translation.SpecialType(element);
            if (parameter is not null) types[parameter] = elementType;
            if (translation.Translate(new MethodInstance(method, types, [])) is not { } part) continue;
            yield return new OperationModel(type.Name, MethodInstance.Suffix(elementType), part.Name, new EquatableArray<Part>([.. translation.Closure(part)]));
        }
    }

    /// <summary>The method of an operation that computes one element on a device: OnDevice, or Invoke without spans.</summary>
    public static IMethodSymbol? ElementFunctionOf(INamedTypeSymbol type) =>
        type.GetMembers("OnDevice").Concat(type.GetMembers("Invoke")).OfType<IMethodSymbol>()
            .FirstOrDefault(m => m.IsStatic && !m.ReturnsVoid && m.Parameters.All(p => p.Type.TypeKind == TypeKind.TypeParameter || p.Type.SpecialType != SpecialType.None));

    private static SpecialType[] ElementsOf(ITypeParameterSymbol parameter)
    {
        string[] constraints = [.. parameter.ConstraintTypes.Select(c => c.Name)];
        if (constraints.Contains("IFloatingPointIeee754")) return [SpecialType.System_Single, SpecialType.System_Double];
        if (constraints.Contains("IBinaryInteger")) return [SpecialType.System_Int32, SpecialType.System_Int64, SpecialType.System_Byte];
        return [SpecialType.System_Single, SpecialType.System_Double, SpecialType.System_Int32, SpecialType.System_Int64, SpecialType.System_Byte];
    }

    // A type parameter that stands for an operation: constrained to an interface of this project.
    private static bool IsOperation(ITypeParameterSymbol parameter) =>
        parameter.ConstraintTypes.Any(c => c.TypeKind == TypeKind.Interface && !c.ContainingNamespace.ToDisplayString().StartsWith("System", StringComparison.Ordinal));

    private static bool CheckDeclaration(IMethodSymbol method, MethodDeclarationSyntax syntax, Translation translation)
    {
        string? fault = !method.IsStatic ? "the method is not static"
            : !method.ReturnsVoid ? "the method returns a value"
            : !method.ContainingType.IsStatic || !IsPartial(method.ContainingType) ? $"{method.ContainingType.Name} is not a static partial class"
            : method.ContainingType.ContainingType is not null ? $"{method.ContainingType.Name} is a nested class"
            : method.ContainingType.IsGenericType ? $"{method.ContainingType.Name} is a generic class"
            : method.ContainingType.GetMembers(method.Name).Length > 1 ? $"another member is called {method.Name}"
            : GroupOf(method) is not { X: > 0, Y: > 0, Z: > 0, Items: <= 1024 } ? "a group has from 1 to 1024 work-items"
            : null;
        if (fault is not null) translation.Report(Rules.Declaration, syntax.ReturnType, fault);
        return fault is null;
    }

    private static bool IsPartial(INamedTypeSymbol type) => type.DeclaringSyntaxReferences.All(r => r.GetSyntax() is TypeDeclarationSyntax t && t.Modifiers.Any(SyntaxKind.PartialKeyword));

    private static string Escape(string name) => SyntaxFacts.GetKeywordKind(name) == SyntaxKind.None ? name : "@" + name;

    private static string Keywords(INamedTypeSymbol type) => type.DeclaredAccessibility == Accessibility.Public ? "public static partial" : "internal static partial";

    private static KernelShape GroupOf(IMethodSymbol method)
    {
        AttributeData attribute = method.GetAttributes().First(a => a.AttributeClass?.Name == "KernelAttribute");
        int[] sizes = [.. attribute.ConstructorArguments.Select(a => a.Value is int size ? size : 0)];
        string? atOnce = attribute.NamedArguments.FirstOrDefault(n => n.Key == "AtOnce").Value.Value as string;
        return new KernelShape(sizes.ElementAtOrDefault(0), sizes.ElementAtOrDefault(1), sizes.ElementAtOrDefault(2), atOnce);
    }

    // Each [Instances] names the types of one parameter, or, given several times, of one after the other; all combinations are made that the constraints allow.
    private static List<ITypeSymbol[]> Choices(IMethodSymbol method, ITypeParameterSymbol[] elements)
    {
        if (elements.Length == 0) return [[]];
        ITypeSymbol[][] lists = [.. method.GetAttributes().Where(a => a.AttributeClass?.Name == "InstancesAttribute")
            .Select(a => a.ConstructorArguments[0].Values.Select(v => (ITypeSymbol)v.Value!).ToArray())];
        if (lists.Length == 0) return [];
        var choices = new List<ITypeSymbol[]> { Array.Empty<ITypeSymbol>() };
        for (int i = 0; i < elements.Length; i++)
            choices = [.. choices.SelectMany(head => lists[Math.Min(i, lists.Length - 1)].Select(type => head.Append(type).ToArray()))];
        return [.. choices.Where(choice => Fits(elements, choice))];
    }

    // What constraints of C# exclude is no combination: a type must have the interfaces that its parameter names, with the other types in them.
    private static bool Fits(ITypeParameterSymbol[] parameters, ITypeSymbol[] choice)
    {
        for (int i = 0; i < parameters.Length; i++)
        {
            foreach (INamedTypeSymbol constraint in parameters[i].ConstraintTypes.OfType<INamedTypeSymbol>().Where(c => c.TypeKind == TypeKind.Interface && c.IsGenericType))
            {
                INamedTypeSymbol bound = constraint.OriginalDefinition.Construct([.. constraint.TypeArguments.Select(Bound)]);
                if (!choice[i].AllInterfaces.Contains(bound, SymbolEqualityComparer.Default)) return false;
            }
        }
        return true;

        ITypeSymbol Bound(ITypeSymbol type) => Array.FindIndex(parameters, p => SymbolEqualityComparer.Default.Equals(p, type)) is >= 0 and int place ? choice[place] : type;
    }
}
