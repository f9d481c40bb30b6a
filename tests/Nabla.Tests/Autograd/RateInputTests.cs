using Nabla.Files;

namespace Nabla.Tests.Autograd;

/// <summary>What coding rates, ReduNets and their classifiers say to input that makes no sense.</summary>
public sealed class RateInputTests
{
    private static readonly int[] Labels = [0, 1, 2, 0, 1, 2];
    private static readonly ReduNetOptions Options = new(2, 0.5, 0.5, 1);

    private static DenseTensor Waves(params int[] shape)
    {
        Shape of = Shape.Create(shape);
        return (Ops.Arange((int)of.Count, DType.F64) * 0.7 + 0.3).Sin().Reshape(of).Dense;
    }

    // Views of one element: large shapes without memory.
    private static Tensor Large(params int[] shape) => Tensor.Zeros([1], DType.F64).BroadcastTo(Shape.Create(shape));

    private static Tensor Broken(Tensor x, int at = 5) => Ops.Where(Ops.Arange((int)x.Count).Equal(at).Reshape(x.Shape), Tensor.Scalar(double.NaN, DType.F64), x);

    private static string Refused(string code, Action action)
    {
        NablaException found = Assert.ThrowsAny<NablaException>(action);
        Assert.Equal(code, found.Code);
        return found.Message;
    }

    [Fact]
    public void Coding_rates_refuse_precisions_that_are_not_positive()
    {
        Tensor z = Waves(3, 6), soft = Tensor.Full([2, 6], 0.5, DType.F64);
        foreach (double e2 in new[] { 0, -1, double.NaN, double.PositiveInfinity })
        {
            Refused("NB0581", () => CodingRate.Expansion(z, e2));
            Refused("NB0581", () => CodingRate.Compression(z, soft, e2));
            Refused("NB0581", () => CodingRate.RateGradient(z, e2));
            Refused("NB0581", () => CodingRate.ClassRateGradient(z, soft, e2));
            Refused("NB0581", () => CodingRate.ReductionWithGradient(z, Tensor.From(Labels), 3, e2));
            Refused("NB0581", () => CodingRate.Ceiling(3, 2, e2));
            Refused("NB0581", () => CodingRate.OfSubspaces(3, [1], [6], e2));
            Refused("NB0581", () => LossySegmentation.CodingLength(z, [], 1, e2));
            Refused("NB0581", () => LossySegmentation.CodingLength(z, e2));
        }
    }

    [Fact]
    public void Coding_rates_refuse_labels_and_memberships_that_do_not_fit()
    {
        Tensor z = Waves(3, 6), soft = Tensor.Full([2, 6], 0.5, DType.F64);
        Refused("NB0680", () => CodingRate.NormalizeClasses(z, Labels, 2));
        Refused("NB0680", () => CodingRate.EffectiveRanks(z, Labels, 2));
        Refused("NB0680", () => LossySegmentation.CodingLength(z, [0, 0, 0, 0, 0, -1], 1, 1));
        Refused("NB0582", () => CodingRate.NormalizeClasses(z, Labels.AsSpan(1), 3));
        Refused("NB0582", () => LossySegmentation.CodingLength(z, Labels.AsSpan(1), 3, 1));
        Refused("NB0583", () => CodingRate.Compression(z, soft.To(DType.F32), 1));
        Assert.Contains("sample 5 in class 0", Refused("NB0588", () => CodingRate.ClassRate(z, Broken(soft), 1)), StringComparison.Ordinal);
        Refused("NB0588", () => CodingRate.ClassRateGradient(z, -soft, 1));
        Refused("NB0586", () => CodingRate.Memberships([], 0));
        Refused("NB0586", () => CodingRate.Ceiling(3, 0, 1));
        Refused("NB0586", () => CodingRate.Ceiling(0, 3, 1));
        Refused("NB0586", () => CodingRate.OfSubspaces(3, [1, 2], [6], 1));
        Refused("NB0586", () => CodingRate.OfSubspaces(3, [1, -1], [6, 6], 1));
        Refused("NB0586", () => CodingRate.OfSubspaces(3, [1, double.NaN], [6, 6], 1));
        Refused("NB0586", () => CodingRate.OfSubspaces(3, [1, 1], [0, 0], 1));
        Refused("NB0587", () => CodingRate.Expansion(Tensor.Zeros([3, 0], DType.F64), 1));
    }

