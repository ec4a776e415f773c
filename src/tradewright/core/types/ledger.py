"""Movements of cash."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class LedgerKind(IntEnum):
    """Why cash moved."""

    TRADE = 1
    COMMISSION = 2
    BORROW = 3
    FUNDING = 4


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One movement of cash in millionths of the account currency; positive is received."""

    kind: LedgerKind
    instrument: str
    cash_micro: int
    fill_id: int
    ts_event: int
