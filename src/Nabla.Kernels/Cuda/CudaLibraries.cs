using System.Reflection;
using System.Runtime.InteropServices;

namespace Nabla.Kernels.Cuda;

/// <summary>
/// Finds the driver's library and NVRTC. The driver lies where the dynamic linker looks, or where containers put it; NVRTC comes with the CUDA toolkit, with conda, with pip wheels
/// (PyTorch brings one), or from a distribution, and often lies where the linker does not look.
/// </summary>
internal static class CudaLibraries
{
    private const string DriverVariable = "NABLA_LIBCUDA", CompilerVariable = "NABLA_NVRTC";

    // Newest first; before CUDA 12 the number named a minor version.
    private static readonly string[] CompilerNames = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"];

    private static readonly string[] DriverFolders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/usr/lib/wsl/lib"];

    private static readonly Lock Gate = new();
    private static nint _driver, _compiler;
    private static bool _resolves;

    /// <summary>Loads the driver; null, or why that cannot be.</summary>
    public static string? LoadDriver()
    {
        lock (Gate)
        {
            if (_driver != 0) return null;
            Resolve();
            string? chosen = Environment.GetEnvironmentVariable(DriverVariable);
            if (chosen is { Length: > 0 }) return NativeLibrary.TryLoad(chosen, out _driver) ? null : $"{DriverVariable} names {chosen}, which cannot be loaded.";
            IEnumerable<string> places = [Cu.Library, .. DriverFolders.Select(folder => Path.Combine(folder, Cu.Library))];
            return places.Any(place => NativeLibrary.TryLoad(place, out _driver)) ? null : $"{Cu.Library} was not found; it comes with NVIDIA's driver.";
        }
    }

    /// <summary>Loads NVRTC; null, or what to install.</summary>
    public static string? LoadCompiler()
    {
        lock (Gate)
        {
            if (_compiler != 0) return null;
            Resolve();
            string? chosen = Environment.GetEnvironmentVariable(CompilerVariable);
            if (chosen is { Length: > 0 }) return TryLoadCompiler(chosen) ? null : $"{CompilerVariable} names {chosen}, which cannot be loaded.";
            if (CompilerNames.Any(name => NativeLibrary.TryLoad(name, out _compiler))) return null;
            string[] folders = [.. CompilerFolders(Environment.GetEnvironmentVariable).Distinct().Where(Directory.Exists)];
            foreach (string name in CompilerNames)
                foreach (string folder in folders)
                    if (TryLoadCompiler(Path.Combine(folder, name))) return null;
            return "NVRTC, which compiles the kernels, was not found. Install it with 'pip install nvidia-cuda-nvrtc' (CUDA 13) or 'pip install nvidia-cuda-nvrtc-cu12', with " +
                $"'conda install cuda-nvrtc', or with the CUDA toolkit; or set {CompilerVariable} to the file libnvrtc.so.";
        }
    }

    /// <summary>True if the driver has a function that older ones lack.</summary>
    public static bool DriverHas(string function) => NativeLibrary.TryGetExport(_driver, function, out _);

    /// <summary>
    /// Loads another library of CUDA from where NVRTC is looked for; 0 if it is not there. What it needs itself is loaded first: the linker would not find it, but takes what is loaded.
    /// </summary>
    /// <param name="variable">The environment variable that may name the file.</param>
    /// <param name="names">File names, the best first.</param>
    /// <param name="needs">File names of what it may need.</param>
    /// <param name="wheels">Folders of pip's wheels.</param>
    public static nint Load(string variable, string[] names, string[] needs, string[] wheels)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } chosen) return NativeLibrary.TryLoad(chosen, out nint named) ? named : 0;
        string[] folders = [.. Folders(Environment.GetEnvironmentVariable, wheels).Distinct().Where(Directory.Exists)];
        foreach (string need in needs) TryLoad(need, folders);
        return names.Select(name => TryLoad(name, folders)).FirstOrDefault(library => library != 0);
    }

    /// <summary>Folders in which NVRTC may lie, by the variables of an environment.</summary>
    public static IEnumerable<string> CompilerFolders(Func<string, string?> variable) => Folders(variable, ["nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib"]);

    private static nint TryLoad(string name, string[] folders)
    {
        if (NativeLibrary.TryLoad(name, out nint library)) return library;
        foreach (string file in folders.Select(folder => Path.Combine(folder, name)).Where(File.Exists))
            if (NativeLibrary.TryLoad(file, out library)) return library;
        return 0;
    }

    private static IEnumerable<string> Folders(Func<string, string?> variable, string[] wheels)
    {
        string[] toolkits = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"];
        foreach (string root in toolkits.Select(variable).OfType<string>().Append("/usr/local/cuda").Concat(Matching("/usr/local", "cuda-*")).Append("/opt/cuda"))
            foreach (string part in ToolkitParts) yield return Path.Combine(root, part);
        if (variable("CONDA_PREFIX") is { Length: > 0 } conda)
            foreach (string part in ToolkitParts.Append("lib")) yield return Path.Combine(conda, part);
        foreach (string packages in PythonPackages(variable))
            foreach (string wheel in wheels) yield return Path.Combine(packages, wheel);
    }

    // NVRTC looks for its built-in functions by name; a library that is loaded is found from anywhere.
    private static bool TryLoadCompiler(string file)
    {
        if (!File.Exists(file)) return false;
        foreach (string builtins in Directory.GetFiles(Path.GetDirectoryName(Path.GetFullPath(file))!, "libnvrtc-builtins.so*")) NativeLibrary.TryLoad(builtins, out _);
        return NativeLibrary.TryLoad(file, out _compiler);
    }

    private static string[] ToolkitParts => ["lib64", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"];

    // Of the active environment, of every python3 in PATH, of the user, and of the system.
    private static IEnumerable<string> PythonPackages(Func<string, string?> variable)
    {
        IEnumerable<string> prefixes = (variable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Where(folder => File.Exists(Path.Combine(folder, "python3"))).Select(folder => Path.GetDirectoryName(folder.TrimEnd('/'))).OfType<string>();
        if (variable("VIRTUAL_ENV") is { Length: > 0 } active) prefixes = prefixes.Prepend(active);
        if (variable("CONDA_PREFIX") is { Length: > 0 } conda) prefixes = prefixes.Append(conda);
        if (variable("HOME") is { Length: > 0 } home) prefixes = prefixes.Append(Path.Combine(home, ".local"));
        foreach (string prefix in prefixes.Concat(["/usr/local", "/usr"]).Distinct())
            foreach (string version in Matching(Path.Combine(prefix, "lib"), "python3*"))
                foreach (string kind in (string[])["site-packages", "dist-packages"]) yield return Path.Combine(version, kind);
    }

    // The newest first.
    private static IEnumerable<string> Matching(string folder, string pattern)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetDirectories(folder, pattern).OrderDescending(StringComparer.Ordinal) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static void Resolve()
    {
        if (_resolves) return;
        NativeLibrary.SetDllImportResolver(typeof(CudaLibraries).Assembly, Find);
        _resolves = true;
    }

    private static nint Find(string name, Assembly assembly, DllImportSearchPath? path) => name switch
    {
        Cu.Library => _driver,
        Nvrtc.Library => _compiler,
        _ => 0,
    };
}
