"""Measure a version of the execution model from what is recorded: quotes and bars of the store, own fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import ASK, BID
from tradewright.core.types.errors import DataError
from tradewright.core.types.instrument import Instrument
from tradewright.data.catalogue import Dataset
from tradewright.data.kinds import Kind
from tradewright.data.store import BarStore
from tradewright.execution.costs.files import next_version
from tradewright.execution.costs.measuring import (
    Origin,
    OwnFills,
    Samples,
    fill_samples,
    liquidity_of,
    measured_model,
    spread_samples,
)
from tradewright.execution.costs.model import CostModel, Liquidity
from tradewright.services.costs.classes import class_of
from tradewright.services.costs.own_fills import Arrival, fills_of_file, fills_of_run
from tradewright.services.costs.session_fills import fills_of_session
from tradewright.services.costs.sessions import cost_sessions
from tradewright.services.runs.facts import SIMULATED
from tradewright.services.runs.read import read_run

Stamps = NDArray[np.int64]
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Sources:
    """What to measure from: quotes and bars of ``symbols`` in the store (all if empty), run folders, files of fills.

    ``sessions`` are accounts, whose journals must tell of ``least`` orders that took. Only the last ``days`` of the
    store count, all where it is 0. ``classes`` as told by the user.
    """

    store: Path
    symbols: tuple[str, ...] = ()
    runs: tuple[Path, ...] = ()
    fills: tuple[Path, ...] = ()
    days: int = 0
    classes: Mapping[str, str] = field(default_factory=dict)
    sessions: tuple[str, ...] = ()
    least: int = 30


class Market:
    """The recorded market, asked for at moments of the past; each data set is read once."""

    def __init__(self, store: BarStore, start: int | None) -> None:
        self._store = store
        self._start = start
        self._read: dict[str, tuple[Stamps, NDArray[np.float64], NDArray[np.float64]]] = {}

    def __call__(self, symbol: str, ts: Stamps) -> Arrival:
        """Return the newest mid and half spread known at each time: of quotes, else the close of bars."""
        known, mid, half = self._series(symbol)
        at = np.searchsorted(known, ts, side="right") - 1
        if not len(known):
            return Arrival(np.full(len(ts), np.nan), np.zeros(len(ts)))
        before = np.maximum(at, 0)
        return Arrival(np.where(at >= 0, mid[before], np.nan), np.where(at >= 0, half[before], 0.0))

    def _series(self, symbol: str) -> tuple[Stamps, NDArray[np.float64], NDArray[np.float64]]:
        if symbol not in self._read:
            entries = [d for d in self._store.list() if d.symbol == symbol]
            quotes = [d for d in entries if d.kind == Kind.QUOTES]
            bars = sorted((d for d in entries if d.kind == Kind.BARS), key=lambda d: -d.rows)
            if quotes:
                events = self._store.load_events(symbol, Kind.QUOTES, self._start)
                bid, ask = events.fields[BID], events.fields[ASK]
                mid = 0.5 * (bid + ask)
                self._read[symbol] = (events.ts_seen, mid, np.maximum(0.5 * (ask - bid) / mid * 1e4, 0.0))
            elif bars:
                found = self._store.load(symbol, bars[0].timeframe, self._start)
                self._read[symbol] = (found.ts_event, found.close, np.zeros(len(found)))
            else:
                self._read[symbol] = (np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        return self._read[symbol]


def measure(sources: Sources, folder: Path, now_ns: int, progress: Callable[[str], None]) -> CostModel:
    """Return a new version, not yet written.

    Raises
    ------
    DataError
        If nothing among the sources can be measured.
    UsageError, StoreError
        If one of them cannot be read.
    """
    store = BarStore(sources.store)
    start = now_ns - sources.days * _DAY_NS if sources.days else None
    entries = [d for d in store.list() if not sources.symbols or d.symbol in sources.symbols]
    samples: list[Samples] = []
    named: list[str] = []
    for entry in entries:
        if entry.kind == Kind.QUOTES:
            progress(f"quotes of {entry.symbol}")
            events = store.load_events(entry.symbol, Kind.QUOTES, start)
            samples.append(spread_samples(entry.symbol, events.ts_event, events.fields[BID], events.fields[ASK]))
            named.append(f"quotes {entry.symbol} {entry.digest}")
    instruments = {d.symbol: d.instrument.instrument() for d in store.list()}
    fills, simulated = _own_fills(sources, instruments, Market(store, start), named, progress)
    samples += [s for f in fills for s in fill_samples(f)]
    samples = [s for s in samples if s.weights.sum() > 0.0]
    if not samples:
        raise DataError(
            "there is nothing to measure: no quotes, no fills",
            where=str(sources.store),
            fix="Import quotes (`tradewright data import --kind quotes`), or give --session, --run or --fills.",
        )
    day = datetime.fromtimestamp(now_ns // 1_000_000_000, tz=UTC).date().isoformat()
    classes = {symbol: class_of(instrument) for symbol, instrument in instruments.items()}
    origin = Origin(
        next_version(folder, day),
        day,
        tuple(sorted(named)),
        simulated,
        {s.symbol: sources.classes.get(s.symbol, classes.get(s.symbol, "other")) for s in samples},
        {symbol: found for symbol, found in _liquidity(store, entries, start) if found is not None},
    )
    first, last = (int(f([f(s.ts) for s in samples])) for f in (np.min, np.max))
    return measured_model(samples, cost_sessions(first, last), origin)


def _own_fills(
    sources: Sources,
    known: Mapping[str, Instrument],
    market: Market,
    named: list[str],
    progress: Callable[[str], None],
) -> tuple[list[OwnFills], bool]:
    found: list[OwnFills] = []
    simulated = False
    for run in sources.runs:
        progress(f"fills of {run.name}")
        simulated |= read_run(run).manifest.get("venue", SIMULATED) == SIMULATED  # who says nothing traded there
        found += fills_of_run(run, market)
        named.append(f"run {run.name}")
    for file in sources.fills:
        progress(f"fills of {file.name}")
        found += fills_of_file(file, market)
        named.append(f"fills {file.name}")
    wanted = sources.symbols
    for account in sources.sessions:
        progress(f"session {account}")
        told = fills_of_session(account, known, wanted, sources.least)
        simulated |= told.simulated
        found += told.fills
        named.append(told.said)
    return [f for f in found if not wanted or f.symbol in wanted], simulated


def _liquidity(store: BarStore, entries: list[Dataset], start: int | None) -> list[tuple[str, Liquidity | None]]:
    """Measure traded units and volatility a day from the shortest bars of each instrument."""
    finest: dict[str, Dataset] = {}
    for entry in entries:
        if entry.kind == Kind.BARS and (entry.symbol not in finest or entry.rows > finest[entry.symbol].rows):
            finest[entry.symbol] = entry
    found = []
    for symbol, entry in sorted(finest.items()):
        bars = store.load(symbol, entry.timeframe, start)
        days = entry.instrument.instrument().calendar.day_numbers(bars.ts_open).astype(np.int64)
        found.append((symbol, liquidity_of(days, bars.close, bars.volume)))
    return found
