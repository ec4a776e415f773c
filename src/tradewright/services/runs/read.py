"""Find and read run folders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import fill_dtype, ledger_dtype, order_dtype
from tradewright.core.types.errors import StoreError, TradewrightError, UsageError
from tradewright.core.types.instrument import Instrument
from tradewright.services.runs.facts import instruments_of
from tradewright.services.runs.folder import CONFIG, FORMAT, MANIFEST, METRICS
from tradewright.services.runs.tables import Records, records_of
from tradewright.services.settings import RunSettings


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run folder: where it is, what it rests on, and its numbers."""

    folder: Path
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @property
    def symbols(self) -> list[str]:
        """Traded instruments with their timeframes."""
        return [f"{d['symbol']}@{d['timeframe']}" for d in self.manifest["data"]]


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A run's result as its report needs it, read back from files."""

    instruments: tuple[Instrument, ...]
    fills: Records
    orders: Records
    ledger: Records
    stamps: NDArray[np.int64]
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    initial_cash: float
    currency: str
    marks: NDArray[np.float64]
    fx: NDArray[np.float64]


def read_run(folder: Path) -> StoredRun:
    """Read a run's manifest and metrics.

    Raises
    ------
    UsageError
        If the folder is no run.
    StoreError
        If a file is damaged or of another version.
    """
    if not (folder / MANIFEST).is_file():
        raise UsageError("is not a run folder", where=str(folder), fix="`tradewright runs list` shows the runs.")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"damaged: {error}", where=str(folder), fix="Run the backtest again.") from error
    if manifest.get("format") != FORMAT:
        what = f"written in format {manifest.get('format')}, this program reads {FORMAT}"
        raise StoreError(what, where=str(folder / MANIFEST), fix="Run the backtest again.")
    return StoredRun(folder, manifest, metrics)


def runs_in(parent: Path) -> Iterator[StoredRun | TradewrightError]:
    """Yield the runs of a folder by name, which is by time; the error in place of one that cannot be read."""
    for path in sorted(p.parent for p in parent.glob(f"*/{MANIFEST}")):
        if path.name.startswith("."):
            continue
        try:
            yield read_run(path)
        except TradewrightError as error:
            yield error


def find_run(wanted: str, parent: Path) -> StoredRun:
    """Return a run by its folder, its name under ``parent``, a part of the name that only it has, or ``latest``."""
    if (Path(wanted) / MANIFEST).is_file():
        return read_run(Path(wanted))
    names = sorted(p.parent.name for p in parent.glob(f"*/{MANIFEST}") if not p.parent.name.startswith("."))
    if wanted == "latest" and names:
        return read_run(parent / names[-1])
    hits = [n for n in names if wanted in n]
    if len(hits) == 1 or wanted in hits:
        return read_run(parent / (wanted if wanted in hits else hits[0]))
    if hits:
        raise UsageError(f"'{wanted}' could be {', '.join(hits[:5])}", where=str(parent), fix="Give more of the name.")
    fix = (
        "`tradewright runs list` shows the runs."
        if names
        else "There is no run here yet; `tradewright backtest` makes one."
    )
    raise UsageError(f"no run '{wanted}'", where=str(parent), fix=fix)


def stored_settings(run: StoredRun) -> tuple[RunSettings, str]:
    """Return the run's resolved settings, and their text.

    Raises
    ------
    StoreError
        If they cannot be read.
    """
    try:
        text = (run.folder / CONFIG).read_text(encoding="utf-8")
        return RunSettings.model_validate(yaml.safe_load(text)), text
    except (OSError, yaml.YAMLError, ValidationError) as error:
        what = f"cannot be read: {str(error).splitlines()[0]}"
        raise StoreError(what, where=str(run.folder / CONFIG), fix="Run the backtest again.") from error


def stored_result(run: StoredRun, settings: RunSettings) -> StoredResult:
    """Read the arrays of a run.

    Raises
    ------
    StoreError
        If a file is missing or damaged.
    """
    try:
        curve = pl.read_parquet(run.folder / "equity.parquet")
        positions = run.metrics["positions"]
        return StoredResult(
            instruments=instruments_of(settings),
            fills=records_of(run.folder / "fills.parquet", fill_dtype),
            orders=records_of(run.folder / "orders.parquet", order_dtype),
            ledger=records_of(run.folder / "ledger.parquet", ledger_dtype),
            stamps=curve["time"].cast(pl.Int64).to_numpy(),
            equity=curve["equity"].to_numpy(),
            exposure=curve["exposure"].to_numpy(),
            initial_cash=run.metrics["account"]["initial_cash"],
            currency=run.metrics["account"]["currency"],
            marks=np.array([np.nan if p["mark"] is None else p["mark"] for p in positions]),
            fx=np.array([np.nan if p["fx"] is None else p["fx"] for p in positions]),
        )
    except (OSError, KeyError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"damaged: {error}", where=str(run.folder), fix="Run the backtest again.") from error


def stored_bars(run: StoredRun, settings: RunSettings) -> tuple[tuple[Bars, ...], tuple[str, ...]]:
    """Return the bars of the run from the store, and what to tell the reader where they are not there any more."""
    from tradewright.services.runs.prepare import bars_of

    found, notices = [], []
    for spec, facts in zip(settings.data.symbols, run.manifest["data"], strict=True):
        try:
            _, bars, now = bars_of(settings, spec)
        except TradewrightError:
            notices.append(f"The bars of {facts['symbol']} are not in the store any more; no price chart.")
            continue
        if now.fingerprint != facts["fingerprint"]:
            notices.append(f"The bars of {facts['symbol']} in the store changed since the run; no price chart.")
            continue
        found.append(bars)
    return tuple(found), tuple(notices)
