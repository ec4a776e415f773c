"""`tradewright live` at Interactive Brokers and MetaTrader 5: refused, armed, killed, continued, ended."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import run_in
from tests.e2e.processes import Program, fills, running, status
from tests.venues.broker_places import SYMBOL, Place, moving, place_at, settings

from tradewright.risk.kill.pending import ReleaseRules
from tradewright.services.runs.prepare import to_yaml
from tradewright.services.settings import RunSettings
from tradewright.services.trading.folder import AccountFolder
from tradewright.services.trading.killing import confirm_release

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

LIMITS = {
    "max_order_value": 10_000,
    "max_position_value": 10_000,
    "intraday_loss": 0.5,
    "max_drawdown": 0.5,
    "micro_lots": {"max_orders_per_day": 500, "max_loss": 10_000, "max_open_lots": 1},
}


def written(place: Place, folder: Path, **more: Any) -> None:  # noqa: ANN401
    plain = settings(place).model_dump(mode="json", exclude_defaults=True)
    plain["trading"] |= more.pop("trading", {})
    (folder / "live.yaml").write_text(to_yaml(RunSettings.model_validate(plain | more)), encoding="utf-8")


def missing(folder: Path, environment: dict[str, str]) -> list[str]:
    """Return what the command says is missing; it must have started nothing."""
    done = run_in(folder, "live", "live.yaml", **environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    return [word for line in lines if (word := line.strip().removeprefix("fix: ").partition(":")[0]).isupper()]


def allow(folder: Path, account: AccountFolder) -> None:
    """Approve, arm and release, each by who may."""
    for words in (
        ("approve", "live.yaml", "--by", "bob"),
        ("arm", "live.yaml", "--by", "ann", "--phrase", "trade side with real money"),
        ("release", "--account", "side", "--by", "ann", "--reason", "it begins", "--accept-open", "--json"),
    ):
        done = run_in(folder, *words)
        assert done.returncode == 0, done.stderr
    nonce = json.loads(done.stdout)["nonce"]
    confirm_release(account, "bob", nonce, 0.0, time.time_ns(), ReleaseRules(delay_ns=0))


def is_at_work(account: AccountFolder) -> bool:
    told = status(account)
    return bool(told) and told["is_reconciled"] and told["counts"]["rows"] > 0


def dies_with_its_next_order(session: Program, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process killed when an order of it arrives; the broker carries that out, and nobody hears of it."""
    owner, name, order = (
        (place.tws.orders, "answer", lambda _, fields, __: fields[0] == "3")
        if place.server is None
        else (place.server, "send", lambda fields, _: fields["action"] == 1)
    )
    carry_out = getattr(owner, name)

    def arrived(*told: Any) -> Any:  # noqa: ANN401
        if order(*told):
            session.process.kill()
            session.process.wait()
        return carry_out(*told)

    monkeypatch.setattr(owner, name, arrived)
    session.end(meanwhile=place.local.advance)


@pytest.mark.parametrize("where", ["ibkr", "mt5 bridge"])
def test_real_money_from_the_first_refusal_to_the_end(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = AccountFolder("side", tmp_path / ".tradewright" / "accounts")
    with place_at(where, tmp_path, is_real=True) as place:

        def live() -> Any:  # noqa: ANN401
            return running(tmp_path, "live", "live.yaml", "--json", **place.environment)

        moves = moving(place, account)
        written(place, tmp_path)
        keys = [] if where == "ibkr" else ["KEYS"]
        assert missing(tmp_path, {}) == ["ARMED", *keys, "MODEL", "LIMITS", "STATE", "RELEASE"]
        written(place, tmp_path, trading={"unproven": True}, limits=LIMITS)
        assert (place.tws.asked("connect"), account.journal.exists()) == ([], False)

        allow(tmp_path, account)
        with live() as session:
            session.wait_until("it trades", lambda: fills(account) >= 2 and place.held == 1, moves)
            assert status(account)["mode"] == "live"
            dies_with_its_next_order(session, place, monkeypatch)
        before = fills(account)
        account.status.unlink()
        with live() as session:
            session.wait_until("it agrees with its venue", lambda: is_at_work(account), moves)
            assert fills(account) >= before, "what was measured is kept"
            session.wait_until("it trades on", lambda: fills(account) >= before + 3, moves)
            assert session.end(signal.SIGINT) == 0, session.said
            told = json.loads(session.out.read_text(encoding="utf-8"))
        assert told["continued"]
        assert told["positions"].get(SYMBOL, 0) == place.held
        assert abs(place.held) <= 1
        replayed = run_in(tmp_path, "replay", "side", "--json", **place.environment)
        assert replayed.returncode == 0, replayed.stderr
        assert json.loads(replayed.stdout)["differences"] == []

        assert run_in(tmp_path, "disarm", "--account", "side").returncode == 0
        assert missing(tmp_path, place.environment) == ["ARMED"]
