"""Orders that the desk refuses again and again: a person hears of each cause once, the journal of each order."""

from __future__ import annotations

import pytest
from tests.parity.live_sessions import lively_plan, trade

from tradewright.engine.live.recovery import REFUSED
from tradewright.engine.live.runtime import Counts, Runtime
from tradewright.execution.orders.inputs import KillLevel
from tradewright.forensics.replay import replay

SCOPE = "strategy:ema_cross"


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_cause_is_told_once_and_again_only_when_it_has_ended(rounds: int) -> None:
    counts = Counts()

    def meddle(runtime: Runtime, i: int) -> None:
        nonlocal counts
        counts = runtime.counts
        if i in (20, 200)[:rounds]:
            runtime.kill(KillLevel.BLOCK_NEW, SCOPE, "ann", "a test")
        if i == 180:
            runtime.release(SCOPE, "ann", "bob", "the test is over")

    session = trade(lively_plan(), meddle=meddle)
    told = [alert.text for alert in session.alerts if alert.code == "order refused"]
    assert told == ["killed: BLOCK_NEW"] * rounds
    written = [r for r in session.records() if r.kind == REFUSED]
    assert len(written) == counts.refused > 20 * rounds
    assert replay(session.records(), session.program()).differences == ()


def test_another_cause_is_told_while_the_first_one_lasts() -> None:
    def meddle(runtime: Runtime, i: int) -> None:
        if i in (20, 100):
            runtime.kill(KillLevel.BLOCK_NEW if i == 20 else KillLevel.CANCEL, SCOPE, "ann", "a test")

    told = [alert.text for alert in trade(lively_plan(), meddle=meddle).alerts if alert.code == "order refused"]
    assert told == ["killed: BLOCK_NEW", "killed: CANCEL"]
