"""`tradewright data fetch` and `data update`: market data from a vendor into the store."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tradewright.core.types.errors import TradewrightError, UsageError
from tradewright.services.cli.console import print_json
from tradewright.services.cli.fetch_meter import FetchMeter
from tradewright.services.cli.guard import block
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.data.catalogue import Dataset
    from tradewright.data.download import Downloaded, DownloadOptions
    from tradewright.data.fetch_record import FetchRecord
    from tradewright.data.instruments import InstrumentParams
    from tradewright.data.ports import HistorySource, Wanted
    from tradewright.data.store import BarStore

#: As a shell says that Ctrl-C ended a program: 128 and the number of the signal.
INTERRUPTED_CODE = 130
RESUMES = "Interrupted: nothing half-written is in the store, finished pieces are kept. The same command goes on there."
_SECOND = 1_000_000_000
_MOST_NOTES = 10

Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="Pieces fetched at the same time.")]
End = Annotated[
    str,
    typer.Option("--end", help="First moment not wanted, UTC where no offset is given; else now.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class FetchingOptions:
    """What is fetched, and the instrument's definition."""

    source: Annotated[str, typer.Argument(help="binance, alpaca, ibkr or mt5.")]
    symbol: Annotated[str, typer.Argument(help="The vendor's name of the instrument.")]
    timeframe: Annotated[str, typer.Option(help="Length of a bar, such as 1m.", show_default=False)] = ""
    start: Annotated[
        str, typer.Option(help="First moment wanted, UTC where no offset is given.", show_default=False)
    ] = ""
    end: End = ""
    kind: Annotated[Literal["bars", "quotes", "trades"], typer.Option(help="bars, quotes or trades.")] = "bars"
    market: Annotated[str, typer.Option(help="spot or futures, where the vendor has both.", show_default=False)] = ""
    name: Annotated[
        str, typer.Option("--as", help="Name in the store; else SYMBOL.", metavar="NAME", show_default=False)
    ] = ""
    store: Store = STORE
    workers: Workers = 4
    fees: Annotated[
        str, typer.Option(help="Name of a cost model; else the stored or the vendor's usual one.", show_default=False)
    ] = ""
    tick_size: Annotated[str, typer.Option(help="Smallest price step; else guessed.", show_default=False)] = ""
    lot_size: Annotated[
        str, typer.Option(help="Smallest size step; else the stored or the vendor's usual one.", show_default=False)
    ] = ""
    currency: Annotated[str, typer.Option(help="Currency of the prices; else USD.", show_default=False)] = ""
    calendar: Annotated[
        str, typer.Option(help="Trading days: 24/7, us_equity, fx, lse, xetra, tse.", show_default=False)
    ] = ""
    replace: Annotated[bool, typer.Option("--replace", help="Put new rows in place of others.")] = False
    json: Json = False


@dataclass(frozen=True, slots=True)
class UpdatingOptions:
    """Which data sets are continued."""

    symbols: Annotated[
        list[str] | None, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME; else all that were fetched.")
    ] = None
    end: End = ""
    store: Store = STORE
    workers: Workers = 4
    json: Json = False


def register(group: typer.Typer) -> None:
    """Add the commands to the group `data`."""
    add_command(group, "fetch", FetchingOptions, fetch)
    add_command(group, "update", UpdatingOptions, update)


def fetch(options: FetchingOptions) -> None:
    """Fetch history from a vendor into the store, all of it or nothing.

    Stopped at any moment, the same command goes on where it was. Addresses and keys are read from variables
    TRADEWRIGHT_BINANCE_..., TRADEWRIGHT_ALPACA_... and TRADEWRIGHT_IBKR_... of the environment.
    """
    from tradewright.data.download import DownloadOptions
    from tradewright.services.sources import checked_market, remembered
    from tradewright.services.stores import open_store

    now = time.time_ns()
    market = checked_market(options.source, options.market)
    wanted = _wanted(options, now)
    store = open_store(options.store)
    params = _definition(options, market, store, wanted)
    kept = remembered(options.source, market, os.environ)
    how = DownloadOptions(workers=options.workers, replaces=options.replace, remembered=kept)
    job = _Job(options.source, wanted, params, how)
    done = _run(lambda: _download_all([job], store))[0]
    if isinstance(done, TradewrightError):
        raise done
    if options.json:
        print_json(_document(done))
    else:
        _say(done, options.store)


