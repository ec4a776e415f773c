"""Run folders: made beside their final place and renamed at the end, so that a folder is whole or not there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Self

from tradewright.core.types.errors import StoreError, UsageError

RUNS = Path("runs")
#: Of what lies in a folder; a reader refuses another one.
FORMAT = 1
CONFIG, MANIFEST, METRICS, REPORT, FINGERPRINT = (
    "config.yaml",
    "manifest.json",
    "metrics.json",
    "report.html",
    "fingerprint",
)
#: The guard's log, where any limit is set. It follows from the same events as the results and is none of them, so that
#: the fingerprint of a run does not depend on whether it is kept.
DECISIONS = "decisions.parquet"
#: Files that hold results: the fingerprint is over these, and both engine paths write the same bytes.
RESULTS = ("equity.parquet", "fills.parquet", "ledger.parquet", METRICS, "orders.parquet", "trades.csv")


class RunDraft:
    """A run folder being written.

    Entering it makes the draft, which is also the proof that the place can be written, before any work is
    done. Leaving it without `publish` removes every trace.

    Parameters
    ----------
    target : Path
        The folder the run shall be.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target  # until the draft has a place of its own
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        if self.target.exists() and (not self.target.is_dir() or any(self.target.iterdir())):
            raise UsageError(
                "there is something in this place already", where=str(self.target), fix="Give another folder."
            )
        parent = self.target.absolute().parent
        try:
            missing = [p for p in (parent, *parent.parents) if not p.exists()]
            self._made = missing
            parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=f".{self.target.name}.writing-", dir=parent))
        except OSError as error:
            self._remove_parents()
            raise _unwritable(self.target, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self.path != self.target:
            shutil.rmtree(self.path, ignore_errors=True)
        self._remove_parents()

    def _remove_parents(self) -> None:
        for folder in self._made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def publish(self) -> Path:
        """Put the folder in its place in one rename; return the place."""
        try:
            self.path.chmod(0o755)  # drafts are private to the user
            self.path.rename(self.target)
        except OSError as error:
            raise _unwritable(self.target, error) from error
        return self.target


def free_folder(parent: Path, stamp: str, name: str) -> Path:
    """Return ``parent/stamp-name``, numbered where two runs begin within one second."""
    wanted = parent / f"{stamp}-{name}"
    number = 2
    while wanted.exists():
        wanted = parent / f"{stamp}-{name}-{number}"
        number += 1
    return wanted


def _unwritable(target: Path, error: OSError) -> StoreError:
    is_under_file = isinstance(error, FileExistsError | NotADirectoryError)
    reason = "a part of its path is a file" if is_under_file else error.strerror or str(error)
    return StoreError(
        f"the run folder cannot be written: {reason}", where=str(target), fix="Give a writable place with --out."
    )
