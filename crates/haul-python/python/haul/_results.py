"""What computations return."""

from __future__ import annotations

import html
from functools import cached_property
from typing import Any, Iterable, Optional

import numpy as np

from . import _haul
from ._arrays import numeric, points as as_points
from ._haul import Error
from ._measure import Measure


def _number(value: float) -> str:
    return f"{value:.6g}"


class _Result:
    """A result that shows itself as a table of names and texts."""

    report: dict[str, Any]

    def _shortfall(self) -> str:
        """What is off in a result that did not converge."""
        return not_converged(self.report)

    def _rows(self) -> list[tuple[str, str]]:
        raise NotImplementedError

    def __repr__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows) + 2
        return "\n".join(f"{name:<{width}}{text}" for name, text in rows)

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self._rows()
        )
        return f"<table>{cells}</table>"


def not_converged(report: dict[str, Any]) -> str:
    """What is off in a solve whose marginals are not within the tolerance."""
    both = ("marginal_error_a", "marginal_error_b")
    error = report["error"] if "error" in report else sum(report[side] for side in both)
    return (
        f"the solve did not converge: marginals are off by {error:.1e} after {report['iterations']} iterations, and the "
        f"tolerance is {report['tolerance']:g}; raise max_iterations, eps or tol. The bounds hold all the same."
    )


