"""What the store knows of a data set: ``catalogue.json`` beside its partitions, and how content is hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Protocol
from urllib.parse import quote

import numpy as np
import polars as pl
from blake3 import blake3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, known_columns
from tradewright.data.timeframe import SECOND

CATALOGUE = "catalogue.json"
#: Folder of the entries that a newer one has replaced, ``versions/<number>.json``.
VERSIONS = "versions"
#: Digests of contents are BLAKE3 since format 3, and were BLAKE2b before.
FORMAT = 3


class Partition(BaseModel):
    """One file of a data set; ``key`` is its year, month or day (UTC, of ``ts_open``); times are ns UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    file: str
    rows: int
    first_open: int
    last_open: int
    last_event: int
    digest: str


class Source(BaseModel):
    """Where rows came from: ``digest`` is the BLAKE3 hash of a file; of rows from elsewhere, what tells their origin.

    ``sha256`` stood in its place in formats before 3.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    digest: str = ""
    sha256: str = ""
    rows: int = 0


class Correction(BaseModel):
    """A version that changed rows which stood in the one before.

    Parameters
    ----------
    version : int
        The version that brought the new rows.
    recorded_ns : int or None
        When it was written, ns UTC; None where the writer had no clock.
    spans : tuple of (int, int)
        First and last ``ts_open`` (ns UTC) of what changed, one pair for each partition.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    recorded_ns: int | None
    spans: tuple[tuple[int, int], ...]


class Dataset(BaseModel):
    """The catalogue entry of one version of one symbol and timeframe.

    ``digest`` covers the rows and nothing else: equal rows, equal digest, whenever and in how many steps they were
    written. ``version`` counts the writes, ``parent`` is the digest of the version before, and ``recorded_ns`` is
    the time of the write (ns UTC; None where the writer had no clock): these tell the history and are not content.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(le=FORMAT)] = FORMAT
    version: int = 1
    parent: str = ""
    recorded_ns: int | None = None
    corrections: tuple[Correction, ...] = ()
    kind: Kind = Kind.BARS
    symbol: str
    timeframe: str
    instrument: InstrumentParams
    sources: tuple[Source, ...]
    notes: tuple[str, ...]
    findings: dict[str, int]
    partitions: tuple[Partition, ...]
    digest: str

    @property
    def rows(self) -> int:
        """Number of rows in all partitions."""
        return sum(p.rows for p in self.partitions)

    @property
    def first_open(self) -> int:
        """Start of the first row, ns UTC."""
        return self.partitions[0].first_open

    @property
    def last_event(self) -> int:
        """End of the last row, ns UTC."""
        return self.partitions[-1].last_event


def partition_format(interval: int) -> str:
    """Return the date pattern of partition keys: years from 1 h on, months from 1 min on, else days."""
    if interval >= 3600 * SECOND:
        return "%Y"
    return "%Y-%m" if interval >= 60 * SECOND else "%Y-%m-%d"


def content_digest(frame: pl.DataFrame, kind: Kind) -> str:
    """Return 32 hex digits over column names and values: the content's, not the file's."""
    digest = blake3()
    _feed(digest, frame, kind)
    return digest.hexdigest(length=16)


def has_digest(frame: pl.DataFrame, kind: Kind, digest: str) -> bool:
    """Tell whether the content has this digest, by today's hash or by that of formats before 3."""
    if content_digest(frame, kind) == digest:
        return True
    older = hashlib.blake2b(digest_size=16)
    _feed(older, frame, kind)
    return older.hexdigest() == digest


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> object: ...


def _feed(digest: _Hash, frame: pl.DataFrame, kind: Kind) -> None:
    for name in known_columns(frame, kind):
        digest.update(name.encode() + b"\0")
        digest.update(np.ascontiguousarray(frame[name].to_numpy()).view(np.uint8).data)


def definition_digest(instrument: InstrumentParams) -> str:
    """Return 32 hex digits over an instrument's definition."""
    return hashlib.blake2b(instrument.model_dump_json().encode(), digest_size=16).hexdigest()


def dataset_digest(symbol: str, timeframe: str, partitions: tuple[Partition, ...]) -> str:
    """Return 32 hex digits over the identity and the content of all partitions."""
    text = "\n".join([symbol, timeframe, *(f"{p.key} {p.rows} {p.digest}" for p in partitions)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def folder_name(symbol: str) -> str:
    """Return a symbol as a folder name that is safe on every system and can be read by people.

    Raises
    ------
    UsageError
        If the symbol is empty, longer than 64 characters or holds control characters.
    """
    if not symbol or len(symbol) > 64 or not symbol.isprintable() or symbol != symbol.strip():
        what = f"{symbol!r} cannot be a symbol"
        raise UsageError(what, fix="Use 1 to 64 printable characters, for example BTCUSDT or BRK.B.")
    name = quote(symbol, safe="=+@^")
    return "%2E" + name[1:] if name.startswith(".") else name


def version_path(folder: Path, version: int) -> Path:
    """Return where the entry of a replaced version lies."""
    return folder / VERSIONS / f"{version}.json"


def read_catalogue(folder: Path, version: int | None = None) -> Dataset:
    """Read a data set's catalogue, or a replaced version of it.

    Raises
    ------
    StoreError
        If it cannot be read or was written by another version.
    """
    path = folder / CATALOGUE if version is None else version_path(folder, version)
    try:
        return Dataset.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"the catalogue cannot be read: {reason}"
        raise StoreError(what, where=str(path), fix="Remove the folder and import the data again.") from error
