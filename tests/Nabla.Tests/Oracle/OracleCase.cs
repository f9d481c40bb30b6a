namespace Nabla.Tests.Oracle;

/// <summary>What Nabla computes under the name of a case of <c>tests/oracle/torch_cases.py</c>: from the inputs of that case to its outputs.</summary>
internal sealed record OracleCase(string Name, Func<Tensor[], Tensor[]> Function)
{
    /// <summary>The largest difference allowed.</summary>
    public double Tolerance { get; private init; } = 1e-12;

    /// <summary>Why the tolerance is not the usual one; for a convention, what each library means; for accuracy, where PyTorch loses digits.</summary>
    public string? Note { get; private init; }

    public string Family => Name[..Name.IndexOf('/', StringComparison.Ordinal)];

    /// <summary>Both libraries are right in their own way: the case must differ.</summary>
    public bool IsConvention => Family == "conventions";

    /// <summary>PyTorch loses digits here: Nabla is compared with exact values.</summary>
    public bool IsExact => Family == "accuracy";

    /// <summary>Arguments and results span hundreds of orders of magnitude: each value is compared relative to itself.</summary>
    public bool ElementByElement => Family is "elementwise" or "accuracy";

    public static OracleCase Of(string name, Func<Tensor, Tensor> function) => new(name, t => [function(t[0])]);

    public static OracleCase Of(string name, Func<Tensor, Tensor, Tensor> function) => new(name, t => [function(t[0], t[1])]);

    public static OracleCase Many(string name, Func<Tensor[], Tensor[]> function) => new(name, function);

    public OracleCase Within(double tolerance, string because) => this with { Tolerance = tolerance, Note = because };

    public OracleCase Meaning(string note) => this with { Note = note };
}
