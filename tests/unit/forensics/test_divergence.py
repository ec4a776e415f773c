"""Each way in which a session and a backtest can part is found, named by its first stage, and paid for in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.parity.live_sessions import FEES, Traded, command, lively_plan, same, trade

from tradewright.core.types.instrument import FeeModel
from tradewright.engine.backtest import run_backtest
from tradewright.engine.commands import Command
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.plan import BacktestPlan
from tradewright.execution.orders.inputs import KillLevel
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.forensics.divergence import Divergence, diverge
from tradewright.forensics.parting import Cause
from tradewright.risk.limits import Limits


@pytest.fixture(scope="module")
def traded() -> Traded:
    return trade(lively_plan(200))


def held(traded: Traded, plan: BacktestPlan | None = None, rows: Sequence[MarketRow] | None = None) -> Divergence:
    """Hold the session against a backtest of another plan or another market."""
    found = diverge(
        traded.records(), traded.program(), lambda _, seen: (plan or traded.plan, seen if rows is None else rows)
    )
    assert abs(found.unexplained) < 1e-3
    assert sum(row.pnl for row in found.table) == pytest.approx(found.pnl, abs=1e-5)
    return found


def causes(found: Divergence) -> set[Cause]:
    return {parting.cause for parting in found.partings}


def costing(plan: BacktestPlan, fees: FeeModel) -> BacktestPlan:
    (instrument,) = plan.instruments
    return replace(plan, instruments=(replace(instrument, fees=fees),))


def test_a_session_on_its_own_market_is_the_backtest(traded: Traded) -> None:
    found = held(traded)
    assert (found.partings, found.pnl, found.unexplained) == ((), 0.0, 0.0)
    assert same(found.session, run_backtest(traded.plan))
    assert same(found.backtest, found.session)
    assert len(found.session.fills) > 20


def test_a_bar_that_was_corrected_later(traded: Traded) -> None:
    rows = list(traded.rows)
    fields = rows[100].fields.copy()
    fields[:4] *= 1.01
    rows[100] = rows[100]._replace(fields=fields)
    found = held(traded, rows=rows)
    first = found.partings[0]
    assert (first.cause, first.ts) == (Cause.EVENT, rows[100].ts_event)
    assert f"close {traded.rows[100].fields[3]:.10g} / {fields[3]:.10g}" in first.detail
    assert causes(found) <= {Cause.EVENT, Cause.FEATURES, Cause.FILL_PRICE, Cause.FILL_TIME}
    decided = next(p for p in found.partings if p.cause is Cause.FEATURES)
    assert "fast" in decided.detail


def test_a_bar_that_one_side_did_not_see(traded: Traded) -> None:
    fewer = [row for i, row in enumerate(traded.rows) if i != 100]
    assert held(traded, rows=fewer).partings[0].cause is Cause.EXTRA_EVENT
    cut = trade(traded.plan, rows=fewer)
    assert held(cut, rows=traded.rows).partings[0].cause is Cause.MISSING_EVENT


def test_other_forecasts_and_hours_in_which_nobody_asked(traded: Traded) -> None:
    asleep = [row._replace(decides=i > 60) for i, row in enumerate(traded.rows)]
    found = held(trade(traded.plan, rows=asleep), rows=traded.rows)
    assert found.partings[0].cause is Cause.CLOCK
    assert "did not ask" in found.partings[0].detail
    sure = [row._replace(forecast=np.array([0.9, 0.1, 0.0, 0.01]), forecast_ts=row.ts_seen) for row in traded.rows]
    assert held(traded, rows=sure).partings == ()  # this strategy reads none, so no decision parts


def test_commission_and_prices(traded: Traded) -> None:
    dearer = held(traded, costing(traded.plan, replace(FEES, taker_bps=4.0)))
    assert causes(dearer) == {Cause.COST}
    assert dearer.pnl > 0.0
    slower = held(traded, costing(traded.plan, replace(FEES, slippage_bps=3.0)))
    assert causes(slower) == {Cause.FILL_PRICE}
    assert slower.partings[0].pnl > 0.0


def test_fills_that_one_side_has_and_the_other_not(traded: Traded) -> None:
    (instrument,) = traded.plan.instruments
    thin = replace(traded.plan, instruments=(replace(instrument, participation=0.3),))
    assert Cause.FILL_LOTS in causes(held(traded, thin))
    assert Cause.FILL_PRICE in causes(held(traded, replace(traded.plan, venue=SimVenueParams(target="market"))))


def test_another_guard(traded: Traded) -> None:
    found = held(traded, replace(traded.plan, limits=Limits(max_position_value=50_000.0)))
    assert causes(found) == {Cause.GUARD}
    assert "denied nothing / MAX_POSITION" in found.partings[0].detail
    assert len(found.backtest.fills) == 0


def test_what_people_did() -> None:
    halted = held(trade(lively_plan(200), meddle=command(Command.HALT, 100)))
    assert causes(halted) == {Cause.COMMAND}
    assert "trading state 3 / 1" in halted.partings[1].detail


def test_what_the_desk_refused() -> None:
    def kill(runtime: Runtime, i: int) -> None:
        if i == 80:
            runtime.desk.kill(KillLevel.BLOCK_NEW, "symbol:AAA", "somebody", "a test")

    found = held(trade(lively_plan(200), meddle=kill))
    first = found.partings[0]
    assert first.cause is Cause.REFUSED
    assert first.detail.startswith("killed: BLOCK_NEW")
    assert causes(found) == {Cause.REFUSED}, "what follows is charged to what it follows from"
    assert any(p.detail.startswith("follows") for p in found.partings)


def test_a_difference_of_positions_is_charged_to_what_opened_it(traded: Traded) -> None:
    found = held(traded, replace(traded.plan, limits=Limits(max_order_value=1.0)))
    opened = next(p for p in found.partings if p.pnl)
    fills = found.session.fills
    over = int(np.flatnonzero(fills["position_lots"] == 0)[0]) + 1
    trip = int(fills["cash_micro"][:over].sum() - fills["fee_micro"][:over].sum()) / 1e6
    assert opened.pnl == pytest.approx(trip, abs=1e-5)
