using Nabla.Files;
using Nabla.Nn;
using Nabla.Optim;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

public sealed class CheckpointTests : IDisposable
{
    private sealed record State(Tensor[] Parameters, OptimizerState Optimizer, RandomKey Key);

    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-checkpoints-").FullName;
    private readonly List<string> _warnings = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Checkpoints Open() => new(Path.Combine(_folder, "c"), warn: _warnings.Add);

    private static Tensor T(double x) => Tensor.From([x]);

    // Dropout, so that the random key decides the numbers.
    private static TrainingLoop<State, Tensor> Loop()
    {
        var network = new Sequential(new Dense(16), Activation.Tanh, new Dropout(0.2), new Dense(1));
        Tensor x = new RandomKey(1).Normal([32, 4]), y = x.Sum(1).ExpandDims(1).Sin();
        var adam = new Adam(0.01);
        Tensor[] start = network.Init(new RandomKey(2), [4]).Parameters;
        return new(state =>
        {
            RandomKey key = state.Key.FoldIn(1);
            (Tensor loss, Tensor[] gradient) = ValueAndGrad((Tensor[] p) => Losses.MeanSquaredError(network.Apply(p, x, Pass.Training(key)), y))(state.Parameters);
            (Tensor[] parameters, OptimizerState optimizer) = adam.Update(state.Parameters, gradient, state.Optimizer);
            return (new State(parameters, optimizer, key), loss);
        }, new State(start, adam.Init(start), new RandomKey(3)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    public void A_resumed_training_takes_the_same_steps_bit_for_bit(int stop)
    {
        var whole = Loop();
        var losses = new List<double>();
        for (int i = 0; i < 15; i++)
        {
            whole.Step();
            losses.Add(whole.Metrics.ToDouble());
        }
        var first = Loop();
        first.Run(stop);
        first.Save(Open());
        first.Run(2); // lost
        var second = Loop();
        second.Run(1);
        Assert.True(second.TryResume(Open()));
        Assert.Equal(stop, second.StepCount);
        for (int i = stop; i < 15; i++)
        {
            second.Step();
            Assert.Equal(BitConverter.DoubleToInt64Bits(losses[i]), BitConverter.DoubleToInt64Bits(second.Metrics.ToDouble()));
        }
        TreeFileTests.Same(whole.State, second.State);
        Assert.Equal(15, second.StepCount);
    }

    [Fact]
    public void Nothing_saved_is_no_error_and_changes_nothing()
    {
        var loop = Loop();
        loop.Run(2);
        Assert.False(loop.TryResume(Open()));
        Assert.Equal(2, loop.StepCount);
        Assert.Null(Open().TryLoadLatest(T(0)));
    }

    [Fact]
    public void The_last_two_are_kept_and_what_a_killed_process_left_is_removed()
    {
        Checkpoints checkpoints = Open();
        for (int step = 1; step <= 5; step++)
        {
            checkpoints.Save(step * 10, T(step));
            File.WriteAllText(Path.Combine(checkpoints.Folder, $".step-0000000{step}.safetensors.abc.tmp"), "half");
        }
        checkpoints.Save(50, T(6));
        Assert.Equal([40, 50], checkpoints.Steps);
        Assert.Equal(2, Directory.GetFiles(checkpoints.Folder, "*", new EnumerationOptions { AttributesToSkip = 0 }).Length);
        (long step50, Tensor last) = Open().TryLoadLatest(T(0))!.Value;
        Assert.Equal((50, 6), (step50, last.ToDouble()));
    }

    [Theory]
    [InlineData("truncated")]
    [InlineData("flipped")]
    [InlineData("empty")]
    [InlineData("swapped")]
    public void A_damaged_checkpoint_is_passed_over_with_a_warning_that_names_both(string fault)
    {
        Checkpoints checkpoints = Open();
        checkpoints.Save(1, T(1));
        checkpoints.Save(2, T(2));
        string path = checkpoints.PathOf(2);
        byte[] bytes = File.ReadAllBytes(path);
        if (fault == "truncated") bytes = bytes[..^3];
        else if (fault == "flipped") bytes[^2] ^= 16;
        else if (fault == "empty") bytes = [];
        else bytes = File.ReadAllBytes(checkpoints.PathOf(1));
        File.WriteAllBytes(path, bytes);

        checkpoints = Open();
        (long step, Tensor state) = checkpoints.TryLoadLatest(T(0))!.Value;
        Assert.Equal((1, 1), (step, state.ToDouble()));
        string warning = Assert.Single(_warnings);
        Assert.Contains("step-00000002", warning);
        Assert.Contains("Going on from", warning);
        Assert.Contains("step-00000001", warning);
        checkpoints.Save(2, T(3)); // the steps are taken again
        Assert.Equal([1, 2], checkpoints.Steps);
        Assert.Equal(3, Open().TryLoadLatest(T(0))!.Value.State.ToDouble());
    }

    [Fact]
    public void A_damaged_one_does_not_count_among_those_that_are_kept()
    {
        Open().Save(1, T(1));
        Open().Save(3, T(3));
        File.WriteAllText(Open().PathOf(3), "");
        Checkpoints checkpoints = Open();
        checkpoints.TryLoadLatest(T(0));
        checkpoints.Save(2, T(2));
        Assert.Equal([1, 2], checkpoints.Steps);
    }

    [Fact]
    public void If_all_are_damaged_training_does_not_silently_start_anew()
    {
        Open().Save(1, T(1));
        Open().Save(2, T(2));
        foreach (long step in Open().Steps) File.WriteAllText(Open().PathOf(step), "");
        var error = Assert.Throws<TreeFileException>(() => Open().TryLoadLatest(T(0)));
        Assert.Equal("NB0417", error.Code);
        Assert.Contains("step-00000001", error.Message);
    }

    [Fact]
    public void Another_structure_or_another_training_is_an_error_and_not_damage()
    {
        Open().Save(7, T(1));
        Assert.Equal("NB0412", Assert.Throws<TreeFileException>(() => Open().TryLoadLatest(Tensor.From([1.0, 2]))).Code);
        Assert.Equal("NB0416", Assert.Throws<TreeFileException>(() => Open().Save(6, T(1))).Code);
        Assert.Equal([7], Open().Steps);
        Assert.Empty(_warnings);
    }
}
