# Values and gradients of PyTorch for the cases of tests/Nabla.Tests/Oracle, which says what Nabla computes under the same names.
# Needs PyTorch 1.13, NumPy and mpmath: python3 tests/oracle/torch_cases.py FOLDER writes FOLDER/cases.npz with, for each case, NAME/in0 …, NAME/out0 …, and
# where gradients are compared a cotangent NAME/ct0 … for each float output and NAME/grad0 … for each float input. Layouts are Nabla's: channels last,
# weights that act from the right. In the family `accuracy` out0 and grad0 are exact, and torch0 and
# torchgrad0 what PyTorch says.
import os, sys, zlib
import mpmath
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(20)
inf, nan = float('inf'), float('nan')
mpmath.mp.dps = 50
arrays = {}


def case(name, inputs, f, grad=True, fixed=()):
    """One case; inputs listed in `fixed` are not differentiated, with grad=False none is."""
    if name + '/in0' in arrays: sys.exit(f'{name} occurs twice')
    leaves = [x.detach().clone().requires_grad_(grad and x.is_floating_point() and i not in fixed) for i, x in enumerate(inputs)]
    outputs = f(*leaves)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    put = lambda kind, i, x: arrays.__setitem__(f'{name}/{kind}{i}', x.detach().contiguous().numpy().copy())
    for i, x in enumerate(inputs): put('in', i, x)
    torch.manual_seed(zlib.crc32(name.encode()))  # a new case changes the numbers of its neighbour alone
    for i, y in enumerate(outputs): put('out', i, y)
    wanted = [i for i, x in enumerate(leaves) if x.requires_grad]
    if not wanted: return
    draw = torch.ones if name.startswith('conventions/') else torch.randn
    cotangents = [draw(y.shape) if y.is_floating_point() else None for y in outputs]
    through = [(y, c) for y, c in zip(outputs, cotangents) if c is not None and y.requires_grad]
    gradients = torch.autograd.grad([y for y, _ in through], [leaves[i] for i in wanted], [c for _, c in through], allow_unused=True)
    for i, c in enumerate(cotangents):
        if c is not None: put('ct', i, c if outputs[i].requires_grad else torch.zeros_like(c))
    for i, g in zip(wanted, gradients): put('grad', i, torch.zeros_like(leaves[i]) if g is None else g)


def accurate(name, arguments, f, value, derivative):
    """A function of one number where PyTorch loses digits; the value and derivative, of mpmath's numbers, are exact."""
    name = 'accuracy/' + name
    case(name, [T(*arguments)], f)
    exact = lambda g: np.array([float(g(mpmath.mpf(x))) for x in arguments])
    for kind, truth in (('out0', exact(value)), ('grad0', exact(derivative) * arrays[name + '/ct0'])):
        arrays[f'{name}/torch' + kind.removeprefix('out')] = arrays[f'{name}/{kind}']
        arrays[f'{name}/{kind}'] = truth


def T(*values): return torch.tensor(values)
def randn(*shape): return torch.randn(shape)
def rand(*shape): return torch.rand(shape)
def ints(high, *shape): return torch.randint(0, high, shape)
def spd(*shape): a = randn(*shape); return a @ a.mT + torch.eye(shape[-1])
def sym(x): return (x + x.mT) / 2
def with_condition(n, m, condition):
    k = min(n, m)
    return torch.linalg.qr(randn(n, k))[0] @ torch.diag(torch.logspace(0, -np.log10(condition), k)) @ torch.linalg.qr(randn(m, k))[0].T


# Elementwise: zeros of both signs, tiny, ordinary and large arguments.
tiny = [0.0, -0.0, 5e-324, -5e-324, 1e-300, -1e-300, 1e-20, 1e-9, -1e-9, 1e-4, -1e-4]
usual = [0.1, -0.3, 0.5, -0.5, 0.9, 1.0, -1.0, 1.3, -1.7, 2.0, -2.4, 3.3, -4.1, 5.5, -7.0, 9.9, -12.5, 17.0, -20.0, 26.0]
real = torch.tensor(tiny + usual)
positive = torch.tensor([1e-300, 1e-20, 1e-9, 1e-4, 0.1, 0.5, 0.9, 1.0, 1.3, 2.0, 3.3, 9.9, 50.0, 1e5, 1e20, 1e300])
unit = torch.tensor(tiny[4:] + [0.1, -0.3, 0.5, -0.5, 0.7, -0.9, 0.99, -0.999])
special = torch.tensor([0.0, -0.0, inf, -inf, nan])
E = 'elementwise/'
case(E + 'exp', [torch.cat([real, T(-745.0, -700.0, 700.0, 709.0)])], torch.exp)
case(E + 'expm1', [torch.cat([real, T(-700.0, 700.0)])], torch.expm1)
case(E + 'log', [positive], torch.log)
case(E + 'log1p', [torch.cat([positive, T(0.0, -1e-20, -1e-9, -0.5, -0.999)])], torch.log1p)
case(E + 'sqrt', [positive], torch.sqrt)
case(E + 'sqrt at 0', [T(0.0)], torch.sqrt)
case(E + 'rsqrt', [positive], torch.rsqrt)
case(E + 'sin', [torch.cat([real, T(1e3, -1e5, 1e15, 1e22)])], torch.sin)
case(E + 'cos', [torch.cat([real, T(1e3, -1e5, 1e15, 1e22)])], torch.cos)
case(E + 'sinh', [torch.cat([real, T(700.0, -700.0)])], torch.sinh)
case(E + 'cosh', [torch.cat([real, T(700.0, -700.0)])], torch.cosh)
case(E + 'tanh', [real], torch.tanh)
case(E + 'asin', [unit], torch.asin)
case(E + 'acos', [unit], torch.acos)
case(E + 'atan', [torch.cat([real, T(1e20, -1e300)])], torch.atan)
case(E + 'sigmoid', [torch.cat([real, T(-700.0, 40.0, 700.0)])], torch.sigmoid)
case(E + 'erf', [real], torch.erf)
case(E + 'erfc', [real], torch.erfc)
case(E + 'erfinv', [unit], torch.erfinv)
case(E + 'normal cdf', [real[real > -3]], torch.special.ndtr)
case(E + 'normal quantile', [T(1e-300, 1e-20, 1e-4, 0.1, 0.3, 0.49, 0.7, 0.95, 1 - 1e-9)], torch.special.ndtri)
case(E + 'lgamma', [torch.cat([positive[:-1], T(-0.5, -1.3, -7.7)])], torch.lgamma)
case(E + 'digamma', [T(1e-9, 1e-4, 0.1, 0.5, 1.0, 1.3, 2.0, 3.3, 9.9, 50.0, 1e5, -0.5, -1.3, -7.7)], torch.digamma, fixed=(0,))
case(E + 'tetragamma', [T(1e-2, 0.1, 0.5, 1.0, 1.3, 2.0, 3.3, 9.9, 50.0, 1e5)], lambda x: torch.polygamma(2, x))
case(E + 'abs', [real], torch.abs)
case(E + 'sign', [real], torch.sign)
case(E + 'floor', [real], torch.floor)
case(E + 'ceil', [real], torch.ceil)
case(E + 'round half even', [torch.cat([real, T(1.5, 2.5, -0.5, -1.5, 4503599627370497.5)])], torch.round)
case(E + 'square', [torch.cat([real, T(1e150, -1e-150)])], torch.square)
case(E + 'cube', [real], lambda x: x ** 3)
case(E + 'power -2', [positive[2:-2]], lambda x: x ** -2)
case(E + 'power 0', [real], lambda x: x ** 0)
case(E + 'power 1.5', [positive[:-1]], lambda x: x ** 1.5)
case(E + 'power of tensors', [positive[3:13], randn(10)], torch.pow)
case(E + 'reciprocal', [positive[2:-1]], torch.reciprocal)
case(E + 'add broadcast', [randn(3, 1, 4), randn(2, 1)], torch.add)
case(E + 'sub broadcast', [randn(4), randn(2, 3, 4)], torch.sub)
case(E + 'mul broadcast', [randn(3, 1), randn(1, 5)], torch.mul)
case(E + 'div broadcast', [randn(3, 4), randn(4) + 3], torch.div)
case(E + 'mul scalar by empty', [randn(), randn(0, 3)], torch.mul)
case(E + 'atan2', [T(1.0, -1.0, 1.0, -1.0, 1e-300, 3.0, 2.0), T(1.0, 1.0, -1.0, -1.0, 1.0, 1e-300, 0.0)], torch.atan2)
case(E + 'atan2 at zeros', [T(0.0, -0.0, 0.0, -0.0), T(1.0, 1.0, -1.0, -1.0)], torch.atan2)
case(E + 'remainder', [T(5.5, -5.5, 5.5, -5.5, 0.3), T(2.0, 2.0, -2.0, -2.0, 7.0)], torch.fmod)
case(E + 'power 0 of a tensor at 0', [T(0.0, 2.0), T(0.0, 0.0)], torch.pow)
case(E + 'power 1.5 and 2 at 0', [T(0.0), T(0.0)], lambda x, y: (x ** 1.5, y ** 2.0))
case(E + 'power of a negative number', [T(-2.0, -3.0), T(3.0, -2.0)], torch.pow)
case(E + 'power of 0', [T(0.0, 0.0, 0.0, 0.0), T(1.0, 2.0, 0.5, -1.0)], torch.pow, fixed=(1,))
case(E + 'power of 0, by exponent', [T(0.0, 0.0, 0.0), T(1.0, 2.0, 0.5)], torch.pow, fixed=(0,))
case(E + 'atan2 at the origin', [T(0.0), T(0.0)], torch.atan2)
case(E + 'where guarding log', [T(-1.0, 0.0, 2.0)], lambda x: torch.where(x > 0, torch.log(x), torch.zeros(())))
case(E + 'remainder of integers', [torch.tensor([7, -7, 7, -7]), torch.tensor([3, 3, -3, -3])], torch.fmod, grad=False)
case(E + 'large integers to float', [torch.tensor([2 ** 53 + 1, 2 ** 53 + 3, -2 ** 62 - 1])], lambda x: x.double(), grad=False)
case(E + 'log and rsqrt at 0', [T(0.0), T(0.0)], lambda x, y: (torch.log(x), torch.rsqrt(y)))
case(E + 'lgamma at -1', [T(-1.0)], torch.lgamma)
case(E + 'maximum and minimum of equal elements', [T(1.0, 0.0), T(1.0, -0.0)], lambda x, y: (torch.maximum(x, y), torch.minimum(x, y)))
case(E + 'maximum and clamp of NaN', [T(nan, 1.0, nan), T(1.0, nan, nan)], lambda x, y: (torch.maximum(x, y), torch.clamp(x, 0, 2)), grad=False)
case(E + 'maximum', [randn(5, 4), randn(4)], torch.maximum)
case(E + 'minimum', [randn(5, 1), randn(4)], torch.minimum)
case(E + 'clamp inside and outside', [T(-3.0, -0.5, 0.2, 0.9, 4.0)], lambda x: torch.clamp(x, -1, 1))
case(E + 'where', [torch.tensor([[True, False, True]]), randn(2, 3), randn(3)], torch.where)
case(E + 'comparisons', [T(0.0, 1.0, -1.0, nan, inf), T(-0.0, 2.0, -1.0, nan, inf)], lambda a, b: (a == b, a != b, a < b, a > b, a <= b, a >= b), grad=False)
case(E + 'is finite, is nan', [special], lambda x: (torch.isfinite(x), torch.isnan(x)), grad=False)
case(E + 'and, or, xor, not', [torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])], lambda a, b: (a & b, a | b, a ^ b, ~a), grad=False)
case(E + 'to integer', [T(-2.9, -0.5, 0.0, 0.99, 7.5)], lambda x: x.to(torch.int64), grad=False)
case(E + 'through f32', [randn(6)], lambda x: (x.float() * 2).double())
for n, f in [('exp', torch.exp), ('log', torch.log), ('log1p', torch.log1p), ('sqrt', torch.sqrt), ('tanh', torch.tanh), ('sigmoid', torch.sigmoid), ('erf', torch.erf), ('erfc', torch.erfc), ('atan', torch.atan), ('lgamma', torch.lgamma), ('reciprocal', torch.reciprocal), ('sin', torch.sin)]:
    case(E + n + ' at zeros, infinities, NaN', [special], f, grad=False)

