using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nabla.Kernels.Generator;

/// <summary>
/// Writes one method as a C function: declarations and statements here, expressions in the other half. The text keeps the names, the order and the
/// parentheses of the source; the languages agree on precedence.
/// </summary>
internal sealed partial class MethodTranslator
{
    private readonly Translation _translation;
    private readonly MethodInstance _instance;
    private readonly Dialect _dialect;
    private readonly List<string> _uses;
    private readonly Translation.Flag _doubles;
    private readonly StringBuilder _text = new();
    private readonly Dictionary<ISymbol, Space> _views = new(SymbolEqualityComparer.Default);
    private readonly SyntaxNode _declaration;
    private readonly SemanticModel _model;
    private bool _isKernel, _wraps;
    private int _depth;

    public MethodTranslator(Translation translation, MethodInstance instance, Dialect dialect, List<string> uses, Translation.Flag doubles)
    {
        (_translation, _instance, _dialect, _uses, _doubles) = (translation, instance, dialect, uses, doubles);
        _declaration = instance.Method.DeclaringSyntaxReferences[0].GetSyntax();
        _model = translation.ModelOf(_declaration);
    }

    /// <summary>The function; as a kernel, if a shape is given.</summary>
    public string Translate(KernelShape? kernel)
    {
        _isKernel = kernel is not null;
        IMethodSymbol method = _instance.Method;
        string result = kernel is not null ? _dialect.KernelStart(kernel.X, kernel.Y, kernel.Z, AtOnce(kernel)) : $"{_dialect.FunctionStart}{(method.ReturnsVoid ? "void" : TypeOf(method.ReturnType, ReturnOf(_declaration)))} ";
        var prologue = new List<string>();
        _text.Append(result).Append(_instance.CName).Append('(').Append(string.Join(", ", Parameters(prologue))).Append(")\n{\n");
        _depth = 1;
        foreach (string line in prologue) Line(line);
        switch (_declaration)
        {
            case BaseMethodDeclarationSyntax { Body: { } body }:
                foreach (StatementSyntax statement in body.Statements) Statement(statement);
                break;
            case BaseMethodDeclarationSyntax { ExpressionBody.Expression: { } expression }:
                Line(method.ReturnsVoid ? $"{Value(expression)};" : $"return {Value(expression)};");
                break;
            case ArrowExpressionClauseSyntax arrow:
                Line($"return {Value(arrow.Expression)};");
                break;
            default:
                _translation.Report(Rules.Call, _declaration, method.ToDisplayString());
                break;
        }
        return _text.Append("}\n").ToString();
    }

    private IEnumerable<string> Parameters(List<string> prologue)
    {
        var list = new List<string>();
        if (!_instance.Method.IsStatic) list.Add($"{TypeOf(_instance.Method.ContainingType, _declaration)} self");
        int views = 0;
        foreach (IParameterSymbol parameter in _instance.Method.Parameters)
        {
            string name = Identifiers.InC(parameter.Name);
            SyntaxNode at = parameter.DeclaringSyntaxReferences[0].GetSyntax();
            if (parameter.RefKind != RefKind.None) _translation.Report(Rules.Construct, at, "a parameter by reference");
            if (ElementOf(parameter.Type) is { } element)
            {
                Space space = _instance.Spaces[views++];
                _views[parameter] = space;
                string pointer = $"{_dialect.Qualifier(space)}{StoredTypeOf(element, at)}*";
                if (_isKernel && _dialect == Dialect.OpenCl)
                {
                    list.Add($"{pointer} {name}_base, long {name}_offset, int {name}_length");
                    prologue.Add($"{pointer} {name} = ({pointer})((__global char*){name}_base + {name}_offset);");
                }
                else list.Add($"{pointer} {name}, int {name}_length");
            }
            // Kernels do not take a bool either.
            else list.Add($"{(_isKernel ? StoredTypeOf(parameter.Type, at) : TypeOf(parameter.Type, at))} {name}");
        }
        return list;
    }

    private static SyntaxNode ReturnOf(SyntaxNode declaration) => declaration is MethodDeclarationSyntax method ? method.ReturnType : declaration;

    private void Statement(StatementSyntax statement)
    {
        switch (statement)
        {
            case BlockSyntax block:
                Line("{");
                Inner(() => { foreach (StatementSyntax inner in block.Statements) Statement(inner); });
                Line("}");
                break;
            case LocalDeclarationStatementSyntax local:
                if (!local.UsingKeyword.IsKind(SyntaxKind.None)) _translation.Report(Rules.Construct, local, "a using declaration");
                if (!local.IsConst) Declare(local.Declaration, local);
                break;
            case ExpressionStatementSyntax expression:
                if (IsBarrier(expression.Expression)) Barrier(expression);
                else Line(Value(expression.Expression) + ";");
                break;
            case IfStatementSyntax branch:
                If(branch, "");
                break;
            case ForStatementSyntax loop:
                For(loop);
                break;
            case WhileStatementSyntax loop:
                Line($"while ({Value(loop.Condition)})");
                Body(loop.Statement);
                break;
            case DoStatementSyntax loop:
                Line("do");
                Body(loop.Statement);
                Line($"while ({Value(loop.Condition)});");
                break;
            case ReturnStatementSyntax result:
                Line(result.Expression is null ? "return;" : $"return {Value(result.Expression)};");
                break;
            case BreakStatementSyntax:
                Line("break;");
                break;
            case ContinueStatementSyntax:
                Line("continue;");
                break;
            case EmptyStatementSyntax:
                break;
            default:
                _translation.Report(Rules.Construct, statement, Describe(statement));
                break;
        }
    }

