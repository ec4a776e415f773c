"""Evidence: figures about a model that the program computed itself, and where each comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the evidence.

    Parameters
    ----------
    name : str
        In words joined by dots: ``sharpe.deflated``, ``calibration.ece``, ``net_return.costs_x2``.
    value : float
        The number; NaN where it is not defined, which no requirement accepts.
    low, high : float
        Bounds of its interval; equal to the value where it is exact (a count).
    n : int
        Observations behind it.
    trials : int
        Configurations tried before it was looked at; 1 where nothing was chosen.
    scope : str
        What it was computed on: ``validation``, ``holdout``, or a part of one (``validation/session=london``).
    method : str
        How the value and its interval were computed, for people.
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    trials: int = 1
    scope: str = "validation"
    method: str = ""


def exact(name: str, value: float, scope: str = "validation", method: str = "counted") -> Figure:
    """Return a figure without uncertainty."""
    return Figure(name, value, value, value, scope=scope, method=method)
