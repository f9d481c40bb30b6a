using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>Numbers of either element type; each call folds to one constant.</summary>
internal static class Constants
{
    /// <summary>2⁶⁰: lifts the smallest results of f32 functions into the range of normal numbers.</summary>
    public const float LargeF32 = 1L << 60;

    /// <summary>2⁵¹²: the same for f64.</summary>
    public const double LargeF64 = 1.3407807929942597e154;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of<T>(float single, double full) where T : unmanaged =>
        typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>(single) : Unsafe.BitCast<double, T>(full);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T One<T>() where T : unmanaged =>
        typeof(T) == typeof(int) ? Unsafe.BitCast<int, T>(1) :
        typeof(T) == typeof(long) ? Unsafe.BitCast<long, T>(1) : Of<T>(1, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MantissaBits<T>() where T : unmanaged => typeof(T) == typeof(float) ? 23 : 52;

    /// <summary>Keeps sign, exponent and the upper half of the mantissa, so that squares are exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T HighHalfMask<T>() where T : unmanaged => Of<T>(
        Unsafe.BitCast<uint, float>(0xFFFF_F000), Unsafe.BitCast<ulong, double>(0xFFFF_FFFF_F800_0000));

    /// <summary>The upper bits of log 2, few enough for exact products with exponents.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes LogTwoHigh<TLanes, T>() where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.Create(Of<T>(0.693359375f, 0.69314718036912382));

    /// <summary>log 2 less its upper bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes LogTwoLow<TLanes, T>() where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.Create(Of<T>(-2.12194440e-4f, 1.9082149292705877e-10));
}

/// <summary>Sign bits.</summary>
internal static class Signs
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        x & TLanes.Create(Constants.Of<T>(-0.0f, -0.0));
}

/// <summary>Polynomials by Horner's rule.</summary>
internal static class Polynomial
{
    private const int Unrolled = 10;

    /// <summary>Σ cᵢ xⁱ with the coefficients of the element type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Evaluate<TLanes, T>(TLanes x, ReadOnlySpan<float> single, ReadOnlySpan<double> full)
        where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        int last = (typeof(T) == typeof(float) ? single.Length : full.Length) - 1;
        TLanes sum = Coefficient(last, single, full);
        if (last > Unrolled)
        {
            for (int i = last - 1; i >= 0; i--) sum = TLanes.MulAdd(sum, x, Coefficient(i, single, full));
            return sum;
        }
        // Written out, because the compiler does not unroll the loop: a third of the time of an exponential.
        if (last > 9) sum = TLanes.MulAdd(sum, x, Coefficient(9, single, full));
        if (last > 8) sum = TLanes.MulAdd(sum, x, Coefficient(8, single, full));
        if (last > 7) sum = TLanes.MulAdd(sum, x, Coefficient(7, single, full));
        if (last > 6) sum = TLanes.MulAdd(sum, x, Coefficient(6, single, full));
        if (last > 5) sum = TLanes.MulAdd(sum, x, Coefficient(5, single, full));
        if (last > 4) sum = TLanes.MulAdd(sum, x, Coefficient(4, single, full));
        if (last > 3) sum = TLanes.MulAdd(sum, x, Coefficient(3, single, full));
        if (last > 2) sum = TLanes.MulAdd(sum, x, Coefficient(2, single, full));
        if (last > 1) sum = TLanes.MulAdd(sum, x, Coefficient(1, single, full));
        if (last > 0) sum = TLanes.MulAdd(sum, x, Coefficient(0, single, full));
        return sum;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static TLanes Coefficient(int i, ReadOnlySpan<float> single, ReadOnlySpan<double> full) => TLanes.Create(
            typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>(single[i]) : Unsafe.BitCast<double, T>(full[i]));
    }
}

/// <summary>
/// Coefficients, lowest power first: interpolation at Chebyshev points in 60-digit arithmetic, 18 digits. Absolute
/// errors are below 2⁻²⁷ (f32) and 2⁻⁵⁶ (f64).
/// </summary>
internal static class Tables
{
    public static ReadOnlySpan<float> ExpM1F32 =>
    [
        0.500000001428622342f, 0.166666666825343561f, 0.041666456809677876f, 0.00833331002422529243f,
        0.00139345419282702645f, 0.000198919813139776902f,
    ];

    public static ReadOnlySpan<double> ExpM1F64 =>
    [
        0.5, 0.166666666666666714, 0.0416666666666666701, 0.0083333333333255447, 0.00138888888888833267,
        0.000198412698768643549, 0.0000248015873270071867, 2.75572528335169097e-6, 2.75572718102197996e-7,
        2.51062747335732947e-8, 2.09154422977801152e-9,
    ];

