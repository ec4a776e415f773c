"""Progress of a download on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from tradewright.data.download import Progress

#: Between two plain lines pass this many seconds.
_PLAIN_EVERY = 5.0


class FetchMeter:
    """Shows pieces, rows, what was resumed and what was refused.

    Parameters
    ----------
    what : str
        What is fetched, for people.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._said = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: Progress) -> None:
        """Show how far the download is."""
        if sys.stderr.isatty():
            self._draw(progress)
            return
        now = time.monotonic()
        if now - self._said >= _PLAIN_EVERY:
            self._said = now
            print(f"{self.what}: {words(progress)}", file=sys.stderr, flush=True)

    def _draw(self, progress: Progress) -> None:
        if self._bar is None or self._task is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
            self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self.what, total=progress.pieces, told="")
            self._bar.start()
        self._bar.update(self._task, completed=progress.done, told=words(progress))


def words(progress: Progress) -> str:
    """Return a download's progress in words."""
    text = f"{progress.done:,} of {progress.pieces:,} pieces, {progress.rows:,} rows"
    if progress.resumed:
        text += f", {progress.resumed:,} pieces resumed"
    if progress.present:
        text += f", {progress.present:,} in the store already"
    return text + (f", {progress.quarantined:,} rows refused" if progress.quarantined else "")
