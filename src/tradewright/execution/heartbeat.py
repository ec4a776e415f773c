"""A running session says once a second that it lives, in a file that another process watches."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """``sequence`` grows by one a beat; ``is_running`` is false after an orderly stop; ``wall_ns``: ns UTC."""

    sequence: int
    wall_ns: int
    is_running: bool
    pid: int


class HeartbeatFile:
    """The file, replaced whole at every beat. It need not survive a loss of power: silence is what it is there for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._draft = path.with_name(f".{path.name}")
        self._sequence = 0

    def beat(self, wall_ns: int, *, is_running: bool = True) -> None:
        """Write the next beat; raises OSError where the disk refuses, and the watchdog then hears nothing."""
        self._sequence += 1
        beat = Heartbeat(self._sequence, wall_ns, is_running, os.getpid())
        self._draft.write_text(json.dumps(asdict(beat)) + "\n", encoding="utf-8")
        self._draft.replace(self.path)

    def read(self) -> Heartbeat | None:
        """Return the last beat; None where there is none, or none that can be read."""
        try:
            return Heartbeat(**json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
