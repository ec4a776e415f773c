"""The switch of a running account: every way of killing ends here, in the order that the money needs.

First the flag in memory, which the gate reads by the last instruction before the wire, and the journal (both by the
sink). At the next look, when cancels had their turn on the loop, the trading state on the disk and the acknowledgement:
a crash in between loses nothing, because the journal has the kill and the request still lies there. Releasing waits
until the sink can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tradewright.core.types.errors import StoreError
from tradewright.core.types.order import KillLevel, TradingState
from tradewright.risk.kill.inbox import KillInbox
from tradewright.risk.kill.requests import ALL, CAREFUL, KillRequest, ReleaseRequest, level_named, state_of
from tradewright.risk.trading_state import TradingStateFile

#: A release that could not be carried out for so long is void, ns.
RELEASE_VALID_NS = 3_600 * 10**9
#: The level to start with, from the environment: it stands before anything connects.
VARIABLE = "TRADEWRIGHT_KILL"
#: How the scope of one strategy begins.
STRATEGY = "strategy:"
_LEVELS = {
    TradingState.ACTIVE: KillLevel.NONE,
    TradingState.REDUCING: KillLevel.REDUCE_ONLY,
    TradingState.HALTED: KillLevel.BLOCK_NEW,
    TradingState.KILLED: CAREFUL,
}


class KillSink(Protocol):
    """Who trades: it stops when it is told to, and says what is stopped. `execution.desk.OrderDesk` is one."""

    @property
    def kills(self) -> Mapping[str, KillLevel]:
        """Levels in force by scope."""

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:
        """Stop; the gate is closed when this returns. Never lowers."""

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:
        """Let a scope trade again, or leave it killed where it may not."""


class KillSwitch:
    """Carries out what the inbox, signals, the environment and the control endpoint ask; a `KillSink` itself.

    Parameters
    ----------
    sink : KillSink
        Who trades.
    inbox : KillInbox
        Requests of people without a network.
    state : TradingStateFile
        What the next start reads first.
    now_ns : callable
        ns UTC.
    is_ready : callable
        Whether the sink agrees with its venue: until then releases wait.
    strategies : sequence of str
        Who trades here. A kill of another name is kept, and told to have stopped nobody.
    """

    def __init__(
        self,
        sink: KillSink,
        inbox: KillInbox,
        state: TradingStateFile,
        now_ns: Callable[[], int],
        is_ready: Callable[[], bool],
        strategies: Sequence[str] = (),
    ) -> None:
        self.sink = sink
        self._scopes = [f"{STRATEGY}{name}" for name in strategies]
        self.inbox = inbox
        self.state = state
        self.troubles: list[str] = []  # what the disk refused; the kill stands in memory all the same
        self._now_ns = now_ns
        self._is_ready = is_ready
        self._last_kill_ns = -1
        self._unkept: list[KillRequest] = []
        self._releases: list[ReleaseRequest] = []

    @property
    def kills(self) -> Mapping[str, KillLevel]:
        """Levels in force by scope."""
        return self.sink.kills

    def poll(self) -> int:
        """Carry out what came in; return how many kills. Cheap when nothing did, so that the gate itself may ask."""
        found = self.inbox.poll()
        if not (found or self._unkept or self._releases):
            return 0
        kills = [r for r in found if isinstance(r, KillRequest)]
        for request in sorted(kills, key=lambda r: -r.level):  # the strictest first
            self._last_kill_ns = max(self._last_kill_ns, request.ts)
            self.sink.kill(request.level, request.scope, request.by, request.reason)
        self.keep()
        self._unkept = kills
        self._releases += [r for r in found if isinstance(r, ReleaseRequest)]
        if self._releases:
            self.keep()  # what a release lifts is written before it
        for release in self._releases[:]:
            self._try(release)
        return len(kills)

    def keep(self) -> None:
        """Write down what was carried out and is not written yet; who stops a session does this last."""
        waiting, self._unkept = self._unkept, []
        for request in waiting:
            if request.scope == ALL:
                level = max(request.level, self.sink.kills.get(ALL, request.level))
                self._write(state_of(level), request.by, request.reason)
            if request.id:
                self.inbox.acknowledge(request, self._told(request))

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:
        """Stop at once; what is kept of it is written at the next look."""
        now = self._now_ns()
        self._last_kill_ns = max(self._last_kill_ns, now)
        self.sink.kill(level, scope, by, reason)
        self._unkept.append(KillRequest(level, scope, by, reason, now, ""))

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:
        """Let a scope trade again, if the sink agrees; the caller has made sure of two people."""
        self.sink.release(scope, by, confirmed_by, reason)
        if scope == ALL and ALL not in self.sink.kills:
            self._write(TradingState.ACTIVE, f"{by} and {confirmed_by}", reason)

    def start(self, environment_level: str = "") -> TradingState:
        """Bind what was pulled while nothing ran; called before anything connects. Returns the trading state then.

        ``environment_level``: what `VARIABLE` holds; a level that does not exist counts as CANCEL.
        """
        if environment_level.strip():
            level = level_named(environment_level)
            self.kill(level, ALL, "environment", f"{VARIABLE}={environment_level.strip()}")
        self.poll()
        self.keep()
        found = self.state.read()
        wanted = _LEVELS[found.state]
        if wanted > self.sink.kills.get(ALL, KillLevel.NONE):
            self.sink.kill(wanted, ALL, found.by or "start", found.why)
        return found.state

    def _write(self, wanted: TradingState, by: str, why: str) -> None:
        try:
            if wanted is TradingState.ACTIVE:
                self.state.write(wanted, by, why, self._now_ns())
            else:
                tighten(self.state, wanted, by, why, self._now_ns())
        except StoreError as error:
            self.troubles.append(str(error))

    def _told(self, request: KillRequest) -> str:
        level = self.sink.kills.get(request.scope, KillLevel.NONE)
        if level < request.level:
            return f"NOT carried out: {request.scope} is at {level.name}"
        if self._scopes and request.scope.startswith(STRATEGY) and request.scope not in self._scopes:
            return f"NOT a strategy of this session: {request.scope}; it has {', '.join(self._scopes)}"
        more = {
            KillLevel.CANCEL: "; orders are being cancelled",
            KillLevel.FLATTEN: "; orders are being cancelled and positions closed",
        }
        lost = f"; {self.troubles[-1]}" if self.troubles else ""
        return f"{level.name} of {request.scope}: the gate is closed{more.get(level, '')}{lost}"

    def _try(self, release: ReleaseRequest) -> None:
        if release.ts <= self._last_kill_ns:
            did = "void: a kill came after it"
        elif self._now_ns() - release.ts > RELEASE_VALID_NS:
            did = "void: it is too old; release again"
        elif not self._is_ready():
            return
        else:
            self.release(release.scope, release.by, release.confirmed_by, release.reason)
            did = "refused: the session does not agree with its venue" if release.scope in self.kills else "released"
        self._releases.remove(release)
        self.inbox.acknowledge(release, did)


def tighten(file: TradingStateFile, wanted: TradingState, by: str, why: str, now_ns: int) -> TradingState:
    """Write a state that is stricter than the stored one, or the first one that can be trusted; never a looser one.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    found = file.read()
    strictest = max(found.state, wanted)
    if strictest > found.state or found.at_ns == 0:
        file.write(strictest, by.strip() or "nobody known", why.strip() or "no reason given", now_ns)
    return strictest
