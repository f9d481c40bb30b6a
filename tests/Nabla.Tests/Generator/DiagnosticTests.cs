using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Nabla.Tests.Generator;

/// <summary>
/// What a kernel may not contain is reported at the offending token. In the sources below it stands between ⟦ and ⟧, after the number of its rule; every
/// source compiles as C#, and nothing else may be reported.
/// </summary>
public sealed class DiagnosticTests
{
    public static TheoryData<string, string> Bodies => new()
    {
        { "foreach", "⟦1:foreach (float v in new float[2]) { }⟧" },
        { "switch statement", "⟦1:switch (n) { case 1: y[0] = 1; break; }⟧" },
        { "switch expression", "int k = ⟦1:n switch { 1 => 2, _ => 3 }⟧;" },
        { "lambda", "⟦3:Func<int, int>⟧ f = ⟦1:v => v + 1⟧;" },
        { "local function", "⟦1:int Twice(int v) => 2 * v;⟧" },
        { "string", "⟦3:string⟧ s = ⟦1:\"text\"⟧;" },
        { "array", "⟦3:var⟧ a = ⟦1:new float[3]⟧;" },
        { "stackalloc", "⟦3:Span<float>⟧ a = ⟦1:stackalloc float[3]⟧;" },
        { "throw", "if (n < 0) ⟦1:throw new InvalidOperationException();⟧" },
        { "try", "⟦1:try { y[0] = 1; } finally { }⟧" },
        { "checked expression", "int k = ⟦1:checked(n + 1)⟧;" },
        { "checked block", "⟦1:checked { y[0] = 1; }⟧" },
        { "is", "bool b = ⟦1:n is 3⟧;" },
        { "as", "⟦3:object?⟧ o = ⟦1:x as object⟧;" },
        { "tuple", "⟦3:var⟧ t = ⟦1:(n, n)⟧;" },
        { "deconstruction", "int a, b; ⟦1:(a, b) = (n, n)⟧;" },
        { "local reference", "ref float ⟦1:first = ref y[0]⟧;" },
        { "goto", "⟦1:end: y[0] = 1;⟧" },
        { "assignment inside an expression", "int k; y[⟦1:k = n⟧] = 1;" },
        { "increment inside an expression", "int k = 0; y[⟦1:k++⟧] = 1; y[⟦1:--k⟧] = 2;" },
        { "object creation", "Pair p = ⟦1:new Pair { A = 1 }⟧;" },
        { "default of a struct", "Pair p = ⟦1:default⟧;" },
        { "atomic on a local", "int k = 0; ⟦1:Atomic.Add(ref k, 1)⟧;" },
        { "method of the library", "float v = ⟦2:MathF.BitIncrement(x[0])⟧;" },
        { "rounding mode", "float v = ⟦2:MathF.Round(x[0], MidpointRounding.ToZero)⟧;" },
        { "delegate call", "⟦2:Held()⟧;" },
        { "instance method of a class", "⟦2:new object().ToString()⟧;" },
        { "decimal", "⟦3:decimal⟧ d = ⟦1:1m⟧;" },
        { "enum", "⟦3:DayOfWeek⟧ d = ⟦8:DayOfWeek.Friday⟧;" },
        { "extent that is no constant", "var s = ⟦5:SharedMemory.Allocate<float>(n)⟧;" },
        { "extent below one", "var s = ⟦5:LocalMemory.Allocate<float>(0)⟧;" },
        { "shared memory in a loop", "for (int i = 0; i < 2; i++) { var s = ⟦5:SharedMemory.Allocate<float>(2)⟧; s[0] = 1; }" },
        { "local memory in a condition", "if (n > 0) { var s = ⟦5:LocalMemory.Allocate<float>(2)⟧; s[0] = 1; }" },
        { "allocation as an argument", "Fill(⟦5:SharedMemory.Allocate<float>(2)⟧);" },
        { "lanes that are no constant", "for (int i = 0; i < ⟦11:Vectors.Lanes(n)⟧; i++) y[i] = 0;" },
        { "lanes of an odd number", "for (int i = 0; i < ⟦11:Vectors.Lanes(24)⟧; i++) y[i] = 0;" },
        { "lanes from the middle", "for (int i = 1; i < ⟦11:Vectors.Lanes(16)⟧; i++) y[i] = 0;" },
        { "lanes without a loop", "int k = ⟦11:Vectors.Lanes(16)⟧;" },
        { "mutable static field", "int k = ⟦8:Counter⟧; ⟦8:Counter⟧ = 2;" },
        { "field of another class", "float v = ⟦8:Other.State⟧;" },
        { "static readonly without a constant", "int k = ⟦8:Computed⟧;" },
        { "property", "int k = ⟦8:Environment.ProcessorCount⟧;" },
        { "view assigned again", "var v = x; ⟦9:v = y⟧;" },
        { "parameter that is a view assigned", "⟦9:x = y⟧;" },
        { "view from a condition", "var v = ⟦9:n > 0 ? x : y⟧;" },
        { "view without a value", "ArrayView<float> ⟦9:v⟧;" },
    };

