using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using System.Text;

namespace Nabla.Kernels;

/// <summary>One tensor of a loop.</summary>
/// <param name="Use">What is done with it.</param>
/// <param name="Value">The number of the value stored or summed.</param>
/// <param name="IsBool">Its elements are truth values.</param>
/// <param name="OneColumn">A row of it is a single element.</param>
/// <param name="OneRow">All rows are the same.</param>
internal readonly record struct LoopPlace(FusedUse Use, int Value, bool IsBool, bool OneColumn, bool OneRow);

/// <summary>One operation of a loop on values; places that are read are values 0 …, results of operations follow.</summary>
public readonly record struct LoopOperation(LaneForm Form, int A, int B = -1, int C = -1);

/// <summary>
/// The text of a fused loop: element-wise operations in order, on rows of f32 or f64 (and masks), evaluated a vector at a time with every intermediate
/// value in registers. Translated once to machine code for each different text.
/// </summary>
/// <remarks>
/// Two forms. <see cref="RowCode"/> runs along one row. <see cref="BlockCode"/> runs over a block of rows, columns outermost, and sums over the rows in
/// registers: s = row₀, s ← s + row₁, …. A value is computed at the outermost level at which it is known: once, once a column, or once an element. The last,
/// incomplete vector is read and written in part, and what an element becomes does not depend on its position.
/// </remarks>
internal sealed unsafe class LoopText(DType element, IReadOnlyList<LoopPlace> places, IReadOnlyList<LoopOperation> operations)
{
    private static readonly ConcurrentDictionary<string, Delegate> Translated = new();

    /// <summary>Runs a row: addresses of the places, number of columns.</summary>
    public delegate void RowCode(nint* addresses, nint columns);

    /// <summary>Runs a block: addresses of the places in the first row, bytes between their rows, number of rows and of columns.</summary>
    public delegate void BlockCode(nint* addresses, nint* strides, nint rows, nint columns);

    /// <summary>Element type of all values but truth values.</summary>
    public DType Element => element;

    /// <summary>The tensors.</summary>
    public IReadOnlyList<LoopPlace> Places => places;

    /// <summary>The operations.</summary>
    public IReadOnlyList<LoopOperation> Operations => operations;

    /// <summary>Machine code for one row; there are no sums.</summary>
    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public RowCode ForRow() => (RowCode)Translated.GetOrAdd($"row {this}", _ => new LoopTranslation(this, blocks: false).Translate());

    /// <summary>Machine code for blocks of rows.</summary>
    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public BlockCode ForBlock() => (BlockCode)Translated.GetOrAdd($"block {this}", _ => new LoopTranslation(this, blocks: true).Translate());

    /// <summary>The text: equal for equal code.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(element.Name);
        foreach (LoopPlace p in places) text.Append($" {p.Use}{(p.Use == FusedUse.Load ? "" : p.Value)}{(p.IsBool ? "b" : "")}{(p.OneColumn ? "c" : "")}{(p.OneRow ? "r" : "")}");
        foreach (LoopOperation o in operations) text.Append($"; {o.Form} {o.A} {o.B} {o.C}");
        return text.ToString();
    }
}