accurate('asin near 1', (1 - 1e-6, 1e-3 - 1, 1 - 1e-9), torch.asin, mpmath.asin, lambda x: 1 / mpmath.sqrt(1 - x * x))
accurate('acos near 1', (1 - 1e-6, 1e-3 - 1, 1 - 1e-9), torch.acos, mpmath.acos, lambda x: -1 / mpmath.sqrt(1 - x * x))
accurate('erfinv near 1', (1 - 1e-6, 1e-3 - 1, 1 - 1e-9), torch.erfinv, mpmath.erfinv, lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(mpmath.erfinv(x) ** 2))
accurate('lower tail of the normal cdf', (-4.1, -7.0, -12.5, -20.0, -37.0), torch.special.ndtr, mpmath.ncdf, mpmath.npdf)
accurate('digamma', (0.1, 0.5, 1.0, 1.3, 2.0, 3.3, 9.9, -0.5, -1.3), torch.digamma, mpmath.digamma, lambda x: mpmath.psi(1, x))
accurate('trigamma', (1e-4, 0.1, 0.5, 1.0, 1.3, 2.0, 3.3, 9.9, 50.0, -0.5, -1.3, -7.7), lambda x: torch.polygamma(1, x), lambda x: mpmath.psi(1, x), lambda x: mpmath.psi(2, x))

A = 'activations/'
x = torch.cat([T(1e-9, -1e-9, 1e-300, 40.0, -40.0, 19.9, 20.1, -700.0, 700.0), 3 * randn(12)])
case(A + 'relu', [x], F.relu)
case(A + 'relu at 0', [T(0.0, -0.0)], F.relu)
case(A + 'leaky relu', [x], lambda x: F.leaky_relu(x, 0.2))
case(A + 'softplus', [x], lambda x: F.softplus(x, threshold=705))
case(A + 'log sigmoid', [x], F.logsigmoid)
case(A + 'gelu', [x], F.gelu)
case(A + 'silu', [x], F.silu)
case(A + 'elu', [x], lambda x: F.elu(x, 0.7))
case(A + 'selu', [x], F.selu)
case(A + 'hard tanh', [x], F.hardtanh)
case(A + 'mish', [x], F.mish)
extreme = T(-inf, -1e300, -1e4, -746.0, -5e-324, 0.0, 5e-324, 746.0, 1e4, 1e300, inf, nan)
for n, f in [('softplus', lambda x: F.softplus(x, threshold=36)), ('silu', F.silu), ('gelu', F.gelu), ('elu', F.elu), ('relu', F.relu)]:
    case(A + n + ' of extremes', [extreme], f, grad=False)
case(A + 'softmax rows', [randn(4, 6)], lambda x: torch.softmax(x, -1))
case(A + 'softmax of columns', [randn(4, 6)], lambda x: torch.softmax(x, 0))
case(A + 'softmax of huge logits', [T([1e4, -1e4, 9999.0], [1e300, 1e300, 0.0], [-1e5, -1e5, -1e5 - 1])], lambda x: torch.softmax(x, -1))
case(A + 'softmax with -inf', [T([0.3, -inf, 1.0], [-inf, -inf, 2.0])], lambda x: torch.softmax(x, -1))
case(A + 'log softmax', [randn(3, 2, 5)], lambda x: torch.log_softmax(x, 1))
case(A + 'log softmax of huge logits', [T([1e4, -1e4, 9999.0], [-1e5, -1e5, -1e5 - 1])], lambda x: torch.log_softmax(x, -1))
case(A + 'softmax of one', [randn(3, 1)], lambda x: torch.softmax(x, -1))
case(A + 'softmax of none', [randn(3, 0)], lambda x: torch.softmax(x, -1))
case(A + 'normalize', [randn(4, 5)], lambda x: F.normalize(x, dim=-1))

