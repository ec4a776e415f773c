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
from tradewright.engine.binding import Path, nothing_on_stamp, row_type
from tradewright.engine.memory import SessionMemory
from tradewright.strategies.strategy import Strategy

# enough to spread what two calls cost, few enough to stay in the processor's first cache
_AHEAD = 128

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
    return 1 if strategy.is_compiled or strategy.is_cross_section or n_instruments > 1 else _AHEAD


def interpreted_path(strategy: Strategy, names: list[str], memory: SessionMemory, *, has_forecasts: bool) -> Path:
    """Return the path with the strategy called in plain Python."""
    if strategy.is_cross_section:
        return _path_of_many(strategy, memory)
    asked = _Asked(strategy, names, memory, has_forecasts=has_forecasts)
    return asked.path(is_alone=len(memory.instruments) == 1)


def _params(strategy: Strategy, memory: SessionMemory) -> Any:
    """Return the parameters as `decide` reads them."""
    return row_type("Params", list(strategy.params.model_fields))._make(memory.arrays["params"].tolist())


def _wish(memory: SessionMemory) -> memoryview:
    """Return where the verb of the first wish stands; 0 where there is none."""
    return memoryview(memory.arrays["signals"]["verb"][:1])  # type: ignore[arg-type]  # buffers from Python 3.12 on


def _reader(kind: type[Any], table: NDArray[np.float64]) -> Callable[[int, int], Iterable[Any]]:
    """Return a function that reads so many rows of a table, from one on, as named tuples."""
    row, raw = Struct(f"{table.shape[1]}d"), memoryview(table).cast("B")  # type: ignore[arg-type]
    # the same type but made of a tuple, not of single values: a named tuple's own `__new__` takes twice as long
    make = type(kind.__name__, (tuple,), {name: part for name, part in vars(kind).items() if name != "__new__"})

    def read(first: int, count: int) -> Iterable[Any]:
        return map(make, row.iter_unpack(raw[first * row.size : (first + count) * row.size]))

    return read


def _know_nothing(_first: int, count: int) -> Iterable[ForecastRow]:
    """Return so many empty forecasts."""
    return repeat(_NOTHING_KNOWN, count)


@cache
def _quiet_pass(**bindings: object) -> Callable[[int, int, int, int], int]:
    """Return a way over quiet bars on which compiled code asks nobody."""
    flags = "".join(f"{value:d}" for value in bindings.values() if isinstance(value, bool))
    return bind(quiet_nb.pass_quiet, f"python_{flags}", Params=row_type("Params", []), **bindings)


class _Asked:
    """A strategy that is asked event by event."""

    def __init__(self, strategy: Strategy, names: list[str], memory: SessionMemory, *, has_forecasts: bool) -> None:
        arrays = memory.arrays
        self._name, self._decide = strategy.name, strategy.decide
        self._params, self._signals, self._wish = _params(strategy, memory), arrays["signals"], _wish(memory)
        self._views = [AccountView(memoryview(account)) for account in arrays["accounts"]]
        self._rows = _reader(row_type("Row", names), arrays["rows"])
        self._forecasts = _reader(ForecastRow, arrays["forecast_rows"]) if has_forecasts else _know_nothing
        self._record, self._reach = memory.record, len(self._views)
        keeps = {"KEEPS_CURVE": "equity" in arrays, "KEEPS_SCORE": bool(memory.record["keep_score"][0])}
        self._look = _quiet_pass(ask=quiet_nb.lay_out_nb, BOOKS=False, KEEPS_CURVE=False, KEEPS_SCORE=False)
        self._book = _quiet_pass(ask=quiet_nb.ask_nobody_nb, BOOKS=True, **keeps)

    def path(self, *, is_alone: bool) -> Path:
        """Return the path around it; bars of an instrument that is alone may be quiet."""
        stages: dict[str, Any] = {"mark_nb": market_nb.mark_and_store_nb, "check_nb": self._check}
        on_event = rebound(market_nb.on_event, self._name, decide_one=self._ask_one, **stages)
        on_wish = rebound(market_nb.on_event, self._name, decide_one=_ask_no_more, **stages)
        run = rebound(_run, self._name, on_event=on_event)
        bars = rebound(
            _run_bars, self._name, on_event=on_event, on_wish=on_wish, pass_quiet=self._pass_quiet, wish=self._wish
        )
        return Path(bars if is_alone else run, run, on_event, nothing_on_stamp)

    def _ask_one(self, _session: int, _i: int, j: int) -> None:
        """Ask after one event of an instrument."""
        (row,), (forecast,) = self._rows(j, 1), self._forecasts(j, 1)
        self._decide(row, forecast, self._views[j], self._params, self._signals)

    def _check(self, session: int, j: int) -> None:
        """Check what the strategy wished for, if it did."""
        if self._wish[0]:
            market_nb.check_alone_nb(session, j)

    def _pass_quiet(self, session: int, venue: int, start: int, stop: int) -> int:
        """Pass over quiet bars; return the first that is not, or at which the strategy wished for something."""
        at = start
        while at < stop:
            reach = min(at + self._reach, stop)
            quiet = self._look(session, venue, at, reach)
            asked = self._ask_at_each(at, quiet)
            if asked > at:
                at = self._book(session, venue, at, asked)
            if at < reach:
                break
        return at

    def _ask_at_each(self, start: int, stop: int) -> int:
        """Ask at bars that are laid out; return the first with a wish, or ``stop``."""
        decide, params, signals, wish = self._decide, self._params, self._signals, self._wish
        count, at = stop - start, start
        laid_out = zip(range(start, stop), self._rows(0, count), self._forecasts(0, count), self._views, strict=False)
        try:
            for at, row, forecast, view in laid_out:
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
    params, signals, wish = _params(strategy, memory), memory.arrays["signals"], _wish(memory)

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


on_event = on_wish = loop_nb.on_event  # the names the templates below call; bound anew for each strategy
on_stamp = loop_nb.on_stamp
pass_quiet = loop_nb.pass_quiet
wish = memoryview(b"\0")


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


def _run_bars(session: int, venue: int, start: int, stop: int) -> int:
    """Do the same on bars of one instrument, the quiet ones apart (template)."""
    i = start
    while i < stop:
        if not wish[0]:  # else it has wished at this bar, for which a log needed room first
            i = pass_quiet(session, venue, i, stop)
            if i == stop:
                break
        if not loop_nb.surround_nb(session, venue, i):
            return i
        (on_wish if wish[0] else on_event)(session, i)
        i += 1
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
