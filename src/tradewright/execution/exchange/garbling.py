"""What happens to messages between the exchange and one connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewright.execution.exchange.faults import FaultScript
from tradewright.execution.exchange.scenarios import (
    CROSSED,
    CUT,
    DUPLICATE,
    FROZEN,
    LOST,
    MESSAGE_FAULTS,
    MUTE,
    SWAP,
)

Message = dict[str, Any]


class CutError(Exception):
    """The connection is to end now, without a word."""


class Garbler:
    """Passes messages on, or what a script makes of them.

    Parameters
    ----------
    script : FaultScript
        What goes wrong.
    mangle : callable
        Returns a market-data message as ``frozen`` or ``crossed`` leave it; gets the kind, the message and the one
        before of the same subject, None at first.
    """

    def __init__(
        self, script: FaultScript, mangle: Callable[[str, Message, Message | None], Message] = lambda *a: a[1]
    ) -> None:
        self._script, self._mangle = script, mangle
        self._held: list[Message] = []
        self._last: dict[str, Message] = {}
        self.is_mute = False

    def passed(self, place: str, message: Message, subject: str = "") -> list[Message]:
        """Return what is to be sent in place of a message.

        Raises
        ------
        CutError
            If the connection is to end; the message is lost.
        """
        if self.is_mute:
            return []
        before, held, self._held = self._last.get(subject), self._held, []
        fault = self._script.take(place, MESSAGE_FAULTS)
        kind = "" if fault is None else fault.kind
        if kind == CUT:
            raise CutError
        if kind == MUTE:
            self.is_mute = True
            return []
        if kind == SWAP:
            self._held = [message]
            return held
        if kind == LOST:
            return held
        if kind in {FROZEN, CROSSED}:
            return [self._mangle(kind, message, before), *held]
        self._last[subject] = message
        return [message, message, *held] if kind == DUPLICATE else [message, *held]
