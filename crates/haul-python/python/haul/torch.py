"""Losses for torch, with the names and conventions of GeomLoss.

In place of ``from geomloss import SamplesLoss`` write ``from haul.torch import SamplesLoss``.
"""

from __future__ import annotations

import math
from typing import Any, Optional, Union

import numpy as np
import torch

from . import _haul
from ._arrays import numeric
from ._device import Device, chosen
from ._haul import Error
from ._once import once
from ._results import Discrepancy, Divergence, Solution
from ._solve import Sided, _both, _checked, _settings

__all__ = ["SamplesLoss"]

#: The settings of GeomLoss that have no meaning here, with their defaults.
_NO_MEANING = {"diameter": None, "scaling": 0.5, "truncate": 5, "cluster_scale": None, "backend": "auto"}


class SamplesLoss(torch.nn.Module):
    """A loss between sampled measures, with the signature and the conventions of GeomLoss's ``SamplesLoss``.

    ==============  =============================================================================================
    ``loss``        value
    ==============  =============================================================================================
    ``sinkhorn``    S_ε for the cost ½|x − y|² (p = 2) or |x − y| (p = 1), ε = blur^p, ρ = reach^p; with
                    ``debias=False``, OT_ε
    ``energy``      ½ ⟨α − β, k(α − β)⟩ for k = −|x − y|
    ``gaussian``    the same for k = exp(−|x − y|²/(2 blur²))
    ``laplacian``   the same for k = exp(−|x − y|/blur)
    ==============  =============================================================================================

    It is called as ``loss(x, y)`` or ``loss(a, x, b, y)``, with x of shape (N, D) and y of shape (M, D), or (B, N, D) and
    (B, M, D), and weights of shape (N,) and (M,), or (B, N) and (B, M). The value is a scalar, or of shape (B,), of the dtype
    and on the device of x. It is differentiable once in all four. With ``potentials=True`` it returns the dual potentials F
    and G, of the shapes of the weights, without derivatives. ``reach`` may be a pair, of x and of y, with ``math.inf`` where
    mass is kept.

    ``tol``, ``device`` and ``precision`` are those of :func:`haul.sinkhorn`. The solve ends at an error, not after a
    schedule, so that ``scaling``, ``diameter``, ``truncate``, ``cluster_scale`` and ``backend`` have no meaning; what differs
    from their defaults is ignored, with one warning. ``cost``, ``kernel`` and the loss ``hausdorff`` are refused.

    Examples
    --------
    >>> import torch
    >>> from haul.torch import SamplesLoss
    >>> x = torch.zeros(1, 2, requires_grad=True)
    >>> loss = SamplesLoss("sinkhorn", p=2, blur=0.05)(x, torch.tensor([[3.0, 4.0]]))
    >>> loss.backward()
    >>> round(loss.item(), 3), x.grad.numpy().round(3).tolist()  # ½ |x − y|², and x − y
    (12.5, [[-3.0, -4.0]])
    """

    def __init__(
        self,
        loss: str = "sinkhorn",
        p: int = 2,
        blur: float = 0.05,
        reach: Sided = None,
        diameter: Optional[float] = None,
        scaling: float = 0.5,
        truncate: Optional[float] = 5,
        cost: Any = None,
        kernel: Any = None,
        cluster_scale: Optional[float] = None,
        debias: bool = True,
        potentials: bool = False,
        verbose: bool = False,
        backend: str = "auto",
        *,
        tol: float = 1e-3,
        max_iterations: int = 10_000,
        device: Union[str, Device] = "auto",
        precision: Optional[str] = None,
    ) -> None:
        super().__init__()
        if loss not in ("sinkhorn", "energy", "gaussian", "laplacian"):
            raise Error(f"loss is {loss!r}; it must be 'sinkhorn', 'energy', 'gaussian' or 'laplacian'")
        if cost is not None or kernel is not None:
            raise Error("haul has no costs and kernels from functions; leave cost and kernel out")
        if loss == "sinkhorn" and p not in (1, 2):
            raise Error(f"p is {p}; SamplesLoss has 1 and 2, and haul.divergence any p above 0 and at most 2")
        if potentials and loss != "sinkhorn":
            raise Error(f"the loss {loss!r} has no potentials; they are of 'sinkhorn'")
        given = {
            "diameter": diameter,
            "scaling": scaling,
            "truncate": truncate,
            "cluster_scale": cluster_scale,
            "backend": backend,
        }
        ignored = [name for name, value in given.items() if value != _NO_MEANING[name]]
        if ignored:
            once(f"{', '.join(ignored)} of SamplesLoss have no meaning in haul, whose solves end at tol; ignored")
        self.loss, self.p, self.blur, self.reach = loss, p, blur, reach
        self.debias, self.potentials, self.verbose = debias, potentials, verbose
        self.tol, self.max_iterations = tol, max_iterations
        self.device, self.precision = device, precision

    def forward(self, *args: torch.Tensor) -> Any:
        """The loss of ``(x, y)`` or ``(a, x, b, y)``; six arguments, with labels of clusters, are taken as the four of
        them."""
        a, x, b, y, batched = _tensors(*args)
        if self.potentials:
            problems = _Problems(self, a, x, b, y)
            f, g = problems.potentials()
            shapes = [of.shape for of in ((args[-4], args[-2]) if len(args) > 2 else (a, b) if batched else (a[0], b[0]))]
            f, g = (torch.from_numpy(values).to(x).reshape(shape) for values, shape in zip((f, g), shapes))
            return f, g
        values = _Loss.apply(self, a, x, b, y)
        return values if batched else values[0]


