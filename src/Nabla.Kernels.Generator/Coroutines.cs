using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nabla.Kernels.Generator;

/// <summary>
/// Makes an iterator from a kernel with barriers: it stops where the work-item waits, so that one thread can run a whole group, item after item,
/// from barrier to barrier. Lines keep their numbers, so a breakpoint in the kernel stops there.
/// </summary>
internal static class Coroutines
{
    /// <summary>The iterator's body; null if the kernel has no barrier.</summary>
    public static KernelCoroutine? Of(MethodDeclarationSyntax kernel, Translation translation)
    {
        if (kernel.Body is not { } body) return null;
        SemanticModel model = translation.ModelOf(kernel);
        if (!body.DescendantNodes().OfType<InvocationExpressionSyntax>().Any(c => IsBarrier(model, c))) return null;
        var rewriter = new Rewriter(model);
        string text = string.Join("\n", rewriter.Visit(body).ToFullString().Split('\n').Select(line => line.TrimEnd())).TrimEnd();
        FileLinePositionSpan place = body.GetLocation().GetLineSpan();
        return new KernelCoroutine(text, place.Path, place.StartLinePosition.Line + 1);
    }

    private static bool IsBarrier(SemanticModel model, InvocationExpressionSyntax call) =>
        model.GetSymbolInfo(call).Symbol is IMethodSymbol { Name: "Barrier", ContainingType.Name: "Group" };

    private sealed class Rewriter(SemanticModel model) : CSharpSyntaxRewriter
    {
        public override SyntaxNode? VisitExpressionStatement(ExpressionStatementSyntax node) =>
            node.Expression is InvocationExpressionSyntax call && IsBarrier(model, call)
                ? SyntaxFactory.ParseStatement("yield return true;").WithLeadingTrivia(WithoutComments(node.GetLeadingTrivia())).WithTrailingTrivia(WithoutComments(node.GetTrailingTrivia()))
                : base.VisitExpressionStatement(node);

        public override SyntaxNode? VisitReturnStatement(ReturnStatementSyntax node) =>
            SyntaxFactory.ParseStatement("yield break;").WithLeadingTrivia(WithoutComments(node.GetLeadingTrivia())).WithTrailingTrivia(WithoutComments(node.GetTrailingTrivia()));

        public override SyntaxToken VisitToken(SyntaxToken token) =>
            token.WithLeadingTrivia(WithoutComments(token.LeadingTrivia)).WithTrailingTrivia(WithoutComments(token.TrailingTrivia));

        // A changed comment must not change the result; the lines must stay.
        private static SyntaxTriviaList WithoutComments(SyntaxTriviaList trivia) => SyntaxFactory.TriviaList(trivia.Select(t =>
            t.Kind() is SyntaxKind.SingleLineCommentTrivia or SyntaxKind.SingleLineDocumentationCommentTrivia ? SyntaxFactory.ElasticMarker
            : t.IsKind(SyntaxKind.MultiLineCommentTrivia) ? SyntaxFactory.Whitespace(new string('\n', t.ToString().Count(c => c == '\n')))
            : t));
    }
}
