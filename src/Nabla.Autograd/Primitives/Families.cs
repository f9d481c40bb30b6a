using System.Reflection;
using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>Where samples of an element-wise function are drawn: uniformly in an interval inside its domain, away from kinks.</summary>
public readonly record struct Domain(double Low, double High);

/// <summary>What all element-wise primitives share: equal shapes in, that shape out; batching moves axes together.</summary>
public abstract class ElementwisePrimitive(string name) : Primitive(name)
{
    /// <inheritdoc/>
    public override bool IsElementwise => true;

    /// <inheritdoc/>
    public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        (Tensor[] aligned, int axis) = Batching.AlignElementwise(inputs, axes, size);
        return ([BindOne(parameters, aligned)], [axis]);
    }

    /// <summary>Refuses operands of different shapes.</summary>
    protected void RequireEqualShapes(Aval a, Aval b)
    {
        if (a.Shape != b.Shape) throw AutogradErrors.EqualShapes(Name, a, b);
    }

    /// <summary>Refuses operands of different shapes or element types.</summary>
    protected void RequireEqual(Aval a, Aval b)
    {
        RequireEqualShapes(a, b);
        if (a.DType != b.DType) throw AutogradErrors.EqualDTypes(Name, a, b);
    }

    /// <summary>The ulp bound that an op struct states of itself.</summary>
    private protected static Tolerance StatedTolerance<TOp>() =>
        Tolerance.Ulps(typeof(TOp).GetCustomAttribute<ElementOpAttribute>()?.MaxUlp ?? 0);
}

/// <summary>y = f(x), element by element: shape and element type are kept.</summary>
public abstract class UnaryPrimitive<TOp>(string name, Domain domain, string dtypes = UnaryPrimitive<TOp>.Floats) : ElementwisePrimitive(name)
    where TOp : struct, IUnaryOp
{
    /// <summary>Element types of functions on real numbers.</summary>
    protected const string Floats = "f32 f64";

    /// <summary>Element types of functions on numbers.</summary>
    protected const string Numbers = "f32 f64 i32 i64";

    /// <inheritdoc/>
    public override Tolerance Tolerance => StatedTolerance<TOp>();

    /// <summary>f in double precision.</summary>
    protected abstract double Reference(double x);

    /// <summary>The sum of the absolute terms that f(x) is made of, for a tolerance relative to it.</summary>
    private protected virtual double Term(double x) => Math.Abs(Reference(x));

    /// <summary>f′(x)·dx; null where the derivative is zero almost everywhere.</summary>
    protected abstract Tensor? Jvp(Tensor x, Tensor dx, Tensor y);

    /// <inheritdoc/>
    public sealed override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
    {
        if (!dtypes.Contains(inputs[0].DType.Name, StringComparison.Ordinal)) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], dtypes);
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public sealed override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        Map.Unary<TOp>(inputs[0], outputs[0]);

    /// <inheritdoc/>
    public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => output.DType.IsFloat ? LaneForm.Unary<TOp>(TOp.Work) : default;

    /// <inheritdoc/>
    public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
    {
        for (int i = 0; i < inputs[0].Data.Length; i++) outputs[0].Data[i] = Reference(inputs[0].Data[i]);
    }

    /// <inheritdoc/>
    public sealed override void Terms(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
    {
        for (int i = 0; i < inputs[0].Data.Length; i++) outputs[0].Data[i] = Term(inputs[0].Data[i]);
    }

    /// <inheritdoc/>
    public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
        [Jvp(primals[0], tangents[0]!, outputs[0])];

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        foreach (Shape shape in (Shape[])[[], [7], [3, 5], [0, 2], [521]])
            yield return new Sample([source.Uniform(shape, domain.Low, domain.High)]);
        if (dtypes == Numbers) yield return new Sample([source.Integers([11], -9, 9)]);
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [new([source.Bools([3])], null, "NB0205")];
}

