using Nabla.Experiments.Cli;

namespace Nabla.Experiments;

// Not top-level statements: their class would be named Program, which is the name of the IR.
internal static class EntryPoint
{
    private static int Main(string[] args) => CommandLine.Run(args, () => Registry.Default, Terminal.FromConsole());
}
