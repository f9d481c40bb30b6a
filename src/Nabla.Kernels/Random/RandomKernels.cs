using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Random numbers from Philox keys i32[K…, 2]. Each key draws its own stream: an output of shape [K…, D…] holds Π D elements per key.
/// Words 0–3 of block b of a stream are elements 4b … 4b + 3 (f64: two words each), so the numbers depend on the key
/// and the position alone: not on the shape, the length of the draw, the layout of the keys, or the number of threads.
/// </summary>
public static unsafe class RandomKernels
{
    /// <summary>Random 32-bit words. Shape: keys i32[K…, 2] → i32[K…, D…].</summary>
    public static void Bits(DenseTensor keys, DenseTensor y)
    {
        Debug.Assert(y.DType == DType.I32, "random bits: output");
        if (y.Device is Accelerator)
        {
            DeviceRandom.Bits(keys, y);
            return;
        }
        Draw<WordDraw, int>(keys, y);
    }

    /// <summary>
    /// Uniform in [0, 1): the upper 24 bits of a word times 2⁻²⁴ (f32), 53 bits of two words times 2⁻⁵³ (f64); exact. Shape: keys
    /// i32[K…, 2] → [K…, D…].
    /// </summary>
    /// <exception cref="DTypeException">NB0204: y is neither f32 nor f64.</exception>
    public static void Uniform(DenseTensor keys, DenseTensor y)
    {
        if (y.Device is Accelerator && y.DType.IsFloat)
        {
            DeviceRandom.Uniform(keys, y);
            return;
        }
        switch (y.DType)
        {
            case DType.F32: Draw<UniformDraw32, float>(keys, y); break;
            case DType.F64: Draw<UniformDraw64, double>(keys, y); break;
            default: throw KernelErrors.NoKernel("random_uniform", y.Aval);
        }
    }

    /// <summary>
    /// Standard normal: Φ⁻¹ at the midpoint of the uniform's cell, within 0.51 ulp (f32) or 4 ulp (f64) and always finite: |y| ≤ 5.42 (f32), 8.3 (f64).
    /// Shape: keys i32[K…, 2] → [K…, D…]. Source: Wichura 1988, algorithm AS 241.
    /// </summary>
    /// <exception cref="DTypeException">NB0204: y is neither f32 nor f64.</exception>
    public static void Normal(DenseTensor keys, DenseTensor y)
    {
        if (y.Device is Accelerator && y.DType.IsFloat)
        {
            DeviceRandom.Normal(keys, y);
            return;
        }
        switch (y.DType)
        {
            case DType.F32: Draw<NormalDraw32, float>(keys, y); break;
            case DType.F64: Draw<NormalDraw64, double>(keys, y); break;
            default: throw KernelErrors.NoKernel("random_normal", y.Aval);
        }
    }

    /// <summary>
    /// The key that belongs to a number under each key. Shape: keys i32[K…, 2], data i32 or i64 [K…] → i32[K…, 2]. An i32 counts as the i64 of
    /// the same value.
    /// </summary>
    public static void FoldIn(DenseTensor keys, DenseTensor data, DenseTensor newKeys)
    {
        if (data.Count == 0) return;
        if (newKeys.Device is Accelerator)
        {
            DeviceRandom.FoldIn(keys, data, newKeys);
            return;
        }
        var source = new KeySource(keys);
        int* target = newKeys.Pointer<int>();
        bool wide = data.DType == DType.I64;
        void* from = wide ? data.Pointer<long>() : data.Pointer<int>();
        var walk = new StridedWalk(data.Shape.Dims, data.Layout.Strides);
        walk.Seek(0, 0, out StridedWalk.Cursor cursor);
        for (long i = 0; i < data.Count; i++, walk.Advance(0, ref cursor))
        {
            (uint k0, uint k1) = source.Key(i);
            long number = wide ? ((long*)from)[cursor.Offset[0]] : ((int*)from)[cursor.Offset[0]];
            (k0, k1) = Philox.FoldIn(k0, k1, (ulong)number);
            (target[2 * i], target[2 * i + 1]) = ((int)k0, (int)k1);
        }
    }

