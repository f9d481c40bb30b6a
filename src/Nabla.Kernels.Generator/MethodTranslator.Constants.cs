using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nabla.Kernels.Generator;

internal sealed partial class MethodTranslator
{
    private int? Constant(ExpressionSyntax expression) => Constant(expression, _instance);

    // What the method says that [Kernel] names, for the types of this kernel.
    private int? AtOnce(KernelShape kernel)
    {
        if (kernel.AtOnce is null || _instance.Method.ContainingType.GetMembers(kernel.AtOnce) is not [IMethodSymbol method] || method.TypeParameters.Length != _instance.Method.TypeParameters.Length) return null;
        IMethodSymbol called = method.TypeParameters.Length == 0 ? method : method.Construct([.. _instance.Method.TypeParameters]);
        return Result(called, _instance);
    }

    private int? Result(IMethodSymbol method, MethodInstance within) =>
        method.DeclaringSyntaxReferences is [var reference] && reference.GetSyntax() is MethodDeclarationSyntax { ExpressionBody.Expression: var result }
            ? Constant(result, new MethodInstance(method.OriginalDefinition, within.BindingsOf(method), [])) : null;

    // An integer that is known when a kernel is made for given types: beside C#'s constants, what a type that stands for a type parameter says of itself, sizes of elements, and static methods
    // without parameters that compute from these.
    private int? Constant(ExpressionSyntax expression, MethodInstance within)
    {
        SemanticModel model = _translation.ModelOf(expression);
        if (model.GetConstantValue(expression) is { HasValue: true, Value: var known }) return known as int?;
        switch (expression)
        {
            case ParenthesizedExpressionSyntax inner:
                return Constant(inner.Expression, within);
            case BinaryExpressionSyntax binary when Constant(binary.Left, within) is { } left && Constant(binary.Right, within) is { } right:
                return Computed(binary.Kind(), left, right);
            case ConditionalExpressionSyntax choice when within == _instance && Decided(choice.Condition) is { } taken:
                return Constant(taken ? choice.WhenTrue : choice.WhenFalse, within);
            case MemberAccessExpressionSyntax member when model.GetSymbolInfo(member.Expression).Symbol is ITypeParameterSymbol parameter && within.Resolve(parameter) is INamedTypeSymbol type:
                return type.GetMembers(member.Name.Identifier.Text).OfType<IPropertySymbol>().FirstOrDefault()?.DeclaringSyntaxReferences is [var property]
                    && property.GetSyntax() is PropertyDeclarationSyntax { ExpressionBody.Expression: var value } ? Constant(value, within) : null;
            case InvocationExpressionSyntax { ArgumentList.Arguments.Count: 0 } call when model.GetSymbolInfo(call).Symbol is IMethodSymbol { IsStatic: true } method:
                if (method is { Name: "SizeOf", ContainingType.Name: "Unsafe" }) return SizeOf(within.Resolve(method.TypeArguments[0]));
                return Result(method, within);
            case InvocationExpressionSyntax { ArgumentList.Arguments: [var one, var other] } call when model.GetSymbolInfo(call).Symbol is IMethodSymbol { Name: "Min", ContainingType.Name: "Math" }:
                return Constant(one.Expression, within) is { } first && Constant(other.Expression, within) is { } second ? Math.Min(first, second) : null;
            default:
                return null;
        }
    }

    private static int? Computed(SyntaxKind operation, int left, int right) => operation switch
    {
        SyntaxKind.AddExpression => left + right,
        SyntaxKind.SubtractExpression => left - right,
        SyntaxKind.MultiplyExpression => left * right,
        SyntaxKind.DivideExpression when right != 0 => left / right,
        SyntaxKind.ModuloExpression when right != 0 => left % right,
        _ => null,
    };

    private static int? SizeOf(ITypeSymbol type) => type.SpecialType switch
    {
        SpecialType.System_Byte or SpecialType.System_SByte => 1,
        SpecialType.System_Int16 or SpecialType.System_UInt16 => 2,
        SpecialType.System_Int32 or SpecialType.System_UInt32 or SpecialType.System_Single => 4,
        SpecialType.System_Int64 or SpecialType.System_UInt64 or SpecialType.System_Double => 8,
        _ => null,
    };
}
