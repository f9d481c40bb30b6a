using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary>The command <c>nabla</c>: parsing, dispatch, and what becomes of errors.</summary>
internal static class CommandLine
{
    /// <summary>Parses and runs; returns the exit code.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="registry">Gives the experiments; called only by commands that need them.</param>
    /// <param name="terminal">Where to write.</param>
    public static int Run(string[] args, Func<Registry> registry, Terminal terminal)
    {
        var lazy = new Lazy<Registry>(registry);
        RootCommand root = Root(lazy, terminal);
        ParseResult parsed = root.Parse(args);
        terminal.Quiet = parsed.GetValue<bool>("--quiet");
        terminal.Verbose = parsed.GetValue<bool>("--verbose");
        if (parsed.Errors.Count > 0) return Misused(parsed, terminal);
        try
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Stopping is the commands' own: see StopSignals.
            });
        }
        catch (Exception e)
        {
            terminal.Failure(e);
            return ExitCode.Of(e);
        }
    }

    private static RootCommand Root(Lazy<Registry> registry, Terminal terminal)
    {
        var root = new RootCommand("Nabla: executable theory of deep learning. Runs experiments and checks them against their papers.")
        {
            ListCommand.Create(registry, terminal),
            DescribeCommand.Create(registry, terminal),
            RunCommand.Create(registry, terminal),
            VerifyCommand.Create(registry, terminal),
            GradCheckCommand.Create(terminal),
            IrCommand.Create(registry, terminal),
            ReportCommand.Create(registry, terminal),
            DevicesCommand.Create(terminal),
            DataCommand.Create(terminal),
            CompletionCommand.Create(terminal),
            new Option<bool>("--quiet", "-q") { Description = "No progress and no messages; errors still come.", Recursive = true },
            new Option<bool>("--verbose", "-v") { Description = "Every check as it is decided; stack traces beside errors.", Recursive = true },
        };
        VersionOption version = root.Options.OfType<VersionOption>().Single();
        version.Description = "Show the version and the commit it was built from.";
        version.Action = new VersionAction(terminal);
        root.Options.OfType<HelpOption>().Single().Description = "Show this help.";
        root.SetAction(_ =>
        {
            terminal.Error.WriteLine("nabla: no command given. `nabla list` shows the experiments, `nabla --help` the commands.");
            return ExitCode.Usage;
        });
        return root;
    }

    // One message for the first mistake; it usually explains the others.
    private static int Misused(ParseResult parsed, Terminal terminal)
    {
        Command command = parsed.CommandResult.Command;
        string where = command is RootCommand ? "nabla" : $"nabla {command.Name}";
        string message = parsed.Errors[0].Message.ReplaceLineEndings(" ").Replace("\t", "");
        if (parsed.UnmatchedTokens.Count > 0)
        {
            string token = parsed.UnmatchedTokens[0];
            bool option = token.StartsWith('-');
            IEnumerable<string> names = option
                ? AllOptions(parsed.CommandResult).Where(o => !o.Hidden).Select(o => o.Name)
                : command.Subcommands.Select(c => c.Name);
            string[] nearest = Suggestions.Nearest(token, names);
            string kind = option ? "option" : command is RootCommand ? "command" : "argument";
            message = $"unknown {kind} '{token}'{(nearest.Length > 0 ? $"; nearest: {string.Join(", ", nearest)}" : "")}.";
        }
        terminal.Error.WriteLine($"nabla: {message} `{where} --help` shows what there is.");
        return ExitCode.Usage;
    }

    private static IEnumerable<Option> AllOptions(CommandResult result)
    {
        for (SymbolResult? at = result; at is not null; at = at.Parent)
            if (at is CommandResult { Command: var command })
                foreach (Option option in command.Options)
                    if (at == result || option.Recursive) yield return option;
    }

    private sealed class VersionAction(Terminal terminal) : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            (string version, string commit) = MachineInfo.Version;
            terminal.Out.WriteLine($"nabla {version} (commit {commit[..Math.Min(12, commit.Length)]}, .NET {Environment.Version})");
            return ExitCode.Ok;
        }
    }
}
