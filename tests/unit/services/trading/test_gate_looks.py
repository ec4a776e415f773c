"""An order that is under way when somebody kills from another process does not leave."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tradewright.core.types.order import KillLevel, OrderKind, OrderStatus, Origin, Side, TradingState
from tradewright.core.types.venue import Idempotency, OrderIntent, VenueOrder
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.drill import Budgets, Round, over_budget
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.venue import Capabilities, Venue
from tradewright.risk.kill.inbox import KillInbox
from tradewright.risk.kill.requests import write_kill
from tradewright.risk.kill.switch import KillSwitch
from tradewright.risk.trading_state import TradingStateFile

NOW = 1_700_000_000 * 10**9
WISH = Wish("s", "X", Side.BUY, OrderKind.MARKET, 1)


class SlowVenue:
    """A venue whose connection takes a while to open; meanwhile somebody kills."""

    name, account_id = "slow", "A"
    capabilities = Capabilities(idempotency=Idempotency.HARD)

    def __init__(self, folder: Path, scope: str) -> None:
        self.folder, self.scope, self.left = folder, scope, 0

    async def submit(self, intent: OrderIntent, gate: Any) -> VenueOrder:  # noqa: ANN401
        write_kill(self.folder, KillLevel.CANCEL, self.scope, ("ann", "why"), NOW)
        gate()
        self.left += 1
        return VenueOrder(intent.client_id, "v", "X", intent.side, 1, 0, OrderStatus.ACCEPTED, NOW)


@pytest.mark.parametrize(
    ("scope", "origin", "left"),
    [
        ("all", Origin.STRATEGY, 0),
        ("symbol:X", Origin.STRATEGY, 0),
        ("symbol:Y", Origin.STRATEGY, 1),
        ("all", Origin.STOP_LOSS, 1),  # no kill refuses what protects
    ],
)
def test_the_gate_looks_before_the_first_byte(tmp_path: Path, scope: str, origin: Origin, left: int) -> None:
    async def inside() -> bool:
        inbox, stored = KillInbox(tmp_path / "kill", lambda: NOW), TradingStateFile(tmp_path / "state.json")
        venue = SlowVenue(inbox.folder, scope)
        state = OrdersState("A", venue.capabilities, is_ready=True, last_view=NOW)
        with Journal(FolderDisk(tmp_path / "journal"), lambda: NOW) as journal:
            desk = OrderDesk(cast("Venue", venue), journal, state, DeskPorts(lambda: NOW, lambda: True, lambda _: None))
            switch = KillSwitch(desk, inbox, stored, lambda: NOW, lambda: state.is_ready)
            desk.ports = replace(desk.ports, heed=switch.poll)
            name, said = desk.submit(replace(WISH, origin=origin))
            assert not said
            for _ in range(2):
                await asyncio.sleep(0)
            switch.poll()
        assert venue.left == left
        assert desk.kills == {scope: KillLevel.CANCEL}
        assert (stored.read().state is TradingState.KILLED) or scope != "all"
        return state.orders[name].is_alive

    assert asyncio.run(inside()) is bool(left)


def test_the_worst_round_is_what_counts() -> None:
    good = Round(1.0, 1.5, 2.0, 3.0)
    assert over_budget([good], Budgets()) == []
    found = over_budget([good, Round(51.0, 60.0, 501.0, float("nan"), 10_001.0)], Budgets())
    assert [text.split(":")[0] for text in found] == ["block", "dispatch", "flat"]
    assert len(over_budget([Round(float("nan"), 1.0, 1.0, 1.0)], Budgets())) == 1
