"""A session beside the local exchange: what was injected is measured from its journal and used; it replays."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest
from tests.parity.test_paper_exchange import FIRST, bars_of, environment, settings, side_by_side
from tests.parity.test_paper_exchange import store as store  # noqa: PLC0414 - a fixture
from tests.venues.local_exchange import LocalExchange

from tradewright.adapters.binance.trading import BinanceTrading
from tradewright.core.types.errors import DataError
from tradewright.core.types.venue import OrderIntent, VenueOrder
from tradewright.engine.live.metering import JournalMeter
from tradewright.execution.costs.files import write_version
from tradewright.execution.exchange.market import QuoteParams
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.reading import JournalReader
from tradewright.execution.venue import Gate
from tradewright.forensics.replay import replay
from tradewright.services.costs.measure import Sources, measure
from tradewright.services.exchange.markets import Wanted
from tradewright.services.forensics.program import SessionProgram
from tradewright.services.live import session as live
from tradewright.services.live.session import TradingSession
from tradewright.services.live.start import Started
from tradewright.services.runs.execute import Place, execute
from tradewright.services.runs.prepare import prepare
from tradewright.services.settings import RunSettings

MS = 1_000_000
SPEC = "BTCUSDT@1m"
#: Quotes stand so far from the price, then away from it to the next tick of 0.01, which at 100 is up to 1 bps more.
HALF_SPREAD_BPS = 8.0
PAID_BPS = HALF_SPREAD_BPS + 0.5
LATENCY_MS = (20.0, 80.0)


class Wall:
    """A computer's clock that moves when a test says that something took time."""

    def __init__(self) -> None:
        self.now = time.time_ns()

    def time_ns(self) -> int:
        return self.now


def changed(store: Path, url: str = "", **sections: object) -> RunSettings:
    plain = settings("binance", store, url).model_dump(mode="json", exclude_defaults=True)
    plain["strategy"]["params"] = {"fast": 2, "slow": 4, "weight": 0.001}
    plain["trading"] |= {"bounds": {"slippage_bps": 2.0, "ping_ms": 1000.0}}
    return RunSettings.model_validate(plain | sections)


@pytest.fixture
def traded(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """A session whose orders are 20 to 80 ms on their way, evenly, and pay the spread of the exchange's quotes."""
    wall, chance, submit = Wall(), random.Random(11), BinanceTrading.submit  # noqa: S311 - no secret

    async def late(self: BinanceTrading, intent: OrderIntent, gate: Gate) -> VenueOrder:
        wall.now += round(chance.uniform(*LATENCY_MS) * MS)
        return await submit(self, intent, gate)

    monkeypatch.setattr(BinanceTrading, "submit", late)
    monkeypatch.setattr(live, "JournalMeter", lambda *given, **_: JournalMeter(*given))  # one that keeps rows
    quotes = QuoteParams(half_spread_bps=HALF_SPREAD_BPS)
    wanted = Wanted((SPEC,), store, start=int(bars_of("X").ts_open[FIRST]), quotes=quotes)
    with LocalExchange(SPEC, protocol="binance", wanted=wanted) as exchange:
        run = prepare(changed(store, exchange.http_url))
        return asyncio.run(side_by_side(run, exchange, environment("binance", exchange), tmp_path, wall.time_ns))


def test_what_was_injected_is_measured_told_used_and_replayed(traded: Started, store: Path, tmp_path: Path) -> None:
    session, account = traded.session, tmp_path / "side"
    assert session is not None
    assert session.monitor is not None
    records = list(JournalReader(FolderDisk(account / "journal")))

    meter = JournalMeter({i.symbol: i for i in session.conductor.plan.instruments})
    for record in records:
        meter.take(record)
    rows = session.monitor.take_rows()
    assert rows == meter.monitor.take_rows(), "the journal tells what the session saw"
    assert len(rows) >= 30

    assert traded.outside is not None
    status = traded.outside.status()
    told = {(row["quantity"], row["subject"]) for row in status["execution"]}
    assert {("slippage_bps", "BTCUSDT"), ("fill_ms", "BTCUSDT"), ("ping_ms", session.desk.venue.name)} <= told
    assert [a["code"] for a in status["alerts"]].count("execution beyond its bound") == 1
    assert "the median slippage_bps of the newest 20 is 8." in str(status["alerts"])

    sources = Sources(store, sessions=(str(account),))
    model = measure(sources, tmp_path / "costs", time.time_ns(), lambda _: None)
    cells = model.instruments["BTCUSDT"].cells["all"]
    for quantity, injected in (("slippage_bps", PAID_BPS), ("latency_ms", sum(LATENCY_MS) / 2)):
        low, high = cells[quantity].interval(0.5) or (0.0, 0.0)
        assert low <= injected <= high, quantity
        assert cells[quantity].n == len(rows)
    assert model.simulated, "no real venue filled anything"
    assert any(said.startswith("session") for said in model.sources)
    with pytest.raises(DataError, match="too few orders took"):
        measure(Sources(store, sessions=(str(account),), least=1000), tmp_path, time.time_ns(), lambda _: None)

    write_version(tmp_path / "costs", model)
    costs = {"model": "measured", "folder": tmp_path / "costs", "version": model.version, "min_samples": 30}
    run = prepare(changed(store, trading={}, feed={}, costs=costs))
    finished = execute(run, Place(tmp_path, tmp_path / "run"), lambda _: None)
    assert finished.manifest["costs"]["version"] == model.version
    assert "BTCUSDT/" in str(finished.manifest["costs"]["instruments"]["BTCUSDT"])

    again = replay(records, SessionProgram().program())
    assert again.is_same
    assert again.decisions > 30


def test_what_was_measured_and_adapted_is_kept_over_a_restart(store: Path, tmp_path: Path) -> None:
    wanted = Wanted((SPEC,), store, start=int(bars_of("X").ts_open[FIRST]))
    with LocalExchange(SPEC, protocol="binance", wanted=wanted) as exchange:
        plain = changed(store, exchange.http_url).model_dump(mode="json", exclude_defaults=True)
        more = {"tactics": {"market": "quoted"}, "bounds": {"shortfall_bps": 0.001, "samples": 1}}
        run = prepare(RunSettings.model_validate(plain | {"trading": plain["trading"] | more}))
        outside = environment("binance", exchange)
        first = asyncio.run(side_by_side(run, exchange, outside, tmp_path, moments=60)).session
    assert first is not None
    again = TradingSession(run, first.params, first.desk.venue, 0)
    try:
        assert again.is_continued
        assert again.monitor is not None
        assert first.monitor is not None
        assert again.monitor.distributions() == first.monitor.distributions() != {}
        assert again.monitor.watch == first.monitor.watch
        assert first.monitor.watch.beyond, "a person was told, and is not told again"
        assert again.runtime.tactics is not None
        assert first.runtime.tactics is not None
        assert again.runtime.tactics.buffers == first.runtime.tactics.buffers != {}
        assert again.runtime.tactics.quotes == {}, "it has seen no market yet"
    finally:
        again.close()
