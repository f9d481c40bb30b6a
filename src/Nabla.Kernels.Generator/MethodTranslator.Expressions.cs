using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nabla.Kernels.Generator;

internal sealed partial class MethodTranslator
{
    // An expression in the type that its place asks for: C# converts between numbers as C does, but unsigned and signed meet in a wider type.
    private string Value(ExpressionSyntax expression)
    {
        TypeInfo info = _model.GetTypeInfo(expression);
        ITypeSymbol? to = info.ConvertedType is null ? null : _instance.Resolve(info.ConvertedType);
        if (_model.GetConstantValue(expression) is { HasValue: true, Value: { } constant } && to is not null && _dialect.Scalar(to.SpecialType) is not null)
            return Literal(constant, to, expression);
        if (to?.SpecialType == SpecialType.System_Int32 && Constant(expression) is { } ofTypes) return Literal(ofTypes, to, expression);
        string text = Translate(expression);
        if (info.Type is null || to is null) return text;
        ITypeSymbol from = _instance.Resolve(info.Type);
        if (from.SpecialType == to.SpecialType || _dialect.Scalar(from.SpecialType) is null || _dialect.Scalar(to.SpecialType) is null) return text;
        return $"({TypeOf(to, expression)}){Atom(text)}";
    }

    private string Translate(ExpressionSyntax expression)
    {
        switch (expression)
        {
            case ParenthesizedExpressionSyntax inner:
                return Decided(inner.Expression) is { } known ? Truth(known) : $"({Translate(inner.Expression)})";
            case IdentifierNameSyntax name:
                return Name(name);
            case MemberAccessExpressionSyntax member:
                return Member(member);
            case ElementAccessExpressionSyntax element:
                return Element(element);
            case InvocationExpressionSyntax call:
                return Call(call);
            case BinaryExpressionSyntax binary:
                return Binary(binary);
            case PrefixUnaryExpressionSyntax prefix:
                return Prefix(prefix);
            case PostfixUnaryExpressionSyntax postfix when postfix.Kind() is SyntaxKind.PostIncrementExpression or SyntaxKind.PostDecrementExpression:
                CheckStandsAlone(postfix);
                return Value(postfix.Operand) + postfix.OperatorToken.Text;
            case AssignmentExpressionSyntax assignment:
                CheckStandsAlone(assignment);
                return Assignment(assignment);
            case CheckedExpressionSyntax { Keyword.RawKind: (int)SyntaxKind.UncheckedKeyword } wrapping:
                return Unchecked(wrapping);
            case ConditionalExpressionSyntax choice:
                return Decided(choice.Condition) is { } taken
                    ? Value(taken ? choice.WhenTrue : choice.WhenFalse)
                    : $"{Value(choice.Condition)} ? {Value(choice.WhenTrue)} : {Value(choice.WhenFalse)}";
            case CastExpressionSyntax cast:
                return Cast(_model.GetTypeInfo(cast.Type).Type!, cast.Expression);
            case DefaultExpressionSyntax or LiteralExpressionSyntax { RawKind: (int)SyntaxKind.DefaultLiteralExpression }
                when _dialect.Scalar(_instance.Resolve(_model.GetTypeInfo(expression).ConvertedType!).SpecialType) is not null:
                return Literal(0, _instance.Resolve(_model.GetTypeInfo(expression).ConvertedType!), expression);
            default:
                _translation.Report(Rules.Construct, expression, Describe(expression));
                return "0";
        }
    }

    // C leaves open when parts of an expression take effect; so assignments are statements of their own.
    private void CheckStandsAlone(ExpressionSyntax assignment)
    {
        if (assignment.Parent is not (ExpressionStatementSyntax or ForStatementSyntax or ArrowExpressionClauseSyntax))
            _translation.Report(Rules.Construct, assignment, "an assignment inside an expression");
    }

    private string Unchecked(CheckedExpressionSyntax expression)
    {
        (bool before, _wraps) = (_wraps, true);
        string text = $"({Value(expression.Expression)})";
        _wraps = before;
        return text;
    }

