"""Leaks planted on purpose, each beside its honest twin: what the detectors must catch, and must let pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, REFERENCE, TIME
from tradewright.core.types.feature import Floats
from tradewright.features.contract import contract_bars
from tradewright.features.labels.horizon import fixed_horizon
from tradewright.features.labels.table import Labels
from tradewright.features.leaks.finding import LeakReport
from tradewright.features.leaks.gate import LeakCase, LeakParams, Training, UniverseUse, leak_report
from tradewright.features.leaks.label_overlap import Split, purged
from tradewright.features.leaks.pipeline import Market, Pipeline
from tradewright.features.leaks.random_labels import Predicted, ridge_trainer

_HOUR_S = 3600.0
_HOUR_NS = 3600 * 10**9
_AHEAD = 3
_NOISE_COLUMNS = 300
_CHOSEN = 10
_SYMBOLS = 120


@dataclass(frozen=True, slots=True)
class Planted:
    """One way to leak, and the same thing done honestly."""

    name: str
    what: str
    leaking: LeakCase
    honest: LeakCase


@dataclass(frozen=True, slots=True)
class PlantedResult:
    """What all detectors said about both."""

    planted: Planted
    leaking: LeakReport
    honest: LeakReport

    @property
    def is_right(self) -> bool:
        """Whether the leak was caught and its twin let pass."""
        return not self.leaking.is_clean and self.honest.is_clean


def judge_planted(bars: Bars | None = None, seed: int = 0, params: LeakParams | None = None) -> list[PlantedResult]:
    """Run every detector over every planted leak and its honest twin.

    Parameters
    ----------
    bars : Bars, optional
        Market to plant them in, 400 bars or more; made up if not given.
    seed : int
        Of the market, of the noise and of the detectors.
    """
    params = params or LeakParams(seed=seed)
    return [
        PlantedResult(p, leak_report(p.leaking, params), leak_report(p.honest, params))
        for p in planted_leaks(contract_bars(1500, seed) if bars is None else bars, seed)
    ]


def planted_leaks(bars: Bars, seed: int = 0) -> list[Planted]:
    """Return the leaks with their twins, in the order of the table in docs/leak-detectors.md."""
    holes = _with_holes(bars, seed)
    ends = _hour_ends(bars)
    growth = f"growth_{_AHEAD}"
    return [
        _pair("centred window", "a mean of 5 bars, 2 of them later", bars, "mean_5", (_centred, _trailing)),
        _pair("full-sample scaling", "mean and deviation of all bars", bars, "scaled", (_scaled, _scaled_so_far)),
        _pair(
            "same-bar higher timeframe",
            "the close of the hour that is still open",
            bars,
            "hour_close",
            (_hour_close, _complete_hour_close),
            (ends, np.minimum(ends - _HOUR_NS, bars.ts_event)),
        ),
        _pair("label in features", f"the growth of the next {_AHEAD} bars", bars, growth, (_label, _past_growth)),
        _pair(
            "future-filled gap",
            "a hole filled with the value after it",
            holes,
            "reference",
            (_filled_backward, _filled_forward),
            (_filling_times(holes), bars.ts_event),
        ),
        _survivors(seed),
        _late_rows(bars),
        _selection(bars, seed),
        _splits(bars, seed),
    ]


def _pair(
    name: str,
    what: str,
    bars: Bars,
    column: str,
    made: tuple[Callable[[Bars], Floats], Callable[[Bars], Floats]],
    known: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Planted:
    cases = []
    for k, kind in enumerate(("leaking", "honest")):
        stamps: Mapping[str, NDArray[np.int64]] = {column: known[k]} if known else {}
        cases.append(LeakCase(f"{name} ({kind})", _pipeline(name, column, made[k]), bars, stamps))
    return Planted(name, what, cases[0], cases[1])


def _pipeline(name: str, column: str, make: Callable[[Bars], Floats]) -> Pipeline:
    def compute(market: Market) -> Mapping[str, Floats]:
        if not isinstance(market, Bars):
            msg = "it reads bars"
            raise TypeError(msg)
        return {column: make(market)}

    return Pipeline(name, compute)


def _mean_of_5(bars: Bars, last: int) -> Floats:
    """Mean of five closes of which ``last`` are later than the bar."""
    out = np.full(len(bars), np.nan)
    if len(bars) >= 5:
        windows = np.lib.stride_tricks.sliding_window_view(bars.close, 5)
        out[4 - last : len(bars) - last] = windows.mean(axis=1)
    return out


def _centred(bars: Bars) -> Floats:
    return _mean_of_5(bars, 2)


def _trailing(bars: Bars) -> Floats:
    return _mean_of_5(bars, 0)


def _scaled(bars: Bars) -> Floats:
    spread = bars.close.std()
    scaled: Floats = (bars.close - bars.close.mean()) / (spread or 1.0)
    return scaled


def _scaled_so_far(bars: Bars) -> Floats:
    count = np.arange(1.0, len(bars) + 1.0)
    mean = np.cumsum(bars.close) / count
    spread = np.sqrt(np.maximum(np.cumsum(bars.close**2) / count - mean**2, 0.0))
    return np.where(spread > 1e-4, (bars.close - mean) / np.where(spread > 1e-4, spread, 1.0), 0.0)


def _hours(bars: Bars) -> NDArray[np.int64]:
    """Return the number of the hour in which each bar ends."""
    hours: NDArray[np.int64] = np.ceil(bars.fields[TIME] / _HOUR_S).astype(np.int64)
    return hours


def _hour_ends(bars: Bars) -> NDArray[np.int64]:
    """Return when the hour of each bar is over, ns UTC."""
    return _hours(bars) * _HOUR_NS


def _hour_close(bars: Bars) -> Floats:
    hours = _hours(bars)
    last = np.searchsorted(hours, hours, side="right") - 1
    taken: Floats = bars.fields[CLOSE, last]
    return taken


def _complete_hour_close(bars: Bars) -> Floats:
    hours = _hours(bars)
    is_over = bars.ts_event == hours * _HOUR_NS
    before = np.searchsorted(hours, hours, side="left") - 1
    last = np.where(is_over, np.arange(len(bars)), before)
    return np.where(last >= 0, bars.fields[CLOSE, last], np.nan)


def _label(bars: Bars) -> Floats:
    out = np.full(len(bars), np.nan)
    labels = fixed_horizon(bars, _AHEAD)
    out[labels.start] = labels.growth
    return out


def _past_growth(bars: Bars) -> Floats:
    out = np.full(len(bars), np.nan)
    labels = fixed_horizon(bars, _AHEAD)
    out[labels.end] = labels.growth
    return out


def _with_holes(bars: Bars, seed: int) -> Bars:
    """Return the bars with a reference that is unknown for some bars in a row, now and then."""
    fields = bars.fields.copy()
    if np.isnan(fields[REFERENCE]).all():
        fields[REFERENCE] = fields[CLOSE]
    for at in np.random.default_rng(seed).integers(0, len(bars), max(len(bars) // 100, 4)).tolist():
        fields[REFERENCE, at : at + 7] = np.nan
    return replace(bars, fields=fields)


def _next_known(bars: Bars) -> NDArray[np.int64]:
    """Return the first place from each bar on where the reference is known; n where there is none."""
    places = np.where(np.isnan(bars.fields[REFERENCE]), len(bars), np.arange(len(bars)))
    nearest: NDArray[np.int64] = np.minimum.accumulate(places[::-1])[::-1]
    return nearest


def _filled_backward(bars: Bars) -> Floats:
    return np.append(bars.fields[REFERENCE], np.nan)[_next_known(bars)]


def _filled_forward(bars: Bars) -> Floats:
    places = np.where(np.isnan(bars.fields[REFERENCE]), -1, np.arange(len(bars)))
    return np.append(bars.fields[REFERENCE], np.nan)[np.maximum.accumulate(places)]


def _filling_times(bars: Bars) -> NDArray[np.int64]:
    times: NDArray[np.int64] = np.append(bars.ts_event, -1)[_next_known(bars)]
    return times


def _survivors(seed: int) -> Planted:
    """Return a list of today's members beside one of each day: some joined later, some left."""
    rng = np.random.default_rng(seed)
    names = [f"S{k:03d}" for k in range(_SYMBOLS)]
    begin = np.where(rng.random(_SYMBOLS) < 0.2, rng.integers(1, 10, _SYMBOLS), 0)
    end = np.where(rng.random(_SYMBOLS) < 0.4, rng.integers(11, 20, _SYMBOLS), 99)

    def members(day: int) -> list[str]:
        return [name for name, a, b in zip(names, begin, end, strict=True) if a <= day < b]

    days = tuple(range(21))
    cases = [
        LeakCase(f"survivorship list ({kind})", universe=UniverseUse(used, members, days))
        for kind, used in (("leaking", lambda _day: members(days[-1])), ("honest", members))
    ]
    return Planted("survivorship list", "today's members at every date", cases[0], cases[1])


