"""PyTorch for `Nabla.Bench`: runs statements sent to it and times them when it is its turn.

Prints its version, then answers each line read, a JSON object {"what": ..., "code": ...}, with a line of numbers:
  do      runs statements, whose names stay; no numbers
  values  the numbers of a list
  warm    runs a statement for 0.15 s; no numbers
  time    the seconds of a statement, five times, each over at least 2 ms of calls; twice if it takes more than 50 ms
What raises an exception is answered by "!" and what it says.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import torch
    import torch_threads
except ImportError:
    sys.exit('no PyTorch')

names = {'torch': torch, 'torch_threads': torch_threads}
loops = {}


def loop_of(statement):
    if statement not in loops:
        scope = dict(names)
        exec(f'def loop(calls):\n for _ in range(calls):\n  {statement}', scope)
        loops[statement] = scope['loop']
    return loops[statement]


def seconds_of(loop, calls):
    start = time.perf_counter()
    loop(calls)
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def calls_for(loop, seconds):
    calls = 1
    while True:
        took = seconds_of(loop, calls)
        if took >= seconds:
            return calls
        calls = max(calls + 1, min(10 * calls, int(calls * seconds / max(took, 1e-9)) + 1))


batches = {}
print(f'PyTorch {torch.__version__}', flush=True)


def answer(what, code):
    numbers = []
    if what == 'do':
        loops.clear()
        batches.clear()
        exec(code, names)
    elif what == 'values':
        numbers = eval(code, names)
    elif what == 'warm':
        loop = loop_of(code)
        calls_for(loop, 0.15)
        batches[code] = calls_for(loop, 0.002)
    else:
        loop, calls = loop_of(code), batches[code]
        while len(numbers) < (2 if numbers and numbers[0] > 0.05 else 5):
            numbers.append(seconds_of(loop, calls) / calls)
    return numbers


for line in sys.stdin:
    request = json.loads(line)
    try:
        print(' '.join(repr(float(n)) for n in answer(request['what'], request['code'])), flush=True)
    except Exception as e:
        print('!', ' '.join(f'{type(e).__name__}: {e}'.split())[:300], flush=True)
