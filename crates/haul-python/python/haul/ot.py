"""Functions with the names, arguments and results of POT, for what haul solves.

In place of ``import ot`` write ``import haul.ot as ot``. Numbers are those of POT: the cost is a given matrix, |x − y|²
(``metric="sqeuclidean"``) or |x − y| (``"euclidean"``), ``reg`` is ε and ``unbalanced`` is ρ. Exact transport, other
regularisations than the entropy and other penalties than KL are a ``NotImplementedError``.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Optional, Union

import numpy as np

from . import _haul
from ._arrays import numeric, points as as_points, weights as as_weights
from ._device import Device, chosen
from ._results import Plan, Solution
from ._solve import _checked, _settings, sinkhorn

__all__ = ["LazyPlan", "OTResult", "sinkhorn2", "solve", "solve_sample"]

#: Powers of the distance, by POT's names.
_METRICS = {"sqeuclidean": 2, "euclidean": 1}


class OTResult:
    """The result of :func:`solve_sample` or :func:`solve`, with the attributes of POT's ``OTResult``. Arrays are of the
    library of the inputs.

    Attributes
    ----------
    value : float
        ⟨P, C⟩ + reg KL(P | a⊗b), or reg Σ P log P with ``reg_type="entropy"``; with the penalties of an unbalanced problem.
    value_linear : float
        ⟨P, C⟩.
    potentials : tuple of arrays
        u and v with P = exp(u + v − C/reg).
    lazy_plan : LazyPlan
        The plan, which ``lazy_plan[:]`` makes dense; None for an explicit matrix of costs.
    status : str
    log : dict
        The numbers of haul's report, with the bounds of the value.
    """

    value_quad = None
    sparse_plan = None

    def __init__(
        self, solved: Any, entropy: tuple[float, str], weights: tuple[np.ndarray, np.ndarray], like: Any, lazy: bool
    ) -> None:
        self._solved, self._weights, self._like, self._lazy = solved, weights, like, lazy
        self._reg, self._entropy = entropy[0], entropy[1].lower() == "entropy"
        self.log: dict[str, Any] = dict(solved.report)
        self.value: Any = solved.value
        if self._entropy:
            # For given marginals Σ P log P and KL(P | a⊗b) differ by Σ a log a + Σ b log b.
            self.value += self._reg * sum(float(np.sum(of[of > 0] * np.log(of[of > 0]))) for of in weights)
        self.value_linear: Any = solved.transport_cost
        self.status = "Converged" if self.log["converged"] else "Not converged"

    @cached_property
    def _dense(self) -> np.ndarray:
        return self._solved.plan[:]

    @property
    def plan(self) -> Any:
        """The plan, n×m; None if it was asked for as lazy."""
        return None if self._lazy else _like(self._dense, self._like)

    @property
    def lazy_plan(self) -> Optional["LazyPlan"]:
        plan = self._solved.plan
        return LazyPlan(plan, self._like) if isinstance(plan, Plan) else None

    @cached_property
    def potentials(self) -> tuple[Any, Any]:
        both = zip((self._solved.f, self._solved.g), self._weights)
        with np.errstate(divide="ignore"):
            u, v = (_like(f / self._reg + np.log(a), self._like) for f, a in both)
        return u, v

    @property
    def potential_a(self) -> Any:
        return self.potentials[0]

    @property
    def potential_b(self) -> Any:
        return self.potentials[1]

    @cached_property
    def marginals(self) -> tuple[Any, Any]:
        """P1 and Pᵀ1."""
        plan = self._solved.plan
        both = plan.marginals() if isinstance(plan, Plan) else (plan.sum(1), plan.sum(0))
        a, b = (_like(of, self._like) for of in both)
        return a, b

    @property
    def marginal_a(self) -> Any:
        return self.marginals[0]

    @property
    def marginal_b(self) -> Any:
        return self.marginals[1]

    def __repr__(self) -> str:
        return f"OTResult(value={self.value}, value_linear={self.value_linear}, status={self.status!r})"


class LazyPlan:
    """A plan that is not stored, whose products and rows are arrays of the library of the inputs; see :class:`haul.Plan`."""

    def __init__(self, plan: Plan, like: Any) -> None:
        self._plan, self._like = plan, like

    @property
    def shape(self) -> tuple[int, int]:
        return self._plan.shape

    @property
    def T(self) -> "LazyPlan":
        return LazyPlan(self._plan.T, self._like)

    def __matmul__(self, values: Any) -> Any:
        return _like(self._plan @ values, self._like)

    def __getitem__(self, rows: Any) -> Any:
        return _like(self._plan[rows], self._like)

    def __repr__(self) -> str:
        return repr(self._plan)


class _Matrix:
    """A solved problem of explicit costs, with the names of a :class:`Solution`."""

    def __init__(self, inner: _haul.Scores) -> None:
        self.value = inner.value
        self.transport_cost = inner.transport_cost
        lower, upper = inner.bounds
        self.report = {**inner.report(), "value": inner.value, "lower_bound": lower, "upper_bound": upper}
        self.converged = self.report["converged"]
        self._inner = inner

    @cached_property
    def plan(self) -> np.ndarray:
        return self._inner.plan()

    @cached_property
    def _potentials(self) -> list[np.ndarray]:
        return self._inner.potentials()

    @property
    def f(self) -> np.ndarray:
        return self._potentials[0]

    @property
    def g(self) -> np.ndarray:
        return self._potentials[1]

    @property
    def grad_a(self) -> np.ndarray:
        return self.f

    @property
    def grad_b(self) -> np.ndarray:
        return self.g


def solve_sample(
    X_a: Any,
    X_b: Any,
    a: Any = None,
    b: Any = None,
    metric: str = "sqeuclidean",
    reg: Optional[float] = None,
    c: Any = None,
    reg_type: str = "KL",
    unbalanced: Any = None,
    unbalanced_type: str = "KL",
    lazy: bool = False,
    batch_size: Optional[int] = None,
    method: Optional[str] = None,
    n_threads: int = 1,
    max_iter: Optional[int] = None,
    plan_init: Any = None,
    rank: int = 100,
    scaling: float = 0.95,
    potentials_init: Any = None,
    X_init: Any = None,
    tol: Optional[float] = None,
    verbose: bool = False,
    grad: str = "autodiff",
    random_state: Any = None,
    *,
    device: Union[str, Device] = "auto",
) -> OTResult:
    """Regularised transport between samples: POT's ``solve_sample``. ``tol`` is the L1 error of the marginals, by default
    1e-7. ``value`` is differentiable if the inputs are tensors of torch. ``batch_size``, ``n_threads``, ``rank``,
    ``scaling``, ``plan_init``, ``X_init`` and ``random_state`` have no meaning here.

    Examples
    --------
    >>> import haul.ot as ot
    >>> solved = ot.solve_sample([[0.0], [1.0]], [[0.5], [1.5]], reg=0.01)
    >>> round(solved.value_linear, 3), solved.plan.round(3).tolist()
    (0.25, [[0.5, 0.0], [0.0, 0.5]])
    """
    _supported(reg, c, reg_type, unbalanced, unbalanced_type, method)
    if metric not in _METRICS:
        raise NotImplementedError(f"metric is {metric!r}; haul.ot has {sorted(_METRICS)}, and haul.sinkhorn any power")
    x, y = as_points(X_a, "X_a"), as_points(X_b, "X_b")
    weights = _both(a, b, (len(x), len(y)))
    start = None
    if potentials_init is not None:
        start = tuple(reg * (numeric(u, "potentials_init") - np.log(of)) for u, of in zip(potentials_init, weights))
    solution = sinkhorn(
        x,
        y,
        *weights,
        eps=reg,
        p=_METRICS[metric],
        rho=unbalanced,
        tol=1e-7 if tol is None else tol,
        max_iterations=max_iter or 10_000,
        start=start,
        device=device,
    )
    result = OTResult(solution, (reg, reg_type), weights, X_a, lazy)
    if verbose:
        print(solution)
    names = ((X_a, "grad_x"), (X_b, "grad_y"), (a, "grad_a"), (b, "grad_b"))
    _differentiable(result, solution, names, grad)
    return result


def solve(
    M: Any,
    a: Any = None,
    b: Any = None,
    reg: Optional[float] = None,
    c: Any = None,
    reg_type: str = "KL",
    unbalanced: Any = None,
    unbalanced_type: str = "KL",
    method: Optional[str] = None,
    n_threads: int = 1,
    max_iter: Optional[int] = None,
    plan_init: Any = None,
    potentials_init: Any = None,
    tol: Optional[float] = None,
    verbose: bool = False,
    grad: str = "autodiff",
    *,
    device: Union[str, Device] = "auto",
) -> OTResult:
    """Regularised transport for an explicit n×m matrix of costs: POT's ``solve``. A pass takes n m² operations, so it is for
    small problems; clouds are for :func:`solve_sample`.

    Examples
    --------
    >>> import haul.ot as ot
    >>> ot.solve([[0.0, 1.0], [1.0, 0.0]], reg=0.05).plan.round(3).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    _supported(reg, c, reg_type, unbalanced, unbalanced_type, method)
    costs = as_points(M, "M")
    weights = _both(a, b, costs.shape)
    settings = _settings(reg, None, 2, None, unbalanced, 1e-7 if tol is None else tol, max_iter or 10_000)
    solved = _Matrix(_haul.scores(chosen(device, None), costs, *weights, settings))
    _checked([solved])
    result = OTResult(solved, (reg, reg_type), weights, M, False)
    if verbose:
        print(result)
    _differentiable(result, solved, ((M, "plan"), (a, "grad_a"), (b, "grad_b")), grad)
    return result