R = 'reductions/'
case(R + 'sum of all', [randn(3, 4, 5)], torch.sum)
case(R + 'sum of axes 0 and 2', [randn(3, 4, 5)], lambda x: x.sum((0, 2)))
case(R + 'sum of 100003', [randn(100003)], torch.sum)
case(R + 'sum of nothing', [randn(3, 0)], lambda x: x.sum(1))
case(R + 'sum with kept axis', [randn(3, 4)], lambda x: x / x.square().sum(1, keepdim=True))
case(R + 'sum of transposed', [randn(6, 5)], lambda x: x.T.sum(0))
case(R + 'sum of integers', [ints(100, 4, 5)], lambda x: x.sum(0))
case(R + 'mean', [randn(3, 4)], torch.mean)
case(R + 'mean of one', [randn(1, 4)], lambda x: x.mean(0))
case(R + 'variance', [randn(4, 7)], lambda x: x.var(1, unbiased=False))
case(R + 'variance of one', [randn(3, 1)], lambda x: x.var(1, unbiased=False))
case(R + 'variance far from zero', [1e6 + randn(50)], lambda x: x.var(unbiased=False))
case(R + 'product', [randn(3, 5)], lambda x: x.prod(1))
case(R + 'product with one zero', [T([2.0, 0.0, 3.0], [1.0, 4.0, -2.0])], lambda x: x.prod(1))
case(R + 'product with two zeros', [T([0.0, 0.0, 3.0], [1.0, 4.0, -2.0])], lambda x: x.prod(1))
case(R + 'product of nothing', [randn(2, 0)], lambda x: x.prod(1))
case(R + 'max of axis', [randn(3, 6)], lambda x: x.amax(1))
case(R + 'max of all', [randn(3, 6)], torch.amax)
case(R + 'max with ties', [T([1.0, 3.0, 3.0], [2.0, 2.0, 2.0])], lambda x: x.amax(1))
case(R + 'min of axes', [randn(3, 4, 2)], lambda x: x.amin((0, 2)))
case(R + 'max with NaN', [T([1.0, nan, 3.0], [2.0, 1.0, 0.0])], lambda x: x.amax(1), grad=False)
case(R + 'argmax and argmin', [randn(5, 7)], lambda x: (x.argmax(1).int(), x.argmin(0).int()), grad=False)
case(R + 'any and all', [torch.tensor([[True, False], [True, True], [False, False]])], lambda x: (x.any(1), x.all(1)), grad=False)
case(R + 'any and all of nothing', [torch.zeros(2, 0, dtype=torch.bool)], lambda x: (x.any(1), x.all(1)), grad=False)
case(R + 'logsumexp', [randn(3, 6)], lambda x: torch.logsumexp(x, 1))
case(R + 'logsumexp with -inf', [T([0.3, -inf, 1.0], [-inf, -inf, 2.0])], lambda x: torch.logsumexp(x, 1))
case(R + 'logsumexp of huge', [T([1e4, 9999.0], [-1e4, -9999.0])], lambda x: torch.logsumexp(x, 1))
case(R + 'logsumexp of infinities alone', [T([-inf, -inf], [inf, 0.0])], lambda x: torch.logsumexp(x, 1), grad=False)
case(R + 'norm', [randn(3, 4)], torch.linalg.vector_norm)
case(R + 'logsumexp of -inf alone', [T(-inf, -inf)], lambda x: torch.logsumexp(x, 0))
case(R + 'logsumexp of nothing', [randn(2, 0)], lambda x: torch.logsumexp(x, 1))
case(R + 'norm of huge and tiny', [T([1e150, 2e150], [1e-150, 3e-150])], lambda x: torch.linalg.vector_norm(x, dim=1))
case(R + 'max, sum and product of integers', [ints(9, 4, 5) - 4], lambda x: (x.amax(1), x.sum(1), x.prod(1)), grad=False)
case(R + 'mean of nothing', [randn(2, 0)], lambda x: x.mean(1))
case(R + 'norm of nothing', [randn(2, 0)], lambda x: torch.linalg.vector_norm(x, dim=1))
case(R + 'argmax and argmin of ties', [T([1.0, 3.0, 3.0], [2.0, 2.0, 2.0])], lambda x: (x.argmax(1).int(), x.argmin(1).int()), grad=False)
case(R + 'argmax and argmin with NaN', [T([1.0, nan, 3.0], [nan, 1.0, nan])], lambda x: (x.argmax(1).int(), x.argmin(1).int()), grad=False)
case(R + 'norm at 0', [torch.zeros(3)], torch.linalg.vector_norm)
case(R + 'norm of axis', [randn(3, 4)], lambda x: torch.linalg.vector_norm(x, dim=1))

C = 'running/'
case(C + 'cumsum', [randn(3, 7)], lambda x: x.cumsum(1))
case(C + 'cumsum of axis 0', [randn(5, 2, 3)], lambda x: x.cumsum(0))
case(C + 'cumsum reversed', [randn(3, 7)], lambda x: x.flip(1).cumsum(1).flip(1))
case(C + 'cumsum of nothing', [randn(3, 0)], lambda x: x.cumsum(1))
case(C + 'cumprod', [randn(3, 7)], lambda x: x.cumprod(1))
case(C + 'cumprod with one zero', [T(2.0, 3.0, 0.0, 4.0, 5.0)], lambda x: x.cumprod(0))
case(C + 'cumprod with two zeros', [T(2.0, 0.0, 3.0, 0.0, 5.0)], lambda x: x.cumprod(0))
case(C + 'cummax', [randn(3, 9)], lambda x: x.cummax(1).values)
case(C + 'cummin', [randn(9, 2)], lambda x: x.cummin(0).values)
case(C + 'cumprod with zeros, axis 0', [T([2.0, 0.0, 1.0], [0.0, 0.0, 3.0], [4.0, 5.0, 0.0], [1.5, 0.0, 2.0])], lambda x: x.cumprod(0))
case(C + 'cummax with NaN', [T(1.0, nan, 2.0)], lambda x: x.cummax(0).values, grad=False)
case(C + 'cummin with ties', [T(1.0, 1.0, 2.0, 0.0, 0.0)], lambda x: x.cummin(0).values)
case(C + 'cumsum of integers', [ints(9, 3, 4)], lambda x: x.cumsum(1), grad=False)
case(C + 'cummax with ties', [T(1.0, 1.0, 0.0, 2.0, 2.0)], lambda x: x.cummax(0).values)
case(C + 'cummax reversed', [randn(8)], lambda x: x.flip(0).cummax(0).values.flip(0))

O = 'order/'
ties = T([2.0, 1.0, 2.0, 1.0, 3.0, 0.0, -0.0])
case(O + 'sort', [randn(4, 9)], lambda x: x.sort(1).values)
case(O + 'sort descending of axis 0', [randn(9, 3)], lambda x: x.sort(0, descending=True).values)
case(O + 'sort with infinities and NaN', [T(1.0, nan, -inf, inf, 0.0)], lambda x: x.sort().values, grad=False)
case(O + 'argsort of ties', [ties], lambda x: torch.sort(x, stable=True).indices.int(), grad=False)
case(O + 'argsort descending of ties', [ties], lambda x: torch.sort(x, stable=True, descending=True).indices.int(), grad=False)
case(O + 'sort of ties', [ties], lambda x: torch.sort(x, stable=True).values)
case(O + 'sort of one and of none', [randn(3, 1), randn(3, 0)], lambda x, y: (x.sort(1).values, y.sort(1).values))
case(O + 'top-k', [randn(4, 9)], lambda x: x.topk(3, 1).values)
case(O + 'top-k indices', [randn(4, 9)], lambda x: x.topk(3, 1).indices.int(), grad=False)
case(O + 'sort of integers', [ints(9, 3, 6)], lambda x: x.sort(1).values, grad=False)
case(O + 'top-0', [randn(3, 4)], lambda x: x.topk(0, 1).values)
case(O + 'search in nothing', [randn(0), randn(3)], lambda s, v: torch.searchsorted(s, v).int(), grad=False)
case(O + 'take along', [randn(3, 5), ints(5, 3, 4)], lambda x, i: x.gather(1, i))
case(O + 'take along axis 0', [randn(3, 5), ints(3, 6, 5)], lambda x, i: x.gather(0, i))
case(O + 'search sorted left', [T(0.0, 1.0, 1.0, 2.5), T(-1.0, 0.0, 1.0, 1.5, 2.5, 9.0)], lambda s, v: torch.searchsorted(s, v).int(), grad=False)
case(O + 'search sorted right', [T(0.0, 1.0, 1.0, 2.5), T(-1.0, 0.0, 1.0, 1.5, 2.5, 9.0)], lambda s, v: torch.searchsorted(s, v, right=True).int(), grad=False)

