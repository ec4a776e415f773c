"""`data fetch` and `data update`: wrong options are named before anything is asked of a vendor."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.data.test_store import PARAMS, hours, imported
from typer.testing import CliRunner

from tradewright.core.types.errors import UsageError
from tradewright.data.download import Progress
from tradewright.data.kinds import Kind
from tradewright.data.store import BarStore
from tradewright.services.cli.app import app
from tradewright.services.cli.fetch import FetchingOptions, _definition, _grouped, _until, _wanted
from tradewright.services.cli.fetch_meter import FetchMeter, words

NOW = 1_735_689_600 * 10**9 + 123  # 2025-01-01 and a little
DAY = 86_400 * 10**9


def options(**more: object) -> FetchingOptions:
    known: dict[str, object] = {"source": "binance", "symbol": "BTCUSDT", "timeframe": "1h", "start": "2024-12-01"}
    return FetchingOptions(**(known | more))  # type: ignore[arg-type]


def test_the_range_ends_now_at_a_whole_bar() -> None:
    wanted = _wanted(options(), NOW + 90 * 60 * 10**9)
    assert (wanted.symbol, wanted.kind, wanted.timeframe) == ("BTCUSDT", Kind.BARS, "1h")
    assert (wanted.start, wanted.end) == (NOW - 123 - 31 * DAY, NOW - 123 + DAY // 24)
    assert _wanted(options(end="2030-01-01"), NOW).end == NOW - 123
    assert _wanted(options(end="2024-12-31 10:30"), NOW).end == NOW - 123 - 27 * DAY // 48
    assert _until(NOW, NOW, 0) == NOW - 123  # ticks: a whole second


def test_ticks_need_no_timeframe() -> None:
    wanted = _wanted(options(kind="trades", timeframe=""), NOW)
    assert (wanted.kind, wanted.timeframe) == (Kind.TRADES, "tick")


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"start": ""}, "--start"),
        ({"start": "yesterday"}, "--start"),
        ({"start": "1969-01-01"}, "--start"),
        ({"start": "9999-01-01"}, "--start"),
        ({"start": "2025-06-01"}, "--start"),
        ({"end": "2024-13-01"}, "--end"),
        ({"end": "2024-11-30"}, "--end"),
        ({"timeframe": ""}, "--timeframe"),
        ({"timeframe": "1x"}, "--timeframe"),
        ({"timeframe": "tick"}, "--timeframe"),
        ({"kind": "quotes", "timeframe": "1m"}, "--timeframe"),
    ],
)
def test_a_wrong_option_is_named(wrong: dict[str, str], where: str) -> None:
    with pytest.raises(UsageError) as error:
        _wanted(options(**wrong), NOW)
    assert error.value.where == where
    assert error.value.fix


def test_the_definition_is_given_or_stored_or_usual(tmp_path: Path) -> None:
    store = BarStore(tmp_path)
    chosen = options(name="SYN", tick_size="0.5", fees="free")
    wanted = _wanted(chosen, NOW)
    fresh = _definition(chosen, "spot", store, wanted)
    assert (fresh.symbol, fresh.tick_size, fresh.fees.name, fresh.lot_size) == ("SYN", "0.5", "free", "0.00001")
    store.write(imported(hours(10)), PARAMS)
    assert _definition(options(name="SYN"), "spot", store, wanted) == PARAMS
    assert _definition(options(name="SYN", lot_size="2"), "spot", store, wanted).lot_size == "2"
    with pytest.raises(UsageError, match="--fees"):
        _definition(options(fees="none at all"), "spot", store, wanted)
    with pytest.raises(UsageError, match="symbol"):
        _definition(options(name=" x"), "spot", store, wanted)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("fetch binanse BTCUSDT", "Did you mean 'binance'"),
        ("fetch binance BTCUSDT --market margin", "--market"),
        ("fetch binance BTCUSDT --timeframe 1m", "--start"),
        ("update NOSUCH", "unknown instrument"),
        ("update SYN", "was not fetched"),
        ("update --end never", "--end"),
    ],
)
def test_the_command_ends_with_two_and_one_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    BarStore(tmp_path / "store").write(imported(hours(10)), PARAMS)
    done = CliRunner().invoke(app, ["data", *line.split(), "--store", "store"])
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stdout == ""


def test_nothing_to_update(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["data", "update", "--store", str(tmp_path)])
    assert (done.exit_code, "was fetched" in done.stdout) == (0, True)


def test_notes_are_told_once() -> None:
    assert _grouped(["a: odd", "b: odd", "c: other: thing"]) == ["odd (2 pieces)", "other: thing (c)"]
    many = _grouped([f"p{i}: note {i}" for i in range(12)])
    assert len(many) == 10
    assert many[-1] == "... 3 more; --json lists them"


def test_progress_in_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(pieces=1200, done=5, resumed=2, present=1, rows=4321, quarantined=7)
    told = "5 of 1,200 pieces, 4,321 rows, 2 pieces resumed, 1 in the store already, 7 rows refused"
    assert words(progress) == told
    with FetchMeter("ACME 1h") as meter:
        meter.show(progress)
        assert capsys.readouterr().err == ""  # quick work is not talked about
        meter._said -= 10.0
        meter.show(progress)
        assert capsys.readouterr().err == f"ACME 1h: {told}\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with FetchMeter("ACME 1h") as meter:
        meter.show(progress)
        assert meter._bar is not None
        [task] = meter._bar.tasks
        assert (task.completed, task.total, task.fields["told"]) == (5, 1200, told)
