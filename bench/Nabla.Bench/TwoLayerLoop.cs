using System.Runtime.Intrinsics;

namespace Nabla.Bench;

/// <summary>
/// The step of a 1-n-1 ReLU network written out by hand: one pass over rows computes outputs, one over columns recomputes the hidden units and accumulates all
/// gradients in registers. What a compiler could reach at best; the same mathematics as <see cref="TrainBench"/>.
/// </summary>
internal sealed class TwoLayerLoop
{
    private const float Rate = 0.01f;

    private readonly int _width, _batch;
    private readonly float[] _x, _target, _error, _w1, _b1, _w2;
    private float _b2;

    public TwoLayerLoop(int width, int batch)
    {
        int padded = (width + 15) / 16 * 16;
        (_width, _batch) = (width, batch);
        _x = Waves(batch, 0.3, 1, batch);
        _target = Array.ConvertAll(_x, v => (float)Math.Sin(3 * v));
        _error = new float[batch];
        (_w1, _b1) = (Waves(width, 1, Math.Sqrt(2), padded), Waves(width, 5, 0.1, padded));
        (_w2, _b2) = (Waves(width, 2, Math.Sqrt(2.0 / width), padded), Waves(1, 6, 0.1, 1)[0]);
    }

    /// <summary>One step; returns the loss before it.</summary>
    public float Step()
    {
        float loss = 0, sum = 0;
        for (int i = 0; i < _batch; i++)
        {
            Vector512<float> x = Vector512.Create(_x[i]), total = Vector512<float>.Zero;
            for (int j = 0; j < _w1.Length; j += 16)
            {
                Vector512<float> h = Vector512.Max(Vector512.FusedMultiplyAdd(x, Vector512.LoadUnsafe(ref _w1[j]), Vector512.LoadUnsafe(ref _b1[j])), Vector512<float>.Zero);
                total = Vector512.FusedMultiplyAdd(h, Vector512.LoadUnsafe(ref _w2[j]), total);
            }
            float e = Vector512.Sum(total) + _b2 - _target[i];
            loss += e * e;
            sum += _error[i] = 2 * e / _batch;
        }
        for (int j = 0; j < _w1.Length; j += 16) Column(j);
        _b2 -= Rate * sum;
        return loss / _batch;
    }

    private void Column(int j)
    {
        Vector512<float> w1 = Vector512.LoadUnsafe(ref _w1[j]), b1 = Vector512.LoadUnsafe(ref _b1[j]), w2 = Vector512.LoadUnsafe(ref _w2[j]);
        Vector512<float> g1 = Vector512<float>.Zero, gb = g1, g2 = g1;
        for (int i = 0; i < _batch; i++)
        {
            Vector512<float> x = Vector512.Create(_x[i]), e = Vector512.Create(_error[i]), z = Vector512.FusedMultiplyAdd(x, w1, b1);
            Vector512<float> active = Vector512.GreaterThan(z, Vector512<float>.Zero) & e;
            g2 = Vector512.FusedMultiplyAdd(active, z, g2);
            gb += active;
            g1 = Vector512.FusedMultiplyAdd(active, x, g1);
        }
        Vector512<float> rate = Vector512.Create(Rate);
        (w1 - rate * (g1 * w2)).StoreUnsafe(ref _w1[j]);
        (b1 - rate * (gb * w2)).StoreUnsafe(ref _b1[j]);
        (w2 - rate * g2).StoreUnsafe(ref _w2[j]);
    }

    private static float[] Waves(int count, double phase, double scale, int padded)
    {
        var values = new float[padded];
        for (int i = 0; i < count; i++) values[i] = (float)(Math.Sin(phase + 1.7 * (i + 1)) * scale);
        return values;
    }
}
