"""Tables a trader can read: candles, an order script, the fills expected.

A test states its rule as a comment, then a table::

    check(
        bars="100 101 99 100 | 102 103 101 102",    # open high low close [volume], bars set apart by | or by lines
        script={0: lambda s: market(s, 10)},        # when bar 0 has closed: buy 10 at the market
        fills="1 buy 10 @ 102 strategy",            # in bar 1: ten at 102, by an order of the strategy
        orders="market buy 10/10 FILLED",           # what the order log says at the end
    )

Bars are numbered from 0 and last ``minutes``. A script's keys are bars of the first instrument, or pairs (symbol, bar).
Ticks are given as ``feed``, one event a line: ``milliseconds quote bid ask bid_size ask_size``,
``milliseconds trade price size aggressor``, ``milliseconds funding rate``; their numbers count the same way.
Every table runs through the compiled loop's path and through the session, which must agree to the bit.
Expected numbers are worked out by hand, never by calling the program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.account import Account
from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Reason, Side
from tradewright.core.types.signal import AttachUnit, SignalVerb
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import AccountParams, plan_of_events
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.risk.limits import Limits
from tradewright.strategies.strategy import Strategy, StrategyParams

NS_PER_MS = 1_000_000
MINUTE = 60_000 * NS_PER_MS
HOUR = 60 * MINUTE
#: Where every table begins: midnight, a trading day's first moment.
START = int(datetime(2024, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000_000

Wish = Callable[[NDArray[np.void]], object]
Key = int | tuple[str, int]

#: One market without costs, on a grid of cents.
PLAIN = Instrument("X")


def with_fees(**fees: float) -> Instrument:
    """`PLAIN` with costs."""
    return replace(PLAIN, fees=FeeModel("table", **fees))


@dataclass(frozen=True)
class Series:
    """Bars of one more instrument. ``start`` is the first bar's opening, in minutes from the table's beginning."""

    instrument: Instrument
    bars: str
    minutes: int = 1
    start: int = 0


@dataclass(frozen=True)
class Setting:
    """What a table is played with."""

    instrument: Instrument = PLAIN
    minutes: int = 1
    others: tuple[Series, ...] = ()
    feed: str = ""
    seen_after_ms: float = 0.0
    cash: float = 100_000.0
    limits: Limits = field(default_factory=Limits)
    venue: SimVenueParams = field(default_factory=SimVenueParams)


@dataclass(frozen=True)
class Outcome:
    """A played table: the result, and the account as each decision saw it, by (symbol, event)."""

    result: BacktestResult
    accounts: dict[tuple[str, int], Account]

    @property
    def cash(self) -> float:
        """Cash at the end, from the ledger."""
        return self.result.initial_cash + int(self.result.ledger["cash_micro"].sum()) / 1e6


def _rows(text: str) -> list[list[str]]:
    """Lines (or parts between bars) of a table as words; what follows # is a remark."""
    lines = [line.split("#")[0] for line in text.replace("|", "\n").splitlines()]
    return [line.split() for line in lines if line.strip()]


def _bars(series: Series) -> Bars:
    """Candles as bars; without a volume column a bar trades 1,000 units."""
    rows = [[float(word) for word in row] for row in _rows(series.bars)]
    fields = np.zeros((N_FIELDS, len(rows)))
    for i, row in enumerate(rows):
        fields[:5, i] = row if len(row) == 5 else [*row, 1000.0]
    ts_open = START + (series.start + np.arange(len(rows), dtype=np.int64) * series.minutes) * MINUTE
    return Bars(series.instrument.symbol, ts_open, ts_open + series.minutes * MINUTE, fields)


