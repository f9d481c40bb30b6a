using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class MoveTests
{
    [Fact]
    public void A_copy_has_the_elements_of_every_layout()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            CheckCopies(shape, i => (float)i);
            CheckCopies(shape, i => (double)i);
            CheckCopies(shape, i => i);
            CheckCopies(shape, i => (long)i);
            CheckCopies(shape, i => i % 3 == 0);
        }
        CheckCopies([301, 523], i => (float)i);
        CheckCopies([5, 67, 3, 101], i => (double)i);
    }

    [Fact]
    public void Any_permutation_of_axes_is_copied()
    {
        DenseTensor x = LayoutCases.Dense([5, 18, 3, 21], i => i);
        foreach (int[] order in (int[][])[[0, 1, 3, 2], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 3, 1, 2], [3, 0, 1, 2]])
            CheckCopy("permuted", x.View(x.Layout.Transpose(order)), (a, b) => Assert.Equal(a.ToArray<int>(), b.ToArray<int>()));
    }

    [Fact]
    public void A_contiguous_copy_allocates_nothing()
    {
        DenseTensor x = LayoutCases.Dense([70, 80], i => (float)i), y = LayoutCases.Output(DType.F32, x.Shape);
        DenseTensor turned = x.View(x.Layout.Transpose([1, 0])), z = LayoutCases.Output(DType.F32, turned.Shape);
        Move.Copy(x, y);
        Move.Copy(turned, z);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            Move.Copy(x, y);
            Move.Copy(turned, z);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Padding_agrees_with_the_definition_for_positive_negative_and_interior_amounts()
    {
        var random = new Random(3);
        foreach (int[] shape in (int[][])[[], [1], [7], [0], [3, 5], [4, 1, 6], [0, 3], [2, 3, 4, 5]])
            for (int trial = 0; trial < 60; trial++)
            {
                int[] interior = Array.ConvertAll(shape, _ => random.Next(0, 4));
                int[] low = Array.ConvertAll(shape, _ => random.Next(-5, 5)), high = Array.ConvertAll(shape, _ => random.Next(-5, 5));
                foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, i => i + 1f)) CheckPad(layout, x, low, high, interior);
            }
    }

    [Fact]
    public void Concatenation_puts_operands_one_after_another_on_each_axis()
    {
        foreach (int axis in (int[])[0, 1, 2])
        {
            int[] sizes = [3, 0, 1, 5];
            DenseTensor[] xs = Array.ConvertAll(sizes, n => LayoutCases.Of(axis switch { 0 => [n, 4, 6], 1 => [2, n, 6], _ => [2, 4, n] }, i => 100 * n + i)
                .ElementAt(n % 5).Tensor);
            int[] shape = xs[0].Shape.With(axis, 9).Dims.ToArray();
            DenseTensor y = LayoutCases.Output(DType.I32, shape);
            Move.Concatenate(xs, axis, y);
            int[] actual = y.ToArray<int>();
            int position = 0;
            foreach (DenseTensor x in xs)
            {
                int[] elements = x.ToArray<int>(), dims = x.Shape.Dims.ToArray();
                foreach (int[] index in LayoutCases.Indices(dims))
                {
                    int[] to = [.. index];
                    to[axis] += position;
                    Assert.Equal(elements[LayoutCases.Position(index, dims)], actual[LayoutCases.Position(to, shape)]);
                }
                position += dims[axis];
            }
        }
    }

    [Fact]
    public void Iota_holds_the_index_along_its_axis()
    {
        foreach (DType dtype in (DType[])[DType.F32, DType.F64, DType.I32, DType.I64])
            foreach (int[] shape in (int[][])[[1], [17], [3, 5], [4, 7, 3], [2, 0, 3]])
                for (int axis = 0; axis < shape.Length; axis++)
                {
                    DenseTensor y = LayoutCases.Output(dtype, shape);
                    Move.Iota(axis, y);
                    Assert.Equal(LayoutCases.Indices(shape).Select(i => (double)i[axis]), y.ToDoubles());
                }
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Move.Iota(0, LayoutCases.Output(DType.Bool, [2]))).Code);
    }

    [Fact]
    public void Gather_agrees_with_the_definition_in_every_layout()
    {
        foreach ((int[] shape, int[] indexShape, int batch) in GatherCases())
            foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, i => (double)i))
                foreach (DenseTensor indices in Indices(indexShape, shape[batch]))
                {
                    DenseTensor y = LayoutCases.Output(DType.F64, [.. indexShape, .. shape[(batch + 1)..]]);
                    Move.Gather(x, indices, batch, y);
                    double[] elements = x.ToDoubles(), numbers = indices.ToDoubles(), actual = y.ToDoubles();
                    ForEachUpdate(shape, indexShape, batch, numbers, (from, to) => Assert.True(elements[from] == actual[to], layout));
                }
    }

    [Fact]
    public void Scatter_add_agrees_with_the_definition_in_every_layout()
    {
        foreach ((int[] shape, int[] indexShape, int batch) in GatherCases())
            foreach ((string layout, DenseTensor updates) in LayoutCases.Of<float>([.. indexShape, .. shape[(batch + 1)..]], i => i % 97))
                foreach (DenseTensor indices in Indices(indexShape, shape[batch]))
                {
                    DenseTensor x = LayoutCases.Of(shape, i => 0.5f * (i % 31)).Last().Tensor, y = LayoutCases.Output(DType.F32, shape);
                    Move.ScatterAdd(x, indices, updates, batch, y);
                    double[] expected = x.ToDoubles(), added = updates.ToDoubles();
                    ForEachUpdate(shape, indexShape, batch, indices.ToDoubles(), (to, from) => expected[to] += added[from]);
                    Assert.True(expected.SequenceEqual(y.ToDoubles()), layout);
                }
    }

    [Fact]
    public void Scatter_add_gives_the_same_bits_for_any_number_of_threads()
    {
        int threads = Workers.Count;
        var random = new Random(1);
        DenseTensor x = Tensor.Zeros([50, 333]), indices = LayoutCases.Dense([4000], _ => random.Next(50));
        DenseTensor updates = LayoutCases.Dense([4000, 333], _ => random.NextSingle()), one = LayoutCases.Output(DType.F32, x.Shape);
        DenseTensor three = LayoutCases.Output(DType.F32, x.Shape);
        try
        {
            Workers.Count = 1;
            Move.ScatterAdd(x, indices, updates, 0, one);
            Workers.Count = 3;
            Move.ScatterAdd(x, indices, updates, 0, three);
            Assert.Equal(one.ToArray<float>(), three.ToArray<float>());
        }
        finally
        {
            Workers.Count = threads;
        }
    }

    [Theory]
    [InlineData(5), InlineData(-6), InlineData(int.MaxValue), InlineData(int.MinValue)]
    public void An_index_out_of_range_is_named_with_its_position_and_the_size(int bad)
    {
        DenseTensor x = LayoutCases.Dense([5, 2], i => (float)i), y = LayoutCases.Output(DType.F32, [2, 2, 2]);
        DenseTensor indices = Tensor.From<int>([0, 4, bad, 7], [2, 2]);
        ShapeException error = Assert.Throws<ShapeException>(() => Move.Gather(x, indices, 0, y));
        Assert.Equal("NB0109", error.Code);
        Assert.Contains($"index {bad} at position 2 of i32[2,2]; expected -5 ≤ index < 5", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ShapeException>(() => Move.ScatterAdd(x, indices, y, 0, LayoutCases.Output(DType.F32, x.Shape)));
        Assert.Equal("NB0109", error.Code);
    }

    private static void CheckCopies<T>(int[] shape, Func<int, T> element) where T : unmanaged
    {
        foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
            CheckCopy(layout, x, (a, b) => Assert.True(a.ToArray<T>().SequenceEqual(b.ToArray<T>()), $"{x.Aval} {layout}"));
    }

    private static void CheckCopy(string layout, DenseTensor x, Action<DenseTensor, DenseTensor> check)
    {
        DenseTensor y = LayoutCases.Output(x.DType, x.Shape);
        Move.Copy(x, y);
        Assert.True(y.IsContiguous, layout);
        check(x, y);
    }

    private static void CheckPad(string layout, DenseTensor x, int[] low, int[] high, int[] interior)
    {
        int[] shape = x.Shape.Dims.ToArray();
        int[] padded = shape.Select((d, k) => Math.Max(0, low[k] + d + Math.Max(0, d - 1) * interior[k] + high[k])).ToArray();
        DenseTensor y = LayoutCases.Output(DType.F32, padded);
        Move.Pad(x, low, high, interior, Tensor.Scalar(-1), y);
        float[] elements = x.ToArray<float>(), expected = new float[y.Count];
        Array.Fill(expected, -1);
        foreach (int[] index in LayoutCases.Indices(shape))
        {
            int[] to = index.Select((i, k) => low[k] + i * (interior[k] + 1)).ToArray();
            if (to.Zip(padded).All(p => p.First >= 0 && p.First < p.Second))
                expected[LayoutCases.Position(to, padded)] = elements[LayoutCases.Position(index, shape)];
        }
        Assert.True(expected.SequenceEqual(y.ToArray<float>()), $"{x.Aval} {layout} ({string.Join(',', low)}) ({string.Join(',', high)}) ({string.Join(',', interior)})");
    }

    private static IEnumerable<(int[] Shape, int[] Indices, int Batch)> GatherCases() =>
    [
        ([7], [], 0), ([7], [5], 0), ([7, 3], [4], 0), ([7, 3, 2], [4, 2], 0), ([5, 67], [11], 0), ([3, 7], [3], 1), ([3, 7], [3, 5], 1),
        ([2, 3, 7, 4], [2, 3, 5], 2), ([2, 7, 3, 4], [2, 3, 5], 1), ([7, 0], [3], 0), ([7, 3], [0], 0), ([0, 7], [0, 2], 1), ([19, 200], [400], 0),
    ];

    private static IEnumerable<DenseTensor> Indices(int[] shape, int size)
    {
        var random = new Random(9);
        return LayoutCases.Of(shape, _ => random.Next(-size, size)).Select(c => c.Tensor)
            .Concat(LayoutCases.Of(shape, _ => (long)random.Next(-size, size)).Select(c => c.Tensor).Take(2));
    }

    // Calls visit(position in [B…, N, rest…], position in [B…, I…, rest…]) for each element of each indexed row, in order.
    private static void ForEachUpdate(int[] shape, int[] indexShape, int batch, double[] indices, Action<int, int> visit)
    {
        int[] rest = shape[(batch + 1)..], rows = [.. indexShape, .. rest];
        foreach (int[] index in LayoutCases.Indices(rows))
        {
            int number = (int)indices[LayoutCases.Position(index.AsSpan(0, indexShape.Length), indexShape)];
            int[] source = [.. index[..batch], number < 0 ? number + shape[batch] : number, .. index[indexShape.Length..]];
            visit(LayoutCases.Position(source, shape), LayoutCases.Position(index, rows));
        }
    }
}
