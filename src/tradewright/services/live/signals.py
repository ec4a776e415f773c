"""Signals of the operating system, which reach every session of a process."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack, suppress

from tradewright.core.types.order import KillLevel
from tradewright.risk.kill.switch import KillSwitch


class Signals:
    """SIGUSR1 and SIGUSR2 kill, and SIGTERM ends in order, every session of the process."""

    def __init__(self) -> None:
        self._heard: dict[asyncio.Task[object], KillSwitch] = {}

    def hear(self, switch: KillSwitch) -> None:
        """Let signals reach the session whose task this is."""
        from tradewright.services.control.serving import kill_on_signals  # brings a web server

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine runs in one
        self._heard[task] = switch
        task.add_done_callback(self._heard.pop)
        with suppress(NotImplementedError):  # Windows: the files and the command remain
            kill_on_signals(loop, self.kill)
            loop.add_signal_handler(signal.SIGTERM, self._end)

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:
        """Stop all; one that cannot be stopped so keeps no other from it."""
        with ExitStack() as stack:
            for switch in self._heard.values():
                stack.callback(switch.kill, level, scope, by, reason)

    def _end(self) -> None:
        for task in self._heard:
            task.cancel()
