"""Sinkhorn's algorithm on stored matrices in f64, to compare with."""

import numpy as np


def costs(x, y, p=2):
    return (np.abs(x[:, None] - y[None]) ** 2).sum(-1) ** (p / 2)


def softmin(eps, scores):
    top = scores.max(1, keepdims=True)
    return -eps * (np.log(np.exp((scores - top) / eps).sum(1)) + top[:, 0] / eps)


def dual(x, y, a, b, eps, p=2, rho=np.inf, iterations=5000):
    """f, g, P and OT_ε after so many plain updates."""
    c = costs(x, y, p)
    damping = 1 / (1 + eps / rho)
    f, g = np.zeros(len(x)), np.zeros(len(y))
    with np.errstate(divide="ignore"):
        log_a, log_b = eps * np.log(a), eps * np.log(b)
    for _ in range(iterations):
        f = damping * softmin(eps, log_b + g - c)
        g = damping * softmin(eps, (log_a + f - c.T))
    plan = a[:, None] * b * np.exp((f[:, None] + g - c) / eps)

    def side(weights, potential):
        if np.isinf(rho):
            return weights @ potential
        return -rho * weights @ np.expm1(-potential / rho)

    value = side(a, f) + side(b, g) - eps * (plan.sum() - a.sum() * b.sum())
    return f, g, plan, value


def divergence(x, y, a, b, eps, p=2, rho=np.inf):
    ab, aa, bb = (dual(*of, eps, p, rho)[3] for of in ((x, y, a, b), (x, x, a, a), (y, y, b, b)))
    return ab - (aa + bb) / 2 + eps / 2 * (a.sum() - b.sum()) ** 2


def weights(n, seed):
    of = np.random.default_rng(seed).random(n) + 0.1
    return of / of.sum()


def cloud(n, d, seed):
    return np.random.default_rng(seed).random((n, d))
