"""History of a local Binance: with every fault the same frames as without, or an error that says what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache

import polars as pl
import pytest
from tests.venues.binance_venue import ROW_FAULTS, BinanceVenue, at
from tests.venues.faults import HTTP_FAULTS, Fault, any_request_may_fail

from tradewright.adapters.binance.history import BinanceHistory
from tradewright.adapters.binance.params import Market
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.instrument import Instrument
from tradewright.data.kinds import Kind, schema
from tradewright.data.ports import Fetched, Wanted
from tradewright.data.timeframe import SECOND

NOW = "2025-01-05T12:34:56"
#: Two days as archives, one before and one after the change to microseconds, and half a day by REST.
BARS = Wanted("BTCUSDT", Kind.BARS, "1m", at("2024-12-31"), at("2025-01-02T12:00"))
TRADES = Wanted("BTCUSDT", Kind.TRADES, "tick", at("2024-12-31"), at("2025-01-02T12:00"))
BOTH = pytest.mark.parametrize("wanted", [BARS, TRADES], ids=["bars", "trades"])
MARKETS = pytest.mark.parametrize("market", list(Market))


async def no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


def fetch(venue: BinanceVenue, wanted: Wanted, **settings: float) -> list[Fetched]:
    """Fetch all pieces at the same time."""

    async def _go() -> list[Fetched]:
        source = BinanceHistory(venue.params(**settings), now_ns=lambda: venue.now_ns, sleep=no_sleep)
        try:
            pieces = source.pieces(wanted)
            return list(await asyncio.gather(*(source.fetch(wanted, piece) for piece in pieces)))
        finally:
            await source.close()

    return asyncio.run(_go())


def run(
    wanted: Wanted, faults: Sequence[Fault] = (), market: Market = Market.SPOT, seed: int = 0, **settings: float
) -> tuple[list[Fetched], BinanceVenue]:
    with BinanceVenue(market, faults, fault_seed=seed, now=NOW) as venue:
        return fetch(venue, wanted, **settings), venue


@cache
def clean_frame(wanted: Wanted, market: Market = Market.SPOT) -> pl.DataFrame:
    return joined(run(wanted, market=market)[0])


def joined(got: Sequence[Fetched]) -> pl.DataFrame:
    return pl.concat([piece.frame for piece in got])


def notes(got: Sequence[Fetched]) -> str:
    return "; ".join(note for piece in got for note in piece.notes)


def refused(got: Sequence[Fetched]) -> list[str]:
    return [reason for piece in got if piece.quarantined is not None for reason in piece.quarantined["reason"]]


@MARKETS
def test_bars_are_complete_and_true(market: Market) -> None:
    frame = clean_frame(BARS, market)
    assert frame.schema == schema(Kind.BARS)
    assert frame["ts_open"].to_list() == list(range(BARS.start, BARS.end, 60 * SECOND))
    with BinanceVenue(market, now=NOW) as venue:
        rows = venue.market.klines("BTCUSDT", "1m", BARS.start // 1000, BARS.end // 1000)
    for column, place in (("open", 1), ("high", 2), ("low", 3), ("close", 4), ("volume", 5), ("trades", 8)):
        assert frame[column].to_list() == [float(row[place]) for row in rows]
    assert frame["buy_volume"].to_list() == [float(row[9]) for row in rows]


@MARKETS
def test_trades_are_complete_and_true(market: Market) -> None:
    frame = clean_frame(TRADES, market)
    assert frame.schema == schema(Kind.TRADES)
    with BinanceVenue(market, now=NOW) as venue:
        told = venue.market.trades("BTCUSDT", TRADES.start // 1000, TRADES.end // 1000)
    switch = at("2025-01-01") // 1000
    in_ms = [market is Market.FUTURES or t.time_us < switch for t in told]
    times = [t.time_us // 1000 * 1000 if ms else t.time_us for t, ms in zip(told, in_ms, strict=True)]
    assert frame["ts_event"].to_list() == [time * 1000 for time in times]
    assert frame["price"].to_list() == [float(t.price) for t in told]
    assert frame["size"].to_list() == [float(t.size) for t in told]
    assert frame["aggressor"].to_list() == [-1.0 if t.is_buyer_maker else 1.0 for t in told]


def test_what_a_piece_says_of_itself() -> None:
    got, venue = run(BARS)
    assert [piece.origin for piece in got] == [
        "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-12-31.zip",
        "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-01-01.zip",
        "api/v3/klines",
    ]
    assert [len(piece.sha256) for piece in got] == [64, 64, 0]
    assert all(piece.is_final and piece.quarantined is None and piece.notes == () for piece in got)
    assert sum(target.endswith(".zip") for target in venue.requests) == 2


@pytest.mark.parametrize(("wanted", "market"), [(BARS, Market.SPOT), (TRADES, Market.FUTURES)], ids=["bars", "trades"])
@pytest.mark.parametrize("kind", HTTP_FAULTS)
def test_a_passing_fault_changes_nothing(kind: str, wanted: Wanted, market: Market) -> None:
    got, venue = run(wanted, [Fault(kind, times=3, skip=1)], market)
    assert joined(got).equals(clean_frame(wanted, market))
    assert venue.script.fired[kind] == 3
    assert refused(got) == []


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_every_request_may_fail(wanted: Wanted, seed: int) -> None:
    got, venue = run(wanted, any_request_may_fail(0.5), seed=seed, max_attempts=40, max_checksum_failures=20)
    assert joined(got).equals(clean_frame(wanted))
    assert venue.script.fired.total() > 0


@BOTH
@pytest.mark.parametrize("kind", ["checksum", "damaged"])
def test_a_wrong_checksum_once_is_fetched_again(kind: str, wanted: Wanted) -> None:
    got, venue = run(wanted, [Fault(kind, path="2025-01-01.zip")])
    assert joined(got).equals(clean_frame(wanted))
    assert venue.script.fired[kind] == 1
    assert "damaged 1 times" in notes(got)


@pytest.mark.parametrize("kind", ["checksum", "damaged"])
def test_a_wrong_checksum_always_is_an_error(kind: str) -> None:
    with pytest.raises(SourceError, match="does not fit its checksum after 3 downloads") as caught:
        run(BARS, [Fault(kind, path="2025-01-01.zip", times=None)])
    assert "BTCUSDT-1m-2025-01-01.zip" in caught.value.where


@BOTH
@MARKETS
@pytest.mark.parametrize("path", [".zip.CHECKSUM", "2025-01-01"])
def test_an_archive_that_is_not_published_is_replaced_by_rest(path: str, wanted: Wanted, market: Market) -> None:
    got, _ = run(wanted, [Fault("missing", path=path, times=None)], market)
    assert joined(got).equals(clean_frame(wanted, market))
    assert "2025-01-01.zip is not published; taken from REST" in notes(got)
    assert got[1].origin.startswith(("api", "fapi"))


@BOTH
@MARKETS
@pytest.mark.parametrize("kind", ["shuffled", "repeated", "hole", "malformed", "ragged"])
def test_a_bad_answer_of_rest_is_mended(kind: str, wanted: Wanted, market: Market) -> None:
    series = "klines" if wanted.kind is Kind.BARS else "aggTrades?symbol=BTCUSDT&fromId"
    got, venue = run(wanted, [Fault(kind, path=f"/v{3 if market is Market.SPOT else 1}/{series}", count=5)], market)
    assert joined(got).equals(clean_frame(wanted, market))
    assert venue.script.fired[kind] == 1
    said = {"shuffled": "sorted", "repeated": "5 repeated rows removed"}.get(kind, "asked for again")
    assert said in notes(got)
    assert len(refused(got)) == (5 if kind in {"malformed", "ragged"} else 0)


@pytest.mark.parametrize("kind", ["contrary", "beyond"])
def test_a_row_of_rest_that_should_not_be_there_is_refused(kind: str) -> None:
    got, _ = run(BARS, [Fault(kind, path="klines?")])
    assert joined(got).equals(clean_frame(BARS))
    assert refused(got) == [{"contrary": "repeats a row with other content", "beyond": "outside the piece"}[kind]]


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [(wanted, kind) for wanted in (BARS, TRADES) for kind in ROW_FAULTS if wanted is BARS or kind != "beyond"],
)
def test_a_bad_row_of_an_archive_is_said(wanted: Wanted, kind: str) -> None:
    got, venue = run(wanted, [Fault(kind, path="2025-01-01.zip", count=4)])
    assert venue.script.fired[kind] == 1
    clean, frame = clean_frame(wanted), joined(got)
    lost = len(clean) - len(frame)
    if kind in {"shuffled", "repeated", "contrary", "beyond"}:
        assert frame.equals(clean)
    elif kind in {"hole", "ragged"} and wanted.kind is Kind.TRADES:  # ids that nobody accounts for
        assert frame.equals(clean)
        assert "4 trades that the archive lacks taken from REST" in notes(got)
    else:
        assert lost == 4
        assert frame.join(clean, on=frame.columns, how="anti", nulls_equal=True).is_empty()
    expected = {"contrary": 4, "malformed": 4, "ragged": 4, "beyond": 1}.get(kind, 0)
    assert len(refused(got)) == expected


def test_a_malformed_row_is_kept_as_it_came() -> None:
    got, _ = run(BARS, [Fault("malformed", path="2025-01-01.zip")])
    assert got[1].quarantined is not None
    row = got[1].quarantined.row(0, named=True)
    assert row["reason"] == "a field is not a number"
    assert ",n/a," in row["row"]
    assert len(row["row"].split(",")) == 12


def test_a_row_that_stays_malformed_is_refused_and_the_rest_kept() -> None:
    got, _ = run(TRADES, [Fault("malformed", path="fromId", times=None)])
    assert len(joined(got)) >= len(clean_frame(TRADES)) - 4
    assert set(refused(got)) == {"a field is not a number"}


def test_trades_that_the_first_request_leaves_out_are_found() -> None:
    got, venue = run(TRADES, [Fault("hole", path="startTime", count=90)])
    assert venue.script.fired["hole"] == 1
    assert joined(got).equals(clean_frame(TRADES))


def test_an_archive_with_far_too_few_trades_is_an_error() -> None:
    with (
        BinanceVenue(
            now=NOW, trades_a_day=15_000, faults=[Fault("hole", path="2025-01-01.zip", count=14_950)]
        ) as venue,
        pytest.raises(SourceError, match="trades are missing"),
    ):
        fetch(venue, TRADES)


def test_a_trade_that_stays_missing_is_an_error_that_names_it() -> None:
    with pytest.raises(SourceError, match=r"trades are missing after asking again: id \d+"):
        run(TRADES, [Fault("hole", path="fromId", times=None, count=3)])


def test_a_halt_is_asked_for_once_more_and_then_believed() -> None:
    halts = [("2025-01-02T03:00", "2025-01-02T04:00")]
    with BinanceVenue(now=NOW, halts=halts) as venue:
        got = fetch(venue, BARS)
    frame = clean_frame(BARS)
    start, end = at(halts[0][0]), at(halts[0][1])
    assert joined(got).equals(frame.filter(~pl.col("ts_open").is_between(start, end, closed="left")))
    asked = [target for target in venue.requests if "klines?" in target]
    assert len(asked) == 2
    assert asked[0] == asked[1]
    assert refused(got) == []


def test_before_the_listing_there_is_nothing() -> None:
    wanted = Wanted("BTCUSDT", Kind.BARS, "1h", at("2024-11-01"), at("2024-12-01"))
    got, _ = run(wanted)
    assert joined(got)["ts_open"].to_list() == list(range(at("2024-11-15"), wanted.end, 3600 * SECOND))
    wanted = Wanted("BTCUSDT", Kind.TRADES, "tick", at("2024-11-14"), at("2024-11-15T01:00"))
    got, _ = run(wanted)
    assert [len(piece.frame) > 0 for piece in got] == [False, True]


def test_a_month_is_one_archive() -> None:
    got, venue = run(Wanted("ETHUSDT", Kind.BARS, "4h", at("2024-12-01"), at("2025-01-01")), month_lag_days=2)
    assert len(joined(got)) == 31 * 6
    assert [target.rpartition("/")[2] for target in venue.requests] == [
        "ETHUSDT-4h-2024-12.zip.CHECKSUM",
        "ETHUSDT-4h-2024-12.zip",
    ]


@pytest.mark.parametrize("timeframe", ["1s", "15m", "1d"])
def test_timeframes(timeframe: str) -> None:
    start = "2025-01-03T23:00" if timeframe == "1s" else "2025-01-03"
    wanted = Wanted("BTCUSDT", Kind.BARS, timeframe, at(start), at("2025-01-04"))
    got, _ = run(wanted)
    step = {"1s": 1, "15m": 900, "1d": 86_400}[timeframe] * SECOND
    assert joined(got)["ts_open"].to_list() == list(range(wanted.start, wanted.end, step))


def test_what_is_not_over_is_not_final() -> None:
    wanted = Wanted("BTCUSDT", Kind.BARS, "1m", at("2025-01-05T12:00"), at("2025-01-06"))
    got, _ = run(wanted)
    assert joined(got)["ts_open"][-1] == at("2025-01-05T12:33")
    assert [piece.is_final for piece in got] == [False]
    got, _ = run(wanted, settle_s=57)
    assert joined(got)["ts_open"][-1] == at("2025-01-05T12:32")
    got, _ = run(Wanted("BTCUSDT", Kind.TRADES, "tick", wanted.start, wanted.end))
    assert 0 < joined(got)["ts_event"][-1] <= at("2025-01-05T12:34:46")
    assert [piece.is_final for piece in got] == [False]


def test_the_future_is_empty() -> None:
    for kind, timeframe in ((Kind.BARS, "1m"), (Kind.TRADES, "tick")):
        got, _ = run(Wanted("BTCUSDT", kind, timeframe, at("2026-01-01"), at("2026-02-01")))
        assert [(len(piece.frame), piece.is_final) for piece in got] == [(0, False)]


@MARKETS
def test_a_symbol_that_is_not_listed(market: Market) -> None:
    with pytest.raises(SourceError, match=r"400 Invalid symbol\. \(code -1121\)"):
        run(Wanted("NOSUCHUSDT", Kind.BARS, "1m", at("2025-01-02"), at("2025-01-03")), market=market)


def test_a_ban_is_waited_for_or_said() -> None:
    got, _ = run(BARS, [Fault("418", path="klines", seconds=120)])
    assert joined(got).equals(clean_frame(BARS))
    with pytest.raises(SourceError, match="asks to wait 259200 s: 418 Way too much request weight"):
        run(BARS, [Fault("418", path="klines?", seconds=259_200)])


def test_the_venues_count_of_weight_slows_us_down() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def _go(venue: BinanceVenue) -> None:
        source = BinanceHistory(venue.params(), now_ns=lambda: venue.now_ns, sleep=sleep)
        wanted = Wanted("BTCUSDT", Kind.BARS, "1m", at("2025-01-04T01:00"), at("2025-01-04T02:00"))
        (piece,) = source.pieces(wanted)
        await source.fetch(wanted, piece)
        assert pauses == []
        # others use the same address, and far more than is allowed: what grows back meanwhile must not be enough
        venue._used.append((asyncio.get_running_loop().time() + 1e6, 9000.0))
        venue.weight_limit = 1e9
        await source.fetch(wanted, piece)
        await source.fetch(wanted, piece)
        await source.close()

    with BinanceVenue(now=NOW) as venue:
        asyncio.run(_go(venue))
    assert len(pauses) == 1
    assert 0 < pauses[0] < 60


def definition(market: Market, symbol: str) -> Instrument:
    async def _go(venue: BinanceVenue) -> Instrument:
        source = BinanceHistory(venue.params(), now_ns=lambda: venue.now_ns, sleep=no_sleep)
        try:
            return await source.instrument(symbol)
        finally:
            await source.close()

    with BinanceVenue(market, [Fault("500"), Fault("truncated")]) as venue:
        return asyncio.run(_go(venue))


@MARKETS
def test_an_instrument_is_what_the_venue_says(market: Market) -> None:
    got = definition(market, "ETHUSDT")
    assert (got.symbol, got.tick_size, got.lot_size, got.currency) == ("ETHUSDT", "0.01", "0.00001", "USDT")
    assert (got.min_lots, got.max_lots) == (10, 900_000_000)
    assert got.is_shortable is (market is Market.FUTURES)
    assert got.fees.taker_bps == (10.0 if market is Market.SPOT else 5.0)


@MARKETS
def test_an_instrument_that_is_not_listed(market: Market) -> None:
    with pytest.raises(SourceError, match=r"Invalid symbol|does not list it"):
        definition(market, "NOSUCHUSDT")
    with pytest.raises(UsageError, match="not a Binance symbol"):
        definition(market, "eth-usdt")
