"""Training steps of PyTorch, timed on request: the peer of `Nabla.Bench train`.

usage: torch_train.py THREADS SIZES BATCH LOSS MOMENTUM, with SIZES such as 1,500,1 and LOSS one of mse, crossentropy.
First prints the losses of ten steps; then, for each line read, the microseconds of a step as median of 15 batches of steps.
"""
import statistics
import sys
import time

import torch

threads, sizes, batch, loss_name, momentum = int(sys.argv[1]), [int(s) for s in sys.argv[2].split(',')], int(sys.argv[3]), sys.argv[4], float(sys.argv[5])
torch.set_num_threads(threads)
RATE = 0.01


def waves(shape, phase, scale):
    count = 1
    for size in shape:
        count *= size
    return (torch.sin(phase + 1.7 * torch.arange(1, count + 1, dtype=torch.float64)) * scale).reshape(shape).float()


x = waves([batch, sizes[0]], 0.3, 1.0)
if loss_name == 'mse':
    target, loss_of = torch.sin(3 * x[:, :1]), torch.nn.functional.mse_loss
else:
    target, loss_of = torch.arange(batch) % sizes[-1], torch.nn.functional.cross_entropy
parameters = []
for i in range(len(sizes) - 1):
    parameters.append(waves([sizes[i], sizes[i + 1]], i + 1.0, (2 / sizes[i]) ** 0.5).requires_grad_())
    parameters.append(waves([sizes[i + 1]], i + 5.0, 0.1).requires_grad_())
optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=momentum)


def step():
    h = x
    for i in range(0, len(parameters), 2):
        h = torch.addmm(parameters[i + 1], h, parameters[i])
        if i + 2 < len(parameters):
            h = torch.relu(h)
    loss = loss_of(h, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


print(' '.join(repr(step().item()) for _ in range(10)), flush=True)
for _ in range(30):
    step()
for _ in sys.stdin:
    start = time.perf_counter()
    step()
    steps = max(1, int(0.004 / (time.perf_counter() - start)))
    samples = []
    for _ in range(15):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        samples.append((time.perf_counter() - start) / steps)
    print(statistics.median(samples) * 1e6, flush=True)
