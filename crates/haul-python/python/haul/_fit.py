"""Points as unknowns: fewer points, averages on free points, and flows."""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import Any, Optional, Sequence, Union

import numpy as np

from . import _haul
from ._arrays import weights as as_weights
from ._device import Device, chosen
from ._haul import Error
from ._measure import Measure, measure as as_measure
from ._progress import Reporter, reporting
from ._results import Divergence, _Result, _number
from ._solve import _checked, _count, _inputs, _settings


class _Points(_Result):
    """A measure whose points were found."""

    def __init__(self, inner: _haul.Measure, report: dict[str, Any]) -> None:
        self.measure, self.report = Measure._of(inner), report

    @cached_property
    def points(self) -> np.ndarray:
        """The points, k×d."""
        return self.measure.points

    @cached_property
    def weights(self) -> np.ndarray:
        """Their weights, of shape (k,), with the mass of the input."""
        return self.measure.weights

    def _shortfall(self) -> str:
        report = self.report
        steps = report.get("iterations", report.get("steps"))
        return (
            f"the points did not come to rest: the last of {steps} steps has the length {report['movement']:.1e}, and the fit "
            f"ends at {report['goal']:.1e}; raise the number of steps, or movement."
        )


class Quantization(_Points):
    """A measure of few points in place of one of many; see :func:`haul.quantize`.

    Attributes
    ----------
    measure : Measure
        The points with their weights.
    labels : array of shape (n,)
        The number of the point that each point of the input belongs to: the nearest one, or in the balanced kind the one
        that gets most of its mass.
    report : dict
        All numbers: objective, inertia, movement, iterations, pairs, seconds, device, precision.
    """

    def __init__(self, inner: _haul.Measure, labels: np.ndarray, report: dict[str, Any]) -> None:
        super().__init__(inner, report)
        self.labels = labels

    @property
    def value(self) -> float:
        """The objective, for mass 1: W₂² (lloyd), OT_ε (soft) or S_ε (balanced)."""
        return self.report["objective"]

    @property
    def inertia(self) -> float:
        """Σⱼ bⱼ |x(j) − yⱼ|², for mass 1, with x(j) the point that point j belongs to."""
        return self.report["inertia"]

    @property
    def converged(self) -> bool:
        """Whether the points came to rest."""
        return self.report["converged"]

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        rest = "at rest" if self.converged else "NOT at rest"
        blur = [] if report["epsilon"] is None else [("ε", _number(report["epsilon"]))]
        return [
            (f"{report['kind']} quantization", f"{report['k']} points for {report['n']} in dimension {report['d']}"),
            ("objective", _number(self.value)),
            ("inertia", _number(self.inertia)),
            *blur,
            ("points", f"{rest} after {report['iterations']} steps"),
            ("device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"),
        ]


