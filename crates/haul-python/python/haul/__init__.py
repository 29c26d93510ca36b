"""Regularised optimal transport between point clouds and histograms, on any GPU and on the CPU.

>>> import haul, numpy as np
>>> rng = np.random.default_rng(0)
>>> x, y = rng.random((200, 2)), rng.random((300, 2)) + [1.0, 0.0]
>>> result = haul.divergence(x, y, blur=0.05)
>>> result.lower <= result.value <= result.upper
True
>>> result.grad_x.shape
(200, 2)

The functions are

- :func:`sinkhorn`, :func:`divergence`, :func:`energy`, :func:`exact`, :func:`exact_costs` and :func:`sliced` of two measures;
- :func:`batch` and :func:`pairwise` of many;
- :func:`barycenter`, :func:`free_barycenter`, :func:`coordinates` and :func:`dictionary`, averages and mixtures;
- :func:`quantize` and :func:`flow`, whose points move;
- :func:`gromov` and :func:`gromov_barycenter` of spaces that share no coordinates.

The modules ``haul.torch``, ``haul.jax``, ``haul.ot`` and ``haul.sklearn`` have the names and conventions of GeomLoss, jax, POT
and scikit-learn.
"""

from ._device import Device, devices
from ._exact import ExactSolution, Sliced, SparsePlan, exact, exact_costs, sliced
from ._fit import Flow, FreeBarycenter, Quantization, flow, free_barycenter, quantize
from ._gromov import Coupling, GromovBarycenter, gromov, gromov_barycenter
from ._haul import Error
from ._histograms import Coordinates, Dictionary, coordinates, dictionary
from ._measure import Measure
from ._progress import Progress
from ._results import Barycenter, Discrepancy, Divergence, Pairwise, Plan, Solution
from ._solve import NotConverged, barycenter, batch, divergence, energy, pairwise, sinkhorn

__version__ = "0.1.0"

__all__ = [
    "Barycenter",
    "Coordinates",
    "Coupling",
    "Device",
    "Dictionary",
    "Discrepancy",
    "Divergence",
    "Error",
    "ExactSolution",
    "Flow",
    "FreeBarycenter",
    "Measure",
    "NotConverged",
    "Pairwise",
    "Plan",
    "Progress",
    "Quantization",
    "Sliced",
    "Solution",
    "SparsePlan",
    "barycenter",
    "batch",
    "coordinates",
    "devices",
    "dictionary",
    "divergence",
    "energy",
    "exact",
    "exact_costs",
    "flow",
    "free_barycenter",
    "gromov",
    "gromov_barycenter",
    "pairwise",
    "quantize",
    "sinkhorn",
    "sliced",
]
