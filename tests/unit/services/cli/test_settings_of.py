"""File, environment and options into settings; every error names its place, what was given, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.services.cli.backtest import BacktestOptions, settings_of
from tradewright.services.settings import RunSettings

GOOD = """\
strategy:
  name: ema_cross
  params: {fast: 5}
data:
  symbols: [EURUSD@1h]
"""


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRADEWRIGHT_SEED", "TRADEWRIGHT_ACCOUNT__CURRENCY"):
        monkeypatch.delenv(name, raising=False)


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def settings(tmp_path: Path, text: str, *assignments: str) -> RunSettings:
    return settings_of(BacktestOptions(config=_written(tmp_path, text), assignments=list(assignments)))[0]


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ("account: {inital_cash: 5}\n", 6, ["account.inital_cash", "Did you mean 'initial_cash'?"]),
        ("account:\n  initial_cash: -5\n", 7, ["account.initial_cash", "-5 is not allowed", "above 0"]),
        ("seed: many\n", 6, ["seed", "'many' is not allowed", "a whole number"]),
        ("path: lop\n", 6, ["path", "'lop' is not allowed", "loop, session"]),
        ("limts: {}\n", 6, ["unknown key 'limts'", "Did you mean 'limits'?"]),
        ("limits: {intraday_loss: 2}\n", 6, ["limits.intraday_loss", "2 is not a share", "write 0.02"]),
        ("venue:\n  latency:\n    request_ms: -1\n", 8, ["venue.latency.request_ms", "at least 0"]),
        ("account: 5\n", 6, ["account", "5 is not allowed", "initial_cash, currency"]),
        ("forecasts: {}\n", 6, ["forecasts", "give either `file` or `model`"]),
    ],
)
def test_an_error_names_line_field_and_what_is_allowed(tmp_path: Path, more: str, line: int, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, GOOD + more)
    text = str(caught.value)
    assert f"run.yaml:{line}" in caught.value.where
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("# nothing\n", ["empty"]),
        ("- a\n- b\n", ["key: value"]),
        ("a: [1\n", ["not valid YAML"]),
        ("seed: 1\nseed: 2\n", ["run.yaml:2", "stands twice", "line 1"]),
        ("strategy: {name: a, file: b.py}\ndata: {symbols: [A]}\n", ["run.yaml:1", "either `name`"]),
        ("strategy: {name: a}\ndata: {symbols: []}\n", ["data.symbols", "at least one entry"]),
        ("strategy: {name: a}\ndata: {symbols: [A@1h, A@1d]}\n", ["data.symbols", "'A' is named twice"]),
        ("strategy: {name: a}\n", ["data", "is missing"]),
        ("strategy: {name: a}\ndata: {symbols: A, start: 2024-13-01}\n", ["run.yaml:2", "data.start", "not a date"]),
    ],
)
def test_a_bad_document_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_later_findings_are_named_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Also wrong: seed"):
        settings(tmp_path, GOOD + "account: {initial_cash: 0}\nseed: -1\n")


def test_a_bare_key_is_a_parameter_of_the_strategy(tmp_path: Path) -> None:
    found = settings(tmp_path, GOOD, "slow=50", "seed=3", "account.currency=EUR", "instruments.EURUSD.lot_size=1")
    assert found.strategy is not None
    assert found.strategy.params == {"fast": 5, "slow": 50}
    assert found.seed == 3
    assert found.account.currency == "EUR"
    assert found.instruments == {"EURUSD": {"lot_size": 1}}


SEVERAL = """\
strategies:
  - {name: donchian_breakout, params: &shared {weight: 0.3}, symbols: [A, B]}
  - {name: ema_cross, label: quick, params: *shared, symbols: [C]}
  - {file: own/idea.py, symbols: [D]}
data: {}
"""


@pytest.mark.parametrize("which", ["1", "quick"])
def test_one_of_several_strategies_is_reached_by_name_or_number(tmp_path: Path, which: str) -> None:
    found = settings(tmp_path, SEVERAL, f"strategies.{which}.params.fast=10", "strategies.idea.params.x=1").strategies
    assert [member.params for member in found] == [{"weight": 0.3}, {"weight": 0.3, "fast": 10}, {"x": 1}]


def test_a_parameter_of_one_of_several_strategies_is_named_where_it_was_set(tmp_path: Path) -> None:
    _, layers = settings_of(
        BacktestOptions(config=_written(tmp_path, SEVERAL), assignments=["strategies.quick.params.fast=10"])
    )
    assert layers.origin(("strategies", 1, "params", "fast")) == "--set strategies.quick.params.fast"
    assert layers.origin(("strategies", 1, "params", "weight")).endswith("run.yaml:2")  # the alias's own


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("strategies.slow.params.fast=1", ["'strategies' has no entries called 'slow'", "1 (quick), 2 (idea)"]),
        ("strategies.3.params.fast=1", ["has no entries called '3'", "0 (donchian_breakout)"]),
        ("strategies.quick.symbols.1=X", ["'strategies.1.symbols' has no entries called '1'", "one of: 0."]),
        ("strategies.quick.label.x=1", ["'strategies.1.label' holds 'quick', which has no fields"]),
        ("fast=1", ["several strategies", "strategies.WHICH.params.fast; which: 0 (donchian_breakout), 1 (quick)"]),
    ],
)
def test_what_there_is_is_said_where_a_strategy_is_missed(tmp_path: Path, assignment: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, SEVERAL, assignment)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["fast", "=5", "a..b=5"])
def test_an_assignment_needs_key_and_value(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="not an assignment"):
        settings(tmp_path, GOOD, text)


def test_the_environment_is_between_file_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWRIGHT_SEED", "11")
    monkeypatch.setenv("TRADEWRIGHT_ACCOUNT__CURRENCY", "EUR")
    found = settings(tmp_path, GOOD + "seed: 1\n", "account.currency=CHF")
    assert (found.seed, found.account.currency) == (11, "CHF")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TRADEWRIGHT_ACOUNT__CURRENCY", "EUR", ["'acount' is not a section"]),
        ("TRADEWRIGHT_ACCOUNT__CURRENCY", "eur", ["TRADEWRIGHT_ACCOUNT__CURRENCY", "'eur' is not allowed"]),
        ("TRADEWRIGHT_SEED", "[", ["TRADEWRIGHT_SEED", "is not a value"]),
    ],
)
def test_a_bad_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, GOOD)
    for word in words:
        assert word in str(caught.value)


def test_strategy_and_data_options_replace_the_files(tmp_path: Path) -> None:
    path = _written(tmp_path, GOOD)
    found, _ = settings_of(BacktestOptions(config=path, strategy="./mine.py", data=["A", "B@1d"], seed=4))
    assert found.strategy is not None
    assert found.strategy.file == Path("mine.py")
    assert found.strategy.name == ""
    assert found.data.symbols == ("A", "B@1d")
    assert found.seed == 4


def test_calls_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, GOOD)
    with pytest.raises(UsageError, match="two configuration files"):
        settings_of(BacktestOptions(config=path, config_option=path))
    with pytest.raises(UsageError, match="not Python"):
        settings_of(BacktestOptions(config=Path("mine.py")))
    with pytest.raises(UsageError, match="nothing says what to run"):
        settings_of(BacktestOptions(strategy="ema_cross"))
