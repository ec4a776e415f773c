"""Sessions beside each other in one process: which may not share it, what reaches all, and one that fails alone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.order import KillLevel
from tradewright.services.trading.settings import TradingSettings
from tradewright.services.trading.venues import key_names

if TYPE_CHECKING:
    from tradewright.risk.kill.switch import KillSwitch
    from tradewright.services.live.start import Started


def refuse_shared(accounts: Sequence[tuple[Path, TradingSettings]]) -> None:
    """Refuse two configurations that trade one account: neither could tell its positions from the other's.

    Raises
    ------
    ConfigError
        If two name one folder, or the same keys at the same venue.
    """
    taken: dict[tuple[object, ...], Path] = {}
    for config, trading in accounts:
        owned: list[tuple[object, ...]] = [("account", trading.account)]
        if trading.venue != "simulated":
            owned.append((*key_names(trading), trading.url))
        for claim in owned:
            other = taken.setdefault(claim, config)
            if other is not config:
                is_folder = claim[0] == "account"
                what = f"{other} trades the account '{trading.account}' too" if is_folder else f"{other} has its keys"
                fix = "Give one another account, or put both into one file as `strategies`."
                raise ConfigError(what, where=f"{config}, trading.account", fix=fix)


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


async def side_by_side(
    sessions: Sequence[Started],
    work: Callable[[Started], Awaitable[None]],
    failed: Callable[[Started, Exception], None],
) -> None:
    """Work on all until each has ended; what one raises is told to ``failed``, and the others go on."""

    async def one(session: Started) -> None:
        try:
            await work(session)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others' money is at work
            failed(session, error)

    await asyncio.gather(*map(one, sessions), return_exceptions=True)  # a session that was ended is no failure
