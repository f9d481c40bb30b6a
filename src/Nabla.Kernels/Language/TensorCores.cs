using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>How a tile lies in shared memory: lines (rows of a, columns of b) of 64 bytes of depth.</summary>
internal interface ITensorTile;

/// <summary>The depths of a line are neighbours: for operands whose dense axis is the depth.</summary>
internal readonly struct DeepTile : ITensorTile;

/// <summary>The lines of a depth are neighbours: for operands whose dense axis is along the lines.</summary>
internal readonly struct WideTile : ITensorTile;

/// <summary>What the kernel for tensor cores and its arithmetics agree on.</summary>
internal static class TensorCores
{
    /// <summary>Bytes of each line that are multiplied between two barriers.</summary>
    public const int DepthBytes = 64;

    /// <summary>Depth of a tile: 16 in f32, 8 in f64.</summary>
    public static int Depth<T>() where T : unmanaged => DepthBytes / Unsafe.SizeOf<T>();

    /// <summary>
    /// Place of an element in its tile, which has <paramref name="wide"/> lines if it is a <see cref="WideTile"/>; 0: it is a <see cref="DeepTile"/>. Fours of neighbours stay together, but change places
    /// with each other so that tiles need no padding: the 8 lines by 4 depths that a warp reads at once (f64: the 4 by 4 that half of it reads) lie in different banks, whichever axis is the dense one.
    /// </summary>
    public static int Place<T>(int wide, int line, int depth) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return wide == 0 ? line * 16 + (depth ^ line / 2 % 4 * 4) : depth * wide + (line ^ depth % 4 * 8);
        return wide == 0 ? line * 8 + (depth ^ line / 2 % 2 * 4) : depth * wide + (line ^ depth % 4 * 4);
    }

    /// <summary>Row of the warp's part in which the work-item's row i lies, as <c>mma.sync</c> has it: two for each 16.</summary>
    public static int Row(int i) => i / 2 * 16 + i % 2 * 8 + Group.IdxX % 32 / 4;

    /// <summary>Column of the warp's part in which the work-item's column j lies: two for each 8.</summary>
    public static int Column(int j) => j / 2 * 8 + Group.IdxX % 4 * 2 + j % 2;

    /// <summary>Place of row i and column j among the sums of a work-item, where <paramref name="eights"/> is the number of eights of columns.</summary>
    public static int Sum(int i, int j, int eights) => (i / 2 * eights + j / 2) * 4 + i % 2 * 2 + j % 2;

    /// <summary>x with 10 bits of fraction instead of 23: to nearest, ties away from zero, as the instruction <c>cvt.rna.tf32.f32</c> does.</summary>
    public static float ToTf32(float x) => float.IsNaN(x) ? x : BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x1000u) & 0xFFFFE000u);

    /// <summary>What <see cref="ToTf32"/> leaves, as TF32 in its turn; NaN for infinities.</summary>
    public static float Rest(float x) => ToTf32(x - ToTf32(x));

    /// <summary>x with 7 bits of fraction: to nearest, ties to even, as <c>cvt.rn.bf16x2.f32</c> does.</summary>
    public static float ToBf16(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        return float.IsNaN(x) ? x : BitConverter.UInt32BitsToSingle((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u);
    }
}

/// <summary>An arithmetic of tensor cores.</summary>
/// <typeparam name="T">The element type of operands and sums.</typeparam>
internal interface ITensorMath<T> where T : unmanaged
{
    /// <summary>
    /// The work of a warp on a pair of tiles: <paramref name="sixteens"/> · 16 lines of a by <paramref name="eights"/> · 8 lines of b, both constants, over the whole depth. a and b are the places of their
    /// first lines, whose numbers are multiples of 32; the tiles have <paramref name="wideA"/> and <paramref name="wideB"/> lines, 0 for a <see cref="DeepTile"/>. Each work-item adds to its own sums.
    /// </summary>
    /// <remarks>
    /// In these bodies every work-item reads for itself what its sums need. On CUDA the 32 of a warp come here together, share out the operands and issue <c>mma.sync</c>
    /// (<see cref="TensorPrelude"/>), whose layout of results is that of <see cref="TensorCores.Row"/> and <see cref="TensorCores.Column"/>.
    /// </remarks>
    static abstract void Multiply(ArrayView<T> tiles, int a, int wideA, int b, int wideB, int sixteens, int eights, ArrayView<T> sum);
}

