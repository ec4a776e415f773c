"""Snapshots: a name for the exact content of many data sets, ``snapshots/NAME.json`` in the store's folder.

A snapshot holds digests and no version numbers or times: equal content gives equal bytes, however it was written.
It never changes; a run that names it reads the versions that have its digests.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.data.catalogue import Dataset, definition_digest
from tradewright.data.kinds import Kind
from tradewright.data.store import MarketStore

SNAPSHOTS = "snapshots"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

#: Which data set: kind, symbol, timeframe.
Key = tuple[Kind, str, str]


class Pin(BaseModel):
    """The content of one data set: the digest of its rows and of its instrument's definition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    symbol: str
    timeframe: str
    digest: str
    definition: str
    rows: int

    @property
    def key(self) -> Key:
        """Which data set this is of."""
        return self.kind, self.symbol, self.timeframe


class Snapshot(BaseModel):
    """Pins in order of kind, symbol and timeframe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=1, le=1)
    pins: tuple[Pin, ...]

    @property
    def digest(self) -> str:
        """Return 32 hex digits over all pins."""
        return hashlib.blake2b(self.model_dump_json().encode(), digest_size=16).hexdigest()


def take(store: MarketStore, names: Sequence[str] = ()) -> Snapshot:
    """Return the snapshot of what the store holds now.

    Parameters
    ----------
    store : MarketStore
        Any store.
    names : sequence of str
        ``SYMBOL`` or ``SYMBOL@TIMEFRAME``; empty: everything.

    Raises
    ------
    UsageError
        If the store has no such data, or nothing at all.
    """
    entries = store.list()
    if not entries:
        raise UsageError("the store is empty", where=store.place, fix="Bring data in with `tradewright data import`.")
    chosen = entries if not names else tuple(e for e in entries if any(_is_named(e, n) for n in names))
    for name in names:
        if not any(_is_named(e, name) for e in entries):
            symbol, _, timeframe = name.partition("@")
            store.describe(symbol, timeframe or "1d")  # raises, and says what there is
    pins = [
        Pin(
            kind=e.kind,
            symbol=e.symbol,
            timeframe=e.timeframe,
            digest=e.digest,
            definition=definition_digest(e.instrument),
            rows=e.rows,
        )
        for e in chosen
    ]
    return Snapshot(pins=tuple(sorted(pins, key=lambda p: p.key)))


def _is_named(entry: Dataset, name: str) -> bool:
    symbol, _, timeframe = name.partition("@")
    return entry.symbol == symbol and timeframe in ("", entry.timeframe)


def save(root: Path, name: str, snapshot: Snapshot) -> bool:
    """Store a snapshot under a name; return whether it is new.

    Raises
    ------
    UsageError
        If the name cannot be a file's, or another snapshot has it.
    StoreError
        If it cannot be written.
    """
    path = _path(root, name)
    if path.exists():
        if read(root, name) == snapshot:
            return False
        what = f"the snapshot '{name}' is there already with other content; a snapshot never changes"
        raise UsageError(what, where=str(path), fix="Choose another name; `tradewright data diff` shows what differs.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(snapshot.model_dump_json(indent=1) + "\n")
        Path(draft).replace(path)
    except OSError as error:
        what = f"the snapshot cannot be written: {error.strerror}"
        raise StoreError(what, where=str(path), fix="Check the folder's rights and the free space.") from error
    return True


def read(root: Path, name: str) -> Snapshot:
    """Return a snapshot by name.

    Raises
    ------
    UsageError
        If there is none; says which there are.
    StoreError
        If it cannot be read.
    """
    path = _path(root, name)
    if not path.is_file():
        have = names(root)
        fix = f"There are: {', '.join(have)}." if have else "Make one with `tradewright data snapshot NAME`."
        raise UsageError(f"there is no snapshot '{name}'", where=str(root), fix=fix)
    try:
        return Snapshot.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"the snapshot cannot be read: {reason}"
        raise StoreError(what, where=str(path), fix="Put the file back from a copy.") from error


def names(root: Path) -> tuple[str, ...]:
    """Return the names of all snapshots, sorted."""
    return tuple(sorted(p.stem for p in (root / SNAPSHOTS).glob("[!.]*.json")))


def kept_digests(root: Path) -> frozenset[str]:
    """Return every digest that a snapshot names: what `prune` must keep."""
    return frozenset(p.digest for name in names(root) for p in read(root, name).pins)


def resolve(store: MarketStore, snapshot: Snapshot) -> Mapping[Key, Dataset]:
    """Return the version of each data set that has the content a snapshot pins.

    Raises
    ------
    UsageError, StoreError
        If the store does not have it, or no longer.
    """
    return {p.key: store.find(p.symbol, p.timeframe, p.kind, p.digest, p.definition) for p in snapshot.pins}


def version_of(store: MarketStore, snapshot: Snapshot, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> int:
    """Return the version of one data set that a snapshot pins.

    Raises
    ------
    UsageError
        If the snapshot does not hold this data set.
    StoreError
        If the store no longer has the version.
    """
    for pin in snapshot.pins:
        if pin.key == (kind, symbol, timeframe):
            return store.find(symbol, timeframe, kind, pin.digest, pin.definition).version
    have = ", ".join(f"{p.symbol}@{p.timeframe}" for p in snapshot.pins[:10])
    what = f"the snapshot holds no {timeframe} {kind.value} of {symbol}"
    raise UsageError(what, where=store.place, fix=f"It holds: {have}{', ...' if len(snapshot.pins) > 10 else ''}.")


def _path(root: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        what = f"'{name}' cannot be the name of a snapshot"
        raise UsageError(what, fix="Use letters, digits, dots, dashes and underscores; at most 64.")
    return root / SNAPSHOTS / f"{name}.json"
