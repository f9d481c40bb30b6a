namespace Nabla.Experiments.Cli;

/// <summary>What the process returns. Scripts rely on these numbers.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int CheckFailed = 1;
    public const int Usage = 2;
    public const int Environment = 3;
    public const int Internal = 4;
    /// <summary>A checkpoint was written: run again with --resume to go on.</summary>
    public const int Resumable = 75;
    public const int Interrupted = 130;
    public const int Terminated = 143;

    /// <summary>The exit code of an error.</summary>
    public static int Of(Exception error) => error switch
    {
        UsageException => Usage,
        EnvironmentException or DeviceException or FileFormatException or TreeFileException => Environment,
        OutOfMemoryException or IOException or UnauthorizedAccessException => Environment,
        _ => Internal,
    };
}
