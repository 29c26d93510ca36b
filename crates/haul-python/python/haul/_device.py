"""The device that computes."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import Iterator, Optional, Union

from . import _haul


@contextmanager
def _quiet_loader() -> Iterator[None]:
    """Vulkan's loader complains on standard error where XDG_RUNTIME_DIR is not set."""
    if os.name != "posix" or "XDG_RUNTIME_DIR" in os.environ:
        yield
        return
    folder = tempfile.mkdtemp(prefix="haul-")
    os.environ["XDG_RUNTIME_DIR"] = folder
    try:
        yield
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        shutil.rmtree(folder, ignore_errors=True)


class Device:
    """A device: the CPU or a GPU. It is opened once, when something is first computed on it.

    Parameters
    ----------
    name : str
        ``"auto"``, the best GPU or the CPU where there is none; ``"cpu"``; ``"gpu"``, the best GPU; or part of the name
        of an adapter, as :func:`devices` lists them.
    precision : {"f32", "f64"}, optional
        By default f32, or f64 on the CPU where f32 has too few digits for the tolerance. GPUs compute in f32.
    threads : int, optional
        Threads of the CPU; by default one for each processor. Results do not depend on it.

    A forked process may go on to use a device of the CPU, which then gets new threads. A GPU that was opened before the
    fork is an error in the child.

    Examples
    --------
    >>> import haul
    >>> haul.Device("cpu", precision="f64", threads=2)
    Device('cpu', precision='f64', threads=2)
    """

    def __init__(
        self, name: str = "auto", *, precision: Optional[str] = None, threads: Optional[int] = None
    ) -> None:
        self.name = name
        self.precision = precision
        self.threads = threads
        self._inner = _haul.Device(name, precision, threads)
        self._open = False

    def describe(self) -> str:
        """The name of the device and the precision that it computes in, unless a problem needs another one."""
        device, precision = self._opened().describe()
        return f"{device}, {self.precision or precision}"

    def _opened(self) -> _haul.Device:
        """The inner device. What is opened on first use, is opened without messages of a driver's loader."""
        if not self._open:
            with _quiet_loader():
                self._inner.describe()
            self._open = True
        return self._inner

    def __repr__(self) -> str:
        more = [
            f"{name}={value!r}"
            for name, value in (("precision", self.precision), ("threads", self.threads))
            if value is not None
        ]
        return f"Device({', '.join([repr(self.name), *more])})"

    def __reduce__(self):
        return _device, (self.name, self.precision, self.threads)


def _device(name: str, precision: Optional[str], threads: Optional[int]) -> Device:
    return Device(name, precision=precision, threads=threads)


def devices() -> list[str]:
    """The names of the devices of this machine: the CPU, then the adapters as their drivers list them.

    Examples
    --------
    >>> import haul
    >>> haul.devices()[0]
    'cpu'
    """
    with _quiet_loader():
        return [name for name, _ in _haul.devices()]


_shared: dict[tuple[str, Optional[str]], Device] = {}


def chosen(device: Union[str, Device], precision: Optional[str]) -> _haul.Device:
    """The device of a name, which is opened once for all computations, or the one given."""
    if isinstance(device, Device):
        if precision not in (None, device.precision):
            device = Device(device.name, precision=precision, threads=device.threads)
        return device._opened()
    key = (device, precision)
    if key not in _shared:
        _shared[key] = Device(device, precision=precision)
    return _shared[key]._opened()
