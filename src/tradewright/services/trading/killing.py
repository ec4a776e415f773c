"""Kill and release from outside a session: files only, so that it works without a network and with a dead process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tradewright.core.types.errors import StoreError, TradewrightError, UsageError
from tradewright.core.types.order import KillLevel, TradingState
from tradewright.execution.journal.errors import JournalBusyError
from tradewright.execution.orders.lease import Lease
from tradewright.risk.kill.inbox import DONE
from tradewright.risk.kill.pending import PendingFile, PendingRelease, ReleaseRules, check_second_step
from tradewright.risk.kill.requests import ALL, acknowledgement, state_of, write_kill, write_release
from tradewright.risk.kill.switch import tighten
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.trading.folder import AccountFolder
from tradewright.services.trading.status import read_status

_LOOK_S = 0.005
#: Whoever waits longer is told what for.
_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    ``did``: the live process's words, "" where it said none. ``is_kept``: what was asked is on the disk, so that the
    next start is bound by it. ``troubles``: of the disk.
    """

    account: str
    state: str
    did: str
    waited_s: float
    is_live: bool
    is_kept: bool = True
    troubles: tuple[str, ...] = ()


def kill(
    folders: Sequence[AccountFolder], level: KillLevel, scope: str, said: tuple[str, str], wait_s: float, now_ns: int
) -> list[Outcome]:
    """Kill each account: the trading state, then the request; when all are asked, wait for what live processes did.

    In this order, the last word on the state is that of the process that trades, which knows of all requests. Neither
    file's failure keeps the other from being written.
    """
    asked = [_ask(folder, level, scope, said, now_ns) for folder in folders]
    began = time.monotonic()
    outcomes = []
    for folder, (request_id, troubles) in zip(folders, asked, strict=True):
        left = wait_s - (time.monotonic() - began)
        did = _answer(folder, request_id, left) if request_id else ""
        waited = time.monotonic() - began
        state = TradingStateFile(folder.state).read().state.name
        is_kept = bool(request_id) or (scope == ALL and len(troubles) == 1)
        outcomes.append(
            Outcome(folder.name, state, did, waited, bool(did) or _is_live(folder), is_kept, tuple(troubles))
        )
    return outcomes


def _ask(
    folder: AccountFolder, level: KillLevel, scope: str, said: tuple[str, str], now_ns: int
) -> tuple[str, list[str]]:
    """Return the request's id, "" where it could not be written, and what the disk refused."""
    troubles = []
    if scope == ALL:
        try:
            tighten(TradingStateFile(folder.state), state_of(level), *said, now_ns)
        except StoreError as error:
            troubles.append(str(error))
    try:
        return write_kill(folder.kill, level, scope, said, now_ns).id, troubles
    except StoreError as error:
        return "", [*troubles, str(error)]


def ask_release(folder: AccountFolder, pending: PendingRelease) -> PendingRelease:
    """Keep the first of two steps.

    Raises
    ------
    UsageError
        Without a name or a reason, or while the session does not say that it is reconciled and flat and nobody
        accepts that.
    StoreError
        If it cannot be written.
    """
    _check_flat(folder, pending, pending.at_ns)
    return PendingFile(folder.pending).write(pending)


def await_settled(folder: AccountFolder, wait_s: float, note: Callable[[str], object]) -> None:
    """Wait until the session says that it is reconciled and flat, at most so long: it looks at itself once a second.

    ``note`` is told once what keeps whoever waits for more than 2 s. What is still so at the end, `ask_release` tells.
    """
    began, is_noted = time.monotonic(), False
    while (why := _unsettled(folder, time.time_ns())) and (waited := time.monotonic() - began) < wait_s:
        if waited >= _PATIENCE_S and not is_noted:
            is_noted = True
            note(why)
        time.sleep(_LOOK_S)


def confirm_release(
    folder: AccountFolder, by: str, nonce: str, wait_s: float, now_ns: int, rules: ReleaseRules | None = None
) -> Outcome:
    """Take the second step: hand the release to the live process, or, where none runs, to the next one.

    Raises
    ------
    UsageError
        As `check_second_step` and `ask_release`: what was true at the first step must still be.
    StoreError
        If it cannot be written: then nothing is released.
    """
    file = PendingFile(folder.pending)
    pending = file.read()
    check_second_step(pending, by, nonce, now_ns, rules or ReleaseRules())
    _check_flat(folder, pending, now_ns)
    said = (pending.by, by.strip(), pending.reason)
    stored = TradingStateFile(folder.state)
    try:
        with Lease(folder.path):  # nobody trades: the next start begins in the released state, and asks the desk again
            request = write_release(folder.kill, pending.scope, said, now_ns)
            if pending.scope == ALL:
                stored.write(TradingState.ACTIVE, f"{pending.by} and {said[1]}", pending.reason, now_ns)
            file.remove()
            return Outcome(folder.name, stored.read().state.name, "", 0.0, is_live=False)
    except JournalBusyError:
        request = write_release(folder.kill, pending.scope, said, now_ns)
        file.remove()
    did = _answer(folder, request.id, wait_s)
    return Outcome(folder.name, stored.read().state.name, did, 0.0, is_live=True)


def _check_flat(folder: AccountFolder, pending: PendingRelease, now_ns: int) -> None:
    what = "" if pending.accepts_open else _unsettled(folder, now_ns)
    if what:
        fix = "Look at the venue; --accept-open in the first step says that you did."
        raise UsageError(what, where=f"account {folder.name}", fix=fix)


def _unsettled(folder: AccountFolder, now_ns: int) -> str:
    """Return why nobody knows that a session is reconciled and flat, "" where it says so."""
    status = read_status(folder.status, now_ns)
    if status is None:
        return "no running session says that it is reconciled and flat"
    if not status.is_reconciled:
        return "the session does not agree with its venue"
    return "" if status.is_flat else "the session holds positions or has working orders"


def _answer(folder: AccountFolder, request_id: str, wait_s: float) -> str:
    until = time.monotonic() + wait_s
    while True:
        found = acknowledgement(folder.kill / DONE, request_id)
        if found is not None:
            return str(found["did"])
        if time.monotonic() >= until:
            return ""
        time.sleep(_LOOK_S)


def _is_live(folder: AccountFolder) -> bool:
    try:
        with Lease(folder.path):
            return False
    except (TradewrightError, OSError):
        return True
