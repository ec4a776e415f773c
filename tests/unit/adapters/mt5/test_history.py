"""History of bars from a terminal: pieces, what counts as over, and times that nobody can tell."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.venues.local_account import LocalAccount
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_shown import MINUTE, ShownTerminal, bar
from tests.venues.mt5_ways import WAYS, way_to

from tradewright.adapters.mt5.history import Mt5History
from tradewright.adapters.mt5.server_zone import HOUR_MS
from tradewright.adapters.mt5.terminal import Terminal
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.data.kinds import Kind, schema
from tradewright.data.ports import Fetched, Piece, Wanted
from tradewright.execution.venue import VenueTimeoutError, VenueUnavailableError

MS = 1_000_000
#: A week that the pieces of minutes have as one.
WEEK_MS = 7 * 24 * HOUR_MS
T = (1_784_000_000_000 // WEEK_MS) * WEEK_MS


def wanted(start_ms: int, end_ms: int, timeframe: str = "1m", kind: Kind = Kind.BARS) -> Wanted:
    return Wanted("EURUSD", kind, timeframe, start_ms * MS, end_ms * MS)


def history(shown: ShownTerminal, now_ms: int, pauses: list[float] | None = None) -> Mt5History:
    async def sleep(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    return Mt5History(shown.terminal, now_ns=lambda: now_ms * MS, theirs=lambda s: f"{s}.m", zone="X+7", sleep=sleep)


def fetched(shown: ShownTerminal, asked: Wanted, now_ms: int, pauses: list[float] | None = None) -> Fetched:
    source = history(shown, now_ms, pauses)
    [piece] = source.pieces(asked)
    return asyncio.run(source.fetch(asked, piece))


def begins(found: Fetched) -> list[int]:
    """Return how many minutes after T bars begin."""
    return [(at // MS - T) // MINUTE for at in found.frame["ts_open"]]


def minutes(*which: int) -> ShownTerminal:
    return ShownTerminal(*(bar(T + n * MINUTE) for n in which), quoted_ms=T + max(which) * MINUTE + 5_000)


def test_pieces_touch_and_are_named_by_what_decides_them() -> None:
    source = history(ShownTerminal(), T)
    weeks = source.pieces(wanted(T + 5, T + 2 * WEEK_MS + 7))
    assert [(p.start // MS, p.end // MS) for p in weeks] == [
        (T + 5, T + WEEK_MS),
        (T + WEEK_MS, T + 2 * WEEK_MS),
        (T + 2 * WEEK_MS, T + 2 * WEEK_MS + 7),
    ]
    assert weeks[0].key == f"EURUSD.m_1m_X_2b7_{(T + 5) * MS}_{(T + WEEK_MS) * MS}"
    assert len(source.pieces(wanted(T, T + 300 * 24 * HOUR_MS, "1h"))) <= 2
    assert source.pieces(wanted(T, T)) == ()


@pytest.mark.parametrize(("timeframe", "kind"), [("1s", Kind.BARS), ("1w", Kind.BARS), ("tick", Kind.QUOTES)])
def test_what_a_terminal_does_not_have_is_a_mistake_of_the_user(timeframe: str, kind: Kind) -> None:
    with pytest.raises(UsageError, match="1m, 2m"):
        history(ShownTerminal(), T).pieces(wanted(T, T + 1, timeframe, kind))


def test_bars_of_the_piece_that_are_over() -> None:
    shown = minutes(0, 1, 2, 4)
    found = fetched(shown, wanted(T, T + 4 * MINUTE), T + 5 * MINUTE)
    assert begins(found) == [0, 1, 2]
    assert dict(found.frame.schema) == schema(Kind.BARS)
    assert found.frame.row(0, named=True)["volume"] == 7.0
    assert (found.is_final, found.notes, found.quarantined, found.origin) == (False, (), None, "mt5 EURUSD.m M1")
    running = fetched(shown, wanted(T, T + 5 * MINUTE), T + 4 * MINUTE + 30_000)
    assert begins(running) == [0, 1, 2]
    assert running.notes == ("1 unfinished bars left out",)
    late = fetched(shown, wanted(T, T + 5 * MINUTE), T + 5 * MINUTE + 100)
    assert begins(late) == [0, 1, 2], "our clock is past its end, and no quote is"
    closed = fetched(shown, wanted(T, T + 5 * MINUTE), T + 12 * MINUTE)
    assert (begins(closed), closed.is_final) == ([0, 1, 2, 4], True)


def test_after_the_last_bar_of_a_week_there_is_nothing_and_the_terminal_is_asked_for_a_span_with_that_bar() -> None:
    shown = minutes(0, 1)
    found = fetched(shown, wanted(T + 10 * MINUTE, T + 20 * MINUTE), T + 30 * MINUTE)
    assert (len(found.frame), found.notes) == (0, ("no data in this span",))
    [(start, _)] = shown.asked
    assert start <= T + MINUTE
    shown.asked.clear()
    shown.quoted_ms = 0  # no quote yet
    fetched(shown, wanted(T + 10 * MINUTE, T + 20 * MINUTE), T + 30 * MINUTE)
    assert shown.asked[0][0] == T + 10 * MINUTE - WEEK_MS


def test_nothing_begins_in_the_future() -> None:
    shown = minutes(0)
    found = fetched(shown, wanted(T + 10 * MINUTE, T + 20 * MINUTE), T + MINUTE)
    assert (len(found.frame), found.is_final, shown.asked) == (0, False, [])


def test_rows_that_repeat_contradict_or_cannot_be_right_are_told() -> None:
    shown = minutes(0, 1, 2, 3, 9)
    other = bar(T + MINUTE, 1.9)
    shown.rows = [shown.rows[1], shown.rows[0], shown.rows[0], other, bar(T + 2 * MINUTE, low=1.9), *shown.rows[3:]]
    found = fetched(shown, wanted(T, T + 5 * MINUTE), T + 60 * MINUTE)
    assert begins(found) == [0, 1, 3]
    assert found.notes == ("1 repeated bars removed", "bars came out of order and were sorted")
    assert found.quarantined is not None
    assert found.quarantined["reason"].to_list() == [
        "contradicts an earlier bar of the same time",
        "high and low do not enclose open and close",
    ]


def test_bars_of_another_season_are_refused_without_a_zone() -> None:
    moved = round(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp() * 1_000)
    now = moved + 90 * 24 * HOUR_MS
    shown = ShownTerminal(bar(moved), quoted_ms=now, knows_zone=False)
    assert len(fetched(shown, wanted(moved, moved + MINUTE), now).frame) == 1
    with pytest.raises(SourceError, match=r"may be an hour off.*zone is not known") as refused:
        fetched(shown, wanted(moved - MINUTE, moved), now)
    assert "America/New_York+7" in refused.value.fix
    shown.knows_zone = True
    assert fetched(shown, wanted(moved - MINUTE, moved), now).notes == ("no data in this span",)


def test_a_terminal_that_loads_is_asked_until_it_has_no_more() -> None:
    shown = minutes(*range(10))
    shown.loads_at_once = 4
    pauses: list[float] = []
    found = fetched(shown, wanted(T, T + 9 * MINUTE), T + 3 * 24 * HOUR_MS, pauses)
    assert begins(found) == list(range(9))
    assert pauses == [1.0, 1.0, 1.0]
    shown.asked.clear()
    shown.loads_at_once = None
    fetched(shown, wanted(T, T + 9 * MINUTE), T + HOUR_MS, pauses)
    assert len(shown.asked) == 1, "what is of today is there"


def test_a_terminal_that_stays_away_is_an_error_after_some_attempts() -> None:
    for error in (VenueTimeoutError("hangs"), VenueUnavailableError("is gone", fix="Start it.")):
        shown, pauses = minutes(0), list[float]()
        shown.error = error
        with pytest.raises(SourceError, match=error.what) as told:
            fetched(shown, wanted(T, T + MINUTE), T + HOUR_MS, pauses)
        assert (told.value.fix, pauses) == (error.fix, [1.0, 2.0])


def test_a_symbol_that_the_broker_does_not_have() -> None:
    shown = minutes(0)
    shown.names.clear()
    with pytest.raises(SourceError, match=r"no symbol EURUSD\.m"):
        fetched(shown, wanted(T, T + MINUTE), T + HOUR_MS)


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1h", "1d"])
def test_each_way_gives_the_bars_that_the_server_has(timeframe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewright.adapters.mt5.metaapi_terminal._PAGE", 7)
    server = Mt5Server(LocalAccount("EURUSD"))
    server.local.advance(400)

    async def work(terminal: Terminal) -> list[tuple[Any, ...]]:
        source = Mt5History(terminal, now_ns=lambda: server.local.now_ns, sleep=lambda _: asyncio.sleep(0))
        begin = 1_704_067_200_000  # when the market begins, midnight UTC and 03:00 of the server
        asked = wanted(begin - 24 * HOUR_MS, begin + 24 * HOUR_MS, timeframe)
        [*pieces] = source.pieces(asked)
        found = [await source.fetch(asked, piece) for piece in pieces]
        await source.close()
        return [row[:8] for each in found for row in each.frame.rows()]

    told = []
    for way in WAYS:
        with way_to(way, server) as terminal:
            told.append(asyncio.run(work(terminal)))
    assert told[0] == told[1] == told[2]
    length_s, ahead_s = {"1m": 60, "5m": 300, "1h": 3_600, "1d": 86_400}[timeframe], 3 * 3_600
    until = server.local.now_ns // 10**9 + ahead_s
    whole = [row for row in server.bars(length_s, ahead_s) if row[0] + length_s <= until]
    assert [(row[0] // 10**9 + ahead_s, *row[3:7]) for row in told[0]] == [row[:5] for row in whole]
    assert bool(whole) is (timeframe != "1d")


@pytest.mark.parametrize("way", WAYS)
def test_each_way_says_that_a_symbol_is_not_there(way: str) -> None:
    server = Mt5Server(LocalAccount("EURUSD"))

    async def work(terminal: Terminal) -> None:
        source = Mt5History(terminal, now_ns=lambda: server.local.now_ns)
        asked = Wanted("NOSUCH", Kind.BARS, "1m", server.local.now_ns - 1, server.local.now_ns)
        try:
            with pytest.raises(SourceError, match="no symbol NOSUCH"):
                await source.fetch(asked, Piece("k", asked.start, asked.end))
        finally:
            await source.close()

    with way_to(way, server) as terminal:
        asyncio.run(work(terminal))
