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
    """A start or restart: record number, time ns UTC, mode, whether a new lineage begins, hashes then and now."""

    sequence: int
    ts: int
    mode: str
    begins: bool
    hashes: dict[str, str]
    hashes_now: dict[str, str]

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the hashes that are others now."""
        return tuple(n for n, now in self.hashes_now.items() if self.hashes.get(n, "") not in ("", now))


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found.

    ``differences``: the first of them, none where every decision is the same. ``cut_off``: decisions that the end
    of a process came before. ``trace``: hash over everything that was done, the same in every replay. ``result``: what
    the newest lineage came to.
    """

    records: int
    inputs: int
    decisions: int
    cut_off: int
    differences: tuple[Difference, ...]
    starts: tuple[Start, ...]
    trace: str
    result: BacktestResult

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the hashes of any start that are others now: the session was made by another program."""
        return tuple(name for name in HASHES if any(name in start.changed for start in self.starts))


def replay(records: Iterable[JournalRecord], program: Program) -> Replay:
    """Drive a fresh conductor with a journal and compare what it does; raises as `retold`."""
    count, starts, tale = 0, [], None
    for tale, record in retold(records, program):  # noqa: B007 - its last value is the whole tale
        count += 1
        if record.kind == SESSION:
            begins = bool(record.payload.get("begins", True))
            hashes = {name: str(getattr(record, name)) for name in HASHES}
            now = dict(program.hashes(record))
            starts.append(Start(record.sequence, record.ts_seen, record.mode, begins, hashes, now))
    assert tale is not None  # noqa: S101 - `retold` refuses a journal without a session
    assert tale.conductor is not None  # noqa: S101
    result = tale.conductor.run.result()
    for array in (result.fills, result.orders, result.ledger, result.decisions, result.stamps, result.equity):
        tale.trace.update(array.tobytes())
    return Replay(
        count,
        tale.inputs,
        tale.decisions,
        tale.cut_off,
        tuple(tale.differences),
        tuple(starts),
        tale.trace.hexdigest(),
        result,
    )
