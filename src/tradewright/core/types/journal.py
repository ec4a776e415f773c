"""Journal records: every noun on its way, in order, with what produced it."""

from __future__ import annotations

from typing import NamedTuple


class JournalRecord(NamedTuple):
    """One record of what came in or went out of a session.

    ``kind`` is the noun's or message's name; ``payload`` its fields. ``mode``, ``code_hash``, ``config_hash`` and
    ``model_hash`` say what produced it, so that records of two modes or builds can never be mixed up.
    """

    sequence: int
    kind: str
    ts_event: int
    ts_seen: int
    payload: dict[str, object]
    mode: str
    code_hash: str
    config_hash: str
    model_hash: str = ""
