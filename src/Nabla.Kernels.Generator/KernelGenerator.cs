using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Nabla.Kernels.Generator;

/// <summary>
/// Translates every method marked [Kernel], and every element-wise operation marked [ElementOp], to OpenCL C and CUDA C. Faults are reported by
/// <see cref="KernelAnalyzer"/>; a kernel with faults is left out here.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class KernelGenerator : IIncrementalGenerator
{
    internal const string KernelAttribute = "Nabla.Kernels.KernelAttribute";
    internal const string OperationAttribute = "Nabla.Kernels.ElementOpAttribute";

    /// <summary>Names of the steps whose results are compared.</summary>
    public const string KernelStep = "Kernels", OperationStep = "Operations";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<KernelModel> kernels = context.SyntaxProvider.ForAttributeWithMetadataName(KernelAttribute,
            static (node, _) => node is MethodDeclarationSyntax,
            static (found, stop) =>
            {
                var translation = new Translation(found.SemanticModel.Compilation, stop);
                KernelModel? model = KernelReader.Read((IMethodSymbol)found.TargetSymbol, translation);
                return translation.Diagnostics.Count == 0 ? model : null;
            }).Where(m => m is not null).Select((m, _) => m!).WithTrackingName(KernelStep);
        IncrementalValueProvider<bool> useIlgpu = context.ParseOptionsProvider.Select(static (options, _) => options.PreprocessorSymbolNames.Contains("USE_ILGPU"));
        context.RegisterSourceOutput(kernels.Combine(useIlgpu), static (output, found) => output.AddSource(
            $"{found.Left.Namespace}.{found.Left.Class}.{found.Left.Method}.g.cs".TrimStart('.'), SourceText.From(Emission.Kernel(found.Left, found.Right), Encoding.UTF8)));

        IncrementalValueProvider<ImmutableArray<OperationModel>> operations = context.SyntaxProvider.ForAttributeWithMetadataName(OperationAttribute,
            static (node, _) => node is StructDeclarationSyntax,
            static (found, stop) =>
            {
                var translation = new Translation(found.SemanticModel.Compilation, stop);
                OperationModel[] models = [.. KernelReader.ReadOperation((INamedTypeSymbol)found.TargetSymbol, translation)];
                return new EquatableArray<OperationModel>(translation.Diagnostics.Count == 0 ? models : []);
            }).WithTrackingName(OperationStep).SelectMany((m, _) => m).Collect();
        context.RegisterSourceOutput(operations, static (output, found) =>
        {
            if (!found.IsEmpty) output.AddSource("ElementFunctions.g.cs", SourceText.From(Emission.Operations(found), Encoding.UTF8));
        });
    }
}
