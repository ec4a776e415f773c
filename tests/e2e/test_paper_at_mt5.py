"""`tradewright paper` with nothing but a MetaTrader 5 account: its terminal is venue, history and feed."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.e2e.conftest import run_in
from tests.e2e.processes import fills, running, status
from tests.venues.broker_places import SYMBOL, Place, place_at, settings
from tests.venues.metaapi_venue import TOKEN
from tests.venues.mt5_ways import BRIDGE_TOKEN, SERVER_ZONE

from tradewright.services.runs.prepare import to_yaml
from tradewright.services.settings import RunSettings
from tradewright.services.trading.folder import AccountFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")


def fetched(place: Place, folder: Path) -> dict[str, object]:
    """Fetch two hours of bars with the command, up to the newest whole minute of the market."""
    told, end_s = place.trading["mt5"], place.local.now_ns // 10**9 // 60 * 60
    start, end = (datetime.fromtimestamp(s, UTC).isoformat() for s in (end_s - 7_200, end_s))
    about = {"WAY": told["way"], "URL": told["url"], "SUFFIX": told["suffix"]}
    about |= {"BRIDGE_TOKEN": BRIDGE_TOKEN} if told["way"] == "bridge" else {
        "METAAPI_TOKEN": TOKEN, "METAAPI_ACCOUNT": told["metaapi_account"], "SERVER_ZONE": SERVER_ZONE,
    }  # fmt: skip
    environment = {f"TRADEWRIGHT_MT5_{name}": value for name, value in about.items()}
    words = ("data", "fetch", "mt5", SYMBOL, "--timeframe", "1m", "--start", start, "--end", end, "--store", "store")
    done = run_in(folder, *words, "--json", **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def paced(place: Place, account: AccountFolder) -> Callable[[], None]:
    """Return what lets the market move on by a minute when the session has heard of the one before.

    Of what was over when it began to listen it never hears: then the market moves on after some seconds.
    """
    heard, waited = -1, 0

    def moves() -> None:
        nonlocal heard, waited
        rows, waited = status(account).get("counts", {}).get("rows", -1), waited + 1
        if rows > heard or (rows >= 0 and waited > 100):
            heard, waited = rows, 0
            place.local.advance(4)  # three quotes and the bar of the synthetic market

    return moves


@pytest.mark.parametrize("way", ["bridge", "metaapi"])
def test_a_session_trades_on_the_bars_of_its_own_terminal(way: str, tmp_path: Path) -> None:
    account = AccountFolder("side", tmp_path / ".tradewright" / "accounts")
    with place_at(f"mt5 {way}", tmp_path, source="mt5") as place:
        assert fetched(place, tmp_path)["rows"] == 120
        plain = settings(place).model_dump(mode="json", exclude_defaults=True)
        run = RunSettings.model_validate(plain | {"feed": plain["feed"] | {"quotes_s": 1.0}})
        (tmp_path / "run.yaml").write_text(to_yaml(run), encoding="utf-8")
        secrets = {k: v for k, v in place.environment.items() if k.endswith("SECRET")}
        with running(tmp_path, "paper", "run.yaml", "--json", **secrets) as session:
            session.wait_until("it trades", lambda: fills(account) >= 3, paced(place, account))
            assert session.end(signal.SIGINT) == 0, session.said
            told = json.loads(session.out.read_text(encoding="utf-8"))
        assert told["positions"].get(SYMBOL, 0) == place.held
        assert place.tws.asked("connect") == [], "nobody else was asked for a market"
        replayed = run_in(tmp_path, "replay", "side", "--json")
        assert replayed.returncode == 0, replayed.stderr
        assert json.loads(replayed.stdout)["differences"] == []
