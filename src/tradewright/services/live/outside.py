"""What the outside sees of a session, and how it reaches in: kill switch, heartbeat, status, control endpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tradewright.engine.live.status import StatusFacts, status_of
from tradewright.execution.heartbeat import HeartbeatFile
from tradewright.execution.orders.inputs import Alert
from tradewright.risk.kill.inbox import KillInbox
from tradewright.risk.kill.switch import VARIABLE, KillSwitch
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.live.limit_watch import LimitWatch
from tradewright.services.live.live_drill import LiveDrill
from tradewright.services.live.session import TradingSession
from tradewright.services.live.status_file import write_status

_BEAT_NS = 1_000_000_000


class Outside:
    """The files and signals around one session; `start` before anything connects to trade, `stop` last.

    Parameters
    ----------
    session : TradingSession
        Opened.
    mode : str
        As its status says.
    wall_ns : callable
        ns UTC, by the computer's clock.
    """

    def __init__(self, session: TradingSession, mode: str, wall_ns: Callable[[], int]) -> None:
        self._session, self._mode, self._wall_ns = session, mode, wall_ns
        folder, strategy = session.params.folder, session.run_.strategy
        self.switch = KillSwitch(
            session.runtime,
            KillInbox(folder.kill, wall_ns),
            TradingStateFile(folder.state),
            wall_ns,
            lambda: session.state.is_ready,
            [member.strategy.name for member in strategy.members] or [strategy.name],
        )
        session.desk.ports = replace(session.desk.ports, heed=self.switch.poll)
        self._limits = LimitWatch(folder.limits, session.run_.settings.limits, session.runtime, wall_ns)
        self._heartbeat = HeartbeatFile(folder.heartbeat)
        self._beat_ns = 0
        self._drill: LiveDrill | None = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Bind what was pulled while nothing ran."""
        state = self.switch.start(environment.get(VARIABLE, ""))
        kills = self._session.runtime.kills
        if kills:
            names = ", ".join(f"{scope} {level.name}" for scope, level in sorted(kills.items()))
            text = f"it starts {state.name}: {names}; nothing new is risked before a release"
            self._session.warn(Alert("starts killed", text, is_page=True))
        self._limits.look()

    def look(self) -> None:
        """Carry out what waits, and say once a second that the session lives."""
        self.switch.poll()
        self._limits.look()
        if self._drill is not None:
            self._drill.look()
        now = self._wall_ns()
        if now - self._beat_ns >= _BEAT_NS:
            self._beat_ns = now
            self._say(is_running=True)

    def take_drills(self) -> None:
        """Let people ask for kill drills from now on."""
        self._drill = LiveDrill(self._session, self._mode, self._wall_ns, lambda: self._say(is_running=True))

    def stop(self) -> None:
        """Say that this was an orderly end."""
        self.switch.keep()
        self._say(is_running=False)

    def status(self) -> dict[str, Any]:
        """Return the status as it stands in the file."""
        folder, params = self._session.params.folder, self._session.params
        monitor = self._session.monitor
        facts = StatusFacts(folder.name, self._mode, params.now_ns(), self._wall_ns(), monitor)
        return status_of(self._session.runtime, facts)

    def _say(self, *, is_running: bool) -> None:
        with suppress(OSError):  # a full disk must not end a session; the watchdog hears nothing, and acts
            self._heartbeat.beat(self._wall_ns(), is_running=is_running)
            write_status(self._session.params.folder.status, self.status())

    async def serve(self, port: int, environment: Mapping[str, str]) -> None:
        """Serve the control endpoint on this machine until cancelled; raises as `control.serving`."""
        import time

        from tradewright.services.control.app import ControlPorts
        from tradewright.services.control.serving import ControlParams, audit_file, control_app, serve_control
        from tradewright.services.http_service.answers import Clocks

        ports = ControlPorts(
            sink=self.switch,
            status=self.status,
            clocks=Clocks(time.time_ns, time.monotonic_ns),
            nonce=lambda: os.urandom(16).hex(),
            audit=audit_file(self._session.params.folder.audit),
        )
        params = ControlParams(port=port)
        await serve_control(control_app(ports, environment, params), params)
