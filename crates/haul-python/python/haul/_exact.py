"""Exact transport: W_p^p without blur, with a sparse plan and a proof."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Optional, Union

import numpy as np

from . import _haul
from ._arrays import numeric, points as as_points, weights as as_weights
from ._device import Device, chosen
from ._haul import Error
from ._measure import Measure, measure as as_measure
from ._progress import Reporter, reporting
from ._results import _Result, _number
from ._solve import _checked, _count


class SparsePlan:
    """A transport plan as the list of its entries above 0, sorted by row and column; an optimal one has at most
    n + m − 1 of them.

    Attributes
    ----------
    rows, columns : array of shape (k,)
        The places of the entries, integers from 0.
    mass : array of shape (k,)
        The entries Pᵢⱼ.
    shape : (n, m)

    Examples
    --------
    >>> import haul
    >>> plan = haul.exact([[0.0], [1.0]], [[1.5], [0.5]]).plan
    >>> plan.rows.tolist(), plan.columns.tolist(), plan.mass.tolist()
    ([0, 1], [1, 0], [0.5, 0.5])
    >>> (plan @ [[1.5], [0.5]]).tolist(), plan.T.shape
    ([[0.25], [0.75]], (2, 2))
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, shape: tuple[int, int]) -> None:
        self.rows, self.columns, self.mass, self.shape = rows, columns, mass, shape

    @property
    def T(self) -> "SparsePlan":
        """The transposed plan, m×n."""
        order = np.lexsort((self.rows, self.columns))
        return SparsePlan(self.columns[order], self.rows[order], self.mass[order], self.shape[::-1])

    def __len__(self) -> int:
        return len(self.mass)

    def __matmul__(self, values: Any) -> np.ndarray:
        """P V for V of shape (m,) or (m, w): Σⱼ Pᵢⱼ Vⱼ, of shape (n,) or (n, w)."""
        array = numeric(values, "the factor of the plan")
        if array.ndim not in (1, 2) or array.shape[0] != self.shape[1]:
            raise Error(f"a plan of {self.shape} cannot be multiplied by an array of {array.shape}")
        product = np.zeros((self.shape[0], *array.shape[1:]))
        np.add.at(product, self.rows, (self.mass * array[self.columns].T).T)
        return product

    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        """P1, of shape (n,), and Pᵀ1, of shape (m,)."""
        n, m = self.shape
        return np.bincount(self.rows, self.mass, n), np.bincount(self.columns, self.mass, m)

    @property
    def permutation(self) -> Optional[np.ndarray]:
        """The column that each row sends all of its mass to, of shape (n,), if each row and each column has exactly one
        entry; else None. Between uniform measures of as many points there is always an optimal plan like that."""
        each = np.arange(self.shape[0])
        one = len(self) == self.shape[0] == self.shape[1]
        if one and (self.rows == each).all() and (np.sort(self.columns) == each).all():
            return self.columns
        return None

    def tocoo(self) -> Any:
        """The plan as a ``scipy.sparse.coo_array``; SciPy must be installed."""
        from scipy.sparse import coo_array

        return coo_array((self.mass, (self.rows, self.columns)), shape=self.shape)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        """All n×m entries."""
        dense = np.zeros(self.shape)
        dense[self.rows, self.columns] = self.mass
        return np.asarray(dense, dtype=dtype)

    def __repr__(self) -> str:
        return f"SparsePlan({self.shape[0]}×{self.shape[1]}, {len(self)} entries)"