    private void Barrier(ExpressionStatementSyntax statement)
    {
        if (!_isKernel) _translation.Report(Rules.Barrier, statement, _instance.Method.Name);
        Line(_dialect.Barrier + ";");
    }

    private void If(IfStatementSyntax branch, string start)
    {
        if (Decided(branch.Condition) is { } decided)
        {
            if (decided) Flatten(branch.Statement, start);
            else if (branch.Else is not null) Flatten(branch.Else.Statement, start);
            return;
        }
        Line($"{start}if ({Value(branch.Condition)})");
        Body(branch.Statement);
        if (branch.Else is null) return;
        if (branch.Else.Statement is IfStatementSyntax next && Decided(next.Condition) is null) If(next, "else ");
        else
        {
            Line("else");
            Body(branch.Else.Statement);
        }
    }

    // A branch that is known to be taken.
    private void Flatten(StatementSyntax statement, string start)
    {
        if (start.Length > 0) Line(start.TrimEnd());
        if (start.Length == 0 && statement is BlockSyntax { Statements: var statements } && !statements.Any(s => s is LocalDeclarationStatementSyntax))
            foreach (StatementSyntax inner in statements) Statement(inner);
        else if (start.Length == 0) Statement(statement);
        else Body(statement);
    }

    private void For(ForStatementSyntax loop)
    {
        string start = "";
        if (loop.Declaration is { } declaration)
        {
            string type = TypeOf(_model.GetTypeInfo(declaration.Type).Type!, declaration.Type);
            start = $"{type} {string.Join(", ", declaration.Variables.Select(v => Identifiers.InC(v.Identifier.Text) + (v.Initializer is null ? "" : " = " + Value(v.Initializer.Value))))}";
        }
        else start = string.Join(", ", loop.Initializers.Select(Value));
        if (LanesOf(loop) is { } lanes) Line(_dialect.LanesPragma(lanes), indent: false);
        else if (IsShort(loop)) Line("#pragma unroll", indent: false);
        Line($"for ({start}; {(loop.Condition is null ? "" : Value(loop.Condition))}; {string.Join(", ", loop.Incrementors.Select(Value))})");
        Body(loop.Statement);
    }

    // The count of a loop to Vectors.Lanes(count).
    private int? LanesOf(ForStatementSyntax loop)
    {
        if (loop.Condition is not BinaryExpressionSyntax { RawKind: (int)SyntaxKind.LessThanExpression, Right: InvocationExpressionSyntax call } || !IsLanes(call)) return null;
        return Lanes(call);
    }

    private bool IsLanes(InvocationExpressionSyntax call) => _model.GetSymbolInfo(call).Symbol is IMethodSymbol { Name: "Lanes", ContainingType.Name: "Vectors" };

    private int? Lanes(InvocationExpressionSyntax call)
    {
        bool ends = call.Parent?.Parent is ForStatementSyntax { Declaration.Variables: [{ Initializer.Value: var first }] } && _model.GetConstantValue(first) is { HasValue: true, Value: 0 };
        if (ends && call.ArgumentList.Arguments is [var count] && _model.GetConstantValue(count.Expression) is { Value: int lanes } && (lanes is 2 or 4 or 8 || lanes > 0 && lanes % 16 == 0)) return lanes;
        _translation.Report(Rules.Lanes, call, call.ToString());
        return null;
    }

    // A loop to a small constant: arrays of a work-item live in registers only when it is unrolled.
    private bool IsShort(ForStatementSyntax loop) =>
        loop.Condition is BinaryExpressionSyntax { Right: var bound } && loop.Declaration?.Variables is [{ Initializer.Value: var first }]
        && Constant(first) is { } from && Constant(bound) is { } to && to - from is > 0 and <= 32;

    private void Body(StatementSyntax statement)
    {
        if (statement is BlockSyntax) Statement(statement);
        else Inner(() => Statement(statement));
    }

    private void Declare(VariableDeclarationSyntax declaration, StatementSyntax statement)
    {
        foreach (VariableDeclaratorSyntax variable in declaration.Variables)
        {
            var local = (ILocalSymbol)_model.GetDeclaredSymbol(variable)!;
            if (local.RefKind != RefKind.None)
            {
                _translation.Report(Rules.Construct, variable, "a local reference");
                continue;
            }
            string name = Identifiers.InC(local.Name);
            if (ElementOf(local.Type) is { } element) DeclareView(local, variable, element, statement);
            else
            {
                string value = variable.Initializer is null ? "" : " = " + Value(variable.Initializer.Value);
                Line($"{TypeOf(local.Type, declaration.Type)} {name}{value};");
            }
        }
    }

