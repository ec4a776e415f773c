"""Misbehaviour on a script: which requests go wrong, how, and how often. Shared by every local venue."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

#: Faults of any HTTP answer, applied by `LocalVenue` itself.
HTTP_FAULTS = ("429", "418", "500", "503", "cut", "truncated", "garbage", "slow")
#: Faults of any WebSocket connection, applied by the venue's own stream code through `FaultScript.take`.
STREAM_FAULTS = ("drop", "silent", "gap", "duplicate")


@dataclass(frozen=True)
class Fault:
    """One line of the script.

    Parameters
    ----------
    kind : str
        What goes wrong; `HTTP_FAULTS`, `STREAM_FAULTS`, or a word that only one venue knows.
    path : str
        Part of the path (of the stream's name) that it happens to; empty: any.
    times : int or None
        How often it happens; None: for ever.
    skip : int
        How many matching requests are let through first.
    probability : float
        Chance of each matching request. It is drawn from the seed, the path and how often the path was asked, so that
        it does not depend on the order in which parallel requests arrive.
    seconds : float
        Retry-After of 429, 418 and 503 (none below zero), and the delay of ``slow``.
    count : int
        Rows or messages that a fault of content touches: left out, repeated, lost while disconnected.
    """

    kind: str
    path: str = ""
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seconds: float = 0.0
    count: int = 1


def any_request_may_fail(probability: float, kinds: Sequence[str] = HTTP_FAULTS) -> list[Fault]:
    """Return faults that together hit each HTTP request with a probability."""
    each = 1.0 - (1.0 - probability) ** (1.0 / len(kinds))
    return [Fault(kind, times=None, probability=each) for kind in kinds]


class FaultScript:
    """Decides which request goes wrong; ``fired`` counts what happened, by kind."""

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self.fired: Counter[str] = Counter()
        self._faults = list(faults)
        self._matched = [0] * len(self._faults)
        self._done = [0] * len(self._faults)
        self._asked: Counter[tuple[int, str]] = Counter()
        self._seed = seed

    def take(self, path: str, kinds: Collection[str]) -> Fault | None:
        """Return the fault, of some kinds, that this request gets, and count it."""
        for i, fault in enumerate(self._faults):
            if fault.kind not in kinds or fault.path not in path:
                continue
            self._matched[i] += 1
            if self._matched[i] <= fault.skip or (fault.times is not None and self._done[i] >= fault.times):
                continue
            self._asked[i, path] += 1
            if fault.probability < 1.0 and self._chance(i, path) >= fault.probability:
                continue
            self._done[i] += 1
            self.fired[fault.kind] += 1
            return fault
        return None

    def _chance(self, i: int, path: str) -> float:
        """Return a number in [0, 1) that belongs to this request."""
        text = f"{self._seed}|{i}|{path}|{self._asked[i, path]}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2.0**64