    private string Name(IdentifierNameSyntax name)
    {
        switch (_model.GetSymbolInfo(name).Symbol)
        {
            case (ILocalSymbol or IParameterSymbol) and { } symbol:
                return Identifiers.InC(symbol.Name);
            case IFieldSymbol { IsStatic: false } field when !_instance.Method.IsStatic:
                return "self." + Identifiers.InC(field.Name);
            case IFieldSymbol { IsStatic: true, IsReadOnly: true } field:
                return StaticField(field, name);
            case { } other:
                _translation.Report(Rules.State, name, other.ToDisplayString());
                return "0";
            default:
                return "0";
        }
    }

    private string StaticField(IFieldSymbol field, ExpressionSyntax at)
    {
        if (field.DeclaringSyntaxReferences is [var reference] && reference.GetSyntax() is VariableDeclaratorSyntax { Initializer.Value: { } value }
            && _translation.ModelOf(value).GetConstantValue(value) is { HasValue: true, Value: { } constant }) return Literal(constant, field.Type, at);
        _translation.Report(Rules.State, at, field.ToDisplayString());
        return "0";
    }

    private string Member(MemberAccessExpressionSyntax member)
    {
        ISymbol? symbol = _model.GetSymbolInfo(member).Symbol;
        string name = member.Name.Identifier.Text;
        switch (symbol)
        {
            case IPropertySymbol { ContainingType.Name: "Grid" or "Group" } property:
                return _dialect.Index(property.ContainingType.Name, name);
            case IPropertySymbol { ContainingType.Name: "ArrayView", Name: "IntLength" or "Length" }:
                string length = View(member.Expression)?.Length ?? "0";
                return name == "Length" ? $"({_dialect.Scalar(SpecialType.System_Int64)}){Atom(length)}" : Atom(length);
            case IPropertySymbol when _model.GetSymbolInfo(member.Expression).Symbol is ITypeParameterSymbol parameter && !_instance.IsOpen(parameter):
                return NumberConstant(name, _instance.Resolve(parameter), member);
            case IFieldSymbol { IsStatic: false }:
                return $"{Atom(Value(member.Expression))}.{Identifiers.InC(name)}";
            case IFieldSymbol { IsStatic: true, IsReadOnly: true } field:
                return StaticField(field, member);
            case { } other:
                _translation.Report(Rules.State, member, other.ToDisplayString());
                return "0";
            default:
                return "0";
        }
    }

    // T.Zero, T.Pi and their like.
    private string NumberConstant(string name, ITypeSymbol type, ExpressionSyntax at)
    {
        bool single = type.SpecialType == SpecialType.System_Single, floating = single || type.SpecialType == SpecialType.System_Double;
        object? value = name switch
        {
            "Zero" or "AdditiveIdentity" => 0,
            "One" or "MultiplicativeIdentity" => 1,
            "NegativeOne" => -1,
            "NaN" when floating => double.NaN,
            "PositiveInfinity" when floating => double.PositiveInfinity,
            "NegativeInfinity" when floating => double.NegativeInfinity,
            "Pi" when floating => single ? (object)(float)Math.PI : Math.PI,
            "E" when floating => single ? (object)(float)Math.E : Math.E,
            "Epsilon" when floating => single ? (object)float.Epsilon : double.Epsilon,
            "NegativeZero" when floating => -0.0,
            "MaxValue" => Limit(type, most: true),
            "MinValue" => Limit(type, most: false),
            _ => null,
        };
        if (value is not null) return Literal(value, type, at);
        _translation.Report(Rules.State, at, at.ToString());
        return "0";
    }

    private static object? Limit(ITypeSymbol type, bool most) => type.SpecialType switch
    {
        SpecialType.System_Single => most ? float.MaxValue : float.MinValue,
        SpecialType.System_Double => most ? double.MaxValue : double.MinValue,
        SpecialType.System_Int32 => most ? int.MaxValue : int.MinValue,
        SpecialType.System_Int64 => most ? long.MaxValue : long.MinValue,
        SpecialType.System_UInt32 => most ? uint.MaxValue : uint.MinValue,
        SpecialType.System_Byte => most ? byte.MaxValue : byte.MinValue,
        _ => null,
    };

