"""Bulk archives: a zip with one CSV file and a file with its SHA-256 beside it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass

import polars as pl

from tradewright.adapters.binance.params import BinanceParams
from tradewright.adapters.http import VenueHttp
from tradewright.core.types.errors import SourceError

_CHECKSUM = re.compile(rb"\s*([0-9a-fA-F]{64})\s+\*?(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Archive:
    """The lines of a verified archive, as text."""

    lines: pl.Series
    sha256: str
    failures: int  # how often it came damaged before


async def fetch_archive(http: VenueHttp, params: BinanceParams, path: str) -> Archive | None:
    """Return a verified archive; None where it, or its checksum, is not published (yet).

    Raises
    ------
    SourceError
        If it keeps differing from its checksum, or is not a zip with one CSV file.
    """
    failures = 0
    while True:
        checksum = await http.get_bytes_or_none(f"{path}.CHECKSUM")
        body = None if checksum is None else await http.get_bytes_or_none(path)
        if checksum is None or body is None:
            return None
        found = await asyncio.to_thread(_sha256, body)
        match = _CHECKSUM.fullmatch(checksum)
        if match is not None and match[1].decode().lower() == found:
            return Archive(await asyncio.to_thread(_lines, body, path), found, failures)
        failures += 1
        if failures >= params.max_checksum_failures:
            stated = match[1].decode().lower() if match is not None else "unreadable"
            what = f"the archive does not fit its checksum after {failures} downloads: SHA-256 {found}, stated {stated}"
            raise SourceError(what, where=f"binance {path}", fix="Try again later; nothing of it was kept.")


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _lines(body: bytes, path: str) -> pl.Series:
    """Return the lines of the one CSV file in a zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(names) == 1:
                text = archive.read(names[0]).decode("utf-8").removesuffix("\n")
                return pl.Series("row", [text] if text else [], dtype=pl.String).str.split("\n").explode()
            what = f"the archive holds {len(names)} CSV files instead of one"
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError) as error:
        what = f"the archive cannot be read: {error}"
    raise SourceError(what, where=f"binance {path}", fix="The venue's file is damaged; report it to the venue.")
