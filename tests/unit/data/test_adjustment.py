"""Adjusted bars: by hand, as known at a moment, and against LEAN's factors."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import BUY_VOLUME, CLOSE, HIGH, LOW, OPEN, VOLUME
from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.actions import Actions, actions_of
from tradewright.data.adjustment import adjust
from tradewright.data.lean_tables import read_factor_file
from tradewright.data.presets import CALENDARS
from tradewright.data.timeframe import DAY


def bars(*closes: float, first: int = 0) -> Bars:
    """Daily bars of UTC days from ``first`` on, volume 100."""
    opens = (first + np.arange(len(closes), dtype=np.int64)) * DAY
    fields = blank_fields(opens + DAY)
    fields[[OPEN, HIGH, LOW, CLOSE]] = closes
    fields[VOLUME], fields[BUY_VOLUME] = 100.0, 40.0
    return Bars("X", opens, opens + DAY, fields)


def action(kind: str, day: int, value: float, known: int | None = None, **more: object) -> dict[str, object]:
    known = day * DAY if known is None else known
    return {"symbol": "X", "ex_day": day, "kind": kind, "value": value, "known_from": known} | more


#: 4 for 1 on day 2; 2 cash a share on day 3, when the close before was 20: a factor of 0.9.
BOTH = actions_of([action("split", 2, 4.0), action("dividend", 3, 2.0), {**action("split", 1, 9.0), "symbol": "OTHER"}])
RAW = bars(80.0, 80.0, 20.0, 18.0)


@pytest.mark.parametrize(
    ("method", "closes", "volumes"),
    [
        ("back", [20.0, 20.0, 20.0, 18.0], [400, 400, 100, 100]),
        ("forward", [80.0, 80.0, 80.0, 72.0], [100, 100, 25, 25]),
        ("total_return", [18.0, 18.0, 18.0, 18.0], [400, 400, 100, 100]),
    ],
)
def test_methods_by_hand(method: str, closes: list[float], volumes: list[float]) -> None:
    made = adjust(RAW, BOTH, 4 * DAY, method)  # type: ignore[arg-type]
    assert made.close.tolist() == pytest.approx(closes, rel=1e-15)
    assert made.open.tolist() == made.close.tolist()
    assert made.volume.tolist() == volumes
    assert made.fields[BUY_VOLUME].tolist() == [0.4 * v for v in volumes]
    assert RAW.close.tolist() == [80.0, 80.0, 20.0, 18.0]


def test_an_action_counts_from_its_day_on_and_bars_only_once_over() -> None:
    early = actions_of([action("split", 2, 4.0, known=0)])  # announced long before
    assert adjust(RAW, early, 2 * DAY - 1).close.tolist() == [80.0]
    assert adjust(RAW, early, 2 * DAY).close.tolist() == [20.0, 20.0]  # the morning of the split
    assert adjust(RAW, early, 3 * DAY).close.tolist() == [20.0, 20.0, 20.0]
    assert len(adjust(RAW, early, 0)) == 0


def test_what_becomes_known_later_changes_nothing_for_an_earlier_reader() -> None:
    late = actions_of([action("split", 2, 4.0, known=4 * DAY), action("split", 2, 5.0, known=5 * DAY)])
    assert adjust(RAW, late, 4 * DAY - 1).close.tolist() == [80.0, 80.0, 20.0]
    assert adjust(RAW, late, 4 * DAY).close.tolist() == [20.0, 20.0, 20.0, 18.0]
    assert adjust(RAW, late, 5 * DAY).close.tolist() == [16.0, 16.0, 20.0, 18.0]


def test_random_later_rows_never_reach_an_earlier_reader() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        raw = bars(*np.round(rng.uniform(50, 100, 30), 2).tolist())
        rows: dict[tuple[object, ...], dict[str, object]] = {}
        for _ in range(12):
            kind = ("split", "dividend")[int(rng.integers(2))]
            drawn = action(kind, int(rng.integers(0, 32)), float(rng.integers(1, 5)), int(rng.integers(0, 32)) * DAY)
            rows[kind, drawn["ex_day"], drawn["known_from"]] = drawn
        as_of = int(rng.integers(0, 32)) * DAY
        known = [r for r in rows.values() if int(str(r["known_from"])) <= as_of]
        for method in ("back", "forward", "total_return"):
            seen = adjust(raw, actions_of(list(rows.values())), as_of, method)
            then = adjust(raw, actions_of(known), as_of, method)
            assert seen.fields.tobytes() == then.fields.tobytes()
            part = int(np.searchsorted(raw.ts_event, as_of, side="right"))
            future = Bars("X", raw.ts_open, raw.ts_event, np.hstack([raw.fields[:, :part], raw.fields[:, part:] * 3]))
            again = adjust(future, actions_of(known), as_of, method)
            assert again.fields.tobytes() == seen.fields.tobytes()


def test_called_off_is_a_correction() -> None:
    rows = [action("split", 2, 4.0, known=0), action("split", 2, 1.0, known=DAY)]
    assert adjust(RAW, actions_of(rows), 4 * DAY).close.tolist() == RAW.close.tolist()


def test_an_action_before_the_first_bar_changes_nothing_of_it() -> None:
    early = actions_of([action("split", 3, 4.0), action("dividend", 4, 1.0)])
    later = bars(20.0, 18.0, first=5)
    for method in ("back", "forward", "total_return"):
        assert adjust(later, early, 9 * DAY, method).close.tolist() == [20.0, 18.0]


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(UsageError, match="'sideways' is not allowed"):
        adjust(RAW, BOTH, 4 * DAY, "sideways")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is not below the close before it, 20"):
        adjust(RAW, actions_of([action("dividend", 3, 20.0)]), 4 * DAY, "total_return")


# ------------------------------------------------------------------------------------------------------- LEAN's files
@pytest.fixture(scope="module")
def lean() -> Path:
    """The folder with LEAN's sample of equities, named by TRADEWRIGHT_DEV_DATA."""
    folder = Path(os.environ.get("TRADEWRIGHT_DEV_DATA", "")) / "lean" / "equity"
    if not os.environ.get("TRADEWRIGHT_DEV_DATA") or not folder.is_dir():
        pytest.skip("the development data (LEAN's equities) is absent; TRADEWRIGHT_DEV_DATA names its folder")
    return folder