class ExactSolution(_Result):
    """An optimal plan with its proof; see :func:`haul.exact`. Arrays are NumPy arrays of float64.

    Attributes
    ----------
    plan : SparsePlan
    f, g : array of shape (n,) and (m,)
        Potentials with f + g ≤ C up to rounding and to the gap, and equality where the plan moves mass.
    report : dict
        All numbers: value, bounds, gap, distance, mass, rounds, arcs, pivots, seconds, device, precision.
    """

    def __init__(self, solved: tuple[Any, ...], ends: Optional[tuple[Measure, Measure]] = None) -> None:
        report, (rows, columns), mass, (self.f, self.g) = solved
        self.report: dict[str, Any] = report
        self.plan = SparsePlan(rows, columns, mass, (report["n"], report["m"]))
        self._ends = ends

    @property
    def value(self) -> float:
        """⟨P, C⟩, which is W_p^p, within the bounds; in units of |x − y|^p times mass."""
        return self.report["value"]

    @property
    def distance(self) -> Optional[float]:
        """W_p for each unit of mass, a length: (value/mass)^{1/p}; None for a matrix of costs."""
        return self.report["distance"] if self._ends else None

    @property
    def lower(self) -> float:
        """A lower bound of W_p^p, the value of the dual at feasible potentials, less its rounding."""
        return self.report["lower_bound"]

    @property
    def upper(self) -> float:
        """An upper bound of W_p^p, the cost of the plan and its rounding."""
        return self.report["upper_bound"]

    @property
    def gap(self) -> float:
        """(upper − lower)/value, the largest relative error of the value."""
        return self.report["gap"]

    @property
    def proved(self) -> bool:
        """Whether the gap is within the tolerance: the plan is optimal up to it."""
        return self.report["proved"]

    converged = proved

    def map(self) -> np.ndarray:
        """T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, the mean destination of each point of the source, n×d; NaN for a point that sends no
        mass.

        Examples
        --------
        >>> import haul
        >>> haul.exact([[0.0, 0.0], [1.0, 0.0]], [[1.0, 2.0], [0.0, 2.0]]).map().tolist()
        [[0.0, 2.0], [1.0, 2.0]]
        """
        _, target = self._points()
        with np.errstate(invalid="ignore"):
            return (self.plan @ target) / self.plan.marginals()[0][:, None]

    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        if self._ends is None:
            raise Error("a matrix of costs has no points; multiply the plan by values of your own")
        source, target = self._ends
        return source.points, target.points

    @cached_property
    def _slopes(self) -> np.ndarray:
        """Pᵢⱼ p |xᵢ − yⱼ|^{p−2} (xᵢ − yⱼ) of each entry; 0 where both points are one."""
        source, target = self._points()
        p = self.report["p"]
        step = source[self.plan.rows] - target[self.plan.columns]
        length = np.sqrt((step**2).sum(1))
        factor = np.zeros_like(length)
        np.power(length, p - 2, out=factor, where=length > 0)
        return (p * self.plan.mass * factor)[:, None] * step

    @property
    def grad_x(self) -> np.ndarray:
        """The derivative of the value in the points of the source, n×d: Σⱼ Pᵢⱼ p |xᵢ − yⱼ|^{p−2} (xᵢ − yⱼ). Where several
        plans are optimal it is one of several subgradients."""
        gradient = np.zeros((self.plan.shape[0], self._slopes.shape[1]))
        np.add.at(gradient, self.plan.rows, self._slopes)
        return gradient

    @property
    def grad_y(self) -> np.ndarray:
        """The derivative of the value in the points of the target, m×d."""
        gradient = np.zeros((self.plan.shape[1], self._slopes.shape[1]))
        np.subtract.at(gradient, self.plan.columns, self._slopes)
        return gradient

    def _shortfall(self) -> str:
        finer = "; take precision=\"f64\"" if self.report["precision"] == "f32" else ""
        return (
            f"the plan is not proved optimal: the bounds are {self.gap:.1e} of the value apart, and the tolerance is "
            f"{self.report['tolerance']:g}{finer}. The bounds hold all the same."
        )

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        proof = "within" if self.proved else "NOT within"
        rows = [
            ("W_p^p", f"{_number(self.value)} (between {_number(self.lower)} and {_number(self.upper)})"),
            ("gap", f"{self.gap:.2g}, {proof} the tolerance {_number(report['tolerance'])}"),
            ("plan", f"{len(self.plan)} entries" + (", a permutation" if self.plan.permutation is not None else "")),
            ("mass moved", _number(report["mass"])),
            ("effort", f"{report['pivots']} pivots, {report['seconds']:.2g} s"),
        ]
        if self._ends is None:
            return [*rows, ("costs", f"{report['n']}×{report['m']}")]
        low, high = report["distance_bounds"]
        rows.insert(1, ("distance", f"{_number(self.distance)} (between {_number(low)} and {_number(high)})"))
        what = f"{report['n']} and {report['m']} points in dimension {report['d']}"
        return [*rows, ("clouds", f"{what}, p = {_number(report['p'])}")]


