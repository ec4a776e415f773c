"""One series of bars from the contracts of a future, joined at explicit rolls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.rolls import Roll
from tradewright.data.times import called_days

JoinMethod = Literal["ratio", "difference", "unadjusted"]
_PRICES = [OPEN, HIGH, LOW, CLOSE]


@dataclass(frozen=True, slots=True)
class Continuous:
    """A joined series.

    Parameters
    ----------
    bars : Bars
        Of the contract held at each time; prices before a roll shifted as asked.
    contracts : tuple of str
        The contracts held, in order.
    contract : NDArray[np.int64]
        Which of them each bar is of, i8[n].
    is_roll : NDArray[np.bool_]
        True at the first bar of each contract but the first: where the price jumps, if it was not adjusted.
    gaps : tuple of float
        Of each roll: new close over old close (ratio), or new less old (difference); NaN where nothing was adjusted.
    """

    bars: Bars
    contracts: tuple[str, ...]
    contract: NDArray[np.int64]
    is_roll: NDArray[np.bool_]
    gaps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class JoinParams:
    """How contracts are joined.

    ``ratio`` multiplies and ``difference`` shifts the prices before a roll, so that the newest contract keeps its
    prices; the gap is measured on the last bar that both contracts have before the roll's day. Sizes stay.
    """

    name: str
    method: JoinMethod = "ratio"
    calendar: Calendar = field(default_factory=Calendar)

    def __post_init__(self) -> None:
        if self.method not in get_args(JoinMethod):
            allowed = ", ".join(get_args(JoinMethod))
            raise UsageError(f"'{self.method}' is not allowed", where="method", fix=f"Allowed: {allowed}.")


def continuous(contracts: Mapping[str, Bars], rolls: Sequence[Roll], as_of_ns: int, params: JoinParams) -> Continuous:
    """Return the series that a reader at ``as_of_ns`` (ns UTC) would have made.

    Bars that have not ended by then are left out, and so are rolls whose day has not begun.

    Raises
    ------
    UsageError
        If a contract has no bars, or there are no rolls and several contracts.
    DataError
        If two contracts have no bar in common before their roll, so that the gap cannot be measured.
    """
    today = int(called_days(np.array([as_of_ns], np.int64), params.calendar)[0])
    done = [r for r in rolls if r.day <= today]
    if any(two.day <= one.day or two.old != one.new for one, two in pairwise(done)):
        raise DataError("the rolls do not follow one another", where=params.name, fix="Use one schedule, in order.")
    names = _held(contracts, rolls, done, params.name)
    known = {name: _until(contracts[name], as_of_ns) for name in names}
    days = {name: called_days(known[name].ts_open, params.calendar) for name in names}
    edges = [-np.inf, *(float(r.day) for r in done), np.inf]
    parts, owners = [], []
    gaps = tuple(_gap(r, known, days, params) for r in done)
    for k, name in enumerate(names):
        inside = slice(*np.searchsorted(days[name], edges[k : k + 2]).tolist())
        fields = known[name].fields[:, inside].copy()
        for gap in gaps[k:]:
            if params.method == "ratio":
                fields[_PRICES] *= gap
            elif params.method == "difference":
                fields[_PRICES] += gap
        parts.append((known[name].ts_open[inside], known[name].ts_event[inside], fields))
        owners.append(np.full(fields.shape[1], k, np.int64))
    contract = np.concatenate(owners)
    bars = Bars(
        params.name,
        np.concatenate([p[0] for p in parts]),
        np.concatenate([p[1] for p in parts]),
        np.ascontiguousarray(np.concatenate([p[2] for p in parts], axis=1)),
    )
    is_roll = np.diff(contract, prepend=contract[:1]) != 0
    return Continuous(bars, tuple(names), contract, is_roll, gaps)


def _held(contracts: Mapping[str, Bars], rolls: Sequence[Roll], done: Sequence[Roll], name: str) -> list[str]:
    """Return the contracts held so far, in order."""
    if not rolls and len(contracts) != 1:
        what = f"{len(contracts)} contracts and no rolls between them"
        raise UsageError(what, where=name, fix="Give the rolls, or one contract.")
    first = rolls[0].old if rolls else next(iter(contracts))
    held = [first, *(r.new for r in done)]
    missing = [c for c in held if c not in contracts]
    if missing:
        raise UsageError(f"no bars of {', '.join(missing)}", where=name, fix="Give the bars of every contract held.")
    return held


def _until(bars: Bars, as_of_ns: int) -> Bars:
    n = int(np.searchsorted(bars.ts_event, as_of_ns, side="right"))
    return Bars(bars.instrument, bars.ts_open[:n], bars.ts_event[:n], bars.fields[:, :n])


def _gap(roll: Roll, known: Mapping[str, Bars], days: Mapping[str, NDArray[np.int64]], params: JoinParams) -> float:
    """Measure the gap between two contracts on the last bar they share before the roll's day."""
    if params.method == "unadjusted":
        return np.nan
    old, new = known[roll.old], known[roll.new]
    old_ends, new_ends = (known[c].ts_event[: np.searchsorted(days[c], roll.day)] for c in (roll.old, roll.new))
    both = np.intersect1d(old_ends, new_ends, assume_unique=True)
    if len(both) == 0:
        what = f"{roll.old} and {roll.new} have no bar in common before {np.datetime64(roll.day, 'D')}"
        raise DataError(what, where=params.name, fix="Bring in bars of both before the roll, or join them unadjusted.")
    before, after = (float(b.close[np.searchsorted(b.ts_event, both[-1])]) for b in (old, new))
    if params.method == "difference":
        return after - before
    if before <= 0.0 or after <= 0.0:
        what = f"{roll.old} or {roll.new} closed at zero or below before {np.datetime64(roll.day, 'D')}"
        raise DataError(what, where=params.name, fix="Join by difference: a ratio needs prices above zero.")
    return after / before