I = 'indices/'
case(I + 'take repeated', [randn(5, 3), torch.tensor([0, 2, 2, 4, -1])], lambda x, i: x[i])
case(I + 'take axis 1 by a matrix', [randn(2, 5, 3), ints(5, 4, 2)], lambda x, i: x[:, i])
case(I + 'take none', [randn(5, 3), torch.zeros(0, dtype=torch.int64)], lambda x, i: x[i])
case(I + 'take last', [randn(4, 6), ints(6, 4)], lambda x, i: x.gather(1, i[:, None])[:, 0])
case(I + 'scatter add with repeats', [randn(5, 3), torch.tensor([1, 1, 4, 1]), randn(4, 3)], lambda x, i, u: x.index_add(0, i, u))
case(I + 'scatter add of nothing', [randn(5, 3), torch.zeros(0, dtype=torch.int64), randn(0, 3)], lambda x, i, u: x.index_add(0, i, u))
case(I + 'segment sum with an empty segment', [randn(6, 2), torch.tensor([0, 3, 0, 1, 3, 3])], lambda x, i: torch.zeros(4, 2).index_add(0, i, x))
case(I + 'one-hot', [torch.tensor([[0, 2], [1, 3]])], lambda i: F.one_hot(i, 4).double(), grad=False)
case(I + 'embedding', [ints(7, 3, 4), randn(7, 5)], lambda i, w: F.embedding(i, w))
case(I + 'diagonal', [randn(2, 4, 3)], lambda x: x.diagonal(dim1=-2, dim2=-1))
case(I + 'lower triangle', [randn(4, 5)], lambda x: x.tril(1))
case(I + 'upper triangle', [randn(2, 4, 4)], lambda x: x.triu(-1))
case(I + 'concatenate', [randn(2, 3), randn(2, 0), randn(2, 4)], lambda *t: torch.cat(t, 1))
case(I + 'stack', [randn(2, 3), randn(2, 3)], lambda *t: torch.stack(t, 1))
case(I + 'pad', [randn(2, 3)], lambda x: F.pad(x, (1, 2, 0, 3), value=0.5))
case(I + 'pad by negative amounts', [randn(5, 4)], lambda x: F.pad(x, (-1, 2, 1, -2)))
case(I + 'slice with steps', [randn(7, 6)], lambda x: x[1:6:2, ::3])
case(I + 'reverse', [randn(3, 4)], lambda x: x.flip(0, 1).cumsum(1))
case(I + 'masked', [randn(4, 4), randn(4, 4) > 0], lambda x, m: x.masked_fill(~m, 0.0))

S = 'shapes/'
case(S + 'reshape', [randn(4, 6)], lambda x: x.reshape(3, 8).cumsum(0))
case(S + 'reshape of transposed', [randn(4, 6)], lambda x: x.T.reshape(8, 3).cumsum(0))
case(S + 'transpose', [randn(2, 3, 4)], lambda x: x.permute(2, 0, 1).cumsum(0))
case(S + 'move axis', [randn(2, 3, 4)], lambda x: x.movedim(0, 2).cumsum(2))
case(S + 'broadcast', [randn(3, 1)], lambda x: x.expand(2, 3, 4).cumsum(2))
case(S + 'expand and squeeze', [randn(3, 1, 4)], lambda x: x.squeeze(1)[None])
case(S + 'reshape of nothing', [randn(0, 6)], lambda x: x.reshape(0, 2, 3))

P = 'products/'
case(P + 'matrix by matrix', [randn(5, 4), randn(4, 3)], torch.matmul)
case(P + 'larger matrices', [randn(65, 130), randn(130, 67)], torch.matmul)
case(P + 'transposed operands', [randn(4, 5), randn(3, 4)], lambda a, b: a.T @ b.T)
case(P + 'matrix by vector', [randn(5, 4), randn(4)], torch.matmul)
case(P + 'vector by matrix', [randn(5), randn(5, 4)], torch.matmul)
case(P + 'vector by vector', [randn(5), randn(5)], torch.dot)
case(P + 'batched', [randn(3, 5, 4), randn(3, 4, 2)], torch.matmul)
case(P + 'batched and broadcast', [randn(2, 1, 5, 4), randn(3, 4, 2)], torch.matmul)
case(P + 'batch by one matrix', [randn(3, 5, 4), randn(4, 2)], torch.matmul)
case(P + 'vector by batch', [randn(4), randn(3, 4, 2)], torch.matmul)
case(P + 'inner size 0', [randn(3, 0), randn(0, 2)], torch.matmul)
case(P + 'no rows', [randn(0, 3), randn(3, 2)], torch.matmul)
case(P + 'integers', [ints(9, 3, 4) - 4, ints(9, 4, 2)], torch.matmul, grad=False)
case(P + 'no batches', [randn(0, 2, 3), randn(0, 3, 4)], torch.matmul)
case(P + 'sizes 1', [randn(1, 1), randn(1, 1)], torch.matmul)
case(P + 'outer', [randn(4), randn(3)], torch.outer)
for subscripts, shapes in [('bij,bjk->bik', [(2, 3, 4), (2, 4, 5)]), ('ij->ji', [(3, 4)]), ('iij->j', [(3, 3, 4)]), ('ij,i->j', [(3, 4), (3,)]), (',ij->ij', [(), (2, 3)]), ('ij,jk->ik', [(3, 0), (0, 2)]), ('ab,cb,ad->dc', [(2, 3), (4, 3), (2, 5)]), ('ii->', [(4, 4)]), ('ii->i', [(4, 4)]), ('ij,ij->', [(3, 4), (3, 4)]), ('bhid,bhjd->bhij', [(2, 2, 3, 4), (2, 2, 5, 4)]), ('i,j,k->kij', [(2,), (3,), (4,)]), ('ij,jk,kl->il', [(2, 3), (3, 4), (4, 5)]), ('ijk->j', [(2, 3, 4)])]:
    case(P + 'einsum ' + subscripts, [randn(*s) for s in shapes], lambda *t, s=subscripts: torch.einsum(s, *t))

L = 'linear algebra/'
case(L + 'cholesky', [spd(5, 5)], lambda a: torch.linalg.cholesky(sym(a)))
case(L + 'cholesky of a batch', [spd(3, 4, 4)], lambda a: torch.linalg.cholesky(sym(a)))
case(L + 'cholesky of size 1 and 0', [spd(1, 1), randn(0, 0)], lambda a, b: (torch.linalg.cholesky(sym(a)), torch.linalg.cholesky(sym(b))))
case(L + 'log det of positive definite', [spd(3, 4, 4)], lambda a: torch.logdet(sym(a)))
case(L + 'solve positive definite', [spd(5, 5), randn(5, 2)], lambda a, b: torch.cholesky_solve(b, torch.linalg.cholesky(sym(a))))
case(L + 'triangular solve lower', [randn(5, 5) + 4 * torch.eye(5), randn(5, 2)], lambda a, b: torch.linalg.solve_triangular(a.tril(), b, upper=False))
case(L + 'triangular solve upper from the right', [randn(2, 4, 4) + 4 * torch.eye(4), randn(2, 3, 4)], lambda a, b: torch.linalg.solve_triangular(a.triu(), b, upper=True, left=False))
case(L + 'triangular solve transposed', [randn(4, 4) + 4 * torch.eye(4), randn(4, 3)], lambda a, b: torch.linalg.solve_triangular(a.tril().T, b, upper=True))
case(L + 'triangular solve unit diagonal', [randn(4, 4), randn(4, 3)], lambda a, b: torch.linalg.solve_triangular(a, b, upper=False, unitriangular=True))
case(L + 'solve', [randn(6, 6), randn(6, 2)], torch.linalg.solve)
case(L + 'solve of a batch, broadcast', [randn(3, 4, 4), randn(4, 2)], lambda a, b: torch.linalg.solve(a, b.expand(3, 4, 2)))
case(L + 'solve of a vector', [randn(5, 5), randn(5)], torch.linalg.solve)
case(L + 'solve and inverse of size 0', [randn(0, 0), randn(0, 2)], lambda a, b: (torch.linalg.solve(a, b), torch.linalg.inv(a)))
case(L + 'solve with condition 1e8', [with_condition(6, 6, 1e8), randn(6, 2)], torch.linalg.solve)
case(L + 'inverse', [randn(2, 5, 5)], torch.linalg.inv)
case(L + 'inverse with condition 1e8', [with_condition(5, 5, 1e8)], torch.linalg.inv)
case(L + 'slogdet', [randn(3, 4, 4)], torch.linalg.slogdet)
case(L + 'slogdet of a tiny determinant', [1e-60 * randn(6, 6)], torch.linalg.slogdet)
case(L + 'slogdet of a singular matrix', [torch.zeros(3, 3)], torch.linalg.slogdet, grad=False)
case(L + 'det', [randn(3, 4, 4)], torch.linalg.det)
def positive_qr(a):
    q, r = torch.linalg.qr(a)
    s = torch.sign(r.diagonal(dim1=-2, dim2=-1)).detach()
    return q * s[..., None, :], r * s[..., :, None]
