"""What a session and a fresh backtest each saw and wished, event by event, so that the two can be laid side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.records import single_event
from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.message import VenueMessage
from tradewright.core.types.order import OrderStatus
from tradewright.engine.backtest import BacktestResult, Run
from tradewright.engine.live.recovery import COMMAND, REFUSED, STAMP
from tradewright.engine.live.rows import MARKET, MarketRow, row_of, rows_of, show
from tradewright.engine.memory import SessionMemory
from tradewright.engine.plan import BacktestPlan, confirmed_forecasts, forecast_block, forecast_times
from tradewright.engine.session import Session
from tradewright.execution.journal.reading import SESSION
from tradewright.execution.sim_venue import SimVenue
from tradewright.forensics.program import Program, retold

#: In place of an instrument: a timestamp is complete, a person said something.
STAMPED, PERSON = -1, -2
#: Time ns UTC, instrument or one of the two above, kind of event, and which of several.
Key = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Before:
    """The account before an event: signed lots and working orders by instrument, cash, what is allowed."""

    lots: tuple[int, ...]
    working: tuple[int, ...]
    cash_micro: int
    trading_state: int
    loss_state: int


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and what was wished after it.

    ``fields``: f8 of the event. ``features`` and ``forecast``: f8, as the strategy saw them. ``denied``: the orders
    that were refused, order_dtype[k].
    """

    key: Key
    ts_seen: int
    decides: bool
    fields: NDArray[np.float64]
    features: NDArray[np.float64]
    forecast: NDArray[np.float64]
    before: Before
    wishes: tuple[VenueMessage, ...]
    denied: NDArray[np.void]


@dataclass(slots=True)
class Side:
    """One of the two. ``refused``: by order number, when (ns UTC) and why the desk did not take it."""

    result: BacktestResult
    steps: dict[Key, Step]
    refused: dict[int, tuple[int, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Watch:
    """Makes steps of what happens to a session."""

    session: Session
    memory: SessionMemory
    steps: dict[Key, Step] = field(default_factory=dict)
    _before: Before = field(default_factory=lambda: Before((), (), 0, 0, 0))
    _ended: int = 0

    def begin(self) -> None:
        """Look at the account before an event."""
        record, positions = self.memory.record, self.memory.arrays["positions"]
        numbers = (int(record[name][0]) for name in ("cash_micro", "trading_state", "loss_state"))
        self._before = Before(tuple(positions["lots"].tolist()), tuple(positions["working"].tolist()), *numbers)
        self._ended = int(record["n_order_log"][0])

    def end(
        self, place: tuple[int, int, int], seen: tuple[int, MarketRow | None], wishes: Sequence[VenueMessage]
    ) -> None:
        """Note what came of it; ``seen``: when, and the event itself where it was one."""
        ended = self.memory.taken("order_log", "n_order_log")[self._ended :]
        ts_seen, row = seen
        ordinal = 0
        while (*place, ordinal) in self.steps:
            ordinal += 1
        self.steps[*place, ordinal] = Step(
            (*place, ordinal),
            ts_seen,
            row is None or row.decides,
            np.empty(0) if row is None else row.fields,
            self.session.values.copy(),
            self.session.forecast.copy(),
            self._before,
            tuple(wishes),
            ended[ended["status"] == OrderStatus.DENIED].copy(),
        )


def side_of_journal(records: Iterable[JournalRecord], program: Program) -> tuple[Side, list[MarketRow], JournalRecord]:
    """Return what the newest lineage of a journal did, the market it saw, and its first record; raises as `retold`."""
    watch: _Watch | None = None
    refused: dict[int, tuple[int, str]] = {}
    rows: list[MarketRow] = []
    under_way: tuple[tuple[int, int, int], tuple[int, MarketRow | None]] | None = None
    tale = None
    for tale, record in retold(records, program):
        conductor = tale.conductor
        if watch is not None and conductor is not None and under_way is not None:
            watch.end(*under_way, conductor.newest)
        under_way = None
        if record.kind == SESSION and record.payload.get("begins", True):
            watch, refused, rows = None, {}, []
        if record.kind == SESSION or conductor is None:
            continue
        watch = watch or _Watch(conductor.session, conductor.run.memory)
        if record.kind == MARKET:
            rows.append(row_of(record))
            under_way = (record.ts_event, rows[-1].instrument, rows[-1].kind), (record.ts_seen, rows[-1])
        elif record.kind == STAMP and rows and conductor.plan.strategy.is_cross_section:
            under_way = (rows[-1].ts_event, STAMPED, 0), (record.ts_seen, None)
        elif record.kind == COMMAND:
            under_way = (record.ts_event, PERSON, 0), (record.ts_seen, None)
        elif record.kind == REFUSED:
            refused[int(str(record.payload["reference"]))] = record.ts_seen, str(record.payload["reason"])
        if under_way is not None:
            watch.begin()
    assert tale is not None  # noqa: S101 - `retold` refuses a journal without a session
    assert tale.conductor is not None  # noqa: S101
    assert tale.begun is not None  # noqa: S101
    if watch is not None and under_way is not None:
        watch.end(*under_way, tale.conductor.newest)
    return Side(tale.conductor.run.result(), {} if watch is None else watch.steps, refused), rows, tale.begun


def side_of_backtest(plan: BacktestPlan, rows: Sequence[MarketRow]) -> Side:
    """Run the same hours through a fresh session and the simulated venue."""
    run, event = Run(plan), single_event()
    venue = SimVenue(plan.venue, run.instruments, event)
    session = Session(run.path(), run.memory, run.features, event)
    watch = _Watch(session, run.memory)
    is_cross_section = plan.strategy.is_cross_section
    for i, row in enumerate(rows):
        show(row, event)
        for answer in venue.on_market():
            session.on_order_event(answer)
        watch.begin()
        with run.blame():
            if row.decides:
                wishes = session.on_market(row.forecast, row.forecast_ts)
            else:
                wishes = session.warm(is_cross_section=is_cross_section)
        watch.end((row.ts_event, row.instrument, row.kind), (row.ts_seen, row), wishes)
        for wish in wishes:
            venue.submit(wish)
        is_complete = i + 1 == len(rows) or rows[i + 1].ts_event != row.ts_event
        if is_cross_section and is_complete and row.decides:
            watch.begin()
            with run.blame():
                wishes = session.on_timer(row.ts_seen)
            watch.end((row.ts_event, STAMPED, 0), (row.ts_seen, None), wishes)
            for wish in wishes:
                venue.submit(wish)
        run.events += 1
    return Side(run.result(), watch.steps)


def rows_of_plan(plan: BacktestPlan, decides_after: int) -> list[MarketRow]:
    """Return the market of a plan as a session would see it; events up to ``decides_after`` ns UTC only warm it."""
    known, symbols = confirmed_forecasts(plan), [instrument.symbol for instrument in plan.instruments]
    rows: list[MarketRow] = []
    for events in plan.blocks():
        forecasts = forecast_block(known, symbols, events, 0, len(events))
        times = forecast_times(plan, known, events, 0, len(events))
        for i, row in enumerate(rows_of(events)):
            rows.append(
                MarketRow(
                    row.instrument,
                    row.kind,
                    row.ts_open,
                    row.ts_event,
                    row.ts_seen,
                    row.fields,
                    row.ts_event > decides_after,
                    None if forecasts is None else forecasts[i],
                    None if times is None else int(times[i]),
                )
            )
    return rows