    private string Element(ElementAccessExpressionSyntax element)
    {
        if (ElementOf(_model.GetTypeInfo(element.Expression).Type!) is { } type)
        {
            string pointer = View(element.Expression)?.Pointer ?? "0";
            string text = $"{Atom(pointer)}[{Value(element.ArgumentList.Arguments[0].Expression)}]";
            return _instance.Resolve(type).SpecialType == SpecialType.System_Boolean && !IsTarget(element) ? $"({text} != 0)" : text;
        }
        _translation.Report(Rules.Construct, element, element.ToString());
        return "0";
    }

    private static bool IsTarget(ExpressionSyntax expression) =>
        expression.Parent is AssignmentExpressionSyntax { Left: var left } && left == expression || expression.Parent is ArgumentSyntax { RefKindKeyword.RawKind: not 0 };

    private string Binary(BinaryExpressionSyntax binary)
    {
        if (Decided(binary) is { } known) return Truth(known);
        if (binary.Kind() is SyntaxKind.AsExpression or SyntaxKind.IsExpression or SyntaxKind.CoalesceExpression)
        {
            _translation.Report(Rules.Construct, binary, Describe(binary));
            return "0";
        }
        string left = Value(binary.Left), right = Value(binary.Right), op = binary.OperatorToken.Text;
        ITypeSymbol? type = _model.GetTypeInfo(binary).Type is { } t ? _instance.Resolve(t) : null;
        switch (binary.Kind())
        {
            case SyntaxKind.LeftShiftExpression or SyntaxKind.RightShiftExpression or SyntaxKind.UnsignedRightShiftExpression when type is not null:
                right = ShiftCount(binary.Right, type);
                if (binary.IsKind(SyntaxKind.UnsignedRightShiftExpression) && IsSigned(type))
                    return $"({_dialect.Scalar(type.SpecialType)})(({Unsigned(type)}){Atom(left)} >> {right})";
                return $"{left} {(op == ">>>" ? ">>" : op)} {right}";
            case SyntaxKind.AddExpression or SyntaxKind.SubtractExpression or SyntaxKind.MultiplyExpression
                when Wraps(binary):
                return Wrapping(type!, left, op, right);
            case SyntaxKind.ModuloExpression when type?.SpecialType is SpecialType.System_Single or SpecialType.System_Double:
                return $"{_dialect.Math("fmod", type.SpecialType == SpecialType.System_Single)}({left}, {right})";
            default:
                return $"{left} {op} {right}";
        }
    }

    private string Prefix(PrefixUnaryExpressionSyntax prefix)
    {
        ITypeSymbol? type = _model.GetTypeInfo(prefix).Type is { } t ? _instance.Resolve(t) : null;
        string operand = Value(prefix.Operand);
        switch (prefix.Kind())
        {
            case SyntaxKind.UnaryMinusExpression when Wraps(prefix):
                return Wrapping(type!, "0", "-", operand);
            case SyntaxKind.PreIncrementExpression or SyntaxKind.PreDecrementExpression:
                CheckStandsAlone(prefix);
                return prefix.OperatorToken.Text + Atom(operand);
            case SyntaxKind.UnaryMinusExpression or SyntaxKind.UnaryPlusExpression or SyntaxKind.LogicalNotExpression or SyntaxKind.BitwiseNotExpression:
                return prefix.OperatorToken.Text + Atom(operand);
            default:
                _translation.Report(Rules.Construct, prefix, Describe(prefix));
                return "0";
        }
    }

