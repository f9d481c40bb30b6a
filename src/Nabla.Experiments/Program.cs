using Nabla.Experiments;
using Nabla.Experiments.Cli;

return CommandLine.Run(args, () => Registry.Default, Terminal.FromConsole());
