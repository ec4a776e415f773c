"""Settings into a run that is ready to start, over a small store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.core.types.dtypes import REFERENCE, SESSION
from tradewright.core.types.errors import ConfigError, TradewrightError, UsageError
from tradewright.data.importer import import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore
from tradewright.data.universe import read_universe, universe_path
from tradewright.engine.backtest import Run
from tradewright.services.demo import base_rates
from tradewright.services.runs.execute import Clock, Place, execute
from tradewright.services.runs.prepare import PreparedRun, prepare
from tradewright.services.runs.read import StoredRun, find_run, runs_in
from tradewright.services.runs.write import performance_params
from tradewright.services.settings import RunSettings

HOUR = 3_600_000_000_000
DAYS = 10


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ACME hourly in New York's days, and BOLT in two timeframes."""
    root = tmp_path_factory.mktemp("data")
    start = int(datetime(2024, 1, 1, 5, tzinfo=UTC).timestamp())
    for symbol, step, n in (("ACME", 3600, 24 * DAYS), ("BOLT", 3600, 48), ("BOLT", 60, 90)):
        close = 100 + 5 * np.sin(np.arange(n) / 9)
        rows = [f"{start + i * step},{c:.2f},{c + 1:.2f},{c - 1:.2f},{c:.2f},10" for i, c in enumerate(close)]
        path = root / f"{symbol}{step}.csv"
        path.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n", encoding="utf-8")
        params = InstrumentParams.model_validate(
            {"symbol": symbol, "tick_size": "0.01", "fees": "us_equity_per_share", "calendar": "us_equity"}
        )
        BarStore(root / "store").write(import_file(path, params.instrument().calendar), params)
    return root / "store"


def prepared(folder: Path, more: dict[str, Any] | None = None, **data: object) -> PreparedRun:
    document: dict[str, Any] = {"strategy": {"name": "ema_cross", "params": {"fast": 3, "slow": 8}}}
    document["data"] = {"store": folder, "symbols": ["ACME"], **data}
    return prepare(RunSettings.model_validate(document | (more or {})))


def test_dates_are_trading_days_with_both_ends(store: Path) -> None:
    run = prepared(store, start="2024-01-02", end="2024-01-03")
    assert len(run.bars[0]) == 48  # midnight to midnight in New York
    assert run.bars[0].ts_open[0] == int(datetime(2024, 1, 2, 5, tzinfo=UTC).timestamp()) * 10**9


