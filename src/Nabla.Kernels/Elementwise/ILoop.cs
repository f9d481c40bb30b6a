namespace Nabla.Kernels;

/// <summary>Several operations as one pass over memory, prepared once.</summary>
public interface ILoop
{
    /// <summary>Runs the loop on what the tensors hold now.</summary>
    void Run();
}
