# Writes tests/Nabla.Tests/Verified/special-values.csv, which SpecialFunctionTests reads: function, argument, value rounded to f64, and what rounding left.
# Needs mpmath: python3 tests/oracle/special_values.py > tests/Nabla.Tests/Verified/special-values.csv
import random, sys
from mpmath import *
mp.dps = 60
random.seed(7)
def split(v):
    h = float(v)
    return h, (float(v - mpf(h)) if abs(h) != float('inf') else 0.0)
def loguniform(lo, hi): return 10.0 ** random.uniform(lo, hi)
def f32(x):
    import struct
    return struct.unpack('f', struct.pack('f', x))[0]
def quantile(q, tail):                       # x with Phi(-|x|) = tail
    c = 2 * tail
    f = lambda w: log(erfc(w)) - log(c)
    w0 = sqrt(-log(c)) if c < 0.9 else (1 - c) * sqrt(pi) / 2
    w = mpf(float(w0))
    for _ in range(200):
        d = f(w) / (-2 / sqrt(pi) * exp(-w * w) / erfc(w)); w -= d
        if abs(d) < mpf(10) ** -45 * abs(w): break
    return sign(q) * w
def erfinv_(y): return mpf(0) if y == 0 else quantile(y, (1 - abs(y)) / 2)
def nq(p): return mpf(0) if p == 0.5 else quantile(p - 0.5, min(p, 1 - p)) * sqrt(2)
cases = {}
def near(centre, n): return [centre + s * loguniform(-14, -0.5) for s in (1, -1) for _ in range(n)]
small = lambda n: [s * loguniform(-30, 0) for s in (1, -1) for _ in range(n)]
cases['NormalCdfOp'] = (lambda x: erfc(-x / sqrt(mpf(2))) / 2, small(10) + [random.uniform(-38, 9) for _ in range(60)] + [random.uniform(-2, 2) for _ in range(30)])
cases['NormalQuantileOp'] = (nq, [loguniform(-300, 0) for _ in range(30)] + [loguniform(-5, 0) for _ in range(20)] + [random.random() for _ in range(40)] + [1 - loguniform(-15, -1) for _ in range(20)] + near(0.5, 8))
cases['ErfInvOp'] = (erfinv_, small(15) + [random.uniform(-1, 1) for _ in range(50)] + [1 - loguniform(-15, -1) for _ in range(20)])
cases['LogGammaOp'] = (loggamma, [loguniform(-30, 30) for _ in range(40)] + [random.uniform(0, 4) for _ in range(50)] + [random.uniform(3, 40) for _ in range(40)] + near(1.0, 8) + near(2.0, 8))
cases['LogGammaNegative'] = (lambda x: re(loggamma(x)), [-loguniform(-30, 0) for _ in range(15)] + [random.uniform(-30, 0) for _ in range(40)])
cases['DigammaOp'] = (digamma, [loguniform(-30, 30) for _ in range(40)] + [random.uniform(0, 4) for _ in range(50)] + [random.uniform(3, 40) for _ in range(40)] + near(1.4616321449683622, 8))
cases['DigammaNegative'] = (digamma, [-loguniform(-30, 0) for _ in range(15)] + [random.uniform(-30, 0) for _ in range(40)])
cases['SinhOp'] = (sinh, small(15) + [random.uniform(-5, 5) for _ in range(40)] + [random.uniform(-710, 710) for _ in range(20)] + [s * random.uniform(709, 710.4) for s in (1, -1)] + [s * random.uniform(0.9, 1.1) for s in (1, -1) for _ in range(6)])
cases['CoshOp'] = (cosh, small(15) + [random.uniform(-5, 5) for _ in range(40)] + [random.uniform(-710, 710) for _ in range(20)] + [s * random.uniform(709, 710.4) for s in (1, -1)])
cases['AsinOp'] = (asin, small(15) + [random.uniform(-1, 1) for _ in range(40)] + [1 - loguniform(-15, -1) for _ in range(10)])
cases['AcosOp'] = (acos, small(15) + [random.uniform(-1, 1) for _ in range(40)] + [1 - loguniform(-15, -1) for _ in range(10)])
cases['AtanOp'] = (atan, [s * loguniform(-30, 30) for s in (1, -1) for _ in range(20)] + [random.uniform(-5, 5) for _ in range(40)])
for n in (1, 2, 3):
    cases['Polygamma%d' % n] = (lambda x, n=n: polygamma(n, x), [loguniform(-20, 20) for _ in range(15)] + [random.uniform(0, 30) for _ in range(30)] + [random.uniform(-20, 0) for _ in range(15)])
for name, (f, xs) in cases.items():
    for i, x in enumerate(xs):
        if i % 2 and f32(x) not in (0.0, 1.0, float('inf')) : x = f32(x)      # half of the arguments are numbers of both types
        if name in ('ErfInvOp', 'NormalQuantileOp', 'AsinOp', 'AcosOp') and abs(x) >= 1: continue
        if x == 0: continue
        h, l = split(f(mpf(x)))
        if abs(h) < 1e-300 and h != 0 and 'Normal' not in name: continue
        print('%s,%r,%r,%r' % (name, x, h, l))
