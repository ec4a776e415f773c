"""What is known of an account's orders, from the session that runs or from the journal it left."""

from __future__ import annotations

from pathlib import Path

from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.order import OrderStatus
from tradewright.core.types.venue import Idempotency
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.reading import JournalReader
from tradewright.execution.orders.recovery import recover
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.venue import Capabilities
from tradewright.risk.arming.conditions import OrderFacts

_IN_DOUBT = (OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


def recovered(journal: Path) -> OrdersState | None:
    """Return the state that a journal leads to; None where there is none yet. Nothing is changed.

    Raises
    ------
    TradewrightError
        If it is damaged, or of another version.
    """
    if not journal.is_dir() or not any(journal.iterdir()):
        return None
    state = OrdersState("", Capabilities(idempotency=Idempotency.HARD))
    return recover(state, JournalReader(FolderDisk(journal)))


def facts_of(state: OrdersState) -> OrderFacts:
    """Return what a state says about orders in doubt and differences from the venue."""
    unknown = tuple(sorted(k for k, o in state.open.items() if o.status in _IN_DOUBT))
    differing = {name for name, known in state.instruments.items() if known.mismatches}
    differing |= {fill.instrument for fill in state.quarantine}
    return OrderFacts(unknown, tuple(sorted(differing)))


def journal_facts(journal: Path) -> OrderFacts:
    """Return whether the journal of an account that does not run can be trusted.

    What it leaves open is no reason not to start: only a session that has started can ask the venue, and it asks
    before anything is decided.
    """
    try:
        recovered(journal)
    except TradewrightError as error:
        return OrderFacts(trouble=f"the journal cannot be trusted: {error.what}")
    return OrderFacts()


def protective_ids(journal: Path) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return the client ids of orders that protect, and of all orders of ours; None where the journal cannot say."""
    try:
        state = recovered(journal)
    except (TradewrightError, OSError, ValueError, KeyError):
        return None
    if state is None:
        return None
    guards = frozenset(k for k, o in state.orders.items() if o.is_protective)
    return guards, frozenset(state.orders)
