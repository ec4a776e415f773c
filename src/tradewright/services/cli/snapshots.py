"""`tradewright data snapshot | snapshots | diff | history | prune | dvc | query`: versions of data, and questions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import print_json, print_table
from tradewright.services.cli.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewright.data.catalogue import Dataset
    from tradewright.data.differences import Difference
    from tradewright.data.snapshots import Key
    from tradewright.data.store import BarStore

STORE = Path(".tradewright/store")
Store = Annotated[Path, typer.Option("--store", help="Folder of the market-data store.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
State = Annotated[str, typer.Argument(help="A snapshot, `now`, or one version: SYMBOL@TIMEFRAME:NUMBER.")]


def register(group: typer.Typer) -> None:
    """Add the commands to `tradewright data`."""
    group.command("snapshot")(guarded(snapshot))
    group.command("snapshots")(guarded(snapshots))
    group.command("diff")(guarded(diff))
    group.command("history")(guarded(history))
    group.command("prune")(guarded(prune))
    group.command("dvc")(guarded(dvc))
    group.command("query")(guarded(query))


def snapshot(
    name: Annotated[str, typer.Argument(help="Name of the snapshot.")],
    symbols: Annotated[list[str] | None, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME; else everything.")] = None,
    store: Store = STORE,
    json: Json = False,
) -> None:
    """Give the exact content of data sets a name; it never changes."""
    from tradewright.data.snapshots import save, take
    from tradewright.services.stores import open_store

    taken = take(open_store(store), symbols or ())
    is_new = save(store, name, taken)
    if json:
        print_json({"name": name, "digest": taken.digest, "is_new": is_new, **taken.model_dump(mode="json")})
        return
    note = "" if is_new else " (it was there already)"
    print(f"Snapshot {name}: {len(taken.pins)} data sets, content {taken.digest}{note}")


def snapshots(store: Store = STORE, json: Json = False) -> None:
    """List the snapshots."""
    from tradewright.data.snapshots import names, read

    found = {name: read(store, name) for name in names(store)}
    if json:
        print_json([{"name": n, "digest": s.digest, **s.model_dump(mode="json")} for n, s in found.items()])
    elif not found:
        print(f"The store {store} has no snapshot. `tradewright data snapshot NAME` makes one.")
    else:
        rows = [(n, str(len(s.pins)), f"{sum(p.rows for p in s.pins):,}", s.digest) for n, s in found.items()]
        print_table(("Snapshot", "Data sets", "Rows", "Content"), rows, " rr")


def diff(before: State, after: State = "now", store: Store = STORE, json: Json = False) -> None:
    """Explain what differs between two states of the data; exit code 1 if anything does."""
    from tradewright.data.differences import difference
    from tradewright.services.stores import open_store

    opened = open_store(store)
    one, other = _state(opened, before), _state(opened, after)
    if after == "now":
        other = {k: v for k, v in other.items() if k in one} if ":" in before else other
    found = difference(opened, one, other)
    if json:
        print_json(_difference_document(found))
    else:
        _print_difference(found, before, after)
    if found:
        raise typer.Exit(1)


def _state(store: BarStore, text: str) -> Mapping[Key, Dataset]:
    """Return the data sets that a word on the command line means."""
    from tradewright.data.snapshots import read, resolve

    if text == "now":
        return {(d.kind, d.symbol, d.timeframe): d for d in store.list()}
    name, colon, number = text.rpartition(":")
    if not colon:
        return resolve(store, read(store.root, text))
    symbol, _, timeframe = name.partition("@")
    if not (number.isdigit() and timeframe):
        raise UsageError(f"'{text}' is no version", fix="Write SYMBOL@TIMEFRAME:NUMBER, for example BTCUSDT@1m:2.")
    entry = _one(store, symbol, timeframe, int(number))
    return {(entry.kind, entry.symbol, entry.timeframe): entry}


def _one(store: BarStore, symbol: str, timeframe: str, version: int | None = None) -> Dataset:
    kinds = [d.kind for d in store.list() if (d.symbol, d.timeframe) == (symbol, timeframe)]
    if len(kinds) > 1:
        what = (
            f"{symbol} {timeframe} is stored as {', '.join(kinds)}; versions of several kinds cannot be told apart here"
        )
        raise UsageError(what, where=store.place, fix="Compare snapshots instead.")
    return store.describe(symbol, timeframe, *kinds, version=version)


def _difference_document(found: Difference) -> dict[str, Any]:
    """Return a difference as one JSON document; NaN is null."""

    def named(key: Key) -> dict[str, str]:
        return {"kind": key[0].value, "symbol": key[1], "timeframe": key[2]}

    changed = [
        {
            **named(d.key),
            "versions": [d.before, d.after],
            "definition": list(d.definition),
            "rows": {"added": d.added, "removed": d.removed, "changed": d.changed},
            "partitions": [
                {"key": p.key, "added": p.added, "removed": p.removed, "changed": p.changed} for p in d.partitions
            ],
            "examples": [
                {"ts_open": c.ts_open, "field": c.field, "before": _plain(c.before), "after": _plain(c.after)}
                for c in d.examples
            ],
        }
        for d in found.changed
    ]
    return {
        "is_equal": not found,
        "added": [named(k) for k in found.added],
        "removed": [named(k) for k in found.removed],
        "changed": changed,
    }


def _print_difference(found: Difference, before: str, after: str) -> None:
    if not found:
        print(f"{before} and {after} hold the same.")
    for word, keys in (("added", found.added), ("removed", found.removed)):
        for kind, symbol, timeframe in keys:
            print(f"{symbol} {timeframe} ({kind.value}): {word}")
    for each in found.changed:
        _, symbol, timeframe = each.key
        print(
            f"{symbol} {timeframe}, version {each.before} -> {each.after}: "
            f"{each.added:,} rows added, {each.removed:,} removed, {each.changed:,} changed"
        )
        if each.definition:
            print(f"  definition: {', '.join(each.definition)}")
        for part in each.partitions:
            print(f"  {part.key}: {part.added:,} added, {part.removed:,} removed, {part.changed:,} changed")
        for cell in each.examples:
            print(f"  {_moment(cell.ts_open)} {cell.field}: {cell.before} -> {cell.after}")


def _moment(ns: int | None) -> str:
    """Return ns UTC as text, to the ns where it has them."""
    import numpy as np

    if ns is None:
        return "not recorded"
    return str(np.datetime64(ns, "ns")).replace("T", " ").removesuffix(".000000000")


def history(
    symbol: Annotated[str, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME.")], store: Store = STORE, json: Json = False
) -> None:
    """List the versions of an instrument's data."""
    from tradewright.services.stores import open_store

    opened = open_store(store)
    name, _, timeframe = symbol.partition("@")
    entries = [d for d in opened.list() if d.symbol == name and timeframe in ("", d.timeframe)]
    if not entries:
        opened.describe(name, timeframe or "1d")  # raises, and says what there is
    found = [v for d in entries for v in opened.versions(d.symbol, d.timeframe, d.kind)]
    corrected = [sum(c.version == v.version for c in v.corrections) > 0 for v in found]
    if json:
        keys = ("kind", "symbol", "timeframe", "version", "recorded_ns", "digest", "parent")
        documents = [v.model_dump(mode="json", include=set(keys)) for v in found]
        print_json(
            [d | {"rows": v.rows, "is_correction": c} for d, v, c in zip(documents, found, corrected, strict=True)]
        )
        return
    rows = [
        (
            v.timeframe,
            v.kind.value,
            str(v.version),
            _moment(v.recorded_ns),
            "correction" if c else "rows added" if v.version > 1 else "first",
            f"{v.rows:,}",
            v.digest,
        )
        for v, c in zip(found, corrected, strict=True)
    ]
    print_table(("Timeframe", "Kind", "Version", "Written (UTC)", "What", "Rows", "Content"), rows, "  r  r")


