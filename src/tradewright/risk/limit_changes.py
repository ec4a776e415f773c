"""Limits that change while trading: lower at once; higher in two steps, with two people, a delay and a hard ceiling."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.risk.durable import read_document, write_document
from tradewright.risk.limits import CHANGEABLE, Limits

_FORMAT = 1
_SECOND = 1_000_000_000
DELAY_NS = 15 * 60 * _SECOND


@dataclass(frozen=True, slots=True)
class Raise:
    """A higher limit that somebody asked for and nobody confirmed yet."""

    value: float
    by: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class LimitState:
    """Limits in force by name, raises asked for, and who changed what, oldest first."""

    limits: dict[str, float]
    pending: dict[str, Raise] = field(default_factory=dict)
    history: tuple[dict[str, Any], ...] = ()


class LimitBook:
    """The changes to one account's limits, on the disk before they count.

    Parameters
    ----------
    path : Path
        One file an account; where there is none, the configuration's limits are in force.
    limits : Limits
        The configuration. A limit without a ceiling of its own is one: it can be lowered and brought back.
    delay_ns : int
        Between asking for a raise and confirming it, at least.
    """

    def __init__(self, path: Path, limits: Limits, delay_ns: int = DELAY_NS) -> None:
        self.path = path
        self.delay_ns = delay_ns
        self._start = {name: float(v) for name in CHANGEABLE if (v := getattr(limits, name)) is not None}
        self.ceilings = {name: limits.ceiling(name) for name in self._start}

    def read(self) -> LimitState:
        """Return what is in force, never above a ceiling.

        Raises
        ------
        StoreError
            Where the file is not what was written: nobody then knows the limits, and nothing may be traded.
        """
        try:
            document = read_document(self.path)
            if document["format"] != _FORMAT:
                msg = f"format {document['format']} is not known"
                raise ValueError(msg)
            known = {name: float(v) for name, v in document["limits"].items() if name in self._start}
            pending = {name: Raise(**v) for name, v in document["pending"].items() if name in self._start}
            history = tuple(document["history"])
        except FileNotFoundError:
            return LimitState(dict(self._start))
        except (OSError, ValueError, KeyError, TypeError) as error:
            fix = "Kill trading, find out who changed it, and remove it to start from the configuration."
            raise StoreError(f"the limits cannot be trusted: {error}", where=str(self.path), fix=fix) from error
        limits = {name: min(known.get(name, v), self.ceilings[name]) for name, v in self._start.items()}
        return LimitState(limits, pending, history)

    def lower(self, name: str, value: float, by: str, now_ns: int) -> LimitState:
        """Lower a limit at once; a raise of it that waits is dropped."""
        state = self._checked(name, value, by)
        if value > state.limits[name]:
            fix = "Ask for a raise; another person confirms it after the delay."
            raise UsageError(f"{value:g} is above {state.limits[name]:g}, the {name} in force", where=name, fix=fix)
        pending = {k: v for k, v in state.pending.items() if k != name}
        return self._write(state, {name: value}, pending, ("lower", name, value, by, now_ns))

    def request(self, name: str, value: float, by: str, now_ns: int) -> LimitState:
        """Ask for a higher limit; nothing changes yet."""
        state = self._checked(name, value, by)
        if value <= state.limits[name]:
            raise UsageError(f"{value:g} is no raise of {state.limits[name]:g}", where=name, fix="Lower it instead.")
        pending = {**state.pending, name: Raise(value, by, now_ns)}
        return self._write(state, {}, pending, ("request", name, value, by, now_ns))

    def confirm(self, name: str, by: str, now_ns: int) -> LimitState:
        """Let a raise come into force: by another person than asked, and not before the delay is over."""
        state = self.read()
        wanted = state.pending.get(name)
        if wanted is None:
            raise UsageError(f"nobody asked for a higher {name}", where=name, fix="Ask for it first.")
        self._checked(name, wanted.value, by)
        if by.strip().casefold() == wanted.by.strip().casefold():
            raise UsageError(f"{by} asked for it", where=name, fix="Another person must confirm a raise.")
        left = wanted.at_ns + self.delay_ns - now_ns
        if left > 0:
            fix = f"Wait another {-(-left // _SECOND)} s."
            raise UsageError("the delay of a raise is not over", where=name, fix=fix)
        pending = {k: v for k, v in state.pending.items() if k != name}
        return self._write(state, {name: wanted.value}, pending, ("confirm", name, wanted.value, by, now_ns))

    def _checked(self, name: str, value: float, by: str) -> LimitState:
        if name not in self._start:
            known = ", ".join(self._start) or "none: the configuration sets no such limit"
            raise UsageError(f"'{name}' is no limit that can be changed", where="limits", fix=f"Known: {known}.")
        if not by.strip():
            raise UsageError("a change needs a name", where=name, fix="Say who.")
        if not 0.0 < value <= self.ceilings[name]:  # NaN fails too
            fix = f"Above 0, and at most {self.ceilings[name]:g}, which only the configuration can raise."
            raise UsageError(f"{value:g} is out of range", where=name, fix=fix)
        return self.read()

    def _write(
        self, state: LimitState, changed: dict[str, float], pending: dict[str, Raise], entry: tuple[object, ...]
    ) -> LimitState:
        line = dict(zip(("what", "name", "value", "by", "at_ns"), entry, strict=True))
        fresh = LimitState({**state.limits, **changed}, pending, (*state.history, line))
        try:
            write_document(self.path, {**asdict(fresh), "format": _FORMAT})
        except OSError as error:
            fix = "Check rights and free space; the old limits stand."
            raise StoreError(f"the limits cannot be written: {error}", where=str(self.path), fix=fix) from error
        return fresh