def update(options: UpdatingOptions) -> None:
    """Continue every data set that was fetched, from its last final row to now.

    Made to be repeated: let cron or a systemd timer call it daily or weekly.
    """
    from tradewright.data.download import DownloadOptions, remembered
    from tradewright.services.stores import open_store

    now = time.time_ns()
    end = _moment(options.end, "--end") if options.end else now
    store = open_store(options.store)
    known = list(remembered(store))
    chosen = _chosen(known, options.symbols or [], store)
    jobs = [
        _Job(r.source, wanted, d.instrument, DownloadOptions(workers=options.workers, remembered=r.options))
        for d, r in chosen
        if (wanted := _continued(d, r, min(end, now))).start < wanted.end
    ]
    results = _run(lambda: _download_all(jobs, store)) if jobs else []
    failed = [r for r in results if isinstance(r, TradewrightError)]
    done = [r for r in results if not isinstance(r, TradewrightError)]
    if options.json:
        print_json([_document(d) for d in done])
    else:
        for each in done:
            _say(each, options.store)
        if not jobs:
            print("Nothing to update." if chosen else f"Nothing in the store {options.store} was fetched.")
    for error in failed:
        print(block(error), file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(jobs)} data sets were not updated.", file=sys.stderr)
        raise typer.Exit(max(e.exit_code for e in failed))


@dataclass(frozen=True, slots=True)
class _Job:
    """One data set to download."""

    source: str
    wanted: Wanted
    params: InstrumentParams
    how: DownloadOptions


