using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nabla.Kernels.Generator;

internal sealed partial class MethodTranslator
{
    private string Call(InvocationExpressionSyntax call)
    {
        if (_model.GetSymbolInfo(call).Symbol is not IMethodSymbol method)
        {
            _translation.Report(Rules.Construct, call, call.ToString());
            return "0";
        }
        ExpressionSyntax?[] arguments = InOrder(method, call.ArgumentList.Arguments);
        string type = method.ContainingType.Name;
        if (type == "Group" && method.Name == "Barrier")
        {
            _translation.Report(Rules.Barrier, call, _instance.Method.Name);
            return "0";
        }
        if (type is "SharedMemory" or "LocalMemory")
        {
            _translation.Report(Rules.Extent, call, call.ToString());
            return "0";
        }
        if (IsLanes(call)) Lanes(call);
        if (type == "Atomic") return Atomic(method, arguments, call);
        if (Intrinsic(Implementation(call, method)) is { } template) return Expand(template, method, arguments);
        if (StaticReceiver(call) is { } parameter && _instance.IsOpen(parameter)) return $"{parameter.Name}_{method.Name}({Arguments(method, arguments, out _)})";
        if (Library(call, method, arguments) is { } known) return known;
        return Own(call, method, arguments);
    }

    // T in T.Sqrt(x), TOp in TOp.Invoke(x).
    private ITypeParameterSymbol? StaticReceiver(InvocationExpressionSyntax call) =>
        call.Expression is MemberAccessExpressionSyntax member ? _model.GetSymbolInfo(member.Expression).Symbol as ITypeParameterSymbol : null;

    // Methods of the library: MathF, Math, XMath, numbers, and generic numbers.
    private string? Library(InvocationExpressionSyntax call, IMethodSymbol method, ExpressionSyntax?[] arguments)
    {
        ITypeSymbol? receiver = StaticReceiver(call) is { } parameter ? _instance.Resolve(parameter) : null;
        string space = method.ContainingNamespace.ToDisplayString(), type = method.ContainingType.Name;
        bool isMath = type is "MathF" or "Math" or "XMath" or "Single" or "Double" or "Int32" or "Int64" || receiver is not null && space.StartsWith("System", StringComparison.Ordinal);
        if (KnownFunctions.Bits(method.Name) is { } bits && type is "BitConverter" or "Interop") return $"{bits}({Value(arguments[0]!)})";
        if (!isMath) return null;
        ITypeSymbol of = receiver ?? _instance.Resolve(method.Parameters.Length > 0 ? method.Parameters[0].Type : method.ReturnType);
        if (method.Name is "CreateTruncating" or "CreateSaturating" or "CreateChecked")
            return IsFloat(of) && _model.GetConstantValue(arguments[0]!) is { HasValue: true, Value: { } number } ? Literal(number, of, call) : Conversion(_instance.Resolve(_model.GetTypeInfo(arguments[0]!).Type!), of, Value(arguments[0]!), call);
        string Values() => string.Join(", ", arguments.Select(a => Value(a!)));
        bool floating = IsFloat(of), single = of.SpecialType == SpecialType.System_Single;
        if (of.SpecialType == SpecialType.System_Double) _doubles.Value = true;
        if (method.Name == "Abs" && !floating) return $"nabla_abs_{MethodInstance.Suffix(of)}({Values()})";
        if (method.Name == "Clamp") return $"nabla_min_{MethodInstance.Suffix(of)}(nabla_max_{MethodInstance.Suffix(of)}({Value(arguments[0]!)}, {Value(arguments[1]!)}), {Value(arguments[2]!)})";
        if (KnownFunctions.Prelude(method.Name) is { } prelude) return $"{prelude}_{MethodInstance.Suffix(of)}({Values()})";
        return floating && KnownFunctions.Float(method.Name) is { } function && (arguments.Length == 1 || method.Name != "Round") ? $"{_dialect.Math(function, single)}({Values()})" : null;
    }

    private string Atomic(IMethodSymbol method, ExpressionSyntax?[] arguments, InvocationExpressionSyntax call)
    {
        if (arguments[0] is not ElementAccessExpressionSyntax { Expression: var view } element || View(view) is not var (pointer, _, space) || space == Space.Local)
        {
            _translation.Report(Rules.Construct, call, "an atomic operation on something that is not an element of a view of shared or global memory");
            return "0";
        }
        string operation = string.Concat(method.Name.Select((c, i) => char.IsUpper(c) && i > 0 ? "_" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));
        string rest = string.Concat(arguments.Skip(1).Select(a => ", " + Value(a!)));
        string suffix = _dialect == Dialect.OpenCl ? space == Space.Shared ? "_shared" : "_global" : "";
        ITypeSymbol of = _instance.Resolve(method.Parameters[0].Type);
        if (of.SpecialType == SpecialType.System_Double) _doubles.Value = true;
        return $"nabla_atomic_{operation}_{MethodInstance.Suffix(of)}{suffix}(&{Atom(pointer)}[{Value(element.ArgumentList.Arguments[0].Expression)}]{rest})";
    }

