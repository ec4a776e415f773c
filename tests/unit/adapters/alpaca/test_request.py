"""What is asked: symbols, bar lengths, pieces, queries."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.adapters.alpaca.request import bar_length, pieces, query_of
from tradewright.adapters.alpaca.stamps import ns_of
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind
from tradewright.data.ports import Wanted
from tradewright.data.timeframe import DAY

PARAMS = AlpacaParams()


def wanted(start: str, end: str, kind: Kind = Kind.BARS, timeframe: str = "1m", symbol: str = "AAPL") -> Wanted:
    return Wanted(symbol, kind, timeframe, ns_of(f"{start}Z"), ns_of(f"{end}Z"))


@pytest.mark.parametrize(
    ("timeframe", "name"),
    [
        *[("1m", "1Min"), ("59m", "59Min"), ("60m", "1Hour"), ("1h", "1Hour"), ("23h", "23Hour"), ("1d", "1Day")],
        *[("24h", "1Day"), ("1w", "1Week"), ("7d", "1Week"), ("1s", ""), ("30s", ""), ("15s", "")],
    ],
)
def test_lengths_that_alpaca_has(timeframe: str, name: str) -> None:
    assert bar_length(timeframe).name == name


@pytest.mark.parametrize("timeframe", ["7s", "45s", "90s", "500ms", "61m", "25h", "2d", "2w", "tick"])
def test_lengths_that_it_has_not(timeframe: str) -> None:
    with pytest.raises(UsageError, match="no bars of"):
        bar_length(timeframe)


def test_ticks_come_by_the_day_minutes_by_the_month_days_by_the_year() -> None:
    span = ("2023-12-30T12:00:00", "2024-02-02T00:00:00.000000001")
    by_day = pieces(wanted(*span, Kind.TRADES, "tick"), PARAMS)
    assert len(by_day) == 35
    assert len(pieces(wanted(*span, timeframe="1s"), PARAMS)) == 35
    assert [p.key for p in pieces(wanted(*span), PARAMS)] == [
        "alpaca-iex-AAPL-bars-1m-raw-20231230T120000-20240101",
        "alpaca-iex-AAPL-bars-1m-raw-20240101-20240201",
        "alpaca-iex-AAPL-bars-1m-raw-20240201-20240202T000000.000000001",
    ]
    assert [p.key for p in pieces(wanted(*span, timeframe="1d", symbol="BTC/USD"), PARAMS)] == [
        "alpaca-us-BTC_USD-bars-1d-20231230T120000-20240101",
        "alpaca-us-BTC_USD-bars-1d-20240101-20240202T000000.000000001",
    ]


@given(st.integers(0, 4 * 10**18), st.integers(1, 100 * DAY), st.sampled_from(["1s", "1m", "1h", "1d"]))
@settings(max_examples=60)
def test_pieces_touch_and_have_names_of_their_own(start: int, length: int, timeframe: str) -> None:
    found = pieces(Wanted("BRK.B", Kind.BARS, timeframe, start, start + length), PARAMS)
    assert (found[0].start, found[-1].end) == (start, start + length)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", p.key) and p.start < p.end for p in found)
    assert len({p.key for p in found}) == len(found)


def test_a_key_changes_with_what_decides_the_rows() -> None:
    one = wanted("2024-03-07T00:00:00", "2024-03-08T00:00:00")
    changes = [{}, {"feed": "sip"}, {"adjustment": "all"}, {"asof": "2024-03-08"}]
    assert len({pieces(one, AlpacaParams.model_validate(c))[0].key for c in changes}) == len(changes)
    ticks = wanted("2024-03-07T00:00:00", "2024-03-08T00:00:00", Kind.TRADES, "tick")
    kept = AlpacaParams(is_corrected_kept=True)
    assert pieces(ticks, PARAMS)[0].key != pieces(ticks, kept)[0].key


@pytest.mark.parametrize("symbol", ["", "aapl", "BTC-USD", "BTC/USD/EUR", "AAPL ", "../x", "A?b=c"])
def test_what_is_no_symbol_is_refused(symbol: str) -> None:
    with pytest.raises(UsageError, match="not a symbol"):
        pieces(wanted("2024-03-07T00:00:00", "2024-03-08T00:00:00", symbol=symbol), PARAMS)


def test_kinds_and_times_are_checked() -> None:
    with pytest.raises(UsageError, match="no timeframe"):
        pieces(wanted("2024-03-07T00:00:00", "2024-03-08T00:00:00", Kind.TRADES, "1m"), PARAMS)
    with pytest.raises(UsageError, match="nothing lies between"):
        pieces(wanted("2024-03-08T00:00:00", "2024-03-08T00:00:00"), PARAMS)


def test_a_query_ends_one_ns_earlier_because_the_api_includes_the_end() -> None:
    one = wanted("2024-03-07T00:00:00", "2024-03-08T00:00:00")
    query = query_of(one, one.start, one.end, PARAMS)
    assert query["start"] == "2024-03-07T00:00:00Z"
    assert query["end"] == "2024-03-07T23:59:59.999999999Z"
    assert (query["timeframe"], query["adjustment"], query["feed"], query["asof"]) == ("1Min", "raw", "iex", "-")
    pair = wanted("2024-03-07T00:00:00", "2024-03-08T00:00:00", symbol="BTC/USD")
    assert not {"feed", "adjustment", "asof"} & set(query_of(pair, pair.start, pair.end, PARAMS))


@pytest.mark.parametrize(
    ("opening", "hour"), [("2024-01-05", 6), ("2024-07-05", 5), ("2024-07-05", 0), ("2024-01-05", 5), ("2024-07-05", 4)]
)
def test_a_crypto_day_ends_a_day_later_in_the_zone_where_it_began(opening: str, hour: int) -> None:
    start = int(datetime.fromisoformat(opening).replace(hour=hour, tzinfo=UTC).timestamp()) * 10**9
    assert bar_length("1d").end_of(start, "BTC/USD") == start + DAY


def test_a_day_that_begins_at_noon_is_none() -> None:
    assert bar_length("1d").end_of(ns_of("2024-03-07T12:00:00Z"), "BTC/USD") is None
    assert bar_length("1d").end_of(ns_of("2024-03-07T00:00:00Z"), "AAPL") is None