case(L + 'qr tall', [randn(6, 4)], positive_qr)
case(L + 'qr square, batch', [randn(2, 4, 4)], positive_qr)
case(L + 'qr with condition 1e8', [with_condition(6, 4, 1e8)], positive_qr)
case(L + 'eigenvalues', [randn(5, 5)], lambda a: torch.linalg.eigvalsh(sym(a)))
case(L + 'qr and eigenvalues of size 1', [T([-2.0]), T([-3.0])], lambda a, b: (*positive_qr(a), torch.linalg.eigvalsh(b)))
case(L + 'eigenvalues of a batch', [randn(3, 4, 4)], lambda a: torch.linalg.eigvalsh(sym(a)))
def of_eigh(f):
    def g(a):
        w, v = torch.linalg.eigh(sym(a))
        return (v * f(w)[..., None, :]) @ v.mT
    return g
case(L + 'tanh of a symmetric matrix by eigh', [randn(2, 5, 5)], of_eigh(torch.tanh))
case(L + 'projector by eigh', [randn(5, 5)], of_eigh(lambda w: (w >= w[2]).double()))
case(L + 'square root of positive definite', [spd(4, 4)], of_eigh(torch.sqrt))
case(L + 'singular values', [randn(5, 3)], torch.linalg.svdvals)
case(L + 'singular values of a wide batch', [randn(2, 3, 5)], torch.linalg.svdvals)
def by_svd(a):
    u, s, vt = torch.linalg.svd(a, full_matrices=False)
    return (u * (s * torch.exp(-s))[..., None, :]) @ vt
case(L + 'function of singular values by svd', [randn(5, 3)], by_svd)
case(L + 'function of singular values, wide', [randn(2, 3, 5)], by_svd)
case(L + 'nuclear norm', [randn(4, 6)], lambda a: torch.linalg.matrix_norm(a, 'nuc'))
case(L + 'spectral norm', [randn(4, 6)], lambda a: torch.linalg.matrix_norm(a, 2))
case(L + 'condition number', [randn(4, 4)], lambda a: torch.linalg.cond(a))
case(L + 'rank', [torch.stack([torch.diag(T(1.0, 1.0, 0.0)), torch.ones(3, 3), torch.eye(3), torch.zeros(3, 3)])], lambda a: torch.linalg.matrix_rank(a).int(), grad=False)
case(L + 'pseudo-inverse tall', [randn(6, 3)], torch.linalg.pinv)
case(L + 'pseudo-inverse wide, batch', [randn(2, 3, 5)], torch.linalg.pinv)
case(L + 'pseudo-inverse of rank 2', [randn(5, 2) @ randn(2, 4)], lambda a: torch.linalg.pinv(a, rtol=1e-10))
case(L + 'least squares', [randn(7, 3), randn(7, 2)], lambda a, b: torch.linalg.pinv(a) @ b)
case(L + 'least squares by gels', [randn(7, 3), randn(7, 2)], lambda a, b: torch.linalg.lstsq(a, b, driver='gels').solution, grad=False)
case(L + 'matrix exponential', [randn(2, 4, 4)], torch.linalg.matrix_exp)
case(L + 'matrix exponential of norm 30', [10 * torch.linalg.qr(randn(4, 4))[0]], torch.linalg.matrix_exp)
case(L + 'matrix exponential of a nilpotent matrix', [torch.triu(randn(4, 4), 1)], torch.linalg.matrix_exp)
case(L + 'matrix exponential of zero', [torch.zeros(3, 3)], torch.linalg.matrix_exp)
nothing = lambda: randn(0, 3, 3)
case(L + 'empty batches of factors', [nothing(), nothing(), nothing()], lambda a, b, c: (torch.linalg.cholesky(sym(a)), *torch.linalg.qr(b), torch.linalg.svdvals(c)))
case(L + 'empty batches of functions', [nothing(), nothing(), nothing(), nothing()], lambda a, b, c, d: (torch.linalg.inv(a), torch.linalg.det(b), torch.linalg.eigvalsh(sym(c)), torch.linalg.matrix_exp(d)))
case(L + 'determinant of size 0', [randn(0, 0)], lambda a: (*torch.linalg.slogdet(a), torch.linalg.det(a)))
case(L + 'singular values of no columns', [randn(3, 0)], torch.linalg.svdvals)
case(L + 'det of a singular matrix', [torch.ones(3, 3)], torch.linalg.det, grad=False)
case(L + 'pseudo-inverse of zero', [torch.zeros(3, 2)], torch.linalg.pinv, grad=False)
case(L + 'pseudo-inverse of no rows', [randn(0, 3)], torch.linalg.pinv)
case(L + 'least squares of rank 2', [randn(5, 2) @ randn(2, 4), randn(5, 2)], lambda a, b: torch.linalg.lstsq(a, b, rcond=1e-10, driver='gelsd').solution, grad=False)
case(L + 'sum of squares of repeated eigenvalues', [torch.diag(T(2.0, 1.0, 2.0))], lambda a: torch.linalg.eigvalsh(sym(a)).square().sum())
case(L + 'nuclear norm with repeated singular values', [2 * torch.eye(3)], lambda a: torch.linalg.matrix_norm(a, 'nuc'))
case(L + 'eigenvalues of a singular matrix', [torch.ones(4, 4)], torch.linalg.eigvalsh, grad=False)
case(L + 'matrix exponential of size 1', [T([-3.0])], torch.linalg.matrix_exp)
case(L + 'solve after a row exchange', [T([0.0, 1.0], [2.0, 3.0]), randn(2, 1)], torch.linalg.solve)
case(L + 'trace', [randn(4, 4)], torch.trace)

V = 'convolution/'
def channels_first(x): return x.movedim(-1, 1)
def channels_last(x): return x.movedim(1, -1)
def conv(rank, pad=None, mode='constant', **options):
    order = (rank + 1, rank) + tuple(range(rank))
    def f(x, w):
        a = channels_first(x).contiguous()
        if pad: a = F.pad(a, pad, mode=mode)
        return channels_last((F.conv1d, F.conv2d)[rank - 1](a, w.permute(order).contiguous(), **options))
    return f
def conv_transpose(rank, **options):
    order = (rank + 1, rank) + tuple(range(rank))
    return lambda x, w: channels_last((F.conv_transpose1d, F.conv_transpose2d)[rank - 1](channels_first(x), w.permute(order), **options))