def daily(lean: Path, symbol: str) -> Bars:
    with zipfile.ZipFile(lean / "daily" / f"{symbol.lower()}.zip") as archive:
        text = archive.read(archive.namelist()[0])
    frame = pl.read_csv(io.BytesIO(text), has_header=False, new_columns=["day", "o", "h", "l", "c", "v"])
    days = frame["day"].str.slice(0, 8).str.to_date("%Y%m%d").cast(pl.Int32).to_numpy().astype(np.int64)
    starts = CALENDARS["us_equity"].day_starts(int(days[0]) * DAY, (int(days[-1]) + 2) * DAY)
    numbers = CALENDARS["us_equity"].day_numbers(starts).astype(np.int64)
    opens, ends = (starts[np.searchsorted(numbers, days + k)] for k in (0, 1))
    fields = blank_fields(ends)
    for row, name in ((OPEN, "o"), (HIGH, "h"), (LOW, "l"), (CLOSE, "c")):
        fields[row] = frame[name].to_numpy() / 10_000
    fields[VOLUME] = frame["v"].to_numpy()
    return Bars(symbol, opens, ends, fields)


@pytest.mark.parametrize("symbol", ["AAPL", "IBM", "SPY"])
def test_leans_adjusted_closes(lean: Path, symbol: str) -> None:
    raw = daily(lean, symbol)
    actions = read_factor_file(lean / "factor_files" / f"{symbol.lower()}.csv", symbol)
    # Let every dividend's factor come from the stored closes, not from the price in the file.
    actions = Actions(actions.frame.with_columns(reference=pl.lit(float("nan"))))
    made = adjust(raw, actions, int(raw.ts_event[-1]), "total_return", CALENDARS["us_equity"])
    lines = [line.split(",") for line in (lean / "factor_files" / f"{symbol.lower()}.csv").read_text().split()]
    until = np.array([np.datetime64(f"{x[0][:4]}-{x[0][4:6]}-{x[0][6:]}", "D").astype(np.int64) for x in lines])
    at = np.searchsorted(until, CALENDARS["us_equity"].day_numbers(raw.ts_open))
    prices, splits = (np.array([float(line[k]) for line in lines])[at] for k in (1, 2))
    assert len(made) == len(raw) > 5_000
    np.testing.assert_allclose(made.close, raw.close * prices * splits, rtol=2e-5)
    np.testing.assert_allclose(made.volume, raw.volume / splits, rtol=1e-5)


def test_leans_factors_are_the_actions_that_apple_announced(lean: Path) -> None:
    """From investor.apple.com: splits 2:1, 2:1, 7:1, 4:1; dividends of 2.65 on 2012-08-09 and 0.82 on 2020-08-07."""
    frame = read_factor_file(lean / "factor_files" / "aapl.csv", "AAPL").frame
    splits = frame.filter(pl.col("kind") == "split")
    days = [str(np.datetime64(d, "D")) for d in splits["ex_day"].to_list()]
    told = dict(zip(days, splits["value"].to_list(), strict=True))
    assert told == {"2000-06-21": 2.0, "2005-02-28": 2.0, "2014-06-09": 7.0, "2020-08-31": 4.0}
    cash = {
        str(np.datetime64(d, "D")): v for k, d, v in frame.select("kind", "ex_day", "value").iter_rows() if k != "split"
    }
    assert cash["2012-08-09"] == pytest.approx(2.65, abs=1e-4)
    assert cash["2020-08-07"] == pytest.approx(0.82, abs=1e-3)
