"""Two live feeds in one process, with accounts at local exchanges of Alpaca's and of Binance's protocol."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.e2e.conftest import run_in
from tests.e2e.processes import Program, fills, running, status
from tests.parity.test_paper_exchange import FIRST, SIDES, bars_of, environment, settings
from tests.parity.test_paper_exchange import store as store  # noqa: PLC0414 - a fixture
from tests.venues.local_exchange import LocalExchange

from tradewright.services.exchange.markets import Wanted
from tradewright.services.runs.prepare import to_yaml
from tradewright.services.settings import RunSettings
from tradewright.services.trading.folder import AccountFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")


@contextmanager
def exchanges(store: Path) -> Iterator[dict[str, LocalExchange]]:
    """Yield an exchange of each protocol; time moves only on command."""
    with ExitStack() as stack:
        found = {}
        for vendor, (symbol, _) in SIDES.items():
            wanted = Wanted((f"{symbol}@1m",), store, start=int(bars_of("X").ts_open[FIRST]))
            exchange = LocalExchange(f"{symbol}@1m", protocol=vendor, fills="bars", wanted=wanted)
            found[vendor] = stack.enter_context(exchange)
            exchange.command("advance", seconds=90)
        yield found


@contextmanager
def side_by_side(place: Path, store: Path, at: dict[str, LocalExchange]) -> Iterator[Program]:
    """One `tradewright paper` with an account for each exchange, named as its protocol."""
    outside: dict[str, str] = {}
    for vendor, exchange in at.items():
        plain = settings(vendor, store, exchange.http_url).model_dump(mode="json", exclude_defaults=True)
        plain["trading"]["account"] = vendor
        (place / f"{vendor}.yaml").write_text(to_yaml(RunSettings.model_validate(plain)), encoding="utf-8")
        outside |= environment(vendor, exchange)
    with running(place, "paper", *(f"{vendor}.yaml" for vendor in at), "--json", **outside) as program:
        yield program


def test_one_is_killed_and_the_other_trades_on_until_both_are_stopped(tmp_path: Path, store: Path) -> None:
    folders = {vendor: AccountFolder(vendor, tmp_path / ".tradewright" / "accounts") for vendor in SIDES}
    killed, other = folders["alpaca"], folders["binance"]
    with exchanges(store) as at, side_by_side(tmp_path, store, at) as program:

        def minute() -> None:
            for exchange in at.values():
                exchange.command("advance", seconds=60)

        program.wait_until(
            "both agree with their venues", lambda: all(status(f).get("is_reconciled") for f in folders.values())
        )
        program.wait_until("both trade", lambda: all(fills(f) >= 2 for f in folders.values()), minute)
        done = run_in(
            tmp_path, "kill", "--account", "alpaca", "--level", "flatten", "--by", "ann", "--reason", "a test"
        )
        assert done.returncode == 0, done.stderr
        assert "The session says" in done.stdout
        program.wait_until("it is flat", lambda: status(killed)["is_flat"], minute)
        before, since = fills(killed), fills(other)
        program.wait_until("the other trades on", lambda: fills(other) >= since + 2, minute)
        assert fills(killed) == before

        looked = json.loads(run_in(tmp_path, "status", "--json").stdout)["sessions"]
        shown = {s["account"]: (s["trading_state"], s["kills"], s["is_stale"]) for s in looked}
        assert shown == {"alpaca": ("KILLED", {"all": "FLATTEN"}, False), "binance": ("ACTIVE", {}, False)}
        screen = run_in(tmp_path, "status").stdout
        assert all(name in screen for name in SIDES)

        assert program.end(signal.SIGINT) == 0, program.said
        assert "stopped; orders that work stay at the venue" in program.said
        told = {Path(s["account"]).name: s for s in json.loads(program.out.read_text(encoding="utf-8"))["sessions"]}
        assert not any("error" in session for session in told.values())
        assert told["alpaca"]["positions"] == {}
        for vendor, exchange in at.items():
            replayed = run_in(tmp_path, "replay", vendor, "--json", **environment(vendor, exchange))
            assert replayed.returncode == 0, replayed.stderr
            assert json.loads(replayed.stdout)["differences"] == []
