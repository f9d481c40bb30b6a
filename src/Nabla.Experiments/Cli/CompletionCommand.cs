using System.CommandLine;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla completion SHELL</c>: a script that completes commands, options and names of experiments.</summary>
/// <remarks>The scripts ask the program itself, by the directive <c>[suggest:POSITION]</c>, so they never go out of date.</remarks>
internal static class CompletionCommand
{
    private const string Bash = """
        _nabla() {
            local IFS=$'\n'
            COMPREPLY=($(nabla "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null))
        }
        complete -o default -F _nabla nabla
        """;

    private const string Zsh = """
        _nabla() {
            local -a items
            items=("${(@f)$(nabla "[suggest:${#BUFFER}]" "${BUFFER}" 2>/dev/null)}")
            compadd -- $items
        }
        compdef _nabla nabla
        """;

    private const string Fish = """
        complete -c nabla -f -a '(nabla "[suggest:"(commandline -C)"]" (commandline) 2>/dev/null)'
        """;

    public static Command Create(Terminal terminal)
    {
        var shell = new Argument<string>("SHELL") { HelpName = "SHELL", Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a completion script, such as for: source <(nabla completion bash)") { shell };
        command.SetAction(parsed =>
        {
            terminal.Out.WriteLine(parsed.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return ExitCode.Ok;
        });
        return command;
    }
}