    private string Assignment(AssignmentExpressionSyntax assignment)
    {
        if (_model.GetTypeInfo(assignment.Left).Type is { } type && ElementOf(type) is not null)
        {
            _translation.Report(Rules.View, assignment, assignment.ToString());
            return "0";
        }
        if (assignment.Left is TupleExpressionSyntax || assignment.OperatorToken.Text is "??=" or ">>>=")
        {
            _translation.Report(Rules.Construct, assignment, Describe(assignment));
            return "0";
        }
        string left = Value(assignment.Left), right = Value(assignment.Right);
        ITypeSymbol? to = _model.GetTypeInfo(assignment.Left).Type is { } t ? _instance.Resolve(t) : null;
        switch (assignment.Kind())
        {
            case SyntaxKind.AddAssignmentExpression or SyntaxKind.SubtractAssignmentExpression or SyntaxKind.MultiplyAssignmentExpression when Wraps(assignment):
                return $"{left} = {Wrapping(to!, left, assignment.OperatorToken.Text.Substring(0, 1), right)}";
            case SyntaxKind.ModuloAssignmentExpression when to is not null && IsFloat(to):
                return $"{left} = {_dialect.Math("fmod", to.SpecialType == SpecialType.System_Single)}({left}, {right})";
            case SyntaxKind.LeftShiftAssignmentExpression or SyntaxKind.RightShiftAssignmentExpression when to is not null:
                return $"{left} {assignment.OperatorToken.Text} {ShiftCount(assignment.Right, to)}";
            default:
                return $"{left} {assignment.OperatorToken.Text} {right}";
        }
    }

    // C# takes a count modulo the width; C leaves larger ones open.
    private string ShiftCount(ExpressionSyntax count, ITypeSymbol type)
    {
        int mask = Is64(type) ? 63 : 31;
        return _model.GetConstantValue(count) is { HasValue: true, Value: int constant } ? (constant & mask).ToString(CultureInfo.InvariantCulture) : $"({Atom(Value(count))} & {mask})";
    }

    // Signed arithmetic that must wrap around: of generic numbers, as on the host, and what stands in unchecked(…).
    private bool Wraps(ExpressionSyntax arithmetic) =>
        _model.GetTypeInfo(arithmetic).Type is { } type && (_wraps || type is ITypeParameterSymbol) && IsSigned(_instance.Resolve(type));

    private string Cast(ITypeSymbol type, ExpressionSyntax operand)
    {
        ITypeSymbol to = _instance.Resolve(type), from = _instance.Resolve(_model.GetTypeInfo(operand).Type!);
        return Conversion(from, to, Value(operand), operand);
    }

    private string Conversion(ITypeSymbol from, ITypeSymbol to, string value, SyntaxNode at)
    {
        string target = TypeOf(to, at);
        if (from.SpecialType == to.SpecialType) return value;
        if (!IsFloat(from) || IsFloat(to)) return $"({target}){Atom(value)}";
        // C# goes to the small types by way of int.
        return IsSmall(to) ? $"({target}){_dialect.ToInteger("int", value)}" : _dialect.ToInteger(target, value);
    }

    // A condition about types, known when a kernel is made for given ones.
    private bool? Decided(ExpressionSyntax expression) => expression switch
    {
        ParenthesizedExpressionSyntax inner => Decided(inner.Expression),
        PrefixUnaryExpressionSyntax { OperatorToken.Text: "!" } not => !Decided(not.Operand),
        BinaryExpressionSyntax { Left: TypeOfExpressionSyntax a, Right: TypeOfExpressionSyntax b } equality =>
            SymbolEqualityComparer.Default.Equals(_instance.Resolve(_model.GetTypeInfo(a.Type).Type!), _instance.Resolve(_model.GetTypeInfo(b.Type).Type!))
                == equality.IsKind(SyntaxKind.EqualsExpression),
        BinaryExpressionSyntax { OperatorToken.Text: "||" } or => Decided(or.Left) is { } a && Decided(or.Right) is { } b ? a || b : null,
        BinaryExpressionSyntax { OperatorToken.Text: "&&" } and => Decided(and.Left) is { } a && Decided(and.Right) is { } b ? a && b : null,
        _ => null,
    };