case(V + '1-d', [randn(2, 9, 3), randn(3, 3, 4)], conv(1))
case(V + '1-d stride 2, padding 1', [randn(2, 9, 3), randn(3, 3, 4)], conv(1, stride=2, padding=1))
case(V + '1-d dilation 3', [randn(2, 12, 3), randn(3, 3, 2)], conv(1, dilation=3))
case(V + '1-d circular', [randn(2, 8, 3), randn(5, 3, 2)], conv(1, (2, 2), 'circular'))
case(V + '1-d groups', [randn(2, 8, 4), randn(3, 2, 6)], conv(1, groups=2))
case(V + '1-d stride beyond the window', [randn(2, 10, 3), randn(2, 3, 4)], conv(1, stride=4))
case(V + '1-d window 1', [randn(2, 5, 3), randn(1, 3, 4)], conv(1))
case(V + '2-d', [randn(2, 7, 6, 3), randn(3, 2, 3, 4)], conv(2))
case(V + '2-d stride 2 by 3', [randn(2, 9, 8, 2), randn(3, 3, 2, 4)], conv(2, stride=(2, 3)))
case(V + '2-d uneven padding', [randn(1, 5, 6, 2), randn(3, 3, 2, 3)], conv(2, (2, 0, 1, 3)))
case(V + '2-d same, even window', [randn(1, 6, 5, 2), randn(4, 2, 2, 3)], conv(2, (0, 1, 1, 2)))
case(V + '2-d same, stride 2', [randn(1, 7, 7, 2), randn(3, 3, 2, 3)], conv(2, stride=2, padding=1))
case(V + '2-d circular', [randn(1, 6, 5, 2), randn(3, 3, 2, 3)], conv(2, (1, 1, 1, 1), 'circular'))
case(V + '2-d dilation 2, stride 2, padding 2', [randn(2, 9, 9, 2), randn(3, 3, 2, 3)], conv(2, dilation=2, stride=2, padding=2))
case(V + '2-d depthwise', [randn(2, 6, 6, 4), randn(3, 3, 1, 4)], conv(2, groups=4, padding=1))
case(V + '2-d groups, two features each', [randn(2, 6, 6, 3), randn(3, 3, 1, 6)], conv(2, groups=3))
case(V + '2-d window as large as the input', [randn(2, 4, 3, 2), randn(4, 3, 2, 5)], conv(2))
case(V + '2-d of an empty batch', [randn(0, 5, 5, 2), randn(3, 3, 2, 3)], conv(2))
case(V + 'transposed 1-d', [randn(2, 6, 4), randn(3, 2, 4)], conv_transpose(1))
case(V + 'transposed 1-d stride 3, output padding 2', [randn(2, 5, 4), randn(3, 2, 4)], conv_transpose(1, stride=3, output_padding=2))
case(V + 'transposed 2-d stride 2, padding 1, output padding 1', [randn(2, 4, 5, 4), randn(3, 3, 2, 4)], conv_transpose(2, stride=2, padding=1, output_padding=1))
case(V + 'transposed 2-d groups, dilation 2', [randn(2, 4, 4, 6), randn(3, 3, 2, 6)], conv_transpose(2, groups=2, dilation=2))
def pool(f, *args, **options): return lambda x: channels_last(f(channels_first(x), *args, **options))
case(V + 'max pooling 2', [randn(2, 6, 6, 3)], pool(F.max_pool2d, 2))
case(V + 'max pooling 3, stride 2, padding 1', [randn(2, 7, 6, 3)], pool(F.max_pool2d, 3, 2, 1))
case(V + 'max pooling 1-d, overlapping', [randn(2, 8, 3)], pool(F.max_pool1d, 3, 1))
case(V + 'max pooling of equal elements', [torch.ones(1, 4, 4, 1)], pool(F.max_pool2d, 2))
case(V + 'max pooling of negatives, padded', [-1 - rand(1, 5, 5, 2)], pool(F.max_pool2d, 3, 2, 1))
case(V + 'max pooling with a rest', [randn(1, 7, 7, 2)], pool(F.max_pool2d, 2))
case(V + 'max pooling, stride beyond the window', [randn(1, 8, 8, 2)], pool(F.max_pool2d, 2, 3))
case(V + 'max pooling of -inf', [torch.full((1, 4, 4, 1), -inf)], pool(F.max_pool2d, 2))
case(V + 'max pooling with NaN', [T(1.0, nan, 3.0, 2.0).reshape(1, 4, 1)], pool(F.max_pool1d, 2), grad=False)
case(V + 'average pooling 2', [randn(2, 6, 6, 3)], pool(F.avg_pool2d, 2))
case(V + 'average pooling 3, stride 2, padding counted', [randn(2, 7, 6, 3)], pool(F.avg_pool2d, 3, 2, 1))
case(V + 'average pooling, padding not counted', [randn(2, 7, 6, 3)], pool(F.avg_pool2d, 3, 2, 1, count_include_pad=False))
case(V + 'average pooling 1-d', [randn(2, 9, 3)], pool(F.avg_pool1d, 3, 2))
case(V + 'global average', [randn(2, 5, 4, 3)], lambda x: F.adaptive_avg_pool2d(channels_first(x), 1)[:, :, 0, 0])

N = 'normalisation/'
case(N + 'layer norm', [randn(4, 3, 6), randn(6), randn(6)], lambda x, s, b: F.layer_norm(x, (6,), s, b))
case(N + 'layer norm of equal elements', [torch.full((2, 5), 3.0), randn(5), randn(5)], lambda x, s, b: F.layer_norm(x, (5,), s, b))
case(N + 'layer norm of an empty batch', [randn(0, 5), randn(5), randn(5)], lambda x, s, b: F.layer_norm(x, (5,), s, b))
case(N + 'layer norm of one feature', [randn(3, 1), randn(1), randn(1)], lambda x, s, b: F.layer_norm(x, (1,), s, b))
case(N + 'batch norm in training', [randn(8, 5), randn(5), randn(5)], lambda x, s, b: F.batch_norm(x, None, None, s, b, True))
case(N + 'batch norm in training, images', [randn(3, 4, 4, 2), randn(2), randn(2)], lambda x, s, b: channels_last(F.batch_norm(channels_first(x), None, None, s, b, True)))
def statistics(x, mean, variance):
    m, v = mean.clone(), variance.clone()
    F.batch_norm(channels_first(x), m, v, None, None, True, 0.1)
    return m, v
case(N + 'batch norm, new statistics', [3 + randn(3, 4, 4, 2), randn(2), rand(2)], statistics, grad=False)
case(N + 'batch norm in evaluation', [randn(6, 3), randn(3), randn(3), randn(3), 0.5 + rand(3)], lambda x, s, b, m, v: F.batch_norm(x, m, v, s, b, False), fixed=(3, 4))
case(N + 'batch norm of a constant channel', [torch.cat([randn(5, 1), torch.full((5, 1), 2.0)], 1), randn(2), randn(2)], lambda x, s, b: F.batch_norm(x, None, None, s, b, True))
for groups in (1, 2, 6):
    case(N + f'group norm {groups} of 6', [randn(2, 3, 4, 6), randn(6), randn(6)], lambda x, s, b, g=groups: channels_last(F.group_norm(channels_first(x), g, s, b)))
case(N + 'group norm of sequences', [randn(2, 5, 4), randn(4), randn(4)], lambda x, s, b: channels_last(F.group_norm(channels_first(x), 2, s, b)))
case(N + 'layer norm far from zero', [1e6 + randn(3, 8), randn(8), randn(8)], lambda x, s, b: F.layer_norm(x, (8,), s, b))
case(N + 'rms norm', [randn(4, 6), randn(6)], lambda x, s: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * s)

B = 'attention/'
def attend(q, k, v, mask=None):
    s = q @ k.mT / q.shape[-1] ** 0.5
    return torch.softmax(s if mask is None else s.masked_fill(~mask, -inf), -1) @ v
case(B + 'scaled dot product', [randn(2, 5, 4), randn(2, 6, 4), randn(2, 6, 3)], attend)
case(B + 'causal', [randn(2, 5, 4), randn(2, 5, 4), randn(2, 5, 3)], lambda q, k, v: attend(q, k, v, torch.ones(5, 5, dtype=torch.bool).tril()))
case(B + 'with lengths', [randn(2, 3, 4), randn(2, 6, 4), randn(2, 6, 3), torch.tensor([6, 2])], lambda q, k, v, n: attend(q, k, v, (torch.arange(6) < n[:, None])[:, None]))
case(B + 'huge scores', [100 * randn(3, 4), 100 * randn(5, 4), randn(5, 2)], attend)
case(B + 'one key', [randn(3, 4), randn(1, 4), randn(1, 2)], attend)
def multi_head(causal):
    def f(x, wq, bq, wk, bk, wv, bv, wo, bo):
        a = x.transpose(0, 1)
        mask = torch.ones(len(a), len(a), dtype=torch.bool).triu(1) if causal else None
        y, _ = F.multi_head_attention_forward(a, a, a, 6, 2, torch.cat([wq.T, wk.T, wv.T]), torch.cat([bq, bk, bv]), None, None, False, 0.0, wo.T, bo, attn_mask=mask, need_weights=False)
        return y.transpose(0, 1)
    return f
