namespace Nabla.Autograd;

/// <summary>
/// Which results may be written over which arguments: those that are written when the argument has been read for the last time, or element by element by the call
/// that reads it last.
/// </summary>
internal sealed class Donation
{
    // Per argument: the time of its last reading, and whether only elements at their own place are read then.
    private readonly Dictionary<object, (int Time, bool InPlace)> _reads = [];

    /// <summary>Notes that a group reads memory.</summary>
    /// <param name="memory">What it reads from.</param>
    /// <param name="time">When.</param>
    /// <param name="inPlace">True if the call reads only elements at the places that it writes.</param>
    public void Read(object memory, int time, bool inPlace)
    {
        bool alone = !_reads.TryGetValue(memory, out (int Time, bool InPlace) last) || last.Time < time || last.InPlace;
        _reads[memory] = (time, inPlace && alone);
    }

    /// <summary>True if a result written at a time may take this memory.</summary>
    public bool MayTake(object memory, int time) => !_reads.TryGetValue(memory, out (int Time, bool InPlace) last) || last.Time < time || (last.Time == time && last.InPlace);
}
