using System.Runtime.InteropServices;

namespace Nabla.Experiments.Cli;

/// <summary>
/// Ctrl-C and SIGTERM: the first asks the run to stop after the present step, the second ends the process at once. SIGUSR1, as a scheduler sends it
/// before time is up, also asks, and means that the run shall be resumed.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private const int FileTooLarge = 25; // SIGXFSZ on Linux and macOS

    // .NET has no name for it.
    private static readonly PosixSignal UserSignal = (PosixSignal)(OperatingSystem.IsMacOS() ? 30 : 10);

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Terminal _terminal;

    /// <summary>Listens until disposed.</summary>
    public StopSignals(Terminal terminal)
    {
        _terminal = terminal;
        Current = this;
        var registrations = new List<PosixSignalRegistration>
        {
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        };
        // A file that grows beyond the user's limit shall be an error of the write, like a full disk, and not the end of the process.
        if (!OperatingSystem.IsWindows())
        {
            registrations.Add(PosixSignalRegistration.Create((PosixSignal)FileTooLarge, context => context.Cancel = true));
            registrations.Add(PosixSignalRegistration.Create(UserSignal, HandleUser));
        }
        _registrations = [.. registrations];
    }

    /// <summary>Those of the command in progress: how a host that gets no signals asks it to stop.</summary>
    public static StopSignals? Current { get; private set; }

    /// <summary>Set by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>130 after Ctrl-C, 143 after SIGTERM, 75 after SIGUSR1, 0 if none came.</summary>
    public int ExitCode { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
        _stop.Dispose();
        Current = null;
    }

    /// <summary>Asks the command to stop after the present step, as a signal does, and to exit with <paramref name="code"/>.</summary>
    public void Request(int code)
    {
        ExitCode = code;
        _terminal.Message("\nnabla: stopping after this step; the run folder will be usable. Once more to stop at once.");
        _stop.Cancel();
    }

    // A second one says nothing new.
    private void HandleUser(PosixSignalContext context)
    {
        context.Cancel = true;
        if (!_stop.IsCancellationRequested) Request(Cli.ExitCode.Resumable);
    }

    private void Handle(PosixSignalContext context)
    {
        int code = context.Signal == PosixSignal.SIGTERM ? Cli.ExitCode.Terminated : Cli.ExitCode.Interrupted;
        if (_stop.IsCancellationRequested) Environment.Exit(code);
        context.Cancel = true;
        Request(code);
    }
}
