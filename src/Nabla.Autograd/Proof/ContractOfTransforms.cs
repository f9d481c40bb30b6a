using Nabla.Autograd;

namespace Nabla.Proof;

public static partial class Contract
{
    /// <summary>
    /// A batch gives what its members give one by one, bit for bit, or within the tolerance where the kernel differs: each operand batched alone and all
    /// together, the batch on the first and on the last axis, of size 3, 1 and 0.
    /// </summary>
    public static ContractResult Batching(Primitive primitive, DType dtype) => Run("vmap", primitive, dtype, Closeness.Bound(primitive.Tolerance), (tally, c) =>
    {
        if (c.Inputs.Length == 0 || c.IsSpecial) return;
        DenseTensor[][] members = [.. c.Members(3)];
        foreach (bool[] batched in Combinations(c.Inputs.Length))
        {
            string which = string.Join(',', batched.Index().Where(b => b.Item).Select(b => b.Index));
            foreach (bool last in (bool[])[false, true])
            {
                int?[] axes = [.. batched.Select((b, i) => b ? last ? c.Inputs[i].Rank : 0 : (int?)null)];
                string where = $"{c.Name}, operands {which} batched on the {(last ? "last" : "first")} axis";
                tally.Guard(where, () => CompareMembers(tally, c, members, axes, where));
                tally.Guard(where, () => CompareMembers(tally, c, members[..1], axes, where + ", one member"));
                tally.Guard(where, () => RequireEmpty(tally, c, axes, where));
            }
        }
    });

    /// <summary>
    /// Cotangents of a batch are those of its members, to 1e−12 of the largest element (f32: 1e−5): the transposes are batched too.
    /// </summary>
    public static ContractResult BatchedDerivative(Primitive primitive, DType dtype) => Run("vmap of vjp", primitive, dtype, dtype == DType.F64 ? 1e-12 : 1e-5, (tally, c) =>
    {
        if (!c.HasCotangents) return;
        Tensor[][] members = [.. c.Members(3).Select(m => m.Where(x => x.DType.IsFloat).ToArray<Tensor>())];
        (Tensor, int?)[] stacked = [.. Enumerable.Range(0, members[0].Length).Select(i => (Stacked(members, i), (int?)0))];
        Tensor[] batch = Transforms.VmapRun(stacked, 0, x => Cotangents(c, x));
        for (int m = 0; m < members.Length; m++)
            tally.Add(Closeness.Relative(Array.ConvertAll(batch, y => y.At(m)), Cotangents(c, members[m])), c.Precision == DType.F64 ? 1e-12 : 1e-5, $"{c.Name}, member {m}");
    });

    /// <summary>Compiled functions give the bits of eager ones: the primitive, and its cotangents.</summary>
    public static ContractResult Compilation(Primitive primitive, DType dtype) => Run("compile", primitive, dtype, 0, (tally, c) =>
    {
        Tensor[] compiled = Transforms.Compile((Tensor[] x) => c.Apply(x)).Call(c.Inputs);
        tally.Require(compiled.Zip(c.Apply(c.Inputs)).All(p => Closeness.SameBits(p.First, p.Second)), $"{c.Name}: compiled differs from eager");
        if (!c.HasCotangents) return;
        Tensor[] cotangents = Transforms.Compile((Tensor[] x) => Cotangents(c, x)).Call(c.Floats);
        tally.Require(cotangents.Zip(Cotangents(c, c.Floats)).All(p => Closeness.SameBits(p.First, p.Second)), $"{c.Name}: compiled cotangents differ from eager");
    });

    /// <summary>The recorded programs of the primitive, its tangent, its cotangents and its batch obey the typing rules of the IR.</summary>
    public static ContractResult Programs(Primitive primitive, DType dtype) => Run("programs", primitive, dtype, 0, (tally, c) =>
    {
        if (c.Inputs.Length == 0 || c.IsSpecial) return;
        Tensor[] all = c.Inputs;
        CheckProgram(tally, Transforms.Trace((Tensor[] x) => c.Apply(x), all));
        Tensor[][] members = [.. c.Members(2)];
        Tensor[] stacked = [.. Enumerable.Range(0, all.Length).Select(i => Stacked(members, i))];
        CheckProgram(tally, Transforms.Trace((Tensor[] x) => Transforms.VmapRun([.. x.Select(t => (t, (int?)0))], 0, c.Apply), stacked));
        if (!c.HasDerivative) return;
        CheckProgram(tally, Transforms.Trace((Tensor[] x) => Differences.Jvp(c.ApplyToFloats, x, Differences.Direction(c.Floats, First)), c.Floats));
        if (c.HasCotangents) CheckProgram(tally, Transforms.Trace((Tensor[] x) => Cotangents(c, x), c.Floats));
    });

    private static void CheckProgram(Tally tally, Autograd.Program program)
    {
        IrChecker.Check(program);
        tally.Require(program.ToString().Length > 0, "a program prints as nothing");
    }

    private static void CompareMembers(Tally tally, ContractCase c, DenseTensor[][] members, int?[] axes, string where)
    {
        (Tensor, int?)[] inputs = [.. axes.Select((axis, i) => (axis is { } at ? Stacked(members, i).MoveAxis(0, at) : c.Inputs[i], axis))];
        Tensor[] batch = Transforms.VmapRun(inputs, 0, c.Apply);
        for (int m = 0; m < members.Length; m++)
        {
            DenseTensor[] own = [.. axes.Select((axis, i) => axis is null ? c.Inputs[i] : members[m][i])];
            AddUnlessSame(tally, c, Array.ConvertAll(batch, y => y.At(m)), c.Apply(own), own, $"{where}, member {m}");
        }
    }

    private static void RequireEmpty(Tally tally, ContractCase c, int?[] axes, string where)
    {
        (Tensor, int?)[] inputs = [.. axes.Select((axis, i) =>
            (axis is { } at ? (Tensor)Tensor.Zeros(c.Inputs[i].Shape.Insert(at, 0), c.Inputs[i].DType) : c.Inputs[i], axis))];
        Tensor[] batch = Transforms.VmapRun(inputs, 0, c.Apply);
        for (int i = 0; i < batch.Length; i++)
            tally.Require(batch[i].Aval == new Aval(c.Outputs[i].DType, c.Outputs[i].Shape.Insert(0, 0)), $"{where}, no members: result {i} is {batch[i].Aval}");
    }

    // Cotangents of the float operands for fixed random cotangents of the results.
    private static Tensor[] Cotangents(ContractCase c, Tensor[] floats)
    {
        (Tensor[] outputs, Func<Tensor[], Tensor[]> pullback) = Transforms.Vjp(c.ApplyToFloats, floats);
        return pullback(Differences.Direction(outputs, First));
    }

    private static Tensor Stacked(Tensor[][] members, int input) => Ops.Stack([.. members.Select(m => m[input])]);

    // Each alone, then all together.
    private static IEnumerable<bool[]> Combinations(int count)
    {
        for (int i = 0; i < count; i++) yield return [.. Enumerable.Range(0, count).Select(j => j == i)];
        if (count > 1) yield return [.. Enumerable.Repeat(true, count)];
    }
}
