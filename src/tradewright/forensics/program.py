"""What retells a journal: the plan that a session's first record stands for, and what begins it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.journal import JournalRecord
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.recovery import Retelling
from tradewright.engine.plan import BacktestPlan
from tradewright.execution.journal.reading import SESSION
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import SimBroker
from tradewright.execution.tactics.params import TacticParams

#: Venue of a `SESSION` record whose fills the simulated venue made.
SIMULATED = "simulated"
HASHES = ("code_hash", "config_hash", "model_hash")


@dataclass(frozen=True, slots=True)
class Program:
    """What a journal is retold with.

    ``plan`` makes the plan of a `SESSION` record (its market is not read), ``state`` what the desk knew before the
    first record. ``hashes``: what `HASHES` would be of a session that begins now; one left out is not compared.
    """

    plan: Callable[[JournalRecord], BacktestPlan]
    state: Callable[[JournalRecord], OrdersState]
    hashes: Callable[[JournalRecord], Mapping[str, str]]


def begun(plan: BacktestPlan, record: JournalRecord, state: OrdersState) -> tuple[Conductor, SimBroker | None]:
    """Return conductor and simulated venue of a plan, as a `SESSION` record begins them."""
    known = record.payload.get("tactics")
    tactics = None if known is None else TacticParams.model_validate(known)
    conductor = Conductor(plan, state, takes_fractions=state.capabilities.takes_fractions, tactics=tactics)
    if record.payload.get("venue") != SIMULATED:
        return conductor, None
    event = conductor.event
    records = conductor.run.instruments
    broker = SimBroker(
        plan.venue, plan.instruments, records, event, conductor.sent.get, lambda: int(event.ts_seen[0]), state.account
    )
    return conductor, broker


def retold(records: Iterable[JournalRecord], program: Program) -> Iterator[tuple[Retelling, JournalRecord]]:
    """Yield each record beside what the journal had led to before it; the record is taken in afterwards.

    Raises
    ------
    UsageError
        If the journal holds no session.
    StoreError
        If a record is not one of this version's.
    """
    tale: Retelling | None = None
    for record in records:
        if tale is None:
            if record.kind != SESSION:
                raise _strange(record, "a journal begins with the record of a session")
            tale = _tale(program, program.state(record))
        yield tale, record
        with _readable(record):
            tale.take(record)
    if tale is None or tale.conductor is None:
        fix = "`tradewright paper CONFIG` starts one."
        raise UsageError("the journal holds no session", where="journal", fix=fix)
    tale.finish()


def _tale(program: Program, state: OrdersState) -> Retelling:
    return Retelling(state, lambda record: begun(program.plan(record), record, state))


@contextmanager
def _readable(record: JournalRecord) -> Iterator[None]:
    """Turn what a payload of another version leads to into an error that names the record."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _strange(record, f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _strange(record: JournalRecord, what: str) -> StoreError:
    where = f"record {record.sequence}, {record.kind}"
    fix = f"It was written by another version, source {record.code_hash or 'unknown'}: use that one."
    return StoreError(f"this program does not read it: {what}", where=where, fix=fix)
