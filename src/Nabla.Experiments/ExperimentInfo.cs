using System.Reflection;
using Nabla.Autograd;

namespace Nabla.Experiments;

/// <summary>An experiment as the command line sees it: what it says about itself, its options, and a way to run it.</summary>
public abstract class Experiment
{
    private protected Experiment(Type type, Type configType)
    {
        Type = type;
        Info = type.GetCustomAttribute<ExperimentAttribute>()!;
        Options = OptionInfo.AllOf(configType);
    }

    /// <summary>The class that holds it.</summary>
    public Type Type { get; }

    /// <summary>Title, claim, papers, protocol.</summary>
    public ExperimentAttribute Info { get; }

    /// <summary>The name on the command line.</summary>
    public string Id => Info.Id;

    /// <summary>The part of the atlas it belongs to.</summary>
    public Theme Theme => Info.Theme;

    /// <summary>Its options, in the order of the record's parameters.</summary>
    public IReadOnlyList<OptionInfo> Options { get; }

    /// <summary>True if <see cref="TrainingStep"/> is there.</summary>
    public abstract bool HasTrainingStep { get; }

    /// <summary>Wraps a class that carries an <see cref="ExperimentAttribute"/>.</summary>
    /// <exception cref="ExperimentException">NB0704: the class breaks a rule of the framework.</exception>
    public static Experiment Of(Type type)
    {
        Type[] interfaces = [.. type.GetInterfaces().Where(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IExperiment<>))];
        if (interfaces.Length != 1) throw ExperimentErrors.BadDeclaration(type, "implement IExperiment<Config> for one Config");
        if (type.GetConstructor(Type.EmptyTypes) is null) throw ExperimentErrors.BadDeclaration(type, "it needs a parameterless constructor");
        Type config = interfaces[0].GetGenericArguments()[0];
        return (Experiment)Activator.CreateInstance(typeof(Typed<,>).MakeGenericType(type, config))!;
    }

    /// <summary>The options with their defaults, or those of the quick form, with some replaced.</summary>
    /// <param name="quick">Start from the quick form.</param>
    /// <param name="settings">Names and values as text; names are found without regard to case and dashes.</param>
    /// <exception cref="UsageException">NB0702: there is no such option; NB0703: the value does not fit it.</exception>
    public object Configure(bool quick, IEnumerable<KeyValuePair<string, string>> settings)
    {
        object?[] values = quick ? QuickValues() : [.. Options.Select(o => o.Default)];
        foreach ((string name, string text) in settings)
        {
            OptionInfo option = Options.FirstOrDefault(o => o.Matches(name))
                ?? throw ExperimentErrors.UnknownOption(Id, name, Suggestions.Nearest(name, Options.Select(o => o.Name)));
            values[option.Position] = option.Parse(text);
        }
        return OptionInfo.Build(ConfigType, values);
    }

    /// <summary>The options of the quick form, by position.</summary>
    internal object?[] QuickValues() => OptionInfo.Read(Options, QuickConfig);

    /// <summary>Runs it.</summary>
    /// <param name="config">Options from <see cref="Configure"/>.</param>
    /// <param name="bench">Receives what is measured.</param>
    public abstract void Run(object config, Bench bench);

    /// <summary>The recorded program of one training step.</summary>
    /// <exception cref="UsageException">NB0706: the experiment shows none.</exception>
    public abstract Program TrainingStep(object config, Bench bench);

    private protected abstract Type ConfigType { get; }

    private protected abstract object QuickConfig { get; }

    private sealed class Typed<TExperiment, TConfig>() : Experiment(typeof(TExperiment), typeof(TConfig))
        where TExperiment : IExperiment<TConfig>, new()
        where TConfig : class, IConfig<TConfig>
    {
        public override bool HasTrainingStep => typeof(TExperiment).IsAssignableTo(typeof(IHasTrainingStep<TConfig>));

        private protected override Type ConfigType => typeof(TConfig);

        private protected override object QuickConfig => TConfig.Quick;

        public override void Run(object config, Bench bench) => new TExperiment().Run((TConfig)config, bench);

        public override Program TrainingStep(object config, Bench bench) =>
            new TExperiment() is IHasTrainingStep<TConfig> stepped
                ? stepped.TrainingStep((TConfig)config, bench)
                : throw ExperimentErrors.NoTrainingStep(Id);
    }
}
