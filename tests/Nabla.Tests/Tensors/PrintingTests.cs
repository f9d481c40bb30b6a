namespace Nabla.Tests.Tensors;

/// <summary>The expected texts are what NumPy prints, plus the abstract value.</summary>
public sealed class PrintingTests
{
    private static void Prints(string expected, Tensor tensor) => Assert.Equal(expected.ReplaceLineEndings("\n"), tensor.ToString());

    [Fact]
    public void Vectors()
    {
        Prints("[1. 2. 3.] f32[3]", Tensor.From([1f, 2f, 3f]));
        Prints("[1.   2.5  3.25] f64[3]", Tensor.From([1, 2.5, 3.25]));
        Prints("[ 1.  -2.5] f64[2]", Tensor.From([1, -2.5]));
        Prints("[-1 10  3] i32[3]", Tensor.From([-1, 10, 3]));
        Prints("[ True False] bool[2]", Tensor.From([true, false]));
        Prints("[9223372036854775807                   0] i64[2]", Tensor.From([long.MaxValue, 0]));
    }

    [Fact]
    public void Scalars()
    {
        Prints("3.5 f32[]", Tensor.Scalar(3.5));
        Prints("0.1 f32[]", Tensor.Scalar(0.1));
        Prints("2.0 f64[]", Tensor.Scalar(2, DType.F64));
        Prints("1.e-05 f32[]", Tensor.Scalar(1e-5));
        Prints("-7 i32[]", Tensor.Scalar(-7, DType.I32));
        Prints("nan f32[]", Tensor.Scalar(double.NaN));
    }

    [Fact]
    public void Digits_are_the_shortest_that_give_the_element_back_and_at_most_eight()
    {
        Prints("[0.1 0.2] f32[2]", Tensor.From([0.1f, 0.2f]));
        Prints("[0.33333334 0.6666667 ] f32[2]", Tensor.From([1f / 3, 2f / 3]));
        Prints("[0.33333333 0.66666667] f64[2]", Tensor.From([1.0 / 3, 2.0 / 3]));
        Prints("[3.14159265 2.71828183] f64[2]", Tensor.From([Math.PI, Math.E]));
    }

    [Fact]
    public void Exponents_appear_when_magnitudes_are_large_small_or_far_apart()
    {
        Prints("[1.0e-05 1.5e+10] f64[2]", Tensor.From([1e-5, 1.5e10]));
        Prints("[1.e-05] f32[1]", Tensor.From([1e-5f]));
        Prints("[1.e+08] f64[1]", Tensor.From([1e8]));
        Prints("[1.000e+00 1.001e+03] f64[2]", Tensor.From([1.0, 1001]));
        Prints("[   1. 1000.] f64[2]", Tensor.From([1.0, 1000]));
        Prints("[1.e-300 1.e+300] f64[2]", Tensor.From([1e-300, 1e300]));
    }

    [Fact]
    public void Special_values()
    {
        Prints("[ 1. nan inf] f32[3]", Tensor.From([1f, float.NaN, float.PositiveInfinity]));
        Prints("[-inf  -0.] f64[2]", Tensor.From([double.NegativeInfinity, -0.0]));
        Prints("[nan nan] f64[2]", Tensor.From([double.NaN, double.NaN]));
    }

    [Fact]
    public void Matrices_and_blocks()
    {
        Prints("[[1 2]\n [3 4]] i32[2,2]", Tensor.From(new[,] { { 1, 2 }, { 3, 4 } }));
        Prints("[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]] i32[2,2,2]", Tensor.From(Enumerable.Range(0, 8).ToArray(), [2, 2, 2]));
        Prints("[[0. 0.]\n [0. 0.]] f32[2,2]", Tensor.Zeros([2, 2]));
    }

    [Fact]
    public void Any_layout_prints_its_elements_in_row_major_order()
    {
        DenseTensor matrix = Tensor.From([1, 2, 3, 4, 5, 6], [2, 3]);
        Prints("[[1 4]\n [2 5]\n [3 6]] i32[3,2]", matrix.View(matrix.Layout.Transpose([1, 0])));
        Prints("[6 4] i32[2]", matrix.View(Layout.RowMajor([6]).Slice([5], [2], [-2])));
    }

    [Fact]
    public void Empty_tensors() => Prints("[] f32[0,3]", Tensor.Zeros([0, 3]));

    [Fact]
    public void More_than_a_thousand_elements_are_summarised_by_three_at_each_edge()
    {
        Prints("[   0    1    2 ... 1998 1999 2000] i32[2001]", Tensor.From(Enumerable.Range(0, 2001).ToArray()));
        Prints(
            "[[   0    1    2 ...   97   98   99]\n [ 100  101  102 ...  197  198  199]\n [ 200  201  202 ...  297  298  299]\n ...\n" +
            " [1700 1701 1702 ... 1797 1798 1799]\n [1800 1801 1802 ... 1897 1898 1899]\n [1900 1901 1902 ... 1997 1998 1999]] i32[20,100]",
            Tensor.From(Enumerable.Range(0, 2000).ToArray(), [20, 100]));
    }

    [Fact]
    public void A_huge_tensor_prints_at_once()
    {
        DenseTensor huge = Tensor.Zeros([int.MaxValue, int.MaxValue]);
        Assert.StartsWith("[[0. 0. 0. ... 0. 0. 0.]\n", huge.ToString());
        Assert.EndsWith("]] f32[2147483647,2147483647]", huge.ToString());
    }

    [Fact]
    public void Long_rows_are_wrapped_at_75_columns()
    {
        string[] lines = Tensor.From(Enumerable.Range(0, 100).ToArray()).ToString().Split('\n');
        Assert.Equal("[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23", lines[0]);
        Assert.Equal(" 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47", lines[1]);
        Assert.Equal(" 96 97 98 99] i32[100]", lines[^1]);
    }
}
