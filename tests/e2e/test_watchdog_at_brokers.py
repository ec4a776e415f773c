"""The watchdog at Interactive Brokers and MetaTrader 5, beside a session that hangs or dies: processes from outside."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.processes import Program, running, status
from tests.venues.broker_places import Place, moving, place_at, settings

from tradewright.core.types.order import TradingState
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.runs.prepare import to_yaml
from tradewright.services.settings import RunSettings
from tradewright.services.trading.folder import AccountFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")

#: Holds a position behind a stop, and lets an entry rest far below the price.
RESTING = '''
"""A position behind a stop, and an entry that rests."""
from tradewright.strategies.signals import bracket, limit, market
from tradewright.strategies.strategy import StrategyParams
COMPILED = False
class Params(StrategyParams):
    """None."""
def features(params):
    return {}
def decide(row, forecast, account, params, signals):
    if account.position == 0.0 and account.working == 0.0:
        bracket(signals, market(signals, 5.0), 0.2)
    elif account.position > 0.0 and account.buy_limit != account.buy_limit:
        limit(signals, 3.0, round(0.5 * account.price, 2))
'''
LOTS = 5


@contextmanager
def trading(place: Place, folder: Path) -> Iterator[tuple[Program, AccountFolder]]:
    """A `tradewright paper` that holds five lots behind a stop and has an entry that rests."""
    (folder / "resting.py").write_text(RESTING.lstrip(), encoding="utf-8")
    plain = settings(place).model_dump(mode="json", exclude_defaults=True)
    run = RunSettings.model_validate(plain | {"strategy": {"file": "resting.py"}})
    (folder / "run.yaml").write_text(to_yaml(run), encoding="utf-8")
    account = AccountFolder("side", folder / ".tradewright" / "accounts")

    def works() -> bool:
        told: list[dict[str, Any]] = status(account).get("orders", [])
        working = sorted((o["side"], o["lots"]) for o in told if o["status"] == "ACCEPTED")
        return working == [("BUY", 3), ("SELL", LOTS)] and place.held == LOTS

    with running(folder, "paper", "run.yaml", **place.environment) as session:
        session.wait_until("it holds, is protected and has an entry", works, moving(place, account))
        yield session, account


def open_orders(place: Place) -> list[tuple[int, int]]:
    """Return side and lots of what works at the venue."""
    with place.local.lock:
        orders = place.local.account.orders.by_id.values()
        return sorted((int(o.wish.side), o.left) for o in orders if not o.is_over)


@contextmanager
def watching(place: Place, folder: Path, *words: str) -> Iterator[Program]:
    own = {
        f"{k.removesuffix('_SECRET')}_WATCHDOG_SECRET": v for k, v in place.environment.items() if k.endswith("SECRET")
    }
    with running(folder, "watchdog", "run.yaml", "--silence", "2", *words, **own) as dog:
        dog.wait_until("it watches", lambda: dog.out.read_text(encoding="utf-8").startswith("Watching side"))
        yield dog


def ended(dog: Program, place: Place, account: AccountFolder, level: str) -> str:
    """Return its last words, after making sure that the kill lasts."""
    assert dog.end(meanwhile=place.local.advance) == 1, dog.said
    kept = TradingStateFile(account.state).read()
    assert (kept.state, kept.by) == (TradingState.KILLED, "watchdog")
    (request,) = account.kill.glob("kill-*.json")
    assert f'"level":"{level}"' in request.read_text(encoding="utf-8").replace(" ", "")
    return dog.said.partition("Killed: ")[2]


@pytest.mark.parametrize("where", ["ibkr", "mt5 bridge"])
def test_entries_go_and_stops_stay_when_the_process_has_died(where: str, tmp_path: Path) -> None:
    with place_at(where, tmp_path) as place, trading(place, tmp_path) as (session, account):
        with watching(place, tmp_path) as dog:
            session.end(signal.SIGKILL)
            last = ended(dog, place, account, "CANCEL")
        assert open_orders(place) == [(-1, LOTS)]
        assert place.held == LOTS
        assert "The kill is on the disk; 1 orders were cancelled" in last
        assert "Left in place: SELL 5 AAPL." in last
        assert "Positions: +5 AAPL." in last


@pytest.mark.parametrize("where", ["ibkr", "mt5 bridge"])
def test_everything_is_closed_for_a_process_that_hangs(where: str, tmp_path: Path) -> None:
    with place_at(where, tmp_path) as place, trading(place, tmp_path) as (session, account):
        with watching(place, tmp_path, "--flatten") as dog:
            session.process.send_signal(signal.SIGSTOP)
            last = ended(dog, place, account, "FLATTEN")
        assert (open_orders(place), place.held) == ([], 0)
        assert "Left in place: no order." in last
        assert "Positions: none." in last
        session.process.send_signal(signal.SIGCONT)  # what wakes up finds the kill before its next order


def test_a_process_that_hangs_at_interactive_brokers_has_to_be_ended(tmp_path: Path) -> None:
    with place_at("ibkr", tmp_path) as place, trading(place, tmp_path) as (session, account):
        with watching(place, tmp_path) as dog:
            session.process.send_signal(signal.SIGSTOP)
            dog.wait_until("it says what to do", lambda: "and it holds on: end it" in dog.said)
            assert "UNVERIFIED" in dog.said
            assert open_orders(place) == [(-1, LOTS), (1, 3)]
            session.end(signal.SIGKILL)
            ended(dog, place, account, "CANCEL")
        assert open_orders(place) == [(-1, LOTS)]
        assert place.held == LOTS
