"""The table of controls leaves nothing out and tells no lie."""

from __future__ import annotations

from pathlib import Path

from tradewright.core.types.order import Reason
from tradewright.risk.controls import CONTROLS, UNCONTROLLED, control_of
from tradewright.risk.limits import Limits

#: From here on reasons say why a working order ended, and not why a wish was refused.
_ENDED = range(Reason.CANCELED_BY_STRATEGY, Reason.TRADING_REDUCING)


def test_the_catalogue_is_whole() -> None:
    # C11 is the client order id, which belongs to orders and not to the guard
    wanted = [f"C{n:02}" for n in range(1, 27) if n != 11] + ["C32"]
    assert [control.id for control in CONTROLS] == wanted


def test_every_limit_belongs_to_one_control() -> None:
    fields = [field for control in CONTROLS for field in control.fields]
    assert sorted(fields) == sorted(Limits.model_fields)


def test_every_refusal_belongs_to_one_control_or_to_none_on_purpose() -> None:
    reasons = [reason for control in CONTROLS for reason in control.reasons]
    assert len(reasons) == len(set(reasons))
    assert set(reasons) | UNCONTROLLED == {reason for reason in Reason if reason not in _ENDED}
    assert not set(reasons) & UNCONTROLLED


def test_a_reason_leads_to_its_control() -> None:
    found = control_of(Reason.PRICE_COLLAR)
    assert found is not None
    assert found.id == "C01"
    assert control_of(Reason.GUARD_ERROR) is None


def test_the_documented_table_is_this_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "risk.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith(("| C", "| **C"))]
    wanted = []
    for control in CONTROLS:
        fields = ", ".join(f"`{field}`" for field in control.fields) or "always on"
        reasons = ", ".join(f"{reason.name} {int(reason)}" for reason in control.reasons)
        cells = (control.id, control.name, control.scope.value, fields, reasons, control.does)
        wanted.append(f"| {' | '.join(cells)} |")
    assert rows == wanted
