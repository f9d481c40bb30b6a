using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>A binary operation or comparison (whose answer is a mask) that has a form for vectors of f32 or f64 of any width.</summary>
internal interface ILaneBinary
{
    static abstract TLanes Apply<TLanes, T>(TLanes a, TLanes b) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged;
}

/// <summary>
/// How an element-wise operation is written into a fused loop: as a static method on vectors of f32 or f64. Truth values are masks there.
/// </summary>
public readonly struct LaneForm
{
    private readonly string? _method;
    private readonly Type? _operation;

    private LaneForm(string method, Type? operation = null, WorkClass work = WorkClass.Light, int exponent = 0)
    {
        (_method, _operation, Work, Exponent) = (method, operation, work, exponent);
    }

    /// <summary>True if the operation cannot be part of a fused loop.</summary>
    public bool IsNone => _method is null;

    /// <summary>Cost of one element.</summary>
    public WorkClass Work { get; }

    /// <summary>The operation struct; null for selections, conversions and powers.</summary>
    internal Type? Operation => _operation;

    /// <summary>The exponent of an integer power.</summary>
    internal int Exponent { get; }

    /// <summary>True for an integer power, which is written as products.</summary>
    internal bool IsPower => _method == nameof(Power);

    /// <summary>condition ? a : b.</summary>
    public static LaneForm Select { get; } = new(nameof(LaneCalls.Select));

    /// <summary>1 where a mask is set, else 0.</summary>
    public static LaneForm FromBool { get; } = new(nameof(LaneCalls.FromBool));

    /// <summary>xⁿ by squaring.</summary>
    public static LaneForm Power(int exponent) => new(nameof(Power), null, WorkClass.Light, exponent);

    /// <summary>The form of an operation struct of one operand; none if it has none.</summary>
    public static LaneForm Unary<TOp>(WorkClass work = WorkClass.Light) where TOp : struct =>
        typeof(TOp).IsAssignableTo(typeof(ILaneFunction)) ? new(nameof(LaneCalls.Unary), typeof(TOp), work) : default;

    /// <summary>The form of an operation struct of two operands; none if it has none.</summary>
    public static LaneForm Binary<TOp>(WorkClass work = WorkClass.Light) where TOp : struct =>
        typeof(TOp).IsAssignableTo(typeof(ILaneBinary)) ? new(nameof(LaneCalls.Binary), typeof(TOp), work) : default;

    /// <summary>True for a function of so many instructions that writing it into a loop takes the compiler long.</summary>
    internal bool IsLong => _operation is not null && Work != WorkClass.Light;

    /// <summary>The method that computes it on vectors of type <paramref name="lanes"/>, to be written into the loop or called from it.</summary>
    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    internal MethodInfo MethodFor(Type lanes, Type element, bool called)
    {
        MethodInfo method = typeof(LaneCalls).GetMethod(called && IsLong ? "Called" + _method : _method!)!;
        return _operation is null ? method.MakeGenericMethod(lanes, element) : method.MakeGenericMethod(_operation, lanes, element);
    }

    /// <summary>Equal for equal code.</summary>
    public override string ToString() => $"{_method}:{_operation?.Name}{Exponent}";
}

/// <summary>What the text of fused loops calls.</summary>
internal static unsafe class LaneCalls
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Unary<TOp, TLanes, T>(TLanes x) where TOp : struct, ILaneFunction where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TOp.Apply<TLanes, T>(x);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static TLanes CalledUnary<TOp, TLanes, T>(TLanes x) where TOp : struct, ILaneFunction where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TOp.Apply<TLanes, T>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Binary<TOp, TLanes, T>(TLanes a, TLanes b) where TOp : struct, ILaneBinary where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TOp.Apply<TLanes, T>(a, b);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static TLanes CalledBinary<TOp, TLanes, T>(TLanes a, TLanes b) where TOp : struct, ILaneBinary where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TOp.Apply<TLanes, T>(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Select<TLanes, T>(TLanes condition, TLanes a, TLanes b) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.Select(condition, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes FromBool<TLanes, T>(TLanes mask) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        mask & TLanes.Create(Constants.One<T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Multiply<TLanes, T>(TLanes a, TLanes b) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Add<TLanes, T>(TLanes a, TLanes b) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Invert<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => TLanes.Create(Constants.One<T>()) / x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes One<TLanes, T>() where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => TLanes.Create(Constants.One<T>());

    /// <summary>−0, from which a sum of anything is that thing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes EmptySum<TLanes, T>() where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => TLanes.Create(Constants.Of<T>(-0f, -0.0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Spread<TLanes, T>(nint source) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => TLanes.Create(*(T*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes SpreadMask<TLanes, T>(nint source) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        *(byte*)source != 0 ? TLanes.Equal(default, default) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load<TLanes, T>(nint source) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => TLanes.Load((T*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes LoadSome<TLanes, T>(nint source, int count) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.LoadSome((T*)source, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes LoadMask<TLanes, T>(nint source) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => TLanes.LoadMask((byte*)source);

    public static TLanes LoadMaskSome<TLanes, T>(nint source, int count) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        byte* bytes = stackalloc byte[64];
        for (int i = 0; i < count; i++) bytes[i] = ((byte*)source)[i];
        return TLanes.LoadMask(bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes, T>(TLanes value, nint target) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => value.Store((T*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSome<TLanes, T>(TLanes value, nint target, int count) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        value.StoreSome((T*)target, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreMask<TLanes, T>(TLanes mask, nint target) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        mask.StoreMask((byte*)target);

    public static void StoreMaskSome<TLanes, T>(TLanes mask, nint target, int count) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        byte* bytes = stackalloc byte[64];
        mask.StoreMask(bytes);
        for (int i = 0; i < count; i++) ((byte*)target)[i] = bytes[i];
    }
}