def sinkhorn2(
    a: Any, b: Any, M: Any, reg: float, method: str = "sinkhorn", numItermax: int = 10_000, stopThr: float = 1e-7, **_: Any
) -> Any:
    """⟨P, C⟩ of the entropic plan, without the entropy: POT's ``sinkhorn2``.

    Examples
    --------
    >>> import haul.ot as ot
    >>> round(ot.sinkhorn2([0.5, 0.5], [0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]], 0.2), 5)  # 1/(1 + e^5)
    0.00669
    """
    a, b = (None if of is None or len(of) == 0 else of for of in (a, b))
    return solve(M, a, b, reg, max_iter=numItermax, tol=stopThr).value_linear


def _supported(reg: Any, c: Any, reg_type: Any, unbalanced: Any, unbalanced_type: str, method: Any) -> None:
    """Refuses what POT solves and haul does not."""
    if not reg:
        raise NotImplementedError("haul.ot solves regularised problems; give reg > 0")
    if not isinstance(reg_type, str) or reg_type.lower() not in ("kl", "entropy"):
        raise NotImplementedError(f"reg_type is {reg_type!r}; haul has 'KL' and 'entropy'")
    if unbalanced is not None and unbalanced_type.lower() != "kl":
        raise NotImplementedError(f"unbalanced_type is {unbalanced_type!r}; haul has 'KL'")
    if unbalanced is not None and reg_type.lower() == "entropy":
        raise NotImplementedError("an unbalanced problem with reg_type='entropy'; haul has 'KL'")
    if c is not None:
        raise NotImplementedError("the reference c of the entropy is a⊗b in haul; leave it out")
    if method not in (None, "geomloss", "geomloss_auto", "geomloss_tensorized", "geomloss_online", "geomloss_multiscale",
                      "sinkhorn", "sinkhorn_log", "sinkhorn_stabilized"):
        raise NotImplementedError(f"method is {method!r}; haul solves by Sinkhorn's algorithm")


