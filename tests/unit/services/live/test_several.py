"""Sessions beside each other: who may, what reaches all of them, and one that fails alone."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest

from tradewright.core.types.errors import ConfigError, RunError
from tradewright.core.types.order import KillLevel
from tradewright.risk.kill.switch import KillSwitch
from tradewright.services.live.several import refuse_shared, side_by_side
from tradewright.services.live.signals import Signals
from tradewright.services.live.start import Started
from tradewright.services.trading.settings import TradingSettings


def _settings(account: str, **more: Any) -> tuple[Path, TradingSettings]:  # noqa: ANN401
    return Path(f"{account}.yaml"), TradingSettings(account=account, **more)


def test_accounts_of_their_own_may_trade_together() -> None:
    refuse_shared([_settings("a"), _settings("b"), _settings("c", venue="alpaca"), _settings("d", venue="binance")])
    refuse_shared([_settings("a", venue="alpaca", url="http://127.0.0.1:1"), _settings("b", venue="alpaca")])


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ((_settings("a"), (Path("b.yaml"), TradingSettings(account="a"))), "a.yaml trades the account 'a' too"),
        ((_settings("a", venue="alpaca"), _settings("b", venue="alpaca")), "a.yaml has its keys"),
    ],
)
def test_two_that_share_an_account_are_refused(pair: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(ConfigError, match=said):
        refuse_shared(pair)


class _Switch:
    def __init__(self, *, is_broken: bool = False) -> None:
        self.level: KillLevel | None = None
        self.is_broken = is_broken

    def kill(self, level: KillLevel, *_: str) -> None:
        if self.is_broken:
            raise RunError("out of order")
        self.level = level


def test_one_that_fails_ends_alone_and_signals_reach_the_others() -> None:
    signals, failures, ended = Signals(), list[tuple[object, str]](), list[int]()
    switches = [_Switch(is_broken=True), _Switch(), _Switch()]

    async def work(number: Any) -> None:  # noqa: ANN401
        signals.hear(cast("KillSwitch", switches[number]))
        if number == 1:
            raise RunError("this one fails")
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(number)

    async def people() -> None:
        await asyncio.sleep(0.05)
        with pytest.raises(RunError, match="out of order"):
            signals.kill(KillLevel.CANCEL, "all", "signal", "a test")
        os.kill(os.getpid(), signal.SIGTERM)

    async def both() -> None:
        sessions = [cast("Started", number) for number in range(3)]
        helper = asyncio.create_task(people())
        await side_by_side(sessions, work, lambda session, error: failures.append((session, str(error))))
        await helper

    asyncio.run(both())
    assert failures == [(1, "this one fails")]
    assert [switch.level for switch in switches] == [None, None, KillLevel.CANCEL], "one that ended is left alone"
    assert sorted(ended) == [0, 2], "SIGTERM ends what is left in order"
