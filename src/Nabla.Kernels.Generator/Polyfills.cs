#pragma warning disable IDE0130 // The compiler looks for these types in these namespaces when it compiles records and list patterns.
namespace System
{
    /// <summary>A place counted from the start or from the end.</summary>
    internal readonly struct Index(int value, bool fromEnd = false)
    {
        /// <summary>The place in a list of this length.</summary>
        public int GetOffset(int length) => fromEnd ? length - value : value;

        public static implicit operator Index(int value) => new(value);
    }
}

namespace System.Runtime.CompilerServices
{
    /// <summary>Marks init accessors.</summary>
    internal static class IsExternalInit;
}
