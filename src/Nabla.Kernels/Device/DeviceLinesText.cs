using System.Globalization;
using System.Text;

namespace Nabla.Kernels;

/// <summary>
/// The text of a <see cref="DeviceLines"/> in both languages. Names: <c>v</c> values, <c>w</c> values of elements that are kept from turn to turn, <c>l</c> and <c>o</c> fours on their way from and to memory,
/// <c>f</c> and <c>g</c> what sixteen fours fold to and what those do, <c>r</c> sums of exponentials that are scaled by the largest so far, <c>h</c> what they are made of.
/// </summary>
internal sealed class DeviceLinesText
{
    private const string Name = "nabla_lines";

    // Registers for kept values, and the most operations that stand in a text once they are written out for every element.
    private const int MostKept = 96, MostWritten = 8192;

    private readonly DType _element;
    private readonly string _number;
    private readonly LineTensor[] _tensors;
    private readonly LinePlan _plan;
    private readonly LineCut _cut;
    private readonly int[] _reads, _stored;
    private readonly int _mostFolds;
    private readonly bool _isProcessor, _keeps, _isLong;
    private readonly List<DeviceFunction> _functions = [ElementKernels.CopyParts.Steps, ElementKernels.CopyParts.Extents, ElementKernels.CopyParts.Steps_At];
    private readonly List<bool> _isTruth = [];
    private readonly string[] _expressions;
    private readonly StringBuilder _body = new();

    private DeviceLinesText(DType element, LineTensor[] tensors, LineStep[] steps, LineCut cut, bool isProcessor)
    {
        (_element, _tensors, _cut, _isProcessor, _isLong) = (element, tensors, cut, isProcessor, cut.Fours > LineCut.Run);
        _number = element == DType.F32 ? "float" : "double";
        _reads = [.. Enumerable.Range(0, tensors.Length).Where(i => tensors[i].Tensor.Use == FusedUse.Load)];
        _stored = [.. Enumerable.Range(0, tensors.Length).Where(i => tensors[i].Tensor.Use == FusedUse.Store && !tensors[i].IsOfLine)];
        _plan = new LinePlan([.. _reads.Select(i => tensors[i].IsOfLine)], steps, [.. _stored.Select(i => tensors[i].Tensor.Value)], scales: _isLong);
        _mostFolds = Enumerable.Range(0, _plan.Turns).Max(turn => _plan.FoldsAfter(turn).Length);
        _expressions = Expressions(steps);
        int registers = 4 * cut.Fours * (element == DType.F32 ? 1 : 2) * _plan.MostKept;
        _keeps = !_isLong && (isProcessor || (registers <= MostKept && steps.Length * 4 * cut.Fours <= MostWritten));
    }

    /// <summary>The program of a loop over lines; <paramref name="isProcessor"/>: for a device whose work-items have memory for what is kept, not registers.</summary>
    public static KernelProgram Program(DType element, LineTensor[] tensors, LineStep[] steps, LineCut cut, bool isProcessor)
    {
        var text = new DeviceLinesText(element, tensors, steps, cut, isProcessor);
        text.Write();
        string body = DeviceLoopText.Indented(text._body);
        return new KernelProgram
        {
            Name = Name,
            OpenCl = KernelTexts.Unit(DevicePrelude.OpenCl, text._functions, f => f.OpenCl, text.Head(openCl: true) + DeviceLoopText.InOpenCl(body)),
            Cuda = KernelTexts.Unit(DevicePrelude.Cuda, text._functions, f => f.Cuda, text.Head(openCl: false) + DeviceLoopText.InCuda(body)),
            NeedsDouble = element == DType.F64 || text._functions.Any(f => f.NeedsDouble),
        };
    }

    private string Head(bool openCl) => DeviceLoopText.Head(Name, _element, [.. _tensors.Select(t => t.Tensor)], [.. _tensors.Select(t => t.Reading)], "int lines, int count, int chunk, int chunks, int fours", openCl);

