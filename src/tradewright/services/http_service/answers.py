"""Answers as JSON that loses no bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

JSON = "application/json"


def json_bytes(value: object) -> bytes:
    """Return a document without spaces; numbers are written so that reading gives the same bits."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def iso(ns: int) -> str:
    """Return ns UTC as ISO 8601 with all nine digits."""
    return f"{np.datetime64(ns, 'ns')}Z"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day (ns UTC), and a clock that never runs backwards (ns)."""

    now_ns: Callable[[], int]
    steady_ns: Callable[[], int]
