"""The one path around a `decide` in plain Python: it is called from the same source, between the same compiled verbs.

On bars of one instrument, compiled code looks how far the next bars are quiet (`core.kernel.quiet_nb`) and lays out
what each decision may see; the strategy is asked bar after bar, once each, and compiled code books those at which it
wished for nothing. The bar of a wish takes the whole path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import repeat
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel import loop_nb, market_nb, quiet_nb
from tradewright.core.kernel.compiled import bind, rebound
from tradewright.core.types.account import Account
from tradewright.core.types.forecast import ForecastRow
from tradewright.engine.binding import Path, nothing_on_stamp
from tradewright.engine.deciders import Decider, decider_of, deciders_of, row_type
from tradewright.engine.memory import SessionMemory
from tradewright.strategies.strategy import Strategy

# Bars laid out at a time, twice as many each time: beyond one at which the strategy wishes for something it is in vain;
# so many at most stay in the processor's first cache.
_FIRST, _MOST = 16, 128

_NOTHING_KNOWN = ForecastRow(*[float("nan")] * len(ForecastRow._fields))


class AccountView:
    """`Account` for plain Python: each field is read only when it is asked for, which is faster than copying all."""

    __slots__ = ("values",)

    def __init__(self, values: memoryview) -> None:
        self.values = values


def _field(number: int) -> property:
    """Property that reads one field of the snapshot."""
    return property(lambda view: view.values[number])


for _number, _name in enumerate(Account._fields):
    setattr(AccountView, _name, _field(_number))


def bars_ahead(strategy: Strategy, n_instruments: int) -> int:
    """Return how many bars are laid out at a time; one where they cannot be quiet."""
    return 1 if strategy.is_compiled or strategy.is_cross_section or n_instruments > 1 else _MOST


def interpreted_path(strategy: Strategy, names: list[str], memory: SessionMemory, *, has_forecasts: bool) -> Path:
    """Return the path with the strategy called in plain Python."""
    if strategy.is_cross_section:
        return _path_of_many(strategy, memory)
    asked = _Asked(strategy, names, memory, has_forecasts=has_forecasts)
    return asked.path(is_alone=len(memory.instruments) == 1)


def _params(decider: Decider, memory: SessionMemory) -> Any:
    """Return its parameters as `decide` reads them."""
    own = memory.arrays["params"][decider.param : decider.param + decider.n_params]
    return row_type("Params", decider.fields)._make(own.tolist())


def _wish(memory: SessionMemory) -> memoryview:
    """Return where the verb of the first wish stands; 0 where there is none."""
    return memoryview(memory.arrays["signals"]["verb"][:1])  # type: ignore[arg-type]  # buffers from Python 3.12 on


class _Rows:
    """Rows of a table as named tuples."""

    __slots__ = ("_make", "_raw", "_row", "_start", "_stride")

    def __init__(self, kind: type[Any], table: NDArray[np.float64], start: int = 0) -> None:
        self._row, self._raw = Struct(f"{len(kind._fields)}d"), memoryview(table).cast("B")  # type: ignore[arg-type]
        self._start, self._stride = 8 * start, 8 * table.shape[1]
        # the same type but made of a tuple, not of single values: a named tuple's own `__new__` takes twice as long
        self._make = type(kind.__name__, (tuple,), {n: part for n, part in vars(kind).items() if n != "__new__"})

    def at(self, place: int) -> Any:
        """Return one row."""
        return self._make(self._row.unpack_from(self._raw, place * self._stride + self._start))

    def first(self, count: int) -> Iterable[Any]:
        """Return the first rows of a table that is all its own, each made when it is asked for."""
        return map(self._make, self._row.iter_unpack(self._raw[: count * self._stride]))


class _NothingKnown:
    """The same for forecasts of which there are none."""

    def at(self, _place: int) -> ForecastRow:
        """Return an empty one."""
        return _NOTHING_KNOWN

    def first(self, count: int) -> Iterable[ForecastRow]:
        """Return so many of them."""
        return repeat(_NOTHING_KNOWN, count)


@cache
def _quiet_pass(**bindings: object) -> Callable[[int, int, int, int], int]:
    """Return a way over quiet bars on which compiled code asks nobody."""
    flags = "".join(f"{value:d}" for value in bindings.values() if isinstance(value, bool))
    return bind(quiet_nb.pass_quiet, f"python_{flags}", Params=row_type("Params", []), **bindings)


class _Asked:
    """A strategy, or several, asked event by event."""

    def __init__(self, strategy: Strategy, names: list[str], memory: SessionMemory, *, has_forecasts: bool) -> None:
        arrays = memory.arrays
        self._name, self._signals, self._wish = strategy.name, arrays["signals"], _wish(memory)
        self._views = [AccountView(memoryview(account)) for account in arrays["accounts"]]
        deciders = deciders_of(strategy, names)
        asked = {d: (_Rows(row_type("Row", d.names), arrays["rows"], d.row), _params(d, memory)) for d in deciders}
        whose = [decider_of(deciders, j) for j in range(len(memory.instruments))]
        self._asked = [(d, d.strategy.decide, *asked[d]) for d in whose]  # by instrument
        self._forecasts = _Rows(ForecastRow, arrays["forecast_rows"]) if has_forecasts else _NothingKnown()
        self._record, self._most = memory.record, len(self._views)
        keeps = {"KEEPS_CURVE": "equity" in arrays, "KEEPS_SCORE": bool(memory.record["keep_score"][0])}
        self._look = _quiet_pass(ask=quiet_nb.lay_out_nb, BOOKS=False, KEEPS_CURVE=False, KEEPS_SCORE=False)
        self._book = _quiet_pass(ask=quiet_nb.ask_nobody_nb, BOOKS=True, **keeps)
        stages: dict[str, Any] = {"mark_nb": market_nb.mark_and_store_nb, "check_nb": self._check}
        self._on_event = rebound(market_nb.on_event, self._name, decide_one=self._ask_one, **stages)
        self._on_wish = rebound(market_nb.on_event, self._name, decide_one=_ask_no_more, **stages)
        self._has_wished = False

    def path(self, *, is_alone: bool) -> Path:
        """Return the path around it; bars of an instrument that is alone may be quiet."""
        run = rebound(_run, self._name, on_event=self._on_event)
        return Path(self._run_bars if is_alone else run, run, self._on_event, nothing_on_stamp)

    def _ask_one(self, _session: int, _i: int, j: int) -> None:
        """Ask after one event of an instrument."""
        decider, decide, rows, params = self._asked[j]
        decide(rows.at(j), self._forecasts.at(j), self._views[j], params, self._signals)
        if decider.stop:
            market_nb.keep_own_nb(self._signals, decider.first, decider.stop)

    def _check(self, session: int, j: int) -> None:
        """Check what the strategy wished for, if it did."""
        self._has_wished = self._wish[0] != 0
        if self._has_wished:
            market_nb.check_alone_nb(session, j)

    def _run_bars(self, session: int, venue: int, start: int, stop: int) -> int:
        """`run_events` on bars of one instrument."""
        i = start
        while i < stop:
            # not where it has wished: at this bar, for which a log needed room first, or at the one before, for then it
            # may again, and bars are laid out in vain
            if not (self._wish[0] or self._has_wished):
                i = self._pass_quiet(session, venue, i, stop)
                if i == stop:
                    break
            if not loop_nb.surround_nb(session, venue, i):
                return i
            (self._on_wish if self._wish[0] else self._on_event)(session, i)
            i += 1
        loop_nb.send_alone_nb(session, venue)
        return stop

    def _pass_quiet(self, session: int, venue: int, start: int, stop: int) -> int:
        """Pass over quiet bars; return the first that is not, or at which the strategy wished for something."""
        at, reach = start, min(_FIRST, self._most)
        while at < stop:
            end = min(at + reach, stop)
            quiet = self._look(session, venue, at, end)
            if quiet == at:
                break
            asked = self._ask_at_each(at, quiet)
            if asked > at:
                at = self._book(session, venue, at, asked)
            if at < end:
                break
            reach = min(2 * reach, self._most)
        return at

    def _ask_at_each(self, start: int, stop: int) -> int:
        """Ask at bars that are laid out; return the first with a wish, or ``stop``."""
        (_, decide, rows, params), signals, wish = self._asked[0], self._signals, self._wish
        count, at = stop - start, start
        laid_out = zip(rows.first(count), self._forecasts.first(count), self._views, strict=False)
        try:
            for at, (row, forecast, view) in enumerate(laid_out, start):
                decide(row, forecast, view, params, signals)
                if wish[0]:
                    return at
        except BaseException:
            self._record["quiet_at"] = at  # so that the error names its bar
            raise
        return stop


def _ask_no_more(_session: int, _i: int, _j: int) -> None:
    """Stand for the question at a bar at which the strategy has wished."""


def _path_of_many(strategy: Strategy, memory: SessionMemory) -> Path:
    """Return the path around a strategy that is asked once a timestamp."""
    tables = [memory.arrays[name] for name in ("rows", "forecast_rows", "accounts")]
    params, signals, wish = _params(Decider(strategy, ()), memory), memory.arrays["signals"], _wish(memory)

    def decide_all(session: int) -> None:
        market_nb.store_all_nb(session)
        strategy.decide(*tables, params, signals)

    def check(session: int, j: int) -> None:
        if wish[0]:
            market_nb.check_alone_nb(session, j)

    def timestamps() -> NDArray[np.int64]:
        return memory.market.events.ts_event

    on_event = rebound(
        market_nb.on_event_of_many,
        strategy.name,
        mark_nb=market_nb.mark_alone_nb,
        observe_nb=market_nb.observe_alone_nb,
    )
    on_stamp = rebound(market_nb.on_stamp, strategy.name, decide_all=decide_all, check_nb=check)
    run = rebound(_run_stamps, strategy.name, on_event=on_event, on_stamp=on_stamp, timestamps=timestamps)
    return Path(run, run, on_event, on_stamp)


on_event = loop_nb.on_event  # the names the two templates below call; bound anew for each strategy
on_stamp = loop_nb.on_stamp


def timestamps() -> NDArray[np.int64]:
    """Stand where the times of the block being run are bound."""
    return np.zeros(0, np.int64)


def _run(session: int, venue: int, start: int, stop: int) -> int:
    """`run_events` around a composite that is not compiled (template)."""
    surround = loop_nb.surround_nb
    for i in range(start, stop):
        if not surround(session, venue, i):
            return i
        on_event(session, i)
    loop_nb.send_alone_nb(session, venue)
    return stop


def _run_stamps(session: int, venue: int, start: int, stop: int) -> int:
    """`run_stamps` around a composite that is not compiled (template)."""
    ts = timestamps()
    for i in range(start, stop):
        if not loop_nb.surround_nb(session, venue, i):
            return i
        on_event(session, i)
        if i + 1 == stop or ts[i + 1] != ts[i]:
            on_stamp(session)
    loop_nb.send_alone_nb(session, venue)
    return stop
