"""The evidence about a model as a folder: the tables that figures are computed from, and where they come from.

Evidence is never a list of numbers that somebody typed. It is tables of forecasts, returns and trials; whoever needs a
figure computes it from them (`analytics.evidence`), and whoever reads them checks that their rows are those that were
written. The one rename of the folder is the commit. This module knows nothing of models: it is told hashes and rows.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.errors import StoreError
from tradewright.data.feature_store import table_digest

FORMAT = 1
MANIFEST = "evidence.json"

#: Tables and their columns. All times are ns UTC; every table may have rows of several scopes (``validation``,
#: ``holdout``).
#: forecasts: out-of-sample forecasts beside what became of them; ``base_*`` the base rates known then, ``last_sign``
#: the direction of the newest return, ``session`` and ``regime`` words for reliability by part.
#: returns: net returns period by period of one series (``model``, ``base_rate``, ``last_sign``, ``buy_and_hold``) at
#: ``cost`` times the cost model; ``is_late``: every decision after its latency budget at the slippage of a bad day.
#: trials: net returns of every configuration that was tried, for what trying many does to the best one.
#: paths: net returns of each path of combinatorial purged cross-validation.
#: features: values of a sample of the rows, by the scope they are from (``training`` too); ``weight`` is the share of
#: a row that counts as independent.
TABLES: dict[str, dict[str, Any]] = {
    "forecasts": {
        "scope": pl.String,
        "fold": pl.Int64,
        "symbol": pl.String,
        "ts_event": pl.Int64,
        "ts_seen": pl.Int64,
        "ts_end": pl.Int64,
        "p_up": pl.Float64,
        "p_down": pl.Float64,
        "p_flat": pl.Float64,
        "expected_return": pl.Float64,
        "base_up": pl.Float64,
        "base_down": pl.Float64,
        "base_flat": pl.Float64,
        "last_sign": pl.Int64,
        "direction": pl.Int64,
        "growth": pl.Float64,
        "weight": pl.Float64,
        "session": pl.String,
        "regime": pl.String,
    },
    "returns": {
        "scope": pl.String,
        "series": pl.String,
        "cost": pl.Float64,
        "is_late": pl.Boolean,
        "ts": pl.Int64,
        "value": pl.Float64,
    },
    "trials": {"trial": pl.Int64, "ts": pl.Int64, "value": pl.Float64},
    "paths": {"path": pl.Int64, "ts": pl.Int64, "value": pl.Float64},
    "features": {"scope": pl.String, "feature": pl.String, "value": pl.Float64, "weight": pl.Float64},
}


class LeakLine(BaseModel):
    """What one leak detector said about one subject."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    detector: str
    trials: int
    findings: tuple[str, ...] = ()


class EvidenceManifest(BaseModel):
    """What the evidence is about and what it was made from.

    ``model_digest`` names the artefact that was judged; ``datasets`` are content hashes by symbol; ``trials`` how many
    configurations the experiment store counted before this one was chosen; ``holdout_uses`` how often the holdout had
    been looked at, this time included; ``tables`` the content hash of each table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(le=FORMAT)] = FORMAT
    model_digest: str
    feature_set_hash: str
    datasets: dict[str, str]
    code: str
    config: dict[str, Any]
    seed: int
    horizon_ns: int
    periods_per_year: float
    trials: int
    holdout_uses: int
    leaks: tuple[LeakLine, ...] = ()
    importance: dict[str, float] = Field(default_factory=dict)
    created_ns: int | None = None
    tables: dict[str, str] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """32 hex digits over everything but the time of writing."""
        text = self.model_copy(update={"created_ns": None}).model_dump_json()
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The manifest and the tables, checked against it."""

    manifest: EvidenceManifest
    tables: Mapping[str, pl.DataFrame]


def write_evidence(folder: Path, manifest: EvidenceManifest, tables: Mapping[str, pl.DataFrame]) -> Evidence:
    """Write evidence in place of what the folder held; it appears whole or never.

    Raises
    ------
    StoreError
        If it cannot be written.
    ValueError
        If a table is unknown or its columns are not those of `TABLES`.
    """
    for name, frame in tables.items():
        if name not in TABLES or dict(frame.schema) != TABLES[name]:
            msg = f"the table {name} has {dict(frame.schema)}, expected {TABLES.get(name)}"
            raise ValueError(msg)
    full = {name: tables.get(name, pl.DataFrame(schema=schema)) for name, schema in TABLES.items()}
    told = manifest.model_copy(update={"tables": {name: _digest(frame) for name, frame in full.items()}})
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, frame in full.items():
                frame.write_parquet(draft / f"{name}.parquet")
            (draft / MANIFEST).write_text(told.model_dump_json(indent=1))
            if folder.exists():
                shutil.rmtree(folder)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        what = f"evidence cannot be written: {str(error).splitlines()[0]}"
        raise StoreError(what, where=str(folder), fix="Check its rights and the free space.") from error
    return Evidence(told, full)


def read_evidence(folder: Path) -> Evidence:
    """Return evidence whose rows are those that were written.

    Raises
    ------
    StoreError
        If there is none, or it was changed or damaged since it was written.
    """
    fix = "`tradewright evaluate` makes it again."
    try:
        manifest = EvidenceManifest.model_validate_json((folder / MANIFEST).read_bytes())
        # A table that was not kept yet when this was written is empty; one that was is in the manifest.
        tables = {
            name: pl.read_parquet(folder / f"{name}.parquet", memory_map=False)
            for name in TABLES
            if name in manifest.tables
        }
    except (OSError, ValidationError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(f"evidence cannot be read: {reason}", where=str(folder), fix=fix) from error
    for name, frame in tables.items():
        if dict(frame.schema) != TABLES[name] or _digest(frame) != manifest.tables[name]:
            raise StoreError(f"its table {name} is not the one that was written", where=str(folder), fix=fix)
    return Evidence(manifest, {name: tables.get(name, pl.DataFrame(schema=TABLES[name])) for name in TABLES})


def _digest(frame: pl.DataFrame) -> str:
    numbers = [name for name, kind in frame.schema.items() if kind != pl.String]
    words = [name for name, kind in frame.schema.items() if kind == pl.String]
    text = hashlib.blake2b(digest_size=16)
    for name in words:
        text.update(f"{name}\0".encode() + "\0".join(frame[name].to_list()).encode())
    return text.hexdigest() + table_digest(frame.select(numbers))