/// <summary>y = f(a, b), element by element on equal shapes and element types.</summary>
public abstract class BinaryPrimitive<TOp>(string name, Domain left, Domain right) : ElementwisePrimitive(name)
    where TOp : struct, IBinaryOp
{
    /// <inheritdoc/>
    public override Tolerance Tolerance => StatedTolerance<TOp>();

    /// <summary>True if it is defined on integers.</summary>
    protected virtual bool OnIntegers => true;

    /// <summary>f in double precision.</summary>
    protected abstract double Reference(double a, double b);

    /// <summary>∂f/∂a·da.</summary>
    protected abstract Tensor? JvpLeft(Tensor da, Tensor a, Tensor b, Tensor y);

    /// <summary>∂f/∂b·db.</summary>
    protected abstract Tensor? JvpRight(Tensor db, Tensor a, Tensor b, Tensor y);

    /// <inheritdoc/>
    public sealed override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
    {
        RequireEqual(inputs[0], inputs[1]);
        if (inputs[0].DType == DType.Bool || (!OnIntegers && !inputs[0].DType.IsFloat))
            throw AutogradErrors.DTypeNotSupported(Name, inputs[0], OnIntegers ? "f32 f64 i32 i64" : "f32 f64");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public sealed override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        Map.Binary<TOp>(inputs[0], inputs[1], outputs[0]);

    /// <inheritdoc/>
    public override LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => output.DType.IsFloat ? LaneForm.Binary<TOp>(TOp.Work) : default;

    /// <inheritdoc/>
    public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
    {
        for (int i = 0; i < inputs[0].Data.Length; i++) outputs[0].Data[i] = Reference(inputs[0].Data[i], inputs[1].Data[i]);
    }

    /// <inheritdoc/>
    public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
    {
        (Tensor a, Tensor b, Tensor y) = (primals[0], primals[1], outputs[0]);
        Tensor? fromLeft = tangents[0] is { } da ? JvpLeft(da, a, b, y) : null;
        Tensor? fromRight = tangents[1] is { } db ? JvpRight(db, a, b, y) : null;
        return [fromLeft is not null && fromRight is not null ? fromLeft + fromRight : fromLeft ?? fromRight];
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        foreach (Shape shape in (Shape[])[[], [7], [3, 5], [0, 2], [523]])
            yield return new Sample([source.Uniform(shape, left.Low, left.High), source.Uniform(shape, right.Low, right.High)]);
        if (OnIntegers) yield return new Sample([source.Integers([13], -20, 20), source.Integers([13], 1, 9)]);
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
    [
        new([source.Uniform([3]), source.Uniform([4])], null, "NB0107"),
        new([source.Uniform([3]), source.Integers([3], 0, 5)], null, "NB0206"),
        new([source.Bools([3]), source.Bools([3])], null, "NB0205"),
    ];
}

/// <summary>A primitive with one output and typed parameters.</summary>
public abstract class SinglePrimitive<TParams>(string name) : Primitive(name) where TParams : notnull
{
    /// <summary>Shape and dtype rule.</summary>
    protected abstract Aval AbstractEval(ReadOnlySpan<Aval> inputs, TParams p);

    /// <summary>Computes the output.</summary>
    protected abstract void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, TParams p);

    /// <summary>Computes the output in double precision, plainly.</summary>
    protected abstract void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, TParams p);

    /// <summary>Tangent of the output.</summary>
    protected abstract Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, TParams p);

    /// <summary>The output for a batch and where the batch lies in it.</summary>
    protected abstract (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, TParams p);

    /// <summary>Cotangents of the inputs that are null, if linear in them.</summary>
    protected virtual Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, TParams p) => throw AutogradErrors.NotLinear(Name);

    /// <inheritdoc/>
    public sealed override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => [AbstractEval(inputs, (TParams)parameters!)];

    /// <inheritdoc/>
    public sealed override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        Evaluate(inputs, outputs[0], (TParams)parameters!);

    /// <inheritdoc/>
    public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters) =>
        Reference(inputs, outputs[0], (TParams)parameters!);

    /// <inheritdoc/>
    public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
        [Jvp(primals, tangents, outputs[0], (TParams)parameters!)];

    /// <inheritdoc/>
    public sealed override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        (Tensor output, int axis) = Vmap(inputs, axes, size, (TParams)parameters!);
        return ([output], [axis]);
    }

    /// <inheritdoc/>
    public sealed override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) =>
        Transpose(cotangents[0]!, inputs, avals, (TParams)parameters!);
}

/// <summary>A primitive that is linear in its one input.</summary>
public abstract class LinearPrimitive<TParams>(string name) : Primitive(name) where TParams : notnull
{
    /// <summary>Shape and dtype rule.</summary>
    protected abstract Aval AbstractEval(Aval x, TParams p);

    /// <summary>Computes the output.</summary>
    protected abstract void Evaluate(DenseTensor x, DenseTensor y, TParams p);

    /// <summary>Computes the output in double precision, plainly.</summary>
    protected abstract void Reference(ReferenceArray x, ReferenceArray y, TParams p);

    /// <summary>The adjoint applied to a cotangent.</summary>
    protected abstract Tensor Transpose(Tensor ct, Aval x, TParams p);

    /// <summary>The output for a batch that lies on <paramref name="axis"/>, and where it lies in the output.</summary>
    protected abstract (Tensor Output, int Axis) Vmap(Tensor x, int axis, TParams p);

    /// <summary>The output as a view, if possible.</summary>
    protected virtual Layout? View(Layout x, TParams p) => null;

    /// <inheritdoc/>
    public sealed override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => [AbstractEval(inputs[0], (TParams)parameters!)];

    /// <inheritdoc/>
    public sealed override Layout? View(Layout input, object? parameters) => View(input, (TParams)parameters!);

    /// <inheritdoc/>
    public sealed override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        Evaluate(inputs[0], outputs[0], (TParams)parameters!);

    /// <inheritdoc/>
    public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters) =>
        Reference(inputs[0], outputs[0], (TParams)parameters!);

    /// <inheritdoc/>
    public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
        [BindOne(parameters, tangents[0]!)];

    /// <inheritdoc/>
    public sealed override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        (Tensor output, int axis) = Vmap(inputs[0], axes[0]!.Value, (TParams)parameters!);
        return ([output], [axis]);
    }

    /// <inheritdoc/>
    public sealed override Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) =>
        [Transpose(cotangents[0]!, avals[0], (TParams)parameters!)];
}
