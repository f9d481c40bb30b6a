using Nabla.Autograd;
using Nabla.Iterative;
using Nabla.Nn;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

public sealed class CurvatureTests
{
    private const int Rows = 4, Classes = 3;

    private static readonly Tensor Inputs = new SampleSource(1).Uniform([Rows, 2]);
    private static readonly Tensor Labels = Tensor.From([0, 2, 1, 2]);
    private static readonly Tensor Targets = new SampleSource(2).Uniform([Rows, Classes]);

    public sealed record Net(Tensor W1, Tensor B1, Tensor W2, Tensor B2);

    private static Net Parameters
    {
        get
        {
            var source = new SampleSource(3);
            return new Net(source.Uniform([2, 5]), source.Uniform([5]), source.Uniform([5, Classes]), source.Uniform([Classes]));
        }
    }

    private static Tensor Model(Net p) => (Inputs.MatMul(p.W1) + p.B1).Tanh().MatMul(p.W2) + p.B2;

    // The matrix of an operator, by a batch of unit vectors: symmetric, so rows are columns.
    private static Tensor Dense(Func<Tensor, Tensor> product, int n) => Vmap(product)(Ops.Eye(n, DType.F64));

    private static void Equal(Tensor expected, Tensor actual, double tolerance = 1e-12)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.True((expected - actual).Abs().Max().ToDouble() <= tolerance * (1 + expected.Abs().Max().ToDouble()));
    }

    [Fact]
    public void Hessian_products_are_those_of_the_dense_Hessian_one_by_one_and_in_a_batch()
    {
        (Tensor flat, Func<Tensor, Net> unravel) = Tree.Ravel(Parameters);
        int n = flat.Shape[0];
        Assert.Equal(33, n);
        Func<Tensor, Tensor> product = Curvature.Hessian((Net p) => Losses.CrossEntropy(Model(p), Labels), Parameters);
        Tensor dense = Hessian(x => Losses.CrossEntropy(Model(unravel(x)), Labels))(flat);
        Equal(dense, Dense(product, n));
        Tensor v = new SampleSource(4).Uniform([n]);
        Equal(dense.MatMul(v), product(v));
        // Extreme eigenvalues of it, both ends, against the dense decomposition.
        double[] all = dense.EigenvaluesSymmetric().ToDoubles();
        Eigenpairs top = Eigenvalues.Extreme(product, n, new RandomKey(5), 3, tolerance: 1e-10, dtype: DType.F64);
        Eigenpairs low = Eigenvalues.Extreme(product, n, new RandomKey(6), 2, SpectrumEnd.Smallest, 1e-10, dtype: DType.F64);
        Assert.True(top.Converged && low.Converged);
        for (int i = 0; i < 3; i++) Assert.Equal(all[^(i + 1)], top.Values[i], 1e-9);
        for (int i = 0; i < 2; i++) Assert.Equal(all[i], low.Values[i], 1e-9);
    }

    [Fact]
    public void Gauss_Newton_is_the_Jacobian_times_the_Hessian_of_the_outputs_times_the_Jacobian()
    {
        (Tensor flat, Func<Tensor, Net> unravel) = Tree.Ravel(Parameters);
        int n = flat.Shape[0];
        Tensor jacobian = JacobianForward(x => Model(unravel(x)))(flat).Reshape(Rows * Classes, n);
        Tensor Loss(Tensor outputs) => Losses.CrossEntropy(outputs, Labels) + 0.1 * outputs.Square().Sum().Square();
        Tensor inner = Hessian(y => Loss(y.Reshape(Rows, Classes)))(Model(Parameters).Reshape(Rows * Classes));
        Equal(jacobian.T.MatMul(inner).MatMul(jacobian), Dense(Curvature.GaussNewton((Net p) => Model(p), Loss, Parameters), n));
        // The Fisher matrices, written out: averages of outer products over rows, classes weighted by their probability.
        Tensor p = Model(Parameters).Softmax(), perClass = Tensor.Zeros([n, n], DType.F64), perExample = perClass;
        for (int row = 0; row < Rows; row++)
            for (int c = 0; c < Classes; c++)
            {
                Tensor g = Grad<Tensor>(x => Model(unravel(x)).LogSoftmax().At(row).At(c))(flat);
                perClass += p.At(row).At(c) * g.Outer(g) / Rows;
                if ((int)Labels.ToDoubles()[row] == c) perExample += g.Outer(g) / Rows;
            }
        Equal(perClass, Dense(Curvature.FisherCrossEntropy((Net net) => Model(net), Parameters), n));
        Equal(perClass, Dense(Curvature.GaussNewton((Net net) => Model(net), y => Losses.CrossEntropy(y, Labels), Parameters), n));
        Equal(perExample, Dense(Curvature.EmpiricalFisher((Net net) => -Model(net).LogSoftmax().TakeLast(Labels), Parameters), n));
        Tensor fisher = Dense(Curvature.FisherMeanSquaredError((Net net) => Model(net), Parameters, 0.25), n);
        Equal(jacobian.T.MatMul(jacobian) / (Rows * 0.25), fisher);
        Equal(2 * 0.25 / Classes * fisher, Dense(Curvature.GaussNewton((Net net) => Model(net), y => Losses.MeanSquaredError(y, Targets), Parameters), n));
    }

    [Fact]
    public void A_natural_gradient_step_by_conjugate_gradients_solves_the_damped_system()
    {
        (Tensor flat, Func<Tensor, Net> unravel) = Tree.Ravel(Parameters);
        Func<Tensor, Tensor> fisher = Curvature.FisherCrossEntropy((Net p) => Model(p), Parameters);
        Tensor gradient = Tree.Ravel(Grad((Net p) => Losses.CrossEntropy(Model(p), Labels))(Parameters)).Vector;
        ConjugateGradientResult result = ConjugateGradient.Solve(fisher, gradient, 1e-11, damping: 0.01);
        Tensor dense = Dense(fisher, flat.Shape[0]) + 0.01 * Ops.Eye(flat.Shape[0], DType.F64);
        Assert.True(result.Converged);
        Equal(dense.Solve(gradient), result.X, 1e-9);
        Assert.Equal([2, 5], unravel(result.X).W1.Shape);
    }

    [Fact]
    public void A_tree_becomes_one_vector_and_back()
    {
        var tree = (Tensor.From([1f, 2]), new[] { Tensor.From([7], [1, 1]), Tensor.From([3.0, 4, 5, 6], [2, 2]), Tensor.Zeros([0], DType.F64) }, 5);
        (Tensor vector, Func<Tensor, (DenseTensor, DenseTensor[], int)> unravel) = Tree.Ravel(tree);
        Assert.Equal([1, 2, 3, 4, 5, 6], vector.ToDoubles());
        Assert.Equal(DType.F64, vector.DType);
        (DenseTensor first, DenseTensor[] rest, int number) = unravel(vector * 10);
        Assert.Equal(DType.F32, first.DType);
        Assert.Equal([10, 20], first.ToDoubles());
        Assert.Equal([7], rest[0].ToArray<int>());
        Assert.Equal([30, 40, 50, 60], rest[1].ToDoubles());
        Assert.Equal(5, number);
        Assert.Equal("NB0142", Assert.ThrowsAny<NablaException>(() => unravel(vector.Slice(1..))).Code);
        Assert.Equal("NB0506", Assert.ThrowsAny<NablaException>(() => Tree.Ravel(Tensor.From([1]))).Code);
    }
}