heads = lambda: [randn(2, 5, 6)] + [t for _ in range(4) for t in (randn(6, 6), randn(6))]
case(B + 'multi-head', heads(), multi_head(False))
case(B + 'multi-head, causal', heads(), multi_head(True))

Q = 'recurrent/'
def cell(kind): return lambda x, h, v, w, b: getattr(torch._VF, kind)(x, h, v.T, w.T, b, torch.zeros_like(b))
def lstm_step(x, h, c, v, w, b): return torch._VF.lstm_cell(x, (h, c), v.T, w.T, b, torch.zeros_like(b))
weights = lambda gates: [randn(3, gates * 4) / 2, randn(4, gates * 4) / 2, randn(gates * 4) / 2]
case(Q + 'rnn step', [randn(5, 3), randn(5, 4)] + weights(1), cell('rnn_tanh_cell'))
case(Q + 'gru step', [randn(5, 3), randn(5, 4)] + weights(3), cell('gru_cell'))
case(Q + 'lstm step', [randn(5, 3), randn(5, 4), randn(5, 4)] + weights(4), lstm_step)
def sequence(kind, reverse=False):
    def f(x, v, w, b):
        h = torch.zeros(1, x.shape[0], 4)
        a = x.flip(1) if reverse else x
        parts = getattr(torch._VF, kind)(a, (h, h) if kind == 'lstm' else h, [v.T, w.T, b, torch.zeros_like(b)], True, 1, 0.0, False, False, True)
        return (parts[0].flip(1) if reverse else parts[0]), parts[1][0]
    return f
case(Q + 'rnn of 7 steps', [randn(2, 7, 3)] + weights(1), sequence('rnn_tanh'))
case(Q + 'gru of 7 steps', [randn(2, 7, 3)] + weights(3), sequence('gru'))
case(Q + 'lstm of 7 steps', [randn(2, 7, 3)] + weights(4), sequence('lstm'))
case(Q + 'gru of 7 steps, reversed', [randn(2, 7, 3)] + weights(3), sequence('gru', True))
case(Q + 'lstm of 1 step', [randn(2, 1, 3)] + weights(4), sequence('lstm'))
case(Q + 'rnn of 60 steps', [randn(2, 60, 3)] + weights(1), sequence('rnn_tanh'))

W = 'fourier/'
def pair(z): return z.real, z.imag
for n in (1, 2, 8, 12, 7, 31, 101):
    case(W + f'fft of {n}', [randn(3, n), randn(3, n)], lambda a, b: pair(torch.fft.fft(torch.complex(a, b))))
for n in (8, 9, 37):
    case(W + f'ifft of {n}', [randn(2, n), randn(2, n)], lambda a, b: pair(torch.fft.ifft(torch.complex(a, b))))
for n in (1, 8, 9, 37):
    case(W + f'rfft of {n}', [randn(2, n)], lambda a: pair(torch.fft.rfft(a)))
