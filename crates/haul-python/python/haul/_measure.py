"""Discrete measures."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import numpy as np

from . import _haul
from ._arrays import numeric, points as as_points, weights as as_weights
from ._haul import Error


class Measure:
    """A discrete measure α = Σᵢ aᵢ δ(xᵢ): n points of a cloud with a weight ≥ 0 each.

    Every function of haul takes a measure, or an array of n×d points in its place. A measure is checked and copied once,
    so it saves time to make one of points that are used many times.

    Parameters
    ----------
    points : array of shape (n, d)
        Of NumPy, torch, jax, or nested sequences; any strides, floats or integers.
    weights : array of shape (n,), optional
        By default 1/n each.

    Examples
    --------
    >>> import haul
    >>> triangle = haul.Measure([[0, 0], [1, 0], [0, 1]], weights=[1, 1, 2])
    >>> len(triangle), triangle.dimension, triangle.mass
    (3, 2, 4.0)
    """

    def __init__(self, points: Any, weights: Any = None) -> None:
        array = as_points(points, "points")
        given = None if weights is None else as_weights(weights, "weights")
        self._inner = _haul.Measure.cloud(array, given)

    @classmethod
    def grid(
        cls,
        weights: Any,
        spacing: Union[float, Sequence[float]] = 1.0,
        origin: Union[float, Sequence[float]] = 0.0,
    ) -> "Measure":
        """A measure on a regular grid of one to three axes: a histogram, an image or a volume.

        The point of index (i₁, …, i_d) lies at originₖ + iₖ·spacingₖ. Between grids a pass over all pairs costs
        n^{1+1/d} operations in place of n², for p = 2.

        Parameters
        ----------
        weights : array of shape (n₁,), (n₁, n₂) or (n₁, n₂, n₃)
        spacing, origin : float, or one for each axis
            The distance between neighbours, and the coordinates of the first point.

        Examples
        --------
        >>> import haul
        >>> image = haul.Measure.grid([[0, 1], [0, 3], [0, 0]], spacing=0.5)
        >>> image.shape, image.points[-1].tolist(), image.mass
        ((3, 2), [1.0, 0.5], 4.0)
        """
        array = numeric(weights, "weights")
        axes = array.ndim
        each = [np.broadcast_to(numeric(of, what), (axes,)).tolist() for of, what in
                ((spacing, "spacing"), (origin, "origin"))]
        return cls._of(_haul.Measure.grid(array.reshape(-1), list(array.shape), *each))

    @classmethod
    def _of(cls, inner: _haul.Measure) -> "Measure":
        measure = cls.__new__(cls)
        measure._inner = inner
        return measure

    def with_weights(self, weights: Any) -> "Measure":
        """The same points with other weights, of shape (n,) or that of the grid."""
        return Measure._of(self._inner.with_weights(numeric(weights, "weights").reshape(-1)))

    @property
    def points(self) -> np.ndarray:
        """The points, n×d."""
        return self._inner.points

    @property
    def weights(self) -> np.ndarray:
        """The weights: of shape (n,), or that of the grid."""
        weights = self._inner.weights
        return weights if self.shape is None else weights.reshape(self.shape)

    @property
    def shape(self) -> Optional[tuple[int, ...]]:
        """The shape of the grid; None for a cloud."""
        shape = self._inner.shape
        return None if shape is None else tuple(shape)

    @property
    def dimension(self) -> int:
        """d."""
        return self._inner.dimension

    @property
    def mass(self) -> float:
        """The sum of the weights."""
        return self._inner.mass

    def __len__(self) -> int:
        return len(self._inner)

    def __repr__(self) -> str:
        what = f"{len(self)} points" if self.shape is None else f"a grid of {self.shape}"
        return f"Measure({what}, dimension {self.dimension}, mass {self.mass:.6g})"

    def __reduce__(self):
        if self.shape is None:
            return Measure, (self.points, self.weights)
        return Measure.grid, (self.weights, *self._inner.lattice)


def measure(of: Any, weights: Any, names: tuple[str, str]) -> _haul.Measure:
    """The measure of an argument: a measure, a pair of points and weights, or points with weights beside them."""
    what, what_weights = names
    if isinstance(of, Measure):
        if weights is not None:
            return of.with_weights(weights)._inner
        return of._inner
    if isinstance(of, tuple) and len(of) == 2 and weights is None:
        of, weights = of
    given = None if weights is None else as_weights(weights, what_weights)
    return _haul.Measure.cloud(as_points(of, what), given)


def same_kind(measures: Sequence[_haul.Measure]) -> None:
    """Refuses measures of different dimensions."""
    dimensions = {measure.dimension for measure in measures}
    if len(dimensions) > 1:
        raise Error(f"the measures have the dimensions {sorted(dimensions)}; bring all into one space")