def quantize(
    x: Any,
    k: Optional[int] = None,
    a: Any = None,
    *,
    kind: str = "lloyd",
    start: Any = None,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    movement: Optional[float] = None,
    seed: int = 0,
    tol: float = 1e-3,
    max_iterations: int = 300,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Quantization:
    """The measure of k points that is nearest to a measure β = Σⱼ bⱼ δ(yⱼ)::

        lloyd     min over x, a   W₂²(Σᵢ aᵢ δ(xᵢ), β) = Σⱼ bⱼ min over i of |xᵢ − yⱼ|²      k-means
        soft      min over x, a   OT_ε(Σᵢ aᵢ δ(xᵢ), β)           a mixture of Gaussians of variance ε/2
        balanced  min over x      S_ε(Σᵢ δ(xᵢ)/k, β)             cells of one mass

    The result is a local minimum, which depends on the start.

    Parameters
    ----------
    x : array of shape (n, d), or Measure
    k : int, optional
        The number of points; fewer if x has fewer different ones. Give k or ``start``.
    a : array of shape (n,), optional
        Weights ≥ 0; by default 1/n.
    kind : {"lloyd", "soft", "balanced"}
    start : array of shape (k, d), or Measure, optional
        The points to start from; by default k-means++ draws them from x by ``seed``.
    eps, blur : float, optional
        ε, or the length √ε, of the soft and the balanced kind; of the latter by default 1/50 of the diagonal of the box
        around x.
    movement : float, optional
        The fit ends where a step is shorter than this share of the blur, by default 1e-2; of the root mean square
        distance to the points in the Lloyd kind, by default 1e-4.
    tol : float
        The L1 error of the marginals of the solves of the balanced kind.
    max_iterations : int
        The most steps of the points.

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> line = np.array([[0.0], [1.0], [10.0], [11.0], [12.0]])
    >>> found = haul.quantize(line, 2)
    >>> sorted(found.points[:, 0].tolist()), sorted(found.weights.round(6).tolist())
    ([0.5, 11.0], [0.4, 0.6])
    >>> round(found.value, 6)  # ⅕ (¼ + ¼ + 1 + 0 + 1)
    0.5
    """
    if (k is None) == (start is None):
        raise Error("give either k, the number of points, or start, the points to start from")
    has_blur = eps is not None or blur is not None
    if kind == "lloyd" and has_blur:
        raise Error("kind is \"lloyd\", which has no blur; take \"soft\" or \"balanced\"")
    if kind == "soft" and not has_blur:
        raise Error("kind is \"soft\", which needs a blur; give eps or blur")
    measure = as_measure(x, a, ("x", "a"))
    settings = _settings(eps, blur, 2, None, None, tol, max_iterations)
    if not has_blur:
        settings["regularization"] = ("relative", 0.02)
    given = None if start is None else as_measure(start, None, ("start", "weights"))
    objective = (kind, None if movement is None else float(movement), _count(seed, "seed"))
    with reporting(progress, "step", "movement") as report:
        found = _haul.quantize(
            chosen(device, precision), measure, (_count(k or 0, "k"), given), objective, settings, report
        )
    result = Quantization(*found)
    _checked([result])
    return result


class FreeBarycenter(_Points):
    """A barycenter on free points; see :func:`haul.free_barycenter`.

    Attributes
    ----------
    measure : Measure
        The points with their weights.
    report : dict
        All numbers: kind, λ, terms, value, objective, bounds, movement, steps, passes, seconds, device, precision.
    """

    @property
    def value(self) -> float:
        """The objective at these points, for masses 1."""
        return self.report["objective"]

    @property
    def lower(self) -> float:
        """A lower bound of the objective at these points."""
        return self.report["lower_bound"]

    @property
    def upper(self) -> float:
        """An upper bound of the objective at these points."""
        return self.report["upper_bound"]

    @property
    def lower_everywhere(self) -> Optional[float]:
        """A lower bound of the objective at all measures; None in the debiased kind and in more than 3 dimensions."""
        return self.report["lower_bound_everywhere"]

    @property
    def terms(self) -> np.ndarray:
        """OT_ε(b, bₛ) of each input, or S_ε(b, bₛ) for the debiased kind."""
        return np.array(self.report["terms"])

    @property
    def converged(self) -> bool:
        """Whether the points came to rest, and all solves met their tolerance."""
        return self.report["converged"]

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        rest = "at rest" if self.converged else "NOT at rest"
        return [
            (f"{report['kind']} barycenter", f"{report['n']} free points in dimension {report['d']}"),
            ("objective", f"{_number(self.value)} (between {_number(self.lower)} and {_number(self.upper)})"),
            ("λ", ", ".join(_number(share) for share in report["lambda"])),
            ("blur", f"{_number(report['blur'])}, ε = {_number(report['epsilon'])}"),
            ("points", f"{rest} after {report['steps']} steps"),
            ("device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"),
        ]


def free_barycenter(
    measures: Sequence[Any],
    weights: Any = None,
    *,
    support: Any,
    kind: str = "debiased",
    learn_weights: bool = False,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    movement: float = 1e-2,
    seed: int = 0,
    tol: float = 1e-3,
    max_iterations: int = 500,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> FreeBarycenter:
    """The points with the least weighted mean of the squared distances to several inputs of one mass::

        debiased  min over x  Σₛ λₛ S_ε(Σᵢ aᵢ δ(xᵢ), bₛ)
        product   min over x  Σₛ λₛ OT_ε(Σᵢ aᵢ δ(xᵢ), bₛ)

    A step moves each point to the mean of its images in the inputs. The objective is not convex in the points, and the
    result depends on the start.

    Parameters
    ----------
    measures : sequence of arrays of shape (n, d), pairs of points and weights, or Measures
    weights : array of shape (k,), optional
        λ ≥ 0, scaled to a sum of 1; by default all are equal.
    support : int, Measure or array of shape (n, d)
        The points to start from, with their weights; or their number, and k-means++ draws them from all inputs by
        ``seed``.
    kind : {"debiased", "product", "plain"}
        The plain kind is the product one with ε KL(a | 1/n), for weights that are learned.
    learn_weights : bool
        Whether the weights are found with the points; else they are those of the start.
    movement : float
        The fit ends where a step is shorter than this share of the blur.
    tol : float
        The L1 error of the marginals of the solves.
    max_iterations : int
        The most steps of the points.

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((60, 2))
    >>> average = haul.free_barycenter([x, x + [4.0, 2.0]], [0.25, 0.75], support=60, blur=0.1)
    >>> np.allclose(average.points.mean(0) - x.mean(0), [3.0, 1.5], atol=1e-2)  # ¾ of the move
    True
    """
    inputs = _inputs(measures)
    shares = None if weights is None else as_weights(weights, "weights").tolist()
    settings = _settings(eps, blur, 2, None, None, tol, max_iterations)
    drawn = isinstance(support, (int, np.integer))
    start = None if drawn else as_measure(support, None, ("support", "weights"))
    first = (_count(support, "support") if drawn else 0, _count(seed, "seed"), start)
    with reporting(progress, "step", "movement") as report:
        found = _haul.free_barycenter(
            chosen(device, precision), inputs, first, (kind, shares, learn_weights, float(movement)), settings, report
        )
    average = FreeBarycenter(*found)
    _checked([average])
    return average


class Flow(_Points):
    """The end of a flow of points; see :func:`haul.flow`.

    Attributes
    ----------
    measure : Measure
        The points with their weights.
    values : array of shape (steps,)
        S_ε before each step.
    report : dict
        The report of the last divergence, with τ.
    """

    def __init__(self, inner: _haul.Measure, values: list[float], report: dict[str, Any]) -> None:
        super().__init__(inner, report)
        self.values = np.array(values)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("flow", f"{len(self.measure)} points in dimension {self.measure.dimension}"),
            ("steps", f"{len(self.values)} of τ = {_number(self.report['tau'])}"),
        ]
        if len(self.values):
            rows.append(("S_ε", f"{_number(self.values[0])}, and before the last step {_number(self.values[-1])}"))
        return rows


def flow(
    x: Any,
    onto: Any,
    a: Any = None,
    b: Any = None,
    *,
    steps: int = 50,
    tau: float = 0.5,
    momentum: float = 0.0,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    tol: float = 1e-3,
    max_iterations: int = 10_000,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Flow:
    """Moves the points of a measure down its Sinkhorn divergence from a target, along the velocities vᵢ = −∂S_ε/∂xᵢ / aᵢ::

        uᵢ ← β uᵢ + vᵢ,   xᵢ ← xᵢ + τ uᵢ

    For p = 2, τ = ½ and β = 0, a step brings each point to its image. Each solve starts from the potentials of the last one.

    Parameters
    ----------
    x, onto : array of shape (n, d) and (m, d), or Measure
        The points that move, and the target.
    steps : int
        The number of steps.
    tau : float
        τ > 0, a time, in which vᵢ is a velocity.
    momentum : float
        β, at least 0 and below 1.
    progress : bool or function, optional
        A function gets the steps so far, S_ε before the last one, 0, and the seconds.

    The others are those of :func:`divergence`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> moved = haul.flow(x, x + [2.0, 0.0], steps=10, blur=0.1)
    >>> np.allclose(moved.points, x + [2.0, 0.0], atol=1e-2), round(float(moved.values[0]), 2)
    (True, 4.0)
    """
    if not 0 < tau < math.inf:
        raise Error(f"tau is {tau}; it must be a finite number above 0")
    if not 0 <= momentum < 1:
        raise Error(f"momentum is {momentum}; it must be at least 0 and below 1")
    measure, target = as_measure(x, a, ("x", "a")), as_measure(onto, b, ("onto", "b"))
    settings = _settings(eps, blur, p, None, None, tol, max_iterations)
    engine, began = chosen(device, precision), time.perf_counter()
    weights, means, values, numbers = measure.weights, 0.0, [], {}
    first_off: list[Divergence] = []
    with reporting(progress, "step", "divergence") as report:
        for step in range(_count(steps, "steps")):
            result = Divergence(_haul.divergence(engine, measure, target, settings, None))
            slope = result.grad_x
            velocity = np.divide(-slope, weights[:, None], out=np.zeros_like(slope), where=weights[:, None] > 0)
            means = momentum * means + velocity
            measure = _haul.Measure.cloud(measure.points + tau * means, weights)
            settings["start"] = (result.ab.f, result.ab.g)
            values.append(result.value)
            numbers = result.report
            if not (first_off or result.converged):
                first_off.append(result)
            if report is not None:
                report(step + 1, result.value, 0.0, time.perf_counter() - began)
    _checked(first_off)
    return Flow(measure, values, {**numbers, "tau": float(tau)})
