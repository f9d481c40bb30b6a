using System.Reflection;
using Nabla.Kernels;

namespace Nabla.Tests.Accelerators;

/// <summary>Every program that the generator made: each kernel for each of its element types, and with every operation that fits where the operation is open.</summary>
internal static class KernelPrograms
{
    // Operations that run on devices.
    private static Type[] Operations { get; } =
        [.. typeof(Accelerator).Assembly.GetTypes().Where(t => t.IsValueType && t.GetCustomAttribute<ElementOpAttribute>() is not null)];

    /// <summary>The programs of the engine and of the tests, under names that say with what they were made.</summary>
    public static IReadOnlyList<(string Name, KernelProgram Program)> All { get; } = [.. Find(typeof(Accelerator).Assembly), .. Find(typeof(KernelPrograms).Assembly)];

    private static IEnumerable<(string, KernelProgram)> Find(Assembly assembly)
    {
        foreach (MethodInfo kernel in assembly.GetTypes().SelectMany(t => t.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)))
        {
            if (kernel.GetCustomAttribute<KernelAttribute>() is null) continue;
            Type[] parameters = kernel.GetGenericArguments();
            Type holder = kernel.DeclaringType!.GetNestedType($"{kernel.Name}Program{(parameters.Length > 0 ? $"`{parameters.Length}" : "")}", BindingFlags.NonPublic)!;
            foreach (Type[] choice in Choices(kernel, parameters))
            {
                Type closed = choice.Length == 0 ? holder : holder.MakeGenericType(choice);
                var program = (KernelProgram)closed.GetField("Instance", BindingFlags.Static | BindingFlags.Public)!.GetValue(null)!;
                yield return ($"{kernel.DeclaringType.Name}.{kernel.Name}<{string.Join(", ", choice.Select(t => t.Name))}>", program);
            }
        }
    }

    private static IEnumerable<Type[]> Choices(MethodInfo kernel, Type[] parameters)
    {
        Type[][] lists = [.. kernel.GetCustomAttributes<InstancesAttribute>().Select(a => a.Types.ToArray())];
        bool closed = lists.Length == parameters.Length;
        IEnumerable<Type[]> choices = [[]];
        int element = 0;
        foreach (Type parameter in parameters)
        {
            Type[] types = IsOperation(parameter) && !closed ? Operations : lists[Math.Min(element++, lists.Length - 1)];
            choices = choices.SelectMany(_ => types, (head, type) => (Type[])[.. head, type]);
        }
        return choices.Where(choice => Fits(kernel, choice));
    }

    private static bool IsOperation(Type parameter) => parameter.GetGenericParameterConstraints().Any(c => c.IsInterface && c.Namespace?.StartsWith("System", StringComparison.Ordinal) == false);

    private static bool Fits(MethodInfo kernel, Type[] choice)
    {
        if (choice.Length == 0) return true;
        try
        {
            kernel.MakeGenericMethod(choice);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
