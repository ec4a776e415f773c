"""`tradewright journal`: verify, show and export the journal of an account; nothing is ever changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import print_fields, print_json, print_table
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json, moment

if TYPE_CHECKING:
    from tradewright.core.types.journal import JournalRecord
    from tradewright.execution.journal.reading import JournalReader

Folder = Annotated[Path, typer.Argument(help="Folder of the journal.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only records of this kind; repeatable.")]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Which journal, and what its head was when somebody noted it."""

    folder: Folder
    head: Annotated[str, typer.Option(help="A head noted earlier: it must be in the chain.", show_default=False)] = ""
    json: Json = False


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """Which records."""

    folder: Folder
    kind: Kinds = None
    order: Annotated[str, typer.Option(help="Only records that name this order id.", show_default=False)] = ""
    since: Annotated[str, typer.Option(help="Only from this time on, ISO 8601, UTC.", show_default=False)] = ""
    until: Annotated[str, typer.Option(help="Only before this time, ISO 8601, UTC.", show_default=False)] = ""
    last: Annotated[int, typer.Option(min=1, help="Only so many of the newest.")] = 50
    json: Json = False


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Which records, and where to."""

    folder: Folder
    out: Annotated[Path, typer.Option(help="File to write, one JSON document a line.")]
    kind: Kinds = None
    order: Annotated[str, typer.Option(help="Only records that name this order id.", show_default=False)] = ""
    since: Annotated[str, typer.Option(help="Only from this time on, ISO 8601, UTC.", show_default=False)] = ""
    until: Annotated[str, typer.Option(help="Only before this time, ISO 8601, UTC.", show_default=False)] = ""


def register(app: typer.Typer) -> None:
    """Add the commands to `tradewright`."""
    group = typer.Typer(help="Verify, show and export the journal of an account.", no_args_is_help=True)
    add_command(group, "verify", VerifyOptions, verify)
    add_command(group, "show", ShowOptions, show)
    add_command(group, "export", ExportOptions, export)
    app.add_typer(group, name="journal")


def verify(options: VerifyOptions) -> None:
    """Check every record: checksum, sequence, chain of hashes. Fails where one is damaged or was changed."""
    from tradewright.execution.journal.errors import JournalDamagedError

    reader = _reader(options.folder)
    counts: dict[str, int] = {}
    has_head = not options.head
    for record in reader:
        counts[record.kind] = counts.get(record.kind, 0) + 1
        has_head = has_head or reader.tail.chain.hex() == options.head
    if not has_head:
        fix = "Records after it were cut off, or it is the head of another journal."
        raise JournalDamagedError(f"the head {options.head} is not in its chain", where=str(options.folder), fix=fix)
    tail = reader.tail
    told: dict[str, Any] = {
        "records": tail.sequence,
        "segments": tail.segment,
        "head": tail.chain.hex(),
        "torn_bytes": tail.lost,
        "kinds": dict(sorted(counts.items())),
    }
    if options.json:
        print_json(told)
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in told["kinds"].items())
    print_fields({**told, "records": f"{tail.sequence:,}", "kinds": kinds})
    if tail.lost:
        print(f"The last {tail.lost:,} bytes were never durable; the next session cuts them off.")


def show(options: ShowOptions) -> None:
    """Print records, the newest last."""
    from collections import deque

    chosen = deque(_chosen(options), options.last)
    if options.json:
        print_json([_document(record) for record in chosen])
        return
    rows = [
        (str(r.sequence), moment(r.ts_seen), r.kind, json.dumps(r.payload, ensure_ascii=False, sort_keys=True))
        for r in chosen
    ]
    print_table(("record", "time (UTC)", "kind", "content"), rows, "r")


def export(options: ExportOptions) -> None:
    """Write records to a file, one JSON document a line; the file appears whole or not at all."""
    from tradewright.core.types.errors import StoreError

    draft = options.out.with_name(options.out.name + ".draft")
    count = 0
    try:
        with draft.open("w", encoding="utf-8") as file:
            for count, record in enumerate(_chosen(options), 1):  # noqa: B007 - its last value is told
                file.write(json.dumps(_document(record), ensure_ascii=False, sort_keys=True) + "\n")
        draft.replace(options.out)
    except OSError as error:
        fix = "Choose a folder that exists and may be written to."
        raise StoreError(f"it cannot be written: {error.strerror}", where=str(options.out), fix=fix) from error
    finally:
        draft.unlink(missing_ok=True)
    print(f"{options.out}: {count:,} records", file=sys.stderr)


def _reader(folder: Path) -> JournalReader:
    from tradewright.execution.journal.disk import FolderDisk
    from tradewright.execution.journal.reading import JournalReader, segments_of

    disk = FolderDisk(folder)
    if not segments_of(disk):
        raise UsageError("there is no journal", where=str(folder), fix="Name the folder that holds *.journal files.")
    return JournalReader(disk)


def _chosen(options: ShowOptions | ExportOptions) -> Iterator[JournalRecord]:
    since, until = _moment(options.since, "--since"), _moment(options.until, "--until")
    for record in _reader(options.folder):
        if options.kind and record.kind not in options.kind:
            continue
        if (since is not None and record.ts_seen < since) or (until is not None and record.ts_seen >= until):
            continue
        if options.order and not _names(record.payload, options.order):
            continue
        yield record


def _names(value: object, order: str) -> bool:
    """Tell whether an id stands anywhere in a payload."""
    if isinstance(value, dict):
        return any(_names(v, order) for v in value.values())
    if isinstance(value, list):
        return any(_names(v, order) for v in value)
    return value == order


def _moment(text: str, option: str) -> int | None:
    from datetime import UTC, datetime

    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is not a time", where=option, fix="Write 2026-11-21T14:30, UTC.") from error
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()) * 1_000_000_000


def _document(record: JournalRecord) -> dict[str, object]:
    return record._asdict()
