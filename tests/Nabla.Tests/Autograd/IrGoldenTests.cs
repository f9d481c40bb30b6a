using System.Text;
using System.Text.RegularExpressions;
using Nabla.Autograd;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

/// <summary>Programs as they print after each transformation, compared with reviewed text.</summary>
public sealed class IrGoldenTests
{
    private static readonly Tensor Inputs = Tensor.From(new[,] { { 0.1f, 0.2f }, { 0.3f, 0.4f }, { 0.5f, 0.6f } });

    private static Tensor Scalar(Tensor x) => (x.Sin() * x).Sum();

    private static Tensor Layer((Tensor W, Tensor B) p) => (Inputs.MatMul(p.W) + p.B).Tanh().Square().Mean();

    private static Tensor Pick(Tensor x) => x.Take(Tensor.From([2, 0]));

    [Fact]
    public void Programs_of_a_scalar_function() => Verify("IrScalar", Scalar, Tensor.From([0.5, 1.5, 2.5]));

    [Fact]
    public void Programs_of_gather_with_a_captured_constant() => Verify("IrGather", x => Pick(x).Exp().Sum(), Tensor.From([0.5f, 1.5f, 2.5f]));

    [Fact]
    public void Programs_of_a_layer()
    {
        (Tensor W, Tensor B) parameters = (Tensor.From(new[,] { { 1f, 2f }, { 3f, 4f } }), Tensor.From([0.5f, 0.25f]));
        var text = new StringBuilder();
        Append(text, "trace", Trace<(Tensor W, Tensor B), Tensor>(Layer, parameters));
        Append(text, "grad", Trace(Grad<(Tensor W, Tensor B)>(Layer), parameters));
        Append(text, "compile of value and grad", Compile(ValueAndGrad<(Tensor W, Tensor B)>(Layer)).ProgramFor(parameters));
        Golden.Verify("IrLayer", text.ToString());
    }

    private static void Verify(string name, Func<Tensor, Tensor> f, Tensor x)
    {
        Tensor batch = Ops.Stack([x, x, x, x]);
        var text = new StringBuilder();
        Append(text, "trace", Trace(f, x));
        Append(text, "jvp", Trace(((Tensor X, Tensor DX) p) => Jvp(f, p.X, p.DX).Tangent, (x, x)));
        Append(text, "grad", Trace(Grad(f), x));
        Append(text, "vmap", Trace(Vmap(f), batch));
        Append(text, "vmap of grad", Trace(Vmap(Grad(f)), batch));
        Append(text, "compile of grad", Compile(Grad(f)).ProgramFor(x));
        Append(text, "compile of vmap of grad", Compile(Vmap(Grad(f))).ProgramFor(batch));
        Golden.Verify(name, text.ToString());
    }

    private static void Append(StringBuilder text, string title, Program program)
    {
        IrChecker.Check(program);
        text.Append(title).Append('\n').Append(Regex.Replace(program.ToString(), @"(?<=\S); ", ";\n    ")).Append("\n\n");
    }
}
