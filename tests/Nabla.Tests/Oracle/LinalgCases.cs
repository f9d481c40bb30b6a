using static Nabla.Tests.Oracle.OracleCase;

namespace Nabla.Tests.Oracle;

internal static class LinalgCases
{
    public static IEnumerable<OracleCase> All => [.. Factors, .. Functions, .. Fourier];

    private static OracleCase[] Factors =>
    [
        Of("linear algebra/cholesky", a => a.Cholesky()),
        Of("linear algebra/cholesky of a batch", a => a.Cholesky()),
        Many("linear algebra/cholesky of size 1 and 0", t => [t[0].Cholesky(), t[1].Cholesky()]),
        Of("linear algebra/log det of positive definite", a => a.LogDetPositiveDefinite()),
        Of("linear algebra/solve positive definite", (a, b) => a.SolvePositiveDefinite(b)),
        Of("linear algebra/triangular solve lower", (a, b) => a.SolveTriangular(b)),
        Of("linear algebra/triangular solve upper from the right", (a, b) => a.SolveTriangular(b, lower: false, leftSide: false)),
        Of("linear algebra/triangular solve transposed", (a, b) => a.SolveTriangular(b, transpose: true)),
        Of("linear algebra/triangular solve unit diagonal", (a, b) => a.SolveTriangular(b, unitDiagonal: true)),
        Of("linear algebra/solve", (a, b) => a.Solve(b)),
        Of("linear algebra/solve of a batch, broadcast", (a, b) => a.Solve(b)),
        Of("linear algebra/solve of a vector", (a, b) => a.Solve(b)),
        Many("linear algebra/solve and inverse of size 0", t => [t[0].Solve(t[1]), t[0].Inverse()]),
        Of("linear algebra/solve with condition 1e8", (a, b) => a.Solve(b)).Within(1e-7, "10·u·κ, κ = 1e8"),
        Of("linear algebra/inverse", a => a.Inverse()),
        Of("linear algebra/inverse with condition 1e8", a => a.Inverse()).Within(1e-7, "10·u·κ, κ = 1e8"),
        Many("linear algebra/slogdet", t => Both(t[0].SlogDet())),
        Many("linear algebra/slogdet of a tiny determinant", t => Both(t[0].SlogDet())),
        Many("linear algebra/slogdet of a singular matrix", t => Both(t[0].SlogDet())),
        Of("linear algebra/det", a => a.Det()),
        Many("linear algebra/qr tall", t => Both(t[0].Qr())),
        Many("linear algebra/qr square, batch", t => Both(t[0].Qr())),
        Many("linear algebra/qr with condition 1e8", t => Both(t[0].Qr())).Within(1e-7, "10·u·κ, κ = 1e8"),
    ];

    private static OracleCase[] Functions =>
    [
        Of("linear algebra/eigenvalues", a => a.EigenvaluesSymmetric()),
        Many("linear algebra/qr and eigenvalues of size 1", t => [.. Both(t[0].Qr()), t[1].EigenvaluesSymmetric()]),
        Of("linear algebra/eigenvalues of a batch", a => a.Eigh().Values),
        Of("linear algebra/tanh of a symmetric matrix by eigh", a => ByEigh(a, w => w.Tanh())),
        Of("linear algebra/projector by eigh", a => ByEigh(a, w => (w >= w.At(2)).To(DType.F64))),
        Of("linear algebra/square root of positive definite", a => a.SymmetricSqrt()),
        Of("linear algebra/singular values", a => a.SingularValues()),
        Of("linear algebra/singular values of a wide batch", a => a.Svd().S),
        Of("linear algebra/function of singular values by svd", BySvd),
        Of("linear algebra/function of singular values, wide", BySvd),
        Of("linear algebra/nuclear norm", a => a.NuclearNorm()),
        Of("linear algebra/spectral norm", a => a.SpectralNorm()),
        Of("linear algebra/condition number", a => a.ConditionNumber()),
        Of("linear algebra/rank", a => a.MatrixRank()),
        Of("linear algebra/pseudo-inverse tall", a => a.PseudoInverse()),
        Of("linear algebra/pseudo-inverse wide, batch", a => a.PseudoInverse()),
        Of("linear algebra/pseudo-inverse of rank 2", a => a.PseudoInverse(1e-10)),
        Of("linear algebra/least squares", (a, b) => a.LeastSquares(b)),
        Of("linear algebra/least squares by gels", (a, b) => a.LeastSquares(b)),
        Of("linear algebra/matrix exponential", a => a.MatrixExp()),
        Of("linear algebra/matrix exponential of norm 30", a => a.MatrixExp()),
        Of("linear algebra/matrix exponential of a nilpotent matrix", a => a.MatrixExp()),
        Of("linear algebra/matrix exponential of zero", a => a.MatrixExp()),
        Many("linear algebra/empty batches of factors", t => [t[0].Cholesky(), .. Both(t[1].Qr()), t[2].SingularValues()]),
        Many("linear algebra/empty batches of functions", t => [t[0].Inverse(), t[1].Det(), t[2].EigenvaluesSymmetric(), t[3].MatrixExp()]),
        Many("linear algebra/determinant of size 0", t => [.. Both(t[0].SlogDet()), t[0].Det()]),
        Of("linear algebra/singular values of no columns", a => a.SingularValues()),
        Of("linear algebra/det of a singular matrix", a => a.Det()),
        Of("linear algebra/pseudo-inverse of zero", a => a.PseudoInverse()),
        Of("linear algebra/pseudo-inverse of no rows", a => a.PseudoInverse()),
        Of("linear algebra/least squares of rank 2", (a, b) => a.LeastSquares(b, 1e-10)),
        Of("linear algebra/sum of squares of repeated eigenvalues", a => a.EigenvaluesSymmetric().Square().Sum()),
        Of("linear algebra/nuclear norm with repeated singular values", a => a.NuclearNorm()),
        Of("linear algebra/eigenvalues of a singular matrix", a => a.EigenvaluesSymmetric()),
        Of("linear algebra/matrix exponential of size 1", a => a.MatrixExp()),
        Of("linear algebra/solve after a row exchange", (a, b) => a.Solve(b)),
        Of("linear algebra/trace", a => a.Trace()),
    ];

