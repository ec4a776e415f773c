"""The watchdog of an account: its process, its connection, its words."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from tradewright.adapters.decimal_text import units_text
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.order import KillLevel
from tradewright.execution.heartbeat import HeartbeatFile
from tradewright.execution.watchdog import Summary, Watchdog, WatchdogParams, WatchdogPorts
from tradewright.risk.kill.requests import ALL
from tradewright.services.trading.folder import AccountFolder
from tradewright.services.trading.killing import kill
from tradewright.services.trading.order_facts import protective_ids
from tradewright.services.trading.settings import TradingFile
from tradewright.services.trading.venues import in_smallest_units, key_names, lot_of, open_venue, params_of

ROLE = "watchdog"
#: Venues whose positions can be told apart only when their contracts were looked up: better now than in an emergency.
LEARN_NAMES = ("ibkr", "mt5")


def role_of(file: TradingFile, environment: Mapping[str, str], *, same_keys: bool) -> str:
    """Return whose keys are used: the watchdog's own, or the session's where that was asked for.

    Raises
    ------
    ConfigError
        If they are missing, or of the other kind.
    """
    role = "" if same_keys else ROLE
    try:
        params_of(file.trading, environment, role)
    except ConfigError as error:
        if same_keys or not error.what.endswith("missing"):
            raise
        names = ", ".join(key_names(file.trading, ROLE))
        fix = (
            "Make a second pair at the venue; --same-keys shares the session's, and its rate limit and its revocation."
        )
        raise ConfigError("the watchdog has no keys of its own", where=names, fix=fix) from error
    return role


async def watch(
    file: TradingFile, folder: AccountFolder, environment: Mapping[str, str], role: str, params: WatchdogParams
) -> Summary:
    """Watch until something has to be killed, kill, and return when that is verified."""
    venue = open_venue(file.trading, in_smallest_units(file), environment, time.time_ns, role)
    level = KillLevel.FLATTEN if params.flattens else KillLevel.CANCEL

    def keep(reason: str) -> str:
        outcome = kill([folder], level, ALL, (ROLE, reason), 0.0, time.time_ns())[0]
        return "; ".join(outcome.troubles)

    ports = WatchdogPorts(
        heartbeat=HeartbeatFile(folder.heartbeat).read,
        kill=keep,
        protective=lambda: protective_ids(folder.journal),
        steady_s=time.monotonic,
        now_ns=time.time_ns,
        say=lambda text: print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}", file=sys.stderr, flush=True),
    )
    try:
        if file.trading.venue in LEARN_NAMES:
            await venue.connect()
        dog = Watchdog(venue, ports, params)
        reason = await dog.silence()
        if not venue.account_id:
            venue.account_id = folder.name  # a kill needs no number, and asking for it could fail
        return await dog.kill(reason)
    finally:
        await venue.close()


def lines_of(summary: Summary, file: TradingFile) -> list[str]:
    """Return the last words; sizes in units."""

    def sized(lots: int, name: str) -> str:
        return f"{units_text(lots, lot_of(file, name))} {name}"

    left = [f"{o.side.name} {sized(o.lots - o.filled, o.instrument)}" for o in summary.left]
    held = ["+" * (p.lots > 0) + sized(p.lots, p.instrument) for p in summary.positions]
    kept = "on the disk" if summary.is_durable else "NOT on the disk"
    return [
        f"Killed: {summary.reason}.",
        f"The kill is {kept}; {summary.cancelled} orders were cancelled, verified after {summary.took_s:.1f} s.",
        f"Left in place: {', '.join(left) or 'no order'}.",
        f"Positions: {', '.join(held) or 'none'}.",
    ]
