"""The experiment store: every configuration that was tried and every look at a holdout, counted here and nowhere else.

What a result is worth depends on how often one has tried. Nobody can be trusted to count that, so the code that scores
a configuration writes it down itself. A family is one data set with one target: all trials of a family compete for the
same chance hits. Trying the same configuration again on the same rows is the same trial; looking at a holdout again
is another look.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import StoreError

#: Seconds that a writer waits for others.
_PATIENCE = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS trials (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    family TEXT NOT NULL,
    dataset TEXT NOT NULL,
    feature_set TEXT NOT NULL,
    config TEXT NOT NULL,
    told TEXT NOT NULL,
    state TEXT NOT NULL,
    score REAL,
    stamps BLOB,
    returns BLOB,
    at_ns INTEGER NOT NULL,
    UNIQUE (family, dataset, feature_set, config)
);
CREATE TABLE IF NOT EXISTS holdout_uses (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    family TEXT NOT NULL,
    dataset TEXT NOT NULL,
    purpose TEXT NOT NULL,
    at_ns INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS trials_by_family ON trials (family);
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration that was tried.

    Parameters
    ----------
    family : str
        What it competes in (`family_of`).
    dataset, feature_set : str
        Hashes of the rows it was scored on and of the features.
    config : mapping
        What was tried; its hash identifies the trial.
    score : float or None
        What it was judged by; None where it was given up.
    stamps, returns : ndarray, optional
        Net returns period by period, f8[n], at i8[n] ns UTC.
    state : str
        ``complete``, ``pruned`` or ``failed``.
    number, at_ns : int
        Given by the store.
    """

    family: str
    dataset: str
    feature_set: str
    config: Mapping[str, Any]
    score: float | None
    stamps: NDArray[np.int64] | None = None
    returns: NDArray[np.float64] | None = None
    state: str = "complete"
    number: int = 0
    at_ns: int = 0

    @property
    def config_hash(self) -> str:
        """32 hex digits over the configuration."""
        return hash_of(self.config)


def hash_of(value: object) -> str:
    """Return 32 hex digits over a JSON value; the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def family_of(dataset: Mapping[str, str], target: str) -> str:
    """Return the name under which trials on these bars (hashes by symbol) with this target are counted."""
    return hash_of({"dataset": dict(dataset), "target": target})[:16]


class ExperimentStore:
    """Trials and looks at holdouts in one SQLite file that many processes may write at once.

    Parameters
    ----------
    path : Path
        The file; made on the first use, with its folder.
    now_ns : callable
        The time that rows are stamped with, ns UTC. It tells people when, and decides nothing.
    """

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        self.path = path
        self.now_ns = now_ns
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(path, error) from error
        with self._open() as link:
            link.execute("PRAGMA journal_mode=WAL")
            link.executescript(_SCHEMA)

    def record(self, trial: Trial) -> bool:
        """Count a trial; False if this configuration was counted before on the same rows.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        row = (
            trial.family,
            trial.dataset,
            trial.feature_set,
            trial.config_hash,
            json.dumps(dict(trial.config), sort_keys=True),
            trial.state,
            trial.score,
            None if trial.stamps is None else trial.stamps.astype("<i8").tobytes(),
            None if trial.returns is None else trial.returns.astype("<f8").tobytes(),
            self.now_ns(),
        )
        names = "family, dataset, feature_set, config, told, state, score, stamps, returns, at_ns"
        # What was given up and is now complete keeps its number and gets its result: still one trial.
        with self._writing() as link:
            done = link.execute(
                f"INSERT INTO trials ({names}) VALUES ({','.join('?' * len(row))}) ON CONFLICT DO NOTHING",  # noqa: S608
                row,
            )
            if done.rowcount == 0 and trial.state == "complete":
                link.execute(
                    "UPDATE trials SET state = ?, score = ?, stamps = ?, returns = ? WHERE family = ? AND dataset = ?"
                    " AND feature_set = ? AND config = ? AND state != 'complete'",
                    (*row[5:9], *row[:4]),
                )
            return done.rowcount == 1

    def trials_of(self, family: str) -> int:
        """Return how many configurations were tried in a family."""
        return self._count("SELECT COUNT(*) FROM trials WHERE family = ?", family)

    def holdout_uses(self, family: str) -> int:
        """Return how often the holdout of a family was looked at."""
        return self._count("SELECT COUNT(*) FROM holdout_uses WHERE family = ?", family)

    def use_holdout(self, family: str, dataset: str, purpose: str) -> int:
        """Write down a look at the holdout, before it is handed over; return the number of looks, this one included.

        Raises
        ------
        StoreError
            If it cannot be written down: then nobody may look.
        """
        with self._writing() as link:
            link.execute(
                "INSERT INTO holdout_uses (family, dataset, purpose, at_ns) VALUES (?, ?, ?, ?)",
                (family, dataset, purpose, self.now_ns()),
            )
            (count,) = link.execute("SELECT COUNT(*) FROM holdout_uses WHERE family = ?", (family,)).fetchone()
            return int(count)

    def trials(self, family: str | None = None) -> tuple[Trial, ...]:
        """Return the trials of a family, or all, in the order in which they were counted."""
        where, values = ("WHERE family = ?", (family,)) if family is not None else ("", ())
        names = "family, dataset, feature_set, told, score, stamps, returns, state, number, at_ns"
        with self._open() as link:
            rows = link.execute(f"SELECT {names} FROM trials {where} ORDER BY number", values).fetchall()  # noqa: S608
        return tuple(_trial(row) for row in rows)

    def families(self) -> tuple[str, ...]:
        """Return every family that was tried or looked at, in alphabetical order."""
        with self._open() as link:
            rows = link.execute("SELECT family FROM trials UNION SELECT family FROM holdout_uses").fetchall()
        return tuple(sorted(family for (family,) in rows))

    def _count(self, query: str, family: str) -> int:
        with self._open() as link:
            (count,) = link.execute(query, (family,)).fetchone()
        return int(count)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            link = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            try:
                yield link
            finally:
                link.close()
        except (OSError, sqlite3.Error) as error:
            raise _unusable(self.path, error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file for one change; what fails leaves nothing behind."""
        with self._open() as link:
            link.execute("BEGIN IMMEDIATE")
            try:
                yield link
            except BaseException:
                link.execute("ROLLBACK")
                raise
            link.execute("COMMIT")


def _trial(row: tuple[Any, ...]) -> Trial:
    family, dataset, feature_set, told, score, stamps, returns, state, number, at_ns = row
    return Trial(
        family=family,
        dataset=dataset,
        feature_set=feature_set,
        config=json.loads(told),
        score=score,
        stamps=None if stamps is None else np.frombuffer(stamps, "<i8").astype(np.int64),
        returns=None if returns is None else np.frombuffer(returns, "<f8").astype(np.float64),
        state=state,
        number=number,
        at_ns=at_ns,
    )


def _unusable(path: Path, error: Exception) -> StoreError:
    what = f"the experiment store cannot be used: {error}"
    fix = "Check its rights and the free space; a damaged file must be restored, or trials are no longer counted."
    return StoreError(what, where=str(path), fix=fix)