    private void DeclareView(ILocalSymbol local, VariableDeclaratorSyntax variable, ITypeSymbol element, StatementSyntax statement)
    {
        string name = Identifiers.InC(local.Name), type = StoredTypeOf(element, variable);
        if (variable.Initializer?.Value is InvocationExpressionSyntax call
            && _model.GetSymbolInfo(call).Symbol is IMethodSymbol { Name: "Allocate", ContainingType.Name: "SharedMemory" or "LocalMemory" } method)
        {
            Space space = method.ContainingType.Name == "SharedMemory" ? Space.Shared : Space.Local;
            int count = call.ArgumentList.Arguments.FirstOrDefault() is { } extent ? Constant(extent.Expression) ?? 0 : 0;
            if (count <= 0 || !_isKernel && space == Space.Shared || statement.Parent?.Parent is not BaseMethodDeclarationSyntax)
                _translation.Report(Rules.Extent, call, call.ToString());
            Line($"{_dialect.ArrayQualifier(space)}{type} {name}[{count}];");
            Line($"const int {name}_length = {count};");
            _views[local] = space;
            return;
        }
        if (variable.Initializer is null) _translation.Report(Rules.View, variable, variable.ToString());
        (string pointer, string length, _views[local]) = (variable.Initializer is { } initial ? View(initial.Value) : null) ?? ("0", "0", Space.Global);
        Line($"{_dialect.Qualifier(_views[local])}{type}* {name} = {pointer};");
        Line($"int {name}_length = {length};");
    }

    // Pointer, length and memory of an expression that is a view.
    private (string Pointer, string Length, Space Space)? View(ExpressionSyntax expression)
    {
        switch (expression)
        {
            case ParenthesizedExpressionSyntax inner:
                return View(inner.Expression);
            case IdentifierNameSyntax when _model.GetSymbolInfo(expression).Symbol is { } symbol && _views.TryGetValue(symbol, out Space space):
                string name = Identifiers.InC(symbol.Name);
                return (name, name + "_length", space);
            case InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "SubView", Expression: var of }, ArgumentList.Arguments: var arguments }
                when View(of) is var (pointer, length, at):
                string offset = Value(arguments[0].Expression);
                return ($"{pointer} + ({offset})", arguments.Count > 1 ? $"(int)({Value(arguments[1].Expression)})" : $"{length} - (int)({offset})", at);
            case InvocationExpressionSyntax call when _model.GetSymbolInfo(call).Symbol is IMethodSymbol { Name: "Allocate", ContainingType.Name: "SharedMemory" or "LocalMemory" }:
                _translation.Report(Rules.Extent, expression, expression.ToString());
                return null;
            default:
                _translation.Report(Rules.View, expression, expression.ToString());
                return null;
        }
    }

    private bool IsBarrier(ExpressionSyntax expression) =>
        expression is InvocationExpressionSyntax call && _model.GetSymbolInfo(call).Symbol is IMethodSymbol { Name: "Barrier", ContainingType.Name: "Group" };

    /// <summary>The element type of a view; null if the type is not one.</summary>
    internal static ITypeSymbol? ElementOf(ITypeSymbol type) => type is INamedTypeSymbol { Name: "ArrayView", TypeArguments: [var element] } ? element : null;

    private string TypeOf(ITypeSymbol type, SyntaxNode at)
    {
        ITypeSymbol resolved = _instance.Resolve(type);
        if (resolved.SpecialType == SpecialType.System_Double) _doubles.Value = true;
        if (_dialect.Scalar(resolved.SpecialType) is { } scalar) return scalar;
        if (resolved is INamedTypeSymbol { TypeKind: TypeKind.Struct, SpecialType: SpecialType.None, IsGenericType: false } structure && structure.DeclaringSyntaxReferences.Length > 0)
        {
            _uses.Add(_translation.Struct(structure, at).Name);
            return Identifiers.InC(structure.Name);
        }
        _translation.Report(Rules.Type, at, resolved.ToDisplayString());
        return "int";
    }

    // Drivers do not take views of bool: its bytes are 0 and 1.
    private string StoredTypeOf(ITypeSymbol element, SyntaxNode at) =>
        _instance.Resolve(element).SpecialType == SpecialType.System_Boolean ? _dialect.Scalar(SpecialType.System_Byte)! : TypeOf(element, at);

    private void Inner(Action write)
    {
        _depth++;
        write();
        _depth--;
    }

    private void Line(string line, bool indent = true) => _text.Append(' ', indent ? 4 * _depth : 0).Append(line).Append('\n');

    // ForEachStatement → "for each statement".
    private static string Describe(SyntaxNode node) => string.Concat(node.Kind().ToString().Select((c, i) => char.IsUpper(c) ? (i > 0 ? " " : "") + char.ToLowerInvariant(c) : c.ToString()));
}
