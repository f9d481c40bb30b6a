using Nabla.Autograd;

namespace Nabla.Proof;

/// <summary>One application of a primitive in the element type under test, with contiguous operands on <see cref="Device.Default"/>.</summary>
internal sealed class ContractCase
{
    private readonly Func<DType, object?>? _parametersFor;

    private ContractCase(Primitive primitive, Sample sample, int index, DType dtype, ulong seed, bool special)
    {
        (Primitive, Parameters, Index, DType, Seed) = (primitive, ParametersOf(sample, dtype), index, dtype, seed);
        _parametersFor = sample.ParametersFor;
        Inputs = Array.ConvertAll(sample.Inputs, x => Convert(x, dtype));
        Outputs = primitive.AbstractEval(Avals, Parameters);
        Differentiable = sample.Differentiable && !special;
        IsSpecial = special;
    }

    public Primitive Primitive { get; }

    public object? Parameters { get; }

    public DType DType { get; }

    public DenseTensor[] Inputs { get; }

    public Aval[] Outputs { get; }

    public Aval[] Avals => Array.ConvertAll(Inputs, x => x.Aval);

    /// <summary>The derivative exists here, and may be compared with differences.</summary>
    public bool Differentiable { get; }

    /// <summary>Extreme values of an element-wise function, for evaluation alone.</summary>
    public bool IsSpecial { get; }

    /// <summary>A float goes in and a float comes out.</summary>
    public bool HasDerivative => !IsSpecial && Inputs.Any(x => x.DType.IsFloat) && Outputs.Any(o => o.DType.IsFloat);

    /// <summary>It has cotangents.</summary>
    public bool HasCotangents => HasDerivative && Primitive.HasReverseMode;

    /// <summary>The coarsest float type among operands and results: a conversion from f64 to f32 is exact to f32 only.</summary>
    public DType Precision => Avals.Concat(Outputs).Any(a => a.DType == DType.F32) ? DType.F32 : DType.F64;

    /// <summary>The float operands.</summary>
    public Tensor[] Floats => [.. Inputs.Where(x => x.DType.IsFloat)];

    /// <summary>Which application it is, for messages.</summary>
    public string Name
    {
        get
        {
            string parameters = Primitive.Print(Parameters);
            string which = IsSpecial ? "special values" : $"sample {Index}";
            return $"{Primitive.Name}{(parameters.Length == 0 ? "" : $"[{parameters}]")} {which} ({string.Join(", ", Avals)})";
        }
    }

    private int Index { get; }

    private ulong Seed { get; }

    /// <summary>Element types that the samples of a primitive have: f32 and f64 where they hold floats, else the sample's own.</summary>
    public static IReadOnlyList<DType> DTypesOf(Primitive primitive) =>
        [.. primitive.Samples(new SampleSource(1)).SelectMany(s => DTypesOf(primitive, s)).Distinct().Order()];

    /// <summary>The samples of a primitive in one element type; element-wise ones also at extreme values.</summary>
    public static IReadOnlyList<ContractCase> Of(Primitive primitive, DType dtype, ulong seed = 1)
    {
        var cases = new List<ContractCase>();
        Sample? first = null;
        foreach ((int index, Sample sample) in primitive.Samples(new SampleSource(seed)).Index())
        {
            if (!DTypesOf(primitive, sample).Contains(dtype)) continue;
            cases.Add(new ContractCase(primitive, sample, index, dtype, seed, special: false));
            if (sample.Inputs.Any(x => x.DType == DType.F64)) first ??= sample;
        }
        if (first is not null && primitive is ElementwisePrimitive)
            cases.Add(new ContractCase(primitive, first with { Inputs = SpecialValues.In(first.Inputs, dtype) }, 0, dtype, seed, special: true));
        return cases;
    }

    /// <summary>The same sample drawn from other seeds: equal types and parameters, other elements.</summary>
    public IEnumerable<DenseTensor[]> Members(int count) => Enumerable.Range(0, count).Select(member => Array.ConvertAll(
        Primitive.Samples(new SampleSource(Seed + (ulong)member)).ElementAt(Index).Inputs, x => Convert(x, DType)));

    /// <summary>Applies the primitive; in another element type too, if the operands have one.</summary>
    public Tensor[] Apply(params Tensor[] inputs)
    {
        DType dtype = inputs.FirstOrDefault(x => x.DType.IsFloat)?.DType ?? DType;
        return Primitive.Bind(dtype == DType || _parametersFor is null ? Parameters : _parametersFor(dtype), inputs);
    }

    /// <summary>The float results as a function of the float operands.</summary>
    public Tensor[] ApplyToFloats(Tensor[] floats)
    {
        int next = 0;
        return [.. Apply(Array.ConvertAll(Inputs, x => x.DType.IsFloat ? floats[next++] : x)).Where(y => y.DType.IsFloat)];
    }

