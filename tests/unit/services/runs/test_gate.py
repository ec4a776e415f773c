"""The gate keeps what it found, by content, and checks again where it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.data.quality.sound import HOUR, seeded

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import DataError
from tradewright.data import quality
from tradewright.data.importer import export_csv, import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore
from tradewright.services.runs import gate as gates


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    """Hourly bars of New York, an hour late throughout."""
    export_csv(
        seeded(HOUR, 500, "XNYS", 1).with_columns(ts_open=seeded(HOUR, 500, "XNYS", 1)["ts_open"] + HOUR),
        tmp_path / "x.csv",
    )
    params = InstrumentParams.model_validate({"symbol": "LATE", "tick_size": "0.001", "calendar": "us_equity"})
    made = BarStore(tmp_path / "store")
    made.write(import_file(tmp_path / "x.csv", params.instrument().calendar), params)
    return made


def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often rules are run."""
    ran: list[str] = []
    real = quality.check

    def counted(subject: object) -> object:
        ran.append("once")
        return real(subject)  # type: ignore[arg-type]

    monkeypatch.setattr(gates, "check", counted)
    return ran


def test_rules_run_once_for_one_content(store: BarStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, dataset = checks(monkeypatch), store.describe("LATE", "1h")
    calendar = dataset.instrument.instrument().calendar
    first = gates.findings_of(store, dataset, calendar)
    assert first.counts() == {"time_zone": 1}
    assert gates.findings_of(store, dataset, calendar).frame.equals(first.frame)
    assert len(ran) == 1
    always = gates.findings_of(store, dataset, Calendar())
    assert "time_zone" not in always.counts()  # another calendar, other findings
    assert len(ran) == 2
    gates.findings_of(store, dataset.model_copy(update={"digest": "0" * 32}), calendar)
    assert len(ran) == 3


def test_damaged_results_are_made_again(store: BarStore, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = store.describe("LATE", "1h")
    calendar = dataset.instrument.instrument().calendar
    first = gates.findings_of(store, dataset, calendar)
    kept = next((store.root / ".checks").glob("*.parquet"))
    kept.write_bytes(b"nothing")
    ran = checks(monkeypatch)
    assert gates.findings_of(store, dataset, calendar).frame.equals(first.frame)
    assert len(ran) == 1


def test_folder_that_cannot_be_written_only_costs_time(store: BarStore) -> None:
    dataset = store.describe("LATE", "1h")
    (store.root / ".checks").write_text("a file in the way", encoding="utf-8")
    assert gates.findings_of(store, dataset, dataset.instrument.instrument().calendar).counts() == {"time_zone": 1}


def test_run_is_refused_unless_accepted(store: BarStore) -> None:
    dataset = store.describe("LATE", "1h")
    calendar = dataset.instrument.instrument().calendar
    with pytest.raises(DataError, match="1 h too late"):
        gates.pass_gate(store, dataset, calendar, {}, (None, None))
    gates.pass_gate(store, dataset, calendar, {"time_zone": "accept"}, (None, None))
    gates.pass_gate(store, dataset, replace(calendar, name="my own"), {}, (None, None))
