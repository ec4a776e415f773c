"""Our side's state: allocated here, read and written by compiled code, kept alive here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.codes import ACTIVE, CLEAR, ID_STEP, NEVER
from tradewright.core.kernel.records import MarketMemory
from tradewright.core.kernel.snapshot_nb import N_ACCOUNT, N_FORECAST
from tradewright.core.kernel.verbs import verb_table
from tradewright.core.types.dtypes import (
    fill_dtype,
    ledger_dtype,
    message_dtype,
    order_dtype,
    position_dtype,
    session_dtype,
    signal_dtype,
)
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.guard_dtypes import decision_dtype
from tradewright.risk.guard import Guard
from tradewright.risk.limits import Limits

MICRO = 1_000_000
_LOGS = {"fills": fill_dtype, "order_log": order_dtype, "ledger": ledger_dtype, "decisions": decision_dtype}
_WHOLE = ("fills", "ledger")  # of these nothing is shown on the way
_CURVE = ("stamps", "equity", "exposure")
_FIRST_ROWS = 65_536  # pages are taken from the system only when they are written


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of our state; ``n_ahead``: bars that are laid out at a time for a decision in plain Python."""

    n_instruments: int
    n_features: int
    n_slots: int
    keeps_logs: bool = True
    keeps_equity: bool = True
    keeps_score: bool = False
    n_ahead: int = 1
    keeps_newest: bool = False


@dataclass(frozen=True, slots=True)
class AccountStart:
    """What the account begins with. ``day_starts``: i8[k] ns UTC, beginnings of trading days, the first before all.

    ``guard`` holds the controls beside the first six limits, where any of them is on.
    """

    initial_cash: float
    limits: Limits
    params: NDArray[np.float64]
    day_starts: NDArray[np.int64]
    guard: Guard | None = None


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """View an array as its bytes: copying record by record costs 30 times as much."""
    return array.reshape(-1).view(np.uint8)


