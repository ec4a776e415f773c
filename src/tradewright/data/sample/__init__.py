"""A small sample of real market data that travels with the package; MANIFEST.json names every source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tradewright.core.types.errors import UsageError
from tradewright.data.importer import import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore

_HERE = Path(__file__).resolve().parent

_STOCK: dict[str, object] = {
    "tick_size": "0.01",
    "calendar": "us_equity",
    "fees": "us_equity_per_share",
    "margin_initial": 0.5,
    "margin_maintenance": 0.25,
}
_INDEX: dict[str, object] = {"tick_size": "0.01", "calendar": "us_equity", "fees": "index_cost"}
_FX: dict[str, object] = {
    "tick_size": "0.00001",
    "lot_size": "1000",
    "calendar": "fx",
    "fees": "fx_spread",
    "margin_initial": 0.05,
    "margin_maintenance": 0.025,
}
_DEFINITIONS: dict[str, dict[str, object]] = {
    "EURUSD": _FX,
    "GOOG": _STOCK,
    "AAPL": _STOCK,
    "IBM": _STOCK,
    "MSFT": _STOCK,
    "SPX": _INDEX,
    "IXIC": _INDEX,
}


class SampleFile(BaseModel):
    """One file of the sample, as the manifest describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    symbol: str
    timeframe: str
    what: str
    package: str
    version: str
    licence: str
    inside: str
    rows: int
    first: str
    last: str
    times: str
    transformation: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample file with the definition of its instrument."""

    entry: SampleFile
    path: Path
    params: InstrumentParams


def samples() -> tuple[Sample, ...]:
    """Return every sample file, in the manifest's order."""
    manifest = json.loads((_HERE / "MANIFEST.json").read_text(encoding="utf-8"))
    entries = [SampleFile.model_validate(e) for e in manifest["files"]]
    return tuple(Sample(e, _HERE / e.file, sample_instrument(e.symbol)) for e in entries)


def sample_instrument(symbol: str) -> InstrumentParams:
    """Return the definition of a sample's instrument.

    Raises
    ------
    UsageError
        If the sample does not hold the symbol.
    """
    if symbol not in _DEFINITIONS:
        what = f"the sample has no instrument '{symbol}'"
        raise UsageError(what, fix=f"It has: {', '.join(_DEFINITIONS)}.")
    return InstrumentParams.model_validate({"symbol": symbol, **_DEFINITIONS[symbol]})


def sample_source(symbol: str) -> Path:
    """Return the file of a sample's instrument; raises as ``sample_instrument`` does."""
    wanted = sample_instrument(symbol).symbol
    return next(s.path for s in samples() if s.entry.symbol == wanted)


def sample_store(root: Path) -> BarStore:
    """Bring every sample into the store under ``root``, leaving alone what is there, and return it."""
    store = BarStore(root)
    for sample in samples():
        calendar = sample.params.instrument().calendar
        store.write(import_file(sample.path, calendar), sample.params)
    return store
