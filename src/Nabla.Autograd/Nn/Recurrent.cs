namespace Nabla.Nn;

/// <summary>
/// A cell applied along time, from a carry of zeros, as one <see cref="Control.Scan{TCarry, TX, TY}"/>. Parameters: those of the cell. Shape: [batch…, time,
/// features] → [batch…, time, units], or [batch…, units] of the last step alone. Stacked by <see cref="Sequential"/>.
/// </summary>
/// <param name="cell">The step.</param>
/// <param name="lastOnly">Whether only the output of the last step is kept.</param>
/// <param name="reverse">From the last element to the first; outputs keep the place of their element.</param>
public sealed class Recurrent(Cell cell, bool lastOnly = false, bool reverse = false) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames => cell.ParameterNames;

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        if (input.Rank != 2) throw AutogradErrors.LayerInput("recurrent", "needs [time, features]", input);
        return (cell.Init(key, input[1], dtype), lastOnly ? [cell.Units] : [input[0], cell.Units]);
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        Tensor[] carry = cell.InitialCarry(Shape.Create(x.Shape.Dims[..^2]), x.DType);
        Tensor outputs = Run(parameters, carry, x).Outputs;
        return lastOnly ? outputs.Slice([.. Enumerable.Repeat(.., x.Rank - 2), reverse ? ..1 : ^1..]).Squeeze(-2) : outputs;
    }

    /// <summary>
    /// The same from any carry, with the carry after the last step: for sequences that come in pieces. Shape: x [batch…, time, features] → outputs
    /// [batch…, time, units].
    /// </summary>
    public (Tensor[] Carry, Tensor Outputs) Run(ReadOnlySpan<Tensor> parameters, Tensor[] carry, Tensor x)
    {
        Tensor[] own = parameters.ToArray();
        (Tensor[] last, Tensor outputs) = Control.Scan((Tensor[] c, Tensor now) => cell.Step(own, c, now), carry, x.MoveAxis(-2, 0), reverse);
        return (last, outputs.MoveAxis(0, -2));
    }
}
