using System.Runtime.InteropServices;
using Nabla.Experiments;
using Nabla.Experiments.Training;
using Nabla.Files;

namespace Nabla.Tests.Tensors;

[Collection(nameof(MemoryTestsRunAlone))] // one test limits the size of files of the whole process
public sealed partial class AtomicFileTests : IDisposable
{
    private const int FileSizeResource = 1; // RLIMIT_FSIZE
    private const int FileSizeSignal = 25; // SIGXFSZ, which would end the process
    private const nint IgnoreSignal = 1; // SIG_IGN

    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-atomic-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Soft, Hard;
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, in ResourceLimit limit);

    [Fact]
    public void A_new_file_replaces_the_old_one_and_nothing_else_stays()
    {
        string path = Path.Combine(_folder, "x.bin");
        AtomicFile.Write(path, s => s.Write([1, 2]));
        AtomicFile.Write(path, s => s.Write([3]));
        AtomicFile.WriteText(Path.Combine(_folder, "y.txt"), "π\n");
        Assert.Equal([3], File.ReadAllBytes(path));
        Assert.Equal("π\n", File.ReadAllText(Path.Combine(_folder, "y.txt")));
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder).Length);
    }

    [Fact]
    public void A_failure_leaves_the_old_file_and_no_temporary_one()
    {
        string path = Path.Combine(_folder, "x.bin");
        AtomicFile.Write(path, s => s.Write([1, 2]));
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(path, s =>
        {
            s.Write(new byte[100_000]);
            throw new InvalidDataException();
        }));
        Assert.Equal([1, 2], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_missing_folder_is_an_error() =>
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.Write(Path.Combine(_folder, "no", "x.bin"), s => s.WriteByte(1)));

    [Fact]
    public void Permissions_are_kept()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix permissions");
            return;
        }
        string path = Path.Combine(_folder, "x.bin");
        AtomicFile.Write(path, s => s.WriteByte(1));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        AtomicFile.Write(path, s => s.WriteByte(2));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_full_disk_keeps_the_old_file()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("needs resource limits");
        string path = Path.Combine(_folder, "weights.npy");
        Npy.Write(path, Tensor.From([1, 2, 3]));
        // .NET raises IOException when no space is left, and ArgumentOutOfRangeException for this limit.
        WithFullDisk(() => Assert.ThrowsAny<SystemException>(() => Npy.Write(path, Tensor.Zeros([2 << 20]))));
        Assert.Equal([1, 2, 3], Npy.Read(path).ToArray<int>());
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_full_disk_keeps_the_old_checkpoint()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("needs resource limits");
        BenchCheckpoints training = Training();
        training.Complete(1, () => (Tensor)Tensor.Zeros([2 << 18]));
        WithFullDisk(() => Assert.Equal("NB0708", Assert.Throws<EnvironmentException>(() => training.Visit(2, () => (Tensor)Tensor.Zeros([2 << 20]))).Code));
        Assert.Equal(1, Training().Load((Tensor)Tensor.Zeros([2 << 18]))!.Value.Step);
        Assert.Single(Directory.GetFileSystemEntries(_folder, "*", new EnumerationOptions { AttributesToSkip = 0 }));
    }

    [Fact]
    public void A_read_only_folder_keeps_the_old_checkpoint()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Skip("needs a user whom permissions bind");
            return;
        }
        BenchCheckpoints training = Training();
        training.Complete(1, () => (Tensor)Tensor.Scalar(1));
        File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.Equal("NB0709", Assert.Throws<EnvironmentException>(() => training.Visit(2, () => (Tensor)Tensor.Scalar(2))).Code);
        File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal(1, Training().Load((Tensor)Tensor.Scalar(0))!.Value.Step);
    }

    [Fact]
    public void A_place_where_no_folder_can_be_is_told_by_its_code()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        var bench = new Bench(Always, new Sink(Path.Combine(file, "checkpoints")));
        Assert.Equal("NB0709", Assert.Throws<EnvironmentException>(() => bench.Checkpoints("t").Visit(1, () => (Tensor)Tensor.Scalar(1))).Code);
    }

    private static BenchSettings Always => new([0], Device.Cpu) { CheckpointSeconds = 0 };

    private BenchCheckpoints Training() => new Bench(Always, new Sink(_folder)).Checkpoints("training");

    private sealed class Sink(string folder) : IBenchSink
    {
        public Checkpoints? CheckpointsOf(string training) => new(folder);

        public void Metric(long step, string name, double value) => throw new NotSupportedException();

        public void Progress(string label, long done, long total) => throw new NotSupportedException();

        public void Checked(CheckResult check) => throw new NotSupportedException();

        public void Drawn(BenchFigure figure) => throw new NotSupportedException();
    }

    // As a full disk does, the limit makes the system call fail in the middle of the file.
    private static void WithFullDisk(Action action)
    {
        // The signal is ignored for the time being; a driver's compiler (LLVM) may have put a handler there that ends the process.
        nint handler = SetHandler(FileSizeSignal, IgnoreSignal);
        Assert.Equal(0, GetLimit(FileSizeResource, out ResourceLimit before));
        Assert.Equal(0, SetLimit(FileSizeResource, before with { Soft = 4 << 20 }));
        try
        {
            action();
        }
        finally
        {
            Assert.Equal(0, SetLimit(FileSizeResource, before));
            SetHandler(FileSizeSignal, handler);
        }
    }
}
