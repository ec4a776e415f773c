"""`tradewright data check`: what is wrong with files or data sets, as text, JSON or a page."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewright.core.types.errors import ConfigError, RunError, UsageError
from tradewright.services.cli.console import print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import ReadingOptions, entries_of, import_options, print_findings

if TYPE_CHECKING:
    from tradewright.data.store import BarStore
    from tradewright.services.quality_page import Examined

_FILES = {".csv", ".gz", ".zip", ".parquet", ".txt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions(ReadingOptions):
    """What is checked, and how it is said."""

    targets: Annotated[
        list[str] | None, typer.Argument(help="Files, or SYMBOL or SYMBOL@TIMEFRAME of the store.", show_default=False)
    ] = None
    all: Annotated[bool, typer.Option("--all", help="Everything in the store.")] = False
    against: Annotated[
        str, typer.Option(metavar="TARGET", help="Another source of the same bars to compare with.", show_default=False)
    ] = ""
    as_of: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Ask whether the last session over by then is there; `now` is now.", show_default=False
        ),
    ] = ""
    html: Annotated[
        Path | None, typer.Option(help="Write a page with coverage and findings here.", show_default=False)
    ] = None


def register(group: typer.Typer) -> None:
    """Add the command to `tradewright data`."""
    add_command(group, "check", CheckOptions, check)


def check(options: CheckOptions) -> None:
    """Check files or data sets of the store; exit code 1 if any row is broken or any stored file damaged."""
    examined = [_with_extras(e, options) for e in _examined(options)]
    if options.html is not None:
        _write_page(options.html, examined)
    if options.json:
        rows = [{"data": e.subject.name} | row for e in examined for row in e.findings.frame.to_dicts()]
        print_json({"findings": rows, "damaged_files": [f for e in examined for f in e.damaged]})
    else:
        for one in examined:
            print(f"{one.subject.name}: {'looked at' if len(one.findings.frame) or one.damaged else 'sound'}")
            print_findings(one.findings)
            for file in one.damaged:
                print(f"damaged: {file}. Put it back from a copy, or remove the data set's folder and import again.")
        if options.html is not None:
            print(f"page: {options.html}")
    if any(e.damaged or len(e.findings.errors) for e in examined):
        raise typer.Exit(1)


def _examined(options: CheckOptions) -> list[Examined]:
    from tradewright.data.store import BarStore

    store = BarStore(options.store)
    if options.all:
        if options.targets:
            raise UsageError("--all and names exclude each other", where="data check", fix="Give one of them.")
        found = [_of_store(store, f"{e.symbol}@{e.timeframe}") for e in store.list()]
        if not found:
            fix = "`tradewright data import` brings a file in."
            raise UsageError("the store is empty", where=str(options.store), fix=fix)
        return [e for some in found for e in some]
    if not options.targets:
        raise UsageError("nothing is named", where="data check", fix="Give a file, a SYMBOL of the store, or --all.")
    return [e for target in options.targets for e in _of_target(store, target, options)]


def _of_target(store: BarStore, target: str, options: CheckOptions) -> list[Examined]:
    path = Path(target)
    return [_of_file(path, options)] if path.is_file() or path.suffix in _FILES else _of_store(store, target)


def _of_file(path: Path, options: CheckOptions) -> Examined:
    from tradewright.data.importer import import_file
    from tradewright.data.quality import Subject
    from tradewright.data.sessions import calendar_named
    from tradewright.data.timeframe import interval_ns
    from tradewright.services.quality_page import Examined

    try:
        calendar = calendar_named(options.calendar)
    except UsageError as error:
        raise ConfigError(error.what, where="--calendar", fix=error.fix) from error
    imported = import_file(path, calendar, import_options(options, keeps_errors=True))
    first = 1 if path.suffix == ".parquet" else 2  # people count a text file's header
    subject = Subject(path.name, imported.kind, imported.frame, first, interval_ns(imported.timeframe), calendar)
    return Examined(subject, imported.findings)


def _of_store(store: BarStore, target: str) -> list[Examined]:
    from tradewright.data.quality import Subject
    from tradewright.data.quality import check as check_rules
    from tradewright.data.timeframe import interval_ns
    from tradewright.services.quality_page import Examined

    found = []
    for entry in entries_of(store, target):
        frame = store.frame(entry)
        name, calendar = f"{entry.symbol} {entry.timeframe}", entry.instrument.instrument().calendar
        subject = Subject(name, entry.kind, frame, 1, interval_ns(entry.timeframe), calendar)
        damaged = tuple(f"{entry.symbol}/{entry.timeframe}/{f}" for f in store.damaged(entry))
        found.append(Examined(subject, check_rules(subject), damaged))
    return found


def _with_extras(examined: Examined, options: CheckOptions) -> Examined:
    """Add what is found against another source and against the clock."""
    import polars as pl

    from tradewright.data.quality import Findings, compare, freshness
    from tradewright.data.store import BarStore
    from tradewright.data.times import moment_ns

    parts = [examined.findings.frame]
    if options.against:
        others = _of_target(BarStore(options.store), options.against, options)
        same = [o for o in others if o.subject.interval == examined.subject.interval]
        for one in (examined, *(same or others)[:1]):
            one.findings.raise_errors()
        parts.append(compare(examined.subject, (same or others)[0].subject).frame)
    if options.as_of:
        now = time.time_ns() if options.as_of == "now" else moment_ns(options.as_of)
        parts.append(freshness(examined.subject, now).frame)
    if len(parts) == 1:
        return examined
    frame = pl.concat(parts).sort("row", "severity", maintain_order=True)
    return replace(examined, findings=Findings(examined.findings.name, frame))


def _write_page(path: Path, examined: list[Examined]) -> None:
    from tradewright.services.quality_page import render_quality

    page = render_quality(examined)
    draft = path.with_name(path.name + ".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        what = f"the page cannot be written: {error.strerror or error}"
        raise RunError(what, where=str(path), fix="Give another place with --html.") from error
