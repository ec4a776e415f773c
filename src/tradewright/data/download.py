"""From a vendor's history into the store: pieces in parallel, staged on disk, then one commit.

A download that is stopped at any moment, by whatever, leaves the store as it was or complete. Called again it goes on
where it stopped and ends with the same rows as one that was never stopped: pieces are assembled in order of time, not
of arrival.

Memory: while pieces are fetched, ``workers`` pieces; for the commit, whole pieces of `PART_ROWS` rows together, or one
that is longer, however long the range is. The parts are written beside the store, and one rename shows them all.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import DataError, SourceError, StoreError, UsageError, first_of
from tradewright.data.catalogue import Dataset, has_digest
from tradewright.data.fetch_record import (
    FetchRecord,
    dataset_folder,
    folder_of,
    read_record,
    write_quarantine,
    write_record,
)
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import TIME_COLUMNS, canonical, schema
from tradewright.data.ports import Fetched, HistorySource, Piece, Wanted
from tradewright.data.quality import Findings, Subject, check
from tradewright.data.staging import PieceRecord, Stage, is_key
from tradewright.data.store import BarStore
from tradewright.data.timeframe import interval_ns
from tradewright.data.writing import rows_between

#: Rows that are checked and written at a time.
PART_ROWS = 1_000_000
#: Findings about the order of rows; an adapter that causes them is broken, and no single row is to blame.
_ORDER_RULES = ("unsorted", "duplicate_time")


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """How to download.

    Parameters
    ----------
    workers : int
        Pieces fetched at the same time; the vendor's rate limits hold besides.
    replaces : bool
        Put the vendor's rows in place of others that were final, and ask again for what the store has.
    remembered : mapping of str to str
        What the source was made with, kept beside the data set for the next call; no secrets.
    """

    workers: int = 4
    replaces: bool = False
    remembered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is.

    ``resumed`` pieces were staged by an earlier call, ``present`` ones are in the store already; both count as
    ``done``, of ``pieces``. ``rows`` is the number of rows staged so far; ``quarantined`` rows were refused.
    """

    pieces: int
    done: int = 0
    resumed: int = 0
    present: int = 0
    rows: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Result of a download.

    Parameters
    ----------
    dataset : Dataset
        The entry as it now stands.
    added, removed : int
        Rows the data set gained and lost.
    progress : Progress
        Where the pieces came from.
    quarantined : dict of str to int
        Refused rows of each piece that had any; they are in ``quarantine/<piece>.parquet`` beside the data set.
    reasons : dict of str to int
        The same rows by reason.
    notes : tuple of str
        What the source said about its pieces, and what was assumed.
    findings : Findings or None
        Warnings about the new rows; None where there were no new rows.
    """

    dataset: Dataset
    added: int
    removed: int
    progress: Progress
    quarantined: dict[str, int]
    reasons: dict[str, int]
    notes: tuple[str, ...]
    findings: Findings | None

    @property
    def is_changed(self) -> bool:
        """Whether the store changed."""
        return bool(self.added or self.removed)


async def download(
    source: HistorySource,
    wanted: Wanted,
    store: BarStore,
    params: InstrumentParams,
    *,
    options: DownloadOptions | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Downloaded:
    """Bring what is wanted into the store, all of it or nothing.

    Parameters
    ----------
    source : HistorySource
        The vendor; it is not closed here.
    wanted : Wanted
        Which rows; ``wanted.symbol`` is the vendor's name, ``params.symbol`` the one in the store.
    store : BarStore
        Where they go; pieces are staged below it.
    params : InstrumentParams
        The instrument's definition.
    options : DownloadOptions, optional
        How.
    progress : callable
        Called with a `Progress` at the start and after each piece.

    Raises
    ------
    UsageError
        If the vendor does not have such data.
    SourceError
        If the vendor refuses, keeps failing, or breaks the contract of `HistorySource`.
    DataError
        If the rows break a rule that no single row is to blame for, or there are none.
    StoreError
        If final rows in the store differ and ``options.replaces`` is false, or the disk cannot be written.
    """
    options = options or DownloadOptions()
    pieces = _checked_pieces(source, wanted)
    with Stage(store.root, source.name, replace(wanted, symbol=params.symbol)) as stage:
        work = _Work(source, wanted, store, params, options, stage)
        await work.fetch(pieces, progress)
        return work.commit()


def _checked_pieces(source: HistorySource, wanted: Wanted) -> tuple[Piece, ...]:
    """Ask for the pieces and hold the source to its contract."""
    interval_ns(wanted.timeframe)
    if wanted.start >= wanted.end:
        raise UsageError("the range is empty", fix="Give a start before the end.")
    pieces = source.pieces(wanted)
    if not pieces:
        what = f"{source.name} has nothing of {wanted.symbol} {wanted.timeframe} in this range"
        raise DataError(what, fix="Check the symbol and the range.")
    touch = all(a.end == b.start for a, b in pairwise(pieces))
    inside = pieces[0].start >= wanted.start and pieces[-1].end <= wanted.end and all(p.start < p.end for p in pieces)
    keys = [p.key for p in pieces]
    if not (touch and inside and len(set(keys)) == len(keys) and all(is_key(k) for k in keys)):
        what = "the pieces of the range overlap, leave a hole, reach beyond it, or have no proper names"
        raise SourceError(what, where=source.name, fix="This is a defect of the adapter; report it.")
    return pieces


class _Work:
    """One download while it goes on."""

    def __init__(
        self,
        source: HistorySource,
        wanted: Wanted,
        store: BarStore,
        params: InstrumentParams,
        options: DownloadOptions,
        stage: Stage,
    ) -> None:
        self.source = source
        self.wanted = wanted
        self.store = store
        self.params = params
        self.options = options
        self.stage = stage
        self.folder = dataset_folder(store.root, params.symbol, wanted.kind, wanted.timeframe)
        self.before = _entry(store, params.symbol, wanted)
        self.record = self._record()
        self.present: dict[str, PieceRecord] = {}
        self.staged: dict[str, PieceRecord] = {}
        self.pieces: tuple[Piece, ...] = ()
        self.open_spans = self._open_spans()
        self.progress = Progress(0)

    def _record(self) -> FetchRecord:
        """Return what the data set remembers; another vendor's rows are not mixed in unasked."""
        known = read_record(self.folder) if self.before else None
        new = FetchRecord(source=self.source.name, symbol=self.wanted.symbol, options=dict(self.options.remembered))
        if known is None or known.is_continued_by(new):
            return known or new
        if self.options.replaces:
            return new
        was = " ".join((known.source, *known.options.values(), known.symbol))
        what = f"{self.params.symbol} {self.wanted.timeframe} was fetched from {was}"
        fix = "Give it another name with --as, or --replace to put these rows in place of those."
        raise StoreError(what, where=str(self.folder), fix=fix)

    def _open_spans(self) -> list[tuple[int, int]]:
        """Return the spans of the store whose rows may be replaced: the source had not called them final.

        A download that was killed between its commit and its record left its staged pieces, which say the same.
        """
        spans = self.record.open_spans()
        for record in self.stage.records() if self.before else ():
            if not record.is_final and record.rows and self._has(record):
                spans.append((record.start, record.end))
        return spans

    def _stored(self, start: int, end: int) -> pl.DataFrame:
        """Return the stored rows that begin within ``[start, end)``."""
        if self.before is None:
            return pl.DataFrame(schema=schema(self.wanted.kind))
        return rows_between(self.before, (start, end - 1), self.store.read)

    def _has(self, record: PieceRecord) -> bool:
        """Tell whether the rows of a piece are in the store as they were fetched."""
        return has_digest(self._stored(record.start, record.end), self.wanted.kind, record.digest)

    async def fetch(self, pieces: tuple[Piece, ...], progress: Callable[[Progress], None]) -> None:
        """Stage every piece that is neither staged nor in the store."""
        self.pieces = pieces
        for piece in pieces:
            self._find(piece)
        resumed = list(self.staged.values())
        self.progress = Progress(
            pieces=len(pieces),
            done=len(self.present) + len(resumed),
            resumed=len(resumed),
            present=len(self.present),
            rows=sum(r.rows for r in resumed),
            quarantined=sum(r.quarantined for r in resumed),
        )
        progress(self.progress)
        todo = iter([p for p in pieces if p.key not in self.present and p.key not in self.staged])
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(max(1, self.options.workers)):
                    group.create_task(self._fetch_all(todo, progress))
        except BaseExceptionGroup as failures:
            raise first_of(failures) from None

    def _find(self, piece: Piece) -> None:
        known = self.record.find(piece) if self.before and not self.options.replaces else None
        if known is not None and known.is_final and self._has(known):
            self.present[piece.key] = known
            return
        staged = self.stage.find(piece)
        if staged is not None and staged.is_final:
            self.staged[piece.key] = staged

    async def _fetch_all(self, todo: Iterator[Piece], progress: Callable[[Progress], None]) -> None:
        """Fetch pieces one after the other; several of these share ``todo``."""
        for piece in todo:
            fetched = await self.source.fetch(self.wanted, piece)
            # Checking and compressing a large piece would hold up the other connections.
            staged = await asyncio.to_thread(self._put, piece, fetched)
            self.staged[piece.key] = staged
            self.progress = replace(
                self.progress,
                done=self.progress.done + 1,
                rows=self.progress.rows + staged.rows,
                quarantined=self.progress.quarantined + staged.quarantined,
            )
            progress(self.progress)

    def _put(self, piece: Piece, fetched: Fetched) -> PieceRecord:
        calendar = self.params.instrument().calendar
        return self.stage.put(piece, sound_rows(fetched, self.wanted, piece, calendar))

    def commit(self) -> Downloaded:
        """Assemble the pieces, check them, and write them and the record of them."""
        new = [p for p in self.pieces if p.key in self.staged]
        chosen = [self.staged.get(p.key) or self.present[p.key] for p in self.pieces]
        found: list[Findings] = []
        written = self.store.write_parts(self._parts(new, found), self.params)
        after = written.dataset if written else self.before
        if after is None:
            self.stage.discard(self.staged.values())  # so that a symbol that is corrected or listed later is asked for
            what = f"{self.source.name} has no rows of {self.wanted.symbol} {self.wanted.timeframe} in this range"
            raise DataError(what, where=self._refused(), fix="Check the symbol and the range.")
        refused = [(r, self.stage.quarantine(r)) for r in self.staged.values()]
        write_quarantine(self.folder, refused)
        write_record(self.folder, self.record.updated(chosen))
        self.stage.discard(r for r in self.stage.records() if _overlap(r, self.pieces))
        return Downloaded(
            dataset=after,
            added=written.added if written else 0,
            removed=written.removed if written else 0,
            progress=self.progress,
            quarantined={r.key: r.quarantined for r in chosen if r.quarantined},
            reasons=_reasons([rows for _, rows in refused if rows is not None]),
            notes=tuple(dict.fromkeys(f"{r.key}: {n}" for r in chosen if r.key in self.staged for n in r.notes)),
            findings=Findings(found[0].name, pl.concat([f.frame for f in found])) if found else None,
        )

    def _parts(self, new: Sequence[Piece], found: list[Findings]) -> Iterator[tuple[Imported, bool]]:
        """Yield all rows from the first to the last new piece, checked, and whether they may replace others.

        What the checks find is appended to ``found``. The last row of a part is looked at again with the next, so that
        nothing between the two is missed.
        """
        span = [p for p in self.pieces if new and new[0].start <= p.start < new[-1].end]
        last, rows = pl.DataFrame(schema=schema(self.wanted.kind)), 0
        for pieces in self._together(span):
            imported = self._assembled(pieces, last, rows)
            found.append(imported.findings)
            if len(imported.frame):
                # A slice would keep all rows of the part.
                last = pl.DataFrame(imported.frame.tail(1).to_dicts(), schema=last.schema)
                rows += len(imported.frame)
                yield imported, self._replaces(imported.frame)
            del imported

    def _together(self, span: Sequence[Piece]) -> Iterator[list[Piece]]:
        """Yield pieces that are written together."""
        held: list[Piece] = []
        rows = 0
        for piece in span:
            count = self._known(piece).rows
            if held and rows + count > PART_ROWS:
                yield held
                held, rows = [], 0
            held.append(piece)
            rows += count
        if held:
            yield held

    def _known(self, piece: Piece) -> PieceRecord:
        return self.staged.get(piece.key) or self.present[piece.key]

    def _assembled(self, span: Sequence[Piece], last: pl.DataFrame, rows: int) -> Imported:
        """Return the rows of pieces, checked after the ``last`` of the ``rows`` before them, as one import."""
        parts, lines = [], []
        for piece in span:
            staged, record = self.staged.get(piece.key), self._known(piece)
            parts.append(self._stored(piece.start, piece.end) if staged is None else self.stage.rows(staged))
            lines.append(f"{record.key} {record.sha256} {record.digest}\n")  # the address may be another next time
        frame = pl.concat(parts)
        calendar = self.params.instrument().calendar
        name = f"{self.source.name} {self.wanted.symbol} {self.wanted.timeframe}"
        looked = pl.concat([last, frame]) if len(last) else frame
        first = 1 + rows - len(last)
        subject = Subject(name, self.wanted.kind, looked, first, interval_ns(self.wanted.timeframe), calendar)
        findings = check(subject)
        findings.raise_errors()
        findings = Findings(name, findings.frame.filter(pl.col("row") > rows))
        days = " to ".join(str(np.datetime64(ns, "ns"))[:19] for ns in (span[0].start, span[-1].end))
        origin = f"{name}, {len(span)} pieces, {days} UTC"
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        return Imported(self.wanted.kind, self.wanted.timeframe, frame, findings, (), origin, digest)

    def _replaces(self, new: pl.DataFrame) -> bool:
        """Return whether stored rows are to be replaced, which without being asked only rows that were not final are.

        Rows that were final and differ make the store refuse the write, as it does for a file.
        """
        if self.options.replaces or self.before is None:
            return self.options.replaces
        old = self._stored(int(new["ts_open"][0]), int(new["ts_open"][-1]) + 1)
        tick = self.params.tick_size or self.before.instrument.tick_size
        if _is_within(old, new) or self.before.instrument != self.params.model_copy(update={"tick_size": tick}):
            return False
        is_open = pl.any_horizontal(
            pl.lit(value=False), *((pl.col("ts_open") >= a) & (pl.col("ts_open") < b) for a, b in self.open_spans)
        )
        return _is_within(old.filter(~is_open), new.filter(~is_open))

    def _refused(self) -> str:
        count = sum(r.quarantined for r in self.staged.values())
        return f"{count} rows were refused" if count else ""


