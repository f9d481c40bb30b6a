using System.Text.RegularExpressions;

namespace Nabla.Tests.Generator;

/// <summary>The OpenCL C and CUDA C of small kernels, compared with the reviewed files Verified/Kernel*.txt.</summary>
public sealed class TranslationTests
{
    public static TheoryData<string, string> Kernels => new()
    {
        { "Elementwise", """
            struct Steps
            {
                public int Start, Step;
                public bool Reversed;

                public static int At(int i, Steps steps) => steps.Reversed ? steps.Start - i * steps.Step : steps.Start + i * steps.Step;

                public int Last(int count) => Start + (count - 1) * Step;
            }

            static partial class Kernels
            {
                private const float Scale = 0.5f;
                private static readonly int Offset = 3;

                [Kernel(256)]
                static void Scaled(ArrayView<float> x, Steps steps, ArrayView<bool> mask, ArrayView<float> y, bool negate)
                {
                    int i = Grid.IdxX * Group.DimX + Group.IdxX;
                    if (i >= y.IntLength || i > steps.Last(y.IntLength)) return;
                    float v = x[Steps.At(i, steps)];
                    y[i] = mask[i] ? Scale * MathF.Tanh(v) : negate ? -v : v + Offset;
                    mask[i] = !float.IsNaN(v);
                }
            }
            """ },
        { "Shared", """
            static partial class Kernels
            {
                [Kernel(8, 4)]
                static void Transpose(ArrayView<float> x, ArrayView<float> y, int rows, int columns)
                {
                    var tile = SharedMemory.Allocate<float>(8 * 4);
                    int row = Grid.IdxY * Group.DimY + Group.IdxY, column = Grid.IdxX * Group.DimX + Group.IdxX;
                    if (row < rows && column < columns) tile[Group.LinearIndex] = x[row * columns + column];
                    Group.Barrier();
                    if (row < rows && column < columns) y[column * rows + row] = tile[Group.IdxY * 8 + Group.IdxX];
                }
            }
            """ },
        { "Operation", """
            static partial class Kernels
            {
                [Kernel(64), Instances(typeof(float), typeof(int))]
                static void Fold<TOp, T>(ArrayView<T> x, ArrayView<T> y) where TOp : struct, INumericBinaryOp<TOp> where T : unmanaged, INumber<T>
                {
                    T sum = T.Zero, least = T.One;
                    for (int i = 0; i < x.IntLength; i++)
                    {
                        sum = TOp.OnDevice(sum, x[i]);
                        least = T.Min(least, x[i] * x[i] - T.One);
                        sum += least;
                    }
                    if (typeof(T) == typeof(float)) y[0] = -sum;
                    else y[0] = sum;
                }
            }
            """ },
        { "Views", """
            static partial class Kernels
            {
                static float Sum(ArrayView<float> part, int from = 0)
                {
                    float sum = 0;
                    for (int i = from; i < part.IntLength; i++) sum += part[i];
                    return sum;
                }

                static float Sum(float a, float b) => a + b;

                [Kernel(32)]
                static void Sums(ArrayView<float> x, ArrayView<float> y)
                {
                    var shared = SharedMemory.Allocate<float>(32);
                    var local = LocalMemory.Allocate<float>(4);
                    shared[Group.IdxX] = x[Group.IdxX];
                    for (int i = 0; i < 4; i++) local[i] = i;
                    Group.Barrier();
                    var part = x.SubView(Group.IdxX).SubView(1, 2);
                    y[Group.IdxX] = Sum(Sum(part), Sum(from: 2, part: shared) + Sum(local.SubView(1)));
                }
            }
            """ },
        { "Atomics", """
            static partial class Kernels
            {
                [Kernel(64)]
                static void Histogram(ArrayView<uint> x, ArrayView<int> counts, ArrayView<float> sums, ArrayView<double> totals)
                {
                    var mine = SharedMemory.Allocate<int>(16);
                    if (Group.IdxX < 16) mine[Group.IdxX] = 0;
                    Group.Barrier();
                    uint v = x[Grid.GlobalLinearIndex];
                    Atomic.Add(ref mine[(int)(v & 15)], 1);
                    Group.Barrier();
                    if (Group.IdxX < 16) Atomic.Max(ref counts[Group.IdxX], mine[Group.IdxX]);
                    Atomic.Add(ref sums[0], v);
                    Atomic.Add(ref totals[0], v);
                    Atomic.CompareExchange(ref counts[16], 0, (int)v);
                }
            }
            """ },
        { "Constants", """
            static partial class Kernels
            {
                [Kernel(1)]
                static void Fill(ArrayView<float> f, ArrayView<double> d, ArrayView<long> l, ArrayView<uint> u)
                {
                    const int Size = 3;
                    f[0] = float.MaxValue; f[1] = -0f; f[2] = float.NaN; f[3] = float.NegativeInfinity; f[4] = 1e-45f; f[5] = MathF.PI; f[6] = Size;
                    d[0] = double.Epsilon; d[1] = Math.E; d[2] = double.NaN; d[3] = 0.1; d[4] = 0.1f;
                    l[0] = long.MinValue; l[1] = long.MaxValue; l[2] = int.MinValue; l[3] = 'a';
                    u[0] = uint.MaxValue; u[1] = unchecked((uint)-1); u[2] = 0x80000000;
                }
            }
            """ },
        { "Loops", """
            static partial class Kernels
            {
                [Kernel(64)]
                static void Polynomial(ArrayView<float> x, ArrayView<float> y, int n)
                {
                    var c = LocalMemory.Allocate<float>(8);
                    for (int i = 0; i < 8; i++) c[i] = 1f / (i + 1);
                    int k = 0;
                    do
                    {
                        float v = 0;
                        for (int i = 7; i >= 0; i--) v = v * x[k] + c[i];
                        while (v > 1)
                        {
                            v *= 0.5f;
                            if (v < 1e-3f) break;
                            else if (v > 1e3f) continue;
                            else v -= 1;
                        }
                        y[k] = v;
                        k++;
                    } while (k < n);
                }
            }
            """ },
        { "Vectors", """
            static partial class Kernels
            {
                [Kernel(1)]
                static void Scale(ArrayView<float> x, ArrayView<float> y, int n)
                {
                    var row = LocalMemory.Allocate<float>(32);
                    Vectors.Move4(x, 4 * Grid.IdxX, row, 0);
                    Vectors.Move4(x.SubView(n), n + 4, row, 4);
                    for (int j = 0; j < Vectors.Lanes(32); j++) row[j] = row[j] * 2;
                    for (int j = 0; j < Vectors.Lanes(4); j++) y[n + j] = row[j];
                }
            }
            """ },
        { "Sizes", """
            interface ISize
            {
                static abstract int Rows { get; }
            }

            readonly struct Three : ISize
            {
                public static int Rows => 3;
            }

            static partial class Kernels
            {
                static int Elements<T, TSize>() where T : unmanaged where TSize : struct, ISize => (TSize.Rows + 1) * 64 / System.Runtime.CompilerServices.Unsafe.SizeOf<T>();

                static int Groups<T, TSize>() where T : unmanaged where TSize : struct, ISize => Math.Min(TSize.Rows - 1, 5);

                [Kernel(32, AtOnce = nameof(Groups)), Instances(typeof(double)), Instances(typeof(Three))]
                static void Copy<T, TSize>(ArrayView<T> x, ArrayView<T> y) where T : unmanaged where TSize : struct, ISize
                {
                    var tile = SharedMemory.Allocate<T>(Elements<T, TSize>());
                    AsyncCopy.One(x, Grid.IdxX, tile, Group.IdxX, Group.IdxX < TSize.Rows);
                    AsyncCopy.Four(x, 4 * Grid.IdxX, tile, 4, TSize.Rows);
                    AsyncCopy.Commit();
                    AsyncCopy.Wait(TSize.Rows - 3);
                    Group.Barrier();
                    for (int i = 0; i < TSize.Rows % 2 + 3; i++) y[i] = tile[Elements<T, TSize>() - 1 - i];
                }
            }
            """ },
        { "Doubles", """
            static partial class Kernels
            {
                [Kernel(64), Instances(typeof(float), typeof(double))]
                static void Logistic<T>(ArrayView<T> x, ArrayView<T> y) where T : unmanaged, IFloatingPointIeee754<T>
                {
                    int i = Grid.GlobalLinearIndex;
                    if (i < y.IntLength) y[i] = T.One / (T.One + T.Exp(-x[i])) + T.CreateTruncating(0.25) * T.Pi;
                }
            }
            """ },
        { "Integers", """
            static partial class Kernels
            {
                static int Hash(int h, int v) => unchecked(h * 31 + v);

                [Kernel(64), Instances(typeof(int), typeof(long))]
                static void Mix<T>(ArrayView<T> x, ArrayView<T> y, int shift, uint u, float f) where T : unmanaged, INumber<T>
                {
                    T v = x[0];
                    v += x[1];
                    v *= v - x[2];
                    y[0] = -v;
                    int h = Hash(shift, 7);
                    h <<= shift;
                    h >>= 33;
                    long wide = h + u;
                    if (h < u) wide = h >>> shift;
                    byte small = (byte)f;
                    y[1] = T.CreateTruncating(wide + small + (int)f + (long)(uint)f);
                }
            }
            """ },
        // Types that belong together, sizes that depend on them, and an instruction behind an operation.
        { "Choices", """
            interface IPair<T> where T : unmanaged { static abstract T Both(ArrayView<T> x, int at); }

            readonly struct Sum : IPair<float>
            {
                [Intrinsic(Cuda = "sum_of({0} + {1})")]
                public static float Both(ArrayView<float> x, int at) => x[at] + x[at + 1];
            }

            readonly struct Product : IPair<double>
            {
                public static double Both(ArrayView<double> x, int at) => x[at] * x[at + 1];
            }

            static partial class Kernels
            {
                [Kernel(8), Instances(typeof(float), typeof(double)), Instances(typeof(Sum), typeof(Product))]
                static void Pairs<T, TPair>(ArrayView<T> x) where T : unmanaged where TPair : struct, IPair<T>
                {
                    var own = LocalMemory.Allocate<T>(typeof(T) == typeof(float) ? 4 : 2);
                    own[0] = TPair.Both(x, Group.IdxX);
                    x[Group.IdxX] = own[0];
                }
            }
            """ },
        { "Names", """
            static partial class Kernels
            {
                static float Half(float half, float @long) => half * @long;

                [Kernel(64)]
                static void Keep(ArrayView<float> σ, ArrayView<float> global, float exp, float or, int @switch)
                {
                    float sqrt = MathF.Sqrt(exp), signed = MathF.Exp(sqrt);
                    global[@switch] = Half(or, signed) * σ[@switch];
                }
            }
            """ },
    };

    [Theory, MemberData(nameof(Kernels))]
    public async Task Kernels_translate_as_reviewed(string name, string source) =>
        Golden.Verify("Kernel" + name, await KernelSource.Translate("#nullable enable\nnamespace Samples;\n\n" + source));

    [Fact]
    public async Task The_kernel_of_the_page_translates()
    {
        Match code = Regex.Match(Repository.Read("docs/kernels.md"), "```csharp\n(.*?)```", RegexOptions.Singleline);
        string text = await KernelSource.Translate(code.Groups[1].Value);
        Assert.Contains("y[i] = a * x[i] + y[i];", text);
    }
}
