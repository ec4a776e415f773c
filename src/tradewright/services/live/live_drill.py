"""The kill drill of a running session: its own desk, venue and switch; it stays killed until two people release."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress

from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.order import KillLevel, OrderKind, Side, TimeInForce
from tradewright.engine.live.status import StatusFacts, status_of
from tradewright.execution.drill import DRILL, DrillPorts, Round, drill_round
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import ALL
from tradewright.execution.tactics.messages import Quote
from tradewright.execution.tactics.prices import passive_price
from tradewright.risk.kill.requests import write_kill
from tradewright.services.live.session import TradingSession
from tradewright.services.trading.drill_request import (
    VALID_NS,
    DrillAnswer,
    DrillRequest,
    drill_phrase,
    take_request,
    write_answer,
)
from tradewright.services.trading.evidence import Drilled, keep_evidence

_LOOK_NS = 250_000_000
#: How far below the price the order of a drill rests.
_AWAY_BPS = 3_000.0
_PAUSE_S = 0.001


class LiveDrill:
    """Looks for requests and carries them out beside the session's own work.

    Parameters
    ----------
    session : TradingSession
        Opened, beside a live feed.
    mode : str
        ``live`` wants the phrase.
    wall_ns : callable
        ns UTC.
    say : callable
        Writes the session's status, so that whoever asked for the drill finds what it left.
    """

    def __init__(
        self, session: TradingSession, mode: str, wall_ns: Callable[[], int], say: Callable[[], object]
    ) -> None:
        self._session, self._mode, self._wall_ns, self._say = session, mode, wall_ns, say
        self._folder = session.params.folder
        self._looked_ns = 0
        self._task: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Begin a drill that was asked for; cheap where none was."""
        now = time.monotonic_ns()
        if now - self._looked_ns < _LOOK_NS:
            return
        self._looked_ns = now
        is_busy = self._task is not None and not self._task.done()
        if is_busy or not self._folder.drill.exists():
            return
        request = take_request(self._folder)
        if request is not None:
            self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: DrillRequest) -> None:
        refused = self._refusal(request)
        answer = DrillAnswer(request.id, refused=refused) if refused else await self._drill(request)
        self._say()
        with suppress(OSError):  # the session stays killed, and its status says so
            write_answer(self._folder, answer)

    def _refusal(self, request: DrillRequest) -> str:
        """Return why nothing is drilled: a drill must find a session that it can leave as it was."""
        name, now = self._folder.name, self._wall_ns()
        if self._mode == "live" and request.phrase != drill_phrase(name):
            return f"this is real money; the phrase is '{drill_phrase(name)}'"
        if abs(now - request.at_ns) > VALID_NS:
            return "the request is too old"
        runtime = self._session.runtime
        status = status_of(runtime, StatusFacts(name, self._mode, self._session.params.now_ns(), now))
        if status["kills"] or status["trading_state"] != "ACTIVE":
            return "it does not trade: it is killed, halted or reducing"
        if not status["is_reconciled"]:
            return "it does not agree with its venue"
        if not status["is_flat"]:
            return "it holds positions or has working orders, which a drill would close and nobody could bring back"
        return "" if self._price() > 0.0 else "no price is known yet"

    def _price(self) -> float:
        price = float(self._session.conductor.run.memory.arrays["positions"]["price"][0])
        return price if math.isfinite(price) else 0.0

    async def _drill(self, request: DrillRequest) -> DrillAnswer:
        instrument = self._session.conductor.plan.instruments[0]
        lots, symbol, price = max(instrument.min_lots, 1), instrument.symbol, self._price()
        far = passive_price(Quote(price, price), Side.BUY, _AWAY_BPS, instrument.tick)
        rests = Wish(DRILL, symbol, Side.BUY, OrderKind.LIMIT, lots, far, time_in_force=TimeInForce.GTC)
        enters = Wish(DRILL, symbol, Side.BUY, OrderKind.MARKET, lots, time_in_force=TimeInForce.GTC)
        rounds, trouble = list[Round](), ""
        try:
            ports = DrillPorts(lambda: self._pull(request), time.monotonic_ns, pause_s=_PAUSE_S)
            rounds.append(await drill_round(self._session.desk, rests, ports, enters))
        except TradewrightError as error:
            trouble = str(error)
            why = f"a drill that failed, {request.id}"  # whatever it left open is closed; no disk is needed for it
            self._session.runtime.kill(KillLevel.FLATTEN, ALL, request.by, why)
        venue = self._session.desk.venue.name
        drilled = Drilled(rounds, f"running session, {self._mode} at {venue}", request.by, request.id, trouble)
        try:
            path, _ = keep_evidence(self._folder, drilled, self._wall_ns())
        except TradewrightError as error:
            return DrillAnswer(request.id, refused=f"drilled, but {error}")
        return DrillAnswer(request.id, evidence=str(path))

    def _pull(self, request: DrillRequest) -> None:
        said = (request.by, f"a drill, {request.id}")
        write_kill(self._folder.kill, KillLevel.FLATTEN, ALL, said, self._wall_ns())
