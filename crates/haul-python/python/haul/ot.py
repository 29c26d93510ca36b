"""Functions with the names, arguments and results of POT, for what haul solves.

In place of ``import ot`` write ``import haul.ot as ot``. Numbers are those of POT: the cost is a given matrix, |x − y|²
(``metric="sqeuclidean"``) or |x − y| (``"euclidean"``), ``reg`` is ε and ``unbalanced`` is ρ. Without ``reg``, transport is exact.
Other regularisations than the entropy, other penalties than KL, penalties without an entropy, and sparse matrices of costs are a
``NotImplementedError``.
"""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import Any, Optional, Union

import numpy as np

from . import _haul
from ._arrays import numeric, points as as_points, weights as as_weights
from ._device import Device, chosen
from ._exact import ExactSolution, SparsePlan, exact, exact_costs
from ._haul import Error
from ._results import Plan, not_converged
from ._solve import _checked, _settings, sinkhorn

__all__ = ["LazyPlan", "Mismatch", "OTResult", "emd", "emd2", "sinkhorn2", "solve", "solve_sample"]

#: Powers of the distance, by POT's names.
_METRICS = {"sqeuclidean": 2, "euclidean": 1}


class Mismatch(Error, AssertionError):
    """Weights of another number than the rows or columns of the costs, or of other sums; POT has an ``AssertionError`` there."""


class OTResult:
    """The result of :func:`solve_sample` or :func:`solve`, with the attributes of POT's ``OTResult``. Arrays are of the
    library of the inputs.

    Attributes
    ----------
    value : float
        ⟨P, C⟩ + reg KL(P | a⊗b), or reg Σ P log P with ``reg_type="entropy"``; with the penalties of an unbalanced problem.
        Of exact transport ⟨P, C⟩.
    value_linear : float
        ⟨P, C⟩.
    potentials : tuple of arrays
        u and v with P = exp(u + v − C/reg). Of exact transport those with u + v ≤ C and ⟨a, u⟩ = ⟨b, v⟩.
    lazy_plan : LazyPlan
        The plan, which ``lazy_plan[:]`` makes dense; None for an explicit matrix of costs, and for exact transport.
    sparse_plan : scipy.sparse.coo_array, or sparse tensor of torch
        The plan of exact transport; else None.
    status : str
    log : dict
        The numbers of haul's report, with the bounds of the value.
    """

    value_quad = None

    def __init__(
        self, solved: Any, entropy: tuple[Optional[float], Any], weights: tuple[np.ndarray, np.ndarray], like: Any, lazy: bool
    ) -> None:
        self._solved, self._weights, self._like, self._lazy = solved, weights, like, lazy
        self._reg = entropy[0]
        self._entropy = bool(self._reg) and entropy[1].lower() == "entropy"
        self.log: dict[str, Any] = dict(solved.report)
        self.value: Any = solved.value
        if self._entropy:
            # For given marginals Σ P log P and KL(P | a⊗b) differ by Σ a log a + Σ b log b.
            self.value += self._reg * sum(float(np.sum(of[of > 0] * np.log(of[of > 0]))) for of in weights)
        self.value_linear: Any = solved.transport_cost
        self.status = "Converged" if solved.converged else "Not converged"

    @cached_property
    def _dense(self) -> np.ndarray:
        return self._solved.plan[:]

    @property
    def plan(self) -> Any:
        """The plan, n×m; None if it was asked for as lazy, with ``reg``."""
        return None if self._lazy else _like(self._dense, self._like)

    @property
    def lazy_plan(self) -> Optional["LazyPlan"]:
        plan = self._solved.plan
        return LazyPlan(plan, self._like) if isinstance(plan, Plan) else None

    @property
    def sparse_plan(self) -> Any:
        return _sparse(self._solved.sparse, self._like) if isinstance(self._solved, _Exact) else None

    @cached_property
    def potentials(self) -> tuple[Any, Any]:
        if not self._reg:
            return _like(self._solved.f, self._like), _like(self._solved.g, self._like)
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

    def __init__(self, inner: _haul.Scores, weights: Any, reg: float, penalties: tuple[float, float]) -> None:
        self._posed = weights, reg, penalties
        self.value = inner.value
        self.transport_cost = inner.transport_cost
        lower, upper = inner.bounds
        self.report = {**inner.report(), "value": inner.value, "lower_bound": lower, "upper_bound": upper}
        self.converged = self.report["converged"]
        self._inner = inner

    def _shortfall(self) -> str:
        return not_converged(self.report)

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
        return _slopes([self.f, self.g], *self._posed)[0]

    @property
    def grad_b(self) -> np.ndarray:
        return _slopes([self.f, self.g], *self._posed)[1]


