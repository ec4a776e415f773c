"""Rows by hand: every rule that refuses one, and both units of time."""

from __future__ import annotations

import math

import pytest
from tests.venues.binance_venue import at

from tradewright.adapters.binance.rows import Cleaned, clean
from tradewright.data.kinds import Kind, schema
from tradewright.data.ports import Piece, Wanted

DAY = Piece("day", at("2025-01-01"), at("2025-01-02"))
BARS = Wanted("BTCUSDT", Kind.BARS, "1m", DAY.start, DAY.end)
TRADES = Wanted("BTCUSDT", Kind.TRADES, "tick", DAY.start, DAY.end)
LATER = at("2030-01-01")
T = DAY.start // 1_000_000  # ms

BAR = f"{T},10.5,11.0,10.0,10.75,3.5,{T + 59_999},36.75,42,1.25,13.1,0"
NEXT = f"{T + 60_000},10.75,11,10.5,11,2,{T + 119_999},22,7,0,0,0"
TRADE = f"7,10.5,0.25,20,21,{T + 5},True"


def bars(*lines: str, settled_ns: int = LATER, overshoots: bool = False) -> Cleaned:
    return clean(BARS, DAY, lines, settled_ns=settled_ns, overshoots=overshoots)


def trades(*lines: str, overshoots: bool = False) -> Cleaned:
    return clean(TRADES, DAY, lines, settled_ns=LATER, overshoots=overshoots)


def test_a_bar() -> None:
    got = bars(BAR)
    assert got.frame.schema == schema(Kind.BARS)
    assert got.frame.row(0, named=True) == {
        "ts_open": DAY.start,
        "ts_event": DAY.start + 60_000_000_000,
        "ts_seen": DAY.start + 60_000_000_000,
        "open": 10.5,
        "high": 11.0,
        "low": 10.0,
        "close": 10.75,
        "volume": 3.5,
        "trades": 42.0,
        "buy_volume": 1.25,
    }
    assert (len(got.quarantined), got.notes) == (0, ())


def test_microseconds_are_told_by_their_size() -> None:
    fields = BAR.split(",")
    fields[0], fields[6] = f"{T}000", f"{T + 59_999}999"
    assert bars(",".join(fields)).frame.equals(bars(BAR).frame)


def test_a_header_is_no_row() -> None:
    header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,x,ignore"
    assert bars(header, BAR).frame.equals(bars(BAR).frame)
    assert len(bars(header, BAR).quarantined) == 0
    assert len(trades("agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,m", TRADE).frame) == 1
    assert len(bars("anything," + BAR.partition(",")[2]).quarantined) == 1


def test_no_rows() -> None:
    assert bars().frame.schema == schema(Kind.BARS)
    assert trades().frame.schema == schema(Kind.TRADES)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({0: "x"}, "milliseconds or microseconds"),
        ({0: str(10**18)}, "milliseconds or microseconds"),
        ({0: "-5"}, "milliseconds or microseconds"),
        ({1: "n/a"}, "not a number"),
        ({1: ""}, "not a number"),
        ({5: "NaN"}, "not a number"),
        ({2: "inf"}, "not a number"),
        ({3: "0"}, "not above zero"),
        ({3: "-1"}, "not above zero"),
        ({5: "-1"}, "below zero"),
        ({8: "-1"}, "below zero"),
        ({2: "10.6"}, "do not enclose"),
        ({3: "10.6"}, "do not enclose"),
        ({0: str(T + 1)}, "beginning of a bar"),
        ({6: str(T + 299_999)}, "not a bar of this length"),
        ({6: str(T - 1)}, "not a bar of this length"),
        ({0: str(T - 60_000), 6: str(T - 1)}, "outside the piece"),
        ({0: str(T + 86_400_000), 6: str(T + 86_459_999)}, "outside the piece"),
    ],
)
def test_a_bar_that_is_refused(change: dict[int, str], reason: str) -> None:
    fields = BAR.split(",")
    for i, value in change.items():
        fields[i] = value
    line = ",".join(fields)
    got = bars(NEXT, line)
    assert len(got.frame) == 1
    assert got.quarantined["row"].to_list() == [line]
    assert reason in got.quarantined["reason"][0]


@pytest.mark.parametrize("line", ["", "1,2,3", BAR + ",1", BAR.rpartition(",")[0], '{"a":1}'])
def test_another_number_of_columns_is_refused(line: str) -> None:
    got = bars(BAR, line)
    assert got.quarantined["row"].to_list() == [line]
    assert "columns instead of 12" in got.quarantined["reason"][0]


