"""What Alpaca is asked: symbols, bar lengths, pieces and the query of a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.adapters.alpaca.stamps import midnight_after, text_of
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind
from tradewright.data.ports import Piece, Wanted
from tradewright.data.timeframe import DAY, SECOND, TICK, interval_ns

_MINUTE, _HOUR, _WEEK = 60 * SECOND, 3600 * SECOND, 7 * DAY
_STOCK = re.compile(r"[A-Z][A-Z0-9]*(\.[A-Z0-9]+)*")
_PAIR = re.compile(r"[A-Z0-9]+/[A-Z0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Where the day of a crypto bar may begin; tried in this order. Alpaca has used Chicago.
_CRYPTO_ZONES = ("UTC", "America/Chicago", "America/New_York")


def is_crypto(symbol: str) -> bool:
    """Return whether a symbol is a crypto pair such as ``BTC/USD``."""
    return "/" in symbol


@dataclass(frozen=True, slots=True)
class BarLength:
    """Length of a bar.

    Parameters
    ----------
    interval : int
        ns; of a day or week the nominal length.
    name : str
        As the API names it; empty for bars of seconds, which the API does not have.
    days : int
        Calendar days; 0 for shorter bars.
    """

    interval: int
    name: str
    days: int = 0

    def end_of(self, ts_open: int, symbol: str) -> int | None:
        """Return when a bar is complete, ns UTC; None where ``ts_open`` is not the start of a day and should be."""
        if not self.days:
            return ts_open + self.interval
        if not is_crypto(symbol):
            return midnight_after(ts_open, self.days)
        ends = (midnight_after(ts_open, self.days, zone) for zone in _CRYPTO_ZONES)
        return next((end for end in ends if end is not None), None)


def bar_length(timeframe: str) -> BarLength:
    """Return a timeframe as the API knows it: 1 to 59 minutes, 1 to 23 hours, a day, a week; else bars of seconds.

    Raises
    ------
    UsageError
        For any other length. Bars of seconds must divide the minute, so that they never cross a day.
    """
    interval = interval_ns(timeframe)
    if interval >= _MINUTE and interval % _MINUTE == 0 and interval < _HOUR:
        return BarLength(interval, f"{interval // _MINUTE}Min")
    if interval % _HOUR == 0 and _HOUR <= interval < DAY:
        return BarLength(interval, f"{interval // _HOUR}Hour")
    if interval == DAY:
        return BarLength(interval, "1Day", days=1)
    if interval == _WEEK:
        return BarLength(interval, "1Week", days=7)
    if interval and interval % SECOND == 0 and interval < _MINUTE and _MINUTE % interval == 0:
        return BarLength(interval, "")
    what = f"Alpaca has no bars of {timeframe}"
    fix = "Take 1m to 59m, 1h to 23h, 1d or 1w; of seconds those that divide a minute (1s, 5s, 15s, 30s ...)."
    raise UsageError(what, where="--timeframe", fix=fix)


def check_symbol(symbol: str) -> None:
    """Raise `UsageError` unless a symbol has the form of a stock's or a crypto pair's."""
    if not (_STOCK.fullmatch(symbol) or _PAIR.fullmatch(symbol)):
        what = f"'{symbol}' is not a symbol of Alpaca"
        raise UsageError(what, fix="Write a stock like AAPL or BRK.B, a crypto pair like BTC/USD.")


def check(wanted: Wanted) -> None:
    """Raise `UsageError` unless Alpaca has this kind, timeframe and form of symbol, and the time is in order."""
    check_symbol(wanted.symbol)
    if wanted.kind is Kind.BARS:
        bar_length(wanted.timeframe)
    elif wanted.timeframe != TICK:
        what = f"{wanted.kind.value} have no timeframe '{wanted.timeframe}'"
        raise UsageError(what, where="--timeframe", fix=f"Use {TICK} for quotes and trades.")
    if wanted.end <= wanted.start:
        what = f"nothing lies between {text_of(wanted.start)} and {text_of(wanted.end)}"
        raise UsageError(what, fix="Give an end after the start.")


def is_from_trades(wanted: Wanted) -> bool:
    """Return whether what is wanted are bars of seconds, which are made from trades."""
    return wanted.kind is Kind.BARS and not bar_length(wanted.timeframe).name


def pieces(wanted: Wanted, params: AlpacaParams) -> tuple[Piece, ...]:
    """Return one piece a UTC day for ticks and bars of seconds, a month for minutes, a year for longer bars.

    The first and the last are cut to what is wanted; the key of a piece says its times, so that a cut one is another.
    """
    check(wanted)
    unit = "year"
    if wanted.kind is not Kind.BARS or is_from_trades(wanted):
        unit = "day"
    elif bar_length(wanted.timeframe).interval < _HOUR:
        unit = "month"
    name = wanted.symbol.replace("/", "_")
    market = params.crypto_location if is_crypto(wanted.symbol) else params.feed
    adjusted = [params.adjustment] if wanted.kind is Kind.BARS and not is_crypto(wanted.symbol) else []
    renamed = [params.asof] if params.asof != "-" and not is_crypto(wanted.symbol) else []
    corrected = ["corrected"] if params.is_corrected_kept and unit == "day" and wanted.kind is not Kind.QUOTES else []
    stem = "-".join(
        ["alpaca", market, name, wanted.kind.value, wanted.timeframe, *adjusted, *renamed, *corrected],
    )
    found: list[Piece] = []
    start = wanted.start
    while start < wanted.end:
        end = min(_next_boundary(start, unit), wanted.end)
        found.append(Piece(f"{stem}-{_compact(start)}-{_compact(end)}", start, end))
        start = end
    return tuple(found)


def _next_boundary(ts: int, unit: str) -> int:
    """Return the start of the next UTC day, month or year after a time."""
    if unit == "day":
        return (ts // DAY + 1) * DAY
    now = _EPOCH + timedelta(seconds=ts // SECOND)
    year, month = (now.year + 1, 1) if unit == "year" or now.month == 12 else (now.year, now.month + 1)
    return (datetime(year, month, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) * SECOND


def _compact(ts: int) -> str:
    """Return a time for a key: the date, and no more of the clock than it needs."""
    text = text_of(ts).rstrip("Z").replace("-", "").replace(":", "")
    return text.removesuffix("T000000")


def path_of(symbol: str, rows: str, params: AlpacaParams) -> str:
    """Return the path of an endpoint; ``rows`` is ``bars``, ``trades`` or ``quotes``."""
    return f"/v1beta3/crypto/{params.crypto_location}/{rows}" if is_crypto(symbol) else f"/v2/stocks/{rows}"


def query_of(wanted: Wanted, start: int, end: int, params: AlpacaParams) -> dict[str, str | int]:
    """Return the query of the first page of ``[start, end)``; the API includes both ends, hence one ns less."""
    query: dict[str, str | int] = {
        "symbols": wanted.symbol,
        "start": text_of(start),
        "end": text_of(end - 1),
        "limit": params.page_limit,
        "sort": "asc",
    }
    if not is_crypto(wanted.symbol):
        query |= {"feed": params.feed, "asof": params.asof}
    if wanted.kind is Kind.BARS and not is_from_trades(wanted):
        query["timeframe"] = bar_length(wanted.timeframe).name
        if not is_crypto(wanted.symbol):
            query["adjustment"] = params.adjustment
    return query