def _slopes(potentials: Any, weights: Any, reg: float, penalties: tuple[float, float]) -> list[np.ndarray]:
    """The derivatives of the value in a and b. In a it is ρ_a (1 − e^{−f/ρ_a}) + ε (Σb − e^{−f/ρ_a}), and f where both marginals are kept, of
    which only differences have a meaning."""
    if min(penalties) == math.inf:
        return list(potentials)
    slopes = []
    for of, rho, other in zip(potentials, penalties, reversed(weights)):
        lost = of if rho == math.inf else -rho * np.expm1(-of / rho)
        slopes.append(lost + reg * (float(other.sum()) - np.exp(-of / rho)))
    return slopes


def _small(penalties: tuple[float, float], reg: float, costs: np.ndarray) -> bool:
    """Whether penalties are so small beside the costs that, as factors of weights, what rows and columns of the costs have in
    common takes more than about four digits of a value."""
    span = float(np.ptp(costs)) or 1.0
    return max(penalties) < math.inf and span * math.sqrt(costs.shape[1]) > 20 * (reg + min(penalties))


class _Dense:
    """A problem of explicit costs with penalties, solved in the log domain on the host, with the names of a :class:`Solution`::

        fᵢ = −ρ_a ε/(ρ_a + ε) log Σⱼ bⱼ exp((gⱼ − Cᵢⱼ)/ε)        and g likewise, with ρ_b
        f += λ, g −= λ        λ = ρ_a ρ_b/(ρ_a + ρ_b) log(⟨a, e^{−f/ρ_a}⟩/⟨b, e^{−g/ρ_b}⟩)

    The second line, the best constant, is that of translation-invariant Sinkhorn [Séjourné–Vialard–Peyré'22]. It ends where rows
    hold a e^{−f/ρ_a} and columns b e^{−g/ρ_b} up to ``tol`` times the mass, in L1. The value is that of the dual.
    """

    def __init__(
        self, costs: np.ndarray, weights: Any, reg: float, penalties: tuple[float, float], tol: float, iterations: int
    ) -> None:
        (a, b), (rho_a, rho_b), began = weights, penalties, time.perf_counter()
        mass = max(float(a.sum()), float(b.sum()))
        f, sums, count = np.zeros(len(a)), _log_sums(-costs / reg, b), 0
        while True:
            f = -rho_a * reg / (rho_a + reg) * sums
            g = -rho_b * reg / (rho_b + reg) * _log_sums((f[:, None] - costs).T / reg, a)
            # The columns of the plan, which the constant does not change. First ones may be beyond the range of floats.
            columns = _exponential(-g / rho_b, b)
            excess = _log_sums(-f[None] / rho_a, a) - _log_sums(-g[None] / rho_b, b)
            constant = rho_a * rho_b / (rho_a + rho_b) * excess
            f, g = f + constant, g - constant
            sums, count = _log_sums((g - costs) / reg, b), count + 1
            rows = _exponential(f / reg + sums, a)
            errors = [
                float(np.abs(found - _exponential(-potential / rho, weight)).sum()) / mass
                for found, potential, rho, weight in ((rows, f, rho_a, a), (columns, g, rho_b, b))
            ]
            error = sum(errors)
            if error <= tol or count >= iterations:
                break
        self.plan = a[:, None] * b * np.exp((f[:, None] + g - costs) / reg)
        self.f, self.g = f, g
        self.grad_a, self.grad_b = _slopes([f, g], weights, reg, penalties)
        moved, both = float(self.plan.sum()), float(a.sum() * b.sum())
        self.transport_cost = float((self.plan * costs).sum())
        # ε KL(P | a⊗b), whose logarithm is (f + g − C)/ε.
        entropy = float((self.plan * (f[:, None] + g - costs)).sum()) + reg * (both - moved)
        kept = rho_a * _divergence(self.plan.sum(1), a) + rho_b * _divergence(self.plan.sum(0), b)
        lost = rho_a * float(a @ -np.expm1(-f / rho_a)) + rho_b * float(b @ -np.expm1(-g / rho_b))
        self.value, self.converged = lost + reg * (both - moved), error <= tol
        # Roundings of sums, and of the exponents of the plan.
        sizes = np.abs(costs) + np.abs(f)[:, None] + np.abs(g)
        roundings = (len(a) + len(b) + 64 + float(sizes.max()) / reg) * np.finfo(float).eps
        of_dual = of_plan = reg * (both + moved)
        of_plan += 2 * float((self.plan * sizes).sum())
        for rho, kept_mass, weight, of in ((rho_a, self.plan.sum(1), a, f), (rho_b, self.plan.sum(0), b, g)):
            of_dual += rho * float(weight @ np.abs(np.expm1(-of / rho)))
            of_plan += rho * (_divergence(kept_mass, weight, np.abs) + 2 * float(kept_mass.sum()))
        self.report = {
            "n": len(a), "m": len(b), "epsilon": reg, "rho_a": rho_a, "rho_b": rho_b, "value": self.value,
            "lower_bound": self.value - roundings * of_dual,
            "upper_bound": self.transport_cost + entropy + kept + roundings * of_plan, "mass": moved,
            "transport_cost": self.transport_cost, "marginal_error_a": errors[0], "marginal_error_b": errors[1],
            "converged": self.converged, "tolerance": tol, "iterations": count, "device": "NumPy", "precision": "f64",
            "seconds": time.perf_counter() - began,
        }  # fmt: skip

    def _shortfall(self) -> str:
        return not_converged(self.report)


