"""Arrays of any library, any strides and any numeric type, as NumPy arrays of float64 in C order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._haul import Error


def numeric(values: Any, what: str) -> np.ndarray:
    """The values as a C-ordered array of float64. A copy is made only if they are not already such an array.

    Tensors of torch are detached and brought to the CPU; arrays of other libraries come by DLPack or ``__array__``.
    """
    if not isinstance(values, np.ndarray):
        values = _foreign(values)
    kind = values.dtype.kind
    # bfloat16 and its like, of the package ml_dtypes, are of kind V.
    if kind not in "fiub" and not (kind == "V" and values.dtype.fields is None):
        raise Error(f"{what} has the dtype {values.dtype}; give real numbers")
    shape = values.shape
    try:
        # ascontiguousarray makes a 1-d array of a 0-d one.
        return np.ascontiguousarray(values, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError) as error:
        raise Error(f"{what} has the dtype {values.dtype}; give real numbers") from error


def _foreign(values: Any) -> np.ndarray:
    """An array of another library, or nested sequences."""
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
    if hasattr(values, "__dlpack__"):
        try:
            return np.from_dlpack(values)
        except (TypeError, RuntimeError, BufferError, ValueError):
            pass  # a type or a memory that NumPy does not know: __array__ may
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise Error(f"these values are no array: {error}") from error


def points(values: Any, what: str) -> np.ndarray:
    """n×d points."""
    array = numeric(values, what)
    if array.ndim != 2:
        advice = f"; for points on a line give {what}[:, None]" if array.ndim == 1 else ""
        raise Error(f"{what} has the shape {array.shape}; points are n×d{advice}")
    return array


def weights(values: Any, what: str) -> np.ndarray:
    """n weights, of shape (n,) or (n, 1)."""
    array = numeric(values, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise Error(f"{what} has the shape {array.shape}; weights are of shape (n,)")
    return np.ascontiguousarray(array)