class _Loss(torch.autograd.Function):
    """The values of B problems, and the derivatives that were asked for, computed with them."""

    @staticmethod
    def forward(ctx: Any, settings: SamplesLoss, *tensors: torch.Tensor) -> torch.Tensor:
        problems = _Problems(settings, *tensors)
        gradients = problems.gradients(ctx.needs_input_grad[1:])
        pairs = [(torch.from_numpy(of).to(like), like) for of, like in zip(gradients, tensors) if of is not None]
        ctx.save_for_backward(*(of for pair in pairs for of in pair))
        return torch.from_numpy(problems.values()).to(tensors[1])

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> Any:
        saved = iter(ctx.saved_tensors)
        slopes = []
        for wanted in ctx.needs_input_grad[1:]:
            if not wanted:
                slopes.append(None)
                continue
            slope = _Slope.apply(next(saved), next(saved))
            slopes.append(slope * outer.to(slope).reshape(-1, *[1] * (slope.dim() - 1)))
        return (None, *slopes)


class _Slope(torch.autograd.Function):
    """A derivative, known as a function of its input, so that nobody takes it for a constant."""

    @staticmethod
    def forward(ctx: Any, slope: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return slope.clone()

    @staticmethod
    def backward(ctx: Any, _: torch.Tensor) -> Any:
        raise RuntimeError("haul's SamplesLoss is differentiable once: it has no second derivatives")


class _Problems:
    """B problems in the conventions of GeomLoss, solved in haul's.

    For p = 2 the cost is half of haul's: ½|x − y|² + blur² KL is half of |x − y|² + 2 blur² KL. So ε = 2 blur² and
    ρ = 2 reach², and values, potentials and derivatives are halved.
    """

    def __init__(self, settings: SamplesLoss, *tensors: torch.Tensor) -> None:
        self.settings = settings
        a, x, b, y = (numeric(of, name) for of, name in zip(tensors, ("a", "x", "b", "y")))
        sides = [
            [_haul.Measure.cloud(points, weights) for points, weights in zip(*side)] for side in ((x, a), (y, b))
        ]
        self.pairs = list(zip(*sides))
        self.shapes = [of.shape for of in (a, x, b, y)]
        reach = _both(settings.reach)
        self.balanced = all(map(math.isinf, reach))
        device = chosen(settings.device, settings.precision)
        if settings.loss == "sinkhorn":
            self.half = 0.5 if settings.p == 2 else 1.0
            self.epsilon = settings.blur**settings.p / self.half
            rho = tuple(side**settings.p / self.half for side in reach)
            given = (self.epsilon, None, settings.p, None, rho, settings.tol, settings.max_iterations)
            # Nobody sees the bounds of a loss, unless it is verbose.
            options = _settings(*given, certificate=settings.verbose)
            solved = _haul.batch(device, self.pairs, settings.debias, options)
            self.results = [Divergence(of) if settings.debias else Solution(of) for of in solved]
            _checked(self.results, 6)
            if settings.verbose:
                print(*self.results, sep="\n")
        else:
            # haul's energy is ½⟨α − β, k(α − β)⟩ already, and its squared MMD is without the ½.
            self.half = 1.0 if settings.loss == "energy" else 0.5
            kernel = (settings.loss, 1.0 if settings.loss == "energy" else float(settings.blur))
            wide = settings.precision in ("f64", "float64") or tensors[1].dtype == torch.float64
            self.results = [Discrepancy((device, source, target, kernel, wide)) for source, target in self.pairs]

    def values(self) -> np.ndarray:
        """The values, of shape (B,)."""
        return np.array([self._value(result, pair) for result, pair in zip(self.results, self.pairs)])

    def _value(self, result: Any, pair: tuple[Any, Any]) -> float:
        value = result.value
        if self.settings.loss == "sinkhorn" and self.balanced and not self.settings.debias:
            # haul's KL has the terms of the masses, ε(ΣaΣb − ΣP), and GeomLoss's value has not.
            mass = pair[0].mass
            value -= self.epsilon * (mass * mass - mass)
        return self.half * value

    def potentials(self) -> tuple[np.ndarray, np.ndarray]:
        """F and G, of shape (B, N) and (B, M)."""
        both = [(result.f, result.g) for result in self.results]
        f, g = (self.half * np.stack(side) for side in zip(*both))
        return f, g

    def gradients(self, wanted: tuple[bool, ...]) -> list[Optional[np.ndarray]]:
        """The derivatives in a, x, b and y, for those that are wanted."""
        names = ("grad_a", "grad_x", "grad_b", "grad_y")
        gradients: list[Optional[np.ndarray]] = []
        for name, asked, shape in zip(names, wanted, self.shapes):
            if not asked:
                gradients.append(None)
                continue
            of = [self.half * getattr(result, name) + self._constant(result, pair, name)
                  for result, pair in zip(self.results, self.pairs)]
            gradients.append(np.stack(of).reshape(shape))
        return gradients

    def _constant(self, result: Any, pair: tuple[Any, Any], name: str) -> float:
        """The constant of a derivative in weights of a balanced problem, where only differences have a meaning.

        haul's has the mean 0. GeomLoss returns potentials with ⟨a, f⟩ = ⟨b, g⟩, whose sum is the value, and plans may be
        made of them.
        """
        if name not in ("grad_a", "grad_b") or not self.balanced or self.settings.loss != "sinkhorn":
            return 0.0
        mass = pair[0].mass
        if not self.settings.debias:
            return self._value(result, pair) / (2 * mass)
        own = result.aa if name == "grad_a" else result.bb
        return self.half * (result.ab.value - own.value) / (2 * mass)


def _tensors(*args: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, bool]:
    """a, x, b and y with a batch axis, and whether they came with it."""
    if len(args) == 2:
        (x, y), (a, b) = args, (None, None)
    elif len(args) == 4:
        a, x, b, y = args
    elif len(args) == 6:
        once("labels of clusters have no meaning in haul; ignored")
        _, a, x, _, b, y = args
    else:
        raise ValueError("SamplesLoss takes (x, y), (a, x, b, y) or (l_x, a, x, l_y, b, y)")
    if x.dim() not in (2, 3) or y.dim() != x.dim():
        raise ValueError(f"x and y have the shapes {tuple(x.shape)} and {tuple(y.shape)}; give (N, D) or (B, N, D)")
    if x.shape[-1] != y.shape[-1] or x.dim() == 3 and x.shape[0] != y.shape[0]:
        raise ValueError(f"x and y have the shapes {tuple(x.shape)} and {tuple(y.shape)}; give the same D and B")
    batched = x.dim() == 3
    a, b = (_weights(of, points, name) for of, points, name in ((a, x, "a"), (b, y, "b")))
    if not batched:
        a, x, b, y = (of.unsqueeze(0) for of in (a, x, b, y))
    return a, x, b, y, batched


def _weights(of: Optional[torch.Tensor], points: torch.Tensor, name: str) -> torch.Tensor:
    """Weights of the shape of the points without its last axis; 1/N each where none are given."""
    shape = points.shape[:-1]
    if of is None:
        return torch.full(shape, 1.0 / shape[-1], dtype=torch.float64)
    if of.shape == (*shape, 1):
        of = of.squeeze(-1)
    if of.shape != shape:
        raise ValueError(f"{name} has the shape {tuple(of.shape)}; give {tuple(shape)}")
    return of
