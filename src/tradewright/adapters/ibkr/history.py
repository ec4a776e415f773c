"""History of bars and ticks from Interactive Brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from ib_async import Contract

from tradewright.adapters.ibkr.bar_sizes import TICK_SPAN_NS, BarSize, bar_size, duration_text
from tradewright.adapters.ibkr.gateway import Ask, Fields, Gateway, Sleep, Wire
from tradewright.adapters.ibkr.pacing import PacedRequest, Pacer
from tradewright.adapters.ibkr.params import IbkrParams
from tradewright.adapters.ibkr.rows import BAR_FIELDS, TICK_FIELDS, bar_frame, read_bars, read_ticks, tick_frame
from tradewright.adapters.ibkr.symbols import ContractSpec, parse_symbol
from tradewright.adapters.ibkr.trading_day import trading_day
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.data.kinds import Kind
from tradewright.data.ports import Fetched, Piece, Wanted, spans
from tradewright.data.timeframe import SECOND, TICK

#: A span counts as final once it ended this long ago: late prints and corrections come within minutes.
_SETTLED_NS = 300 * SECOND
_SESSION_STEP_S = 900  # sessions begin on quarters of an hour
_TICK_NAMES = {Kind.TRADES: "TRADES", Kind.QUOTES: "BID_ASK"}


class IbkrHistory:
    """The port `HistorySource` over TWS or IB Gateway; one object serves one event loop.

    Bars are TRADES, MIDPOINT and so on as `IbkrParams.what_to_show` says; with BID_ASK a bar's open is the average
    bid, its low the lowest bid, its high the highest ask and its close the average ask. Volume is in the venue's
    units, 0 where it has none. Ticks carry the venue's time, whole seconds.

    Parameters
    ----------
    params : IbkrParams
        Where the gateway is and what to ask.
    now_ns : callable
        The time now, ns UTC: bars that are not over yet are left out.
    sleep : callable
        Coroutine function that waits for some seconds, between attempts.
    pacer : Pacer, optional
        Limits of requests; give the same one to all sources that share a login.
    """

    def __init__(
        self,
        params: IbkrParams,
        *,
        now_ns: Callable[[], int],
        sleep: Sleep = asyncio.sleep,
        pacer: Pacer | None = None,
    ) -> None:
        self._params = params
        self._now_ns = now_ns
        self._gateway = Gateway(params, pacer or Pacer(sleep=sleep), sleep=sleep)

    @property
    def name(self) -> str:
        """Name of the vendor."""
        return "ibkr"

    def pieces(self, wanted: Wanted) -> tuple[Piece, ...]:
        """Return the pieces: multiples of one request's reach since 1970, cut to what is wanted.

        Raises
        ------
        UsageError
            If the symbol, the kind or the timeframe is not offered.
        """
        spec = parse_symbol(wanted.symbol, self._params)
        if wanted.kind is Kind.BARS:
            span, what = bar_size(wanted.timeframe).span, spec.what_to_show(self._params)
            if self._params.calendar is not None:  # places bars, so it decides content
                what += f"_{_safe(self._params.calendar.zone)}.{self._params.calendar.day_start:%H%M}"
        else:
            _check_ticks(wanted, spec)
            span, what = TICK_SPAN_NS, _TICK_NAMES[wanted.kind]
        hours = "rth" if self._params.use_rth else "all"
        head = f"{_safe(spec.label)}_{wanted.kind.value}_{wanted.timeframe}_{what}_{hours}"
        return tuple(Piece(f"{head}_{_key_time(a)}_{_key_time(b)}", a, b) for a, b in spans(wanted, span))

    async def fetch(self, wanted: Wanted, piece: Piece) -> Fetched:
        """Fetch one piece.

        Raises
        ------
        UsageError
            As `pieces`.
        SourceError
            If the gateway is not there, or Interactive Brokers refuses or keeps failing.
        """
        spec = parse_symbol(wanted.symbol, self._params)
        if wanted.kind is Kind.BARS:
            return await self._fetch_bars(spec, bar_size(wanted.timeframe), piece)
        _check_ticks(wanted, spec)
        return await self._fetch_ticks(spec, wanted.kind, piece)

    async def close(self) -> None:
        """End the connection."""
        await self._gateway.close()

    async def _fetch_bars(self, spec: ContractSpec, size: BarSize, piece: Piece) -> Fetched:
        now, what = self._now_ns(), spec.what_to_show(self._params)
        contract, calendar = await self._contract(spec)
        reach = min(_up(piece.end, size.interval) + size.margin, _up(now, SECOND))
        if spec.sec_type == "CONTFUT":
            reach = _up(now, SECOND)  # it takes no end date
        origin = f"ibkr reqHistoricalData {spec.label} {size.setting} {what}"
        raw: list[Fields] = []
        if piece.start < now:
            first = piece.start // size.interval * size.interval - (size.margin if size.is_daily else 0)
            raw = await self._gateway.rows(self._ask_bars(spec, contract, size, (first, reach)))
        read = read_bars(raw, is_daily=size.is_daily)
        frame = bar_frame(read, size.interval, calendar)
        inside = (frame["ts_open"] >= piece.start) & (frame["ts_open"] < piece.end)
        is_over = frame["ts_event"] <= now
        outside, open_still = int((~inside).sum()), int((inside & ~is_over).sum())
        notes = [*read.notes]
        if not raw:
            notes.append("no data in this span")
        if outside:
            notes.append(f"{outside} rows outside the piece left to their own piece")
        if open_still:
            notes.append(f"{open_still} unfinished bars left out")
        return Fetched(
            frame.filter(inside & is_over),
            origin,
            is_final=_up(piece.end, size.interval) + size.margin + _SETTLED_NS <= now,
            quarantined=read.quarantined(),
            notes=tuple(notes),
        )

    def _ask_bars(self, spec: ContractSpec, contract: Contract, size: BarSize, span: tuple[int, int]) -> Ask:
        """Return the request for bars within ``span``, ns."""
        what = spec.what_to_show(self._params)
        first, last = span
        end = _stamp(last)
        if spec.sec_type == "CONTFUT":
            end = ""  # anything else is refused with code 10339
            if last - first > size.span + 2 * size.margin:
                text = "a continuous future reaches back from now, and not so far in one request"
                fix = f"Name the month, for example {spec.symbol}@202612, or fetch longer bars."
                raise SourceError(text, where=f"ibkr {spec.label}", fix=fix)
        length = duration_text(last - first)
        rth = self._params.use_rth

        def send(wire: Wire, req_id: int) -> None:
            wire.reqHistoricalData(req_id, contract, end, length, size.setting, what, rth, 2, False, [])

        identity = f"bars {spec.label} {end} {length} {size.setting} {what} {rth}"
        group = f"{spec.label} {what}"
        paced = PacedRequest(identity, group, 2 if what == "BID_ASK" else 1, is_small=size.is_small)
        return Ask(send, len(BAR_FIELDS), paced, spec.label)

    async def _fetch_ticks(self, spec: ContractSpec, kind: Kind, piece: Piece) -> Fetched:
        contract, _ = await self._contract(spec)
        first, last = piece.start // SECOND, -(-piece.end // SECOND)
        rows: list[Fields] = []
        notes: list[str] = []
        now = self._now_ns()
        last = min(last, now // SECOND)  # the running second is not complete
        at = first
        while at < last:
            page = await self._page(spec, contract, kind, at)
            inside = [row for row in page if _second(row) < last and not 0 <= _second(row) < at]
            if page and not inside:
                break  # the next session begins after the piece
            if not page:
                at = await self._next_session(spec, contract, kind, (at, last))
                continue
            newest = max(_second(row) for row in page)
            oldest = min((_second(row) for row in page if _second(row) >= 0), default=-1)
            if newest < at:
                what = f"a page of {len(page)} ticks asked for from {_stamp(at * SECOND)} has none that can be used"
                fix = f"Try again later; the first row received was {','.join(page[0])}."
                raise SourceError(what, where=f"ibkr {spec.label}", fix=fix)
            is_full = len(page) >= self._params.page_ticks
            if is_full and newest > oldest:
                # asked again from its beginning: nothing of a second that straddles two pages is lost or doubled
                inside = [row for row in inside if _second(row) != newest]
                at = newest
            else:
                at = newest + 1
            rows += inside
        read = read_ticks(rows, kind)
        if not rows:
            notes.append("no data in this span")
        frame = tick_frame(read, kind)
        keep = (frame["ts_event"] >= piece.start) & (frame["ts_event"] < piece.end)
        return Fetched(
            frame.filter(keep),
            f"ibkr reqHistoricalTicks {spec.label} {_TICK_NAMES[kind]}",
            is_final=piece.end + _SETTLED_NS <= now,
            quarantined=read.quarantined(),
            notes=tuple(read.notes + notes),
        )

    async def _next_session(self, spec: ContractSpec, contract: Contract, kind: Kind, span: tuple[int, int]) -> int:
        """Return where to go on when nothing follows within the session; the span's end if nothing is left at all.

        One request does not return ticks of several sessions. Asking backwards from the end tells whether another
        session begins within the span.
        """
        at, last = span
        tail = await self._page(spec, contract, kind, last, is_backward=True)
        if any(at <= _second(row) < last for row in tail):
            return (at // _SESSION_STEP_S + 1) * _SESSION_STEP_S
        return last

    async def _page(
        self, spec: ContractSpec, contract: Contract, kind: Kind, at: int, *, is_backward: bool = False
    ) -> list[Fields]:
        """Return one page of ticks from second ``at`` on, or before it."""
        what, count, rth = _TICK_NAMES[kind], self._params.page_ticks, self._params.use_rth
        moment = _stamp(at * SECOND)
        start, end = ("", moment) if is_backward else (moment, "")

        def send(wire: Wire, req_id: int) -> None:
            wire.reqHistoricalTicks(req_id, contract, start, end, count, what, rth, False, [])

        identity = f"ticks {spec.label} {start} {end} {what} {rth}"
        group = f"{spec.label} {what}"
        paced = PacedRequest(identity, group, 2 if kind is Kind.QUOTES else 1, is_small=True)
        return await self._gateway.rows(Ask(send, len(TICK_FIELDS[kind]), paced, spec.label))

    async def _contract(self, spec: ContractSpec) -> tuple[Contract, Calendar]:
        details = await self._gateway.contract(spec)
        contract = details.contract
        assert contract is not None  # noqa: S101  # the gateway put it there
        calendar = self._params.calendar or trading_day(details.timeZoneId, details.tradingHours, spec.label)
        return contract, calendar


def _check_ticks(wanted: Wanted, spec: ContractSpec) -> None:
    if wanted.timeframe != TICK:
        what = f"{wanted.kind.value} have no timeframe, but {wanted.timeframe} was given"
        raise UsageError(what, where="ibkr timeframe", fix="Give tick.")
    if wanted.kind is Kind.TRADES and spec.sec_type == "CASH":
        what = "currencies have no trades at Interactive Brokers, only quotes"
        raise UsageError(what, where=f"ibkr {spec.label}", fix="Fetch quotes, or bars of MIDPOINT.")


def _up(moment: int, step: int) -> int:
    return -(-moment // step) * step


def _stamp(moment: int) -> str:
    """Return a moment, ns, in the interface's form of UTC: ``20260131-14:30:00``."""
    return datetime.fromtimestamp(moment // SECOND, tz=UTC).strftime("%Y%m%d-%H:%M:%S")


def _key_time(moment: int) -> str:
    rest = moment % SECOND
    return _stamp(moment).replace(":", "") + (f".{rest:09d}" if rest else "")


def _safe(text: str) -> str:
    """Return a text of letters, digits, point and hyphen; anything else is written by its number."""
    return "".join(c if c.isalnum() or c in ".-" else f"_{ord(c):x}" for c in text)


def _second(row: Fields) -> int:
    """Return the second of a tick, or -1 where it cannot be read (the row is quarantined later)."""
    return int(row[0]) if row[0].isascii() and row[0].isdigit() else -1
