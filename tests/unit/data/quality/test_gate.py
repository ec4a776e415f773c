from __future__ import annotations

import polars as pl
import pytest
from tests.unit.data.quality.sound import DAY, HOUR, examine, seeded

from tradewright.core.types.errors import ConfigError, DataError
from tradewright.data.quality import Findings, GatePolicy, gate


@pytest.fixture(scope="module")
def hourly() -> pl.DataFrame:
    return seeded(HOUR, 2000, "XNYS", 8)


@pytest.fixture(scope="module")
def shifted(hourly: pl.DataFrame) -> Findings:
    """An hour late from bar 700 to bar 1400."""
    at = pl.int_range(pl.len()).is_between(700, 1399)
    times = ("ts_open", "ts_event", "ts_seen")
    moved = hourly.with_columns(pl.when(at).then(pl.col(n) + HOUR).otherwise(pl.col(n)).alias(n) for n in times)
    return examine(moved, HOUR, "XNYS")


def test_sound_data_passes(hourly: pl.DataFrame) -> None:
    gate(examine(hourly, HOUR, "XNYS"))


def test_refusal_says_where_what_and_how_to_accept_it(shifted: Findings) -> None:
    with pytest.raises(DataError) as caught:
        gate(shifted)
    assert "bars stand 1 h too late" in caught.value.what
    assert "daylight_saving: accept" in caught.value.fix


def test_what_is_accepted_passes(shifted: Findings) -> None:
    gate(shifted, GatePolicy({"daylight_saving": "accept"}))


def test_findings_outside_the_span_of_the_run_do_not_count(hourly: pl.DataFrame, shifted: Findings) -> None:
    first, last = int(hourly["ts_open"][700]), int(hourly["ts_open"][1399])
    gate(shifted, end=first - 3 * DAY)
    gate(shifted, start=last + 3 * DAY)
    with pytest.raises(DataError):
        gate(shifted, start=first + 20 * DAY, end=last - 20 * DAY)  # in the middle of it


def test_warnings_pass_unless_refused(hourly: pl.DataFrame) -> None:
    holed = examine(pl.concat([hourly[:101], hourly[103:]]), HOUR, "XNYS")
    assert holed.counts() == {"gap": 1}
    gate(holed)
    with pytest.raises(DataError, match="bars missing"):
        gate(holed, GatePolicy({"gap": "refuse"}))


def test_errors_are_refused_and_can_be_accepted(hourly: pl.DataFrame) -> None:
    broken = examine(hourly.with_columns(high=pl.col("low") * 0.9), HOUR, "XNYS")
    with pytest.raises(DataError, match="more findings"):
        gate(broken)
    gate(broken, GatePolicy({"high_below_low": "accept", "outside_range": "accept"}))


def test_unknown_rules_and_actions_are_refused() -> None:
    with pytest.raises(ConfigError, match="not a rule"):
        GatePolicy({"gaps": "accept"})
    with pytest.raises(ConfigError, match="not allowed"):
        GatePolicy({"gap": "ignore"})  # type: ignore[dict-item]