    public static TheoryData<string, string> Files => new()
    {
        { "recursion", """
            static partial class Kernels
            {
                static int Factorial(int n) => n < 2 ? 1 : n * ⟦7:Factorial(n - 1)⟧;

                [Kernel(64)]
                static void Run(ArrayView<int> y) { y[0] = Factorial(5); }
            }
            """ },
        { "recursion through two methods", """
            static partial class Kernels
            {
                static int Even(int n) => n == 0 ? 1 : Odd(n - 1);

                static int Odd(int n) => n == 0 ? 0 : ⟦7:Even(n - 1)⟧;

                [Kernel(64)]
                static void Run(ArrayView<int> y) { y[0] = Even(5); }
            }
            """ },
        { "a kernel that calls itself", """
            static partial class Kernels
            {
                [Kernel(64)]
                static void Run(ArrayView<int> y) { if (y[0] > 0) ⟦7:Run(y)⟧; }
            }
            """ },
        { "barrier in a helper", """
            static partial class Kernels
            {
                static void Wait() { ⟦6:Group.Barrier();⟧ }

                [Kernel(64)]
                static void Run(ArrayView<int> y) { Wait(); y[0] = 1; }
            }
            """ },
        { "shared memory in a helper", """
            static partial class Kernels
            {
                static float First()
                {
                    var shared = ⟦5:SharedMemory.Allocate<float>(4)⟧;
                    return shared[0];
                }

                [Kernel(64)]
                static void Run(ArrayView<float> y) { y[0] = First(); }
            }
            """ },
        { "helper that takes a reference", """
            static partial class Kernels
            {
                static void Set(⟦1:ref float v⟧) { v = 1; }

                [Kernel(64)]
                static void Run(ArrayView<float> y) { Set(ref y[0]); }
            }
            """ },
        { "helper that returns a view", """
            static partial class Kernels
            {
                static ArrayView<float> Same(ArrayView<float> v) => v;

                [Kernel(64)]
                static void Run(ArrayView<float> y) { var same = ⟦9:Same(y)⟧; same[0] = 1; }
            }
            """ },
        { "argument of a params list", """
            static partial class Kernels
            {
                static int Count(⟦3:params ReadOnlySpan<int> values⟧) => ⟦8:values.Length⟧;

                [Kernel(64)]
                static void Run(ArrayView<int> y) { y[0] = Count(⟦1:1⟧, ⟦1:2⟧); }
            }
            """ },
        { "instance kernel", """
            partial class Kernels
            {
                [Kernel(64)]
                ⟦4:void⟧ Run(ArrayView<int> y) { y[0] = 1; }
            }
            """ },
        { "kernel that returns a value", """
            static partial class Kernels
            {
                [Kernel(64)]
                static ⟦4:int⟧ Run(ArrayView<int> y) => y[0];
            }
            """ },
        { "class that is not partial", """
            static class Kernels
            {
                [Kernel(64)]
                static ⟦4:void⟧ Run(ArrayView<int> y) { y[0] = 1; }
            }
            """ },
        { "nested class", """
            static partial class Outer
            {
                static partial class Kernels
                {
                    [Kernel(64)]
                    static ⟦4:void⟧ Run(ArrayView<int> y) { y[0] = 1; }
                }
            }
            """ },
        { "generic class", """
            static partial class Kernels<T>
            {
                [Kernel(64)]
                static ⟦4:void⟧ Run(ArrayView<int> y) { y[0] = 1; }
            }
            """ },
        { "two kernels of one name", """
            static partial class Kernels
            {
                [Kernel(64)]
                static ⟦4:void⟧ Run(ArrayView<int> y) { y[0] = 1; }

                [Kernel(64)]
                static ⟦4:void⟧ Run(ArrayView<float> y) { y[0] = 1; }
            }
            """ },
        { "group without work-items", """
            static partial class Kernels
            {
                [Kernel(0)]
                static ⟦4:void⟧ Run(ArrayView<int> y) { y[0] = 1; }
            }
            """ },
        { "group that is too large", """
            static partial class Kernels
            {
                [Kernel(64, 64)]
                static ⟦4:void⟧ Run(ArrayView<int> y) { y[0] = 1; }
            }
            """ },
        { "kernel that takes a string", """
            static partial class Kernels
            {
                [Kernel(64)]
                static void Run(ArrayView<int> y, ⟦3:string name⟧) { y[0] = 1; }
            }
            """ },
        { "struct with a reference in it", """
            struct Named { public int Number; public string Name; }

            static partial class Kernels
            {
                [Kernel(64)]
                static void Run(ArrayView<int> y, ⟦3:Named named⟧) { y[0] = named.Number; }
            }
            """ },
        { "generic kernel without types", """
            static partial class Kernels
            {
                [Kernel(64)]
                static void ⟦10:Run⟧<T>(ArrayView<T> y) where T : unmanaged, INumber<T> { y[0] = T.One; }
            }
            """ },
        { "operation on elements", """
            [ElementOp("odd")]
            struct OddOp { public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => ⟦2:T.BitIncrement(x)⟧; }
            """ },
    };