def _solve_rows(report: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """The rows that solutions and divergences have in common."""
    error = report["marginal_error_a"] + report["marginal_error_b"]
    within = "within" if report["converged"] else "NOT within"
    yield "clouds", f"{report['n']} and {report['m']} points in dimension {report['d']}"
    yield "blur", (
        f"{_number(report['blur'])}, ε = {_number(report['epsilon'])} for the cost |x − y|^{_number(report['p'])}"
    )
    rho = (report["rho_a"], report["rho_b"])
    if np.isfinite(rho).any():
        yield "mass moved", f"{_number(report['mass'])}, ρ = {_number(rho[0])} and {_number(rho[1])}"
    yield "marginals", f"off by {error:.2g} in L1, {within} the tolerance {_number(report['tolerance'])}"
    yield "device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"


class Plan:
    """A transport plan Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε), n×m, which is never stored: each product is a pass over the
    pairs, in memory O(n + m).

    Examples
    --------
    >>> import haul, numpy as np
    >>> plan = haul.sinkhorn([[0.0], [1.0]], [[0.0], [1.0], [3.0]], blur=0.5).plan
    >>> plan.shape, plan.T.shape
    ((2, 3), (3, 2))
    >>> np.allclose(plan @ np.ones(3), [0.5, 0.5], atol=1e-3)
    True
    >>> np.allclose(plan[:], plan.T[:].T, atol=1e-6)
    True
    """

    def __init__(self, solution: _haul.Solution, shape: tuple[int, int], transposed: bool = False) -> None:
        self._solution = solution
        self._transposed = transposed
        self.shape = shape

    @property
    def T(self) -> "Plan":
        """The transposed plan, m×n."""
        return Plan(self._solution, self.shape[::-1], not self._transposed)

    def __matmul__(self, values: Any) -> np.ndarray:
        """P V for V of shape (m,) or (m, w): Σⱼ Pᵢⱼ Vⱼ, of shape (n,) or (n, w)."""
        array = numeric(values, "the factor of the plan")
        if array.ndim not in (1, 2) or array.shape[0] != self.shape[1]:
            raise Error(f"a plan of {self.shape} cannot be multiplied by an array of {array.shape}")
        wide = np.ascontiguousarray(array.reshape(self.shape[1], -1))
        if wide.size == 0:
            return np.zeros((self.shape[0], *array.shape[1:]))
        product = self._solution.product(wide, self._transposed)
        return product[:, 0] if array.ndim == 1 else product

    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        """P1, of shape (n,), and Pᵀ1, of shape (m,)."""
        return self @ np.ones(self.shape[1]), self.T @ np.ones(self.shape[0])

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Rows of the plan as a dense array: ``plan[i]``, ``plan[i:j]``, or ``plan[:]`` for all n×m entries."""
        if self._transposed:
            entries = Plan(self._solution, self.shape[::-1])[:]
            return np.ascontiguousarray(entries.T)[rows]
        n = self.shape[0]
        if isinstance(rows, slice):
            chosen = range(n)[rows]
            if len(chosen) == 0:
                return np.zeros((0, self.shape[1]))
            low, high = min(chosen), max(chosen)
            return self._solution.rows(low, high + 1)[[i - low for i in chosen]]
        index = range(n)[rows]
        return self._solution.rows(index, index + 1)[0]

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        """All n×m entries."""
        return np.asarray(self[:], dtype=dtype)

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k largest entries of each row, largest first: their columns and their masses, both n×k. Where a row has
        fewer entries above 0, the column is −1 and the mass 0."""
        if self._transposed:
            raise Error("the largest entries are those of rows of the plan; take the transpose of the problem")
        k = min(k, self.shape[1])
        columns = np.full((self.shape[0], k), -1)
        masses = np.zeros((self.shape[0], k))
        for i, row in enumerate(self._solution.top_k(k)):
            for r, (j, mass) in enumerate(row):
                columns[i, r], masses[i, r] = j, mass
        return columns, masses

    def assignment(self) -> np.ndarray:
        """For each point of the source the column of its largest entry, of shape (n,); −1 where a point sends no mass."""
        if self._transposed:
            raise Error("an assignment is of the rows of the plan; take the transpose of the problem")
        return self._solution.assignment()

    def __repr__(self) -> str:
        return f"Plan({self.shape[0]}×{self.shape[1]}, not stored)"


class _Transport(_Result):
    """A value of transport between two measures, with its derivatives, which are computed when they are asked for."""

    _inner: Any

    @cached_property
    def _gradient(self) -> tuple[np.ndarray, np.ndarray]:
        return self._inner.gradient(False)

    @cached_property
    def _gradient_target(self) -> tuple[np.ndarray, np.ndarray]:
        return self._inner.gradient(True)

    @cached_property
    def _gradient_weights(self) -> list[np.ndarray]:
        return self._inner.gradient_weights()

    @property
    def grad_x(self) -> np.ndarray:
        """The derivative of the value in the points of the source, n×d; of OT_ε it is Σⱼ Pᵢⱼ ∂C(xᵢ, yⱼ)/∂xᵢ."""
        return self._gradient[0]

    @property
    def grad_y(self) -> np.ndarray:
        """The derivative of the value in the points of the target, m×d."""
        return self._gradient_target[0]

    @property
    def grad_a(self) -> np.ndarray:
        """The derivative of the value in the weights of the source, of shape (n,). In a balanced problem its mean ⟨a, ·⟩/Σa
        is 0, and it holds for changes that keep the mass; of OT_ε it is then fᵢ less its mean."""
        return self._gradient_weights[0]

    @property
    def grad_b(self) -> np.ndarray:
        """The derivative of the value in the weights of the target, of shape (m,)."""
        return self._gradient_weights[1]


class Solution(_Transport):
    """The solution of OT_ε between two measures; see :func:`haul.sinkhorn`. Arrays are NumPy arrays of float64.

    Attributes
    ----------
    report : dict
        All numbers: value, bounds, errors of the marginals, ε, ρ, iterations, passes, seconds, device, precision.
    """

    def __init__(self, inner: _haul.Solution) -> None:
        self._inner = inner
        self.report: dict[str, Any] = inner.report()

    @property
    def value(self) -> float:
        """OT_ε, the value of the dual, in units of |x − y|^p times mass."""
        return self.report["value"]

    @property
    def lower(self) -> float:
        """A lower bound of OT_ε, which holds whether or not the solve converged."""
        return self.report["lower_bound"]

    @property
    def upper(self) -> float:
        """An upper bound of OT_ε, which holds whether or not the solve converged."""
        return self.report["upper_bound"]

    @property
    def transport_cost(self) -> float:
        """⟨P, C⟩."""
        return self.report["transport_cost"]

    @property
    def marginal_error(self) -> float:
        """‖P1 − a‖₁ + ‖Pᵀ1 − b‖₁; for a side with a penalty, the distance from a e^{−f/ρ} in place of a."""
        return self.report["marginal_error_a"] + self.report["marginal_error_b"]

    @property
    def converged(self) -> bool:
        """Whether the marginals are within the tolerance."""
        return self.report["converged"]

    @cached_property
    def _potentials(self) -> tuple[np.ndarray, np.ndarray]:
        f, g = self._inner.potentials()
        return f, g

    @property
    def f(self) -> np.ndarray:
        """The potential on the source, of shape (n,), in units of the cost."""
        return self._potentials[0]

    @property
    def g(self) -> np.ndarray:
        """The potential on the target, of shape (m,). In a balanced problem f + t and g − t are optimal as well."""
        return self._potentials[1]

    @property
    def plan(self) -> Plan:
        """The transport plan, as an operator."""
        return Plan(self._inner, (self.report["n"], self.report["m"]))

    def map(self, points: Any = None) -> np.ndarray:
        """T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, the mean destination of each point of the source, n×d; or of other points, by the
        entropic map T(x) = Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε) yⱼ / Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε).

        Examples
        --------
        >>> import haul, numpy as np
        >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> solution = haul.sinkhorn(x, x + [0.5, 0.0], blur=0.1)
        >>> np.allclose(solution.map(), x + [0.5, 0.0], atol=1e-2)
        True
        >>> np.allclose(solution.map([[0.1, 0.0]]), [[0.5, 0.0]], atol=1e-2)
        True
        """
        return self._inner.map(None if points is None else as_points(points, "points"))

    def _rows(self) -> list[tuple[str, str]]:
        bounds = f"between {_number(self.lower)} and {_number(self.upper)}"
        return [
            ("OT_ε", f"{_number(self.value)} ({bounds})"),
            ("⟨P, C⟩", _number(self.transport_cost)),
            *_solve_rows(self.report),
        ]


class Divergence(_Transport):
    """The Sinkhorn divergence S_ε of two measures; see :func:`haul.divergence`.

    Attributes
    ----------
    ab, aa, bb : Solution
        OT_ε(α, β), OT_ε(α, α) and OT_ε(β, β).
    """

    def __init__(self, inner: _haul.Divergence) -> None:
        self._inner = inner
        self.ab, self.aa, self.bb = (Solution(term) for term in inner.terms())

    @property
    def value(self) -> float:
        """S_ε = OT_ε(α, β) − ½ OT_ε(α, α) − ½ OT_ε(β, β) + ½ε (m_a − m_b)²."""
        return self._inner.value

    @property
    def lower(self) -> float:
        """A lower bound of S_ε, at least 0."""
        return self._inner.bounds[0]

    @property
    def upper(self) -> float:
        """An upper bound of S_ε."""
        return self._inner.bounds[1]

    @property
    def distance(self) -> Optional[float]:
        """(S_ε/m)^{1/p}, a length; None for an unbalanced problem."""
        distance = self._inner.distance
        return None if distance is None else distance[0]

    @property
    def converged(self) -> bool:
        """Whether all three solves met the tolerance."""
        return self._inner.converged

    @property
    def f(self) -> np.ndarray:
        """f_αβ − f_αα, of shape (n,): the first variation of S_ε in α, up to a constant."""
        return self.ab.f - self.aa.f

    @property
    def g(self) -> np.ndarray:
        """g_αβ − g_ββ, of shape (m,): the first variation of S_ε in β, up to a constant."""
        return self.ab.g - self.bb.g

    @property
    def plan(self) -> Plan:
        """The plan of OT_ε(α, β)."""
        return self.ab.plan

    def map(self, points: Any = None) -> np.ndarray:
        """The map of OT_ε(α, β); see :meth:`Solution.map`."""
        return self.ab.map(points)

    @cached_property
    def report(self) -> dict[str, Any]:
        """The numbers of OT_ε(α, β), with the value, the bounds and the convergence of S_ε."""
        return {
            **self.ab.report,
            "value": self.value,
            "lower_bound": self.lower,
            "upper_bound": self.upper,
            "converged": self.converged,
            "distance": self.distance,
            "terms": [self.ab.value, self.aa.value, self.bb.value],
        }

    def _rows(self) -> list[tuple[str, str]]:
        bounds = f"between {_number(self.lower)} and {_number(self.upper)}"
        rows = [("S_ε", f"{_number(self.value)} ({bounds})")]
        if self.distance is not None:
            _, low, high = self._inner.distance
            rows.append(("distance", f"{_number(self.distance)} (between {_number(low)} and {_number(high)})"))
        return [*rows, *_solve_rows({**self.ab.report, "converged": self.converged})]


class Discrepancy(_Result):
    """An energy distance or a squared maximum mean discrepancy; see :func:`haul.energy`.

    Attributes
    ----------
    report : dict
        All numbers: value, the terms ab, aa and bb, rounding, pairs, seconds, device, precision.
    """

    def __init__(self, problem: tuple[Any, ...]) -> None:
        self._problem = problem
        self.report, self._grad_a = _haul.discrepancy(*problem)

    def _swapped(self) -> tuple[Any, ...]:
        device, source, target, kernel, wide = self._problem
        return device, target, source, kernel, wide

    @property
    def value(self) -> float:
        """The discrepancy."""
        return self.report["value"]

    @property
    def lower(self) -> float:
        """A lower bound: the value less the rounding of its sums, and at least 0."""
        return max(self.value - self.report["rounding"], 0.0)

    @property
    def upper(self) -> float:
        """An upper bound: the value and the rounding of its sums."""
        return self.value + self.report["rounding"]

    @property
    def converged(self) -> bool:
        """True: there is no iteration."""
        return True

    @cached_property
    def grad_x(self) -> np.ndarray:
        """The derivative in the points of the source, n×d."""
        return _haul.discrepancy_slopes(*self._problem)

    @cached_property
    def grad_y(self) -> np.ndarray:
        """The derivative in the points of the target, m×d."""
        return _haul.discrepancy_slopes(*self._swapped())

    @property
    def grad_a(self) -> np.ndarray:
        """The derivative in the weights of the source, of shape (n,); that of the energy holds for changes that keep the
        mass."""
        return self._grad_a

    @cached_property
    def grad_b(self) -> np.ndarray:
        """The derivative in the weights of the target, of shape (m,)."""
        return _haul.discrepancy(*self._swapped())[1]

    def _rows(self) -> list[tuple[str, str]]:
        name, width = self._problem[3]
        what = f"|x − y|^{_number(width)}" if name == "energy" else f"a {name} kernel of width {_number(width)}"
        report = self.report
        return [
            ("energy" if name == "energy" else "MMD²",
             f"{_number(self.value)} (between {_number(self.lower)} and {_number(self.upper)})"),
            ("of", what),
            ("clouds", f"{report['n']} and {report['m']} points in dimension {report['d']}"),
            ("device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"),
        ]


class Barycenter(_Result):
    """A barycenter on a fixed support; see :func:`haul.barycenter`.

    Attributes
    ----------
    report : dict
        All numbers: kind, λ, terms, value, objective, bounds, error, iterations, seconds, device, precision.
    """

    def __init__(self, inner: _haul.Average) -> None:
        self._inner = inner
        self.report: dict[str, Any] = inner.report()

    @cached_property
    def measure(self) -> Measure:
        """The support with the weights of the barycenter."""
        return Measure._of(self._inner.measure)

    @property
    def points(self) -> np.ndarray:
        """The points of the support, n×d."""
        return self.measure.points

    @property
    def weights(self) -> np.ndarray:
        """The weights of the barycenter, of shape (n,) or that of the grid, with the mass of the inputs."""
        return self.measure.weights

    @property
    def value(self) -> float:
        """The objective, for masses 1."""
        return self.report["objective"]

    @property
    def lower(self) -> float:
        """A lower bound of the least value of the objective."""
        return self.report["lower_bound"]

    @property
    def upper(self) -> float:
        """An upper bound of the least value of the objective."""
        return self.report["upper_bound"]

    @property
    def terms(self) -> np.ndarray:
        """OT_ε(b, bₛ) of each input, or S_ε(b, bₛ) for the debiased kind."""
        return np.array(self.report["terms"])

    @property
    def converged(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.report["converged"]

    @cached_property
    def potentials(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """f on the support and g on the input, for each input."""
        return [(f, g) for f, g in self._inner.potentials()]

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        within = "within" if report["converged"] else "NOT within"
        return [
            (f"{report['kind']} barycenter", f"{report['n']} points in dimension {report['d']}"),
            ("objective", f"{_number(self.value)} (least value between {_number(self.lower)} and {_number(self.upper)})"),
            ("λ", ", ".join(_number(share) for share in report["lambda"])),
            ("blur", f"{_number(report['blur'])}, ε = {_number(report['epsilon'])}"),
            ("error", f"{report['error']:.2g} in L1, {within} the tolerance {_number(report['tolerance'])}"),
            ("device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"),
        ]


class Pairwise(_Result):
    """Comparisons of all pairs of measures; see :func:`haul.pairwise`. ``numpy.asarray`` of it is ``value``.

    Attributes
    ----------
    value, lower, upper : array of shape (k, k)
        The values and their bounds; symmetric, with the diagonal 0 for divergences.
    converged : bool
        Whether all solves met the tolerance.
    epsilon : float
        The ε of all of them.
    """

    def __init__(self, value: np.ndarray, lower: np.ndarray, upper: np.ndarray, converged: bool, epsilon: float) -> None:
        self.value, self.lower, self.upper = value, lower, upper
        self.converged, self.epsilon = converged, epsilon

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype)

    def _rows(self) -> list[tuple[str, str]]:
        k = len(self.value)
        return [
            ("pairs", f"{k}×{k} measures, ε = {_number(self.epsilon)}"),
            ("values", f"{_number(self.value.min())} to {_number(self.value.max())}"),
            ("converged", "all" if self.converged else "NOT all"),
        ]
