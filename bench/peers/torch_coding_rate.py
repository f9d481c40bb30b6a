"""ΔR and its gradient in PyTorch, four formulations, for `Nabla.Bench coding-rate`. Features are [n, d], one sample a row, f32.

  dense      as the authors publish it: memberships as diagonal n×n matrices, logdet by LU, autograd
  loop       rows selected class by class, torch.logdet, autograd
  cholesky   class Grams stacked, one batched Cholesky, log of the diagonals, autograd
  closed     the same batched Cholesky without autograd: inverses, and one matrix a class for the gradient
"""
import torch
import torch_threads


def waves(n, d):
    i = torch.arange(1, n + 1, dtype=torch.float64)[:, None]
    r = torch.arange(1, d + 1, dtype=torch.float64)[None, :]
    y = torch.sin(0.37 * r * i) + 0.3 * torch.cos(1.7 * r - 0.9 * i)
    return (y / y.norm(dim=1, keepdim=True)).float()


def case(threads, d, n, k, e2, device='cpu'):
    """Names of the formulations (dense memberships for small cases only), each a function () → (value, gradient)."""
    torch_threads.use(threads)
    y = waves(n, d).to(device)
    labels = torch.arange(n, device=device) % k
    identity = torch.eye(d, device=device)
    members = [torch.nonzero(labels == j)[:, 0] for j in range(k)]
    counts = torch.tensor([len(m) for m in members], dtype=torch.float32, device=device)
    alphas, weights = d / (counts * e2), counts / n
    alpha = d / (n * e2)

    def graded(loss_of):
        def run():
            x = y.detach().requires_grad_()
            value = loss_of(x)
            value.backward()
            return value.detach(), x.grad
        return run

    def dense_loss(x, pi):
        z = x.T
        value = 0.5 * torch.logdet(identity + alpha * z @ z.T)
        for j in range(k):
            value = value - weights[j] / 2 * torch.logdet(identity + alphas[j] * z @ pi[j] @ z.T)
        return value

    def loop_loss(x):
        value = 0.5 * torch.logdet(identity + alpha * x.T @ x)
        for j in range(k):
            own = x[members[j]]
            value = value - weights[j] / 2 * torch.logdet(identity + alphas[j] * own.T @ own)
        return value

    def grams_of(x):
        own = [x[m] for m in members]
        return own, torch.stack([o.T @ o for o in own])

    def cholesky_loss(x):
        _, grams = grams_of(x)
        factors = torch.linalg.cholesky(identity + torch.cat([alpha * grams.sum(0, keepdim=True), alphas[:, None, None] * grams]))
        logdets = torch.diagonal(factors, dim1=1, dim2=2).log().sum(1)
        return logdets[0] - (weights * logdets[1:]).sum()

    def closed():
        own, grams = grams_of(y)
        factors = torch.linalg.cholesky(identity + torch.cat([alpha * grams.sum(0, keepdim=True), alphas[:, None, None] * grams]))
        logdets = torch.diagonal(factors, dim1=1, dim2=2).log().sum(1)
        inverses = torch.cholesky_inverse(factors)
        folded = alpha * inverses[:1] - (weights * alphas)[:, None, None] * inverses[1:]
        gradient = torch.empty_like(y)
        for j in range(k):
            gradient[members[j]] = own[j] @ folded[j]
        return logdets[0] - (weights * logdets[1:]).sum(), gradient

    found = {'loop': graded(loop_loss), 'cholesky': graded(cholesky_loss), 'closed': closed}
    if k * n * n * 4 < 1 << 26:
        pi = [torch.diag((labels == j).float()) for j in range(k)]
        found['dense'] = graded(lambda x: dense_loss(x, pi))
    return found


def summary(run):
    """ΔR, ‖gradient‖, and the gradient along cos(1 + position)."""
    value, gradient = run()
    cosines = torch.cos(1 + torch.arange(gradient.numel(), dtype=torch.float64, device=gradient.device)).reshape(gradient.shape)
    return [value.item(), gradient.double().norm().item(), (gradient.double() * cosines).sum().item()]


def redunet(threads, d, n, k, layers, e2, step, gate, device='cpu'):
    """A function that builds a ReduNet and gives ΔR before each layer and the features: class Grams, one batched Cholesky and inverse, one product for all operators."""
    torch_threads.use(threads)
    start = waves(n, d).to(device)
    labels = torch.arange(n, device=device) % k
    order = torch.argsort(labels, stable=True)
    counts = torch.bincount(labels, minlength=k)
    bounds = [0] + torch.cumsum(counts, 0).tolist()
    identity = torch.eye(d, device=device)
    shares = counts.float() / n
    alphas = torch.cat([torch.tensor([d / (n * e2)], device=device), d / (counts.float() * e2)])
    eta, sharpness = step * n / d, gate * n / d
    weights = torch.cat([torch.ones(1, device=device), -shares])

    @torch.no_grad()
    def build():
        z = start[order]
        reductions, operators = [], []
        for _ in range(layers):
            own = [z[a:b] for a, b in zip(bounds, bounds[1:])]
            grams = torch.stack([o.T @ o for o in own])
            factors = torch.linalg.cholesky(identity + alphas[:, None, None] * torch.cat([grams.sum(0, keepdim=True), grams]))
            logdets = torch.diagonal(factors, dim1=1, dim2=2).log().sum(1)
            reductions.append((weights * logdets).sum())
            matrices = alphas[:, None, None] * torch.cholesky_inverse(factors)
            operators.append(matrices)
            products = (z @ matrices.reshape(-1, d).T).reshape(n, k + 1, d)
            gates = torch.softmax(-sharpness * products[:, 1:].norm(dim=2), dim=1)
            z = z + eta * (products[:, 0] - torch.einsum('nj,njd->nd', gates * shares, products[:, 1:]))
            z = z / z.norm(dim=1, keepdim=True)
        features = torch.empty_like(z)
        features[order] = z
        return torch.stack(reductions), features, operators
    return build


def redunet_summary(build):
    """ΔR before the first and before the last layer, and the features along cos(1 + position)."""
    reductions, features, _ = build()
    cosines = torch.cos(1 + torch.arange(features.numel(), dtype=torch.float64, device=features.device)).reshape(features.shape)
    return [reductions[0].item(), reductions[-1].item(), (features.double() * cosines).sum().item()]