    /// <summary>Children 0 … n − 1 of each key. Shape: keys i32[K…, 2] → i32[K…, n, 2].</summary>
    public static void Split(DenseTensor keys, DenseTensor y)
    {
        if (y.Device is Accelerator)
        {
            DeviceRandom.Split(keys, y);
            return;
        }
        var source = new KeySource(keys);
        long children = y.Shape.Dims[^2];
        int* target = y.Pointer<int>();
        for (long key = 0; key < source.Count; key++)
        {
            (uint k0, uint k1) = source.Key(key);
            for (long i = 0; i < children; i++, target += 2)
            {
                (uint c0, uint c1) = Philox.Split(k0, k1, (ulong)i);
                (target[0], target[1]) = ((int)c0, (int)c1);
            }
        }
    }

    /// <summary>
    /// A random order of 0 … n − 1 for each key. Shape: keys i32[K…, 2] → i32[K…, n]. The numbers are sorted by 64-bit random words, equal
    /// words by number, so each order is equally likely up to n²·2⁻⁶⁵. Cost: n log n comparisons.
    /// </summary>
    public static void Permutation(DenseTensor keys, DenseTensor y)
    {
        if (y.Device is Accelerator)
        {
            DeviceRandom.Permutation(keys, y);
            return;
        }
        var source = new KeySource(keys);
        int n = y.Shape.Dims[^1];
        if (n == 0) return;
        int blocks = (n + 1) / 2;
        ulong[] words = ArrayPool<ulong>.Shared.Rent(2 * blocks);
        for (long key = 0; key < source.Count; key++)
        {
            (uint k0, uint k1) = source.Key(key);
            fixed (ulong* to = words) PhiloxBlocks.Fill(k0, k1, 0, blocks, (uint*)to);
            var order = new Span<int>(y.Pointer<int>() + key * n, n);
            for (int i = 0; i < n; i++) order[i] = i;
            Span<ulong> sorted = words.AsSpan(0, n);
            sorted.Sort(order);
            SortTies(sorted, order);
        }
        ArrayPool<ulong>.Shared.Return(words);
    }

