"""A feature's memory, and its values over a whole series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.loops_nb import COLUMNS, JOBS, LOOP, NEWEST, PARAMS, READS, STATE, driver, loop_of
from tradewright.features.registers_nb import REGISTERS


def new_state(feature: Feature) -> Floats:
    """Return a fresh memory, f8[max(m, REGISTERS)], padded with zeros."""
    state = np.zeros(max(len(feature.state), REGISTERS))
    state[: len(feature.state)] = feature.state
    return state


def new_params(feature: Feature) -> Floats:
    """Return the parameters, f8[REGISTERS], padded with zeros.

    Raises
    ------
    ValueError
        If there are more than `REGISTERS`.
    """
    if len(feature.params) > REGISTERS:
        msg = f"feature {feature.name} has {len(feature.params)} params, at most {REGISTERS} are possible"
        raise ValueError(msg)
    params = np.zeros(REGISTERS)
    params[: len(feature.params)] = feature.params
    return params


@dataclass(frozen=True, slots=True)
class Jobs:
    """Features over one instrument, as the driver wants them: the table of addresses, and all that they point at."""

    table: NDArray[np.int64]
    head: NDArray[np.int64]
    newest: Floats
    states: tuple[Floats, ...]
    params: tuple[Floats, ...]
    at: int
    to: int


def jobs_of(features: Sequence[Feature], states: Sequence[Floats], params: Sequence[Floats]) -> Jobs:
    """Return the table for features with these memories (`new_state`) and constants (`new_params`)."""
    newest = np.full(len(features), np.nan)
    table = np.zeros((1 + len(features), COLUMNS), np.int64)
    table[0, JOBS], table[0, NEWEST] = len(features), newest.ctypes.data
    for k, feature in enumerate(features):
        addresses = (loop_of(feature), states[k].ctypes.data, params[k].ctypes.data)
        table[1 + k, [LOOP, STATE, PARAMS, READS]] = (*addresses, int(feature.reads or 0))
    return Jobs(table, table[0], newest, tuple(states), tuple(params), int(table.ctypes.data), int(newest.ctypes.data))


def check_fields(fields: Floats, start: int, stop: int) -> None:
    """Refuse what the compiled loop would misread.

    Raises
    ------
    ValueError
        If ``fields`` is not C-contiguous f8[N_FIELDS, n], or ``start:stop`` does not lie inside it.
    """
    if fields.dtype != np.float64 or not fields.flags.c_contiguous or fields.ndim != 2 or len(fields) != N_FIELDS:
        msg = f"fields must be C-contiguous float64 with {N_FIELDS} rows, got {fields.dtype}{fields.shape}"
        raise ValueError(msg)
    if not 0 <= start <= stop <= fields.shape[1]:
        msg = f"events {start}:{stop} do not lie inside the {fields.shape[1]} events given"
        raise ValueError(msg)


def refuse_kind(feature: Feature, kind: EventKind) -> None:
    """Refuse a feature over a stream that has no event it reads.

    Raises
    ------
    ConfigError
        If it reads another kind.
    """
    if feature.reads is not None and feature.reads != kind:
        what = f"it reads {feature.reads.name.lower()} events and these are {kind.name.lower()} events"
        fix = "Use a feature made for them, or other market data."
        raise ConfigError(what, where=f"feature {feature.key}", fix=fix)


def run_over(feature: Feature, fields: Floats) -> Floats:
    """Return the value after each event of ``fields``, f8[N_FIELDS, n], all of the kind the feature reads."""
    n = fields.shape[1]
    check_fields(fields, 0, n)
    out = np.empty(n)
    jobs = jobs_of([feature], [new_state(feature)], [new_params(feature)])
    driver()(jobs.at, fields, 0, n, out.ctypes.data)
    return out


def compute(feature: Feature, events: Bars | MarketEvents) -> Floats:
    """Return a feature's value after each event of one instrument.

    Parameters
    ----------
    feature : Feature
        What to compute; its memory starts afresh.
    events : Bars or MarketEvents
        Bars, quotes or trades in order, all of one kind.

    Returns
    -------
    ndarray of float64, shape (n,)
        ``out[i]`` depends on events ``0..i`` only; NaN for the first ``feature.warmup`` of them.

    Raises
    ------
    ConfigError
        If the feature reads another kind of event, or there are several kinds or instruments.
    ValueError
        If the fields are not C-contiguous float64.
    """
    if isinstance(events, MarketEvents):
        if events.kind is not None or events.instrument is not None:
            raise ConfigError("the events are of several kinds or instruments", fix="Use a FeatureSet for them.")
        refuse_kind(feature, events.kind_all)
    else:
        refuse_kind(feature, EventKind.BAR)
    return run_over(feature, events.fields)
