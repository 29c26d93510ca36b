"""Losses for jax, differentiable once and usable under ``jit`` and ``vmap``."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._solve import divergence

__all__ = ["sinkhorn_divergence"]


def sinkhorn_divergence(x: Any, y: Any, a: Any = None, b: Any = None, **settings: Any) -> jax.Array:
    """S_ε of two measures, differentiable in x, y, a and b.

    Parameters
    ----------
    x, y : array of shape (n, d) and (m, d)
    a, b : array of shape (n,) and (m,), optional
        By default 1/n and 1/m.
    **settings
        ``eps``, ``blur``, ``p``, ``reach``, ``rho``, ``tol``, ``device`` and the others of :func:`haul.divergence`.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from haul.jax import sinkhorn_divergence
    >>> loss = lambda x: sinkhorn_divergence(x, jnp.array([[3.0, 4.0]]), blur=0.05)
    >>> value, slope = jax.jit(jax.value_and_grad(loss))(jnp.zeros((1, 2)))
    >>> round(float(value), 3), [round(float(of), 3) for of in slope[0]]  # |x − y|², and 2(x − y)
    (25.0, [-6.0, -8.0])
    """
    a, b = (
        jnp.full(points.shape[0], 1 / points.shape[0], points.dtype) if weights is None else weights
        for weights, points in ((a, x), (b, y))
    )
    return _divergence(tuple(sorted(settings.items())), x, y, a, b)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _divergence(settings: Any, *inputs: Any) -> jax.Array:
    return _forward(settings, *inputs)[0]


def _forward(settings: Any, *inputs: Any) -> tuple[jax.Array, Any]:
    """The value, and the derivatives in all four inputs."""

    def on_host(*arrays: Any) -> Any:
        x, y, a, b = arrays
        result = divergence(x, y, a, b, **dict(settings))
        slopes = (result.grad_x, result.grad_y, result.grad_a, result.grad_b)
        return (
            np.asarray(result.value, x.dtype),
            tuple(slope.astype(of.dtype) for slope, of in zip(slopes, arrays)),
        )

    shapes = tuple(jax.ShapeDtypeStruct(of.shape, of.dtype) for of in inputs)
    value = jax.ShapeDtypeStruct((), inputs[0].dtype)
    return jax.pure_callback(on_host, (value, shapes), *inputs, vmap_method="sequential")


def _backward(settings: Any, slopes: Any, outer: Any) -> Any:
    return tuple(outer * slope for slope in slopes)


_divergence.defvjp(_forward, _backward)
