"""Divergence: a session beside a fresh backtest of the same hours, every difference with its cause and its money.

The money is exact book-keeping. A side's last equity is its first, plus what each fill brought in cash and is worth at
the last price, less commission, plus borrowing and funding. So the difference of the two last equities is the sum over
orders of the differences of these; what the sum leaves over is shown as unexplained.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.ledger import LedgerKind
from tradewright.engine.backtest import BacktestResult
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.memory import MICRO
from tradewright.engine.plan import BacktestPlan
from tradewright.forensics.parting import DECIDED, SEEN, Cause, Orders, Parting, walk
from tradewright.forensics.program import Program
from tradewright.forensics.steps import Side, side_of_backtest, side_of_journal


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause: how often, and what it changed in the last equity, account currency."""

    cause: Cause
    count: int
    pnl: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """A session beside a backtest. ``partings`` in the order of time; ``begun``: the session's first record."""

    begun: JournalRecord
    session: BacktestResult
    backtest: BacktestResult
    events: tuple[int, int]
    partings: tuple[Parting, ...]
    unexplained: float

    @property
    def pnl(self) -> float:
        """Last equity of the session less that of the backtest."""
        return self.session.final_equity - self.backtest.final_equity

    @property
    def table(self) -> tuple[CauseRow, ...]:
        """Causes in the order of the stages; the last row is what none explains."""
        counts = Counter(p.cause for p in self.partings)
        pnl: Counter[Cause] = Counter()
        for parting in self.partings:
            pnl[parting.cause] += parting.pnl  # type: ignore[assignment]  # a counter of amounts
        rows = [CauseRow(cause, counts[cause], float(pnl[cause])) for cause in Cause if counts[cause]]
        return (*rows, CauseRow(Cause.UNEXPLAINED, 0, self.unexplained))


#: What seldom moves a later decision: what follows is charged to another cause, where there is one.
_LIGHT = SEEN | {Cause.COST}
#: From the session's first record and the market it saw: the plan and the market of the backtest.
Fresh = Callable[[JournalRecord, Sequence[MarketRow]], tuple[BacktestPlan, Sequence[MarketRow]]]


def diverge(records: Iterable[JournalRecord], program: Program, fresh: Fresh | None = None) -> Divergence:
    """Compare the newest lineage of a journal with a fresh backtest.

    Parameters
    ----------
    records : iterable of JournalRecord
        The whole journal.
    program : Program
        What the session was.
    fresh : callable, optional
        What the backtest is given; otherwise the session's own plan and market.

    Raises
    ------
    UsageError, StoreError
        As `retold`.
    """
    session, rows, begun = side_of_journal(records, program)
    plan, market = (program.plan(begun), rows) if fresh is None else fresh(begun, rows)
    backtest = side_of_backtest(plan, market)
    names = tuple(plan.strategy.features(plan.params))
    partings, orders = walk(session, backtest, names)
    _Fills(session, backtest, orders, partings).compare()
    partings += _rest(session.result, backtest.result)
    partings = _rooted(sorted(partings, key=lambda p: (p.ts, p.cause in DECIDED, p.cause is not Cause.COST)))
    total = session.result.final_equity - backtest.result.final_equity
    left = round(total - sum(p.pnl for p in partings), 6)
    return Divergence(begun, session.result, backtest.result, (len(rows), len(market)), tuple(partings), left)


def _rooted(partings: list[Parting]) -> list[Parting]:
    """Give what follows an earlier difference that one's cause: of the same instrument if there is one."""
    found: list[Parting] = []
    newest: dict[int, Parting] = {}
    last: Parting | None = None
    for parting in partings:
        one = parting
        root = newest.get(parting.instrument, last)
        if parting.cause is Cause.ACCOUNT and root is not None:
            one = replace(
                parting,
                cause=root.cause,
                detail=f"follows {np.datetime64(root.ts, 'ns').astype('datetime64[s]')}; {parting.detail}",
            )
        elif last is None or last.cause in _LIGHT or parting.cause not in _LIGHT:
            newest[parting.instrument] = last = parting
        found.append(one)
    return found