def _feed(setting: Setting) -> MarketEvents:
    """Quotes, trades and funding of one instrument."""
    rows = _rows(setting.feed)
    fields = np.zeros((N_FIELDS, len(rows)))
    kind = np.array([EventKind[row[1].upper()] for row in rows], np.int64)
    for i, row in enumerate(rows):
        fields[: len(row) - 2, i] = [float(word) for word in row[2:]]
    ts = np.array([START + round(float(row[0]) * NS_PER_MS) for row in rows], np.int64)
    return MarketEvents(fields, ts, ts, ts + round(setting.seen_after_ms * NS_PER_MS), kind=kind)


def _events(bars: str, setting: Setting) -> tuple[tuple[Instrument, ...], MarketEvents]:
    """Everything that happens, and where."""
    if setting.feed:
        return (setting.instrument,), _feed(setting)
    series = [Series(setting.instrument, bars, setting.minutes), *setting.others]
    return tuple(s.instrument for s in series), MarketEvents.from_bars([_bars(s) for s in series])


def _decisions(instruments: tuple[Instrument, ...], events: MarketEvents) -> list[tuple[str, int]]:
    """(symbol, event of that instrument) of every decision, in order; funding is no occasion to decide."""
    count: dict[str, int] = {}
    decisions = []
    for i in range(len(events)):
        if events.kind is not None and events.kind[i] == EventKind.FUNDING:
            continue
        symbol = instruments[0 if events.instrument is None else int(events.instrument[i])].symbol
        decisions.append((symbol, count.get(symbol, 0)))
        count[symbol] = count.get(symbol, 0) + 1
    return decisions


def play(bars: str, script: Mapping[Key, Wish], setting: Setting | None = None) -> Outcome:
    """Run a table through both paths and return what they agree on."""
    setting = setting or Setting()
    instruments, events = _events(bars, setting)
    decisions = _decisions(instruments, events)
    wishes = {key if isinstance(key, tuple) else (instruments[0].symbol, key): wish for key, wish in script.items()}
    unknown = set(wishes) - set(decisions)
    assert not unknown, f"the script names bars that the table does not have: {unknown}"

    def once(path: Literal["loop", "session"]) -> Outcome:
        accounts: dict[tuple[str, int], Account] = {}

        def decide(row: object, forecast: object, account: Account, params: object, signals: NDArray[np.void]) -> None:
            del row, forecast, params
            now = decisions[len(accounts)]
            # what arrives may be a view of the newest state
            accounts[now] = Account(*(getattr(account, name) for name in Account._fields))
            if now in wishes:
                wishes[now](signals)

        strategy = Strategy("table", StrategyParams, lambda _params: {}, decide, is_compiled=False)
        plan = replace(
            plan_of_events(instruments, events, strategy, StrategyParams()),
            account=AccountParams(setting.cash, "USD"),
            limits=setting.limits,
            venue=setting.venue,
        )
        return Outcome(run_backtest(plan, path), accounts)

    loop, session = once("loop"), once("session")
    for name in ("fills", "orders", "ledger", "stamps", "equity", "exposure"):
        here, there = getattr(loop.result, name), getattr(session.result, name)
        assert here.tobytes() == there.tobytes(), f"{name}: the loop and the session differ"
    # NaN is not equal to itself, its name is
    assert repr(loop.accounts) == repr(session.accounts), f"{loop.accounts}\n{session.accounts}"
    return loop


def fills_of(outcome: Outcome) -> list[tuple[str, int, str, float, float, str]]:
    """Fills as (symbol, bar, side, quantity, price, origin)."""
    result = outcome.result
    return [
        (
            (instrument := result.instruments[int(fill["instrument"])]).symbol,
            int(fill["event"]),
            Side(int(fill["side"])).name.lower(),
            float(int(fill["lots"]) * instrument.lot),
            float(fill["price"]),
            Origin(int(fill["origin"])).name.lower(),
        )
        for fill in result.fills
    ]


