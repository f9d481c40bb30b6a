using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;

namespace Nabla.Experiments;

/// <summary>One option of an experiment: a parameter of its <c>Config</c> record.</summary>
public sealed class OptionInfo
{
    private static readonly Type[] Settable =
        [typeof(int), typeof(long), typeof(uint), typeof(ulong), typeof(float), typeof(double), typeof(bool), typeof(string)];

    private readonly OptionAttribute? _attribute;

    private OptionInfo(ParameterInfo parameter)
    {
        Position = parameter.Position;
        Name = char.ToLowerInvariant(parameter.Name![0]) + parameter.Name[1..];
        Type = parameter.ParameterType;
        Default = parameter.DefaultValue;
        _attribute = parameter.GetCustomAttribute<OptionAttribute>();
    }

    /// <summary>The name, in camel case.</summary>
    public string Name { get; }

    /// <summary>What it sets.</summary>
    public string Doc => _attribute?.Doc ?? "";

    /// <summary>Type of its values.</summary>
    public Type Type { get; }

    /// <summary>Value of the laptop protocol.</summary>
    public object? Default { get; }

    internal int Position { get; }

    /// <summary>What may be given, for people: <c>an integer ≥ 1</c>.</summary>
    public string Expected => Type.IsArray ? $"a list a,b,c, each {ExpectedOf(Type.GetElementType()!)}" : ExpectedOf(Type);

    /// <summary>The options of a <c>Config</c> record.</summary>
    /// <exception cref="ExperimentException">NB0704: a parameter has no default or a type that text cannot set.</exception>
    internal static IReadOnlyList<OptionInfo> AllOf(Type config)
    {
        ParameterInfo[] parameters = Constructor(config).GetParameters();
        foreach (ParameterInfo p in parameters)
        {
            if (!p.HasDefaultValue) throw ExperimentErrors.BadDeclaration(config, $"parameter {p.Name} needs a default");
            Type element = p.ParameterType.IsArray ? p.ParameterType.GetElementType()! : p.ParameterType;
            if (!element.IsEnum && !Settable.Contains(element))
                throw ExperimentErrors.BadDeclaration(config, $"parameter {p.Name} has a type that text cannot set: {p.ParameterType.Name}");
        }
        return [.. parameters.Select(p => new OptionInfo(p))];
    }

    /// <summary>The values of a record, in the order of its options.</summary>
    internal static object?[] Read(IReadOnlyList<OptionInfo> options, object config) =>
        [.. options.Select(o => config.GetType().GetProperty(o.Name, BindingFlags.IgnoreCase | BindingFlags.Instance | BindingFlags.Public)!.GetValue(config))];

    internal static object Build(Type config, object?[] values) => Constructor(config).Invoke(BindingFlags.DoNotWrapExceptions, null, values, null);

    /// <summary>True if <paramref name="name"/> means this option: case and dashes do not matter.</summary>
    public bool Matches(string name) => string.Equals(name.Replace("-", ""), Name, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a value from text, in the invariant culture; lists are <c>a,b,c</c>.</summary>
    /// <exception cref="UsageException">NB0703: it cannot be read, or lies outside the bounds.</exception>
    public object Parse(string text)
    {
        if (!Type.IsArray) return ParseOne(text, Type);
        Type element = Type.GetElementType()!;
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0) throw ExperimentErrors.BadValue(Name, text, Expected);
        var list = Array.CreateInstance(element, parts.Length);
        for (int i = 0; i < parts.Length; i++) list.SetValue(ParseOne(parts[i], element), i);
        return list;
    }

    /// <summary>A value as <see cref="Parse"/> would read it back.</summary>
    public static string Format(object? value) => value switch
    {
        null => "",
        bool b => b ? "true" : "false",
        string s => s,
        IEnumerable list => string.Join(',', list.Cast<object?>().Select(Format)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    /// <summary>A value as JSON: numbers and truth values as such, lists as arrays, everything else as text.</summary>
    internal static JsonNode? ToJson(object? value) => value switch
    {
        null => null,
        bool b => b,
        string s => s,
        int or long => Convert.ToInt64(value, CultureInfo.InvariantCulture),
        uint or ulong => Convert.ToUInt64(value, CultureInfo.InvariantCulture),
        float f => f,
        double d => d,
        IEnumerable list => new JsonArray([.. list.Cast<object?>().Select(ToJson)]),
        _ => value.ToString(),
    };

    private object ParseOne(string text, Type type) =>
        TryParse(text, type) is { } value && InBounds(value) ? value : throw ExperimentErrors.BadValue(Name, text, Expected);

    // No thousands separators: 0,5 must not become 5.
    private static object? TryParse(string text, Type type)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        if (type == typeof(string)) return text;
        if (type == typeof(bool)) return bool.TryParse(text, out bool truth) ? truth : null;
        if (type == typeof(int)) return int.TryParse(text, NumberStyles.AllowLeadingSign, culture, out int i) ? i : null;
        if (type == typeof(long)) return long.TryParse(text, NumberStyles.AllowLeadingSign, culture, out long l) ? l : null;
        if (type == typeof(uint)) return uint.TryParse(text, NumberStyles.None, culture, out uint u) ? u : null;
        if (type == typeof(ulong)) return ulong.TryParse(text, NumberStyles.None, culture, out ulong ul) ? ul : null;
        if (type == typeof(float)) return float.TryParse(text, NumberStyles.Float, culture, out float f) ? f : null;
        if (type == typeof(double)) return double.TryParse(text, NumberStyles.Float, culture, out double d) ? d : null;
        return Enum.TryParse(type, text, ignoreCase: true, out object? named) && !char.IsAsciiDigit(text[0]) && Enum.IsDefined(type, named) ? named : null;
    }

    private bool InBounds(object value)
    {
        if (value is string or bool or Enum) return true;
        double number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
        return double.IsFinite(number) && number >= (_attribute?.Min ?? double.NegativeInfinity) && number <= (_attribute?.Max ?? double.PositiveInfinity);
    }

    private string ExpectedOf(Type type)
    {
        if (type.IsEnum) return "one of " + string.Join(", ", Enum.GetNames(type));
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(string)) return "text";
        string noun = type == typeof(float) || type == typeof(double) ? "a number"
            : type == typeof(uint) || type == typeof(ulong) ? "an integer ≥ 0" : "an integer";
        return (_attribute?.Min ?? double.NegativeInfinity, _attribute?.Max ?? double.PositiveInfinity) switch
        {
            (double.NegativeInfinity, double.PositiveInfinity) => noun,
            (var min, double.PositiveInfinity) => string.Create(CultureInfo.InvariantCulture, $"{noun} ≥ {min}"),
            (double.NegativeInfinity, var max) => string.Create(CultureInfo.InvariantCulture, $"{noun} ≤ {max}"),
            var (min, max) => string.Create(CultureInfo.InvariantCulture, $"{noun} in [{min}, {max}]"),
        };
    }

    // Records also have a copy constructor; the primary one is the longest.
    private static ConstructorInfo Constructor(Type config) =>
        config.GetConstructors().MaxBy(c => c.GetParameters().Length) ?? throw ExperimentErrors.BadDeclaration(config, "it needs a public constructor");
}
