"""What is broken on purpose, as tables for people: ``python -m tests.faults.tables soak.jsonl`` prints docs/faults.md.

Runs are those that the files of the soak hold, of each part the last file's that has it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.faults.exits import EXITS
from tests.faults.flushes import FLUSHES
from tests.faults.planted import BUGS
from tests.faults.scenarios import ELSEWHERE, SCENARIOS, Case
from tests.faults.soak import Played, read

#: What is held in every run: looked at before each first byte, ten times a simulated second, or at the quiet end.
INVARIANTS = {
    "I1": "The venue never holds more lots of an intent than were wanted.",
    "I2": "No position is without a working stop for longer than T_protect, unless somebody is closing it.",
    "I3": "Positions and executions are the venue's, each booked once.",
    "I5": "After a kill nothing adds risk until two people release it.",
    "I6": "While an order is unknown, nothing new is risked on its instrument; an end is never assumed.",
    "I7": "What has filled only grows, and not beyond the order.",
    "I8": "An intent is on the disk before its order's first byte.",
    "I11": "The journal alone tells the same again.",
    "I14": "In the end it works, or it stands still and a person was told.",
}
_WHOLE = {
    "days": "Random days of a desk.",
    "sessions": "Whole sessions: strategy, conductor, tactics, desk, journal.",
    "kills": "A day and a session, killed at every write, with and without the power.",
}
_HEAD = """# What is broken on purpose

Written by `python -m tests.faults.tables`; how it is played, and what it cannot show: [order-truth.md](order-truth.md).
"""


def page(played: Iterable[Played]) -> Iterator[str]:
    """Yield the lines of the page."""
    runs: dict[str, list[int]] = {}
    for one in played:
        found = runs.setdefault("kills" if one.part.startswith("kills") else one.part, [0, 0])
        found[0] += one.count
        found[1] += len(one.broken)
    yield _HEAD
    yield from _table("Invariants", ("", "held in every run"), INVARIANTS.items())
    parts = {name: _told(script) for name, script in {**SCENARIOS, **EXITS, **FLUSHES}.items()} | _WHOLE
    rows = ((name, text, *(f"{n:,}" for n in runs.get(name, (0, 0)))) for name, text in parts.items())
    yield from _table("Faults", ("", "what happens", "worlds", "broken"), rows)
    elsewhere = ((name, text, f"`{where}`") for name, (text, where) in ELSEWHERE.items())
    yield from _table("Faults that other tests hold", ("", "what happens", "held by"), elsewhere)
    yield from _table("Mistakes planted", ("mistake", "caught by"), ((bug.name, bug.guard) for bug in BUGS))


def _told(script: Callable[[Case], None]) -> str:
    return (script.__doc__ or "").strip()


def _table(title: str, names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"| {' | '.join(names)} |"
    yield "|" + " --- |" * len(names)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def main() -> None:
    """Print the page."""
    newest: dict[str, tuple[int, list[Played]]] = {}
    for k, path in enumerate(sys.argv[1:]):
        for one in read(Path(path)):
            if newest.get(one.part, (-1, []))[0] < k:
                newest[one.part] = k, []
            newest[one.part][1].append(one)
    print("\n".join(page(one for _, found in newest.values() for one in found)).rstrip())


if __name__ == "__main__":
    main()