def sound_rows(fetched: Fetched, wanted: Wanted, piece: Piece, calendar: Calendar) -> Fetched:
    """Return a piece without the rows that break a rule of their own; those are quarantined, with the reason.

    Raises
    ------
    SourceError
        If the frame is not what `Fetched` promises: columns, order, and times inside the piece.
    """
    where = f"piece {piece.key}"
    try:
        frame = canonical(fetched.frame, wanted.kind)
    except pl.exceptions.PolarsError as error:
        reason = str(error).split("\n", 1)[0]
        what = f"its columns are not those of {wanted.kind.value}: {reason}"
        raise SourceError(what, where=where, fix=_DEFECT) from error
    if sum(frame.select(TIME_COLUMNS).null_count().row(0)):
        raise SourceError("it holds rows without a time", where=where, fix=_DEFECT)
    ts = frame["ts_open"].to_numpy()
    if len(ts) and (ts[0] < piece.start or ts[-1] >= piece.end or bool(np.any(frame["ts_event"].to_numpy() < ts))):
        raise SourceError("it holds rows outside its range, or that end before they begin", where=where, fix=_DEFECT)
    errors = check(Subject(piece.key, wanted.kind, frame, 0, interval_ns(wanted.timeframe), calendar)).errors
    if len(errors) == 0:
        return replace(fetched, frame=frame)
    disorder = errors.filter(pl.col("rule").is_in(_ORDER_RULES))
    if len(disorder):
        raise SourceError(f"{disorder['detail'][0]} [{disorder['rule'][0]}]", where=where, fix=_DEFECT)
    by_row = errors.group_by("row", maintain_order=True).agg(reason=pl.col("rule").first()).sort("row")
    bad = frame[by_row["row"].to_numpy()]
    refused = pl.DataFrame(
        {"reason": by_row["reason"], "row": [json.dumps(r, sort_keys=True) for r in bad.to_dicts()]},
        schema={"reason": pl.String, "row": pl.String},
    )
    if fetched.quarantined is not None:
        refused = pl.concat([fetched.quarantined.select("reason", "row").cast(pl.String), refused])
    kept = frame.filter(~pl.int_range(pl.len()).is_in(by_row["row"].implode()))
    return replace(fetched, frame=kept, quarantined=refused)