def _both(a: Any, b: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Both weights; 1/n where none are given."""
    n, m = (np.full(n, 1.0 / n) if of is None else as_weights(of, name) for of, n, name in zip((a, b), shape, "ab"))
    return n, m


def _is_tensor(of: Any) -> bool:
    return hasattr(of, "detach") and hasattr(of, "requires_grad")


def _like(array: np.ndarray, like: Any) -> Any:
    """The array in the library, the dtype and on the device of an input."""
    if _is_tensor(like):
        import torch

        return torch.from_numpy(np.ascontiguousarray(array)).to(like)
    return array


def _differentiable(result: OTResult, solved: Any, names: tuple[tuple[Any, str], ...], grad: str) -> None:
    """Values as tensors, whose derivatives are those at the optimum."""
    like = next((of for of, _ in names if _is_tensor(of)), None)
    if like is None:
        return
    result.value = like.new_tensor(result.value)
    result.value_linear = like.new_tensor(result.value_linear)
    if grad == "detach":
        return
    for of, name in names:
        if _is_tensor(of) and of.requires_grad:
            slope = _like(getattr(solved, name), of)
            if result._entropy and name in ("grad_a", "grad_b"):
                slope = slope + result._reg * (1 + of.detach().log())
            # 0, with this derivative.
            result.value = result.value + ((of - of.detach()) * slope).sum()
