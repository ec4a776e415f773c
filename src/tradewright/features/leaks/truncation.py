"""The truncation test: the value at t from the data up to t is the value at t from all data.

A pipeline that streams is tried at every event, exactly and in linear time: it is shown one event at a time, in an
array that holds nothing else (unknown numbers stand on both sides), and each value must equal, to the bit, the value
that the whole data gave. Nothing of the future can have reached it, because nothing of the future was there.

A pipeline that is a closed box can only be run on shorter data. A run on the first c events tries the cut c for all
values before it at once: a value at t that depends on event t + h is seen by each of the cuts t + 1 to t + h. With
every cut tried (``runs`` of n - 1 or more) the test is exact at every event, at quadratic cost. With fewer, the verdict
states what is certain: any leak that reaches at least as far as the widest stretch between two cuts, wherever it is.
A shorter one that shows at a share q of the cuts is missed with a chance of about (1 - q)^runs; the cuts therefore also
go where short leaks hide (`leaks.cuts`). Once found, a leak is traced to an event by running that event's own data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.errors import RunError
from tradewright.core.types.feature import Floats
from tradewright.features.leaks.cuts import choose_cuts, largest_step
from tradewright.features.leaks.finding import Detector, LeakFinding, LeakVerdict
from tradewright.features.leaks.pipeline import (
    Market,
    Pipeline,
    Update,
    columns_of,
    first_difference,
    head,
    scale_of,
)

_MOST_STEPS_BACK = 16
_TOO_SHORT = 0.5


@dataclass(frozen=True, slots=True)
class TruncationParams:
    """How hard to look.

    Parameters
    ----------
    runs : int
        Cuts tried on a pipeline that is a closed box; n - 1 or more tries all.
    tolerance : float
        Share of a value, or of the column's median size, by which a closed box may differ: numerical libraries add in
        another order on shorter data. A leak smaller than this is not found. Streams must agree to the bit.
    seed : int
        Of the cuts.
    """

    runs: int = 200
    tolerance: float = 1e-9
    seed: int = 0

    def __post_init__(self) -> None:
        if self.runs < 1 or not 0.0 <= self.tolerance < 1.0:
            msg = f"runs must be at least 1 and tolerance a share, got {self.runs} and {self.tolerance}"
            raise ValueError(msg)


def check_truncation(
    pipeline: Pipeline, market: Market, params: TruncationParams | None = None, known: dict[str, Floats] | None = None
) -> LeakVerdict:
    """Compare every value with the one that the data up to its event gives.

    Parameters
    ----------
    pipeline : Pipeline
        What is judged.
    market : Bars or MarketEvents
        What it is judged on.
    params : TruncationParams, optional
        For closed boxes.
    known : dict, optional
        The pipeline's columns on the whole market, if they were computed already.

    Raises
    ------
    RunError
        If the pipeline fails, or returns other columns on shorter data.
    """
    params = params or TruncationParams()
    whole = known or columns_of(pipeline, market)
    if pipeline.stream is not None:
        return _one_by_one(pipeline.stream(), market, whole)
    return _by_cuts(pipeline, market, whole, params)


def _one_by_one(update: Update, market: Market, whole: dict[str, Floats]) -> LeakVerdict:
    n = len(market)
    alone = np.full((N_FIELDS, 3), np.nan)
    values = np.empty((n, len(whole)))
    for t in range(n):
        alone[:, 1] = market.fields[:, t]
        values[t] = update(alone)
    findings = []
    for k, (name, column) in enumerate(whole.items()):
        streamed = np.ascontiguousarray(values[:, k])
        bar = first_difference(streamed, column, 0.0)
        if bar >= 0:
            findings.append(_finding(name, market, bar, float(streamed[bar]), float(column[bar])))
    proves = f"exact: every value at each of {n:,} events was made from that event and what was remembered"
    return LeakVerdict(Detector.TRUNCATION, tuple(findings), n, proves)


def _finding(name: str, market: Market, bar: int, up_to: float, from_all: float) -> LeakFinding:
    detail = f"from the data up to then {up_to:.10g}, from all data {from_all:.10g}"
    return LeakFinding(Detector.TRUNCATION, name, bar, int(market.ts_event[bar]), detail)


def _by_cuts(pipeline: Pipeline, market: Market, whole: dict[str, Floats], params: TruncationParams) -> LeakVerdict:
    cuts = choose_cuts(market, params.runs, params.seed)
    scales = {name: scale_of(column) for name, column in whole.items()}
    box = _Box(pipeline, market, whole, params.tolerance, scales)
    found: dict[str, int] = {}
    failures: list[RunError] = []
    tried: list[int] = []
    for cut in cuts:
        open_names = tuple(name for name in whole if name not in found)
        if not open_names:
            break
        try:
            found |= box.differences(int(cut), open_names)
        except RunError as error:
            failures.append(error)
            continue
        tried.append(int(cut))
    if failures and len(failures) >= _TOO_SHORT * len(cuts):
        raise failures[-1]
    if found:
        box.refuse_moods()
    findings = [box.pinned(name, found[name]) for name in whole if name in found]
    is_open = len(found) < len(whole)
    proves = _meaning(np.array(tried, np.int64), len(market), params) if is_open else "every column knows its future"
    if failures:
        proves += f"; {len(failures)} cuts could not be tried, for the pipeline fails there ({failures[0].what})"
    return LeakVerdict(Detector.TRUNCATION, tuple(findings), len(tried), proves)


def _meaning(tried: NDArray[np.int64], n: int, params: TruncationParams) -> str:
    within = f", to {params.tolerance:g} of a value" if params.tolerance else ""
    if len(tried) >= n - 1:
        return f"exact at each of {n:,} events{within}"
    step = largest_step(tried, n)
    often = 1.0 - 0.001 ** (1.0 / max(len(tried), 1))
    return (
        f"a value that depends on anything {step:,} or more events later would have been found{within}; "
        f"a shorter leak that shows at {often:.1%} of the cuts would have been missed once in 1,000 times"
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """A closed pipeline, and what it said about the whole market."""

    pipeline: Pipeline
    market: Market
    whole: dict[str, Floats]
    tolerance: float
    scales: dict[str, float]

    def run(self, cut: int) -> dict[str, Floats]:
        """Return the columns on the first ``cut`` events."""
        return columns_of(self.pipeline, head(self.market, cut), tuple(self.whole))

    def refuse_moods(self) -> None:
        """Run on all data once more; what differs then differs for no reason of time."""
        again = columns_of(self.pipeline, self.market, tuple(self.whole))
        for name, column in self.whole.items():
            if first_difference(again[name], column, self.tolerance, self.scales[name]) >= 0:
                what = f"column {name!r} has other values each time it is computed"
                fix = "Seed what is random, and keep nothing between calls."
                raise RunError(what, where=f"pipeline {self.pipeline.name}", fix=fix)

    def differences(self, cut: int, names: tuple[str, ...]) -> dict[str, int]:
        """Return the first event before the cut at which a column differs, for those that do."""
        made = self.run(cut)
        places = {
            name: first_difference(made[name], self.whole[name][:cut], self.tolerance, self.scales[name])
            for name in names
        }
        return {name: bar for name, bar in places.items() if bar >= 0}

    def pinned(self, name: str, bar: int) -> LeakFinding:
        """Step back to an event whose own data gives another value, and say by how much."""
        for _ in range(_MOST_STEPS_BACK):
            try:
                made = self.run(bar + 1)[name]
            except RunError:
                break
            earlier = first_difference(made, self.whole[name][: bar + 1], self.tolerance, self.scales[name])
            if earlier < 0 or earlier == bar:
                up_to = float(made[bar])
                return _finding(name, self.market, bar, up_to, float(self.whole[name][bar]))
            bar = earlier
        detail = "it changes when later data is missing"
        return LeakFinding(Detector.TRUNCATION, name, bar, int(self.market.ts_event[bar]), detail)