def test_a_run_is_held_to_the_rules_it_was_named_by_though_their_file_changes(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"

    def write(pct: str) -> None:
        head = "firm: Mine\nproduct: p\nphase: any\nstatus: official\nas_of: 2019-01\nreview_by: 2020-01-01\n"
        rules = f'rules:\n  - {{id: mine.old, max_loss: {{trailing: none, pct: "{pct}"}}}}\n'
        file.write_text(f"{head}version: 1\nsource: [me]\n{rules}", encoding="utf-8")

    limits = {"limits": {"prop": {"rules": ["mine.old"], "files": str(file)}}}
    write("0.05")
    run = prepared(store, limits)
    write("0.5")
    guard = Run(run.plan).memory.guard
    assert guard is not None
    assert guard.watch is not None
    assert guard.watch.rules["max_distance_micro"].tolist() == [5_000_000_000], "5 % of 100,000"
    assert prepared(store, limits).identity != run.identity


def test_moments_are_utc_unless_they_say_otherwise(store: Path) -> None:
    plain = prepared(store, start="2024-01-02T05:00:00", end="2024-01-02T08:00:00")
    zoned = prepared(store, start="2024-01-02T00:00:00-05:00", end="2024-01-02T03:00:00-05:00")
    assert len(plain.bars[0]) == 3
    assert plain.data == zoned.data


@pytest.mark.parametrize(
    ("more", "data", "words"),
    [
        ({}, {"start": "2024-01-05", "end": "2024-01-03"}, ["is empty", "after the start"]),
        ({}, {"start": "2030-01-01"}, ["no 1h bars of ACME in the range", "The store has"]),
        ({}, {"symbols": ["BOLT"]}, ["stored as 1m, 1h", "BOLT@1m"]),
        ({}, {"symbols": ["ACNE"]}, ["unknown instrument 'ACNE'", "ACME"]),
        ({}, {"store": Path("nowhere")}, ["no market-data store", "data sample"]),
        ({"instruments": {"BOLT": {}}}, {}, ["'BOLT' is not traded"]),
        ({"instruments": {"ACME": {"fees": {"taker": 1}}}}, {}, ["instruments.ACME.fees.taker", "taker_bps"]),
        ({"strategy": {"name": "ema_cross", "params": {"fast": 0}}}, {}, ["strategy.params.fast", "at least 1"]),
        ({"strategy": {"name": "forecast_threshold"}}, {}, ["needs forecasts", "forecasts.file"]),
        ({"strategy": {"name": "ema_crs"}}, {}, ["ema_crs", "ema_cross"]),
    ],
)
def test_what_cannot_be_run_is_refused(
    store: Path, more: dict[str, Any], data: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        prepared(store, more, **data)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_a_definition_is_changed_field_by_field(store: Path) -> None:
    run = prepared(store, {"instruments": {"ACME": {"fees": {"taker_bps": 7}, "calendar": "24/7"}}})
    instrument = run.plan.instruments[0]
    assert instrument.fees.taker_bps == 7
    assert instrument.fees.per_unit == 0.005
    days = instrument.calendar.day_numbers(run.bars[0].ts_open)
    assert np.array_equal(run.bars[0].fields[SESSION], days)
    assert not np.array_equal(days, prepared(store).bars[0].fields[SESSION])


def test_resolved_settings_start_the_same_run(store: Path) -> None:
    first = prepared(store)
    again = prepare(RunSettings.model_validate(json.loads(first.settings.model_dump_json())))
    assert again.identity == first.identity
    assert again.config_yaml == first.config_yaml
    assert prepared(store, {"seed": 1}).identity != first.identity


def test_the_session_gets_small_blocks_of_the_same_events(store: Path) -> None:
    run = prepared(store, {"path": "session"}, symbols=["ACME", "BOLT@1h"])
    blocks = list(run.plan.blocks())
    assert sum(len(b) for b in blocks) == run.plan.n_events == 24 * DAYS + 48


def test_the_folder_is_named_by_the_clock_and_the_run(store: Path, tmp_path: Path) -> None:
    clock = Clock(now=lambda: datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), seconds=lambda: 1.0)
    run = prepared(store, {"report": {"enabled": False}})
    seen: list[int] = []
    finished = execute(run, Place(tmp_path / "runs"), seen.append, clock)
    assert finished.folder.name == f"20240506T070809Z-{run.name}"
    assert sum(seen) == run.plan.n_events
    stored = find_run("latest", tmp_path / "runs")
    assert stored.manifest["wall_clock"] == {
        "started": "2024-05-06T07:08:09+00:00",
        "finished": "2024-05-06T07:08:09+00:00",
        "simulation_seconds": 0.0,
    }
    assert stored.manifest["run"] == run.name
    assert performance_params(run.settings, finished.outcome.result).day_starts is not None
    with pytest.raises(UsageError, match="no run 'other'"):
        find_run("other", tmp_path / "runs")


def test_a_damaged_run_is_named_and_the_others_are_listed(store: Path, tmp_path: Path) -> None:
    execute(prepared(store, {"report": {"enabled": False}}), Place(tmp_path, tmp_path / "good"), lambda _: None)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text("{", encoding="utf-8")
    bad, good = runs_in(tmp_path)
    assert isinstance(bad, TradewrightError)
    assert "bad" in bad.where
    assert isinstance(good, StoredRun)


def test_a_forecast_file_that_knows_nothing_of_the_market_is_refused(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "forecasts.csv"
    path.write_text("symbol,ts_seen,p_up\nOTHER,2024-01-01T00:00:00Z,0.6\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no forecast of ACME"):
        prepared(store, {"forecasts": {"file": path}})


def test_base_rates_look_back_only(store: Path) -> None:
    bars = prepared(store).bars[0]
    forecasts = base_rates(bars)
    assert forecasts.ts_seen[0] == bars.ts_event[100]
    assert forecasts.values[0, 0] == np.mean(bars.close[1:101] > bars.close[:100])
    assert np.allclose(forecasts.values[:3].sum(axis=0), 1.0)


def test_a_reference_is_seen_only_once_it_is_complete_and_is_part_of_the_identity(store: Path) -> None:
    plain = prepared(store)
    run = prepared(store, reference="BOLT@1h")
    bolt = prepared(store, symbols=["BOLT@1h"]).bars[0]
    seen = run.bars[0].fields[REFERENCE]
    assert np.isnan(plain.bars[0].fields[REFERENCE]).all()
    assert (seen[:48] == bolt.close).all()
    assert (seen[48:] == bolt.close[-1]).all(), "the newest known close stands"
    assert run.identity != plain.identity
    with pytest.raises(ConfigError, match="unknown instrument 'NUT'") as caught:
        prepared(store, reference="NUT@1h")
    assert "data.reference" in caught.value.where


@pytest.mark.parametrize(
    ("row", "badge"),
    [
        ("ACME,2023-06-01,,committee", "DATED"),
        ("ACME,2024-01-03,,committee", "UNKNOWN"),  # begins after the run
        ("BOLT,2023-06-01,,committee", "UNKNOWN"),  # says nothing of what is traded
    ],
)
def test_a_run_is_dated_only_where_its_universe_covers_it(store: Path, tmp_path: Path, row: str, badge: str) -> None:
    table = tmp_path / "members.csv"
    table.write_text(f"symbol,from,to,source\n{row}\n", encoding="utf-8")
    read_universe(table).write(universe_path(store, "members"))
    run = prepared(store, {"universe": "members"})
    assert run.survivorship == badge
    finished = execute(run, Place(tmp_path), lambda _: None)
    assert finished.manifest["survivorship"] == badge
    assert f">{badge}</dd>" in (finished.folder / "report.html").read_text(encoding="utf-8")


def test_without_a_universe_survivorship_is_unknown_and_a_missing_one_is_refused(store: Path) -> None:
    assert prepared(store).survivorship == "UNKNOWN"
    with pytest.raises(ConfigError, match=r"has no universe 'nobody'.*data universe FILE"):
        prepared(store, {"universe": "nobody"})