    // What computes each value; truth values are told on the way.
    private string[] Expressions(LineStep[] steps)
    {
        var texts = new string[_plan.Values];
        foreach (int i in _reads) _isTruth.Add(_tensors[i].Tensor.Tensor.DType == DType.Bool);
        for (int v = _reads.Length; v < texts.Length; v++)
        {
            bool truth = false;
            if (_plan.FoldOf(v) is null)
            {
                var before = new StringBuilder();
                (string expression, truth) = DeviceLoopText.Expression(steps[v - _reads.Length].Operation, _element, _isTruth, _functions, before);
                texts[v] = $"{before}    {(truth ? "bool" : _number)} v{v} = {expression};\n";
            }
            _isTruth.Add(truth);
        }
        return texts;
    }

    private void Write()
    {
        int lanes = _cut.Lanes;
        if (lanes > 1) _body.Append($"    @SHARED {_number} partial[{Text(Math.Min(2, _plan.Turns + (_isLong ? 1 : 0)) * _mostFolds * ReduceKernels.Size)}];\n");
        _body.Append($$"""
                int item = @ITEM, lane = item % {{Text(lanes)}}, own = @GROUP * {{Text(ReduceKernels.Size / lanes)}} + item / {{Text(lanes)}}, line = 0, start = 0, length = 0;
                if (own < lines * chunks)
                {
                    int low = own % chunks * chunk;
                    line = own / chunks;
                    start = line * count + low;
                    length = count - low < chunk ? count - low : chunk;
                }

            """);
        for (int v = 0; v < _reads.Length; v++)
            if (_plan.IsOfLine(v)) _body.Append($"    {TypeOf(v)} v{v} = {Read(v, "line")};\n");
        if (_keeps)
            for (int v = 0; v < _plan.Values; v++)
                if (_plan.Crosses(v)) _body.Append($"    @ALIGN {TypeOf(v)} w{v}[{Text(4 * _cut.Fours)}];\n");
        for (int turn = 0; turn <= _plan.Turns; turn++)
        {
            for (int v = _reads.Length; v < _plan.Values; v++)
            {
                if (!_plan.IsOfLine(v) || _plan.TurnOf(v) != turn) continue;
                if (_plan.ScaledOf(v) is { } scaled) WriteScaled(v, scaled, turn);
                else if (_plan.FoldOf(v) is null) _body.Append(_expressions[v]);
            }
            if (turn == _plan.Turns) break;
            WriteTurn(turn);
            WriteFolds(_plan.FoldsAfter(turn), turn);
        }
        string stores = string.Concat(_tensors.Index().Where(t => t.Item is { IsOfLine: true, Tensor.Use: FusedUse.Store }).Select(t => $"        t{t.Index}[own] = v{t.Item.Tensor.Value};\n"));
        if (stores.Length > 0) _body.Append($"    if (lane == 0 && own < lines * chunks)\n    {{\n{stores}    }}\n");
        _body.Append("}\n");
    }

    private void WriteTurn(int turn)
    {
        int[] folds = _plan.FoldsAfter(turn), scaled = _plan.ScaledIn(turn), stored = turn == _plan.Turns - 1 ? _stored : [];
        int[] values = _keeps ? [.. Enumerable.Range(0, _plan.Values).Where(v => !_plan.IsOfLine(v) && _plan.TurnOf(v) == turn)] : _plan.PartsOf([.. folds, .. stored.Select(i => _tensors[i].Tensor.Value)]);
        int[] kept = _keeps ? [.. Enumerable.Range(0, _plan.Values).Where(v => _plan.Crosses(v) && _plan.TurnOf(v) < turn)] : [];
        foreach (int f in folds) _body.Append($"    {_number} f{f}[4]{(_isLong ? $", g{f}[4]" : "")};\n");
        foreach (int f in scaled) _body.Append($"    {_number} r{f}[4], h{f}[{Text(4 * LineCut.Run)}];\n");
        EachPlace([.. scaled.Select(f => $"r{f}[k] = 0;")]);
        WriteElements(values, kept, folds, scaled, stored);
    }

