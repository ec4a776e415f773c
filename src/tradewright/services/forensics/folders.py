"""Which session is meant: the name of an account, its folder, or the folder of a journal."""

from __future__ import annotations

from pathlib import Path

from tradewright.core.types.errors import RunError, UsageError
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.reading import JournalReader, segments_of
from tradewright.services.trading.folder import ACCOUNTS, AccountFolder, known_accounts


def account_folder(word: str) -> AccountFolder:
    """Return the folder of an account by name or path; with "" the only account there is.

    Raises
    ------
    UsageError
        If there is no such account, or several to choose from.
    RunError
        If nothing has traded here yet.
    """
    names = [folder.name for folder in known_accounts(ACCOUNTS)]
    if not word:
        if not names:
            fix = "`tradewright paper CONFIG` starts a session."
            raise RunError("no session has run here", where=str(ACCOUNTS), fix=fix)
        if len(names) > 1:
            raise UsageError("there are several accounts", where="ACCOUNT", fix=f"Name one of: {', '.join(names)}.")
        return AccountFolder(names[0])
    if word in names:
        return AccountFolder(word)
    if Path(word).is_dir():
        return AccountFolder(Path(word).name, Path(word).parent)
    fix = f"Name one of: {', '.join(names)}, or a folder." if names else "Name the folder of an account."
    raise UsageError(f"there is no account '{word}'", where=str(ACCOUNTS), fix=fix)


def journal_of(word: str) -> JournalReader:
    """Return the journal of an account, or the one in a folder; raises as `account_folder`."""
    account = account_folder(word)
    for folder in (account.journal, account.path):
        disk = FolderDisk(folder)
        if segments_of(disk):
            return JournalReader(disk)
    fix = "Name an account, or the folder that holds *.journal files."
    raise UsageError("there is no journal", where=str(account.path), fix=fix)
