from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tradewright.analytics import tear_sheet
from tradewright.analytics.ratios import annual_volatility, sharpe_ratio
from tradewright.core.types.bar import Bars, blank_fields

DAY = 86_400_000_000_000


def days(n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.arange(1, n + 1, dtype=np.int64) * DAY


def walk(n: int, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n))))


def parts(figure: tear_sheet.Figure) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """The figure with types a test can look into; also proves that it is strict JSON."""
    plain = json.loads(json.dumps(figure, allow_nan=False))
    return plain["data"], plain["layout"], plain["note"]


def bars_of(n: int) -> Bars:
    close = walk(n)
    open_ = np.append(100.0, close)[:n]
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    ts_open = np.arange(n, dtype=np.int64) * DAY
    fields = blank_fields(ts_open + DAY)
    fields[:6] = [open_, high, low, close, np.ones(n), np.arange(n)]
    return Bars("AAA", ts_open, ts_open + DAY, fields)


def test_a_short_curve_is_not_thinned() -> None:
    assert tear_sheet.thin(walk(10), limit=10).tolist() == list(range(10))


@pytest.mark.parametrize("n", [11, 99, 1_000, 12_345])
def test_thinning_keeps_ends_and_extremes_and_the_limit(n: int) -> None:
    values = walk(n)
    keep = tear_sheet.thin(values, limit=8)
    assert len(keep) <= 8
    assert np.all(np.diff(keep) > 0)
    assert keep[0] == 0
    assert keep[-1] == n - 1
    assert values.argmax() in keep
    assert values.argmin() in keep


def test_thinning_never_takes_nan_for_an_extreme() -> None:
    values = walk(100)
    peak = int(values.argmax())
    values[[1, 50, 99]] = np.nan
    assert peak in tear_sheet.thin(values, limit=12)


def test_plain_has_null_where_a_value_is_not_finite() -> None:
    assert tear_sheet.plain(np.array([1.23456789, np.nan, np.inf]), 3) == [1.23, None, None]


def test_rolling_equals_the_ratios_of_each_window() -> None:
    returns = np.diff(walk(50)) / walk(50)[:-1]
    rolling = tear_sheet.rolling_performance(days(49), returns, 20, 252.0)
    assert rolling.stamps.tolist() == days(49)[19:].tolist()
    for row in (0, 13, 29):
        window = returns[row : row + 20]
        assert rolling.sharpe[row] == pytest.approx(sharpe_ratio(window, 252.0), rel=1e-12)
        assert rolling.volatility[row] == pytest.approx(annual_volatility(window, 252.0), rel=1e-12)


def test_rolling_has_a_gap_where_nothing_moved_and_nothing_where_the_series_is_too_short() -> None:
    rolling = tear_sheet.rolling_performance(days(5), np.zeros(5), 3, 252.0)
    assert np.isnan(rolling.sharpe).all()
    assert rolling.volatility.tolist() == [0.0, 0.0, 0.0]
    assert len(tear_sheet.rolling_performance(days(2), np.zeros(2), 3, 252.0).stamps) == 0


