using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Nabla.Kernels;
using Nabla.Kernels.Generator;

namespace Nabla.Tests.Generator;

/// <summary>C# texts compiled against the kernel language, as the build of a project with kernels compiles them.</summary>
internal static class KernelSource
{
    private const string Usings = "global using System; global using Nabla.Kernels; global using Nabla.Kernels.Language; global using System.Numerics;";

    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "netstandard.dll" or "mscorlib.dll"))
            .Append(typeof(KernelAttribute).Assembly.Location).Append(typeof(Device).Assembly.Location).Select(path => MetadataReference.CreateFromFile(path)),
    ];

    public static readonly CSharpParseOptions Syntax = new(LanguageVersion.Preview);

    /// <summary>A compilation of files; their names are Kernel0.cs, Kernel1.cs, …</summary>
    public static CSharpCompilation Compile(params ReadOnlySpan<string> files)
    {
        var trees = new List<SyntaxTree> { CSharpSyntaxTree.ParseText(Usings, Syntax) };
        foreach (string file in files) trees.Add(CSharpSyntaxTree.ParseText(file, Syntax, $"Kernel{trees.Count - 1}.cs", Encoding.UTF8));
        // The name gives access to the internal types that generated code uses.
        return CSharpCompilation.Create("Nabla.Tests", trees, References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
    }

    /// <summary>The generator, telling why each of its steps ran.</summary>
    public static GeneratorDriver Driver() => CSharpGeneratorDriver.Create([new KernelGenerator().AsSourceGenerator()], parseOptions: Syntax,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>What the analyser reports, in the order of the text.</summary>
    public static async Task<IReadOnlyList<Diagnostic>> Faults(CSharpCompilation compilation)
    {
        ImmutableArray<Diagnostic> found = await compilation.WithAnalyzers([new KernelAnalyzer()]).GetAnalyzerDiagnosticsAsync();
        return [.. found.OrderBy(d => d.Location.SourceSpan.Start)];
    }

    /// <summary>All C text that is generated for a source: OpenCL C, then CUDA C. The generated C# must compile, and the source be without faults.</summary>
    public static async Task<string> Translate(string source)
    {
        CSharpCompilation compilation = Compile(source);
        Assert.Empty(await Faults(compilation));
        Driver().RunGeneratorsAndUpdateCompilation(compilation, out Compilation output, out ImmutableArray<Diagnostic> problems);
        Assert.Empty(problems);
        Assert.Empty(output.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));
        var openCl = new StringBuilder("//// OpenCL C\n\n");
        var cuda = new StringBuilder("//// CUDA C\n\n");
        foreach (SyntaxNode root in output.SyntaxTrees.Skip(2).Select(tree => tree.GetRoot()))
        {
            // Functions and structs: new("name", needsDouble, OpenCL C, CUDA C, uses). Kernels: constants called …_OpenCl and …_Cuda.
            foreach (ImplicitObjectCreationExpressionSyntax part in root.DescendantNodes().OfType<ImplicitObjectCreationExpressionSyntax>().Where(p => p.ArgumentList.Arguments.Count == 5))
            {
                openCl.Append(Text(part.ArgumentList.Arguments[2].Expression)).Append('\n');
                cuda.Append(Text(part.ArgumentList.Arguments[3].Expression)).Append('\n');
            }
            foreach (VariableDeclaratorSyntax text in root.DescendantNodes().OfType<VariableDeclaratorSyntax>())
            {
                StringBuilder? language = text.Identifier.Text.EndsWith("_OpenCl", StringComparison.Ordinal) ? openCl : text.Identifier.Text.EndsWith("_Cuda", StringComparison.Ordinal) ? cuda : null;
                language?.Append(Text(text.Initializer!.Value)).Append('\n');
            }
        }
        return openCl.Append('\n').Append(cuda).ToString();
    }

    private static string Text(ExpressionSyntax literal) => ((LiteralExpressionSyntax)literal).Token.ValueText;
}