def _exponential(exponents: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """wᵢ exp(eᵢ), within the range of floats."""
    return weights * np.exp(np.minimum(exponents, 700.0))


def _log_sums(exponents: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """log Σⱼ wⱼ exp(eᵢⱼ) of each row."""
    most = exponents.max(1, where=weights > 0, initial=-math.inf)
    return most + np.log(np.exp(np.minimum(exponents - most[:, None], 0.0)) @ weights)


def _divergence(mass: np.ndarray, weights: np.ndarray, of: Any = np.asarray) -> float:
    """KL(mass | weights), for weights that are 0 only where the mass is, with a function ``of`` its logarithms."""
    there = mass > 0
    return float((mass[there] * of(np.log(mass[there] / weights[there]))).sum() - mass.sum() + weights.sum())


class _Exact:
    """A solution of exact transport, with the names of a :class:`haul.Solution` and POT's choice of potentials: with
    ``centred``, ⟨a, f⟩ = ⟨b, g⟩."""

    def __init__(self, solution: ExactSolution, weights: tuple[np.ndarray, np.ndarray], centred: bool = True) -> None:
        self._solution, self.sparse = solution, solution.plan
        self.value = self.transport_cost = solution.value
        self.report, self.converged = solution.report, solution.proved
        a, b = weights
        shift = (b @ solution.g - a @ solution.f) / (a.sum() + b.sum()) if centred else 0.0
        self.f, self.g = solution.f + shift, solution.g - shift

    @cached_property
    def plan(self) -> np.ndarray:
        return np.asarray(self.sparse)

    @property
    def grad_x(self) -> np.ndarray:
        return self._solution.grad_x

    @property
    def grad_y(self) -> np.ndarray:
        return self._solution.grad_y

    @property
    def grad_a(self) -> np.ndarray:
        return self.f - self.f.mean()

    @property
    def grad_b(self) -> np.ndarray:
        return self.g - self.g.mean()


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
    """Transport between samples: POT's ``solve_sample``. ``tol`` is the L1 error of the marginals, by default 1e-7; without
    ``reg``, the gap of exact transport, by default 1e-9. ``value`` is differentiable if the inputs are tensors of torch. ``batch_size``, ``n_threads``, ``rank``,
    ``scaling``, ``plan_init``, ``X_init`` and ``random_state`` have no meaning here.

    Examples
    --------
    >>> import haul.ot as ot
    >>> solved = ot.solve_sample([[0.0], [1.0]], [[0.5], [1.5]], reg=0.01)
    >>> round(solved.value_linear, 3), solved.plan.round(3).tolist()
    (0.25, [[0.5, 0.0], [0.0, 0.5]])
    >>> ot.solve_sample([[0.0], [1.0]], [[0.5], [1.5]]).value  # exact
    0.25
    """
    _supported(reg, c, reg_type, unbalanced, unbalanced_type, method)
    if metric not in _METRICS:
        raise NotImplementedError(f"metric is {metric!r}; haul.ot has {sorted(_METRICS)}, and haul.sinkhorn any power")
    x, y = as_points(X_a, "X_a"), as_points(X_b, "X_b")
    weights = _both(a, b, (len(x), len(y)))
    names = ((X_a, "grad_x"), (X_b, "grad_y"), (a, "grad_a"), (b, "grad_b"))
    if not reg:
        weights = _level(weights)
        found = exact(x, y, *weights, p=_METRICS[metric], tol=1e-9 if tol is None else tol, device=device)
        return _result(_Exact(found, weights), (reg, reg_type), weights, X_a, False, names, grad, verbose)
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
    return _result(solution, (reg, reg_type), weights, X_a, lazy, names, grad, verbose)


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
    """Transport for an explicit n×m matrix of costs: POT's ``solve``. Without ``reg`` it is exact, by the network simplex
    method. With ``reg`` a pass takes n m² operations, so it is for small problems; clouds are for :func:`solve_sample`.

    Examples
    --------
    >>> import haul.ot as ot
    >>> ot.solve([[0.0, 1.0], [1.0, 0.0]], reg=0.05).plan.round(3).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    >>> ot.solve([[0.0, 1.0], [2.0, 0.0]], [0.25, 0.75], [0.5, 0.5]).value  # exact
    0.5
    """
    _supported(reg, c, reg_type, unbalanced, unbalanced_type, method)
    costs = _matrix(M)
    weights = _both(a, b, costs.shape)
    names = ((M, "plan"), (a, "grad_a"), (b, "grad_b"))
    if not reg:
        weights = _level(weights)
        found = exact_costs(costs, *weights, tol=1e-9 if tol is None else tol)
        return _result(_Exact(found, weights), (reg, reg_type), weights, M, False, names, grad, verbose)
    tol, iterations = 1e-7 if tol is None else float(tol), max_iter or 10_000
    settings = _settings(reg, None, 2, None, unbalanced, tol, iterations)
    penalties = (settings["rho"][0], settings["rho"][1])
    if _small(penalties, reg, costs):
        solved: Any = _Dense(costs, weights, float(reg), penalties, tol, iterations)
    else:
        solved = _Matrix(_haul.scores(chosen(device, None), costs, *weights, settings), weights, float(reg), penalties)
    _checked([solved])
    return _result(solved, (reg, reg_type), weights, M, False, names, grad, verbose)


def emd(
    a: Any,
    b: Any,
    M: Any,
    numItermax: int = 100_000,
    log: bool = False,
    center_dual: bool = True,
    numThreads: int = 1,
    check_marginals: bool = True,
    potentials_init: Any = None,
) -> Any:
    """The optimal plan for an explicit n×m matrix of costs: POT's ``emd``. It is dense and of the library and the dtype of
    the weights; of integer weights it has floats. With ``log``, also a dictionary of the cost, the potentials u and v, and the
    report. Empty weights are 1/n. The solve ends where the plan is proved optimal: ``numItermax``, ``numThreads`` and
    ``potentials_init`` have no meaning here.

    Examples
    --------
    >>> import haul.ot as ot
    >>> ot.emd([0.25, 0.75], [0.5, 0.5], [[0.0, 1.0], [2.0, 0.0]]).tolist()
    [[0.25, 0.0], [0.25, 0.5]]
    """
    solved, like = _emd(a, b, M, center_dual, check_marginals)
    plan = _like(solved.plan, like)
    return (plan, _log(solved, like, _like(np.asarray(solved.value), like))) if log else plan


def emd2(
    a: Any,
    b: Any,
    M: Any,
    processes: int = 1,
    numItermax: int = 100_000,
    log: bool = False,
    return_matrix: bool = False,
    center_dual: bool = True,
    numThreads: int = 1,
    check_marginals: bool = True,
    potentials_init: Any = None,
) -> Any:
    """⟨P, C⟩ of the optimal plan: POT's ``emd2``. It is differentiable if the inputs are tensors of torch: in the costs by the
    plan, and in the weights by the potentials, centred. With ``log`` or ``return_matrix``, also a dictionary of the cost, the
    potentials u and v, the report, and the plan G. For b of shape (m, k) it is a list of k results. Other arguments are those
    of :func:`emd`.

    Examples
    --------
    >>> import haul.ot as ot
    >>> float(ot.emd2([0.25, 0.75], [0.5, 0.5], [[0.0, 1.0], [2.0, 0.0]]))
    0.5
    """
    if not _is_empty(b) and getattr(b, "ndim", 1) == 2:
        columns = (b[:, k] for k in range(b.shape[1]))
        options = {"log": log, "return_matrix": return_matrix, "center_dual": center_dual}
        return [emd2(a, column, M, check_marginals=check_marginals, **options) for column in columns]
    solved, like = _emd(a, b, M, center_dual, check_marginals)
    value = _like(np.asarray(solved.value), like)
    value = _tracked(value, solved, ((M, "plan"), (a, "grad_a"), (b, "grad_b")))
    if not (log or return_matrix):
        return value
    told = _log(solved, like, value)
    if return_matrix:
        told["G"] = _like(solved.plan, like)
    return value, told


def _emd(a: Any, b: Any, M: Any, center_dual: bool, check_marginals: bool) -> tuple[_Exact, Any]:
    """The solution for a matrix of costs, and the input whose library and dtype its arrays have."""
    costs = _matrix(M)
    like = next((of for of in (a, b) if not _is_empty(of)), M)
    a, b = (None if _is_empty(of) else of for of in (a, b))
    weights = _level(_both(a, b, costs.shape), check_marginals)
    return _Exact(exact_costs(costs, *weights), weights, center_dual), like


def _log(solved: _Exact, like: Any, cost: Any) -> dict[str, Any]:
    u, v = _like(solved.f, like), _like(solved.g, like)
    warning = None if solved.converged else "the plan is not proved optimal"
    return {"cost": cost, "u": u, "v": v, "warning": warning, "result_code": 1, "report": solved.report}


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
    if not reg and unbalanced is not None:
        raise NotImplementedError("haul.ot has penalties of the marginals beside an entropy; give reg > 0")
    if not reg and method is not None:
        raise NotImplementedError(f"method is {method!r}; without reg, haul.ot has exact transport, whose method is None")
    if not reg:
        return
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


def _is_empty(of: Any) -> bool:
    return of is None or len(of) == 0


def _matrix(M: Any) -> np.ndarray:
    """A dense matrix of costs."""
    if hasattr(M, "tocoo") or getattr(M, "is_sparse", False):
        raise NotImplementedError("the costs are a sparse matrix; haul.ot has dense ones")
    return as_points(M, "M")


def _both(a: Any, b: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Both weights; 1/n where none are given."""
    n, m = (np.full(n, 1.0 / max(n, 1)) if of is None else as_weights(of, name) for of, n, name in zip((a, b), shape, "ab"))
    if (len(n), len(m)) != shape:
        raise Mismatch(f"{len(n)} and {len(m)} weights for {shape[0]} and {shape[1]} points; give one for each")
    return n, m


def _level(weights: tuple[np.ndarray, np.ndarray], check: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The weights with b scaled to the sum of a, from which it may differ by 1.5e-6."""
    a, b = weights
    if check and not abs(a.sum() - b.sum()) < 1.5e-6:
        raise Mismatch(f"the weights sum to {a.sum():.6g} and {b.sum():.6g}; scale them to one sum")
    with np.errstate(divide="ignore", invalid="ignore"):
        return a, b * (a.sum() / b.sum())


def _is_tensor(of: Any) -> bool:
    return hasattr(of, "detach") and hasattr(of, "requires_grad")


def _like(array: np.ndarray, like: Any) -> Any:
    """The array in the library, the dtype and on the device of an input; float64 where the input has no floats."""
    if _is_tensor(like):
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
        return tensor.to(like) if like.is_floating_point() else tensor.to(like.device)
    if isinstance(like, np.ndarray):
        return array.astype(like.dtype if like.dtype.kind == "f" else array.dtype)[()]
    if hasattr(like, "__array_namespace__"):
        library = like.__array_namespace__()
        return library.asarray(array, dtype=like.dtype if library.isdtype(like.dtype, "real floating") else None)
    return array[()]


def _sparse(plan: SparsePlan, like: Any) -> Any:
    """A sparse plan in the library of an input."""
    if _is_tensor(like):
        import torch

        places = torch.from_numpy(np.stack([plan.rows, plan.columns]))
        return torch.sparse_coo_tensor(places.to(like.device), _like(plan.mass, like), plan.shape)
    return plan.tocoo()


def _result(
    solved: Any,
    entropy: tuple[Optional[float], Any],
    weights: tuple[np.ndarray, np.ndarray],
    like: Any,
    lazy: bool,
    names: tuple[tuple[Any, str], ...],
    grad: str,
    verbose: bool,
) -> OTResult:
    """The result, whose values are differentiable tensors where the inputs are tensors."""
    result = OTResult(solved, entropy, weights, like, lazy)
    if verbose:
        print(result)
    tensor = next((of for of, _ in names if _is_tensor(of)), None)
    if tensor is None:
        return result
    result.value = tensor.new_tensor(result.value)
    result.value_linear = tensor.new_tensor(result.value_linear)
    if grad != "detach":
        result.value = _tracked(result.value, solved, names, result._reg if result._entropy else 0.0)
    if not result._reg:
        result.value_linear = result.value
    return result


def _tracked(value: Any, solved: Any, names: tuple[tuple[Any, str], ...], entropy: float = 0.0) -> Any:
    """The value as a tensor, whose derivatives are those at the optimum; ``entropy`` is the ε of Σ P log P."""
    for of, name in names:
        if _is_tensor(of) and of.requires_grad:
            slope = _like(getattr(solved, name), of)
            if entropy and name in ("grad_a", "grad_b"):
                slope = slope + entropy * (1 + of.detach().log())
            # 0, with this derivative.
            value = value + ((of - of.detach()) * slope).sum()
    return value
