"""What the commands print: tables and JSON on stdout, progress on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: A bar for less than this would only flicker, seconds; between two plain lines pass this many.
_PATIENCE = 0.5
_PLAIN_EVERY = 5.0


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
    """Print a table; ``right`` has an ``r`` at each place whose column is set to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if right[number : number + 1] == "r" else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200  # files and pipes have no edge to wrap at
    console.print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names and values in two columns."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        print(f"{name:<{width}}  {value}")


def warn(text: str) -> None:
    """Print a warning on stderr, where there is anything to warn of."""
    if text:
        print(f"warning: {text}", file=sys.stderr)


class Meter:
    """Progress on stderr: a bar on a terminal, a line now and then elsewhere, nothing for quick work.

    Parameters
    ----------
    what : str
        What goes on, for people.
    total : int
        How many steps there are.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = max(total, 1)
        self.done = 0
        self._started = self._said = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int) -> None:
        """Note that so many more steps are done."""
        self.done += steps
        now = time.monotonic()
        if now - self._started < _PATIENCE:
            return
        if not sys.stderr.isatty():
            if now - self._said >= _PLAIN_EVERY:
                self._said = now
                print(f"{self.what}: {self.done / self.total:.0%}", file=sys.stderr, flush=True)
            return
        if self._bar is None:
            self._open()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, description=self.what)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self.what, total=self.total)
        self._bar.start()
