"""The table of leaks: what is planted is caught, by these detectors, and what is honest is let pass."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import REFERENCE
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Floats
from tradewright.data.importer import ImportOptions, import_file
from tradewright.data.kinds import Kind
from tradewright.data.presets import CALENDARS
from tradewright.data.sample import sample_store
from tradewright.data.store import to_fields
from tradewright.data.synthetic import synthetic_bars
from tradewright.features import REGISTRY
from tradewright.features.contract import contract_bars, contract_events
from tradewright.features.leaks import LeakCase, Pipeline, leak_report, pipeline_of
from tradewright.features.leaks.pipeline import Market
from tradewright.features.leaks.planted import judge_planted

#: Who catches what; docs/leak-detectors.md shows the same table.
TABLE = {
    "centred window": {"truncation", "future_shuffle"},
    "full-sample scaling": {"truncation", "future_shuffle"},
    "same-bar higher timeframe": {"truncation", "future_shuffle", "timestamp"},
    "label in features": {"truncation", "future_shuffle", "delay"},
    "future-filled gap": {"truncation", "timestamp"},
    "survivorship list": {"survivorship"},
    "late rows": {"timestamp"},
    "selection on all labels": {"random_label"},
    "label overlap": {"label_overlap"},
}
#: Fewer than 24 cuts may miss a hole of seven bars: this one is luck, and the others have to catch it.
BY_LUCK = {"future-filled gap": {"future_shuffle"}}
BY_KIND = {
    kind: {n: c() for n, c in REGISTRY.items() if (c().reads or EventKind.BAR) is kind}
    for kind in (EventKind.BAR, EventKind.QUOTE, EventKind.TRADE)
}


@pytest.mark.parametrize("seed", range(3))
def test_planted_leaks_are_caught_and_their_twins_are_not(seed: int) -> None:
    results = judge_planted(seed=seed)
    assert [r.planted.name for r in results] == list(TABLE)
    for result in results:
        name = result.planted.name
        caught = {d.value for d in result.leaking.caught_by}
        assert TABLE[name] <= caught <= TABLE[name] | BY_LUCK.get(name, set()), name
        assert result.honest.findings == (), name


def test_planted_leaks_are_caught_on_real_bars(tmp_path: Path) -> None:
    bars = sample_store(tmp_path).load("EURUSD", "1h")
    cut = Bars(bars.instrument, bars.ts_open[:1500], bars.ts_event[:1500], bars.fields[:, :1500].copy())
    for result in judge_planted(cut):
        # bars of an hour are complete hours: there this is no leak, and must not be called one
        is_leak = result.planted.name != "same-bar higher timeframe"
        assert result.leaking.is_clean != is_leak, result.planted.name
        assert result.honest.findings == (), result.planted.name


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", list(BY_KIND))
def test_registered_features_are_never_accused_on_random_markets(kind: EventKind, seed: int) -> None:
    is_of_bars = kind is EventKind.BAR
    market: Market = contract_bars(1400, seed) if is_of_bars else contract_events(kind, 900, seed)
    never_accused(kind, market)


def test_registered_features_are_never_accused_on_a_walk_and_where_a_bar_has_an_honest_edge() -> None:
    never_accused(EventKind.BAR, synthetic_bars(2000, seed=1))
    rng = np.random.default_rng(0)
    bounce = rng.choice([-0.05, 0.05], 2000) + np.cumsum(rng.normal(0.0, 0.005, 2000))
    never_accused(EventKind.BAR, bars_of(100.0 + bounce))  # bid and ask: half of each change turns back
    never_accused(EventKind.BAR, bars_of(100.0 + rng.normal(0.0, 1.0, 2000)))
    never_accused(EventKind.BAR, bars_of(100.0 + 5.0 * np.sin(np.arange(2000) / 9.0)))


def test_registered_features_are_never_accused_on_the_sample(tmp_path: Path) -> None:
    store = sample_store(tmp_path)
    for entry in store.list():
        bars = store.load(entry.symbol, entry.timeframe)
        cut = Bars(bars.instrument, bars.ts_open[-1500:], bars.ts_event[-1500:], bars.fields[:, -1500:].copy())
        never_accused(EventKind.BAR, cut)


def test_registered_features_are_never_accused_on_minutes_of_a_coin() -> None:
    folder = os.environ.get("TRADEWRIGHT_DEV_DATA", "")
    path = Path(folder) / "crypto_1m" / "BTCUSDT_1min_sample.csv.gz"
    if not folder or not path.is_file():
        pytest.skip("the development data (crypto_1m) is absent; TRADEWRIGHT_DEV_DATA names its folder")
    frame = import_file(path, CALENDARS["24/7"], ImportOptions(timezone="UTC")).frame.head(6000)
    fields = to_fields(frame, Kind.BARS, CALENDARS["24/7"])
    fields[REFERENCE] = fields[3]
    bars = Bars("BTCUSDT", frame["ts_open"].to_numpy().copy(), frame["ts_event"].to_numpy().copy(), fields)
    never_accused(EventKind.BAR, bars)


def never_accused(kind: EventKind, market: Market) -> None:
    features = BY_KIND[kind]
    known = dict.fromkeys(features, np.maximum.accumulate(market.ts_event))
    report = leak_report(LeakCase("registered", pipeline_of(features), market, known))
    assert report.findings == ()
    assert len(report.verdicts) >= 3


def bars_of(close: Floats) -> Bars:
    """Bars that close at these prices and open where the last one closed."""
    made = synthetic_bars(len(close), seed=0)
    made.fields[0], made.fields[3] = np.append(close[0], close[:-1]), close
    made.fields[1] = np.maximum(made.fields[0], close) + 0.01
    made.fields[2] = np.minimum(made.fields[0], close) - 0.01
    return made


def of_frames(expression: pl.Expr) -> Pipeline:
    """A pipeline of a polars expression on the close."""

    def columns(market: Market) -> dict[str, Floats]:
        frame = pl.DataFrame({"close": market.fields[3], "open": market.fields[0]})
        made = frame.select(expression)
        return {n: made[n].cast(pl.Float64).fill_null(float("nan")).to_numpy() for n in made.columns}

    return Pipeline("polars", columns)


C = pl.col("close")


@pytest.mark.parametrize(
    ("expression", "bar"),
    [
        (C.rolling_mean(9, center=True), 4),
        (C - C.mean(), 0),
        (C.rank(), 0),
        (C.shift(-1), 0),
        ((C - C.min()) / (C.max() - C.min() + 1.0), 0),
        (C.ewm_mean(span=10).reverse(), 0),
        (C.diff().fill_null(strategy="backward"), 0),
    ],
)
def test_leaks_of_polars_pipelines_are_caught(expression: pl.Expr, bar: int) -> None:
    report = leak_report(LeakCase("polars", of_frames(expression.alias("x")), contract_bars(600, 1)))
    assert "truncation" in report.caught_by
    assert report.findings[0].feature == "x"
    assert report.findings[0].bar == bar


@pytest.mark.parametrize(
    "expression",
    [
        C.rolling_mean(9),
        C.ewm_mean(span=20),
        C - C.cum_sum() / pl.int_range(1, pl.len() + 1),
        C.rolling_std(30) / C.rolling_mean(5),
        C.rolling_quantile(0.3, window_size=50),
        C.pct_change(7),
        C.cum_max() - C.cum_min(),
        (C.shift(1) < C).cast(pl.Float64).rolling_sum(12),
    ],
)
def test_honest_polars_pipelines_are_let_pass(expression: pl.Expr) -> None:
    for market in (contract_bars(600, 2), synthetic_bars(600, seed=3)):
        report = leak_report(LeakCase("polars", of_frames(expression.alias("x")), market))
        assert report.findings == ()
