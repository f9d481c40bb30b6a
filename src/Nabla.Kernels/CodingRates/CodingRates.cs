using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Log-det coding rates of labelled samples and their gradients, batched over the leading axes.</summary>
public static unsafe class CodingRates
{
    /// <summary>
    /// The sum of rates that <paramref name="form"/> describes, and its gradient with respect to the features. Shape: features <c>[batch..., n, d]</c>,
    /// one sample a row, labels i32 <c>[batch..., n]</c>, any strides → value <c>[batch...]</c>, gradient shaped like the features, both contiguous. f32 and
    /// f64. Classes without samples, and everything where n or d is 0, count nothing.
    /// </summary>
    /// <remarks>
    /// A class is factored as I + αYᵀY (d×d) or I + αYYᵀ (n_j×n_j): in f32 the smaller, since the larger one, which has the eigenvalue 1 for certain, loses the
    /// digits that the ratio of its eigenvalues takes; in f64 the cheaper. The Gram matrix of all samples is the sum of those of the classes, and E and C_j are
    /// one matrix, so there is one product a class. About 3nd² + (k + 1)d³ flops where all n_j ≥ d; 2nd² + kd³/3 less without gradient.
    /// Bits depend on shapes, strides and labels alone. Source: Yu et al., arXiv:2006.08558, §2; Chan et al., arXiv:2105.10446, §3.1.
    /// </remarks>
    /// <exception cref="NumericException">NB0680: a label outside [0, k); NB0681: a feature that is not finite; NB0682: overflow.</exception>
    public static void Run(DenseTensor features, DenseTensor? labels, in RateForm form, DenseTensor value, DenseTensor? gradient)
    {
        if (value.Device is Accelerator)
        {
            RateForm copy = form;
            NumericException Found(long entry) => Cause(features.OnHost(), labels?.OnHost(), copy, entry);
            if (features.DType == DType.F32) DeviceRates.Run<float>(features, labels, form, value, gradient, Found);
            else DeviceRates.Run<double>(features, labels, form, value, gradient, Found);
            return;
        }
        long failure = long.MaxValue;
        if (features.DType == DType.F32) RunAll<float>(features, labels, form, value, gradient, &failure);
        else RunAll<double>(features, labels, form, value, gradient, &failure);
        if (failure != long.MaxValue) throw Cause(features, labels, form, failure);
    }

    private static void RunAll<T>(DenseTensor features, DenseTensor? labels, in RateForm form, DenseTensor value, DenseTensor? gradient, long* failure)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int n, int d) = (features.Shape.Dims[^2], features.Shape.Dims[^1]);
        double side = Math.Min(n, d);
        long entries = value.Shape.Count, work = (long)Math.Min(1e15, 1 + 1.5 * n * d * side + 0.5 * side * side * side * (form.Classes + 1));
        long perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new EntriesJob<T>(features, labels, form, value, gradient, entries, perPart, failure);
        Linalg.RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct EntriesJob<T>(
        DenseTensor features, DenseTensor? labels, RateForm form, DenseTensor value, DenseTensor? gradient, long entries, long perPart, long* failure) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++)
            {
                MatrixView<T> rows = MatrixView<T>.Of(features, entry);
                int* classes = labels is null ? null : LabelsOf(labels, entry);
                T* slope = gradient is null ? null : gradient.Pointer<T>() + entry * rows.Rows * rows.Columns;
                var problem = new RateProblem<T>(rows, classes, labels is null ? 0 : (nint)labels.Layout.Strides[^1], form, slope);
                if (problem.Run(out T result)) value.Pointer<T>()[entry] = result;
                else Linalg.Report(failure, entry);
            }
        }
    }

    /// <summary>The labels of an entry.</summary>
    internal static int* LabelsOf(DenseTensor labels, long entry)
    {
        ReadOnlySpan<int> dims = labels.Shape.Dims;
        int* address = labels.Pointer<int>();
        for (int axis = dims.Length - 2; axis >= 0; axis--)
        {
            (entry, long index) = Math.DivRem(entry, dims[axis]);
            address += index * labels.Layout.Strides[axis];
        }
        return address;
    }

    // Looked for only when something has failed.
    private static NumericException Cause(DenseTensor features, DenseTensor? labels, in RateForm form, long entry)
    {
        (int n, int d) = (features.Shape.Dims[^2], features.Shape.Dims[^1]);
        for (int i = 0; labels is not null && i < n; i++)
            if ((uint)LabelsOf(labels, entry)[i * labels.Layout.Strides[^1]] is var label && label >= form.Classes)
                return KernelErrors.RateLabel(labels.Aval, entry * n + i, (int)label, form.Classes);
        for (int i = 0; i < n; i++)
            for (int c = 0; c < d; c++)
            {
                double x = features.DType == DType.F32 ? MatrixView<float>.Of(features, entry)[i, c] : MatrixView<double>.Of(features, entry)[i, c];
                if (!double.IsFinite(x)) return KernelErrors.RateFeatures(features.Aval, i, c, x);
            }
        return KernelErrors.RateOverflow(features.Aval, form.EpsilonSquared);
    }
}