    // All elements of the line once, in fours.
    private void WriteElements(int[] values, int[] kept, int[] folds, int[] scaled, int[] stored)
    {
        string[] Identities(string name) => [.. folds.Select(f => $"{name}{f}[k] = {DeviceLoopText.IdentityOf(_plan.FoldOf(f)!.Value)};")];
        EachPlace(Identities(_isLong ? "g" : "f"));
        if (_isLong)
        {
            _body.Append($"    for (int first = 4 * lane; first < length; first += {Text(4 * LineCut.Run * _cut.Lanes)})\n    {{\n");
            EachPlace(Identities("f"));
        }
        if (!_isProcessor) _body.Append(_keeps || scaled.Length > 0 ? "    @UNROLL\n" : "    @UNROLL4\n");
        _body.Append($"    for (int q = 0; q < {Text(Math.Min(LineCut.Run, _cut.Fours))}; q++)\n    {{\n    int j = {(_isLong ? "first" : "4 * lane")} + q * {Text(4 * _cut.Lanes)}, left = length - j;\n");
        WriteLoads(values);
        foreach (int i in stored) _body.Append($"    @ALIGN {Stored(i)} o{i}[4];\n");
        _body.Append("    @UNROLL\n    for (int k = 0; k < 4; k++)\n    {\n");
        foreach (int v in kept) _body.Append($"    {TypeOf(v)} v{v} = w{v}[4 * q + k];\n");
        foreach (int v in values)
        {
            _body.Append(v < _reads.Length ? $"    {TypeOf(v)} v{v} = {(Keeps(v) ? $"w{v}[4 * q + k]" : $"l{v}[k]")};\n" : _expressions[v]);
            if (v >= _reads.Length && Keeps(v)) _body.Append($"    w{v}[4 * q + k] = v{v};\n");
        }
        foreach (int f in folds) _body.Append($"    f{f}[k] = {Combine(f, $"f{f}[k]", $"(k < left ? v{_plan.StepOf(f)!.Value.Operation.A} : {DeviceLoopText.IdentityOf(_plan.FoldOf(f)!.Value)})")};\n");
        foreach (int f in scaled) _body.Append($"    h{f}[4 * q + k] = k < left ? v{_plan.ScaledOf(f)!.A} : -INFINITY;\n");
        foreach (int i in stored) _body.Append($"    o{i}[k] = v{_tensors[i].Tensor.Value};\n");
        _body.Append("    }\n");
        foreach (int i in stored) WriteMove(i, $"t{i} + start + j", $"o{i}", k => $"if ({k} < left) t{i}[start + j + {k}] = o{i}[{k}];");
        _body.Append("    }\n");
        if (!_isLong) return;
        foreach (int f in scaled) WriteScaling(f, _plan.ScaledOf(f)!.Largest);
        EachPlace([.. folds.Select(f => $"g{f}[k] = {Combine(f, $"g{f}[k]", $"f{f}[k]")};")]);
        _body.Append("    }\n");
        EachPlace([.. folds.Select(f => $"f{f}[k] = g{f}[k];")]);
    }

    // What was summed before is made smaller if there is a larger element now. Elements of −∞ give nothing; any other that is not finite makes the largest not finite.
    private void WriteScaling(int sum, int largest)
    {
        _body.Append($"    @UNROLL\n    for (int k = 0; k < 4; k++)\n    {{\n    {_number} top = {Combine(largest, $"g{largest}[k]", $"f{largest}[k]")};\n    r{sum}[k] = r{sum}[k] > 0 ? r{sum}[k] * {Power($"g{largest}[k] - top")} : 0;\n");
        if (!_isProcessor) _body.Append("    @UNROLL\n");
        _body.Append($"    for (int q = 0; q < {Text(LineCut.Run)}; q++) r{sum}[k] = r{sum}[k] + (h{sum}[4 * q + k] > -INFINITY ? {Power($"h{sum}[4 * q + k] - top")} : 0);\n    }}\n");
    }

    // Where the largest is not finite, the elements are gone through again, for the special values of the operations one by one.
    private void WriteScaled(int sum, LinePlan.Scaled scaled, int turn)
    {
        string suffix = _element == DType.F32 ? "f32" : "f64";
        _body.Append($"    {_number} f{sum}[4], g{sum}[4];\n    if (nabla_is_finite_{suffix}(v{scaled.Largest}))\n    {{\n");
        EachPlace([$"f{sum}[k] = r{sum}[k] > 0 ? r{sum}[k] * {Power($"g{scaled.Largest}[k] - v{scaled.M}")} : 0;"]);
        _body.Append("    }\n    else\n    {\n");
        WriteElements(_plan.PartsOf([sum]), [], [sum], [], []);
        _body.Append("    }\n");
        WriteFolds([sum], turn);
        _body.Append("    @BARRIER;\n");
    }

