"""Replay: the session once more from its journal, each decision compared with what stands there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tradewright.core.types.journal import JournalRecord
from tradewright.engine.backtest import BacktestResult
from tradewright.engine.live.recovery import Difference
from tradewright.execution.journal.reading import SESSION
from tradewright.forensics.program import HASHES, Program, retold


@dataclass(frozen=True, slots=True)
class Start:
    """A start or restart: record number, time ns UTC, mode, whether a new lineage begins, hashes then."""

    sequence: int
    ts: int
    mode: str
    begins: bool
    hashes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found.

    ``differences``: the first of them, none where every decision is the same. ``changed``: names of hashes that are
    not those of the program now. ``unfinished``: decisions that a crash came before. ``trace``: hash over everything
    that was done, the same in every replay. ``result``: what the newest lineage came to.
    """

    records: int
    inputs: int
    decisions: int
    unfinished: int
    differences: tuple[Difference, ...]
    starts: tuple[Start, ...]
    changed: tuple[str, ...]
    trace: str
    result: BacktestResult

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def replay(records: Iterable[JournalRecord], program: Program) -> Replay:
    """Drive a fresh conductor with a journal and compare what it does; raises as `retold`."""
    count, starts, tale = 0, [], None
    for tale, record in retold(records, program):  # noqa: B007 - its last value is the whole tale
        count += 1
        if record.kind == SESSION:
            begins = bool(record.payload.get("begins", True))
            hashes = {name: str(getattr(record, name)) for name in HASHES}
            starts.append(Start(record.sequence, record.ts_seen, record.mode, begins, hashes))
    assert tale is not None  # noqa: S101 - `retold` refuses a journal without a session
    assert tale.conductor is not None  # noqa: S101
    result = tale.conductor.run.result()
    for array in (result.fills, result.orders, result.ledger, result.decisions, result.stamps, result.equity):
        tale.trace.update(array.tobytes())
    changed = {n for s in starts for n, value in s.hashes.items() if value and program.hashes.get(n, value) != value}
    return Replay(
        count,
        tale.inputs,
        tale.decisions,
        tale.unfinished,
        tuple(tale.differences),
        tuple(starts),
        tuple(sorted(changed)),
        tale.trace.hexdigest(),
        result,
    )
