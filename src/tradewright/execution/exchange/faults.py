"""Misbehaviour on a script: what goes wrong, where, how often. Shared by the local exchange and the tests' venues."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One line of the script.

    Parameters
    ----------
    kind : str
        What goes wrong: a word that the venue knows.
    path : str
        Part of the place that it happens to (a path with its method, a stream's name); empty: any.
    times : int or None
        How often it happens; None: for ever.
    skip : int
        How many matching requests are let through first.
    probability : float
        Chance of each matching request. It is drawn from the seed, the path and how often the path was asked, so that
        it does not depend on the order in which parallel requests arrive.
    seconds : float
        Retry-After of 429, 418 and 503 (none below zero), and the delay of what comes late.
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


class FaultScript:
    """Decides which request goes wrong; ``fired`` counts what happened, by kind."""

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self.fired: Counter[str] = Counter()
        self._faults = list(faults)
        self._matched = [0] * len(self._faults)
        self._done = [0] * len(self._faults)
        self._asked: Counter[tuple[int, str]] = Counter()
        self._seed = seed

    def add(self, faults: Sequence[Fault]) -> None:
        """Let more go wrong from now on."""
        self._faults += faults
        self._matched += [0] * len(faults)
        self._done += [0] * len(faults)

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
