using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla;

public static partial class Ops
{
    /// <summary>
    /// Einstein summation, such as <c>"bij,bjk->bik"</c>: letters name axes; letters missing behind the arrow are summed. Any number of operands,
    /// contracted from left to right; a letter twice in one operand takes the diagonal; without an arrow, letters that occur once remain, in
    /// alphabetical order.
    /// </summary>
    /// <exception cref="ShapeException">NB0108: the subscripts do not fit the operands.</exception>
    public static Tensor Einsum(string subscripts, params Tensor[] operands)
    {
        string[] sides = subscripts.Replace(" ", "", StringComparison.Ordinal).Split("->");
        string[] inputs = sides[0].Split(',');
        string output = sides.Length > 1 ? sides[1]
            : string.Concat(sides[0].Where(char.IsLetter).GroupBy(c => c).Where(g => g.Count() == 1).Select(g => g.Key).Order());
        CheckSubscripts(subscripts, inputs, output, operands);
        (Tensor result, string letters) = Diagonals(operands[0], inputs[0]);
        for (int i = 1; i < operands.Length; i++)
        {
            (Tensor next, string nextLetters) = Diagonals(operands[i], inputs[i]);
            string needed = output + string.Concat(inputs[(i + 1)..]);
            (result, letters) = Contract(result, letters, next, nextLetters, needed);
        }
        int[] summed = [.. Enumerable.Range(0, letters.Length).Where(a => !output.Contains(letters[a], StringComparison.Ordinal))];
        result = result.SumOver(summed);
        letters = string.Concat(letters.Where(output.Contains));
        return output.Length == 0 ? result : result.Transpose([.. output.Select(c => letters.IndexOf(c, StringComparison.Ordinal))]);
    }

    private static (Tensor Result, string Letters) Contract(Tensor a, string x, Tensor b, string y, string needed)
    {
        // Letters that only one operand has and nobody needs later are summed before the product.
        (a, x) = SumAlone(a, x, y + needed);
        (b, y) = SumAlone(b, y, x + needed);
        char[] batch = [.. x.Where(c => y.Contains(c, StringComparison.Ordinal) && needed.Contains(c, StringComparison.Ordinal))];
        char[] contracted = [.. x.Where(c => y.Contains(c, StringComparison.Ordinal) && !needed.Contains(c, StringComparison.Ordinal))];
        int[] At(string letters, char[] chosen) => Array.ConvertAll(chosen, c => letters.IndexOf(c, StringComparison.Ordinal));
        var dims = new DotDims(At(x, contracted), At(y, contracted), At(x, batch), At(y, batch));
        DType dtype = DTypes.Promote(a.DType, b.DType);
        string free = string.Concat((x + y).Where(c => !batch.Contains(c) && !contracted.Contains(c)));
        return (DotGeneralPrimitive.Instance.BindOne(dims, a.To(dtype), b.To(dtype)), string.Concat(batch) + free);
    }

    private static (Tensor Result, string Letters) SumAlone(Tensor x, string letters, string needed)
    {
        int[] alone = [.. Enumerable.Range(0, letters.Length).Where(a => !needed.Contains(letters[a], StringComparison.Ordinal))];
        return (x.SumOver(alone), string.Concat(letters.Where(c => needed.Contains(c, StringComparison.Ordinal))));
    }

    // A repeated letter within one operand: multiply by the identity over its two axes and sum one of them away.
    private static (Tensor Result, string Letters) Diagonals(Tensor x, string letters)
    {
        for (int i = 0; i < letters.Length; i++)
        {
            int again = letters.IndexOf(letters[i], i + 1);
            if (again < 0) continue;
            int n = x.Shape[i];
            Tensor identity = Eye(n, x.DType).BroadcastInDim(x.Shape, [i, again]);
            x = Where(identity.Equal(0), x.ZerosLike(), x).Sum(again);
            letters = letters.Remove(again, 1);
            i--;
        }
        return (x, letters);
    }

    private static void CheckSubscripts(string subscripts, string[] inputs, string output, Tensor[] operands)
    {
        string name = $"einsum \"{subscripts}\"";
        if (inputs.Length != operands.Length || operands.Length == 0)
            throw AutogradErrors.BadParameter(name, $"{inputs.Length} subscripts for {operands.Length} operands", operands.FirstOrDefault()?.Aval ?? default);
        var sizes = new Dictionary<char, int>();
        for (int i = 0; i < inputs.Length; i++)
        {
            if (inputs[i].Length != operands[i].Rank || !inputs[i].All(char.IsLetter))
                throw AutogradErrors.BadParameter(name, $"subscript '{inputs[i]}' needs one letter for each axis", operands[i].Aval);
            for (int a = 0; a < inputs[i].Length; a++)
                if (!sizes.TryAdd(inputs[i][a], operands[i].Shape[a]) && sizes[inputs[i][a]] != operands[i].Shape[a])
                    throw AutogradErrors.BadParameter(name, $"letter '{inputs[i][a]}' has sizes {sizes[inputs[i][a]]} and {operands[i].Shape[a]}", operands[i].Aval);
        }
        if (output.Distinct().Count() != output.Length || output.Any(c => !sizes.ContainsKey(c)))
            throw AutogradErrors.BadParameter(name, $"the result '{output}' must name axes of the operands, each once", operands[0].Aval);
    }
}
