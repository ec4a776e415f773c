"""The program as what retells a session: the plan and the market that its first record asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import yaml
from pydantic import ValidationError

from tradewright.core.types.errors import StoreError
from tradewright.core.types.journal import JournalRecord
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.plan import BacktestPlan
from tradewright.execution import sim_broker
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.venue import Capabilities
from tradewright.forensics.program import HASHES, SIMULATED, Program
from tradewright.forensics.steps import rows_of_plan
from tradewright.services.live.session import plan_of, release_of
from tradewright.services.runs.prepare import PreparedRun, prepare
from tradewright.services.settings import RunSettings


@dataclass(slots=True)
class SessionProgram:
    """Plans, hashes and markets of sessions by their records; each configuration is prepared once."""

    _prepared: dict[str, PreparedRun] = field(default_factory=dict)

    def program(self) -> Program:
        """Return what retells a journal."""
        return Program(self.plan, _state, self._hashes)

    def prepared(self, record: JournalRecord) -> PreparedRun:
        """Return the run of a session's configuration.

        Raises
        ------
        StoreError
            If the record is not one that this program's `paper` or `live` writes.
        TradewrightError
            If what the configuration names is not there any more.
        """
        text = str(record.payload.get("config", ""))
        if text not in self._prepared:
            try:
                settings = RunSettings.model_validate(yaml.safe_load(text))
            except (ValidationError, yaml.YAMLError) as error:
                what = f"its configuration is not one of this program: {str(error).splitlines()[0]}"
                fix = f"Use the program that wrote it, source {record.code_hash or 'unknown'}."
                raise StoreError(what, where=f"record {record.sequence}, session", fix=fix) from error
            self._prepared[text] = prepare(settings)
        return self._prepared[text]

    def plan(self, record: JournalRecord) -> BacktestPlan:
        """Return the plan of a session."""
        return plan_of(self.prepared(record), int(str(record.payload.get("first_ns", 0))))

    def _hashes(self, record: JournalRecord) -> Mapping[str, str]:
        release = release_of(self.prepared(record), record.mode)
        return {name: getattr(release, name) for name in HASHES if getattr(release, name)}

    def stored_market(self, begun: JournalRecord, rows: Sequence[MarketRow]) -> list[MarketRow]:
        """Return the hours of a session, with forecasts, as the store has them now; nothing where it has none."""
        if not rows:
            return []
        warm = max((row.ts_event for row in rows if not row.decides), default=0)
        first_decided = min((row.ts_event for row in rows if row.decides), default=0)
        first = {j: min(r.ts_event for r in rows if r.instrument == j) for j in {r.instrument for r in rows}}
        last = max(row.ts_event for row in rows)
        asked = rows_of_plan(self.prepared(begun).plan, min(warm, first_decided - 1))
        return [row for row in asked if first.get(row.instrument, last + 1) <= row.ts_event <= last]


@dataclass(slots=True)
class Held:
    """What a session is held against. ``market`` and ``note`` say, afterwards, what the backtest was given and why."""

    programs: SessionProgram
    is_stored: bool
    market: str = "as the session saw it"
    note: str = ""

    def fresh(self, begun: JournalRecord, rows: Sequence[MarketRow]) -> tuple[BacktestPlan, Sequence[MarketRow]]:
        """Return plan and market of the backtest."""
        plan = self.programs.plan(begun)
        if not self.is_stored:
            return plan, rows
        stored = self.programs.stored_market(begun, rows)
        if not stored or stored[-1].ts_event < rows[-1].ts_event:
            self.note = "the store does not reach to the session's end, so the backtest runs on what the session saw"
            return plan, rows
        self.market = "as the store has it now"
        return plan, stored


def _state(record: JournalRecord) -> OrdersState:
    venue = str(record.payload.get("venue", SIMULATED))
    return OrdersState(str(record.payload.get("account", "")), _capabilities(venue, record))


def _capabilities(venue: str, record: JournalRecord) -> Capabilities:
    """Return what a venue can do; its library is imported only where a session used it."""
    if venue == SIMULATED:
        return sim_broker.CAPABILITIES
    vendor = venue.partition("-")[0]  # what follows says which of its places: live, paper, local
    if vendor == "alpaca":
        from tradewright.adapters.alpaca.trading import CAPABILITIES as ALPACA

        return ALPACA
    if vendor == "binance":
        from tradewright.adapters.binance.trading import CAPABILITIES as BINANCE

        return BINANCE
    if vendor == "ibkr":
        from tradewright.adapters.ibkr.trading import CAPABILITIES as IBKR

        return IBKR
    if vendor == "mt5":
        from tradewright.adapters.mt5.trading import CAPABILITIES as MT5

        return MT5
    fix = f"Use the program that wrote it, source {record.code_hash or 'unknown'}."
    raise StoreError(
        f"it traded at '{venue}', which this program does not know", where=f"record {record.sequence}", fix=fix
    )
