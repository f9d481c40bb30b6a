using Nabla.Autograd;

namespace Nabla.Proof;

/// <summary>
/// What every primitive promises, as checks that report instead of asserting, so that tests and the command line run the same ones. They run on
/// <see cref="Device.Default"/>, over the primitive's own samples.
/// </summary>
public static partial class Contract
{
    /// <summary>The checks by name, in the order in which they are reported.</summary>
    public static IReadOnlyDictionary<string, Func<Primitive, DType, ContractResult>> Checks { get; } =
        new OrderedDictionary<string, Func<Primitive, DType, ContractResult>>
        {
            ["evaluation"] = Evaluation,
            ["layouts"] = LayoutIndependence,
            ["reference device"] = ReferenceDevice,
            ["errors"] = Errors,
            ["jvp"] = FirstOrder,
            ["adjoint"] = Adjoint,
            ["second order"] = SecondOrder,
            ["hessian"] = HessianOrders,
            ["zeros"] = Zeros,
            ["vmap"] = Batching,
            ["vmap of vjp"] = BatchedDerivative,
            ["compile"] = Compilation,
            ["programs"] = Programs,
        };

    /// <summary>The element types in which a primitive has samples: f32 and f64 for functions of floats.</summary>
    public static IReadOnlyList<DType> DTypesOf(Primitive primitive) => ContractCase.DTypesOf(primitive);

    /// <summary>All checks of a primitive in one element type.</summary>
    public static IReadOnlyList<ContractResult> CheckAll(Primitive primitive, DType dtype) => [.. Checks.Values.Select(check => check(primitive, dtype))];

    /// <summary>
    /// The kernel gives what the double-precision reference gives for the operands as they are stored, within the primitive's tolerance; element-wise
    /// primitives also at ±0, subnormals, ±∞, NaN and log-spaced values. Error in the units of the tolerance.
    /// </summary>
    public static ContractResult Evaluation(Primitive primitive, DType dtype) => Run("evaluation", primitive, dtype, Closeness.Bound(primitive.Tolerance), (tally, c) =>
    {
        (ReferenceArray[] exact, ReferenceArray[] terms) = (c.Reference(c.Inputs), c.Terms(c.Inputs));
        AddErrors(tally, c, c.RunKernel(c.Inputs), exact, terms, c.Name);
        AddErrors(tally, c, c.Apply(c.Inputs), exact, terms, c.Name);
    });

    /// <summary>
    /// Operands with gaps, negative strides, strides of 0 and transposed axes, one at a time and all at once, give the bits that contiguous ones give, or
    /// results within the tolerance where the kernel adds in another order. Where it refuses the values it does so in every layout.
    /// </summary>
    public static ContractResult LayoutIndependence(Primitive primitive, DType dtype) => Run("layouts", primitive, dtype, Closeness.Bound(primitive.Tolerance), (tally, c) =>
    {
        if (c.IsSpecial) return;
        for (int i = 0; i < c.Inputs.Length; i++)
            foreach ((string name, Layout layout, int length) in Layouts.Of(c.Inputs[i].Shape))
            {
                DenseTensor[] inputs = [.. c.Inputs];
                inputs[i] = Layouts.Store(ReferenceArray.From(c.Inputs[i]), layout, length);
                CompareLayout(tally, c, inputs, $"{c.Name}, operand {i} {name}");
            }
        if (c.Inputs.Length > 1)
            for (int kind = 0; kind < 5; kind++)
                CompareLayout(tally, c, Array.ConvertAll(c.Inputs, x => Layouts.Of(x.Shape).ElementAtOrDefault(kind) is { Layout: not null } l
                    ? Layouts.Store(ReferenceArray.From(x), l.Layout, l.Length) : x), $"{c.Name}, all operands in layout {kind}");
    });

