"""The plan of a session: its trading days reach as far as it lives."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from tests.parity.live_sessions import lively_plan

from tradewright.engine.backtest import trading_days
from tradewright.services.live.session import plan_of
from tradewright.services.runs.prepare import PreparedRun
from tradewright.services.settings import RunSettings

DAY = 86_400_000_000_000


def test_days_reach_beyond_a_recording_of_decades_and_ten_years_ahead_of_a_short_one() -> None:
    settings = RunSettings.model_validate({"strategy": {"name": "ema_cross"}, "data": {"symbols": ["AAA"]}})
    plan = lively_plan(60)
    for days, least in ((10, 3_650), (5_000, 5_000)):
        long = replace(plan, last_ns=plan.first_ns + days * DAY)
        made = plan_of(cast("PreparedRun", SimpleNamespace(settings=settings, plan=long)), plan.first_ns)
        assert trading_days(made)[-1] >= plan.first_ns + (least - 1) * DAY
        assert made.limits.has_guard