def prune(store: Store = STORE, json: Json = False) -> None:
    """Remove the versions that no snapshot names; the newest of each data set stays."""
    from dataclasses import asdict

    from tradewright.data.snapshots import kept_digests
    from tradewright.services.stores import open_store

    done = open_store(store).prune(kept_digests(store))
    if json:
        print_json(asdict(done))
    else:
        print(f"{done.versions:,} versions and {done.files:,} files removed, {done.size_bytes / 1e6:,.1f} MB")


def dvc(
    name: Annotated[str, typer.Argument(help="Name of the snapshot.")],
    out: Annotated[Path, typer.Option(help="Folder for dvc.yaml and dvc.lock.")] = Path(),
    store: Store = STORE,
) -> None:
    """Write a snapshot as a stage of DVC: dvc.yaml and dvc.lock."""
    import yaml

    from tradewright.data.dvc_stage import dvc_documents
    from tradewright.services.stores import open_store

    if not out.is_dir():
        raise UsageError("is no folder", where=str(out), fix="Make it first, or give another with --out.")
    documents = dvc_documents(open_store(store), name, out)
    texts = {
        out / file: yaml.safe_dump(document, sort_keys=False)
        for file, document in zip(("dvc.yaml", "dvc.lock"), documents, strict=True)
    }
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            what = "is there already with other content"
            raise UsageError(what, where=str(path), fix="Give another folder with --out and add the stage by hand.")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    print(f"{out / 'dvc.yaml'} and dvc.lock written: {len(documents[1]['stages'])} stage, snapshot {name}")


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the views bars, quotes, trades.")],
    limit: Annotated[int, typer.Option(min=1, help="Print at most so many rows.")] = 1000,
    memory_mb: Annotated[int, typer.Option(min=64, help="Memory the query may use; more goes to disk.")] = 1024,
    store: Store = STORE,
    json: Json = False,
) -> None:
    """Ask the store in SQL (DuckDB); nothing can be changed."""
    from itertools import islice

    from tradewright.data.query import QueryLimits, SqlView
    from tradewright.services.stores import open_store

    with SqlView(open_store(store), QueryLimits(memory_mb=memory_mb)) as view:
        columns, rows = view.columns_and_rows(sql)
        shown = list(islice(rows, limit))
        has_more = next(rows, None) is not None
    if json:
        print_json({"columns": columns, "rows": [[_plain(v) for v in row] for row in shown], "has_more": has_more})
        return
    print_table(columns, [[str(v) for v in row] for row in shown])
    if has_more:
        print(f"More rows follow the first {limit:,}; --limit shows them.")


def _plain(value: object) -> object:
    """Return a value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
