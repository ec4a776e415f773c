"""The folder of an account: everything that is written about it, by whom it is read, under fixed names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tradewright.core.types.errors import UsageError

ACCOUNTS = Path(".tradewright/accounts")
_NAME = re.compile(r"(?!\.+$)[a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class AccountFolder:
    """``name`` is letters, digits, ``._-``; ``root`` holds the folders of all accounts."""

    name: str
    root: Path = ACCOUNTS

    @property
    def path(self) -> Path:
        """The folder itself; it holds the lease, too."""
        return self.root / self.name

    @property
    def journal(self) -> Path:
        """The journal's folder."""
        return self.path / "journal"

    @property
    def state(self) -> Path:
        """The trading state."""
        return self.path / "state.json"

    @property
    def limits(self) -> Path:
        """Limits that were changed, and raises that wait (`tradewright controls`)."""
        return self.path / "limits.json"

    @property
    def kill(self) -> Path:
        """Where requests are dropped."""
        return self.path / "kill"

    @property
    def pending(self) -> Path:
        """A release that waits for its second person."""
        return self.path / "release.json"

    @property
    def arm(self) -> Path:
        """What was armed, and until when."""
        return self.path / "arm.json"

    @property
    def approved(self) -> Path:
        """The release that somebody approved."""
        return self.path / "approved.json"

    @property
    def heartbeat(self) -> Path:
        """The running session's."""
        return self.path / "heartbeat"

    @property
    def status(self) -> Path:
        """What the running session says of itself."""
        return self.path / "status.json"

    @property
    def drills(self) -> Path:
        """Evidence of drills."""
        return self.path / "drills"

    @property
    def drill(self) -> Path:
        """A drill that is asked of the running session."""
        return self.path / "drill.json"

    @property
    def drill_answer(self) -> Path:
        """What became of it."""
        return self.path / "drill-answer.json"

    @property
    def audit(self) -> Path:
        """A line for each call of the control endpoint."""
        return self.path / "control.jsonl"


def check_name(name: str) -> str:
    """Return an account's name; raises UsageError where it could not be a folder's."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no account's name", where="account", fix="Use a-z, 0-9, '.', '_' and '-'.")
    return name


def known_accounts(root: Path) -> list[AccountFolder]:
    """Return the accounts that have a folder, by name."""
    if not root.is_dir():
        return []
    return [AccountFolder(p.name, root) for p in sorted(root.iterdir()) if p.is_dir() and _NAME.fullmatch(p.name)]


def existing(name: str, root: Path) -> AccountFolder:
    """Return an account's folder.

    Raises
    ------
    UsageError
        If there is none: a mistyped name must not make a new account while the one that was meant trades on.
    """
    folder = AccountFolder(check_name(name), root)
    if not folder.path.is_dir():
        known = ", ".join(f.name for f in known_accounts(root)) or "none"
        raise UsageError(f"there is no account '{name}'", where=str(root), fix=f"Known: {known}.")
    return folder
