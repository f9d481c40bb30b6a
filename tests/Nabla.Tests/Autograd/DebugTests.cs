using System.Runtime.CompilerServices;

namespace Nabla.Tests.Autograd;

public sealed class DebugTests
{
    private static int Here([CallerLineNumber] int line = 0) => line;

    [Fact]
    public void A_NaN_is_reported_with_its_primitive_and_the_callers_line()
    {
        Tensor x = Tensor.From([1.0, -1.0]);
        int line = 0;
        using (NablaDebug.Scope(checks: DebugChecks.Nan))
        {
            var error = Assert.Throws<NumericException>(() => { line = Here(); return x.Log(); });
            Assert.Equal("NB0620", error.Code);
            Assert.Contains("log: result holds a NaN: f64[2] at flat position 1", error.Message, StringComparison.Ordinal);
            Assert.Contains($"DebugTests.cs:{line}; operands f64[2], none of which held a NaN", error.Message, StringComparison.Ordinal);
        }
        Assert.True(double.IsNaN(x.Log().At(1).ToDouble()));
    }

    [Fact]
    public void A_NaN_of_a_compiled_program_is_reported_with_the_line_of_the_function()
    {
        int line = 0;
        // One statement: what the compiler keeps on the stack between statements has the line of the first.
        Compiled<Tensor, Tensor> compiled = Transforms.Compile((Tensor t) =>
        {
            line = Here(); return ((t - 2).Sqrt() * 3).Sum();
        });
        using (NablaDebug.Scope(checks: DebugChecks.Nan | DebugChecks.Ir | DebugChecks.Bounds))
        {
            Assert.Equal(3, compiled.Call(Tensor.From([3.0])).ToDouble());
            var error = Assert.Throws<NumericException>(() => compiled.Call(Tensor.From([1.0])));
            Assert.Contains($"sqrt: result holds a NaN: f64[1] at flat position 0, called from DebugTests.cs:{line};", error.Message, StringComparison.Ordinal);
        }
        Assert.True(double.IsNaN(compiled.Call(Tensor.From([1.0])).ToDouble()));
        Assert.All(compiled.ProgramFor(Tensor.From([1.0])).Equations, e => Assert.StartsWith("DebugTests.cs:", e.Source, StringComparison.Ordinal));
    }

    [Fact]
    public void Levels_tell_of_compilations_kernels_memory_and_passes()
    {
        var (one, five) = (new StringWriter(), new StringWriter());
        Func<Tensor, Tensor> f = x => (x.Exp() + 1).Log().Sum();
        using (NablaDebug.Scope(level: 1, output: one)) Transforms.Compile(f).Call(Tensor.Ones([3]));
        using (NablaDebug.Scope(level: 5, output: five)) Transforms.Compile(f).Call(Tensor.Ones([3]));
        Assert.Matches(@"^nabla: compile: f32\[3\] -> f32\[\]: 4 equations, 2 kernel calls, arena \d+ bytes, [\d.]+ ms\s*$", one.ToString());
        string text = five.ToString();
        foreach (string part in (string[])["after Simplify: { lambda a:f32[3]", "memory plan: arena", "compile: f32[3]", "fused over f32[3]: exp add log", "f32[] = reduce_sum[axes=(0)] f32[3]", " µs "])
            Assert.Contains(part, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Compiled_programs_are_dumped_as_text_and_graph()
    {
        string folder = Directory.CreateTempSubdirectory("nabla-dump").FullName;
        try
        {
            using (NablaDebug.Scope(dump: folder)) Transforms.Compile((Tensor x) => x.Tanh()).Call(Tensor.Ones([3]));
            Assert.Contains("= tanh a;", File.ReadAllText(Assert.Single(Directory.GetFiles(folder, "*.ir"))), StringComparison.Ordinal);
            Assert.StartsWith("digraph", File.ReadAllText(Assert.Single(Directory.GetFiles(folder, "*.dot"))), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_leaked_stand_in_says_where_it_was_made()
    {
        Tensor? kept = null;
        using (NablaDebug.Scope(checks: DebugChecks.Leak))
        {
            Transforms.Grad((Tensor x) => (kept = x.Square()).Sum())(Tensor.From([1.0]));
            string message = Assert.Throws<TraceException>(() => kept! + 1).Message;
            Assert.Contains("was made at DebugTests.cs:", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_layout_beyond_its_buffer_is_found_before_the_kernel_runs()
    {
        var beyond = new DenseTensor(DType.F64, Tensor.From([1.0, 2.0]).Buffer, new Layout([4], [1], 0));
        using (NablaDebug.Scope(checks: DebugChecks.Bounds))
            Assert.Equal("NB0521", Assert.Throws<TraceException>(() => beyond.Exp()).Code);
    }

    [Fact]
    public void Scopes_nest_and_belong_to_their_thread()
    {
        using (NablaDebug.Scope(level: 1, output: TextWriter.Null))
        {
            using (NablaDebug.Scope(checks: DebugChecks.Nan)) Assert.Equal((1, DebugChecks.Nan), (NablaDebug.Level, NablaDebug.Checks));
            Assert.Equal((1, DebugChecks.None), (NablaDebug.Level, NablaDebug.Checks));
            int elsewhere = -1;
            var thread = new Thread(() => elsewhere = NablaDebug.Level);
            thread.Start();
            thread.Join();
            Assert.Equal(0, elsewhere);
        }
        Assert.Equal(0, NablaDebug.Level);
    }
}
