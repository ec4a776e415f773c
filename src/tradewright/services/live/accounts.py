"""An account's folder: what of it lies where, and who may write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AccountFolder:
    """Paths of one account."""

    path: Path

    @property
    def journal(self) -> Path:
        """Folder of the journal."""
        return self.path / "journal"

    @property
    def state(self) -> Path:
        """File of the trading state."""
        return self.path / "state.json"

    @property
    def kills(self) -> Path:
        """Folder of kill requests."""
        return self.path / "kill"

    @property
    def arm(self) -> Path:
        """File that arms live trading."""
        return self.path / "arm.json"

    @property
    def heartbeat(self) -> Path:
        """File that the session writes each second."""
        return self.path / "heartbeat"

    @property
    def status(self) -> Path:
        """File that shows what the session is doing."""
        return self.path / "status.json"
