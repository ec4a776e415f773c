"""The status of a session: every figure from where it stands, JSON that any reader takes, in no time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.live_world import plan
from tests.parity.live_sessions import lively_plan, trade

from tradewright.core.types.order import OrderStatus
from tradewright.engine.live.gauges import EVENT_TO_ACT, SUBMIT_TO_ACK, Gauges
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.live.status import StatusFacts, status_of
from tradewright.execution.orders.inputs import Alert, KillLevel
from tradewright.risk.limits import Limits

HOUR = 3_600_000_000_000


def watched(limits: Limits | None = None, rows: int = 60) -> tuple[Runtime, int]:
    """Return the runtime of a session that holds a position with two exits, and its time."""
    found: list[Runtime] = []

    def meddle(runtime: Runtime, _i: int) -> None:
        found[:] = [runtime]

    plan = lively_plan(rows)
    session = trade(replace(plan, limits=limits or Limits()), meddle=meddle)
    return found[0], session.rows[-1].ts_seen


def told(runtime: Runtime, now: int) -> dict[str, Any]:
    document = status_of(runtime, StatusFacts("demo", "paper", now, now + 7))
    read: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    return read


def test_positions_orders_and_books() -> None:
    runtime, now = watched(rows=64)
    for more in range(64, 120):
        if runtime.conductor.book()["lots"]["AAA"]:
            break
        runtime, now = watched(rows=more)
    status, book = told(runtime, now), runtime.conductor.book()
    (position,) = status["positions"]
    assert position["lots"] == position["desk_lots"] == book["lots"]["AAA"] != 0
    assert position["value"] == pytest.approx(position["units"] * position["price"], abs=0.01)
    assert status["equity"] == book["equity_micro"] / 1e6
    assert {order["origin"] for order in status["orders"]} == {"STOP_LOSS", "TAKE_PROFIT"}
    assert all(order["age_s"] >= 0.0 for order in status["orders"])
    assert (status["account"], status["venue"], status["strategy"]) == ("demo", "simulated", "ema_cross")
    assert (status["ts"], status["written_ns"]) == (now, now + 7)
    assert status["trading_state"] == "ACTIVE"
    assert status["journal"]["records"] == runtime.desk.journal.sequence
    assert status["feeds"] == [{"instrument": "AAA", "age_s": 0.0}]
    assert {one["name"] for one in status["latencies"]} == {EVENT_TO_ACT, SUBMIT_TO_ACK}
    assert all(one["p99_ms"] == 0.0 for one in status["latencies"]), "the market's clock stands still meanwhile"


def test_feeds_age_by_the_clock_of_a_venue_that_is_ahead_of_ours() -> None:
    found: list[Runtime] = []
    runtime, now = watched()
    runtime.newest[0] = now + HOUR
    assert told(runtime, now)["feeds"] == [{"instrument": "AAA", "age_s": 0.0}]
    assert told(runtime, now + 2 * HOUR)["feeds"][0]["age_s"] == 3600.0
    trade(plan("ema_cross"), meddle=lambda another, _: found.append(another))
    found[0].newest = [now, now + HOUR]
    ages = [feed["age_s"] for feed in told(found[0], now)["feeds"]]
    assert ages == [3600.0, 0.0], "what one feed has told, the other has not for so long"


def test_an_order_that_nobody_knows_about_is_shown_as_such() -> None:
    runtime, now = watched()
    order = next(iter(runtime.desk.state.orders.values()))
    order.status, order.ts_unknown = OrderStatus.UNKNOWN, now - 90 * 10**9
    runtime.desk.state.index(order)
    row = next(o for o in told(runtime, now)["orders"] if o["status"] == "UNKNOWN")
    assert (row["client_id"], row["age_s"]) == (order.intent.client_id, 90.0)


def test_limits_show_how_much_of_each_is_used() -> None:
    limits = Limits(
        max_leverage=2.0, intraday_loss=0.1, max_drawdown=0.5, max_position_value=2e5, max_orders_per_day=50
    )
    runtime, now = watched(limits)
    status = told(runtime, now)
    used = {one["name"]: one for one in status["limits"]}
    assert set(used) == {
        "max_leverage", "intraday_loss", "max_drawdown", "max_position_value", "max_orders_per_day"
    }  # fmt: skip
    assert used["max_drawdown"]["share"] == pytest.approx(status["drawdown"] / 0.5)
    assert used["intraday_loss"]["used"] == pytest.approx(
        max(-status["day_pnl"], 0.0) / (status["equity"] - status["day_pnl"])
    )
    assert all(one["share"] == one["used"] / one["limit"] for one in used.values())


def test_prop_rules_show_how_much_of_each_loss_is_lost() -> None:
    runtime, now = watched(Limits.model_validate({"prop": {"rules": ["ftmo.2step.challenge"], "gap": 0.01}}))
    memory = runtime.conductor.run.memory
    memory.record["equity_micro"] = 97_000 * 1_000_000
    used = {one["name"]: one for one in told(runtime, now)["limits"]}
    daily, most = (used[f"ftmo.2step.challenge {name} loss"] for name in ("daily", "max"))
    assert (most["used"], most["limit"], most["share"]) == (3_000.0, 10_000.0, 0.3)
    assert memory.guard is not None
    day_start = int(memory.guard.arrays["states"]["day_start_micro"][0]) / 1e6
    assert (daily["used"], daily["limit"]) == (day_start - 97_000.0, 5_000.0)
    memory.record["equity_micro"] = 120_000 * 1_000_000
    assert told(runtime, now)["limits"][-1]["used"] == 0.0


def test_kills_and_alerts_of_the_last_hour() -> None:
    runtime, now = watched()
    runtime.desk.state.kills["symbol:AAA"] = KillLevel.BLOCK_NEW
    runtime.gauges.alerts.clear()
    runtime.gauges.alert(now - HOUR - 1, Alert("old", "gone"))
    runtime.gauges.alert(now - HOUR, Alert("new", "here", is_page=True))
    status = told(runtime, now)
    assert status["kills"] == {"symbol:AAA": "BLOCK_NEW"}
    assert status["alerts"] == [{"ts": now - HOUR, "code": "new", "text": "here", "is_page": True}]


def test_latencies_keep_the_newest_and_never_run_backwards() -> None:
    gauges = Gauges()
    for ns in range(5_000):
        gauges.took("x", ns - 3_000)
    assert len(gauges.latencies["x"]) == 1_024
    assert gauges.latencies["x"][-1] == 1_999
    gauges.took("x", -1)
    assert gauges.latencies["x"][-1] == 0
