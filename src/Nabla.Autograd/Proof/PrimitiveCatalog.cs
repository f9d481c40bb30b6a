using System.Reflection;
using Nabla.Autograd;

namespace Nabla.Proof;

/// <summary>All primitives of the engine, found by reflection: no list has to be kept in step with the classes.</summary>
public static class PrimitiveCatalog
{
    /// <summary>The primitives, by name in ordinal order.</summary>
    public static IReadOnlyList<Primitive> All { get; } = [.. Of(typeof(Primitive).Assembly).OrderBy(p => p.Name, StringComparer.Ordinal)];

    /// <summary>The primitive of that name, or null.</summary>
    public static Primitive? Find(string name) => All.FirstOrDefault(p => p.Name == name);

    /// <summary>The concrete primitive classes of which no static field holds an instance, so that nothing can apply them; none in a sound engine.</summary>
    public static IReadOnlyList<Type> Orphans { get; } =
        [.. typeof(Primitive).Assembly.GetTypes().Where(t => typeof(Primitive).IsAssignableFrom(t) && !t.IsAbstract && All.All(p => p.GetType() != t))];

    private static IEnumerable<Primitive> Of(Assembly assembly) =>
        from type in assembly.GetTypes()
        where !type.ContainsGenericParameters
        from field in type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        where typeof(Primitive).IsAssignableFrom(field.FieldType)
        select (Primitive)field.GetValue(null)!;
}