    private string Literal(object value, ITypeSymbol type, SyntaxNode at)
    {
        TypeOf(type, at);
        switch (type.SpecialType)
        {
            case SpecialType.System_Boolean:
                return Truth(value is bool truth && truth);
            case SpecialType.System_Single:
                float single = Convert.ToSingle(value, CultureInfo.InvariantCulture);
                return float.IsNaN(single) ? "NAN" : float.IsInfinity(single) ? (single > 0 ? "INFINITY" : "(-INFINITY)") : Signed(Digits(single.ToString("R", CultureInfo.InvariantCulture), single) + "f");
            case SpecialType.System_Double:
                double number = value is float f ? f : Convert.ToDouble(value, CultureInfo.InvariantCulture);
                return double.IsNaN(number) ? "(double)NAN" : double.IsInfinity(number) ? (number > 0 ? "(double)INFINITY" : "(-(double)INFINITY)") : Signed(Digits(number.ToString("R", CultureInfo.InvariantCulture), number));
            case SpecialType.System_Int64:
                long wide = Convert.ToInt64(value, CultureInfo.InvariantCulture);
                return wide == long.MinValue ? $"(-{long.MaxValue}{_dialect.LongSuffix} - 1)" : Signed(wide.ToString(CultureInfo.InvariantCulture) + _dialect.LongSuffix);
            case SpecialType.System_UInt64:
                return Convert.ToUInt64(value, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture) + "u" + _dialect.LongSuffix;
            case SpecialType.System_UInt32:
                return Convert.ToUInt32(value, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture) + "u";
            default:
                long integer = Convert.ToInt64(value, CultureInfo.InvariantCulture);
                return integer == int.MinValue ? "(-2147483647 - 1)" : Signed(integer.ToString(CultureInfo.InvariantCulture));
        }
    }

    // −0 prints without its sign on some runtimes.
    private static string Digits(string text, double value)
    {
        if (value == 0) return BitConverter.DoubleToInt64Bits(value) < 0 ? "-0.0" : "0.0";
        return text.IndexOfAny(['.', 'E', 'e']) >= 0 ? text : text + ".0";
    }

    private static string Signed(string literal) => literal[0] == '-' ? $"({literal})" : literal;

    private static string Truth(bool value) => value ? "true" : "false";

    // An operand that binds as tightly as a name.
    private static string Atom(string text)
    {
        bool plain = text.All(c => char.IsLetterOrDigit(c) || c is '_' or '.');
        return plain || IsEnclosed(text) ? text : $"({text})";
    }

    private static bool IsEnclosed(string text)
    {
        int start = text.TakeWhile(c => char.IsLetterOrDigit(c) || c is '_').Count();
        if (start >= text.Length || text[start] is not ('(' or '[') || text[text.Length - 1] is not (')' or ']')) return false;
        int depth = 0;
        for (int i = start; i < text.Length; i++)
        {
            if (text[i] is '(' or '[') depth++;
            else if (text[i] is ')' or ']' && --depth == 0 && i < text.Length - 1) return false;
        }
        return true;
    }

    private string Wrapping(ITypeSymbol type, string left, string op, string right) =>
        $"({_dialect.Scalar(type.SpecialType)})(({Unsigned(type)}){Atom(left)} {op} ({Unsigned(type)}){Atom(right)})";

    private string Unsigned(ITypeSymbol type) => _dialect.Scalar(Is64(type) ? SpecialType.System_UInt64 : SpecialType.System_UInt32)!;

    private static bool IsSigned(ITypeSymbol type) => type.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64;

    private static bool Is64(ITypeSymbol type) => type.SpecialType is SpecialType.System_Int64 or SpecialType.System_UInt64;

    private static bool IsSmall(ITypeSymbol type) =>
        type.SpecialType is SpecialType.System_Byte or SpecialType.System_SByte or SpecialType.System_Int16 or SpecialType.System_UInt16;

    private static bool IsFloat(ITypeSymbol type) => type.SpecialType is SpecialType.System_Single or SpecialType.System_Double;
}
