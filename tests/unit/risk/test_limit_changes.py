from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.risk.limit_changes import LimitBook
from tradewright.risk.limits import Limits

MINUTE = 60_000_000_000
NAME = "max_order_value"
LIMITS = Limits.model_validate({NAME: 1000.0, "intraday_loss": 0.05, "ceilings": {NAME: 2000.0}})


def book(path: Path) -> LimitBook:
    return LimitBook(path / "limits.json", LIMITS, delay_ns=15 * MINUTE)


def test_the_configuration_is_in_force_at_first(tmp_path: Path) -> None:
    assert book(tmp_path).read().limits == {NAME: 1000.0, "intraday_loss": 0.05}


def test_lowering_is_at_once_and_lasts(tmp_path: Path) -> None:
    book(tmp_path).lower(NAME, 500.0, "ann", 1)
    assert book(tmp_path).read().limits[NAME] == 500.0
    with pytest.raises(UsageError, match="above 500"):
        book(tmp_path).lower(NAME, 500.01, "ann", 2)


def test_a_raise_takes_two_people_and_the_whole_delay(tmp_path: Path) -> None:
    book(tmp_path).request(NAME, 2000.0, "ann", MINUTE)
    assert book(tmp_path).read().limits[NAME] == 1000.0
    for who in ("ann", " ANN "):
        with pytest.raises(UsageError, match="asked for it"):
            book(tmp_path).confirm(NAME, who, 100 * MINUTE)
    with pytest.raises(UsageError, match="delay") as early:
        book(tmp_path).confirm(NAME, "bob", 16 * MINUTE - 1)
    assert "1 s" in str(early.value.fix)
    state = book(tmp_path).confirm(NAME, "bob", 16 * MINUTE)
    assert state.limits[NAME] == 2000.0
    assert book(tmp_path).read() == state
    assert [line["what"] for line in state.history] == ["request", "confirm"]
    with pytest.raises(UsageError, match="nobody asked"):
        book(tmp_path).confirm(NAME, "bob", 17 * MINUTE)


def test_the_ceiling_cannot_be_passed(tmp_path: Path) -> None:
    for name, value in ((NAME, 2000.01), ("intraday_loss", 0.0501), (NAME, float("nan")), (NAME, -1.0)):
        with pytest.raises(UsageError, match="out of range"):
            book(tmp_path).request(name, value, "ann", 0)
    book(tmp_path).lower("intraday_loss", 0.01, "ann", 0)  # without a ceiling the configuration's own value is one
    book(tmp_path).request("intraday_loss", 0.05, "ann", 0)
    book(tmp_path).confirm("intraday_loss", "bob", 15 * MINUTE)


def test_a_ceiling_lowered_in_the_configuration_holds_for_what_was_raised_before(tmp_path: Path) -> None:
    book(tmp_path).request(NAME, 2000.0, "ann", 0)
    book(tmp_path).confirm(NAME, "bob", 15 * MINUTE)
    lower = LIMITS.model_copy(update={"ceilings": LIMITS.ceilings.model_copy(update={NAME: 1200.0})})
    assert LimitBook(tmp_path / "limits.json", lower).read().limits[NAME] == 1200.0


def test_lowering_drops_a_raise_that_waits(tmp_path: Path) -> None:
    book(tmp_path).request(NAME, 1500.0, "ann", 0)
    book(tmp_path).lower(NAME, 900.0, "bob", 1)
    with pytest.raises(UsageError, match="nobody asked"):
        book(tmp_path).confirm(NAME, "bob", 20 * MINUTE)


def test_a_damaged_file_is_not_trusted(tmp_path: Path) -> None:
    book(tmp_path).lower(NAME, 500.0, "ann", 1)
    path = tmp_path / "limits.json"
    path.write_text(path.read_text().replace("500.0", "900.0"))
    with pytest.raises(StoreError, match="cannot be trusted"):
        book(tmp_path).read()


def test_a_limit_that_is_not_set_cannot_be_changed(tmp_path: Path) -> None:
    for name in ("max_leverage", "max_leverge"):
        with pytest.raises(UsageError, match="no limit that can be changed") as error:
            book(tmp_path).lower(name, 1.0, "ann", 0)
        assert NAME in str(error.value.fix)
    with pytest.raises(UsageError, match="needs a name"):
        book(tmp_path).lower(NAME, 1.0, " ", 0)
