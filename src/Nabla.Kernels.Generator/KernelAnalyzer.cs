using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Nabla.Kernels.Generator;

/// <summary>Reports what a kernel, an element-wise operation, or anything that they call may not contain, at the offending token.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class KernelAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [.. Rules.All];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSymbolAction(Check, SymbolKind.Method, SymbolKind.NamedType);
    }

    private static void Check(SymbolAnalysisContext context)
    {
        var translation = new Translation(context.Compilation, context.CancellationToken);
        if (context.Symbol is IMethodSymbol method && Has(method, KernelGenerator.KernelAttribute)) KernelReader.Read(method, translation);
        else if (context.Symbol is INamedTypeSymbol type && Has(type, KernelGenerator.OperationAttribute)) _ = KernelReader.ReadOperation(type, translation).ToArray();
        foreach (Diagnostic diagnostic in translation.Diagnostics) context.ReportDiagnostic(diagnostic);
    }

    private static bool Has(ISymbol symbol, string attribute) => symbol.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == attribute);
}