_DEFECT = "This is a defect of the adapter; report it."


def _entry(store: BarStore, symbol: str, wanted: Wanted) -> Dataset | None:
    """Return the stored data set, None where there is none."""
    same = (d for d in store.list(wanted.kind) if (d.symbol, d.timeframe) == (symbol, wanted.timeframe))
    return next(same, None)


def _is_within(old: pl.DataFrame, new: pl.DataFrame) -> bool:
    """Return whether every old row is there unchanged, and no other row at their times."""
    return new.filter(pl.col("ts_open").is_in(old["ts_open"].implode())).equals(old) if len(old) else True


def _overlap(record: PieceRecord, pieces: Sequence[Piece]) -> bool:
    return record.start < pieces[-1].end and record.end > pieces[0].start


def _reasons(refused: Sequence[pl.DataFrame]) -> dict[str, int]:
    """Count refused rows by reason, in order of the reasons."""
    if not refused:
        return {}
    counts = pl.concat([r.select("reason") for r in refused]).group_by("reason").len().sort("reason")
    return dict(zip(counts["reason"].to_list(), counts["len"].to_list(), strict=True))


def remembered(store: BarStore) -> Iterator[tuple[Dataset, FetchRecord]]:
    """Yield the data sets that were downloaded and what they remember of it, in the store's order."""
    for dataset in store.list():
        record = read_record(folder_of(store.root, dataset))
        if record is not None:
            yield dataset, record
