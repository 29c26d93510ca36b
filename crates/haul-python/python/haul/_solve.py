"""The functions of the module."""

from __future__ import annotations

import math
import warnings
from typing import Any, Iterable, Optional, Sequence, Union

import numpy as np

from . import _haul
from ._arrays import weights as as_weights
from ._device import Device, chosen
from ._haul import Error
from ._measure import Measure, measure as as_measure, same_kind
from ._progress import Reporter, reporting
from ._results import Barycenter, Discrepancy, Divergence, Pairwise, Solution


class NotConverged(UserWarning):
    """A solve ended before its result was within the tolerance, which of most solves is that of the marginals. Its bounds hold
    all the same."""


#: One number for both sides, or one for each.
Sided = Union[None, float, tuple[Optional[float], Optional[float]]]


def _both(value: Sided) -> tuple[float, float]:
    """A number for each side; infinite where there is none."""
    sides = value if isinstance(value, (tuple, list)) else (value, value)
    if len(sides) != 2:
        raise Error(f"a penalty has {len(sides)} sides; give one number, or a pair of them")
    a, b = (math.inf if side is None else float(side) for side in sides)
    return a, b


def _settings(
    eps: Optional[float],
    blur: Optional[float],
    p: float,
    reach: Sided,
    rho: Sided,
    tol: float,
    max_iterations: int,
    start: Optional[tuple[Any, Any]] = None,
    form: str = "log",
    multiscale: Optional[bool] = None,
    certificate: bool = True,
) -> dict[str, Any]:
    """The settings of a solve, as the compiled part takes them."""
    if eps is not None and blur is not None:
        raise Error("eps and blur are both given; blur is eps^(1/p), so give one of them")
    if reach is not None and rho is not None:
        raise Error("reach and rho are both given; reach is rho^(1/p), so give one of them")
    if eps is not None:
        regularization = ("epsilon", float(eps))
    elif blur is not None:
        regularization = ("blur", float(blur))
    else:
        regularization = ("relative", 0.05)
    penalties = _both(rho) if reach is None else tuple(side**p if side > 0 else side for side in _both(reach))
    if max_iterations < 0:
        raise Error(f"max_iterations is {max_iterations}; it must be at least 1")
    return {
        "regularization": regularization,
        "p": float(p),
        "rho": list(penalties),
        "tolerance": float(tol),
        "max_iterations": int(max_iterations),
        "form": form,
        "multiscale": multiscale,
        "certified": bool(certificate),
        "start": None if start is None else tuple(as_weights(side, "start") for side in start),
    }


def _checked(results: Iterable[Any], depth: int = 3) -> None:
    """Warns once of all results that did not converge."""
    off = [result for result in results if not result.converged]
    if not off:
        return
    many = f"{len(off)} results did not converge; of the first one: " if len(off) > 1 else ""
    warnings.warn(many + off[0]._shortfall(), NotConverged, stacklevel=depth)


def _count(value: Any, name: str) -> int:
    """A number of things, as the compiled part takes it."""
    if not 0 <= int(value) < 2**63:
        raise Error(f"{name} is {value}; it must be a whole number, at least 0")
    return int(value)


