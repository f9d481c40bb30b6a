using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using Nabla.Bench;

if (Assembly.GetExecutingAssembly().GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled == true)
{
    Console.Error.WriteLine("This is a Debug build; its figures would mean nothing. Run: dotnet run -c Release --project bench/Nabla.Bench");
    return 2;
}
switch (args)
{
    case [OpenBlasPeer.Verb]: return OpenBlasPeer.Serve();
    case [StartupBench.NothingVerb]: return 0;
    case [StartupBench.FirstStepVerb]: return StartupBench.FirstStep();
}
(string Name, string What, Action<Report> Run)[] benches =
[
    ("roof", "what the machine can do at most", Roof.Print),
    ("kernels", "matrix products; with --device, the kernels of an accelerator", report => (report.Options.Device is { } name ? r => DeviceBench.Print(r, name) : (Action<Report>)KernelBench.Print)(report)),
    ("linalg", "factorisations and solves; names of operations, sizes, f32, 1t, batch restrict it", LinalgBench.Print),
    ("dispatch", "what an operation costs before it computes anything", DispatchBench.Print),
    ("functions", "elementary functions on a million elements; names of functions restrict it", FunctionsBench.Print),
    ("train", "full training steps", TrainBench.Print),
    ("loops", "many networks, and many steps, as one program", LoopBench.Print),
    ("layers", "convolutions and Fourier transforms", LayersBench.Print),
    ("compile", "what a compilation costs and makes", CompileBench.Print),
    ("startup", "fresh processes until their first result", StartupBench.Print),
    ("coding-rate", "coding rate reduction with gradient", CodingRateBench.Print),
    ("redunet", "construction of a ReduNet", CodingRateBench.PrintReduNet),
];
var peers = new Option<bool>("--peers") { Description = "Run OpenBLAS and PyTorch beside us, where the machine has them.", Recursive = true };
var python = new Option<string>("--python") { Description = "The python that has PyTorch.", DefaultValueFactory = _ => "/usr/bin/python3", Recursive = true };
var json = new Option<bool>("--json") { Description = "One JSON document on standard output; the tables go to standard error.", Recursive = true };
var write = new Option<bool>("--write") { Description = "Replace the tables in docs/performance.md.", Recursive = true };
var device = new Option<string?>("--device") { Description = "kernels: the accelerator to measure, such as opencl:0, beside the CPU.", Recursive = true };
var root = new RootCommand("Measures Nabla beside the machine's roof and beside other libraries.") { peers, python, json, write, device };
foreach ((string name, string what, Action<Report> run) in benches) Add(name, what, run);
Add("all", "all of these", report => Array.ForEach(benches, bench =>
{
    bench.Run(report);
    report.Save();
}));
Add("gpu", "the table of GPUs, on the device that is named (cuda:0), 'quick' in small; groups: roofs, products, elements, factors, spectra, rates, steps; not part of all", GpuBench.Print);
root.Subcommands.Add(Micro());
return root.Parse(args).Invoke();

void Add(string name, string what, Action<Report> run)
{
    var command = new Command(name, what) { TreatUnmatchedTokensAsErrors = name is not ("kernels" or "functions" or "linalg" or "gpu") };
    command.SetAction(parsed =>
    {
        var asked = new BenchOptions(parsed.GetValue(peers), parsed.GetValue(python)!, parsed.GetValue(json), parsed.GetValue(write), parsed.GetValue(device), parsed.UnmatchedTokens);
        var report = new Report(asked, ofHost: name != "gpu");
        run(report);
        report.Finish();
        return report.HasFailed ? 1 : 0;
    });
    root.Subcommands.Add(command);
}

Command Micro()
{
    var command = new Command("micro", "single calls, by BenchmarkDotNet, whose arguments it takes; not part of all") { TreatUnmatchedTokensAsErrors = false };
    command.SetAction(parsed => MicroBench.Run(parsed.UnmatchedTokens));
    return command;
}