for n in (1, 8, 9, 37):
    case(W + f'irfft to {n}', [randn(2, n // 2 + 1), randn(2, n // 2 + 1)], lambda a, b, n=n: torch.fft.irfft(torch.complex(a, b), n))
for n in (2, 3): case(W + f'rfft and back, {n}', [randn(2, n)], lambda a, n=n: (torch.fft.irfft(torch.fft.rfft(a), n), *pair(torch.fft.rfft(a))))
case(W + 'irfft to 2', [randn(3, 2), randn(3, 2)], lambda a, b: torch.fft.irfft(torch.complex(a, b), 2))
case(W + 'fft of 1009', [randn(1009), randn(1009)], lambda a, b: pair(torch.fft.fft(torch.complex(a, b))))
case(W + 'rfft of axis 1, forward', [randn(2, 9, 3)], lambda a: pair(torch.fft.rfft(a, dim=1, norm='forward')))
case(W + 'irfft of axis 0, orthonormal', [randn(5, 2), randn(5, 2)], lambda a, b: torch.fft.irfft(torch.complex(a, b), 9, dim=0, norm='ortho'))
case(W + 'fft of axis 0, orthonormal', [randn(6, 3), randn(6, 3)], lambda a, b: pair(torch.fft.fft(torch.complex(a, b), dim=0, norm='ortho')))
case(W + 'fft2 of 6 by 5', [randn(2, 6, 5), randn(2, 6, 5)], lambda a, b: pair(torch.fft.fft2(torch.complex(a, b))))
case(W + 'ifft2 of 4 by 7', [randn(4, 7), randn(4, 7)], lambda a, b: pair(torch.fft.ifft2(torch.complex(a, b))))
case(W + 'rfft2 of 5 by 8', [randn(5, 8)], lambda a: pair(torch.fft.rfft2(a)))
case(W + 'irfft2 to 5 by 7', [randn(5, 4), randn(5, 4)], lambda a, b: torch.fft.irfft2(torch.complex(a, b), (5, 7)))
case(W + 'shift of 6 by 5', [randn(6, 5)], torch.fft.fftshift)

D = 'losses/'
case(D + 'cross-entropy', [randn(5, 4), ints(4, 5)], F.cross_entropy)
case(D + 'cross-entropy, smoothed', [randn(5, 4), ints(4, 5)], lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1))
case(D + 'cross-entropy of huge logits', [T([1e4, -1e4, 0.0], [-1e300, 0.0, 1.0]), torch.tensor([1, 2])], F.cross_entropy)
case(D + 'cross-entropy of an empty batch', [randn(0, 4), ints(4, 0)], F.cross_entropy)
case(D + 'cross-entropy with -inf', [T([0.3, -inf, 1.0], [-inf, -inf, 2.0]), torch.tensor([0, 2])], F.cross_entropy)
case(D + 'binary cross-entropy', [4 * randn(9), rand(9)], F.binary_cross_entropy_with_logits, fixed=(1,))
case(D + 'binary cross-entropy of huge logits', [T(800.0, -800.0, 800.0, -800.0), T(0.0, 0.0, 1.0, 1.0)], F.binary_cross_entropy_with_logits, fixed=(1,))
case(D + 'mean squared error', [randn(3, 4), randn(3, 4)], F.mse_loss)
case(D + 'huber', [3 * randn(12), torch.zeros(12)], lambda x, y: F.huber_loss(x, y, delta=1.5))
case(D + 'huber at the corner', [T(1.5, -1.5, 0.0), torch.zeros(3)], lambda x, y: F.huber_loss(x, y, delta=1.5))
case(D + 'Kullback-Leibler', [randn(3, 5).log_softmax(-1), randn(3, 5).log_softmax(-1)], lambda p, q: F.kl_div(q, p, log_target=True, reduction='batchmean'))
case(D + 'Kullback-Leibler with p = 0', [T([-inf, 0.0], [np.log(0.25), np.log(0.75)]), randn(2, 2).log_softmax(-1)], lambda p, q: F.kl_div(q, p.exp(), reduction='batchmean'), fixed=(0,))
case(D + 'hinge', [randn(9), torch.sign(randn(9))], lambda x, y: F.relu(1 - x * y).mean(), fixed=(1,))
case(D + 'logistic', [30 * randn(9), torch.sign(randn(9))], F.soft_margin_loss, fixed=(1,))

Z = 'optimisers/'
def optimise(make):
    def f(w, b, x, y):
        parameters = [w.clone().requires_grad_(), b.clone().requires_grad_()]
        optimiser = make(parameters)
        for _ in range(10):
            optimiser.zero_grad()
            loss = (torch.tanh(x @ parameters[0] + parameters[1]) - y).square().mean()
            loss.backward()
            optimiser.step()
        return parameters
    return f
problem = lambda: [randn(3, 2), randn(2), randn(8, 3), randn(8, 2)]
optim = torch.optim
for n, make in [
    ('sgd', lambda p: optim.SGD(p, 0.3)), ('sgd, momentum', lambda p: optim.SGD(p, 0.1, momentum=0.9)), ('sgd, Nesterov', lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True)),
    ('sgd, weight decay', lambda p: optim.SGD(p, 0.1, momentum=0.8, weight_decay=0.1)), ('adam', lambda p: optim.Adam(p, 0.05)), ('adam, other constants', lambda p: optim.Adam(p, 0.05, betas=(0.7, 0.95), eps=1e-3)),
    ('adamw', lambda p: optim.AdamW(p, 0.05, weight_decay=0.2)), ('rmsprop', lambda p: optim.RMSprop(p, 0.02, alpha=0.9))]:
    case(Z + n, problem(), optimise(make), grad=False)
def clip(a, b):
    gradients = [a.clone(), b.clone()]
    scale = 1.5 / max(1.5, torch.sqrt(a.square().sum() + b.square().sum()).item())
    return [g * scale for g in gradients]
case(Z + 'clipping by the global norm', [randn(3, 2), randn(4)], clip, grad=False)

# Hessian-vector products by double backward, and their own gradients: third derivatives.
H = 'second derivatives/'
def recurrence(x):
    h = x
    for t in range(5): h = torch.tanh(rows[:3] @ h + x)
    return h.square().sum()
def hvp(f):
    def g(x, v):
        p = x if x.requires_grad else x.clone().requires_grad_()
        first, = torch.autograd.grad(f(p), p, create_graph=True)
        second, = torch.autograd.grad(first, p, v, create_graph=True)
        return second
    return g
x32, w43 = torch.linspace(-1, 1, 6).reshape(3, 2), torch.linspace(-2, 2, 8).reshape(2, 4).sin()
shifted = lambda x: x @ x.T + torch.eye(len(x))
rows = torch.linspace(0.2, 2, 12).reshape(4, 3).sin()
for n, shape, f in [
    ('softmax', (2, 4), lambda x: torch.softmax(x, -1).square().sum()), ('gelu', (5,), lambda x: F.gelu(x).square().sum()), ('cumprod', (5,), lambda x: x.cumprod(0).square().sum()),
    ('sort', (5,), lambda x: (x.sort().values.cumsum(0) ** 3).sum()), ('cholesky', (3, 3), lambda x: (torch.linalg.cholesky(shifted(x)) ** 3).sum()), ('solve', (3, 3), lambda x: torch.linalg.solve(shifted(x) + x, rows.T).square().sum()),
    ('slogdet', (3, 3), lambda x: torch.linalg.slogdet(x).logabsdet ** 2), ('eigenvalues', (3, 3), lambda x: (torch.linalg.eigvalsh(sym(x)) ** 4).sum()), ('eigh', (3, 3), lambda x: (of_eigh(torch.tanh)(x) * rows[:3]).sum()),
    ('svd', (4, 3), lambda x: (by_svd(x) * rows).sum()), ('qr', (4, 3), lambda x: ((positive_qr(x)[0] * rows).sum() + positive_qr(x)[1].square().sum()) ** 2), ('pseudo-inverse', (4, 3), lambda x: (torch.linalg.pinv(x) * rows.T).sum() ** 2),
    ('matrix exponential', (3, 3), lambda x: (torch.linalg.matrix_exp(x) * rows[:3]).sum()), ('attention', (4, 3), lambda x: attend(x, x.sin(), x).square().sum()), ('max pooling', (8,), lambda x: F.max_pool1d(x[None, None], 2).tanh().square().sum()),
    ('variance', (6,), lambda x: x.var(unbiased=False) ** 2), ('scan', (3,), recurrence), ('power', (4,), lambda x: ((1 + x.square()) ** (x.sin() + 2)).sum()),
    ('tanh', (5,), lambda x: (torch.tanh(x) * x).sum()), ('softplus', (5,), lambda x: F.softplus(x).square().sum()), ('logsumexp', (2, 4), lambda x: torch.logsumexp(x, 1).square().sum()),
    ('cross-entropy', (3, 4), lambda x: F.cross_entropy(x, torch.tensor([0, 3, 1]))), ('erf', (5,), lambda x: torch.erf(x).square().sum()), ('product', (5,), lambda x: x.prod()),
    ('norm', (5,), lambda x: torch.linalg.vector_norm(x) ** 3), ('log det', (3, 3), lambda x: torch.logdet(x @ x.T + torch.eye(3))), ('inverse', (3, 3), lambda x: torch.linalg.inv(x @ x.T + torch.eye(3)).sum()),
    ('matrix chain', (4, 3), lambda x: (torch.tanh(x32 @ w43 @ x)).square().sum()), ('layer norm', (3, 4), lambda x: (((x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)) ** 3).sum()),
    ('lgamma', (5,), lambda x: torch.lgamma(1 + x.square()).sum()), ('convolution', (7,), lambda x: F.conv1d(x.sin()[None, None], x[None, None, :3]).square().sum()), ('fft', (6,), lambda x: torch.fft.rfft(x.tanh()).abs().square().sum())]:
    case(H + n, [randn(*shape), randn(*shape)], hvp(f))

G = 'networks/'
def mlp(x, y, w1, b1, w2, b2, w3, b3):
    a = torch.tanh(x @ w1 + b1)
    return F.cross_entropy(F.gelu(a @ w2 + b2) @ w3 + b3, y)
case(G + 'mlp', [randn(8, 5), ints(3, 8), randn(5, 7), randn(7), randn(7, 6), randn(6), randn(6, 3), randn(3)], mlp)
def cnn(x, y, k1, c1, s, b, k2, c2, w, d):
    a = F.conv2d(channels_first(x), k1.permute(3, 2, 0, 1), c1, padding=1)
    a = F.max_pool2d(F.relu(F.batch_norm(a, None, None, s, b, True)), 2)
    a = F.avg_pool2d(torch.tanh(F.conv2d(a, k2.permute(3, 2, 0, 1), c2, stride=2, padding=1)), 2)
    return F.cross_entropy(channels_last(a).flatten(1) @ w + d, y)
case(G + 'cnn', [randn(3, 8, 8, 2), ints(3, 3), randn(3, 3, 2, 4), randn(4), randn(4), randn(4), randn(3, 3, 4, 5) / 3, randn(5), randn(5, 3), randn(3)], cnn)
def resnet(x, w1, w2, s, b): return (x + F.relu(F.layer_norm(x @ w1, (6,), s, b)) @ w2).square().mean()
case(G + 'residual block', [randn(5, 6), randn(6, 6), randn(6, 6), randn(6), randn(6)], resnet)

# Where the two libraries mean different things: told side by side, and required to differ.
K = 'conventions/'
case(K + 'clamp at a bound', [T(1.0, -1.0)], lambda x: torch.clamp(x, -1, 1))
case(K + 'hard tanh at a corner', [T(1.0, -1.0)], F.hardtanh)
case(K + 'root of a sum of squares at 0', [torch.zeros(3)], lambda x: x.square().sum().sqrt())
case(K + 'max of all, by index, with ties', [T(3.0, 3.0, 1.0)], lambda x: x.max(0).values)
case(K + 'sort descending with NaN', [T(1.0, nan, 2.0)], lambda x: x.sort(descending=True).values, grad=False)
case(K + 'top-k with NaN', [T(1.0, nan, 2.0)], lambda x: x.topk(2).values, grad=False)
case(K + 'sign of NaN', [T(nan)], torch.sign, grad=False)
case(K + 'eigh with a repeated eigenvalue', [torch.eye(2)], of_eigh(torch.tanh))
case(K + 'svd with a repeated singular value', [torch.eye(2)], by_svd)
case(K + 'attention without any key', [randn(1, 2), randn(2, 2), randn(2, 2)], lambda q, k, v: attend(q, k, v, torch.zeros(1, 2, dtype=torch.bool)), grad=False)
case(K + 'softplus above 20', [T(21.0)], F.softplus)
case(K + 'to integer of NaN and of what is too large', [T(nan, 1e300)], lambda x: x.to(torch.int32), grad=False)

np.savez(os.path.join(sys.argv[1], 'cases.npz'), **arrays)
print(f'PyTorch {torch.__version__}, NumPy {np.__version__}')