    public static ReadOnlySpan<float> LogF32 =>
    [
        0.666666665451271322f, 0.400001294269562586f, 0.285499685913084694f, 0.233534276036511851f,
    ];

    public static ReadOnlySpan<double> LogF64 =>
    [
        0.666666666666666664, 0.400000000000010096, 0.285714285707232493, 0.222222224097501141, 0.181817937321117541,
        0.153863424496451443, 0.132660488122030022, 0.131148348695974985,
    ];

    public static ReadOnlySpan<float> ErfF32 =>
    [
        0.128379165848350946f, -0.37612626666720331f, 0.112835947151602177f, -0.0268542120106264124f,
        0.00518908742343397399f, -0.000801686428716586953f, 0.0000787587506268548834f,
    ];

    public static ReadOnlySpan<double> ErfF64 =>
    [
        0.128379167095512574, -0.376126389031837481, 0.112837916709548787, -0.0268661706450767932, 0.00522397762481801447,
        -0.000854832698083378991, 0.000120553311116427109, -0.0000149255952668311816, 1.6461000484121368e-6,
        -1.6350312701054695e-7, 1.46597752740474358e-8, -1.13728488567916737e-9, 5.9571761477489114e-11,
    ];

    public static ReadOnlySpan<float> ErfcF32 =>
    [
        1.25300805635144956f, -0.135621100058398025f, -0.0475621561463540767f, 0.129644720915388384f,
        -0.119275281368810085f, 0.068313196719563726f, -0.0237635597021720866f, 0.00250677867185983309f,
        0.0018750602458679729f, -0.000734082050393342362f, -0.0000925376912641456027f, 0.000080074549747762478f,
    ];

    public static ReadOnlySpan<double> ErfcF64 =>
    [
        1.25300805826972965, -0.135621106124581173, -0.047562294353450872, 0.12964515870276062, -0.119273663415306992,
        0.068308027343978475, -0.023770514918645887, 0.00252939181606623916, 0.00188869035915615522,
        -0.000779832272108399125, -0.000105159799815011777, 0.000125099352355631076, 4.94948499257059517e-6,
        -0.0000201005679312892281, -7.31510516415906191e-7, 3.47241460287568603e-6, 3.56838391539922046e-7,
        -6.16649607760435278e-7, -1.41600649402659861e-7, 1.01870006000728851e-7, 4.1807846988455822e-8,
        -1.3326364813003833e-8, -8.50039792977261535e-9, 9.88579883113936494e-10, 8.86421901642709202e-10,
    ];

    /// <summary>((2 atanh s)/s − 2)/z = ⅔ + z·Q(z), z = s²: Q, to 2⁻⁵⁸ (f64) and 2⁻²⁹ (f32) where s is a logarithm's.</summary>
    public static ReadOnlySpan<float> LogTailF32 =>
    [
        0.399999999049327368f, 0.285715318222563032f, 0.222047620925380623f, 0.191204548105003808f,
    ];

    public static ReadOnlySpan<double> LogTailF64 =>
    [
        0.399999999999999998, 0.285714285714293662, 0.222222222216558857, 0.181818183353928016, 0.153845949625184315,
        0.133348046938473103, 0.117062363394912066, 0.117231786238765173,
    ];

    /// <summary>(atan t − t)/t³ on [0, 1]: the coefficients of t⁰, t⁴, t⁸, …</summary>
    public static ReadOnlySpan<float> AtanEvenF32 =>
    [
        -0.333333330810732537f, -0.142840037947335303f, -0.089318267773813144f, -0.0489605140270906659f,
        -0.00914462976059239535f,
    ];

    public static ReadOnlySpan<double> AtanEvenF64 =>
    [
        -0.333333333333333333, -0.142857142857012333, -0.0909090906193527995, -0.0666665793457376784,
        -0.0526249222902567531, -0.0433065384306706625, -0.0352713310668712941, -0.0241913458101407186,
        -0.0104121532603592415, -0.0019612554271685326, -0.0000937118634505262543,
    ];

    /// <summary>The coefficients of t², t⁶, t¹⁰, …</summary>
    public static ReadOnlySpan<float> AtanOddF32 =>
    [
        0.199999493211418874f, 0.110882616287351587f, 0.0703191425002996594f, 0.0263050011100623766f,
        0.00148869193930475962f,
    ];

    public static ReadOnlySpan<double> AtanOddF64 =>
    [
        0.199999999999999193, 0.111111111102682973, 0.0769230707882702926, 0.0588226441677644883, 0.0475808008363782062,
        0.0393868754079863213, 0.0303307192657905066, 0.0171839817221133481, 0.00514091285674693872,
        0.000537683929739624472, 7.76762433028991855e-6,
    ];
}
