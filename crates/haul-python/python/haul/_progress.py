"""Progress of a solve, for people."""

from __future__ import annotations

import math
import sys
from typing import Any, Callable, NamedTuple, Optional, Union


class Progress(NamedTuple):
    """The state of a solve, as functions given as ``progress`` get it, about ten times a second."""

    iteration: int
    #: The L1 error of the marginals; of exact transport the gap, and of a fit the length of its last step.
    error: float
    #: The error at which the solve ends.
    goal: float
    seconds: float


class _Bar:
    """A bar of tqdm if it is installed, else a line on standard error. It fills as the logarithm of the error falls."""

    def __init__(self, step: str, error: str) -> None:
        self._words = step, error
        try:
            from tqdm.auto import tqdm
        except ImportError:
            tqdm = None
        self._bar = tqdm(total=100, unit="%", leave=False) if tqdm else None
        self._first = 0.0
        self._shown = 0

    def __call__(self, state: Progress) -> None:
        step, error = self._words
        text = f"{step} {state.iteration}, {error} {state.error:.1e}"
        if self._bar is None:
            sys.stderr.write(f"\r{text} ")
            sys.stderr.flush()
            return
        if math.isfinite(state.error):
            self._first = max(self._first, state.error)
        if 0 < state.error < math.inf and 0 < state.goal < self._first:
            done = math.log(self._first / max(state.error, state.goal)) / math.log(self._first / state.goal)
            self._shown = max(self._shown, round(100 * done))
        self._bar.n = self._shown
        self._bar.set_postfix_str(text)

    def close(self) -> None:
        if self._bar is None:
            sys.stderr.write("\n")
        else:
            self._bar.close()


Reporter = Union[None, bool, Callable[[Progress], Any]]


class reporting:
    """A context with the function that the compiled part calls. A bar says what the steps and the error of a state are."""

    def __init__(self, progress: Reporter, step: str = "iteration", error: str = "marginals off by") -> None:
        self._bar: Optional[_Bar] = _Bar(step, error) if progress is True else None
        self._report = self._bar or (progress if callable(progress) else None)

    def __enter__(self) -> Optional[Callable[..., None]]:
        report = self._report
        if report is None:
            return None
        return lambda *state: report(Progress(*state)) and None

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()