    // The text that an [Intrinsic] gives for this language: a function's name, or an expression with {0}, {1}.
    private string? Intrinsic(IMethodSymbol method)
    {
        AttributeData? attribute = method.OriginalDefinition.GetAttributes().FirstOrDefault(a => a.AttributeClass?.Name == "IntrinsicAttribute" && a.AttributeClass.ContainingNamespace.ToDisplayString().StartsWith("Nabla", StringComparison.Ordinal));
        if (attribute is null) return null;
        bool single = method.TypeArguments.Concat(method.Parameters.Select(p => p.Type)).Any(t => _instance.Resolve(t).SpecialType == SpecialType.System_Single);
        string? named = attribute.NamedArguments.FirstOrDefault(n => n.Key == _dialect.IntrinsicProperty).Value.Value as string;
        if (named is null || attribute.ConstructorArguments.Length > 0) named ??= attribute.ConstructorArguments.FirstOrDefault().Value as string;
        // A plain name is a function of <math.h>, with an f for f32 in CUDA.
        return named is null ? null : named.Contains('{') || named.StartsWith("__", StringComparison.Ordinal) ? named : _dialect.Math(named, single);
    }

    private string Expand(string template, IMethodSymbol method, ExpressionSyntax?[] arguments)
    {
        if (method.TypeArguments.Any(t => _instance.Resolve(t).SpecialType == SpecialType.System_Double)) _doubles.Value = true;
        if (!template.Contains('{')) return $"{template}({Arguments(method, arguments, out _)})";
        for (int i = 0; i < arguments.Length; i++)
        {
            string text = ElementOf(method.Parameters[i].Type) is not null && arguments[i] is { } view ? View(view)?.Pointer ?? "0" : Argument(method.Parameters[i], arguments[i]);
            template = template.Replace($"{{{i}}}", Atom(text));
        }
        return template;
    }

    // A method of the kernels' own project, translated in its turn.
    private string Own(InvocationExpressionSyntax call, IMethodSymbol method, ExpressionSyntax?[] arguments)
    {
        IMethodSymbol target = Implementation(call, method);
        bool onStruct = !target.IsStatic && target.ContainingType.TypeKind == TypeKind.Struct;
        if (target.DeclaringSyntaxReferences.Length == 0 || !target.IsStatic && !onStruct || target.IsAbstract || target.ReturnType.IsReferenceType)
        {
            _translation.Report(Rules.Call, call, method.ToDisplayString());
            return "0";
        }
        string values = Arguments(method, arguments, out List<Space> spaces);
        if (onStruct)
        {
            string self = call.Expression is MemberAccessExpressionSyntax member ? Value(member.Expression) : "self";
            values = values.Length == 0 ? self : $"{self}, {values}";
        }
        var instance = new MethodInstance(target.OriginalDefinition, _instance.BindingsOf(target), spaces);
        if (_translation.Translate(instance) is not { } part)
        {
            _translation.Report(Rules.Recursion, call, method.Name);
            return "0";
        }
        _uses.Add(part.Name);
        _doubles.Value |= part.NeedsDouble;
        return $"{part.Name}({values})";
    }

    // The method that a call through a bound type parameter reaches.
    private IMethodSymbol Implementation(InvocationExpressionSyntax call, IMethodSymbol method)
    {
        if (StaticReceiver(call) is not { } parameter || _instance.Resolve(parameter) is not INamedTypeSymbol type) return method;
        IMethodSymbol? found = type.GetMembers(method.Name).OfType<IMethodSymbol>().FirstOrDefault(m =>
            m.Parameters.Length == method.Parameters.Length && m.TypeParameters.Length == method.TypeParameters.Length
            && m.Parameters.Zip(method.OriginalDefinition.Parameters, (a, b) => a.Type.TypeKind == b.Type.TypeKind).All(same => same));
        if (found is null) return method;
        return found.IsGenericMethod ? found.Construct([.. method.TypeArguments]) : found;
    }

    // The arguments in the order of the parameters; null where the default value of a parameter stands.
    private ExpressionSyntax?[] InOrder(IMethodSymbol method, SeparatedSyntaxList<ArgumentSyntax> arguments)
    {
        var ordered = new ExpressionSyntax?[method.Parameters.Length];
        for (int i = 0; i < arguments.Count; i++)
        {
            string? name = arguments[i].NameColon?.Name.Identifier.ValueText;
            int place = name is null ? i : method.Parameters.First(p => p.Name == name).Ordinal;
            if (place < ordered.Length && !method.Parameters[place].IsParams) ordered[place] = arguments[i].Expression;
            else _translation.Report(Rules.Construct, arguments[i], "an argument of a params list");
        }
        return ordered;
    }

    private string Arguments(IMethodSymbol method, ExpressionSyntax?[] arguments, out List<Space> spaces)
    {
        spaces = [];
        var values = new List<string>();
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] is { } given && ElementOf(method.Parameters[i].Type) is not null)
            {
                (string pointer, string length, Space space) = View(given) ?? ("0", "0", Space.Global);
                spaces.Add(space);
                values.Add($"{pointer}, {length}");
            }
            else values.Add(Argument(method.Parameters[i], arguments[i]));
        }
        return string.Join(", ", values);
    }

    private string Argument(IParameterSymbol parameter, ExpressionSyntax? argument) =>
        argument is not null ? Value(argument) : parameter is { HasExplicitDefaultValue: true, ExplicitDefaultValue: { } value } ? Literal(value, _instance.Resolve(parameter.Type), _declaration) : "0";
}
