"""Regularised optimal transport between point clouds and histograms, on any GPU and on the CPU.

>>> import haul, numpy as np
>>> rng = np.random.default_rng(0)
>>> x, y = rng.random((200, 2)), rng.random((300, 2)) + [1.0, 0.0]
>>> result = haul.divergence(x, y, blur=0.05)
>>> result.lower <= result.value <= result.upper
True
>>> result.grad_x.shape
(200, 2)

The functions are :func:`sinkhorn`, :func:`divergence`, :func:`energy`, :func:`exact`, :func:`exact_costs`,
:func:`sliced`, :func:`batch`, :func:`pairwise` and :func:`barycenter`. The modules ``haul.torch``, ``haul.jax``, ``haul.ot`` and ``haul.sklearn`` have the names and
conventions of GeomLoss, jax, POT and scikit-learn.
"""

from ._device import Device, devices
from ._exact import ExactSolution, Sliced, SparsePlan, exact, exact_costs, sliced
from ._haul import Error
from ._measure import Measure
from ._progress import Progress
from ._results import Barycenter, Discrepancy, Divergence, Pairwise, Plan, Solution
from ._solve import NotConverged, barycenter, batch, divergence, energy, pairwise, sinkhorn

__version__ = "0.1.0"

__all__ = [
    "Barycenter",
    "Device",
    "Discrepancy",
    "Divergence",
    "Error",
    "ExactSolution",
    "Measure",
    "NotConverged",
    "Pairwise",
    "Plan",
    "Progress",
    "Sliced",
    "Solution",
    "SparsePlan",
    "barycenter",
    "batch",
    "devices",
    "divergence",
    "energy",
    "exact",
    "exact_costs",
    "pairwise",
    "sinkhorn",
    "sliced",
]