def exact(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    partial: Optional[float] = None,
    tol: float = 1e-9,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> ExactSolution:
    """Exact transport between two measures, without blur, with an optimal plan that is proved to be one::

        W_p^p(α, β) = min ⟨P, C⟩   over P ≥ 0 with P1 = a, Pᵀ1 = b,   Cᵢⱼ = |xᵢ − yⱼ|^p (no ½)
                    = max ⟨a, f⟩ + ⟨b, g⟩   over f + g ≤ C

    In one dimension both measures are sorted. Otherwise the network simplex method solves the problem on a short list of
    pairs, to which those are added that the potentials show to be missing: memory is O(n + m).

    Parameters
    ----------
    x, y : array of shape (n, d) and (m, d), or Measure
    a, b : array of shape (n,) and (m,), optional
        Weights ≥ 0 of one sum; by default 1/n and 1/m.
    p : float
        The power of the distance, above 0 and at most 2; in one dimension any p ≥ 1.
    partial : float, optional
        The mass that moves, where it costs least; the sums of the weights may differ, and P1 ≤ a, Pᵀ1 ≤ b. ``math.inf``
        moves the smaller mass.
    tol : float
        The gap at which the solve ends: the difference of the bounds, relative to the value. A solve that ends before
        warns :class:`NotConverged`.
    precision : {"f32", "f64"}, optional
        By default f64 in more than 7 dimensions, unless ``device`` is a GPU, because f32 proves bounds to about seven
        digits of the largest cost there. In fewer dimensions the bounds are computed in f64 in any case.
    progress : bool or function, optional
        A function gets the pivots so far, the gap, the gap at which the solve ends, and the seconds.

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((100, 2))
    >>> solution = haul.exact(x, x[::-1] + [3.0, 4.0])
    >>> round(solution.value, 9), round(solution.distance, 9), solution.proved  # |t|² and |t|, for a move by t
    (25.0, 5.0, True)
    >>> solution.lower <= solution.value <= solution.upper, len(solution.plan)
    (True, 100)
    >>> solution.plan.permutation[:3]
    array([99, 98, 97])
    """
    source, target = as_measure(x, a, ("x", "a")), as_measure(y, b, ("y", "b"))
    settings = (float(p), float(tol), None if partial is None else float(partial))
    with reporting(progress, "pivot", "gap") as report:
        solved = _haul.exact(chosen(device, precision), source, target, settings, report)
    solution = ExactSolution(solved, (Measure._of(source), Measure._of(target)))
    _checked([solution])
    return solution


def exact_costs(
    costs: Any,
    a: Any = None,
    b: Any = None,
    *,
    partial: Optional[float] = None,
    tol: float = 1e-9,
    progress: Reporter = None,
) -> ExactSolution:
    """Exact transport for an explicit n×m matrix of any finite costs. All n m pairs are stored, so clouds are for
    :func:`exact`.

    Parameters
    ----------
    costs : array of shape (n, m)
    a, b : array of shape (n,) and (m,), optional
        Weights ≥ 0 of one sum; by default 1/n and 1/m.

    The others are those of :func:`exact`.

    Examples
    --------
    >>> import haul
    >>> solution = haul.exact_costs([[4, 1, 3], [2, 0, 5]], [0.5, 0.5], [0.5, 0.25, 0.25])
    >>> solution.value, solution.proved  # ½·2 + ¼·1 + ¼·3
    (2.0, True)
    """
    matrix = as_points(costs, "costs")
    weights = (np.full(n, 1 / max(n, 1)) if of is None else as_weights(of, what)
               for of, n, what in zip((a, b), matrix.shape, "ab"))
    settings = (1.0, float(tol), None if partial is None else float(partial))
    with reporting(progress, "pivot", "gap") as report:
        solution = ExactSolution(_haul.exact_costs(matrix, *weights, settings, report))
    _checked([solution])
    return solution


class Sliced(_Result):
    """A sliced Wasserstein distance; see :func:`haul.sliced`.

    Attributes
    ----------
    grad_x : array of shape (n, d)
        The derivative of the value in the points of the source.
    report : dict
        All numbers: value, standard error, the largest W_p^p of a direction, and that direction.
    """

    def __init__(self, report: dict[str, Any], grad_x: np.ndarray) -> None:
        self.report, self.grad_x = report, grad_x

    @property
    def value(self) -> float:
        """The mean of W_p^p over the directions, in units of |x − y|^p times mass."""
        return self.report["value"]

    @property
    def standard_error(self) -> float:
        """The standard error of the value as an estimate of the mean over all directions; infinite for one direction."""
        return self.report["standard_error"]

    @property
    def largest(self) -> float:
        """The largest W_p^p of a direction, a lower bound of the max-sliced distance."""
        return self.report["largest"]

    @property
    def direction(self) -> np.ndarray:
        """The direction of the largest one, of shape (d,) and length 1."""
        return self.report["direction"]

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        return [
            ("SW_p^p", f"{_number(self.value)} ± {self.standard_error:.2g}"),
            ("directions", f"{report['directions']}, of the seed {report['seed']}"),
            ("largest", _number(self.largest)),
            ("clouds", f"{report['n']} and {report['m']} points in dimension {report['d']}, p = {_number(report['p'])}"),
        ]


def sliced(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    directions: int = 100,
    seed: int = 0,
) -> Sliced:
    """The sliced Wasserstein distance, the mean of exact distances between projections onto lines::

        SW_p^p(α, β) = ∫ W_p^p(θ♯α, θ♯β) dθ   over the unit sphere

    It takes O((n + m) log(n + m)) a direction, on the CPU.

    Parameters
    ----------
    p : float
        The power of the distance, at least 1.
    directions : int
        The number of random directions.
    seed : int
        Equal seeds give equal directions, so that a descent sees one function.

    The others are those of :func:`exact`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> result = haul.sliced(x, x + [0.0, 3.0], directions=2000)
    >>> abs(result.value - 4.5) < 4 * result.standard_error  # ⟨θ, t⟩² for a move by t; its mean is |t|²/d
    True
    >>> result.grad_x.shape
    (50, 2)
    """
    source, target = as_measure(x, a, ("x", "a")), as_measure(y, b, ("y", "b"))
    count, number = _count(directions, "directions"), _count(seed, "seed")
    report, grad_x = _haul.sliced(source, target, (float(p), count, number))
    report.update(n=len(source), m=len(target), d=source.dimension, p=float(p), directions=count, seed=number)
    return Sliced(report, grad_x)
