"""Which archives and which requests make up a stretch of history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from tradewright.adapters.binance.params import BinanceParams
from tradewright.adapters.binance.request import check_symbol, check_timeframe
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind
from tradewright.data.ports import Piece, Wanted
from tradewright.data.timeframe import DAY, SECOND

_EPOCH = date(1970, 1, 1)
_MONTH, _ONE_DAY, _REST = "monthly", "daily", "rest"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece is fetched: ``monthly`` or ``daily`` archive with its path, or ``rest`` with an empty one."""

    how: str
    archive: str


def pieces_of(params: BinanceParams, wanted: Wanted, now_ns: int) -> tuple[Piece, ...]:
    """Return the pieces of a stretch, in order: whole finished months, whole finished days, and requests for the rest.

    Trades and one-second bars are never taken by the month: a month of them is several GB in memory.

    Raises
    ------
    UsageError
        If the market does not have this symbol form, kind or timeframe, or the stretch is empty.
    """
    check_symbol(wanted.symbol)
    if wanted.kind is Kind.QUOTES:
        what = "Binance publishes no history of quotes"
        raise UsageError(what, fix="Record them live, or take bars or trades.")
    check_timeframe(params, wanted.kind, wanted.timeframe)
    if not 0 <= wanted.start < wanted.end:
        what = "the start must lie before the end"
        raise UsageError(what, where=f"{wanted.start} to {wanted.end}")
    has_months = wanted.kind is Kind.BARS and wanted.timeframe != "1s"
    found: list[Piece] = []
    at = wanted.start
    while at < wanted.end:
        day = _EPOCH + timedelta(days=at // DAY)
        after_month, after_day = _ns(_next_month(day)), (at // DAY + 1) * DAY
        is_month = has_months and at == _ns(day.replace(day=1)) and after_month <= wanted.end
        if is_month and after_month + params.month_lag_days * DAY <= now_ns:
            found.append(_piece(params, wanted, at, after_month, f"{day:%Y-%m}"))
            at = after_month
            continue
        if at % DAY == 0 and after_day <= min(wanted.end, now_ns):
            found.append(_piece(params, wanted, at, after_day, f"{day:%Y-%m-%d}"))
            at = after_day
            continue
        end = min(wanted.end, after_day) if after_day <= now_ns else wanted.end  # nothing is known of days to come
        found.append(_piece(params, wanted, at, end, f"{_REST}-{at}-{end}"))
        at = end
    return tuple(found)


def place_of(params: BinanceParams, wanted: Wanted, piece: Piece) -> Place:
    """Return where a piece of `pieces_of` is fetched."""
    when = piece.key.removeprefix(_prefix(params, wanted))
    if when.startswith(_REST):
        return Place(_REST, "")
    how = _MONTH if len(when) == len("2024-01") else _ONE_DAY
    series = "klines" if wanted.kind is Kind.BARS else "aggTrades"
    if wanted.kind is Kind.BARS:
        folder, name = f"{wanted.symbol}/{wanted.timeframe}", f"{wanted.symbol}-{wanted.timeframe}-{when}.zip"
    else:
        folder, name = wanted.symbol, f"{wanted.symbol}-aggTrades-{when}.zip"
    return Place(how, f"/{params.rules.archive_path}/{how}/{series}/{folder}/{name}")


def ends_before(params: BinanceParams, now_ns: int) -> int:
    """Return the time, ns, by which a row must have ended so that it will not change any more."""
    return now_ns - int(params.settle_s * SECOND)


def _prefix(params: BinanceParams, wanted: Wanted) -> str:
    return f"binance-{params.market}-{wanted.symbol}-{wanted.kind}-{wanted.timeframe}-"


def _piece(params: BinanceParams, wanted: Wanted, start: int, end: int, when: str) -> Piece:
    return Piece(_prefix(params, wanted) + when, start, end)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND
