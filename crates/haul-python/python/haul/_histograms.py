"""Histograms as mixtures of others: coordinates and dictionaries."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Optional, Sequence, Union

import numpy as np

from . import _haul
from ._arrays import numeric, weights as as_weights
from ._device import Device, chosen
from ._haul import Error
from ._measure import Measure, measure as as_measure
from ._progress import Reporter, reporting
from ._results import Barycenter, _Result, _number
from ._solve import _checked, _count, _inputs, _settings


class Coordinates(_Result):
    """The place of a target among the averages of atoms; see :func:`haul.coordinates`.

    Attributes
    ----------
    barycenter : Barycenter
        The average at these coordinates, with its own numbers.
    report : dict
        All numbers: loss, λ, value, gradient, gap, evaluations, products, seconds.
    """

    def __init__(self, report: dict[str, Any], average: _haul.Average) -> None:
        self.report, self.barycenter = report, Barycenter(average)

    @property
    def weights(self) -> np.ndarray:
        """λ, of shape (k,) and sum 1; what is below 1e-6 is 0."""
        return np.array(self.report["lambda"])

    @property
    def value(self) -> float:
        """The loss at λ."""
        return self.report["value"]

    @property
    def gradient(self) -> np.ndarray:
        """The derivative of the loss in λ, of shape (k,), with Σ λₛ gₛ = 0."""
        return np.array(self.report["gradient"])

    @property
    def measure(self) -> Measure:
        """The average at λ, on the points of the target and with its mass."""
        return self.barycenter.measure

    @property
    def converged(self) -> bool:
        """Whether the last step in λ was within the tolerance, and the error of the average too."""
        return self.report["converged"]

    def _shortfall(self) -> str:
        return (
            f"the fit of λ did not converge in {self.report['evaluations']} averages; raise max_evaluations or "
            f"max_iterations, or one of the tolerances."
        )

    def _rows(self) -> list[tuple[str, str]]:
        average = self.barycenter.report
        return [
            ("λ", ", ".join(_number(share) for share in self.weights)),
            (f"{self.report['loss']} loss", _number(self.value)),
            ("fit", f"{'converged' if self.converged else 'NOT converged'} in {self.report['evaluations']} averages"),
            ("blur", f"{_number(average['blur'])}, ε = {_number(average['epsilon'])}"),
            ("device", f"{average['device']}, {average['precision']}, {self.report['seconds']:.2g} s"),
        ]


def coordinates(
    target: Any,
    measures: Sequence[Any],
    *,
    loss: str = "l2",
    start: Any = None,
    iterations: Optional[int] = None,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    tol: float = 1e-4,
    weights_tol: float = 5e-4,
    max_iterations: int = 10_000,
    max_evaluations: int = 200,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Coordinates:
    """The weights λ at which the average of several measures, the atoms pₛ, comes nearest to a target q::

        min_λ Loss(b(λ), q)   over λ ≥ 0 of sum 1,   b(λ) = argmin_b Σₛ λₛ OT_ε(b, pₛ) + ε KL(b | m)

    The averages lie on the points of the target, with a uniform m. The loss is not convex in λ.

    Parameters
    ----------
    target : Measure, array of shape (n, d), or pair of points and weights
    measures : sequence of the same, of the mass of the target
    loss : {"l2", "kl", "reverse-kl", "total-variation", "wasserstein"}
        ½ Σ (b − q)², Σ b log(b/q), Σ q log(q/b), ½ Σ |b − q|, or S_ε(b, q).
    start : array of shape (k,), optional
        λ > 0 to start from; by default all are equal.
    iterations : int, optional
        An average is the result of so many iterations, and not the converged one.
    tol : float
        The L1 error at which an average has converged.
    weights_tol : float
        The fit ends where the next step would change λ by less, in L1.
    max_iterations, max_evaluations : int
        The most iterations of an average, and the most averages.

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> at = np.linspace(0, 1, 41)
    >>> bump = lambda centre: np.exp(-((at - centre) / 0.08) ** 2)
    >>> grid = lambda centre: haul.Measure.grid(bump(centre) / bump(centre).sum(), spacing=1 / 40)
    >>> found = haul.coordinates(grid(0.6), [grid(0.3), grid(0.7)], blur=0.05)
    >>> np.allclose(found.weights, [0.25, 0.75], atol=1e-2)
    True
    """
    goal = as_measure(target, None, ("target", "weights"))
    atoms = _inputs(measures)
    shares = None if start is None else as_weights(start, "start").tolist()
    settings = _settings(eps, blur, p, None, None, tol, max_iterations)
    objective = (loss, None if iterations is None else _count(iterations, "iterations"), float(weights_tol))
    first = (_count(max_evaluations, "max_evaluations"), shares)
    with reporting(progress, "average", "last step") as report:
        result = Coordinates(
            *_haul.coordinates(chosen(device, precision), (goal, atoms), objective, first, settings, report)
        )
    _checked([result])
    return result


class Dictionary(_Result):
    """Atoms and weights whose mixtures are near given histograms; see :func:`haul.dictionary`.

    Attributes
    ----------
    atoms : array of shape (k, …)
        The atoms, each of the shape of a histogram and of sum 1.
    weights : array of shape (N, k)
        The weights with which each histogram mixes the atoms; each row has sum 1.
    report : dict
        All numbers: loss, terms, objective, steps, products, seconds, device, precision.
    """

    def __init__(
        self, report: dict[str, Any], atoms: np.ndarray, weights: np.ndarray, support: _haul.Measure
    ) -> None:
        shape = support.shape or [len(support)]
        self.report, self.weights = report, weights
        self.atoms = atoms.reshape(len(atoms), *shape)
        self._support = support

    @property
    def value(self) -> float:
        """The sum of the losses of all histograms."""
        return self.report["objective"]

    @property
    def terms(self) -> np.ndarray:
        """The loss of each histogram, of shape (N,)."""
        return np.array(self.report["terms"])

    @property
    def converged(self) -> bool:
        """Whether the steps ended by the tolerance."""
        return self.report["converged"]

    @cached_property
    def measures(self) -> list[Measure]:
        """The atoms as measures on the support."""
        return [Measure._of(self._support.with_weights(atom.reshape(-1))) for atom in self.atoms]

    def mixtures(self) -> np.ndarray:
        """The linear mixtures Σ_k Λᵢ_k a_k, of the shape of the data. In a barycentric dictionary, take
        :func:`haul.barycenter` of the atoms with the weights of a row, with ``kind="plain"``."""
        if self.report["mixtures"] != "linear":
            raise Error("this dictionary mixes by averages; take haul.barycenter(measures, weights[i], kind=\"plain\")")
        return np.tensordot(self.weights, self.atoms, 1)

    def _shortfall(self) -> str:
        return f"the dictionary did not converge in {self.report['steps']} steps; raise max_steps or tol."

    def _rows(self) -> list[tuple[str, str]]:
        report = self.report
        ends = "converged" if self.converged else "NOT converged"
        return [
            (f"{report['mixtures']} dictionary", f"{len(self.atoms)} atoms of {len(self._support)} bins"),
            (f"{report['loss']} loss", f"{_number(self.value)} for {len(self.weights)} histograms"),
            ("ε", _number(report["epsilon"])),
            ("steps", f"{report['steps']}, {ends}"),
            ("device", f"{report['device']}, {report['precision']}, {report['seconds']:.2g} s"),
        ]


def dictionary(
    data: Any,
    atoms: int,
    *,
    support: Any,
    mixtures: str = "linear",
    loss: Optional[str] = None,
    seed: int = 0,
    minibatch: Optional[int] = None,
    bounded: bool = False,
    iterations: Optional[int] = None,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    tol: float = 1e-3,
    max_steps: int = 200,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Dictionary:
    """Learns k atoms of which N histograms bᵢ on one support are mixtures::

        linear       min Σᵢ Loss(Σ_k Λᵢ_k a_k, bᵢ)                  topics of texts, parts of images
        barycentric  min Σᵢ Loss(b(A, λᵢ), bᵢ)                      b is the average of :func:`coordinates`

    over atoms and weights ≥ 0 of sum 1. The objective is not convex: the result depends on the start.

    Parameters
    ----------
    data : array of shape (N, n), or (N, …) for a support that is a grid
        Histograms ≥ 0; each is scaled to a sum of 1.
    atoms : int
        Their number k.
    support : Measure, or array of shape (n, d)
        The points of the bins. The weights of a Measure, all positive, are the reference m.
    mixtures : {"linear", "barycentric"}
    loss : str, optional
        Of linear mixtures the kind of :func:`barycenter` whose objective compares a mixture with its histogram, by default
        "debiased"; of barycentric ones the loss of :func:`coordinates`, by default "l2".
    seed : int
        It chooses the histograms that linear atoms start from.
    minibatch : int, optional
        A step of linear atoms after every so many histograms; by default after all.
    bounded : bool
        Whether ``report["bounds"]`` has bounds of the objective of linear mixtures.
    iterations : int, optional
        As in :func:`coordinates`, of barycentric mixtures.
    tol : float
        Steps end where ten of them lower the objective by less than this, in units of ε a histogram (linear), or where
        one lowers it by less than this share (barycentric).

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> at = np.linspace(0, 1, 20)[:, None]
    >>> parts = np.exp(-((at.T - [[0.2], [0.8]]) / 0.1) ** 2)
    >>> shares = np.array([[1.0, 0.0], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0.0, 1.0]])
    >>> found = haul.dictionary(shares @ parts, 2, support=at, blur=0.2)
    >>> found.atoms.shape, found.weights.shape
    ((2, 20), (5, 2))
    >>> np.allclose(np.sort(found.weights, 1), np.sort(shares, 1), atol=0.05)
    True
    """
    histograms = numeric(data, "data")
    if histograms.ndim < 2:
        raise Error(f"data has the shape {histograms.shape}; give N histograms, N×n")
    points = as_measure(support, None, ("support", "weights"))
    if not isinstance(support, (Measure, tuple)):
        points = points.with_weights(np.ones(len(points)))
    rows = histograms.reshape(len(histograms), -1)
    if rows.shape[1] != len(points):
        raise Error(f"the histograms have {rows.shape[1]} bins, and the support has {len(points)} points")
    if mixtures not in ("linear", "barycentric"):
        raise Error(f"mixtures is {mixtures!r}; it must be \"linear\" or \"barycentric\"")
    linear = mixtures == "linear"
    if linear and iterations is not None:
        raise Error("iterations is for barycentric mixtures; leave it out")
    if not linear and (minibatch is not None or bounded):
        raise Error("minibatch and bounded are for linear mixtures; leave them out")
    count = _count(atoms, "atoms")
    # Averages of barycentric mixtures have the tolerance that haul.coordinates has.
    settings = _settings(eps, blur, p, None, None, 1e-3 if linear else 1e-4, max_steps)
    engine = chosen(device, precision)
    with reporting(progress, "step", "objective") as report:
        if linear:
            part = None if minibatch is None else _count(minibatch, "minibatch")
            learning = (loss or "debiased", count, _count(seed, "seed"), float(tol), part, bounded)
            found = _haul.linear_dictionary(engine, points, rows, learning, settings, report)
        else:
            projected = (loss or "l2", None if iterations is None else _count(iterations, "iterations"), 5e-4)
            learning = (count, float(tol), projected)
            found = _haul.barycentric_dictionary(engine, points, rows, learning, settings, report)
    result = Dictionary(*found, points)
    result.report["mixtures"] = mixtures
    _checked([result])
    return result