@dataclass(slots=True)
class _Sum:
    """All fills of one order; lots are signed, amounts in account currency."""

    instrument: int
    parent: int
    ts: int
    lots: int = 0
    cash: float = 0.0
    fee: float = 0.0
    value: float = 0.0  # lots times price

    @property
    def price(self) -> float:
        return self.value / self.lots


def _sums(result: BacktestResult) -> dict[int, _Sum]:
    sums: dict[int, _Sum] = {}
    for fill in result.fills:
        number, lots = int(fill["order"]), int(fill["side"] * fill["lots"])
        one = sums.setdefault(number, _Sum(int(fill["instrument"]), int(fill["parent"]), int(fill["ts_event"])))
        one.lots += lots
        one.value += lots * float(fill["price"])
        one.cash += int(fill["cash_micro"]) / MICRO
        one.fee += int(fill["fee_micro"]) / MICRO
    return sums


def _worth(result: BacktestResult) -> NDArray[np.float64]:
    """Return what one lot of each instrument is worth at the end, account currency."""
    units = np.array([float(instrument.unit_value) for instrument in result.instruments])
    worth: NDArray[np.float64] = np.nan_to_num(units * result.marks * result.fx)
    return worth


@dataclass(slots=True)
class _Flow:
    """Lots that one side traded and the other did not, as the session has more of them; ``at``: the parting's place."""

    ts: int
    instrument: int
    lots: int
    cash: float
    at: int


