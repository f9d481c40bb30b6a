using System.Reflection;

namespace Nabla.Experiments;

/// <summary>All experiments of one or more assemblies, found by reflection once.</summary>
public sealed class Registry
{
    private static readonly Lazy<Registry> Lazy = new(() => new Registry(typeof(Registry).Assembly));
    private readonly SortedDictionary<string, Experiment> _byId = new(StringComparer.Ordinal);

    /// <summary>Finds the classes with an <see cref="ExperimentAttribute"/>.</summary>
    public Registry(params Assembly[] assemblies)
    {
        foreach (Assembly assembly in assemblies)
            foreach (Type type in assembly.GetTypes())
            {
                if (type.IsAbstract || !type.IsDefined(typeof(ExperimentAttribute), inherit: false)) continue;
                var experiment = Experiment.Of(type);
                if (!_byId.TryAdd(experiment.Id, experiment)) throw ExperimentErrors.BadDeclaration(type, $"the id '{experiment.Id}' is taken");
            }
    }

    /// <summary>The experiments that come with Nabla.</summary>
    public static Registry Default => Lazy.Value;

    /// <summary>All experiments, ordered by theme and id.</summary>
    public IReadOnlyList<Experiment> All => [.. _byId.Values.OrderBy(e => e.Theme)];

    /// <summary>The experiment of a name.</summary>
    /// <exception cref="UsageException">NB0701: there is none; the message names the nearest three.</exception>
    public Experiment Find(string id) =>
        _byId.TryGetValue(id, out Experiment? found) ? found : throw ExperimentErrors.UnknownExperiment(id, Suggestions.Nearest(id, _byId.Keys));
}
