using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Nabla.Kernels;
using Perfolizer.Horology;

namespace Nabla.Bench;

/// <summary>Questions about single calls, by BenchmarkDotNet in this process: row kernels in the cache, dispatch, copies.</summary>
public static class MicroBench
{
    /// <summary>Runs them; arguments are BenchmarkDotNet's, such as <c>--filter *Rows*</c>.</summary>
    internal static void Run(IEnumerable<string> arguments)
    {
        IConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithIterationTime(TimeInterval.FromMilliseconds(100)).WithToolchain(InProcessEmitToolchain.Instance))
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "nabla-bench")).WithOptions(ConfigOptions.DisableLogFile);
        string[] given = [.. arguments];
        BenchmarkSwitcher.FromTypes([typeof(Rows), typeof(Dispatch)]).Run(given.Length > 0 ? given : ["--filter", "*"], config);
    }

    /// <summary>A row of elements that stays in the cache, on one thread.</summary>
    public class Rows
    {
        private DenseTensor _x = null!, _y = null!;

        /// <summary>Number of elements.</summary>
        [Params(64, 2048)]
        public int Count { get; set; }

        /// <summary>Makes the operands.</summary>
        [GlobalSetup]
        public void Prepare()
        {
            Workers.Count = 1;
            _x = Tensor.From([.. Enumerable.Range(1, Count).Select(i => 1f / i)]);
            _y = DenseTensor.Allocate(_x.Aval, _x.Device);
        }

        [Benchmark(Baseline = true)]
        public void Copy() => Move.Copy(_x, _y);

        [Benchmark]
        public void Add() => Map.Binary<AddOp>(_x, _x, _y);

        [Benchmark]
        public void Sqrt() => Map.Unary<SqrtOp>(_x, _y);

        [Benchmark]
        public void Exp() => Map.Unary<ExpOp>(_x, _y);

        [Benchmark]
        public void Log() => Map.Unary<LogOp>(_x, _y);

        [Benchmark]
        public void Sin() => Map.Unary<SinOp>(_x, _y);

        [Benchmark]
        public void Tanh() => Map.Unary<TanhOp>(_x, _y);
    }

    /// <summary>One element: what is paid besides arithmetic.</summary>
    [MemoryDiagnoser]
    public class Dispatch
    {
        private readonly Tensor _one = Tensor.From([1f]), _result = Tensor.From([0f]);
        private readonly Compiled<Tensor, Tensor> _compiled = Transforms.Compile((Tensor x) => x + x);

        [Benchmark]
        public Tensor Eager() => _one + _one;

        [Benchmark]
        public Tensor Jvp() => Transforms.Jvp((Tensor x) => x + x, _one, _one).Tangent;

        [Benchmark]
        public void Compiled() => _compiled.Run(_one, _result);
    }
}