    private static OracleCase[] Fourier =>
    [
        .. new[] { 1, 2, 8, 12, 7, 31, 101 }.Select(n => Many($"fourier/fft of {n}", t => Both(Ops.Fft(t[0], t[1])))),
        .. new[] { 8, 9, 37 }.Select(n => Many($"fourier/ifft of {n}", t => Both(Ops.Ifft(t[0], t[1])))),
        .. new[] { 1, 8, 9, 37 }.Select(n => Many($"fourier/rfft of {n}", t => Both(t[0].Rfft()))),
        .. new[] { 1, 8, 9, 37 }.Select(n => Of($"fourier/irfft to {n}", (a, b) => Ops.Irfft(a, b, n))),
        .. new[] { 2, 3 }.Select(n => Many($"fourier/rfft and back, {n}", t =>
        {
            (Tensor re, Tensor im) = t[0].Rfft();
            return [Ops.Irfft(re, im, n), re, im];
        })),
        Of("fourier/irfft to 2", (a, b) => Ops.Irfft(a, b, 2)),
        Many("fourier/fft of 1009", t => Both(Ops.Fft(t[0], t[1]))),
        Many("fourier/rfft of axis 1, forward", t => Both(t[0].Rfft(1, FourierNorm.Forward))),
        Of("fourier/irfft of axis 0, orthonormal", (a, b) => Ops.Irfft(a, b, 9, 0, FourierNorm.Ortho)),
        Many("fourier/fft of axis 0, orthonormal", t => Both(Ops.Fft(t[0], t[1], 0, FourierNorm.Ortho))),
        Many("fourier/fft2 of 6 by 5", t => Both(Ops.Fft2(t[0], t[1]))),
        Many("fourier/ifft2 of 4 by 7", t => Both(Ops.Ifft2(t[0], t[1]))),
        Many("fourier/rfft2 of 5 by 8", t => Both(t[0].Rfft2())),
        Of("fourier/irfft2 to 5 by 7", (a, b) => Ops.Irfft2(a, b, 7)),
        Of("fourier/shift of 6 by 5", a => a.FftShift()),
    ];

    /// <summary>f of a symmetric matrix: independent of the choice of eigenvectors.</summary>
    internal static Tensor ByEigh(Tensor a, Func<Tensor, Tensor> function)
    {
        (Tensor w, Tensor v) = a.Eigh();
        return (v * function(w).ExpandDims(-2)).MatMul(v.T);
    }

    /// <summary>U·diag(s·e⁻ˢ)·Vᵀ: independent of the choice of singular vectors.</summary>
    internal static Tensor BySvd(Tensor a)
    {
        (Tensor u, Tensor s, Tensor vt) = a.Svd();
        return (u * (s * (-s).Exp()).ExpandDims(-2)).MatMul(vt);
    }

    private static Tensor[] Both((Tensor First, Tensor Second) pair) => [pair.First, pair.Second];
}