    private void EachPlace(string[] texts)
    {
        if (texts.Length > 0) _body.Append($"    @UNROLL\n    for (int k = 0; k < 4; k++) {{ {string.Join(' ', texts)} }}\n");
    }

    private string Power(string exponent) => $"{ElementFunctions.Find(nameof(ExpOp), _element == DType.F32 ? "f32" : "f64")!.Name}({exponent})";

    private string Combine(int fold, string a, string b) => DeviceLoopText.Combine(_plan.FoldOf(fold)!.Value, _element, a, b);

    // Beyond the end of the line nothing is read: what is computed there is neither folded nor stored.
    private void WriteLoads(int[] values)
    {
        foreach (int v in values.Where(v => v < _reads.Length))
        {
            string to = Keeps(v) ? $"w{v} + 4 * q" : $"l{v}";
            if (!Keeps(v)) _body.Append($"    @ALIGN {TypeOf(v)} l{v}[4];\n");
            string at = Keeps(v) ? $"w{v}[4 * q + " : $"l{v}[";
            WriteMove(_reads[v], to, $"t{_reads[v]} + start + j", k => $"{at}{k}] = {k} < left ? {Read(v, $"start + j + {k}")} : 0;");
        }
    }

    private void WriteMove(int tensor, string to, string from, Func<string, string> one)
    {
        string each = $"@UNROLL\n    for (int k = 0; k < 4; k++) {one("k")}\n";
        _body.Append(_tensors[tensor].IsDenseNumber ? $"    if (fours != 0 && left >= 4) {{ @MOVE4({to}, {from}); }}\n    else\n    {{\n    {each}    }}\n" : $"    {each}");
    }

    // The results of the lanes, 16 at a time; turns take two parts of the shared memory alternately, so that a turn need not wait until all have read the results of the one before.
    private void WriteFolds(int[] folds, int turn)
    {
        if (folds.Length == 0) return;
        int lanes = _cut.Lanes, width = lanes > LineCut.Radix ? lanes / LineCut.Radix : lanes;
        string At(int place) => $"partial[{Text((turn % 2 * _mostFolds + place) * ReduceKernels.Size)} + item";
        foreach (int f in folds) _body.Append($"    {_number} v{f} = {Combine(f, $"({Combine(f, $"f{f}[0]", $"f{f}[1]")})", $"({Combine(f, $"f{f}[2]", $"f{f}[3]")})")};\n");
        if (lanes == 1) return;
        foreach ((int i, int f) in folds.Index()) _body.Append($"    {At(i)}] = v{f};\n");
        _body.Append("    @BARRIER;\n");
        if (width < lanes) Level($"lane < {Text(width)}", LineCut.Radix, width);
        Level("lane == 0", width, 1);
        foreach ((int i, int f) in folds.Index()) _body.Append($"    v{f} = {At(i)} - lane];\n");

        void Level(string who, int count, int step)
        {
            _body.Append($"    if ({who})\n    {{\n");
            foreach ((int i, int f) in folds.Index())
                _body.Append($"        for (int i = 1; i < {Text(count)}; i++) v{f} = {Combine(f, $"v{f}", $"{At(i)} + i * {Text(step)}]")};\n        {At(i)}] = v{f};\n");
            _body.Append("    }\n    @BARRIER;\n");
        }
    }

    private bool Keeps(int value) => _keeps && _plan.Crosses(value);

    private string Read(int value, string at)
    {
        int i = _reads[value];
        string element = _tensors[i].Reading switch { LoopReading.Dense => $"t{i}[{at}]", LoopReading.Single => $"t{i}[0]", _ => $"t{i}[Steps_At({at}, s{i}, e{i})]" };
        return _isTruth[value] ? $"({element} != 0)" : element;
    }

    private string TypeOf(int value) => _isTruth[value] ? "bool" : _number;

    private string Stored(int tensor) => _tensors[tensor].Tensor.Tensor.DType == DType.Bool ? "bool" : _number;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
