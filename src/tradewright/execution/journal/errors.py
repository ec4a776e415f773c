"""What can be wrong with a journal."""

from __future__ import annotations

from tradewright.core.types.errors import StoreError


class JournalUnavailableError(StoreError):
    """The disk refused a write or a flush: nothing may be believed to be durable from here on."""


class JournalDamagedError(StoreError):
    """A record that was durable is missing, changed or unreadable."""


class JournalVersionError(StoreError):
    """The journal was written in a format that this program does not read."""


class JournalBusyError(StoreError):
    """Another process holds the account."""
