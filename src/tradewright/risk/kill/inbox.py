"""The folder of requests as a running process sees it: one look at its time stamp, thousands of times a second."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from tradewright.risk.durable import write_text
from tradewright.risk.kill.requests import KillRequest, Request, read_request, to_document, unreadable

DONE = "done"
#: File systems stamp with a clock of some milliseconds: a folder that changed so lately may change again unseen.
_UNSETTLED_NS = 100_000_000
#: So many looks in a row rely on the stamp; then the folder is listed all the same.
_LISTED_EVERY = 256
#: In place of a stamp: the folder cannot be asked, or nothing that was seen can be relied on.
_AWAY, _UNSEEN = -2, -1


class KillInbox:
    """Requests that wait.

    Parameters
    ----------
    folder : Path
        Of the account; made where it does not exist. What was carried out lies in ``done`` below it.
    now_ns : callable
        The wall clock, ns UTC, which the file system's stamps are compared with.

    Raises
    ------
    OSError
        If the folder cannot be made: then nobody could kill, and nothing may start.
    """

    def __init__(self, folder: Path, now_ns: Callable[[], int]) -> None:
        self.folder = folder
        self.done = folder / DONE
        self.done.mkdir(parents=True, exist_ok=True)
        self._path = os.fspath(folder)
        self._now_ns = now_ns
        self._seen_ns = _UNSEEN
        self._looks = 0
        self._taken: set[str] = set()

    def poll(self) -> list[Request]:
        """Return what came in since the last look, in order of time; each request once."""
        try:
            stamp = os.stat(self._path).st_mtime_ns  # noqa: PTH116 - half the time of Path.stat
        except OSError:
            stamp = _AWAY  # listing says why
        self._looks += 1
        if stamp == self._seen_ns != _AWAY and self._looks % _LISTED_EVERY:
            return []
        found = self._listed()
        self._seen_ns = stamp if abs(self._now_ns() - stamp) > _UNSETTLED_NS else _UNSEEN
        return found

    def _listed(self) -> list[Request]:
        try:
            names = sorted(n for n in os.listdir(self._path) if n != DONE and not n.startswith("."))  # noqa: PTH208
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                self._again()
            return self._new([unreadable(self.folder, error)])  # somebody who asks is not heard
        self._taken.intersection_update(names)  # a name that went and came back is a new request
        return self._new([r for n in names if n not in self._taken and (r := read_request(self.folder / n))])

    def _again(self) -> None:
        try:
            self.done.mkdir(parents=True, exist_ok=True)
        except OSError:
            return

    def _new(self, found: list[Request]) -> list[Request]:
        fresh = [r for r in found if r.id not in self._taken]
        self._taken.update(r.id for r in fresh)
        return sorted(fresh, key=lambda r: (r.ts, r.id))

    def acknowledge(self, request: Request, did: str) -> bool:
        """Write down what was done, then take the request away; False where the disk refuses, and it stays.

        A crash in between leaves the request to be carried out again, which does no harm: kills only ever rise.
        """
        told = to_document(request) | {"did": did, "done_ns": self._now_ns(), "pid": os.getpid()}
        name = request.id
        if isinstance(request, KillRequest) and not name.endswith(".json"):
            name = f"{name}-{request.ts}"  # files made by hand have the same name every time
        try:
            write_text(self.done / name, json.dumps(told, indent=1, sort_keys=True) + "\n")
            (self.folder / request.id).unlink(missing_ok=True)
        except OSError:
            return False
        self._taken.discard(request.id)  # the same name may be made again, at once
        return True
