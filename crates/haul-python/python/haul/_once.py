"""Warnings of what differs from a peer on purpose: each is given once in a process."""

from __future__ import annotations

import warnings

_given: set[str] = set()


def once(message: str) -> None:
    if message not in _given:
        _given.add(message)
        warnings.warn(message, UserWarning, stacklevel=4)
