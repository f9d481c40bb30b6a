namespace Nabla.Tests.Tensors;

public sealed class LayoutTests
{
    /// <summary>Buffer positions of all elements in row-major order, straight from the definition of a layout.</summary>
    private static long[] Positions(Layout layout)
    {
        var positions = new long[layout.Shape.Count];
        for (long i = 0; i < positions.Length; i++)
        {
            long rest = i, position = layout.Offset;
            for (int axis = layout.Shape.Rank - 1; axis >= 0; axis--)
            {
                position += rest % layout.Shape.Dims[axis] * layout.Strides[axis];
                rest /= layout.Shape.Dims[axis];
            }
            positions[i] = position;
        }
        return positions;
    }

    /// <summary>
    /// The oracle for reshaping: a view exists if the positions, read in row-major order of the new shape, are an affine function of
    /// the new index; the strides are then forced by the elements next to the first.
    /// </summary>
    private static bool IsAffine(long[] positions, Shape shape)
    {
        long[] steps = shape.RowMajorStrides();
        var strides = new long[shape.Rank];
        for (int axis = 0; axis < shape.Rank; axis++)
            if (shape.Dims[axis] > 1) strides[axis] = positions[steps[axis]] - positions[0];
        return Positions(new Layout(shape, strides, positions.Length > 0 ? positions[0] : 0)).SequenceEqual(positions);
    }

    private static Layout RandomLayout(Random random)
    {
        int rank = random.Next(0, 5);
        var dims = new int[rank];
        for (int i = 0; i < rank; i++) dims[i] = random.Next(20) == 0 ? 0 : random.Next(1, 5);
        Layout layout = Layout.RowMajor(dims);
        if (rank == 0) return layout;
        if (random.Next(2) == 0)
        {
            int[] permutation = Enumerable.Range(0, rank).ToArray();
            random.Shuffle(permutation);
            layout = layout.Transpose(permutation);
        }
        if (random.Next(2) == 0) layout = RandomSlice(layout, random);
        if (random.Next(3) == 0)
        {
            int at = random.Next(rank + 1);
            int[] axes = Enumerable.Range(0, rank + 1).Where(i => i != at).ToArray();
            layout = layout.BroadcastInDim(layout.Shape.Insert(at, random.Next(1, 4)), axes);
        }
        return layout;
    }

    private static Layout RandomSlice(Layout layout, Random random)
    {
        int rank = layout.Shape.Rank;
        int[] starts = new int[rank], sizes = new int[rank], steps = new int[rank];
        for (int i = 0; i < rank; i++)
        {
            int dim = layout.Shape.Dims[i];
            steps[i] = random.Next(2) == 0 ? 1 : random.Next(-2, 3) is var step && step == 0 ? -1 : step;
            starts[i] = dim == 0 ? 0 : steps[i] > 0 ? 0 : dim - 1;
            sizes[i] = (dim + Math.Abs(steps[i]) - 1) / Math.Abs(steps[i]);
        }
        return layout.Slice(starts, sizes, steps);
    }

    private static Shape RandomFactorisation(long count, Random random)
    {
        var dims = new List<int>();
        int rest = (int)count;
        while (rest > 1)
        {
            int[] divisors = Enumerable.Range(2, rest - 1).Where(d => rest % d == 0).ToArray();
            int divisor = divisors[random.Next(divisors.Length)];
            dims.Add(divisor);
            rest /= divisor;
        }
        while (random.Next(3) == 0) dims.Insert(random.Next(dims.Count + 1), 1);
        if (count == 0) dims.Insert(random.Next(dims.Count + 1), 0);
        return dims.ToArray();
    }