def _late_rows(bars: Bars) -> Planted:
    """Revised figures used from the day they are about, not from the day they were published."""
    seen = bars.ts_event + 2 * _HOUR_NS
    released = np.searchsorted(seen, bars.ts_event, side="right") - 1
    honest = np.where(released >= 0, seen[np.maximum(released, 0)], -1)
    cases = [
        LeakCase(f"late rows ({kind})", known={"revised": known}, ts_used=bars.ts_event)
        for kind, known in (("leaking", seen), ("honest", honest))
    ]
    return Planted("late rows", "a revision used before it was published", cases[0], cases[1])


def _noise(labels: Labels, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(0.0, 1.0, (len(labels), _NOISE_COLUMNS))


def _best(table: Floats, labels: Floats) -> NDArray[np.int64]:
    """Return the columns that agree most with the labels."""
    strength = np.abs(table.T @ (labels - labels.mean()))
    return np.argsort(strength)[-_CHOSEN:]


def _chosen_on_all(table: Floats, labels: Floats) -> Predicted:
    return ridge_trainer(table[:, _best(table, labels)])(labels)


def _chosen_inside(table: Floats, labels: Floats) -> Predicted:
    half = len(labels) // 2
    chosen = table[:, _best(table[:half], labels[:half])]
    made = ridge_trainer(chosen, folds=2)(labels)
    is_late = made.rows >= half
    return Predicted(made.rows[is_late], made.values[is_late])


def _labelled(bars: Bars) -> Labels:
    return fixed_horizon(bars, _AHEAD, starts=np.arange(0, len(bars), dtype=np.int64))


def _selection(bars: Bars, seed: int) -> Planted:
    labels = _labelled(bars)
    table = _noise(labels, seed)
    cases = [
        LeakCase(f"selection on all labels ({kind})", training=Training(labels, partial(train, table), ()))
        for kind, train in (("leaking", _chosen_on_all), ("honest", _chosen_inside))
    ]
    what = f"the {_CHOSEN} best of {_NOISE_COLUMNS} columns of noise, chosen before the split"
    return Planted("selection on all labels", what, cases[0], cases[1])


def _splits(bars: Bars, seed: int) -> Planted:
    labels = _labelled(bars)
    train = ridge_trainer(_noise(labels, seed)[:, :_CHOSEN], embargo=_AHEAD)
    rows = np.arange(len(labels), dtype=np.int64)
    middle = (rows >= len(rows) // 3) & (rows < len(rows) // 2)
    split = Split(rows[~middle], rows[middle], "third of the rows")
    clean = purged(labels.ts_start, labels.ts_end, split, _HOUR_NS)
    cases = [
        LeakCase(f"label overlap ({kind})", training=Training(labels, train, (used,), _HOUR_NS))
        for kind, used in (("leaking", split), ("honest", clean))
    ]
    return Planted("label overlap", "labels of the training reach into the test", cases[0], cases[1])
