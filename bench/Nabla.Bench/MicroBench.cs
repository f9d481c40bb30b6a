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
        BenchmarkSwitcher.FromTypes([typeof(Rows), typeof(Dispatch), typeof(Devices)]).Run(given.Length > 0 ? given : ["--filter", "*"], config);
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

    /// <summary>One call on each accelerator of a driver, with the wait for it.</summary>
    public class Devices
    {
        private DenseTensor _x = null!, _y = null!, _sum = null!;

        /// <summary>Names of the accelerators; the emulator is not for speed.</summary>
        public static IEnumerable<string> Names => Device.All.Where(d => d is Accelerator && d.Name != "emu").Select(d => d.Name);

        /// <summary>Where it runs.</summary>
        [ParamsSource(nameof(Names))]
        public string Name { get; set; } = "";

        /// <summary>Rows and columns.</summary>
        [Params(64, 512)]
        public int Size { get; set; }

        /// <summary>Makes the operands.</summary>
        [GlobalSetup]
        public void Prepare()
        {
            Device device = Device.Parse(Name);
            Tensor x = Tensor.From([.. Enumerable.Range(1, Size * Size).Select(i => 1f / i)], [Size, Size]);
            (_x, _y, _sum) = (DenseTensor.Allocate(x.Aval, device), DenseTensor.Allocate(x.Aval, device), DenseTensor.Allocate(new Aval(x.DType, []), device));
            Move.Copy((DenseTensor)x, _x);
        }

        [Benchmark(Baseline = true)]
        public void Copy() => Wait(() => Move.Copy(_x, _y));

        [Benchmark]
        public void Add() => Wait(() => Map.Binary<AddOp>(_x, _x, _y));

        [Benchmark]
        public void Sum() => Wait(() => Reductions.Run<SumOp>(_x, [0, 1], _sum));

        [Benchmark]
        public void Product() => Wait(() => MatMul.Run(_x, _x, _y));

        private void Wait(Action launch)
        {
            launch();
            _x.Device.Synchronize();
        }
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