class SessionMemory:
    """Everything our side's compiled code reads and writes; ``address`` is its record's."""

    def __init__(self, shape: Shape, start: AccountStart, instruments: NDArray[np.void]) -> None:
        if not 0 < start.initial_cash < 9e12:  # int64 holds 9.2e12 in millionths
            what, fix = f"initial cash {start.initial_cash} is out of range", "0 < cash < 9e12"
            raise ConfigError(what, where="account.initial_cash", fix=fix)
        self.market = MarketMemory()
        self.instruments = instruments
        n, slots = shape.n_instruments, shape.n_slots
        n_signals, rows = 16 + 4 * n, max(n, shape.n_ahead)
        outbox = (n + n_signals) * (slots + 2)  # each wish, and flattening, may concern every order
        self.arrays: dict[str, NDArray[Any]] = {
            "positions": np.zeros(n, position_dtype),
            "orders": np.zeros((n, slots), order_dtype),
            "limits": start.limits.to_record(),
            "signals": np.zeros(n_signals, signal_dtype),
            "outbox": np.zeros(outbox, message_dtype),
            "outbox_orders": np.zeros(outbox, order_dtype),
            "params": np.ascontiguousarray(start.params, dtype=np.float64),
            "rows": np.full((rows, max(shape.n_features, 1)), np.nan),
            "forecast_rows": np.full((rows, N_FORECAST), np.nan),
            "accounts": np.zeros((rows, N_ACCOUNT)),
            "day_starts": np.ascontiguousarray(start.day_starts, dtype=np.int64),
        }
        positions = self.arrays["positions"]
        for name in ("price", "bid", "ask", "entry_price", "buy_limit", "sell_limit"):
            positions[name] = np.nan
        positions["fx"] = np.where(instruments["fx_source"] < 0, 1.0, np.nan)
        self.record = np.zeros(1, session_dtype)
        self.address = int(self.record.ctypes.data)
        record = self.record
        record["market"] = self.market.address
        self.verbs = verb_table()
        record["verbs"] = self.verbs.ctypes.data
        record["instruments"] = instruments.ctypes.data
        record["n_instruments"], record["n_slots"] = n, slots
        record["n_signals"], record["outbox_capacity"] = n_signals, outbox
        record["n_features"], record["n_days"] = shape.n_features, len(start.day_starts)
        record["next_day"] = start.day_starts[1] if len(start.day_starts) > 1 else NEVER
        record["next_id"] = ID_STEP
        cash = round(start.initial_cash * MICRO)
        for name in ("initial", "cash", "equity", "peak", "day_open", "score_last", "trough"):
            record[f"{name}_micro"] = cash
        limits = self.arrays["limits"]
        floor = cash * (1.0 - np.minimum(limits["intraday_loss"], limits["max_drawdown"]))
        least = -9e18 if start.guard is None else float(start.guard.record["least_equity_micro"][0])
        record["floor_micro"] = np.maximum(floor, least).astype(np.int64)
        record["trading_state"], record["loss_state"], record["quiet_at"] = ACTIVE, CLEAR, -1
        self.guard = start.guard
        record["guard"] = start.guard.address if start.guard else 0
        record["margin_call"] = instruments["margin_maintenance"].max()
        record["margin_most"] = instruments["margin_initial"].max()
        record["uses_fx"] = bool((instruments["fx_source"] >= 0).any())
        record["keep_score"] = shape.keeps_score
        self._event_rows = self._reserve = n * (2 * slots + 8) + 64
        record["log_reserve"] = self._reserve
        self._lay_logs(shape, keeps_decisions=start.limits.is_limited)
        for name, array in self.arrays.items():
            if name in (session_dtype.names or ()):
                record[name] = array.ctypes.data
        self._start = [(live, live.copy()) for live in map(_as_bytes, self._changing())]

    def _changing(self) -> list[NDArray[Any]]:
        """Return what a run changes and another run must find as it was."""
        own = [self.arrays[name] for name in ("positions", "signals", "rows", "forecast_rows")]
        return [self.record, *own, *([] if self.guard is None else self.guard.changing)]

    def _lay_logs(self, shape: Shape, *, keeps_decisions: bool) -> None:
        """Allocate the outputs that are kept; the others are marked by address 0 and a capacity that never fills."""
        rows = max(_FIRST_ROWS, 2 * int(self.record["log_reserve"][0]))
        for name, dtype in _LOGS.items():
            is_kept = shape.keeps_logs and (keeps_decisions or name != "decisions")
            is_kept = is_kept and not (shape.keeps_newest and name in _WHOLE)
            if is_kept:
                self.arrays[name] = np.zeros(rows, dtype)
            self.record[f"{name}_capacity"] = rows if is_kept else 2**62
        if shape.keeps_equity:
            self.arrays["stamps"] = np.zeros(_FIRST_ROWS, np.int64)
            self.arrays["equity"] = np.zeros(_FIRST_ROWS)
            self.arrays["exposure"] = np.zeros(_FIRST_ROWS)
        self.record["equity_capacity"] = _FIRST_ROWS if shape.keeps_equity else 2**62

    def restart(self, params: NDArray[np.float64]) -> None:
        """Go back to the start with other parameters; only for a state whose logs and curve are not kept."""
        for live, start in self._start:
            live[:] = start
        self.record["log_reserve"] = self._reserve
        self.arrays["params"][:] = params

    def show(self, events: MarketEvents) -> None:
        """Point at a block of events, and find where its trading days begin."""
        self.market.show(events)
        self.market.show_days(np.searchsorted(events.ts_event, self.arrays["day_starts"]))

    def expect_answers(self, places: int) -> None:
        """Keep so much room in the logs that all answers a ring can hold may be booked within one event."""
        reserve = self._event_rows + 2 * places  # a fill is two lines of the ledger
        if reserve != self._reserve or self.record["needs_room"][0]:
            self._reserve = reserve
            self.record["log_reserve"] = reserve
            self.grow()

    def expect(self, events: int) -> None:
        """Make the equity curve large enough for so many more events."""
        if "equity" not in self.arrays:
            return
        rows = int(self.record["n_equity"][0]) + events + 1
        capacity = int(self.record["equity_capacity"][0])
        if rows > capacity:
            self._resize("equity_capacity", _CURVE, max(rows, 2 * capacity))

    def grow(self) -> None:
        """Enlarge every output that could overflow with the next event."""
        reserve = int(self.record["log_reserve"][0])
        for name in _LOGS:
            capacity = int(self.record[f"{name}_capacity"][0])
            needed = int(self.record[f"n_{name}"][0]) + reserve
            if name in self.arrays and needed > capacity:
                self._resize(f"{name}_capacity", (name,), max(4 * capacity, 2 * needed))
        self.record["needs_room"] = 0

    def shed(self) -> None:
        """Begin the logs of decisions and orders anew; only where no more than the newest are kept."""
        self.record["n_decisions"] = self.record["n_order_log"] = 0

    def _resize(self, capacity: str, names: tuple[str, ...], rows: int) -> None:
        """Move outputs into larger arrays and tell compiled code where they are."""
        if rows <= int(self.record[capacity][0]):
            return
        filled = int(self.record[f"n_{capacity.removesuffix('_capacity')}"][0])
        for name in names:
            old = self.arrays[name]
            fresh = np.empty(rows, old.dtype)
            fresh[:filled] = old[:filled]
            self.arrays[name] = fresh
            self.record[name] = fresh.ctypes.data
        self.record[capacity] = rows

    def orders(self) -> NDArray[np.void]:
        """Return every order in the sequence in which it ended or was denied, then those still working."""
        if "order_log" not in self.arrays:
            return np.zeros(0, order_dtype)
        log, count = self.arrays["order_log"], int(self.record["n_order_log"][0])
        for table, working in zip(self.arrays["orders"], self.arrays["positions"]["working"], strict=True):
            log[count : count + working] = table[:working]  # the reserve of free rows is larger than all tables
            count += int(working)
        return log[:count]

    def cell(self, name: str) -> memoryview:
        """Return a field of the session's record as ``cell[0]``: read in a fifth of the time that NumPy takes."""
        return memoryview(self.record[name])  # type: ignore[arg-type]  # arrays are buffers from Python 3.12 on

    def taken(self, name: str, count: str) -> NDArray[Any]:
        """Return the rows of an output that are filled; none where it is not kept."""
        if name in self.arrays:
            return self.arrays[name][: int(self.record[count][0])]
        return np.zeros(0, _LOGS.get(name, np.int64 if name == "stamps" else np.float64))