def sinkhorn(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    reach: Sided = None,
    rho: Sided = None,
    tol: float = 1e-3,
    max_iterations: int = 10_000,
    start: Optional[tuple[Any, Any]] = None,
    form: str = "log",
    multiscale: Optional[bool] = None,
    certificate: bool = True,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Solution:
    """Regularised optimal transport between two measures α = Σᵢ aᵢ δ(xᵢ) and β = Σⱼ bⱼ δ(yⱼ)::

        OT_ε(α, β) = min ⟨P, C⟩ + ε KL(P | a⊗b)   over P ≥ 0 with P1 = a, Pᵀ1 = b,   Cᵢⱼ = |xᵢ − yⱼ|^p (no ½)

    With ``reach`` or ``rho``, ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b) stands in place of the constraints. The n×m costs are never
    stored: memory is O(n + m).

    Parameters
    ----------
    x, y : array of shape (n, d) and (m, d), or Measure
        Of NumPy, torch, jax, or nested sequences; any strides, floats or integers.
    a, b : array of shape (n,) and (m,), optional
        Weights ≥ 0; by default 1/n and 1/m.
    eps : float, optional
        ε, in units of the cost.
    blur : float, optional
        A length: ε = blur^p. Without eps and blur, the blur is 1/20 of the diagonal of the box around both clouds.
    p : float
        The power of the distance, above 0 and at most 2.
    reach : float or pair, optional
        A length: ρ = reach^p. Mass farther apart is destroyed and created rather than moved.
    rho : float or pair, optional
        ρ, in units of the cost: for both sides, or (ρ_a, ρ_b), where None keeps a constraint.
    tol : float
        The L1 error of the marginals at which the solve ends, relative to the mass.
    max_iterations : int
        The solve ends here at the latest, with the warning :class:`NotConverged`.
    start : (f, g), optional
        Potentials of a similar problem to start from.
    form : {"log", "scaling"}
        The variables of the iteration: potentials, or scalings u = a/(Kv), v = b/(Kᵀu), which are not accelerated.
    multiscale : bool, optional
        Whether passes leave out pairs that are far apart, from coarse clouds to fine ones: by default between large clouds
        in up to 7 dimensions, where at most half of the pairs are near. The certificate counts what is left out.
    certificate : bool
        False leaves out the upper bound, which takes most of the passes after the iterations: ``upper`` is then infinite, and
        ``transport_cost`` and ``kl`` are nan. Value, potentials and derivatives are the same: for the loops of training.
    device : str or Device
        See :class:`Device`.
    precision : {"f32", "f64"}, optional
        By default f32, or f64 where f32 has too few digits for ``tol``.
    progress : bool or function, optional
        True shows a bar; a function is called with a :class:`Progress` about ten times a second.

    Raises
    ------
    Error
        For what is no measure, values out of range, and failures of the device.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> solution = haul.sinkhorn(x, x + [0.5, 0.0], blur=0.1)
    >>> solution.lower <= solution.value <= solution.upper
    True
    >>> round(solution.transport_cost, 2), solution.converged
    (0.25, True)
    """
    source, target = as_measure(x, a, ("x", "a")), as_measure(y, b, ("y", "b"))
    settings = _settings(eps, blur, p, reach, rho, tol, max_iterations, start, form, multiscale, certificate)
    with reporting(progress) as report:
        solution = Solution(_haul.sinkhorn(chosen(device, precision), source, target, settings, report))
    _checked([solution])
    return solution


def divergence(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    reach: Sided = None,
    rho: Sided = None,
    tol: float = 1e-3,
    max_iterations: int = 10_000,
    start: Optional[tuple[Any, Any]] = None,
    form: str = "log",
    multiscale: Optional[bool] = None,
    certificate: bool = True,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Divergence:
    """The Sinkhorn divergence of two measures, of masses m_a and m_b::

        S_ε(α, β) = OT_ε(α, β) − ½ OT_ε(α, α) − ½ OT_ε(β, β) + ½ε (m_a − m_b)²

    It is at least 0, 0 for equal measures, and removes the bias of the entropy; it is the loss to train with. The
    parameters are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((100, 2))
    >>> moved = haul.divergence(x, x + [0.3, 0.4], blur=0.05)
    >>> round(moved.value, 3), round(moved.distance, 3)  # |t|² and |t|, for a move by t
    (0.25, 0.5)
    >>> moved.grad_x.shape, np.allclose(100 * moved.grad_x, [-0.6, -0.8], atol=1e-2)  # −2 t for each mean point
    ((100, 2), True)
    """
    source, target = as_measure(x, a, ("x", "a")), as_measure(y, b, ("y", "b"))
    settings = _settings(eps, blur, p, reach, rho, tol, max_iterations, start, form, multiscale, certificate)
    with reporting(progress) as report:
        result = Divergence(_haul.divergence(chosen(device, precision), source, target, settings, report))
    _checked([result])
    return result


def energy(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 1,
    kernel: Optional[str] = None,
    blur: Optional[float] = None,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
) -> Discrepancy:
    """A comparison of two measures by means over pairs, without transport. The energy distance, for equal masses::

        E(α, β) − ½ E(α, α) − ½ E(β, β),   E(α, β) = Σᵢⱼ aᵢ bⱼ |xᵢ − yⱼ|^p

    or, with a kernel k of width σ, the squared maximum mean discrepancy, for any masses::

        K(α, α) + K(β, β) − 2 K(α, β),   K(α, β) = Σᵢⱼ aᵢ bⱼ k(xᵢ, yⱼ)

    Parameters
    ----------
    p : float
        The power of the distance of an energy, above 0 and at most 2.
    kernel : {"gaussian", "laplacian"}, optional
        exp(−|x − y|²/(2σ²)), or exp(−|x − y|/σ).
    blur : float
        σ, for a kernel.

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul
    >>> round(haul.energy([[0.0], [1.0]], [[3.0], [4.0]]).value, 6)  # 3 − ½·½ − ½·½
    2.5
    >>> round(haul.energy([[0.0]], [[1.0]], kernel="gaussian", blur=1.0).value, 6)  # 2 (1 − e^{−1/2})
    0.786939
    """
    if (kernel is None) != (blur is None):
        raise Error("a kernel has a width, and an energy has none: give both kernel and blur, or none of them")
    source, target = as_measure(x, a, ("x", "a")), as_measure(y, b, ("y", "b"))
    of = ("energy", float(p)) if kernel is None else (kernel, float(blur))
    asked = precision or (device.precision if isinstance(device, Device) else None)
    return Discrepancy((chosen(device, precision), source, target, of, asked in ("f64", "float64")))


def _inputs(measures: Sequence[Any], what: str = "measures") -> list[_haul.Measure]:
    """Several measures, of which there is at least one."""
    inputs = [as_measure(of, None, (f"{what}[{k}]", "weights")) for k, of in enumerate(measures)]
    if not inputs:
        raise Error(f"there are no {what}; give at least one")
    return inputs


def _pair(pair: Sequence[Any]) -> tuple[_haul.Measure, _haul.Measure]:
    if len(pair) not in (2, 4):
        raise Error(f"a problem of {len(pair)} parts; give (x, y) or (x, y, a, b)")
    x, y, a, b = pair if len(pair) == 4 else (*pair, None, None)
    return as_measure(x, a, ("x", "a")), as_measure(y, b, ("y", "b"))


def batch(
    problems: Iterable[Sequence[Any]],
    *,
    debiased: bool = True,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    reach: Sided = None,
    rho: Sided = None,
    tol: float = 1e-3,
    max_iterations: int = 10_000,
    form: str = "log",
    multiscale: Optional[bool] = None,
    certificate: bool = True,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
) -> list[Any]:
    """Solves many problems of any sizes, side by side: one a thread on the CPU, several at a time on a GPU.

    Parameters
    ----------
    problems : iterable of (x, y) or (x, y, a, b)
        The arguments of :func:`divergence`; no padding, the sizes may differ.
    debiased : bool
        Divergences; if False, solutions of OT_ε.

    The others are those of :func:`sinkhorn`; without eps and blur, each problem has its own blur.

    Returns
    -------
    list of Divergence or Solution
        In the order of the problems, with the numbers that a loop would give.

    Examples
    --------
    >>> import haul, numpy as np
    >>> clouds = [np.random.default_rng(n).random((n, 2)) for n in (20, 35, 50)]
    >>> results = haul.batch([(cloud, cloud + 0.5) for cloud in clouds], blur=0.1)
    >>> [round(result.value, 2) for result in results]
    [0.5, 0.5, 0.5]
    """
    pairs = [_pair(problem) for problem in problems]
    if not pairs:
        return []
    settings = _settings(eps, blur, p, reach, rho, tol, max_iterations, None, form, multiscale, certificate)
    solved = _haul.batch(chosen(device, precision), pairs, debiased, settings)
    results = [Divergence(inner) if debiased else Solution(inner) for inner in solved]
    _checked(results)
    return results


def pairwise(
    measures: Sequence[Any],
    *,
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    reach: Optional[float] = None,
    rho: Optional[float] = None,
    tol: float = 1e-3,
    max_iterations: int = 10_000,
    form: str = "log",
    multiscale: Optional[bool] = None,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
) -> Pairwise:
    """The Sinkhorn divergences of all pairs of k measures, at one ε. Each self term OT_ε(α, α) is computed once.

    Parameters
    ----------
    measures : sequence of arrays of shape (n, d), pairs of points and weights, or Measures

    The others are those of :func:`sinkhorn`; without eps and blur, the blur is 1/20 of the diagonal of the box around all.

    Examples
    --------
    >>> import haul, numpy as np
    >>> x = np.random.default_rng(0).random((30, 2))
    >>> np.round(haul.pairwise([x, x + [1, 0], x + [0, 2]], blur=0.1).value, 2).tolist()
    [[0.0, 1.0, 4.0], [1.0, 0.0, 5.0], [4.0, 5.0, 0.0]]
    """
    inner = _inputs(measures)
    same_kind(inner)
    if eps is None and blur is None:
        blur = 0.05 * _haul.Measure.diagonal(inner)
    settings = _settings(eps, blur, p, reach, rho, tol, max_iterations, None, form, multiscale)
    k = len(inner)
    upper_triangle = [(i, j) for i in range(k) for j in range(i, k)]
    pairs = [(inner[i], inner[j]) for i, j in upper_triangle]
    solved = _haul.batch(chosen(device, precision), pairs, False, settings)
    results = dict(zip(upper_triangle, (Solution(solution) for solution in solved)))
    _checked(results.values())
    value, lower, upper = (np.zeros((k, k)) for _ in range(3))
    epsilon = results[0, 0].report["epsilon"]
    for i, j in upper_triangle:
        if i == j:
            continue
        ab, aa, bb = results[i, j], results[i, i], results[j, j]
        masses = 0.5 * epsilon * (inner[i].mass - inner[j].mass) ** 2
        value[i, j] = value[j, i] = ab.value - 0.5 * (aa.value + bb.value) + masses
        lower[i, j] = lower[j, i] = max(ab.lower - 0.5 * (aa.upper + bb.upper) + masses, 0.0)
        upper[i, j] = upper[j, i] = ab.upper - 0.5 * (aa.lower + bb.lower) + masses
    return Pairwise(value, lower, upper, all(result.converged for result in results.values()), epsilon)


def barycenter(
    measures: Sequence[Any],
    weights: Any = None,
    *,
    support: Any = None,
    kind: str = "debiased",
    eps: Optional[float] = None,
    blur: Optional[float] = None,
    p: float = 2,
    tol: float = 1e-3,
    max_iterations: int = 10_000,
    device: Union[str, Device] = "auto",
    precision: Optional[str] = None,
    progress: Reporter = None,
) -> Barycenter:
    """The measure b on given points with the least weighted mean of the distances to several inputs of one mass::

        debiased  min_b Σₛ λₛ S_ε(b, bₛ)
        plain     min_b Σₛ λₛ OT_ε(b, bₛ) + ε KL(b | m)
        product   min_b Σₛ λₛ OT_ε(b, bₛ)

    Parameters
    ----------
    measures : sequence of Measures, arrays of shape (n, d), or pairs of points and weights
        Images and volumes are ``Measure.grid``.
    weights : array of shape (k,), optional
        λ ≥ 0, scaled to a sum of 1; by default all are equal.
    support : Measure or array of shape (n, d), optional
        The points of the barycenter; by default those of the first measure. The weights of a Measure, all positive, are
        the reference m of the plain kind.
    kind : {"debiased", "plain", "product"}
        The debiased barycenter is neither blurred, as the plain one is, nor shrunk, as the product one is.
    tol : float
        The L1 error at which the iteration ends, for masses 1.

    The others are those of :func:`sinkhorn`.

    Examples
    --------
    >>> import haul, numpy as np
    >>> at = np.linspace(0, 1, 101)
    >>> bump = lambda centre: haul.Measure.grid(np.exp(-((at - centre) / 0.05) ** 2), spacing=0.01)
    >>> inputs = [measure.with_weights(measure.weights / measure.mass) for measure in map(bump, (0.3, 0.7))]
    >>> average = haul.barycenter(inputs, [0.25, 0.75], blur=0.05)
    >>> round(float(at @ average.weights), 2)  # ¼·0.3 + ¾·0.7
    0.6
    """
    inputs = _inputs(measures)
    if support is None:
        points = inputs[0].with_weights(np.ones(len(inputs[0])))
    elif isinstance(support, Measure):
        points = support._inner
    else:
        points = as_measure(support, None, ("support", "weights"))
    shares = None if weights is None else as_weights(weights, "weights").tolist()
    settings = _settings(eps, blur, p, None, None, tol, max_iterations)
    with reporting(progress) as report:
        average = Barycenter(
            _haul.barycenter(chosen(device, precision), (points, inputs), (kind, shares), settings, report)
        )
    _checked([average])
    return average