/// <summary>f32 operands rounded to TF32; a product of two is exact in f32, and sums are in f32.</summary>
internal readonly struct TensorTf32 : ITensorMath<float>
{
    [Intrinsic(Cuda = "nabla_tensor_tf32<{5}, {6}>({0} + {1}, {2}, {0} + {3}, {4}, {7})")]
    public static void Multiply(ArrayView<float> tiles, int a, int wideA, int b, int wideB, int sixteens, int eights, ArrayView<float> sum)
    {
        int depth = TensorCores.Depth<float>();
        for (int p = 0; p < depth; p++)
        {
            for (int i = 0; i < 2 * sixteens; i++)
            {
                float x = TensorCores.ToTf32(tiles[a + TensorCores.Place<float>(wideA, TensorCores.Row(i), p)]);
                for (int j = 0; j < 2 * eights; j++)
                {
                    float y = TensorCores.ToTf32(tiles[b + TensorCores.Place<float>(wideB, TensorCores.Column(j), p)]);
                    sum[TensorCores.Sum(i, j, eights)] = MathF.FusedMultiplyAdd(x, y, sum[TensorCores.Sum(i, j, eights)]);
                }
            }
        }
    }
}

/// <summary>
/// f32 operands as sums of two TF32 numbers, x = x₁ + x₂ but for 2⁻²³·x: x₂·y₁ + x₁·y₂, then x₁·y₁; x₂·y₂ would not change the result. The sums of a tile start at 0 and are added in f32, since
/// tensor cores round towards zero, which over a long depth would be seen.
/// </summary>
internal readonly struct TensorTf32Split : ITensorMath<float>
{
    [Intrinsic(Cuda = "nabla_tensor_tf32_split<{5}, {6}>({0} + {1}, {2}, {0} + {3}, {4}, {7})")]
    public static void Multiply(ArrayView<float> tiles, int a, int wideA, int b, int wideB, int sixteens, int eights, ArrayView<float> sum)
    {
        int depth = TensorCores.Depth<float>();
        for (int i = 0; i < 2 * sixteens; i++)
        {
            for (int j = 0; j < 2 * eights; j++)
            {
                float part = 0;
                for (int p = 0; p < depth; p++)
                {
                    float x = tiles[a + TensorCores.Place<float>(wideA, TensorCores.Row(i), p)], y = tiles[b + TensorCores.Place<float>(wideB, TensorCores.Column(j), p)];
                    part = MathF.FusedMultiplyAdd(TensorCores.Rest(x), TensorCores.ToTf32(y), part);
                    part = MathF.FusedMultiplyAdd(TensorCores.ToTf32(x), TensorCores.Rest(y), part);
                }
                for (int p = 0; p < depth; p++)
                {
                    float x = tiles[a + TensorCores.Place<float>(wideA, TensorCores.Row(i), p)], y = tiles[b + TensorCores.Place<float>(wideB, TensorCores.Column(j), p)];
                    part = MathF.FusedMultiplyAdd(TensorCores.ToTf32(x), TensorCores.ToTf32(y), part);
                }
                sum[TensorCores.Sum(i, j, eights)] += part;
            }
        }
    }
}

/// <summary>f32 operands rounded to bf16; a product of two is exact in f32, and sums are in f32.</summary>
internal readonly struct TensorBf16 : ITensorMath<float>
{
    [Intrinsic(Cuda = "nabla_tensor_bf16<{5}, {6}>({0} + {1}, {2}, {0} + {3}, {4}, {7})")]
    public static void Multiply(ArrayView<float> tiles, int a, int wideA, int b, int wideB, int sixteens, int eights, ArrayView<float> sum)
    {
        int depth = TensorCores.Depth<float>();
        for (int p = 0; p < depth; p++)
        {
            for (int i = 0; i < 2 * sixteens; i++)
            {
                float x = TensorCores.ToBf16(tiles[a + TensorCores.Place<float>(wideA, TensorCores.Row(i), p)]);
                for (int j = 0; j < 2 * eights; j++)
                {
                    float y = TensorCores.ToBf16(tiles[b + TensorCores.Place<float>(wideB, TensorCores.Column(j), p)]);
                    sum[TensorCores.Sum(i, j, eights)] = MathF.FusedMultiplyAdd(x, y, sum[TensorCores.Sum(i, j, eights)]);
                }
            }
        }
    }
}

/// <summary>f64, rounded as multiply-adds are; the order of the terms of a tile is the hardware's.</summary>
internal readonly struct TensorF64 : ITensorMath<double>
{
    [Intrinsic(Cuda = "nabla_tensor_f64<{5}, {6}>({0} + {1}, {2}, {0} + {3}, {4}, {7})")]
    public static void Multiply(ArrayView<double> tiles, int a, int wideA, int b, int wideB, int sixteens, int eights, ArrayView<double> sum)
    {
        int depth = TensorCores.Depth<double>();
        for (int p = 0; p < depth; p++)
        {
            for (int i = 0; i < 2 * sixteens; i++)
            {
                double x = tiles[a + TensorCores.Place<double>(wideA, TensorCores.Row(i), p)];
                for (int j = 0; j < 2 * eights; j++)
                    sum[TensorCores.Sum(i, j, eights)] = Math.FusedMultiplyAdd(x, tiles[b + TensorCores.Place<double>(wideB, TensorCores.Column(j), p)], sum[TensorCores.Sum(i, j, eights)]);
            }
        }
    }
}
