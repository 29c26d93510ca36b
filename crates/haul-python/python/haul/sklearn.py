"""Transport as a transformer of scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any, Optional

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ._arrays import points as as_points
from ._solve import NotConverged, sinkhorn

__all__ = ["TransportMap"]


class TransportMap(TransformerMixin, BaseEstimator):
    """Moves samples onto a target by the entropic map of :meth:`haul.Solution.map`: domain adaptation, transfer of colours,
    batch effects.

    ``fit(X, Y)`` solves OT_ε from X to Y; ``transform(X)`` maps any samples, those of the fit or new ones.

    Parameters
    ----------
    blur, eps, p, reach, tol, max_iterations, device
        Those of :func:`haul.sinkhorn`.

    Attributes
    ----------
    solution_ : haul.Solution
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from haul.sklearn import TransportMap
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> moved = TransportMap(blur=0.1).fit(X, X + 5.0).transform(X)
    >>> bool(abs(moved - X - 5.0).max() < 0.5)
    True
    """

    def __init__(
        self,
        blur: Optional[float] = None,
        *,
        eps: Optional[float] = None,
        p: float = 2,
        reach: Optional[float] = None,
        tol: float = 1e-3,
        max_iterations: int = 10_000,
        device: str = "auto",
    ) -> None:
        self.blur = blur
        self.eps = eps
        self.p = p
        self.reach = reach
        self.tol = tol
        self.max_iterations = max_iterations
        self.device = device

    def fit(self, X: Any, Y: Any, sample_weight: Any = None, target_weight: Any = None) -> "TransportMap":
        """Solves OT_ε from X of shape (n, d) to Y of shape (m, d)."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NotConverged)
            self.solution_ = sinkhorn(X, Y, sample_weight, target_weight, **self.get_params())
        for warning in caught:
            category = ConvergenceWarning if warning.category is NotConverged else warning.category
            warnings.warn(str(warning.message), category, stacklevel=2)
        self.n_features_in_ = self.solution_.report["d"]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The images of samples of shape (k, d)."""
        check_is_fitted(self, "solution_")
        return self.solution_.map(as_points(X, "X"))