    /// <summary><see cref="Device.Reference"/> gives the reference itself, rounded to the element type.</summary>
    public static ContractResult ReferenceDevice(Primitive primitive, DType dtype) => Run("reference device", primitive, dtype, 0, (tally, c) =>
    {
        if (c.Inputs.Length == 0) return;
        DenseTensor[] moved = Array.ConvertAll(c.Inputs, x =>
        {
            DenseTensor there = DenseTensor.Allocate(x.Aval, Device.Reference);
            ReferenceArray.From(x).CopyTo(there);
            return there;
        });
        ReferenceArray[] exact = c.Reference(c.Inputs);
        foreach ((Tensor output, ReferenceArray expected) in c.Apply(moved).Zip(exact))
        {
            tally.Require(output.Device == Device.Reference, $"{c.Name}: the result is on {output.Device}");
            tally.Require(Closeness.SameBits(output, Layouts.Dense(expected)), $"{c.Name}: not the reference");
        }
    });

    /// <summary>Wrong operands raise the error that the primitive promises for them, and no other.</summary>
    public static ContractResult Errors(Primitive primitive, DType dtype)
    {
        var tally = new Tally("errors", primitive.Name, dtype, 0);
        foreach ((int index, ErrorSample sample) in primitive.ErrorSamples(new SampleSource(1)).Index())
        {
            Tensor[] inputs = Array.ConvertAll(sample.Inputs, x => (Tensor)ContractCase.Convert(x, dtype.IsFloat ? dtype : DType.F64));
            string where = $"{primitive.Name} error sample {index} ({string.Join(", ", inputs.Select(x => x.Aval))})";
            string raised = "nothing";
            try
            {
                primitive.Bind(sample.Parameters, inputs);
            }
            catch (NablaException e)
            {
                raised = e.Code;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                raised = e.GetType().Name;
            }
            tally.Require(raised == sample.Code, $"{where}: raised {raised}, expected {sample.Code}");
        }
        return tally.Result();
    }

    private static ContractResult Run(string check, Primitive primitive, DType dtype, double bound, Action<Tally, ContractCase> body)
    {
        var tally = new Tally(check, primitive.Name, dtype, bound);
        tally.Guard($"{primitive.Name} samples", () =>
        {
            foreach (ContractCase c in ContractCase.Of(primitive, dtype)) tally.Guard(c.Name, () => body(tally, c));
        });
        return tally.Result();
    }

    private static void AddErrors(Tally tally, ContractCase c, Tensor[] outputs, ReferenceArray[] exact, ReferenceArray[] terms, string where)
    {
        for (int i = 0; i < outputs.Length; i++)
        {
            if (outputs[i].Aval != c.Outputs[i]) tally.Fail($"{where}: result {i} is {outputs[i].Aval}, expected {c.Outputs[i]}");
            else tally.Add(Closeness.Error(outputs[i].Dense, exact[i].Data, terms[i].Data, c.Primitive.Tolerance), where);
        }
    }

    // Bit-equal results need no reference.
    private static void AddUnlessSame(Tally tally, ContractCase c, Tensor[] outputs, Tensor[] expected, DenseTensor[] inputs, string where)
    {
        if (outputs.Zip(expected).All(p => Closeness.SameBits(p.First, p.Second))) tally.Add(0, where);
        else AddErrors(tally, c, outputs, c.Reference(inputs), c.Terms(inputs), where);
    }

    private static void CompareLayout(Tally tally, ContractCase c, DenseTensor[] inputs, string where)
    {
        DenseTensor[] dense = Array.ConvertAll(inputs, x => Layouts.Dense(ReferenceArray.From(x)));
        (Tensor[]? expected, string refusal) = Outcome(() => c.Apply(dense));
        foreach (Func<Tensor[]> run in (Func<Tensor[]>[])[() => c.Apply(inputs), () => c.RunKernel(inputs)])
        {
            (Tensor[]? outputs, string answer) = Outcome(run);
            if (outputs is null || expected is null) tally.Require(answer == refusal, $"{where}: {answer}, contiguous: {refusal}");
            else AddUnlessSame(tally, c, outputs, expected, dense, where);
        }
    }

    private static (Tensor[]? Outputs, string Code) Outcome(Func<Tensor[]> run)
    {
        try
        {
            return (run(), "no error");
        }
        catch (NablaException e)
        {
            return (null, e.Code);
        }
    }
}
