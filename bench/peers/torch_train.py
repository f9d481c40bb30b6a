"""Training steps of PyTorch: the peer of `Nabla.Bench train`."""
import torch
import torch_threads

RATE = 0.01


def waves(shape, phase, scale):
    count = 1
    for size in shape:
        count *= size
    return (torch.sin(phase + 1.7 * torch.arange(1, count + 1, dtype=torch.float64)) * scale).reshape(shape).float()


def step_of(threads, sizes, batch, classes, momentum, device='cpu', compiled=False):
    """A function that does one full-batch step and returns the loss before it; `compiled` by torch.compile, without the update."""
    torch_threads.use(threads)
    x = waves([batch, sizes[0]], 0.3, 1.0).to(device)
    if classes:
        target, loss_of = torch.arange(batch, device=device) % sizes[-1], torch.nn.functional.cross_entropy
    else:
        target, loss_of = torch.sin(3 * x[:, :1]), torch.nn.functional.mse_loss
    parameters = []
    for i in range(len(sizes) - 1):
        parameters.append(waves([sizes[i], sizes[i + 1]], i + 1.0, (2 / sizes[i]) ** 0.5).to(device).requires_grad_())
        parameters.append(waves([sizes[i + 1]], i + 5.0, 0.1).to(device).requires_grad_())
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=momentum)

    def forward():
        h = x
        for i in range(0, len(parameters), 2):
            h = torch.addmm(parameters[i + 1], h, parameters[i])
            if i + 2 < len(parameters):
                h = torch.relu(h)
        return loss_of(h, target)

    run = torch.compile(forward) if compiled else forward

    def step():
        loss = run()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


WARM_UPS = 3


def graph_of(step):
    """The same as a CUDA graph, after WARM_UPS steps."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()

    def replay():
        graph.replay()
        return loss

    return replay
