using Microsoft.CodeAnalysis;

namespace Nabla.Kernels.Generator;

/// <summary>One C function or struct in both languages, and the names of those that it uses.</summary>
internal sealed record Part(string Name, string OpenCl, string Cuda, EquatableArray<string> Uses, bool NeedsDouble);

/// <summary>
/// Translates methods and everything that they call. What a method may not contain is reported, once per place, and translation goes on, so that a
/// person sees all faults at once.
/// </summary>
internal sealed class Translation(Compilation compilation, CancellationToken cancellation)
{
    private readonly Dictionary<string, Part?> _parts = [];
    private readonly HashSet<Location> _reported = [];
    private readonly Dictionary<SyntaxTree, SemanticModel> _models = [];
    private readonly List<Diagnostic> _diagnostics = [];

    /// <summary>Faults found so far.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics => _diagnostics;

    /// <summary>Notes a fault at a place.</summary>
    public void Report(DiagnosticDescriptor rule, SyntaxNodeOrToken at, string what)
    {
        Location location = at.GetLocation()!;
        if (_reported.Add(location)) _diagnostics.Add(Diagnostic.Create(rule, location, what));
    }

    /// <summary>A number type.</summary>
    public ITypeSymbol SpecialType(SpecialType type) => compilation.GetSpecialType(type);

    /// <summary>The meaning of the syntax of a file.</summary>
    public SemanticModel ModelOf(SyntaxNode node)
    {
        // A model remembers what it has bound; a new one would bind the file again.
        if (!_models.TryGetValue(node.SyntaxTree, out SemanticModel? model)) _models[node.SyntaxTree] = model = compilation.GetSemanticModel(node.SyntaxTree);
        return model;
    }

    /// <summary>Translates a method; null if it is being translated already, which is a recursion.</summary>
    public Part? Translate(MethodInstance instance, KernelShape? kernel = null)
    {
        cancellation.ThrowIfCancellationRequested();
        string name = instance.CName;
        if (_parts.TryGetValue(name, out Part? known)) return known;
        _parts[name] = null;
        var uses = new List<string>();
        var doubles = new Flag();
        string openCl = new MethodTranslator(this, instance, Dialect.OpenCl, uses, doubles).Translate(kernel);
        string cuda = new MethodTranslator(this, instance, Dialect.Cuda, uses, doubles).Translate(kernel);
        return _parts[name] = new Part(name, openCl, cuda, new EquatableArray<string>([.. uses.Distinct()]), doubles.Value);
    }

    /// <summary>The C struct of a struct of scalars.</summary>
    public Part Struct(INamedTypeSymbol type, SyntaxNode at)
    {
        if (_parts.TryGetValue(type.Name, out Part? known) && known is not null) return known;
        IFieldSymbol[] fields = [.. type.GetMembers().OfType<IFieldSymbol>().Where(f => !f.IsStatic)];
        if (fields.Length == 0) Report(Rules.Type, at, type.ToDisplayString());
        string Text(Dialect dialect) => "typedef struct {\n" + string.Concat(fields.Select(f => $"    {Scalar(dialect, f)} {Identifiers.InC(f.Name)};\n")) + $"}} {Identifiers.InC(type.Name)};\n";
        string Scalar(Dialect dialect, IFieldSymbol field)
        {
            // A bool of a struct is a byte, as a bool of a view is.
            var stored = field.Type.SpecialType == Microsoft.CodeAnalysis.SpecialType.System_Boolean ? Microsoft.CodeAnalysis.SpecialType.System_Byte : field.Type.SpecialType;
            if (dialect.Scalar(stored) is { } scalar) return scalar;
            Report(Rules.Type, at, $"{type.Name}.{field.Name}: {field.Type.ToDisplayString()}");
            return "int";
        }
        bool doubles = fields.Any(f => f.Type.SpecialType == Microsoft.CodeAnalysis.SpecialType.System_Double);
        Part part = new(type.Name, Text(Dialect.OpenCl), Text(Dialect.Cuda), new EquatableArray<string>([]), doubles);
        _parts[type.Name] = part;
        return part;
    }

    /// <summary>A part and all that it uses, what is used first.</summary>
    public IReadOnlyList<Part> Closure(Part part)
    {
        var order = new List<Part>();
        Visit(part);
        return order;

        void Visit(Part next)
        {
            if (order.Any(p => p.Name == next.Name)) return;
            foreach (string name in next.Uses)
                if (_parts.TryGetValue(name, out Part? used) && used is not null) Visit(used);
            order.Add(next);
        }
    }

    /// <summary>A bit that several translators set.</summary>
    public sealed class Flag
    {
        public bool Value { get; set; }
    }
}

/// <summary>Work-items of a group along each axis.</summary>
internal sealed record KernelShape(int X, int Y, int Z, string? AtOnce)
{
    /// <summary>Work-items in all.</summary>
    public long Items => (long)X * Y * Z;
}
