from __future__ import annotations

from itertools import pairwise

import pytest
from tests.venues.binance_venue import at

from tradewright.adapters.binance.params import BinanceParams, Market
from tradewright.adapters.binance.pieces import pieces_of, place_of
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind
from tradewright.data.ports import Wanted

SPOT, FUTURES = BinanceParams(), BinanceParams(market=Market.FUTURES)


def wanted(start: str, end: str, kind: Kind = Kind.BARS, timeframe: str = "1m", symbol: str = "BTCUSDT") -> Wanted:
    return Wanted(symbol, kind, timeframe, at(start), at(end))


def names(request: Wanted, now: str, params: BinanceParams = SPOT) -> list[str]:
    pieces = pieces_of(params, request, at(now))
    assert pieces[0].start == request.start
    assert pieces[-1].end == request.end
    assert all(a.end == b.start for a, b in pairwise(pieces))
    assert len({piece.key for piece in pieces}) == len(pieces)
    places = [place_of(params, request, piece) for piece in pieces]
    return [place.archive.rpartition("/")[2] if place.archive else place.how for place in places]


def test_months_then_days_then_rest() -> None:
    got = names(wanted("2024-11-01", "2025-01-03T07:00"), now="2025-01-10")
    months = ["BTCUSDT-1m-2024-11.zip", "BTCUSDT-1m-2024-12.zip"]
    assert got == [*months, "BTCUSDT-1m-2025-01-01.zip", "BTCUSDT-1m-2025-01-02.zip", "rest"]


def test_a_month_that_is_not_whole_is_made_of_days() -> None:
    assert names(wanted("2024-12-30", "2025-01-01"), now="2025-06-01") == [
        "BTCUSDT-1m-2024-12-30.zip",
        "BTCUSDT-1m-2024-12-31.zip",
    ]


def test_a_month_is_expected_some_days_after_its_end() -> None:
    request = wanted("2024-12-01", "2025-01-01")
    assert len(names(request, now="2025-01-07T23:59:59")) == 31
    assert len(names(request, now="2025-01-08")) == 1


def test_days_that_are_not_whole_are_asked_for_at_both_ends() -> None:
    got = names(wanted("2025-01-01T10:00", "2025-01-03T02:00"), now="2025-01-09")
    assert got == ["rest", "BTCUSDT-1m-2025-01-02.zip", "rest"]


def test_today_and_what_is_to_come_is_one_request() -> None:
    got = names(wanted("2025-01-01", "2027-01-01"), now="2025-01-02T09:00")
    assert got == ["BTCUSDT-1m-2025-01-01.zip", "rest"]


@pytest.mark.parametrize(("kind", "timeframe"), [(Kind.TRADES, "tick"), (Kind.BARS, "1s")])
def test_large_rows_are_never_taken_by_the_month(kind: Kind, timeframe: str) -> None:
    assert len(names(wanted("2024-12-01", "2025-01-01", kind, timeframe), now="2025-06-01")) == 31


def test_paths_are_those_of_the_venue() -> None:
    bars, trades = wanted("2024-12-01", "2025-01-01"), wanted("2024-12-01", "2024-12-02", Kind.TRADES, "tick")
    now = at("2025-06-01")
    paths = [
        place_of(params, request, pieces_of(params, request, now)[0]).archive
        for params, request in ((SPOT, bars), (FUTURES, bars), (SPOT, trades))
    ]
    assert paths == [
        "/data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-12.zip",
        "/data/futures/um/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-12.zip",
        "/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-12-01.zip",
    ]


def test_keys_tell_markets_apart() -> None:
    request, now = wanted("2024-12-01", "2025-01-01"), at("2025-06-01")
    assert [pieces_of(params, request, now)[0].key for params in (SPOT, FUTURES)] == [
        "binance-spot-BTCUSDT-bars-1m-2024-12",
        "binance-futures-BTCUSDT-bars-1m-2024-12",
    ]


@pytest.mark.parametrize(
    ("request_", "params", "match"),
    [
        (wanted("2025-01-01", "2025-01-02", Kind.QUOTES, "tick"), SPOT, "no history of quotes"),
        (wanted("2025-01-01", "2025-01-02", timeframe="7m"), SPOT, "no bars of '7m'"),
        (wanted("2025-01-01", "2025-01-02", timeframe="1s"), FUTURES, "no bars of '1s'"),
        (wanted("2025-01-01", "2025-01-02", Kind.TRADES, "1m"), SPOT, "have no timeframe"),
        (wanted("2025-01-01", "2025-01-02", symbol="btc/usdt"), SPOT, "not a Binance symbol"),
        (wanted("2025-01-01", "2025-01-02", symbol="../x"), SPOT, "not a Binance symbol"),
        (wanted("2025-01-02", "2025-01-02"), SPOT, "before the end"),
    ],
)
def test_what_the_venue_does_not_have(request_: Wanted, params: BinanceParams, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        pieces_of(params, request_, at("2025-06-01"))