    private static void SortTies(ReadOnlySpan<ulong> sorted, Span<int> order)
    {
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i] != sorted[i - 1]) continue;
            int start = i - 1;
            while (i < sorted.Length && sorted[i] == sorted[start]) i++;
            order[start..i].Sort();
        }
    }

    private static void Draw<TDraw, T>(DenseTensor keys, DenseTensor y) where TDraw : struct, IDraw<T> where T : unmanaged
    {
        Debug.Assert(keys.DType == DType.I32 && keys.Shape.Dims[^1] == 2 && y.IsContiguous, "random: operands");
        if (y.Count == 0) return;
        var job = new DrawJob<TDraw, T>(new KeySource(keys), y.Pointer<T>(), y.Count);
        Workers.Run(ref job, job.Parts);
    }

    /// <summary>Keys in row-major order, from any layout.</summary>
    private readonly struct KeySource
    {
        private readonly StridedWalk _walk;
        private readonly int* _words;
        private readonly long _second;

        public KeySource(DenseTensor keys)
        {
            _walk = new StridedWalk(keys.Shape.Dims[..^1], keys.Layout.Strides[..^1]);
            _words = keys.Pointer<int>();
            _second = keys.Layout.Strides[^1];
        }

        public long Count => _walk.Count;

        public (uint K0, uint K1) Key(long index)
        {
            _walk.Seek(index, 0, out StridedWalk.Cursor cursor);
            int* words = _words + cursor.Offset[0];
            return ((uint)words[0], (uint)words[_second]);
        }
    }

    /// <summary>Turns words into numbers, <see cref="Batch"/> at a time; the caller uses as many as it needs.</summary>
    private interface IDraw<T> where T : unmanaged
    {
        static abstract int WordsPerElement { get; }

        static abstract void Convert(uint* words, T* target, int count);
    }

    /// <summary>Elements converted together: a multiple of every vector and block.</summary>
    private const int Batch = 256;

    // A part is a run of batches; a batch is (key, 256 elements of its stream). Whole batches are always computed, so that an
    // element's bits cannot depend on where the draw ends.
    private readonly struct DrawJob<TDraw, T> : IParallelJob where TDraw : struct, IDraw<T> where T : unmanaged
    {
        private const long BatchesPerPart = 32;

        private readonly KeySource _keys;
        private readonly T* _target;
        private readonly long _perKey, _batchesPerKey, _batches;

        public DrawJob(in KeySource keys, T* target, long count)
        {
            _keys = keys;
            _target = target;
            _perKey = count / keys.Count;
            _batchesPerKey = (_perKey + Batch - 1) / Batch;
            _batches = keys.Count * _batchesPerKey;
        }

        public int Parts => checked((int)((_batches + BatchesPerPart - 1) / BatchesPerPart));

        [SkipLocalsInit]
        public void Run(int part)
        {
            uint* words = stackalloc uint[Batch * TDraw.WordsPerElement];
            T* numbers = stackalloc T[Batch];
            int blocks = Batch * TDraw.WordsPerElement / 4;
            long end = Math.Min(_batches, (part + 1) * BatchesPerPart);
            for (long batch = part * BatchesPerPart; batch < end; batch++)
            {
                (long key, long index) = Math.DivRem(batch, _batchesPerKey);
                (uint k0, uint k1) = _keys.Key(key);
                int count = (int)Math.Min(Batch, _perKey - index * Batch);
                int needed = (count * TDraw.WordsPerElement + 3) / 4;
                PhiloxBlocks.Fill(k0, k1, (ulong)(index * blocks), needed, words);
                TDraw.Convert(words, numbers, count);
                new ReadOnlySpan<T>(numbers, count).CopyTo(new Span<T>(_target + key * _perKey + index * Batch, count));
            }
        }
    }

    private readonly struct WordDraw : IDraw<int>
    {
        public static int WordsPerElement => 1;

        public static void Convert(uint* words, int* target, int count) =>
            new ReadOnlySpan<int>(words, count).CopyTo(new Span<int>(target, count));
    }

    private readonly struct UniformDraw32 : IDraw<float>
    {
        public static int WordsPerElement => 1;

        public static void Convert(uint* words, float* target, int count)
        {
            for (int i = 0; i < count; i += 16)
                (Vector512.ConvertToSingle((Vector512.Load(words + i) >> 8).AsInt32()) * (1f / (1 << 24))).Store(target + i);
        }
    }

    private readonly struct UniformDraw64 : IDraw<double>
    {
        public static int WordsPerElement => 2;

        public static void Convert(uint* words, double* target, int count)
        {
            for (int i = 0; i < count; i += 8)
                (Vector512.ConvertToDouble(Bits53(words + 2 * i).AsInt64()) * (1.0 / (1L << 53))).Store(target + i);
        }
    }

    private readonly struct NormalDraw32 : IDraw<float>
    {
        public static int WordsPerElement => 1;

        public static void Convert(uint* words, float* target, int count)
        {
            for (int i = 0; i < count; i += 16) NormalQuantile.FromWords(Vector512.Load(words + i)).Store(target + i);
        }
    }

    private readonly struct NormalDraw64 : IDraw<double>
    {
        public static int WordsPerElement => 2;

        public static void Convert(uint* words, double* target, int count)
        {
            for (int i = 0; i < count; i += 8) NormalQuantile.FromBits(Bits53(words + 2 * i)).Store(target + i);
        }
    }

    // (high word << 21) ^ (low word >> 11) for eight pairs, low word first.
    private static Vector512<ulong> Bits53(uint* words)
    {
        Vector512<ulong> pairs = Vector512.Load(words).AsUInt64();
        return ((pairs >> 32) << 21) ^ ((pairs & Vector512.Create(0xFFFFFFFFUL)) >> 11);
    }
}
