"""Time bars: known answers worked out by hand, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import DataError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.trade import Trade
from tradewright.data.bars import information_nb, time_nb
from tradewright.data.bars.builder import BarBuilder
from tradewright.data.bars.grid import SessionSpans, TimeGrid, day_sessions, session_grid, utc_grid
from tradewright.data.bars.resample import resample
from tradewright.data.kinds import Kind, canonical, schema
from tradewright.data.presets import CALENDARS
from tradewright.data.sessions import sessions_between

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOON = int(datetime(2024, 6, 12, 12, tzinfo=UTC).timestamp()) * SECOND


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[arg-type, misc]


def minutes(*rows: tuple[float, ...], start: int = NOON, length: int = MINUTE) -> pl.DataFrame:
    """Bars: minute, open, high, low, close, volume[, trades, buy_volume]."""
    opens = [start + int(r[0]) * MINUTE for r in rows]
    columns: dict[str, list[float] | list[int]] = {
        "ts_open": opens,
        "ts_event": [o + length for o in opens],
        "ts_seen": [o + length for o in opens],
    }
    names = ("open", "high", "low", "close", "volume", "trades", "buy_volume")
    columns |= {n: [float(r[k + 1]) for r in rows] for k, n in enumerate(names) if k + 1 < len(rows[0])}
    return canonical(pl.DataFrame(columns), Kind.BARS)


def trades(*rows: tuple[int, float, float, int]) -> pl.DataFrame:
    """Trades: ns after noon, price, size, side; seen 1 ms later."""
    ts = [NOON + r[0] for r in rows]
    columns = {"ts_open": ts, "ts_event": ts, "ts_seen": [t + 1_000_000 for t in ts]}
    values = {n: [float(r[k]) for r in rows] for k, n in enumerate(("price", "size", "aggressor"), start=1)}
    return pl.DataFrame(columns | values, schema=schema(Kind.TRADES))


def test_five_minutes_by_hand() -> None:
    frame = minutes(
        (0, 10, 12, 9, 11, 100, 5, 60),
        (1, 11, 11.5, 8, 8.5, 50, 2, 10),
        (4, 9, 10, 9, 10, 25, 1, 25),
        (9, 20, 21, 19, 20, 7, 3, 7),  # its minute fills the next bucket to its end
        (12, 5, 5, 5, 5, 1, 1, 0),
    )
    made = resample([frame], [utc_grid(5 * MINUTE)])[0]
    assert made.frame.rows() == [
        (NOON, NOON + 5 * MINUTE, NOON + 5 * MINUTE, 10, 12, 8, 10, 175, 8, 95),
        (NOON + 5 * MINUTE, NOON + 10 * MINUTE, NOON + 10 * MINUTE, 20, 21, 19, 20, 7, 3, 7),
    ]
    assert not made.is_last_partial


def test_a_partial_last_bucket_is_left_out_unless_asked_for() -> None:
    frame = minutes((0, 10, 12, 9, 11, 100), (5, 20, 21, 19, 20, 7), (6, 20, 22, 19, 20, 7))
    assert len(resample([frame], [utc_grid(5 * MINUTE)])[0].frame) == 1
    partial = resample([frame], [utc_grid(5 * MINUTE)], keeps_partial=True)[0]
    assert partial.is_last_partial
    assert partial.frame["ts_event"].to_list() == [NOON + 5 * MINUTE, NOON + 7 * MINUTE]
    known = resample([frame], [utc_grid(5 * MINUTE)], complete_until_ns=NOON + 10 * MINUTE)[0]
    assert known.frame["ts_event"].to_list() == [NOON + 5 * MINUTE, NOON + 10 * MINUTE]
    assert not known.is_last_partial


def test_a_first_bucket_that_began_too_early_is_left_out() -> None:
    frame = minutes((3, 10, 12, 9, 11, 100), (4, 10, 12, 9, 11, 100), (5, 20, 21, 19, 20, 7), (9, 20, 22, 19, 20, 7))
    made = resample([frame], [utc_grid(5 * MINUTE)], complete_from_ns=NOON + 3 * MINUTE)[0]
    assert (made.frame["ts_open"].to_list(), made.incomplete) == ([NOON + 5 * MINUTE], 2)
    whole = resample([frame], [utc_grid(5 * MINUTE)], complete_from_ns=NOON)[0]
    assert (whole.frame["ts_open"].to_list(), whole.incomplete) == ([NOON, NOON + 5 * MINUTE], 0)


def test_trades_make_bars_that_end_with_their_bucket() -> None:
    frame = trades(
        (1, 10.0, 1.0, 1),
        (SECOND - 1, 11.0, 2.0, -1),
        (SECOND, 9.0, 4.0, 1),
        (2 * SECOND, 9.0, 8.0, 0),
        (5 * SECOND, 1.0, 1.0, 1),
    )
    rows = resample([frame], [utc_grid(SECOND)], Kind.TRADES)[0].frame.rows()
    assert [r[0] - NOON for r in rows] == [0, SECOND, 2 * SECOND]  # second 3 and 4 are empty, 5 is not over
    assert rows[0][1:] == (NOON + SECOND, NOON + SECOND + 999_999, 10, 11, 10, 11, 3, 2, 1)
    assert np.isnan(rows[2][9])  # who took the third is not known


def test_unknown_trade_counts_stay_unknown() -> None:
    frame = minutes((0, 1, 1, 1, 1, 5, 3, 1), (1, 1, 1, 1, 1, 5, 0, 1), (4, 1, 1, 1, 1, 0, 0, 0))
    assert resample([frame], [utc_grid(5 * MINUTE)])[0].frame["trades"].to_list() == [0.0]


def test_weeks_begin_on_monday() -> None:
    sunday, monday = at(2024, 6, 9), at(2024, 6, 10)
    frame = minutes((0, 1, 1, 1, 1, 1), (60, 2, 2, 2, 2, 1), start=monday - HOUR, length=HOUR)
    made = resample([frame], [utc_grid(7 * 24 * HOUR)], keeps_partial=True)[0].frame
    assert made["ts_open"].to_list() == [sunday - 6 * 24 * HOUR, monday]


def test_session_bars_start_at_the_open_and_end_at_an_early_close() -> None:
    # the day after Thanksgiving 2024: NYSE opens at 14:30 UTC and closes at 13:00 New York, 18:00 UTC
    sessions = sessions_between("XNYS", at(2024, 11, 29), at(2024, 11, 29, 23))
    opens = at(2024, 11, 29, 14, 30)
    frame = minutes(*((k, 1, 1, 1, 1, 1) for k in range(-10, 240)), start=opens)
    made = resample([frame], [session_grid(HOUR, sessions)])[0]
    assert [(r - opens) // MINUTE for r in made.frame["ts_open"].to_list()] == [0, 60, 120, 180]
    assert made.frame["ts_event"][-1] == at(2024, 11, 29, 18)
    assert (made.frame["volume"].to_list(), made.outside) == ([60, 60, 60, 30], 40)


@pytest.mark.parametrize(("day", "hours"), [((2024, 3, 9), 23), ((2024, 11, 2), 25), ((2024, 6, 11), 24)])
def test_a_currency_day_is_as_long_as_the_clock_says(day: tuple[int, int, int], hours: int) -> None:
    grid = session_grid(24 * HOUR * 2, day_sessions(CALENDARS["fx"], at(*day, 23), at(*day, 23)))
    start = int(grid.opens[0])
    frame = minutes(*((60 * k, 1, 1, 1, 1, 1) for k in range(hours)), start=start, length=HOUR)
    made = resample([frame], [grid])[0].frame
    assert made["ts_event"].item() - start == hours * HOUR


@pytest.mark.parametrize(
    ("frame", "size", "what"),
    [
        (minutes((0, 1, 1, 1, 1, 1), length=5 * MINUTE), 7 * MINUTE, None),
        (minutes((5, 1, 1, 1, 1, 1), length=5 * MINUTE), 7 * MINUTE, "where a 7m bucket begins or ends"),
        (minutes((5, 1, 1, 1, 1, 1), (4, 1, 1, 1, 1, 1)), 5 * MINUTE, "before the one before it has ended"),
        (minutes((5, 1, 1, 1, 1, 1), (5, 1, 1, 1, 1, 1)), 5 * MINUTE, "before the one before it has ended"),
    ],
)
def test_rows_that_do_not_fit_are_refused(frame: pl.DataFrame, size: int, what: str | None) -> None:
    grid = TimeGrid(size, NOON)
    if what is None:
        resample([frame], [grid])
        return
    with pytest.raises(DataError, match=what) as caught:
        resample([frame], [grid])
    assert "2024-06-12T12:0" in caught.value.what


@pytest.mark.parametrize(("minute", "edge"), [(-30, "14:30"), (-90, "none"), (180, "18:00"), (210, "none")])
def test_a_bar_across_an_open_or_a_close_is_refused(minute: int, edge: str) -> None:
    sessions = sessions_between("XNYS", at(2024, 11, 29), at(2024, 12, 2, 23))
    grid = session_grid(HOUR, sessions)
    frame = minutes((minute, 1, 1, 1, 1, 1), start=at(2024, 11, 29, 14, 30), length=HOUR)
    if edge == "none":
        assert resample([frame], [grid])[0].outside == 1
        return
    with pytest.raises(DataError, match=f"crosses 2024-11-29T{edge}"):
        resample([frame], [grid])


@pytest.mark.parametrize(
    ("size", "opens", "closes"), [(0, [], []), (1, [5], [5]), (1, [0, 5], [6, 9]), (1, [0], []), (-5, [], [])]
)
def test_impossible_grids_are_refused(size: int, opens: list[int], closes: list[int]) -> None:
    with pytest.raises(UsageError):
        TimeGrid(size, 0, np.array(opens, np.int64), np.array(closes, np.int64))


def test_a_grid_of_no_sessions_is_refused() -> None:
    with pytest.raises(UsageError, match="no sessions"):
        session_grid(HOUR, SessionSpans(np.empty(0, np.int64), np.empty(0, np.int64)))


def trade(offset: int, price: float = 1.0) -> Trade:
    return Trade("X", NOON + offset, NOON + offset, price, 1.0, 1)


def test_the_clock_ends_a_live_bar_and_stragglers_are_counted() -> None:
    builder = BarBuilder("X", utc_grid(SECOND))
    assert builder.update(trade(5, 2.0)) is None
    assert builder.pending_end == NOON + SECOND
    assert builder.advance(NOON + SECOND - 1) is None
    bar = builder.advance(NOON + SECOND)
    assert bar is not None
    assert (bar.instrument, bar.ts_open, bar.ts_event, bar.close) == ("X", NOON, NOON + SECOND, 2.0)
    assert builder.advance(NOON + 9 * SECOND) is None
    assert builder.update(trade(7)) is None  # its bar is out
    assert builder.update(trade(SECOND + 7)) is None
    assert builder.update(trade(SECOND + 6)) is None
    assert builder.late == 2


def test_a_live_bar_that_lacks_its_beginning_is_not_given_out() -> None:
    builder = BarBuilder("X", utc_grid(SECOND), complete_from_ns=NOON + 3)
    assert [builder.update(trade(k)) for k in (5, SECOND + 1)] == [None, None]
    assert builder.advance(NOON + 2 * SECOND) is not None
    assert builder.incomplete == 1


def test_bars_that_overlap_a_gap_are_not_given_out() -> None:
    builder = BarBuilder("X", utc_grid(SECOND))
    builder.update(trade(5))
    gap = FeedGap("X", NOON + 2 * SECOND + 5, NOON + 3 * SECOND + 5, "disconnected")
    before = builder.interrupt(gap)
    assert before is not None
    assert before.ts_event == NOON + SECOND
    assert builder.update(trade(3 * SECOND + 500)) is None
    assert builder.update(trade(4 * SECOND)) is None
    # what may be missing reaches up to the first moment of second 5, which is then not whole either
    assert builder.interrupt(FeedGap("X", NOON + 4 * SECOND + 5, NOON + 5 * SECOND, "sequence")) is None
    assert [builder.update(trade(5 * SECOND)), builder.update(trade(6 * SECOND))] == [None, None]
    after = builder.advance(NOON + 7 * SECOND)
    assert after is not None
    assert after.ts_open == NOON + 6 * SECOND
    assert builder.incomplete == 3


def test_a_live_bar_across_a_boundary_is_refused_and_the_builder_goes_on() -> None:
    builder = BarBuilder("X", utc_grid(5 * MINUTE))
    with pytest.raises(DataError, match="crosses 2024-06-12T12:05"):
        builder.update(Bar("X", NOON + 4 * MINUTE, NOON + 6 * MINUTE, 1, 1, 1, 1, 1))
    assert builder.update(Bar("X", NOON + 5 * MINUTE, NOON + 6 * MINUTE, 1, 1, 1, 1, 1)) is None
    assert builder.advance(NOON + 10 * MINUTE) is not None


@pytest.mark.parametrize("module", [time_nb, information_nb])
def test_compiled_files_stand_alone(module: object) -> None:
    """The disk cache of compiled code looks at one file: a second one could change unnoticed."""
    path = Path(str(getattr(module, "__file__", "")))
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(("from ", "import "))]
    assert [line for line in lines if "tradewright" in line] == [
        "from tradewright.core.kernel.compiled import compiled"
    ]
