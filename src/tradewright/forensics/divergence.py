"""Divergence: a session beside a fresh backtest of the same hours, every difference with its cause and its money.

The money is exact book-keeping. A side's last equity is its first, plus what each fill brought in cash and is worth at
the last price, less commission, plus borrowing and funding. So the difference of the two last equities is the sum over
orders of the differences of these; what the sum leaves over is shown as unexplained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.ledger import LedgerKind
from tradewright.engine.backtest import BacktestResult
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.memory import MICRO
from tradewright.engine.plan import BacktestPlan
from tradewright.forensics.parting import Cause, Orders, Parting, walk
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


#: What the backtest is given: the plan, and the market as the session saw it.
Fresh = tuple[BacktestPlan, Sequence[MarketRow]]


def diverge(records: Iterable[JournalRecord], program: Program, fresh: Fresh | None = None) -> Divergence:
    """Compare the newest lineage of a journal with a fresh backtest.

    Parameters
    ----------
    records : iterable of JournalRecord
        The whole journal.
    program : Program
        What the session was.
    fresh : tuple, optional
        Another plan and another market for the backtest; otherwise the session's own.

    Raises
    ------
    UsageError, StoreError
        As `retold`.
    """
    session, rows, begun = side_of_journal(records, program)
    plan, market = (program.plan(begun), rows) if fresh is None else fresh
    backtest = side_of_backtest(plan, market)
    names = tuple(plan.strategy.features(plan.params))
    partings, orders = walk(session, backtest, names)
    partings += _Fills(session, backtest, orders, partings).partings()
    partings += _rest(session.result, backtest.result)
    partings = _rooted(sorted(partings, key=lambda p: p.ts))
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
            one = replace(parting, cause=root.cause, detail=f"follows {np.datetime64(root.ts, 's')}; {parting.detail}")
        elif parting.cause not in (Cause.EVENT, Cause.MISSING_EVENT, Cause.EXTRA_EVENT) or last is None:
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


class _Fills:
    """Compares the fills of paired orders."""

    def __init__(self, session: Side, backtest: Side, orders: Orders, before: list[Parting]) -> None:
        self._was, self._now = _sums(session.result), _sums(backtest.result)
        self._worth = _worth(backtest.result)
        self._refused, self._orders, self._before = session.refused, orders, before

    def partings(self) -> list[Parting]:
        """Return the differences; what a decision led to is added to that one's money."""
        found: list[Parting] = []
        seen: set[int] = set()
        for number, was in self._was.items():
            other = self._other(number, was)
            if other in self._now:
                seen.add(other)
                found += self._both(number, was, self._now[other])
            else:
                found += self._one(number, was, is_session=True)
        twins = {b: a for a, b in self._orders.pairs.items()}
        for number, now in self._now.items():
            if number not in seen:
                found += self._one(number, now, is_session=False, twin=twins.get(number, 0))
        return found

    def _other(self, number: int, was: _Sum) -> int:
        """Return the backtest's number of an order; exits are numbered after their entry."""
        pairs = self._orders.pairs
        if number in pairs or was.parent not in pairs:
            return pairs.get(number, 0)
        return pairs[was.parent] + number - was.parent

    def _gain(self, one: _Sum) -> float:
        return one.cash - one.fee + one.lots * float(self._worth[one.instrument])

    def _charge(self, key: tuple[bool, int], parent: int, pnl: float) -> bool:
        """Add money to the decision that an order comes of, where that differed."""
        because = self._orders.because
        at = because.get(key, because.get((key[0], parent)))
        if at is None:
            return False
        self._before[at] = replace(self._before[at], pnl=self._before[at].pnl + pnl)
        return True

    def _one(self, number: int, one: _Sum, *, is_session: bool, twin: int = 0) -> list[Parting]:
        pnl = self._gain(one) if is_session else -self._gain(one)
        if self._charge((is_session, number), one.parent, pnl):
            return []
        text = f"{one.lots:+,} at {one.price:.10g}"
        if twin in self._refused:
            return [Parting(one.ts, one.instrument, Cause.REFUSED, f"{self._refused[twin]}; {text}", pnl)]
        cause = Cause.FILL_EXTRA if is_session else Cause.FILL_MISSING
        return [Parting(one.ts, one.instrument, cause, text, pnl)]

    def _both(self, number: int, was: _Sum, now: _Sum) -> list[Parting]:
        share = was.lots / now.lots
        more = (was.lots - now.lots) * (now.cash / now.lots + float(self._worth[was.instrument])) - now.fee * (share - 1.0)
        found: list[Parting] = []
        if was.lots != now.lots and not self._charge((True, number), was.parent, more):
            text = f"{was.lots:+,} / {now.lots:+,}"
            found.append(Parting(was.ts, was.instrument, Cause.FILL_LOTS, text, more))
        late = f", {(was.ts - now.ts) / 1e9:+,.3f} s" if was.ts != now.ts else ""
        if was.price != now.price:
            text = f"{was.lots:+,} at {was.price:.10g} / {now.price:.10g}{late}"
            found.append(Parting(was.ts, was.instrument, Cause.FILL_PRICE, text, was.cash - now.cash * share))
        elif late:
            found.append(Parting(was.ts, was.instrument, Cause.FILL_TIME, f"{was.lots:+,}{late}"))
        dearer = was.fee - now.fee * share
        if abs(dearer) >= 1.0 / MICRO:
            found.append(Parting(was.ts, was.instrument, Cause.COST, f"{was.fee:,.4f} / {now.fee:,.4f}", -dearer))
        return found


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
