"""What one connection to Alpaca's stream says, into nouns; holds no socket, so that every line can be tested alone.

Source: docs.alpaca.markets/docs/streaming-market-data and /docs/real-time-stock-pricing-data. Messages come in arrays.
The stream has no sequence numbers: a message that never came cannot be noticed here; history shows it.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tradewright.adapters.alpaca.longer_bars import LongerBars
from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.adapters.alpaca.refusal import STREAM_ADVICE, STREAM_PASSING
from tradewright.adapters.alpaca.request import bar_length
from tradewright.adapters.alpaca.rows import (
    MalformedRowError,
    Wire,
    amount,
    bar_reader,
    codes,
    price,
    read_quote,
    read_trade,
    stamp,
    text,
    trade_key,
)
from tradewright.adapters.alpaca.second_bars import Print, SecondBarBuilder
from tradewright.adapters.websocket import Reconnected
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription
from tradewright.data.timeframe import SECOND, TICK

Event = Bar | Quote | Trade | FeedGap

_MINUTE = 60 * SECOND
_LATEST_TRADES = 20_000  # numbers of trades remembered for each symbol
_FARTHEST_AHEAD = 3600 * SECOND  # a venue's clock cannot be so far ahead of ours
_MOST_REFUSALS = 5  # passing errors in a row

#: Messages that are no market event. A bar is handed over once, at its end: ``u`` is a minute bar that late trades
#: changed half a minute later, ``d`` a day's bar that is not over; both change what was acted upon, and history has
#: the bar as it came out in the end.
_PASSED_OVER = {
    "u": "changed bars",
    "d": "unfinished daily bars",
    "s": "trading status",
    "l": "price bands",
    "i": "order imbalances",
    "o": "order books",
}


@dataclass(slots=True)
class _Symbol:
    """What is wanted of a symbol, and what is remembered of it."""

    wants_trades: bool = False
    wants_quotes: bool = False
    wants_bars: bool = False
    builders: dict[int, SecondBarBuilder] = field(default_factory=dict)
    longer: dict[int, LongerBars] = field(default_factory=dict)
    trades: OrderedDict[tuple[str, int], None] = field(default_factory=OrderedDict)
    bar_open: int = -1
    heard_ns: int = 0

    def begin_at(self, ts: int) -> None:
        """Make no bar of what came before, ns UTC."""
        for builder in self.builders.values():
            builder.begin_at(ts)
        for line in self.longer.values():
            line.begin()


class Listener:
    """One connection's state: login, subscriptions, bars that are being made.

    Parameters
    ----------
    subscriptions : sequence of Subscription
        Of one market: all stocks, or all crypto pairs.
    params : AlpacaParams
        Keys and patience.
    counts : collections.Counter
        Grows by what is not handed over, by reason.

    Raises
    ------
    UsageError
        If the stream does not have what is asked for.
    """

    def __init__(self, subscriptions: Sequence[Subscription], params: AlpacaParams, counts: Counter[str]) -> None:
        self._params, self._counts = params, counts
        self._symbols: dict[str, _Symbol] = {}
        for subscription in subscriptions:
            self._add(subscription)
        self._lost: Reconnected | None = None
        self._is_ready = False
        self._refusals = 0
        self._venue_ns = 0  # the latest time the venue spoke of
        self._replies: list[str] = []

    def hear(self, message: str, now: int) -> list[Event]:
        """Return what a message says; ``now`` is the time of receipt, ns UTC. Afterwards send `replies`.

        Raises
        ------
        SourceError
            If the venue refuses in a way that does not pass.
        """
        events: list[Event] = []
        try:
            parts = json.loads(message)
        except ValueError:
            parts = None
        if not isinstance(parts, list):
            self._counts["unreadable messages"] += 1
            return self._distrust(list(self._symbols), now) if self._is_ready else []
        for part in parts:
            kind = str(part.get("T")) if isinstance(part, dict) else ""
            if kind in {"success", "error", "subscription"}:
                events += self._control(part, now)
            elif kind in _PASSED_OVER:
                self._counts[_PASSED_OVER[kind]] += 1
            else:
                events += self._market(part, now)
        return events + self.closed_bars(now)

    def replies(self) -> list[str]:
        """Return, once, what is to be sent."""
        waiting, self._replies = self._replies, []
        return waiting

    def lose(self, loss: Reconnected) -> list[Event]:
        """Take note of a lost connection; its gap lasts, and is told, until the subscription stands again."""
        self._is_ready = False
        if self._lost is None:
            self._lost = loss
            return self._close_until(loss.ts_from - self._hold_ns)
        return []

    def closed_bars(self, now: int) -> list[Event]:
        """Return the made bars that are over: those of seconds by the venue's time, or on a quiet stream by ours."""
        if not self._is_ready:
            return []
        longer = (line for _, state in sorted(self._symbols.items()) for _, line in sorted(state.longer.items()))
        late = [bar for line in longer for bar in line.close_by(now)]
        until = max(self._venue_ns - self._hold_ns, now - round(self._params.wait_s * SECOND))
        return [*late, *self._close_until(until)]

    @property
    def makes_bars(self) -> bool:
        """Whether bars are made, so that time alone can bring an event."""
        return any(symbol.builders or symbol.longer for symbol in self._symbols.values())

    @property
    def silence_s(self) -> float:
        """How long the stream may be quiet: minute bars alone come once a minute."""
        has_ticks = any(s.wants_trades or s.wants_quotes or s.builders for s in self._symbols.values())
        return self._params.silence_s if has_ticks else self._params.bar_silence_s

    @property
    def _hold_ns(self) -> int:
        return round(self._params.hold_s * SECOND)

    def _add(self, subscription: Subscription) -> None:
        state = self._symbols.setdefault(subscription.symbol, _Symbol())
        if subscription.kind is Kind.BARS:
            length = bar_length(subscription.timeframe)
            if length.interval == _MINUTE:
                state.wants_bars = True
            elif not length.name:
                state.builders[length.interval] = SecondBarBuilder(length.interval)
            else:
                state.longer[length.interval] = LongerBars(length.interval)
        elif subscription.timeframe != TICK:
            what = f"{subscription.kind.value} have no timeframe '{subscription.timeframe}'"
            raise UsageError(what, fix=f"Use {TICK} for quotes and trades.")
        elif subscription.kind is Kind.TRADES:
            state.wants_trades = True
        else:
            state.wants_quotes = True

    def _channels(self) -> dict[str, list[str]]:
        wanted = {
            "trades": [name for name, s in self._symbols.items() if s.wants_trades or s.builders],
            "quotes": [name for name, s in self._symbols.items() if s.wants_quotes],
            "bars": [name for name, s in self._symbols.items() if s.wants_bars or s.longer],
        }
        return {channel: sorted(names) for channel, names in wanted.items() if names}

    def _control(self, part: Wire, now: int) -> list[Event]:
        """Answer the venue's steps of login and subscription."""
        word = part.get("msg")
        if part["T"] == "error":
            self._refuse(part)
        elif part["T"] == "subscription":
            return self._subscribed(part, now)
        elif word == "connected":
            keys = {"key": self._params.key.get_secret_value(), "secret": self._params.secret.get_secret_value()}
            self._replies.append(json.dumps({"action": "auth"} | keys))
        elif word == "authenticated":
            self._replies.append(json.dumps({"action": "subscribe"} | self._channels()))
        return []

    def _refuse(self, part: Wire) -> None:
        """Raise for an error that does not pass, or that has come too often in a row."""
        code, word = part.get("code"), self._params.without_secrets(str(part.get("msg")))
        self._refusals += 1
        self._counts[f"error {code}"] += 1
        if code in STREAM_PASSING and self._refusals < _MOST_REFUSALS:
            return
        fix = (STREAM_ADVICE | STREAM_PASSING).get(code if isinstance(code, int) else 0, "")
        raise SourceError(f"{code} {word}", where="alpaca stream", fix=fix)

    def _subscribed(self, part: Wire, now: int) -> list[Event]:
        for channel, names in self._channels().items():
            missing = sorted(set(names) - set(part.get(channel) or []))
            if missing:
                what = f"the stream does not send the {channel} of {', '.join(missing)}"
                raise SourceError(what, where="alpaca stream", fix="Check the symbols and the plan.")
        self._refusals, self._is_ready = 0, True
        lost, self._lost = self._lost, None
        if lost is not None:
            return self._distrust(list(self._symbols), now, lost)
        for state in self._symbols.values():
            state.heard_ns = now
            state.begin_at(now)
        return []

    def _distrust(self, names: Sequence[str], now: int, lost: Reconnected | None = None) -> list[Event]:
        """Say that messages of some symbols may be missing up to now, and drop the bars they would have been in."""
        gaps: list[Event] = []
        for name in sorted(names):
            state = self._symbols[name]
            reason, begin = ("sequence", state.heard_ns) if lost is None else (lost.reason, lost.ts_from)
            starts = [builder.earliest_open() for builder in state.builders.values()]
            starts += [line.earliest_open() for line in state.longer.values()]
            begin = min([begin, *(start for start in starts if start is not None)])
            gaps.append(FeedGap(name, begin, now, reason))
            state.begin_at(now)
            state.heard_ns = now
        return gaps

    def _market(self, part: object, now: int) -> list[Event]:
        """Return the noun of a market message; one that cannot be read means that something is missing."""
        name = part.get("S") if isinstance(part, dict) else None
        state = self._symbols.get(name) if isinstance(name, str) else None
        try:
            if not isinstance(part, dict) or str(part.get("T")) not in {"t", "q", "b", "c", "x"}:
                msg = "an unknown type"
                raise MalformedRowError(msg)
            if state is None or not isinstance(name, str):
                self._counts["symbols not subscribed to"] += 1
                return []
            ts = stamp(part)
            if ts > now + _FARTHEST_AHEAD:
                msg = "a time in the future"
                raise MalformedRowError(msg)
            events = self._noun(name, state, part, now)
            self._venue_ns = max(self._venue_ns, ts)
        except (MalformedRowError, OverflowError):
            self._counts["malformed messages"] += 1
            return self._distrust([name], now) if state is not None and isinstance(name, str) else []
        state.heard_ns = now
        return events

    def _noun(self, name: str, state: _Symbol, part: Wire, now: int) -> list[Event]:
        kind = part["T"]
        if kind == "t":
            return self._trade(name, state, part, now)
        if kind == "q":
            if part.get("bp") == 0 or part.get("ap") == 0:
                self._counts["quotes with one side only"] += 1
                return []
            row = read_quote(part)
            sides = (float(row[key]) for key in ("bid", "ask", "bid_size", "ask_size"))
            return [Quote(name, int(row["ts_event"]), now, *sides)] if state.wants_quotes else []
        if kind == "b":
            return self._bar(name, state, part, now)
        self._undo(state, part)
        return []

    def _trade(self, name: str, state: _Symbol, part: Wire, now: int) -> list[Event]:
        row = read_trade(part)
        ts, size, cost, side = int(row["ts_event"]), float(row["size"]), float(row["price"]), int(row["aggressor"])
        key = trade_key(part)
        if key:
            if (key, ts) in state.trades:
                self._counts["repeated trades"] += 1
                return []
            state.trades[key, ts] = None
            if len(state.trades) > _LATEST_TRADES:
                state.trades.popitem(last=False)
        for builder in state.builders.values():
            if not builder.push(Print(ts, cost, size, side, str(row["conditions"]), str(row["tape"]), key)):
                self._counts["trades outside an open bar"] += 1
        return [Trade(name, ts, now, cost, size, side)] if state.wants_trades else []

    def _bar(self, name: str, state: _Symbol, part: Wire, now: int) -> list[Event]:
        row = bar_reader(bar_length("1m"), name)(part)
        start = int(row["ts_open"])
        if start <= state.bar_open:
            self._counts["repeated bars"] += 1
            return []
        state.bar_open = start
        values = (float(row[key]) for key in ("open", "high", "low", "close", "volume"))
        bar = Bar(name, start, int(row["ts_event"]), *values)
        longer = [made for _, line in sorted(state.longer.items()) for made in line.push(bar, now)]
        return [bar, *longer] if state.wants_bars else [*longer]

    def _undo(self, state: _Symbol, part: Wire) -> None:
        """Take a cancelled or corrected trade out of bars that are still open; what was handed over stays."""
        is_correction = part["T"] == "c"
        self._counts["corrections" if is_correction else "cancellations"] += 1
        key = trade_key(part, "oi" if is_correction else "i")
        for builder in state.builders.values():
            old = builder.remove(key) if key else None
            if old is not None and is_correction and self._params.is_corrected_kept:
                new = Print(
                    old.ts,
                    price(part, "cp"),
                    amount(part, "cs"),
                    old.aggressor,
                    codes(part, "cc"),
                    text(part, "z"),
                    trade_key(part, "ci"),
                )
                builder.push(new)

    def _close_until(self, ts: int) -> list[Event]:
        """Close bars of seconds, in order of their end, then of symbol."""
        closed = [
            Bar(name, bar.ts_open, bar.ts_event, bar.open, bar.high, bar.low, bar.close, bar.volume)
            for name, state in sorted(self._symbols.items())
            for _, builder in sorted(state.builders.items())
            for bar in builder.close_until(ts)
        ]
        closed.sort(key=lambda bar: bar.ts_event)
        return [*closed]