def orders_of(outcome: Outcome) -> list[str]:
    """Return the order log as lines ``kind side filled/lots STATUS reason``, in the order they came to be."""
    lines = []
    log = outcome.result.orders
    for order in log[np.lexsort((log["id"], log["ts_created"]))]:
        kind = OrderKind(int(order["kind"])).name.lower()
        side = Side(int(order["side"])).name.lower()
        reason = Reason(int(order["reason"])).name if order["reason"] else ""
        status = OrderStatus(int(order["status"])).name
        lines.append(f"{kind} {side} {order['filled']}/{order['lots']} {status} {reason}".strip())
    return lines


def _expected_fills(text: str, symbol: str) -> list[tuple[str, int, str, float, float, str]]:
    """Read ``[symbol] bar side quantity @ price origin``."""
    fills = []
    for row in _rows(text):
        words = row if not row[0].isdigit() else [symbol, *row]
        fills.append((words[0], int(words[1]), words[2], float(words[3]), float(words[5]), words[6]))
    return fills


def assert_fills(outcome: Outcome, text: str) -> None:
    """Compare fills; prices to one part in 10^12, as costs are multiplied in floating point."""
    expected = _expected_fills(text, outcome.result.instruments[0].symbol)
    found = fills_of(outcome)
    assert [fill[:4] + fill[5:] for fill in found] == [fill[:4] + fill[5:] for fill in expected], found
    prices = [fill[4] for fill in found]
    np.testing.assert_allclose(prices, [fill[4] for fill in expected], rtol=1e-12)


def assert_orders(outcome: Outcome, text: str) -> None:
    """Compare the whole order log."""
    expected = [" ".join(row) for row in _rows(text)]
    found = orders_of(outcome)
    assert found == expected, "\n".join(["", *found])


_CENTRE = 100.0
_SIDES = {"buy": "sell", "sell": "buy"}


def _turned(price: str) -> str:
    """Price as far from 100 on the other side."""
    return repr(round(2 * _CENTRE - float(price), 9))


def _turned_bars(text: str) -> str:
    """Candles reflected in 100: falling for rising, lows for highs."""
    rows = [[_turned(o), _turned(low), _turned(high), _turned(c), *v] for o, high, low, c, *v in _rows(text)]
    return "|".join(" ".join(row) for row in rows)


def _turned_fills(text: str) -> str:
    """Fills reflected in 100."""
    rows = [[bar, _SIDES[side], size, at, _turned(p), *why] for bar, side, size, at, p, *why in _rows(text)]
    return "|".join(" ".join(row) for row in rows)


def _turned_wish(wish: Wish) -> Wish:
    """Wish reflected in 100: sells for buys, prices on the other side."""

    def turned(signals: NDArray[np.void]) -> None:
        wish(signals)
        for signal in signals[: int(np.argmin(signals["verb"] != SignalVerb.NONE))]:
            signal["size"] = -signal["size"]
            names = ["limit", "stop"]
            if signal["attach_unit"] == AttachUnit.PRICE:
                names += ["stop_loss", "take_profit"]
            for name in names:
                signal[name] = 2 * _CENTRE - signal[name]

    return turned


def check_both_sides(
    bars: str, script: Mapping[Key, Wish], *, fills: str = "", orders: str = "", setting: Setting | None = None
) -> None:
    """Check a table without costs, then its mirror image in the price 100: every rule holds long and short alike."""
    check(bars, script, fills=fills, orders=orders, setting=setting)
    turned_orders = "|".join(" ".join(_SIDES.get(word, word) for word in row) for row in _rows(orders))
    turned_script = {key: _turned_wish(wish) for key, wish in script.items()}
    check(_turned_bars(bars), turned_script, fills=_turned_fills(fills), orders=turned_orders, setting=setting)


def check(
    bars: str = "",
    script: Mapping[Key, Wish] | None = None,
    *,
    fills: str = "",
    orders: str | None = None,
    setting: Setting | None = None,
) -> Outcome:
    """Play a table and compare its fills and, where given, its order log."""
    outcome = play(bars, script or {}, setting)
    assert_fills(outcome, fills)
    if orders is not None:
        assert_orders(outcome, orders)
    return outcome
