"""Features: named streaming steps, and the rows they produce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.events import EventKind

#: A row or table of 8-byte floats.
Floats = NDArray[np.float64]

#: ``step(state f8[m], params f8[p], fields f8[N_FIELDS, n], i) -> f8``: the feature's value after event ``i``.
#: It reads event ``i`` only and remembers in ``state`` what it needs of earlier ones. Decorate it with
#: `core.kernel.compiled.inlined`. Up to 8 numbers of state are kept in registers during a loop. ``state`` and
#: ``params`` may be longer than declared (padded with zeros): take lengths from ``params``.
Step = Callable[[Floats, Floats, Floats, int], float]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: a compiled step, its parameters and its memory.

    Parameters
    ----------
    name : str
        Convention-bearing identity, for example ``ema.seed_sma.v1``.
    step : Step
        Compiled streaming step; returns NaN until it has seen enough.
    params : tuple of float
        Constants handed to the step, at most 8.
    state : tuple of float
        Initial state; its length is the memory of the feature.
    warmup : int
        Events before the first value that is not NaN.
    reads : EventKind or None
        The kind of event its step understands; events of another kind leave it as it is. None: every kind.
    has_gaps : bool
        Whether it may be NaN again after its warm-up, because an input is unknown or because the clock decides and not
        the number of events. The docstring says when.
    earlier : tuple of Feature and int, optional
        Another feature and a number of events: the value is the one that feature had so many events before, NaN where
        there was none. Over a whole series its column can be read instead of computing this one.
    """

    name: str
    step: Step
    params: tuple[float, ...]
    state: tuple[float, ...]
    warmup: int
    reads: EventKind | None = EventKind.BAR
    has_gaps: bool = False
    earlier: tuple[Feature, int] | None = None

    @property
    def key(self) -> str:
        """Name and parameters: equal keys mean equal values on equal data."""
        params = ",".join(repr(float(p)).removesuffix(".0") for p in self.params)
        return f"{self.name}({params})"


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """Values of a feature set after one event, in the set's order."""

    instrument: str
    ts_event: int
    names: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """A feature by name and arguments, for whoever may not import features: ``FeatureSpec("ema", (20,))``."""

    kind: str
    args: tuple[float | FeatureSpec, ...] = ()


def feature(kind: str, *args: float | FeatureSpec) -> FeatureSpec:
    """Name a registered feature: ``feature("ema", 20)``, ``feature("zscore", 100, feature("ema_slope", 20))``."""
    return FeatureSpec(kind, args)
