"""Gromov–Wasserstein: couplings of spaces that share no coordinates."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import numpy as np

from . import _haul
from ._arrays import points as as_points, weights as as_weights
from ._device import Device, chosen
from ._haul import Error
from ._measure import measure as as_measure
from ._progress import Reporter, reporting
from ._results import Plan, _Result, _number
from ._solve import _checked, _count


class _Stored:
    """A stored plan with the operations of one that is not."""

    def __init__(self, inner: _haul.StoredCoupling) -> None:
        self.report = inner.report
        self._plan = inner.plan()

    def product(self, values: np.ndarray, transposed: bool) -> np.ndarray:
        return (self._plan.T if transposed else self._plan) @ values

    def rows(self, start: int, end: int) -> np.ndarray:
        return self._plan[start:end].copy()

    def top_k(self, k: int) -> list[list[tuple[int, float]]]:
        order = np.argsort(-self._plan, axis=1, kind="stable")[:, :k]
        return [[(int(j), float(row[j])) for j in places if row[j] > 0] for row, places in zip(self._plan, order)]

    def assignment(self) -> np.ndarray:
        return np.where(self._plan.max(axis=1) > 0, self._plan.argmax(axis=1), -1)

    def images(self, values: np.ndarray, back: bool) -> np.ndarray:
        masses = self._plan.sum(axis=0 if back else 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.product(values, back) / masses[:, None]


class Coupling(_Result):
    """A plan between two spaces; see :func:`haul.gromov`.

    Attributes
    ----------
    report : dict
        All numbers: energy, KL, objective, bounds, stationarity, steps, passes, seconds, device, precision.
    """

    def __init__(self, inner: Union[_haul.Coupling, _Stored]) -> None:
        self._inner = inner
        self.report: dict[str, Any] = inner.report()

    @property
    def value(self) -> float:
        """The objective, in units of D²."""
        return self.report["objective"]

    @property
    def energy(self) -> float:
        """Σ (Dᵢₖ − D'ⱼₗ)² Pᵢⱼ Pₖₗ, the mean squared distortion."""
        return self.report["energy"]

    @property
    def lower(self) -> float:
        """A lower bound of the objective of every plan."""
        return self.report["lower_bound"]

    @property
    def converged(self) -> bool:
        """Whether the plan is stationary to the tolerance. That no other plan has a lower objective is not proved."""
        return self.report["converged"]

    @property
    def plan(self) -> Plan:
        """The plan, as an operator, of mass 1."""
        return Plan(self._inner, (self.report["n"], self.report["m"]))

    def map(self, values: Any) -> np.ndarray:
        """Σⱼ Pᵢⱼ vⱼ / Σⱼ Pᵢⱼ for values v of the target, such as its points or colours, of shape (m, w); n×w."""
        return self._images(values, False)

    def map_back(self, values: Any) -> np.ndarray:
        """Σᵢ Pᵢⱼ uᵢ / Σᵢ Pᵢⱼ for values u of the source, of shape (n, w); m×w. Points that get no mass have NaN."""
        return self._images(values, True)

    def _images(self, values: Any, back: bool) -> np.ndarray:
        array = as_points(values, "values")
        expected = self.report["n" if back else "m"]
        if len(array) != expected or array.shape[1] == 0:
            raise Error(f"values has the shape {array.shape}; give {expected} rows")
        return self._inner.images(array, back)

    def _shortfall(self) -> str:
        report = self.report
        return (
            f"the plan is not stationary: it changes by {report['stationarity']:.1e} after {report['steps']} steps, and the "
            f"tolerance is {report['tolerance']:g}; raise max_steps, eps or tol."
        )

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        fused = [] if report["alpha"] == 1 else [("features", f"{_number(report['feature_cost'])}, α = {report['alpha']:g}")]
        rest = "stationary" if self.converged else "NOT stationary"
        return [
            ("GW_ε", f"{_number(self.value)} (of any plan at least {_number(self.lower)})"),
            ("distortion", _number(self.energy)),
            *fused,
            ("spaces", f"{report['n']} and {report['m']} points, ε = {_number(report['epsilon'])}"),
            ("plan", f"{rest} after {report['steps']} steps, from the best of {report['starts']} starts"),
            ("device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"),
        ]


def gromov(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    eps: Optional[float] = None,
    relative: Optional[float] = None,
    metric: str = "squared",
    alpha: float = 1.0,
    features: Optional[tuple[Any, Any]] = None,
    reach: Optional[float] = None,
    start: str = "best",
    tol: float = 1e-4,
    max_steps: int = 500,
    max_iterations: int = 10_000,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Coupling:
    """A plan between two clouds that keeps the distances within each, where the clouds share no coordinates::

        GW_ε = min over P1 = a, Pᵀ1 = b of  Σ (Dᵢₖ − D'ⱼₗ)² Pᵢⱼ Pₖₗ + ε KL(P | a⊗b)

    For squared distances and inner products neither the plan nor the matrices D are stored. The objective is not convex: the plan is stationary, and no other is
    proved to be higher.

    Parameters
    ----------
    x, y : array of shape (n, d) and (m, d'), or Measure
        Their dimensions may differ. Weights are scaled to a sum of 1. With ``metric="given"`` the matrices D and D', of shape
        (n, n) and (m, m).
    eps : float, optional
        ε, in units of D².
    relative : float, optional
        ε as a share of the objective at the product plan a⊗b; 0.01 without ``eps``.
    metric : {"squared", "inner", "euclidean", "given"}
        D: squared distances |x − x'|², inner products ⟨x, x'⟩, distances |x − x'|, or x and y themselves, such as the lengths of
        paths in graphs. The last two are for at most 5000 points, on the CPU in f64, and store matrices and plan.
    alpha : float
        The share of distances beside 1 − α of features, Σ Pᵢⱼ |uᵢ − vⱼ|²; above 0 and at most 1.
    features : pair of arrays of shape (n, w) and (m, w), optional
        u and v, for an ``alpha`` below 1.
    reach : float, optional
        Lets the plan leave mass out at the price reach² for each marginal, in units of D. For ``metric`` "euclidean" and "given".
    start : {"best", "product", "eccentricities"}
        Where the search starts: at the product plan, at the order of eccentricities, or at the best of these, of principal
        axes and, in up to three dimensions, of rotations.
    tol : float
        The change of the plan's moments in a step at which the search ends.
    precision : {"f32", "f64"}, optional
        By default f64, unless ``device`` is a GPU.

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((30, 2)) * [2.0, 1.0]
    >>> turned = np.column_stack([-x[:, 1], x[:, 0]])
    >>> coupling = haul.gromov(x, turned, relative=1e-3)
    >>> int((coupling.plan.assignment() == np.arange(30)).sum()) > 27, coupling.lower <= coupling.value
    (True, True)

    Two graphs, by the lengths of their paths:

    >>> ring = np.abs(np.arange(12)[:, None] - np.arange(12))
    >>> ring = np.minimum(ring, 12 - ring) + np.diag(np.zeros(12))
    >>> haul.gromov(ring, ring[::-1, ::-1], metric="given", relative=1e-3).energy < 1.0
    True
    """
    values = (None, None) if features is None else tuple(features)
    if len(values) != 2:
        raise Error(f"features has {len(values)} parts; give those of x and those of y")
    u, v = (None if of is None else as_points(of, "features") for of in values)
    both = (as_measure(x, a, ("x", "a")), u), (as_measure(y, b, ("y", "b")), v)
    ends = (float(tol), _count(max_steps, "max_steps"), _count(max_iterations, "max_iterations"), start, np.inf if reach is None else float(reach))
    with reporting(progress, "step", "change") as report:
        regularization = _regularization(eps, relative, alpha)
        if metric in ("euclidean", "given"):
            opened = chosen("cpu" if device == "auto" else device, precision)
            found = _haul.gromov_stored(opened, (*both, metric == "given"), regularization, ends, report)
            coupling = Coupling(_Stored(found))
        else:
            coupling = Coupling(_haul.gromov(chosen(device, precision), (*both, metric), regularization, ends, report))
    _checked([coupling])
    return coupling


def _regularization(eps: Optional[float], relative: Optional[float], alpha: float) -> tuple[str, float, float]:
    if eps is not None and relative is not None:
        raise Error("eps and relative are both given; give one of them")
    if eps is not None:
        return "epsilon", float(eps), float(alpha)
    return "relative", 0.01 if relative is None else float(relative), float(alpha)


class GromovBarycenter(_Result):
    """A space in the middle of several; see :func:`haul.gromov_barycenter`.

    Attributes
    ----------
    points : array of shape (N, d), or None
        Coordinates along principal axes, the longest first; None where matrices are stored.
    features : array of shape (N, w), or None
        The mean features of the points of the inputs, for an ``alpha`` below 1.
    couplings : list of Coupling
        The plans between the barycenter and each input.
    report : dict
        All numbers: λ, ε, objective and its course, fall, passes, seconds, device, precision.
    """

    def __init__(
        self,
        report: dict[str, Any],
        distances: Optional[np.ndarray],
        coordinates: Optional[tuple[np.ndarray, list[float]]],
        features: Optional[np.ndarray],
        couplings: list[Any],
    ) -> None:
        self.report = report
        self._distances = distances
        self.points, self._variances = (None, None) if coordinates is None else coordinates
        self.features = features
        stored = (_Stored(inner) if isinstance(inner, _haul.StoredCoupling) else inner for inner in couplings)
        self.couplings = [Coupling(inner) for inner in stored]

    @property
    def value(self) -> float:
        """The objective, in units of D²."""
        return self.report["objective"]

    @property
    def converged(self) -> bool:
        """Whether all plans are stationary, and the last round lowered the objective by little."""
        return self.report["converged"]

    @property
    def distances(self) -> np.ndarray:
        """D, N×N. It is not stored for squared distances and inner products, but made anew each time."""
        if self._distances is not None:
            return self._distances
        inner = self.points @ self.points.T
        if len(self._variances) == 0:
            return inner
        lengths = np.diag(inner) + self._variances
        return lengths[:, None] + lengths - 2 * inner

    def _shortfall(self) -> str:
        report = self.report
        return (
            f"the barycenter may still move: the objective fell by {report['fall']:.1e} ε in the last of "
            f"{len(report['course'])} rounds; raise max_rounds, eps, fall or tol."
        )

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        end = "" if self.converged else ", NOT at its end"
        points = self.couplings[0].report["n"]
        return [
            ("objective", f"{_number(self.value)}, the mean to {len(self.couplings)} spaces"),
            ("barycenter", f"{points} points, ε = {_number(report['epsilon'])}"),
            ("course", f"{len(report['course'])} rounds, the last one down by {report['fall']:.2g} ε{end}"),
            ("device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"),
        ]


def gromov_barycenter(
    spaces: Sequence[Any],
    weights: Any = None,
    *,
    start: Any,
    eps: Optional[float] = None,
    relative: Optional[float] = None,
    metric: str = "squared",
    alpha: float = 1.0,
    features: Optional[Sequence[Any]] = None,
    start_features: Any = None,
    start_from: str = "best",
    fall: float = 1e-3,
    tol: float = 1e-4,
    max_rounds: int = 100,
    max_iterations: int = 10_000,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> GromovBarycenter:
    """A space of given size in the middle of several, which need share nothing::

        min over D of  Σₛ λₛ GW_ε(D, Dₛ)

    A round takes some steps of each plan, and then the best matrix for the plans, which is a mean of the inputs' matrices. The
    objective is not convex, and the result depends on the start.

    Parameters
    ----------
    spaces : sequence of arrays of shape (n, d), pairs of points and weights, or Measures
        Their dimensions may differ. With ``metric="given"`` their matrices, each of shape (n, n).
    weights : array of shape (k,), optional
        λ ≥ 0, scaled to a sum of 1; by default all are equal.
    start : array of shape (N, d), pair of points and weights, or Measure
        The space to start from, such as one of the inputs or some of its points. Its size and its weights stay.
    eps : float, optional
        ε, in units of D².
    relative : float, optional
        ε as a share of the mean objective at the product plans with the start; 0.01 without ``eps``.
    metric : {"squared", "inner", "euclidean", "given"}
        D, as of :func:`gromov`.
    alpha : float
        The share of distances beside 1 − α of features.
    features, start_features : sequence of arrays of shape (n, w), and array of shape (N, w), optional
        For an ``alpha`` below 1.
    start_from : {"best", "product", "eccentricities"}
        Where the search of the first plans starts.
    fall : float
        The search ends where a round lowers the objective by at most this share of ε, and the plans are stationary to ``tol``.
    max_rounds : int
        The most rounds.

    The others are those of :func:`gromov`.

    Examples
    --------
    A shape and a copy twice as large have one in the middle of both, whose squared distances are means:

    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((30, 2)) * [2.0, 1.0]
    >>> middle = haul.gromov_barycenter([x, 2 * x[::-1] + 5], start=x, relative=1e-3)
    >>> squares = ((x[:, None] - x) ** 2).sum(2)
    >>> bool(np.corrcoef(middle.distances.ravel(), 2.5 * squares.ravel())[0, 1] > 0.99), len(middle.couplings)
    (True, 2)
    """
    beside = [None] * len(spaces) if features is None else list(features)
    if len(beside) != len(spaces):
        raise Error(f"features has {len(beside)} parts; give one for each of the {len(spaces)} spaces")
    of = lambda values: None if values is None else as_points(values, "features")
    inputs = [(as_measure(space, None, (f"spaces[{k}]", "weights")), of(u)) for k, (space, u) in enumerate(zip(spaces, beside))]
    first = (as_measure(start, None, ("start", "weights")), of(start_features))
    shares = None if weights is None else as_weights(weights, "weights").tolist()
    ends = (float(tol), 500, _count(max_iterations, "max_iterations"), start_from, np.inf)
    rounds = (shares, float(fall), _count(max_rounds, "max_rounds"))
    stored = metric in ("euclidean", "given")
    opened = chosen("cpu" if stored and device == "auto" else device, precision)
    with reporting(progress, "round", "fall") as report:
        found = _haul.gromov_barycenter(opened, (first, inputs, metric), rounds, _regularization(eps, relative, alpha), ends, report)
    average = GromovBarycenter(*found)
    _checked([average])
    return average