    [Theory, MemberData(nameof(Bodies))]
    public Task A_body_outside_the_subset_is_reported_where_it_is(string construct, string body) => Check(construct, $$"""
        struct Pair { public float A; public int B; }

        static class Other { public static float State; }

        static partial class Kernels
        {
            static int Counter;
            static readonly int Computed = int.Parse("3");
            static readonly Action Held = () => { };

            static void Fill(ArrayView<float> v) { v[0] = 1; }

            [Kernel(64)]
            static void Run(ArrayView<float> x, ArrayView<float> y, int n)
            {
                {{body}}
            }
        }
        """);

    [Theory, MemberData(nameof(Files))]
    public Task A_declaration_outside_the_subset_is_reported_where_it_is(string construct, string file) => Check(construct, file);

    [Fact]
    public void Every_rule_has_a_test()
    {
        string[] all = [.. Bodies.Concat(Files).Select(row => row.Data.Item2)];
        for (int rule = 1; rule <= 11; rule++) Assert.Contains(all, text => text.Contains($"⟦{rule}:", StringComparison.Ordinal));
        Assert.Equal(11, new Nabla.Kernels.Generator.KernelAnalyzer().SupportedDiagnostics.Length);
    }

    private static async Task Check(string construct, string marked)
    {
        (string source, List<(string Id, int Start, int End)> expected) = Unmark("#nullable enable\nnamespace Samples;\n\n" + marked.ReplaceLineEndings("\n"));
        CSharpCompilation compilation = KernelSource.Compile(source);
        string[] mistakes = [.. compilation.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error).Select(d => d.ToString())];
        Assert.True(mistakes.Length == 0, $"{construct}: {string.Join('\n', mistakes)}");
        IReadOnlyList<Diagnostic> faults = await KernelSource.Faults(compilation);
        Assert.Equal(expected.Select(e => $"{e.Id} {Place(source, e.Start)}–{Place(source, e.End)}").Order(),
            faults.Select(f => $"{f.Id} {Place(source, f.Location.SourceSpan.Start)}–{Place(source, f.Location.SourceSpan.End)}").Order());
        foreach (Diagnostic fault in faults)
        {
            FileLinePositionSpan place = fault.Location.GetLineSpan();
            Assert.Equal("Kernel0.cs", place.Path);
            Assert.Equal(Place(source, fault.Location.SourceSpan.Start), $"({place.StartLinePosition.Line + 1},{place.StartLinePosition.Character + 1})");
            Assert.Equal(DiagnosticSeverity.Error, fault.Severity);
            Assert.StartsWith("kernel: ", fault.GetMessage());
        }
    }

    // Line and column, from 1, counted in the text itself.
    private static string Place(string text, int position) =>
        $"({text[..position].Count(c => c == '\n') + 1},{position - text.LastIndexOf('\n', Math.Max(0, position - 1))})";

    private static (string Source, List<(string, int, int)> Marks) Unmark(string marked)
    {
        var source = new System.Text.StringBuilder();
        var marks = new List<(string, int, int)>();
        var open = new Stack<(string Id, int Start)>();
        for (int i = 0; i < marked.Length; i++)
        {
            switch (marked[i])
            {
                case '⟦':
                    int colon = marked.IndexOf(':', i);
                    open.Push(($"NK{int.Parse(marked[(i + 1)..colon]):D4}", source.Length));
                    i = colon;
                    break;
                case '⟧':
                    (string id, int start) = open.Pop();
                    marks.Add((id, start, source.Length));
                    break;
                default:
                    source.Append(marked[i]);
                    break;
            }
        }
        return (source.ToString(), marks);
    }
}