    [Fact]
    public void Coding_rates_name_the_value_that_is_not_finite()
    {
        Tensor z = Broken(Waves(3, 6), 8), soft = Tensor.Full([2, 6], 0.5, DType.F64);
        foreach (Action call in (Action[])[() => CodingRate.Expansion(z, 1), () => CodingRate.Compression(z, soft, 1), () => CodingRate.ClassRate(z, soft, 1), () => CodingRate.RateGradient(z, 1),
            () => CodingRate.EffectiveRanks(z, Labels, 3), () => CodingRate.NormalizeClasses(z, Labels, 3), () => LossySegmentation.CodingLength(z, Labels, 3, 1)])
            Refused("NB0681", call);
        Assert.Contains("coordinate 1 of sample 2", Refused("NB0681", () => CodingRate.Expansion(z, 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_would_not_fit_31_bits_is_refused_before_it_is_computed()
    {
        Refused("NB0584", () => CodingRate.Expansion(Large(50_000, 2), 1));
        Refused("NB0584", () => CodingRate.Compression(Large(20_000, 2), Large(10, 2), 1));
        Refused("NB0584", () => CodingRate.ClassRate(Large(1000, 100_000), Large(100, 100_000), 1));
        Refused("NB0584", () => LossySegmentation.Run(Large(50_000, 2), 1));
        Refused("NB0699", () => ReduNet.Build(Large(100_000, 40_000), new int[100_000], 1, Options));
        Refused("NB0699", () => ReduNet.Build(Waves(6, 3), Labels, 3, Options).Transform(Large(1_000_000_000, 3)));
        Refused("NB0699", () => NearestSubspace.Fit(Large(20_000, 6), Labels, 10, 1));
        Refused("NB0699", () => Lifting.RandomKernels(new RandomKey(0), 2, 1000, 100, 100));
        Refused("NB0699", () => PolarImages.Sample(Large(1, 1000, 1000), 100, 100));
        Refused("NB0699", () => PolarImages.Rotate(Large(1, 1000, 1000), 1));
    }

    [Fact]
    public void Classes_without_samples_are_never_predicted()
    {
        Tensor z = Tensor.From(new double[,] { { 0, 0, 1, 1, 0 }, { 0, 0, 0, 0.1, 0 }, { 1, 0.9, 0, 0, 0 } });
        int[] labels = [1, 1, 3, 3, 3];
        // The last sample is orthogonal to all subspaces.
        Assert.Equal([1, 1, 3, 3, 1], NearestSubspace.Fit(z, labels, 5, 1).Predict(z).ToArray<int>());
        Assert.Equal([1, 1, 3, 3, 3], NearestMean.Fit(z, labels, 5).Predict(z).ToArray<int>());
        Assert.Equal([0, 1, 0, 1, 0], CodingRate.EffectiveRanks(z, labels, 5).ToDoubles().Select(r => (int)Math.Round(r)));
        var net = ReduNet.Build(z.T.Normalize(), labels, 5, Options);
        Assert.Equal([0, 2, 0, 3, 0], net.Counts.ToArray());
        Assert.All(net.Predict(z.T).ToArray<int>(), p => Assert.Contains(p, labels));
        Assert.Equal(CodingRate.OfSubspaces(3, [1, 1], [2, 3], 0.5), CodingRate.OfSubspaces(3, [1, 0, 1], [2, 0, 3], 0.5));
    }

    [Fact]
    public void Directions_that_are_zero_to_rounding_belong_to_no_subspace()
    {
        // Multiples of one vector: the other eigenvalues of the moments are rounding errors.
        Tensor line = Waves(6, 1).MatMul(Waves(1, 40)), other = Waves(6, 40);
        var fit = NearestSubspace.Fit(Ops.Concatenate([line, other], 1), [.. Enumerable.Repeat(0, 40), .. Enumerable.Repeat(1, 40)], 2, 2);
        double[] kept = fit.Bases.Square().Sum(1, 2).ToDoubles();
        Assert.Equal(1, kept[0], 1e-12);
        Assert.Equal(2, kept[1], 1e-12);
    }

    [Fact]
    public void A_class_of_zeros_stays_zero()
    {
        Tensor x = Ops.Concatenate([Waves(4, 3).Normalize(), Tensor.Zeros([2, 3], DType.F64)]);
        int[] labels = [0, 0, 0, 0, 1, 1];
        ReduNet.Build(x, labels, 2, Options with { Normalization = ReduNormalization.Class, Gating = ReduGate.Labels }, out Tensor z);
        Assert.Equal(new double[6], z.Slice(4..).ToDoubles());
        Assert.Equal(4, z.Slice(..4).Square().Sum().ToDouble(), 1e-12);
    }

    [Fact]
    public void Classifiers_refuse_features_and_labels_that_do_not_fit()
    {
        Tensor z = Waves(3, 6);
        (string, Func<Tensor, int[], int, object>, Func<Tensor, int[], double>)[] both =
        [
            ("nearest_mean", (x, l, k) => NearestMean.Fit(x, l, k), (x, l) => NearestMean.Fit(z, Labels, 3).Accuracy(x, l)),
            ("nearest_subspace", (x, l, k) => NearestSubspace.Fit(x, l, k, 1), (x, l) => NearestSubspace.Fit(z, Labels, 3, 1).Accuracy(x, l)),
        ];
        foreach ((string name, var fit, var accuracy) in both)
        {
            Assert.StartsWith($"NB0686 {name}", Refused("NB0686", () => fit(z.At(0), Labels, 3)), StringComparison.Ordinal);
            Refused("NB0686", () => fit(z.To(DType.I32), Labels, 3));
            Refused("NB0686", () => fit(z, [0, 1], 3));
            Refused("NB0686", () => fit(z, Labels, 0));
            Refused("NB0686", () => fit(z.Slice(.., ..0), [], 3));
            Refused("NB0680", () => fit(z, Labels, 2));
            Assert.Contains("position 5", Refused("NB0687", () => fit(Broken(z), Labels, 3)), StringComparison.Ordinal);
            Refused("NB0686", () => accuracy(Waves(4, 6), Labels));
            Refused("NB0686", () => accuracy(z, [0, 1]));
            Refused("NB0686", () => accuracy(z.Slice(.., ..0), []));
            Refused("NB0687", () => accuracy(Broken(z), Labels));
        }
        foreach (int rank in new[] { 0, 4 }) Refused("NB0684", () => NearestSubspace.Fit(z, Labels, 3, rank));
        Refused("NB0684", () => NearestSubspace.FromMoments(Waves(2, 3, 3), 4));
        Refused("NB0686", () => NearestSubspace.FromMoments(Waves(2, 3, 4), 1));
        Refused("NB0687", () => NearestSubspace.FromMoments(Broken(Waves(2, 3, 3)), 1));
    }

    [Fact]
    public void Liftings_and_polar_images_refuse_what_does_not_fit()
    {
        Tensor x = Waves(2, 8, 1), images = Waves(2, 8, 8), kernels = Lifting.RandomKernels(new RandomKey(1), 1, 3, 1, 4, DType.F64);
        Refused("NB0684", () => Lifting.RandomKernels(new RandomKey(1), 3, 3, 1, 4));
        Refused("NB0684", () => Lifting.RandomKernels(new RandomKey(1), 1, 0, 1, 4));
        Refused("NB0684", () => Lifting.RandomKernels(new RandomKey(1), 1, 3, 0, 4));
        Refused("NB0684", () => Lifting.RandomKernels(new RandomKey(1), 1, 3, 1, -1));
        Refused("NB0690", () => Lifting.Respond(x.At(0), kernels));
        Refused("NB0683", () => Lifting.Rectified(x.ExpandDims(1), kernels));
        Refused("NB0683", () => Lifting.Respond(Waves(2, 8, 2), kernels));
        Refused("NB0683", () => Lifting.Respond(x.To(DType.F32), kernels));
        Refused("NB0687", () => Lifting.Rectified(Broken(x), kernels));
        Refused("NB0687", () => Lifting.Sparse(x, Broken(kernels), 2));
        foreach (int active in new[] { 0, 5 }) Refused("NB0684", () => Lifting.Sparse(x, kernels, active));
        Refused("NB0690", () => Lifting.UnitSamples(Waves(3)));
        Refused("NB0690", () => Lifting.UnitSamples(Tensor.Zeros([0, 3], DType.F64)));
        Refused("NB0685", () => PolarImages.Sample(images.At(0), 2, 8));
        Refused("NB0685", () => PolarImages.Rotate(images.To(DType.I32), 1));
        Refused("NB0684", () => PolarImages.Sample(images, 0, 8));
        Refused("NB0684", () => PolarImages.Sample(images, 2, 0));
        Refused("NB0684", () => PolarImages.Sample(images, 2, 8, double.NaN));
        Refused("NB0684", () => PolarImages.Rotate(images, double.PositiveInfinity));
        Refused("NB0687", () => PolarImages.Sample(Broken(images), 2, 8));
        Refused("NB0687", () => PolarImages.Rotate(Broken(images), 1));
    }

    [Fact]
    public void Networks_refuse_indices_moments_and_operators_that_do_not_fit()
    {
        Tensor x = Waves(6, 3);
        var net = ReduNet.Build(x, Labels, 3, Options);
        foreach (int layer in new[] { -1, 2 })
        {
            Refused("NB0691", () => net.Gates(x, layer));
            Refused("NB0691", () => net.Spectra(layer));
            Refused("NB0691", () => net.ApplyOperator(x, layer, 0));
        }
        Refused("NB0691", () => net.ApplyOperator(x, 0, 4));
        Refused("NB0687", () => ReduNet.FromMoments(Broken(Waves(2, 3, 3)), [1, 1], Options, out _));
        TrainableReduNet free = net.ToTrainable();
        Refused("NB0688", () => free.Logits(free.Start, Waves(6, 4)));
        Refused("NB0688", () => free.Features(free.Start, x.To(DType.F32)));
        Refused("NB0688", () => free.Features(free.Start.Slice(..1), x));
        Refused("NB0687", () => free.Logits(free.Start, Broken(x)));
        foreach (ReduNetOptions ablation in (ReduNetOptions[])[Options with { Residual = false }, Options with { Gating = ReduGate.Uniform }, Options with { Normalization = ReduNormalization.None }])
            Refused("NB0697", () => ReduNet.Build(x, Labels, 3, ablation).ToTrainable());
    }

    /// <summary>The parts of a file as another program could write them.</summary>
    private sealed record Parts(
        Tensor Operators, Tensor Counts, Tensor Sample, Tensor Rates, double EpsilonSquared, double Step, double Gate, ReduGate Gating, ReduNormalization Normalization, bool Residual, ulong Seed);

    [Fact]
    public void Files_that_are_damaged_or_inconsistent_are_refused()
    {
        string folder = Directory.CreateTempSubdirectory("nabla-redunet-").FullName, path = Path.Combine(folder, "net.safetensors");
        try
        {
            var net = ReduNet.Build(Waves(6, 3), Labels, 3, Options);
            net.Save(path);
            byte[] bytes = File.ReadAllBytes(path);
            void Damaged(byte[] content)
            {
                File.WriteAllBytes(path, content);
                Assert.InRange(int.Parse(Assert.Throws<FileFormatException>(() => ReduNet.Load(path)).Code[2..], null), 401, 414);
            }
            Damaged([]);
            Damaged(bytes[..20]);
            Damaged(bytes[..^8]);
            Damaged([.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
            TreeFile.Save(path, (A: Waves(2), B: Waves(3)));
            Refused("NB0412", () => ReduNet.Load(path));

            Tensor rates = Tensor.From([.. net.Rates.SelectMany(r => new[] { r.Rate, r.ClassRate })], [3, 2]);
            var good = new Parts(net.Operators, Tensor.From([2, 2, 2]), Tensor.From([3]), rates, 0.5, 0.5, 1, default, default, true, 0);
            TreeFile.Save(path, good);
            Assert.Equal(net.Operators.ToDoubles(), ReduNet.Load(path).Operators.ToDoubles());
            foreach (Parts bad in (Parts[])[good with { Counts = Tensor.From([2, 2]) }, good with { Counts = Tensor.From([2, 2, -2]) }, good with { Counts = Tensor.From([0, 0, 0]) },
                good with { Counts = Tensor.From([2.0, 2, 2]) }, good with { Sample = Tensor.From([4]) }, good with { Sample = Tensor.From([3, 0]) }, good with { Sample = Tensor.From([1, 1, 1, 3]) },
                good with { Rates = rates.Slice(..2) }, good with { Operators = net.Operators.At(0) }, good with { EpsilonSquared = 0 }, good with { Step = double.NaN }, good with { Gate = -1 }])
            {
                TreeFile.Save(path, bad);
                Refused("NB0689", () => ReduNet.Load(path));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
