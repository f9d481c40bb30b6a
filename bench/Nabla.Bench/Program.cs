using System.Diagnostics;
using System.Reflection;
using Nabla.Bench;

if (Assembly.GetExecutingAssembly().GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled == true)
{
    Console.Error.WriteLine("This is a Debug build; its figures would mean nothing. Run: dotnet run -c Release --project bench/Nabla.Bench");
    return 2;
}
switch (args.FirstOrDefault())
{
    case "roof": Roof.Print(); return 0;
    case "kernels": return KernelBench.Print(args[1..]);
    case "dispatch": DispatchBench.Print(); return 0;
    case OpenBlasPeer.Verb: return OpenBlasPeer.Serve();
    case "train": TrainBench.Print(args.SkipWhile(a => a != "--python").Skip(1).FirstOrDefault()); return 0;
    default:
        Console.Error.WriteLine("usage: Nabla.Bench roof | kernels [--peers] | dispatch | train [--python /usr/bin/python3]");
        return 2;
}