    /// <summary>Calls the kernel itself, on outputs full of wrong numbers; a primitive that answers with a view is made to copy.</summary>
    public DenseTensor[] RunKernel(DenseTensor[] inputs)
    {
        DenseTensor[] outputs = Array.ConvertAll(Outputs, aval =>
        {
            var wrong = new ReferenceArray(aval);
            Array.Fill(wrong.Data, aval.DType.IsFloat ? double.NaN : 77);
            return Layouts.Dense(wrong);
        });
        Evaluation.Execute(Primitive, inputs, outputs, Parameters, Device.Default);
        GC.KeepAlive(inputs);
        return outputs;
    }

    /// <summary>The outputs by the reference: exact for the operands as they are stored.</summary>
    public ReferenceArray[] Reference(DenseTensor[] inputs) => Reference(Array.ConvertAll(inputs, ReferenceArray.From));

    /// <summary>Sums of absolute terms.</summary>
    public ReferenceArray[] Terms(DenseTensor[] inputs) => Fill(Array.ConvertAll(inputs, ReferenceArray.From), Primitive.Terms);

    private ReferenceArray[] Reference(ReferenceArray[] inputs) => Fill(inputs, Primitive.Reference);

    private ReferenceArray[] Fill(ReferenceArray[] inputs, Filling fill)
    {
        ReferenceArray[] outputs = Array.ConvertAll(Outputs, o => new ReferenceArray(o));
        fill(inputs, outputs, Parameters);
        foreach (ReferenceArray output in outputs)
            if (!output.Aval.DType.IsFloat) Layouts.Dense(output).ToDoubles().CopyTo(output.Data, 0);
        return outputs;
    }

    private delegate void Filling(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters);

    private static object? ParametersOf(Sample sample, DType dtype) => sample.ParametersFor is { } make ? make(dtype) : sample.Parameters;

    private static IEnumerable<DType> DTypesOf(Primitive primitive, Sample sample)
    {
        if (sample.Inputs.Any(x => x.DType.IsFloat)) return [DType.F32, DType.F64];
        Aval[] outputs = primitive.AbstractEval(Array.ConvertAll(sample.Inputs, x => x.Aval), ParametersOf(sample, DType.F64));
        Aval kind = outputs.Any(o => o.DType.IsFloat) || sample.Inputs.Length == 0 ? outputs[0] : sample.Inputs[0].Aval;
        return [kind.DType];
    }

    /// <summary>The same operand on the default device, contiguous, floats in the given type.</summary>
    public static DenseTensor Convert(Tensor x, DType dtype)
    {
        var array = new ReferenceArray(x.DType.IsFloat ? new Aval(dtype, x.Shape) : x.Aval);
        x.ToDoubles().CopyTo(array.Data, 0);
        return Layouts.Dense(array);
    }
}

/// <summary>Operands for element-wise functions where they are most likely to be wrong.</summary>
internal static class SpecialValues
{
    /// <summary>
    /// Operands like the given ones, as vectors: for one float operand ±0, ±∞, NaN, subnormals, the extremes of the type and values log-spaced from
    /// 1e−30 to 1e30, of both signs; for several, all combinations of a few of these. Other operands alternate.
    /// </summary>
    public static Tensor[] In(Tensor[] inputs, DType dtype)
    {
        int floats = inputs.Count(x => x.DType.IsFloat);
        double[] values = floats == 1 ? Many(dtype) : Few(dtype);
        int count = (int)Math.Pow(values.Length, floats), seen = 0;
        return Array.ConvertAll(inputs, x =>
        {
            int period = (int)Math.Pow(values.Length, seen);
            if (!x.DType.IsFloat) return (Tensor)Tensor.From([.. Enumerable.Range(0, count).Select(i => i % 2 == 0)]);
            seen++;
            return Tensor.From([.. Enumerable.Range(0, count).Select(i => values[i / period % values.Length])]);
        });
    }

    private static double[] Few(DType dtype)
    {
        double subnormal = dtype == DType.F32 ? 1e-40 : 1e-310;
        double[] positive = [0, subnormal, 1e-30, 0.3, 1, 2.5, 17, 1e30, double.PositiveInfinity];
        return [.. positive, .. positive.Select(x => -x), double.NaN];
    }

    private static double[] Many(DType dtype)
    {
        double[] limits = dtype == DType.F32
            ? [float.Epsilon, 1e-40, 1.17549435e-38, float.MaxValue] : [double.Epsilon, 1e-310, 2.2250738585072014e-308, double.MaxValue];
        double[] positive = [0, .. limits, double.PositiveInfinity, .. Enumerable.Range(0, 241).Select(i => Math.Pow(10, -30 + i * 0.25))];
        return [.. positive, .. positive.Select(x => -x), double.NaN];
    }
}