class _Fills:
    """Compares the fills of paired orders; ``partings`` grows, and those of decisions are given their money.

    What one side traded and the other did not opens a difference of positions. Its gain or loss, until an opposite
    trade closes it or the last price ends it, belongs to what opened it: first opened, first closed.
    """

    def __init__(self, session: Side, backtest: Side, orders: Orders, partings: list[Parting]) -> None:
        self._was, self._now = _sums(session.result), _sums(backtest.result)
        self._worth = _worth(backtest.result)
        self._refused, self._orders, self._flows = session.refused, orders, list[_Flow]()
        self.partings = partings

    def compare(self) -> None:
        """Find every difference."""
        seen: set[int] = set()
        for number, was in self._was.items():
            other = self._other(number, was)
            if other in self._now:
                seen.add(other)
                self._both(number, was, self._now[other])
            else:
                self._one(number, was, is_session=True)
        twins = {b: a for a, b in self._orders.pairs.items()}
        for number, now in self._now.items():
            if number not in seen:
                self._one(number, now, is_session=False, twin=twins.get(now.parent or number, 0))
        self._close()

    def _other(self, number: int, was: _Sum) -> int:
        """Return the backtest's number of an order; exits are numbered after their entry."""
        pairs = self._orders.pairs
        if number in pairs or was.parent not in pairs:
            return pairs.get(number, 0)
        return pairs[was.parent] + number - was.parent

    def _place(self, key: tuple[bool, int], parent: int, parting: Parting) -> int:
        """Return the place of the decision that an order comes of, where that differed, or of a new parting."""
        because = self._orders.because
        at = because.get(key, because.get((key[0], parent)))
        if at is None:
            self.partings.append(parting)
            return len(self.partings) - 1
        return at

    def _pay(self, at: int, pnl: float) -> None:
        self.partings[at] = replace(self.partings[at], pnl=self.partings[at].pnl + pnl)

    def _one(self, number: int, one: _Sum, *, is_session: bool, twin: int = 0) -> None:
        text, ts = f"{one.lots:+,} at {one.price:.10g}", one.ts
        cause = Cause.FILL_EXTRA if is_session else Cause.FILL_MISSING
        if twin in self._refused:
            ts, reason = self._refused[twin]
            cause, text = Cause.REFUSED, f"{reason}; {text}"
        sign = 1 if is_session else -1
        at = self._place((is_session, number), one.parent, Parting(ts, one.instrument, cause, text))
        self._pay(at, -sign * one.fee)
        self._flows.append(_Flow(one.ts, one.instrument, sign * one.lots, sign * one.cash, at))

    def _both(self, number: int, was: _Sum, now: _Sum) -> None:
        share = was.lots / now.lots
        place = was.ts, was.instrument
        if was.lots != now.lots:
            at = self._place(
                (True, number), was.parent, Parting(*place, Cause.FILL_LOTS, f"{was.lots:+,} / {now.lots:+,}")
            )
            more = was.lots - now.lots
            self._pay(at, -now.fee * (share - 1.0))
            self._flows.append(_Flow(*place, more, now.cash * more / now.lots, at))
        late = f", {(was.ts - now.ts) / 1e9:+,.3f} s" if was.ts != now.ts else ""
        # a commission on value follows the price, one on units does not: what neither explains is another commission
        fees = now.fee * share, now.fee * was.value / now.value
        fee = min(fees, key=lambda expected: abs(was.fee - expected))
        if was.price != now.price:
            text = f"{was.lots:+,} at {was.price:.10g} / {now.price:.10g}{late}"
            pnl = was.cash - now.cash * share - (fee - fees[0])
            self.partings.append(Parting(*place, Cause.FILL_PRICE, text, pnl))
        elif late:  # another rate of exchange, perhaps
            text = f"{was.lots:+,}{late}"
            self.partings.append(Parting(*place, Cause.FILL_TIME, text, was.cash - now.cash * share))
        if abs(was.fee - fee) >= 2.0 / MICRO:  # each is rounded
            text = f"{was.fee:,.4f} / {now.fee:,.4f}"
            self.partings.append(Parting(*place, Cause.COST, text, fee - was.fee))

    def _close(self) -> None:
        """Give each difference of positions its gain."""
        opened: dict[int, deque[_Flow]] = {}
        for flow in sorted(self._flows, key=lambda f: f.ts):
            queue = opened.setdefault(flow.instrument, deque())
            while flow.lots and queue and (queue[0].lots > 0) != (flow.lots > 0):
                first = queue[0]
                lots = min(abs(first.lots), abs(flow.lots))
                self._pay(first.at, _take(first, lots) + _take(flow, lots))
                if not first.lots:
                    queue.popleft()
            if flow.lots:
                queue.append(flow)
        for queue in opened.values():
            for flow in queue:
                self._pay(flow.at, flow.cash + flow.lots * float(self._worth[flow.instrument]))


def _take(flow: _Flow, lots: int) -> float:
    """Take lots out of a flow; return their part of its cash."""
    cash = flow.cash * lots / abs(flow.lots)
    flow.cash -= cash
    flow.lots -= lots if flow.lots > 0 else -lots
    return cash


def _rest(was: BacktestResult, now: BacktestResult) -> list[Parting]:
    """Return what no order made: borrowing, funding, and another last price."""
    found: list[Parting] = []
    end = max((int(r.stamps[-1]) for r in (was, now) if len(r.stamps)), default=0)
    carry = _carried(was) - _carried(now)
    if carry:
        found.append(Parting(end, -1, Cause.CARRY, f"{_carried(was):,.2f} / {_carried(now):,.2f}", carry))
    for j, more in enumerate(was.open_lots * (_worth(was) - _worth(now))):
        if more:
            found.append(Parting(end, j, Cause.MARK, f"{was.marks[j]:.10g} / {now.marks[j]:.10g}", float(more)))
    return found


def _carried(result: BacktestResult) -> float:
    kinds = result.ledger["kind"]
    mine = (kinds == LedgerKind.BORROW) | (kinds == LedgerKind.FUNDING)
    return int(result.ledger["cash_micro"][mine].sum()) / MICRO