/// <summary>Writes a <see cref="LoopText"/> as a method of the runtime's intermediate language, whose compiler gives the values registers.</summary>
[RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
internal sealed class LoopTranslation
{
    // When a value is known: before the loop, at a column, at an element.
    private const int Once = 0, PerColumn = 1, PerElement = 2;

    // Long functions that are written into a loop; more are called, and so are those of the incomplete vector.
    private const int MostLong = 4;

    private readonly LoopText _text;
    private readonly bool _blocks;
    private readonly Type _lanes, _element;
    private readonly int _width;
    private readonly DynamicMethod _method;
    private readonly ILGenerator _il;
    private readonly LocalBuilder _column, _left;
    private readonly LocalBuilder[] _address, _cursor, _value;
    private readonly int[] _level;

    public LoopTranslation(LoopText text, bool blocks)
    {
        (_text, _blocks) = (text, blocks);
        _element = text.Element == DType.F32 ? typeof(float) : typeof(double);
        Type family = Vector512.IsHardwareAccelerated ? typeof(Lanes512<>) : Vector256.IsHardwareAccelerated ? typeof(Lanes256<>) : typeof(Lanes128<>);
        _lanes = family.MakeGenericType(_element);
        _width = (Vector512.IsHardwareAccelerated ? 64 : Vector256.IsHardwareAccelerated ? 32 : 16) / text.Element.Size;
        Type pointer = typeof(nint).MakePointerType();
        Type[] arguments = blocks ? [pointer, pointer, typeof(nint), typeof(nint)] : [pointer, typeof(nint)];
        _method = new DynamicMethod(blocks ? "fused_block" : "fused_row", null, arguments, typeof(LoopText).Module, skipVisibility: true) { InitLocals = false };
        _il = _method.GetILGenerator();
        (_column, _left) = (_il.DeclareLocal(typeof(nint)), _il.DeclareLocal(typeof(int)));
        _address = Declare(text.Places.Count, typeof(nint));
        _cursor = Declare(blocks ? text.Places.Count : 0, typeof(nint));
        int loads = text.Places.Count(p => p.Use == FusedUse.Load);
        _value = Declare(loads + text.Operations.Count, _lanes);
        _level = new int[_value.Length];
        for (int i = 0; i < loads; i++)
        {
            LoopPlace place = text.Places[i];
            _level[i] = blocks && !place.OneRow ? PerElement : place.OneColumn ? Once : blocks ? PerColumn : PerElement;
        }
        for (int i = 0; i < text.Operations.Count; i++)
        {
            LoopOperation o = text.Operations[i];
            _level[loads + i] = new[] { o.A, o.B, o.C }.Where(v => v >= 0).Max(v => _level[v]);
        }
    }

    private int Loads => _value.Length - _text.Operations.Count;

    /// <summary>The machine code.</summary>
    public Delegate Translate()
    {
        for (int i = 0; i < _address.Length; i++) Set(_address[i], () => ElementOf(0, i));
        Values(Once, partial: false);
        Set(_column, () => { _il.Emit(OpCodes.Ldc_I4_0); _il.Emit(OpCodes.Conv_I); });
        WholeVectors();
        LastVector();
        _il.Emit(OpCodes.Ret);
        return _method.CreateDelegate(_blocks ? typeof(LoopText.BlockCode) : typeof(LoopText.RowCode));
    }

    // for (; column + width <= columns; column += width)
    private void WholeVectors()
    {
        Label body = _il.DefineLabel(), test = _il.DefineLabel();
        _il.Emit(OpCodes.Br, test);
        _il.MarkLabel(body);
        Column(partial: false);
        Set(_column, () => Sum(_column, _width));
        _il.MarkLabel(test);
        Sum(_column, _width);
        Columns();
        _il.Emit(OpCodes.Ble, body);
    }

    // if (column < columns), on what is left
    private void LastVector()
    {
        Label end = _il.DefineLabel();
        _il.Emit(OpCodes.Ldloc, _column);
        Columns();
        _il.Emit(OpCodes.Bge, end);
        Columns();
        _il.Emit(OpCodes.Ldloc, _column);
        _il.Emit(OpCodes.Sub);
        _il.Emit(OpCodes.Conv_I4);
        _il.Emit(OpCodes.Stloc, _left);
        Column(partial: true);
        _il.MarkLabel(end);
    }

    private void Column(bool partial)
    {
        if (_blocks) Block(partial);
        else
        {
            Values(PerElement, partial);
            Results(partial);
        }
    }

    // The rows of a block at one column.
    private void Block(bool partial)
    {
        Values(PerColumn, partial);
        LocalBuilder row = _il.DeclareLocal(typeof(nint));
        LocalBuilder[] sums = [.. Places(FusedUse.Sum).Select(_ => _il.DeclareLocal(_lanes))];
        foreach (LocalBuilder sum in sums) Set(sum, () => Call(nameof(LaneCalls.EmptySum)));
        for (int i = 0; i < _cursor.Length; i++) Set(_cursor[i], () => PlaceAt(_address[i], _text.Places[i]));
        Set(row, () => { _il.Emit(OpCodes.Ldc_I4_0); _il.Emit(OpCodes.Conv_I); });
        Label body = _il.DefineLabel(), test = _il.DefineLabel();
        _il.Emit(OpCodes.Br, test);
        _il.MarkLabel(body);
        Values(PerElement, partial);
        Results(partial);
        foreach ((int i, int place) in Places(FusedUse.Sum).Index())
            Set(sums[i], () => { Load(sums[i]); Load(_value[_text.Places[place].Value]); Call(nameof(LaneCalls.Add)); });
        for (int i = 0; i < _cursor.Length; i++)
            if (!_text.Places[i].OneRow && _text.Places[i].Use != FusedUse.Sum) Set(_cursor[i], () => { Load(_cursor[i]); ElementOf(1, i); _il.Emit(OpCodes.Add); });
        Set(row, () => Sum(row, 1));
        _il.MarkLabel(test);
        Load(row);
        _il.Emit(OpCodes.Ldarg_2);
        _il.Emit(OpCodes.Blt, body);
        foreach ((int i, int place) in Places(FusedUse.Sum).Index()) Put(sums[i], () => Load(_cursor[place]), isBool: false, partial);
    }

    // Loads and operations whose values become known at this level.
    private void Values(int level, bool partial)
    {
        for (int i = 0; i < _value.Length; i++)
        {
            if (_level[i] != level) continue;
            if (i < Loads) Set(_value[i], () => Get(i, partial));
            else Operate(_text.Operations[i - Loads], _value[i], partial);
        }
    }

    private void Get(int place, bool partial)
    {
        LoopPlace p = _text.Places[place];
        if (_blocks && _level[place] == PerElement) Load(_cursor[place]);
        else PlaceAt(_address[place], p);
        bool some = partial && !p.OneColumn;
        if (some) Load(_left);
        Call(p.OneColumn ? (p.IsBool ? nameof(LaneCalls.SpreadMask) : nameof(LaneCalls.Spread))
            : p.IsBool ? (some ? nameof(LaneCalls.LoadMaskSome) : nameof(LaneCalls.LoadMask))
            : some ? nameof(LaneCalls.LoadSome) : nameof(LaneCalls.Load));
    }

    private void Operate(in LoopOperation o, LocalBuilder result, bool partial)
    {
        if (o.Form.IsPower)
        {
            Power(_value[o.A], o.Form.Exponent, result);
            return;
        }
        foreach (int operand in new[] { o.A, o.B, o.C })
            if (operand >= 0) Load(_value[operand]);
        _il.Emit(OpCodes.Call, o.Form.MethodFor(_lanes, _element, called: partial || _text.Operations.Count(p => p.Form.IsLong) > MostLong));
        _il.Emit(OpCodes.Stloc, result);
    }

    // By squaring, in the order in which the kernel for whole tensors multiplies.
    private void Power(LocalBuilder x, int exponent, LocalBuilder result)
    {
        LocalBuilder square = _il.DeclareLocal(_lanes);
        Set(square, () => Load(x));
        Set(result, () => Call(nameof(LaneCalls.One)));
        for (ulong rest = (ulong)Math.Abs((long)exponent); ;)
        {
            if ((rest & 1) != 0) Set(result, () => { Load(result); Load(square); Call(nameof(LaneCalls.Multiply)); });
            if ((rest >>= 1) == 0) break;
            Set(square, () => { Load(square); Load(square); Call(nameof(LaneCalls.Multiply)); });
        }
        if (exponent < 0) Set(result, () => { Load(result); Call(nameof(LaneCalls.Invert)); });
    }

    private void Results(bool partial)
    {
        foreach (int i in Places(FusedUse.Store))
        {
            LoopPlace p = _text.Places[i];
            if (_blocks) Put(_value[p.Value], () => Load(_cursor[i]), p.IsBool, partial);
            else Put(_value[p.Value], () => PlaceAt(_address[i], p), p.IsBool, partial);
        }
    }

    private void Put(LocalBuilder value, Action address, bool isBool, bool partial)
    {
        Load(value);
        address();
        if (partial) Load(_left);
        Call(isBool ? (partial ? nameof(LaneCalls.StoreMaskSome) : nameof(LaneCalls.StoreMask)) : partial ? nameof(LaneCalls.StoreSome) : nameof(LaneCalls.Store));
    }

    private IEnumerable<int> Places(FusedUse use) => Enumerable.Range(0, _text.Places.Count).Where(i => _text.Places[i].Use == use);

    // The address of the current column.
    private void PlaceAt(LocalBuilder start, in LoopPlace place)
    {
        Load(start);
        if (place.OneColumn) return;
        Load(_column);
        if (!place.IsBool)
        {
            _il.Emit(OpCodes.Ldc_I4, _text.Element.Size);
            _il.Emit(OpCodes.Mul);
        }
        _il.Emit(OpCodes.Add);
    }

    // Element i of the array that is an argument.
    private void ElementOf(int argument, int i)
    {
        _il.Emit(OpCodes.Ldarg, argument);
        _il.Emit(OpCodes.Ldc_I4, i * nint.Size);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Ldind_I);
    }

    private void Columns() => _il.Emit(OpCodes.Ldarg, _blocks ? 3 : 1);

    private void Sum(LocalBuilder a, int b)
    {
        Load(a);
        _il.Emit(OpCodes.Ldc_I4, b);
        _il.Emit(OpCodes.Add);
    }

    private void Set(LocalBuilder target, Action value)
    {
        value();
        _il.Emit(OpCodes.Stloc, target);
    }

    private void Load(LocalBuilder local) => _il.Emit(OpCodes.Ldloc, local);

    private void Call(string method) => _il.Emit(OpCodes.Call, typeof(LaneCalls).GetMethod(method)!.MakeGenericMethod(_lanes, _element));

    private LocalBuilder[] Declare(int count, Type type) => [.. Enumerable.Range(0, count).Select(_ => _il.DeclareLocal(type))];
}
