"""A kill drill of a running session: asked for, measured, kept, read by arming, and released by two people."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.conftest import PROGRAM, clean_environment, run_in
from tests.e2e.processes import status
from tests.parity.test_paper_exchange import FIRST, bars_of, environment, settings
from tests.parity.test_paper_exchange import store as store  # noqa: PLC0414 - a fixture
from tests.venues.local_exchange import LocalExchange

from tradewright.core.types.order import TradingState
from tradewright.risk.kill.pending import ReleaseRules
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.exchange.markets import Wanted
from tradewright.services.runs.prepare import to_yaml
from tradewright.services.settings import RunSettings
from tradewright.services.trading.drill_request import request_drill
from tradewright.services.trading.evidence import hash_of
from tradewright.services.trading.folder import AccountFolder
from tradewright.services.trading.killing import confirm_release

SPEC = "ACME@1m"


@contextmanager
def running(place: Path, exchange: LocalExchange, store: Path) -> Iterator[AccountFolder]:
    """A `tradewright paper` of its own process, beside an exchange; ready to trade."""
    plain = settings("alpaca", store, exchange.http_url).model_dump(mode="json", exclude_defaults=True)
    run = RunSettings.model_validate(plain | {"limits": {"allowed": []}})  # the strategy is to stay out of the way
    (place / "run.yaml").write_text(to_yaml(run), encoding="utf-8")
    outside = clean_environment(**environment("alpaca", exchange))
    process = subprocess.Popen(
        [*PROGRAM, "paper", "run.yaml"], cwd=place, env=outside, stdout=-1, stderr=-1, encoding="utf-8"
    )
    folder = AccountFolder("side", place / ".tradewright" / "accounts")
    try:
        until = time.monotonic() + 240
        while status(folder).get("counts", {}).get("rows", 0) < 1 or not status(folder).get("is_reconciled"):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.1)
        yield folder
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:  # it is still compiling
            process.kill()
            process.communicate()


def test_a_running_session_is_drilled_and_given_back_as_it_was(tmp_path: Path, store: Path) -> None:
    market = Wanted((SPEC,), store, start=int(bars_of("X").ts_open[FIRST]))
    with LocalExchange(SPEC, protocol="alpaca", wanted=market) as exchange:
        exchange.command("advance", seconds=90)
        with running(tmp_path, exchange, store) as folder:
            done = run_in(tmp_path, "drill", "session", "--account", "side", "--by", "ann", "--json")
            assert done.returncode in {0, 1}, done.stderr  # a busy machine may be over the budget
            found = json.loads(done.stdout)
            assert found["rounds"], found["failures"]
            (taken,) = found["rounds"]
            assert 0 < taken["block_ms"] <= taken["refuse_ms"] <= taken["dispatch_ms"] <= taken["verify_ms"]
            assert taken["verify_ms"] <= taken["flat_ms"]
            assert found["passed"] is not bool(found["failures"])
            assert found["nonce"], done.stderr
            assert (found["subject"], found["by"]) == ("running session, paper at alpaca-local", "ann")
            kept = json.loads(Path(tmp_path / found["file"]).read_text(encoding="utf-8"))
            assert kept["hash"] == hash_of(kept) == found["hash"]
            now = status(folder)
            assert (now["is_flat"], now["kills"], now["positions"]) == (True, {"all": "FLATTEN"}, [])
            assert request_drill(folder, "ann", "", 30.0).refused.startswith("it does not trade")

            soon = run_in(tmp_path, "release", "--account", "side", "--confirm", found["nonce"], "--by", "bob")
            assert "the delay of a release is not over" in soon.stderr
            rules = ReleaseRules(delay_ns=0)
            given = confirm_release(folder, "bob", found["nonce"], 60.0, time.time_ns(), rules)
            assert (given.did, given.state) == ("released", "ACTIVE")
            assert TradingStateFile(folder.state).read().state is TradingState.ACTIVE
            until, names = time.monotonic() + 60, ("kills", "trading_state", "is_flat", "is_reconciled")
            while [*map(status(folder).get, names)] != [{}, "ACTIVE", True, True]:
                assert time.monotonic() < until
                time.sleep(0.1)
        again = run_in(tmp_path, "replay", "side", "--json")
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["differences"] == []


def test_nobody_answers_for_a_session_that_does_not_run(tmp_path: Path) -> None:
    folder = AccountFolder("side", tmp_path)
    folder.path.mkdir()
    with pytest.raises(Exception, match="no session answered"):
        request_drill(folder, "ann", "", 0.05)
    assert not folder.drill.exists()
    assert run_in(tmp_path, "drill", "session", "--account", "side", "--by", "ann").returncode == 2
