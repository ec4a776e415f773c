"""A process that compiles or loads functions of every kind; says what it got and whether the compiler was woken."""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

import numpy as np
from numba.core import event

from tradewright.core.kernel.by_address import address_of
from tradewright.core.kernel.compiled import compiled, inlined, inlined_here, rebound
from tradewright.core.kernel.mark_nb import drawdown_nb

BIG = np.arange(1_000_000)


def product(a: int, b: int, c: int) -> int:
    """Need nothing but arithmetic."""
    return a * b + c


def reading(a: int, _b: int, _c: int) -> int:
    """Read an array that is too large to stand in the code."""
    return int(BIG[a])


@compiled
def weighed(a: float) -> float:
    """Call into BLAS, make lists and arrays."""
    values = [a, 2.0 * a]
    values.append(0.0)
    matrix = np.array([[2.0, 0.0], [0.0, 4.0]])
    return float(np.dot(matrix, np.array(values[:2])).sum())


@compiled
def refused(a: int) -> int:
    """Raise with a text that is only known at run time."""
    if a > 1:
        raise ValueError("not", a)
    return a


@inlined
def halved(peak: int) -> int:
    """Disappear into a caller, from outside the package."""
    return peak // 2


def fallen(peak: int) -> float:
    """Call what the package inlines, and what others do."""
    return drawdown_nb(peak, halved(peak))


class Counted(event.Listener):
    """Notes what is compiled."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_start(self, event: event.Event) -> None:
        """Note it."""
        self.names.append(event.data["dispatcher"].py_func.__name__)

    def on_end(self, event: event.Event) -> None:
        """Note nothing."""


def main() -> dict[str, Any]:
    """Return what the functions give."""
    told: dict[str, Any] = {}
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    told["product"] = kind(address_of(product))(6, 7, 8)
    told["refused below"] = refused(1)
    told["is woken"] = "numba.np.linalg" in sys.modules
    try:
        refused(5)
    except ValueError as error:
        told["refused above"] = list(error.args)
    told["reading"] = kind(address_of(reading))(77, 0, 0)
    told["weighed"] = weighed(3.0)
    counted = Counted()
    with event.install_listener("numba:compile", counted):
        told["fallen"] = [inlined_here(rebound(fallen, name))(100) for name in ("once", "twice")]
    told["compiled"] = [name for name in counted.names if name in ("once", "twice", "halved", "drawdown_nb")]
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