def test_equity_stands_above_its_drawdown_on_one_time_axis() -> None:
    equity = np.array([100.0, 120.0, 90.0, 130.0])
    figure = tear_sheet.equity_figure(days(4), equity, equity * 2, ("Mine", "Hold"), 110.0)
    data, layout, note = parts(figure)
    assert [(d["name"], d.get("yaxis")) for d in data] == [
        ("Hold", None),
        ("Hold", "y2"),
        ("Mine", None),
        ("Mine", "y2"),
    ]
    assert data[2]["y"] == [100, 120, 90, 130]
    # The starting equity of 110 is the first peak, so the run begins under water.
    assert data[3]["y"] == pytest.approx([100 / 110 - 1, 0, -0.25, 0])
    assert data[3]["x"] == (days(4) // 1_000_000).tolist()
    assert layout["yaxis2"]["domain"][1] < layout["yaxis"]["domain"][0]
    assert note == ""


def test_a_thinned_equity_keeps_the_deepest_drawdown_and_says_so() -> None:
    equity = walk(20_000)
    figure = tear_sheet.equity_figure(days(20_000), equity, None, ("Mine", ""), 100.0, limit=400)
    data, _, note = parts(figure)
    deepest = (equity / np.maximum(np.maximum.accumulate(equity), 100.0) - 1).min()
    assert len(data[0]["x"]) <= 400
    assert min(data[1]["y"]) == pytest.approx(deepest, rel=1e-6)
    assert note == f"{len(data[0]['x']):,} of 20,000 points drawn; highs and lows are kept"


def test_long_exposure_is_drawn_as_means_of_equal_stretches() -> None:
    share = np.tile([0.0, 1.0], 50)
    data, _, note = parts(tear_sheet.exposure_figure(days(100), share, limit=10))
    assert data[0]["y"] == [0.5] * 10
    assert note == "each point is the mean of 10 times"


def test_costs_are_summed_up_over_time() -> None:
    series = [("Commission", days(3), np.array([1.0, 2.0, 3.0])), ("Borrow", days(2), np.array([0.5, 0.5]))]
    data, layout, note = parts(tear_sheet.costs_figure(series))
    assert [d["y"] for d in data] == [[1, 3, 6], [0.5, 1.0]]
    assert layout.get("showlegend") is None
    assert note == ""
    _, single, _ = parts(tear_sheet.costs_figure(series[:1]))
    assert single["showlegend"] is False


def test_histogram_counts_every_trade_once_and_never_mixes_wins_with_losses() -> None:
    returns = np.random.default_rng(5).normal(0.002, 0.02, 500)
    returns[:3] = 0.0
    data, _, _ = parts(tear_sheet.histogram_figure(returns))
    bars = data[0]
    colours, counts = bars["marker"]["color"], bars["y"]
    assert sum(counts) == 500
    assert sum(c for c, role in zip(counts, colours, strict=True) if role == "@loss") == int((returns < 0).sum())
    assert all((edges[0] < 0) == (role == "@loss") for edges, role in zip(bars["customdata"], colours, strict=True))


def test_histogram_states_what_is_beyond_its_outermost_bars() -> None:
    returns = np.append(np.linspace(-0.01, 0.01, 200), 5.0)
    data, _, note = parts(tear_sheet.histogram_figure(returns))
    assert sum(data[0]["y"]) == 201
    assert max(data[0]["x"]) < 0.1
    assert note == "Results further out, in the outermost bars: 1"


@pytest.mark.parametrize("returns", [[0.01], [0.02, 0.02, 0.02], [-0.5, 0.5], [0.0]])
def test_histogram_of_few_or_equal_trades(returns: list[float]) -> None:
    data, _, _ = parts(tear_sheet.histogram_figure(np.array(returns)))
    assert sum(data[0]["y"]) == len(returns)


@pytest.mark.parametrize(
    ("seconds", "unit", "length"),
    [(30.0, "seconds", 1), (600.0, "minutes", 60), (9_000.0, "hours", 3_600), (900_000.0, "days", 86_400)],
)
def test_holding_time_is_in_the_unit_of_its_median(seconds: float, unit: str, length: int) -> None:
    figure = tear_sheet.holding_figure(np.array([seconds, seconds * 1.5]), np.array([0.1, -0.1]))
    data, layout, note = parts(figure)
    assert layout["xaxis"]["title"]["text"] == f"held, {unit}"
    assert data[0]["x"] == pytest.approx([seconds / length], rel=1e-4)
    assert data[1]["y"] == [-0.1]
    assert note == ""


def test_many_trades_are_thinned_over_their_results_with_best_and_worst() -> None:
    returns = np.random.default_rng(3).normal(0, 0.01, 10_000)
    data, _, note = parts(tear_sheet.holding_figure(np.full(10_000, 60.0), returns, limit=100))
    drawn = data[0]["y"] + data[1]["y"]
    assert len(drawn) <= 101
    assert max(drawn) == pytest.approx(returns.max(), rel=1e-4)
    assert min(drawn) == pytest.approx(returns.min(), rel=1e-4)
    assert note == f"{len(drawn):,} of 10,000 trades drawn, evenly over the results"


def test_prices_are_merged_into_true_larger_bars() -> None:
    bars = bars_of(10)
    points: dict[str, Any] = dict(tear_sheet.price_points(bars, limit=4))
    assert (points["per"], points["total"], len(points["o"])) == (3, 10, 4)
    assert points["o"] == pytest.approx(bars.open[[0, 3, 6, 9]])
    assert points["c"] == pytest.approx(bars.close[[2, 5, 8, 9]])
    assert points["h"] == pytest.approx([bars.high[i : i + 3].max() for i in (0, 3, 6, 9)])
    assert points["l"] == pytest.approx([bars.low[i : i + 3].min() for i in (0, 3, 6, 9)])
    assert points["t"] == (bars.ts_open[[0, 3, 6, 9]] // 1_000_000).tolist()
    assert points["e"] == (bars.ts_event[[2, 5, 8, 9]] // 1_000_000).tolist()


def test_every_bar_is_there_below_the_limit() -> None:
    points: dict[str, Any] = dict(tear_sheet.price_points(bars_of(50)))
    assert points["per"] == 1
    assert len(points["c"]) == 50
    assert tear_sheet.price_points(bars_of(0))["c"] == []