    [Fact]
    public void Reshape_finds_a_view_exactly_when_one_exists()
    {
        var random = new Random(1);
        int views = 0, copies = 0;
        for (int round = 0; round < 20_000; round++)
        {
            Layout layout = RandomLayout(random);
            Shape shape = RandomFactorisation(layout.Shape.Count, random);
            long[] positions = Positions(layout);
            bool found = layout.TryReshape(shape, out Layout view);
            Assert.True(found == IsAffine(positions, shape), $"{layout} to {shape}: {found}");
            if (found) Assert.Equal(positions, Positions(view));
            if (found) Assert.Equal(shape, view.Shape);
            if (found) views++;
            else copies++;
        }
        Assert.True(views > 1000 && copies > 1000, $"{views} views, {copies} copies");
    }

    [Fact]
    public void Contiguity_is_what_the_positions_say()
    {
        var random = new Random(2);
        int yes = 0;
        for (int round = 0; round < 20_000; round++)
        {
            Layout layout = RandomLayout(random);
            long[] positions = Positions(layout);
            bool dense = positions.Index().All(p => p.Item == positions[0] + p.Index);
            Assert.True(dense == layout.IsContiguous, layout.ToString());
            if (dense) yes++;
        }
        Assert.InRange(yes, 1000, 19_000);
    }

    [Fact]
    public void Reshape_to_another_count_is_an_error()
    {
        Layout transposed = Layout.RowMajor([2, 3]).Transpose([1, 0]);
        Assert.Equal("NB0105", Assert.Throws<ShapeException>(() => transposed.TryReshape([5], out _)).Code);
        Assert.Equal("NB0105", Assert.Throws<ShapeException>(() => Layout.RowMajor([4]).TryReshape([2], out _)).Code);
    }

    [Fact]
    public void Transposing_reorders_the_elements()
    {
        Layout layout = Layout.RowMajor([2, 3]).Transpose([1, 0]);
        Assert.Equal([3, 2], layout.Shape);
        Assert.Equal([0, 3, 1, 4, 2, 5], Positions(layout));
        Assert.False(layout.IsContiguous);
        Assert.True(layout.Transpose([1, 0]).IsContiguous);
    }

    [Fact]
    public void Slices_may_run_backwards()
    {
        Layout layout = Layout.RowMajor([3, 4]).Slice([2, 3], [2, 2], [-2, -2]);
        Assert.Equal([11, 9, 3, 1], Positions(layout));
        Layout ofSlice = layout.Slice([1, 0], [1, 2], [1, 1]);
        Assert.Equal([3, 1], Positions(ofSlice));
    }

    [Fact]
    public void An_empty_slice_keeps_its_offset_in_the_buffer()
    {
        Layout layout = Layout.RowMajor([3]).Slice([3], [0], [1]);
        Assert.Equal(0, layout.Offset);
        Assert.True(layout.IsContiguous);
    }

    [Fact]
    public void Broadcasting_repeats_by_strides_of_zero()
    {
        Layout layout = Layout.RowMajor([3, 1]).BroadcastInDim([2, 3, 4], [1, 2]);
        Assert.Equal([0, 1, 0], layout.Strides.ToArray());
        Assert.Equal(24, Positions(layout).Length);
        Assert.False(layout.IsSplat);
        Assert.True(Layout.Splat([2, 3]).IsSplat);
        Assert.True(Layout.RowMajor([1, 1]).IsSplat);
    }

    [Fact]
    public void A_layout_needs_one_stride_for_each_axis() =>
        Assert.Throws<ArgumentException>(() => new Layout([2, 3], [1], 0));

    [Fact]
    public void Elements_of_any_layout_are_copied_in_row_major_order()
    {
        var random = new Random(3);
        for (int round = 0; round < 2000; round++)
        {
            Layout layout = RandomLayout(random);
            long[] positions = Positions(layout);
            int[] numbers = Enumerable.Range(0, 1 + (int)positions.DefaultIfEmpty(0).Max()).ToArray();
            DenseTensor view = Tensor.From(numbers).View(layout);
            Assert.Equal(positions.Select(p => (int)p), view.ToArray<int>());
        }
    }
}