def _run(work: Callable[[], Any]) -> list[Any]:
    """Run to the end, or say how to go on after Ctrl-C."""
    import asyncio  # a fifth of what `--help` would take

    try:
        results: list[Any] = asyncio.run(work())
    except KeyboardInterrupt:
        print(f"\n{RESUMES}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED_CODE) from None
    return results


async def _download_all(jobs: list[_Job], store: BarStore) -> list[Downloaded | TradewrightError]:
    """Download one data set after the other; one that fails does not stop the others."""
    sources: dict[tuple[object, ...], HistorySource] = {}
    results: list[Downloaded | TradewrightError] = []
    try:
        for job in jobs:
            try:
                results.append(await _download(job, store, sources))
            except TradewrightError as error:
                results.append(error)
    finally:
        for source in sources.values():
            await source.close()
    return results


async def _download(job: _Job, store: BarStore, sources: dict[tuple[object, ...], HistorySource]) -> Downloaded:
    from tradewright.data.download import download
    from tradewright.services.sources import history

    key = (job.source, *sorted(job.how.remembered.items()))
    if key not in sources:  # shared, so that all data sets of a vendor keep to one rate limit
        sources[key] = history(job.source, job.how.remembered, os.environ, time.time_ns)
    with FetchMeter(f"{job.params.symbol} {job.wanted.timeframe}") as meter:
        return await download(sources[key], job.wanted, store, job.params, options=job.how, progress=meter.show)


def _wanted(options: FetchingOptions, now: int) -> Wanted:
    """Return what the options ask for."""
    from tradewright.data.kinds import Kind
    from tradewright.data.ports import Wanted
    from tradewright.data.timeframe import TICK, interval_ns

    kind = Kind(options.kind)
    if kind is Kind.BARS and not options.timeframe:
        raise UsageError("is missing", where="--timeframe", fix="Give the length of a bar, for example --timeframe 1m.")
    timeframe = options.timeframe if kind is Kind.BARS else options.timeframe or TICK
    try:
        interval = interval_ns(timeframe)
    except UsageError as error:
        raise UsageError(error.what, where="--timeframe", fix=error.fix) from None
    if (interval == 0) != (kind is not Kind.BARS):
        fix = "Bars have a length such as 1m; quotes and trades have none, leave the option away."
        raise UsageError(f"'{timeframe}' is not a timeframe of {kind.value}", where="--timeframe", fix=fix)
    if not options.start:
        raise UsageError("is missing", where="--start", fix="Give the first moment, for example --start 2024-01-01.")
    start = _moment(options.start, "--start")
    end = _until(_moment(options.end, "--end") if options.end else now, now, interval)
    if start >= end:
        where = "--end" if options.end else "--start"
        raise UsageError("the range is empty", where=where, fix="Give a start before the end, and not after now.")
    return Wanted(options.symbol, kind, timeframe, start, end)


def _until(end: int, now: int, interval: int) -> int:
    """Return the end, at most now; now is cut to a whole bar (second), so that the last piece has one name for long."""
    if end < now:
        return end
    step = interval or _SECOND
    return now // step * step


def _moment(text: str, option: str) -> int:
    """Return a date or time in ns UTC; one that the store cannot hold names the option."""
    from tradewright.data.times import moment_ns

    try:
        ns = moment_ns(text)
    except UsageError as error:
        raise UsageError(error.what, where=option, fix=error.fix) from None
    if not 0 <= ns < 2**62:  # to the year 2116, which leaves room for whatever is added
        raise UsageError(f"'{text}' is outside the years 1970 to 2115", where=option, fix="Correct the year.")
    return ns


def _definition(options: FetchingOptions, market: str, store: BarStore, wanted: Wanted) -> InstrumentParams:
    """Return the instrument: what is given, else what the store has, else what is usual for the vendor."""
    from pydantic import ValidationError

    from tradewright.data.catalogue import folder_name
    from tradewright.data.instruments import InstrumentParams
    from tradewright.services.explain import explained
    from tradewright.services.sources import vendor

    name = options.name or options.symbol
    folder_name(name)
    stored = [d for d in store.list(wanted.kind) if (d.symbol, d.timeframe) == (name, wanted.timeframe)]
    usual: dict[str, Any] = {**vendor(options.source).definition(options.symbol, market)}
    if stored:
        usual = stored[0].instrument.model_dump()
    chosen = {
        n: getattr(options, n) for n in ("fees", "tick_size", "lot_size", "currency", "calendar") if getattr(options, n)
    }
    try:
        return InstrumentParams.model_validate(usual | {"symbol": name} | chosen)
    except ValidationError as error:
        raise explained(error, InstrumentParams, lambda place: f"--{str(place[0]).replace('_', '-')}") from None


def _chosen(
    known: list[tuple[Dataset, FetchRecord]], symbols: list[str], store: BarStore
) -> list[tuple[Dataset, FetchRecord]]:
    """Return the data sets that are named; without names all.

    Raises
    ------
    UsageError
        If a name is not in the store, or was not fetched.
    """
    if not symbols:
        return known
    found: list[tuple[Dataset, FetchRecord]] = []
    for text in dict.fromkeys(symbols):
        name, _, timeframe = text.partition("@")
        same = [(d, r) for d, r in known if d.symbol == name and timeframe in ("", d.timeframe)]
        if not same:
            if not any(d.symbol == name and timeframe in ("", d.timeframe) for d in store.list()):
                store.describe(name, timeframe or "1d")  # raises, and says what there is
            what = f"{text} was not fetched from a source"
            raise UsageError(what, fix="Bring it in once with `tradewright data fetch`; a file is imported again.")
        found += [pair for pair in same if pair not in found]
    return found


def _continued(dataset: Dataset, record: FetchRecord, end: int) -> Wanted:
    """Return what is missing from a data set up to ``end``."""
    from tradewright.data.ports import Wanted
    from tradewright.data.timeframe import interval_ns

    until = end // (step := interval_ns(dataset.timeframe) or _SECOND) * step
    return Wanted(record.symbol, dataset.kind, dataset.timeframe, record.resumes_at, until)


def _say(done: Downloaded, store: Path) -> None:
    from tradewright.data.fetch_record import QUARANTINE, folder_of

    entry, progress = done.dataset, done.progress
    name = f"{entry.symbol} {entry.timeframe}"
    sources = [f"{progress.resumed:,} kept from before" if progress.resumed else ""]
    sources += [f"{progress.present:,} in the store already" if progress.present else ""]
    told = "".join(f", {text}" for text in sources if text)
    if done.is_changed:
        replaced = f", {done.removed:,} replaced" if done.removed else ""
        print(f"{name}: {done.added:,} rows added{replaced}, {entry.rows:,} in all ({progress.pieces:,} pieces{told})")
    else:
        print(f"{name}: everything was there already ({entry.rows:,} rows, {progress.pieces:,} pieces{told})")
    for note in _grouped(done.notes):
        print(f"  note: {note}")
    for rule, count in (done.findings.counts() if done.findings else {}).items():
        print(f"  found: {count:,} {rule.replace('_', ' ')}; `tradewright data check {entry.symbol}` lists them")
    if done.quarantined:
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in done.reasons.items())
        count, place = sum(done.quarantined.values()), folder_of(store, entry) / QUARANTINE
        print(f"warning: {name}: {count:,} rows were refused ({reasons}); see {place}", file=sys.stderr)


def _grouped(notes: Sequence[str]) -> list[str]:
    """Return each note once, with the piece or the number of pieces it is about."""
    pieces: dict[str, list[str]] = {}
    for note in notes:
        piece, _, text = note.partition(": ")
        pieces.setdefault(text, []).append(piece)
    told = [f"{text} ({names[0] if len(names) == 1 else f'{len(names):,} pieces'})" for text, names in pieces.items()]
    left = len(told) - _MOST_NOTES
    return told if left <= 0 else [*told[: _MOST_NOTES - 1], f"... {left + 1} more; --json lists them"]


def _document(done: Downloaded) -> Mapping[str, Any]:
    entry, progress = done.dataset, done.progress
    return {
        "symbol": entry.symbol,
        "timeframe": entry.timeframe,
        "kind": entry.kind.value,
        "rows": entry.rows,
        "fingerprint": entry.digest,
        "added": done.added,
        "removed": done.removed,
        "pieces": progress.pieces,
        "resumed": progress.resumed,
        "present": progress.present,
        "quarantined": done.quarantined,
        "reasons": done.reasons,
        "notes": list(done.notes),
        "findings": done.findings.counts() if done.findings else {},
    }