def test_a_bar_that_the_venue_closed_early_is_one() -> None:
    fields = BAR.split(",")
    fields[6] = str(T + 30_000)
    assert len(bars(",".join(fields)).frame) == 1


def test_repetitions_are_removed_and_contradictions_refused() -> None:
    contrary = NEXT.replace(",11,10.5", ",12,10.5")
    got = bars(BAR, NEXT, BAR, contrary, NEXT.replace("22,7", "22.000,7"))
    assert got.frame.equals(bars(BAR, NEXT).frame)
    assert got.quarantined["row"].to_list() == [contrary]
    assert got.quarantined["reason"].to_list() == ["repeats a row with other content"]
    assert "2 repeated rows removed" in got.notes


def test_disorder_is_sorted_and_said() -> None:
    got = bars(NEXT, BAR)
    assert got.frame.equals(bars(BAR, NEXT).frame)
    assert got.notes == ("rows came out of order and were sorted",)


def test_what_is_not_final_is_left_out() -> None:
    got = bars(BAR, NEXT, settled_ns=DAY.start + 119_999_999_999)
    assert got.frame.equals(bars(BAR).frame)
    assert got.notes == ("1 rows that are not final yet left out",)
    assert len(bars(BAR, NEXT, settled_ns=DAY.start + 120_000_000_000).frame) == 2


def test_what_was_not_asked_for_may_be_rightful() -> None:
    before = BAR.replace(str(T), str(T - 60_000)).replace(str(T + 59_999), str(T - 1))
    got = bars(before, BAR, overshoots=True)
    assert got.frame.equals(bars(BAR).frame)
    assert len(got.quarantined) == 0
    assert got.notes == ("1 rows beyond what was asked for left out",)
    assert got.span == (DAY.start - 60_000_000_000, DAY.start)


@pytest.mark.parametrize(("maker", "aggressor"), [("True", -1.0), ("true", -1.0), ("False", 1.0), ("false", 1.0)])
def test_a_trade(maker: str, aggressor: float) -> None:
    got = trades(TRADE.replace("True", maker), f"8,10.5,1,22,22,{T + 5},{maker},True")
    assert got.frame.schema == schema(Kind.TRADES)
    assert got.frame.row(0, named=True) == {
        "ts_open": DAY.start + 5_000_000,
        "ts_event": DAY.start + 5_000_000,
        "ts_seen": DAY.start + 5_000_000,
        "price": 10.5,
        "size": 0.25,
        "aggressor": aggressor,
    }
    assert len(got.frame) == 2
    assert set(got.keys) == {7, 8}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"x,10.5,0.25,20,21,{T},True", "id is not a number"),
        (f"9,-,0.25,20,21,{T},True", "not a number"),
        (f"9,10.5,0.25,20,21,{T},maybe", "not a number"),
        (f"9,0,0.25,20,21,{T},True", "not above zero"),
        (f"9,10.5,0,20,21,{T},True", "not above zero"),
        ("9,10.5,1,20,21,x,True", "milliseconds"),
        (f"9,10.5,1,20,21,{T - 1},True", "outside"),
        ("9,10.5", "columns instead of 7"),
    ],
)
def test_a_trade_that_is_refused(line: str, reason: str) -> None:
    got = trades(TRADE, line)
    assert len(got.frame) == 1
    assert got.quarantined["row"].to_list() == [line]
    assert reason in got.quarantined["reason"][0]
    assert set(got.keys) == {7}


def test_placeholders_of_withdrawn_trades_keep_their_ids() -> None:
    got = trades(TRADE, f"8,0,0,-1,-1,{T + 6},True", f"9,10.5,1,30,30,{T + 7},False")
    assert len(got.frame) == 2
    assert set(got.keys) == {7, 8, 9}
    assert "placeholders" in got.notes[0]
    assert len(got.quarantined) == 0


def test_trades_of_one_moment_keep_the_order_of_their_ids() -> None:
    lines = [f"{i},{10 + i},1,{i},{i},{T},True" for i in range(20)]
    assert trades(*reversed(lines)).frame["price"].to_list() == [10.0 + i for i in range(20)]


def test_nothing_unknown_is_invented() -> None:
    assert not any(math.isnan(value) for value in bars(BAR).frame.row(0))
