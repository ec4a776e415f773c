"""`tradewright data resample`, `bars`, `actions` and `adjust`: what is made from stored rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.bars_out import bars_frame, check_out, hand_over
from tradewright.services.cli.console import Meter, print_json
from tradewright.services.cli.options import add_command

if TYPE_CHECKING:
    from tradewright.data.bars.stored import StoredRows
    from tradewright.data.store import BarStore
    from tradewright.data.writing import Written

STORE = Path(".tradewright/store")
Store = Annotated[Path, typer.Option("--store", help="Folder of the market-data store.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Start = Annotated[str, typer.Option("--start", help="First moment, UTC where no offset is given.", show_default=False)]
End = Annotated[str, typer.Option("--end", help="Last moment, UTC where no offset is given.", show_default=False)]
Out = Annotated[Path | None, typer.Option("--out", help="File to write: .parquet or .csv.", show_default=False)]


@dataclass(frozen=True, slots=True)
class ResamplingOptions:
    """Which bars are made from which."""

    symbol: Annotated[str, typer.Argument(help="Name of the instrument in the store.")]
    source: Annotated[str, typer.Option("--from", help="Timeframe of the stored bars, or `trades`.")]
    to: Annotated[list[str], typer.Option("--to", help="Timeframe to make, such as 5m; repeatable.")]
    anchor: Annotated[
        Literal["utc", "session"], typer.Option(help="Count buckets on the clock of UTC, or from each session's open.")
    ] = "utc"
    start: Annotated[
        str,
        typer.Option(
            "--start",
            help="Since when the rows are complete, UTC where no offset is given; else since the first.",
            show_default=False,
        ),
    ] = ""
    end: End = ""
    replace: Annotated[bool, typer.Option("--replace", help="Put new rows in place of others.")] = False
    store: Store = STORE
    json: Json = False


@dataclass(frozen=True, slots=True)
class InformationOptions:
    """How stored trades are cut into bars."""

    symbol: Annotated[str, typer.Argument(help="Name of the instrument in the store.")]
    kind: Annotated[
        Literal["tick", "volume", "dollar", "tick_imbalance", "volume_imbalance", "dollar_imbalance"],
        typer.Option(help="What is counted."),
    ]
    size: Annotated[float, typer.Option(help="Of a bar; of imbalance bars the trades in the first one.")]
    span_bars: Annotated[float, typer.Option(help="Imbalance: span of the average bar length, bars.")] = 20.0
    span_trades: Annotated[float, typer.Option(help="Imbalance: span of the average signed amount, trades.")] = 1_000.0
    min_trades: Annotated[int, typer.Option(help="Imbalance: fewest trades of a bar.")] = 1
    max_trades: Annotated[int, typer.Option(help="Imbalance: most trades of a bar; 0: no bound.")] = 0
    start: Start = ""
    end: End = ""
    out: Out = None
    store: Store = STORE
    json: Json = False


@dataclass(frozen=True, slots=True)
class ActionsOptions:
    """A file of splits and dividends."""

    file: Annotated[Path, typer.Argument(help="CSV or Parquet; with --lean a LEAN factor file.")]
    lean: Annotated[
        str, typer.Option("--lean", metavar="SYMBOL", help="The file is LEAN's factor file of this symbol.")
    ] = ""
    store: Store = STORE
    json: Json = False


@dataclass(frozen=True, slots=True)
class AdjustingOptions:
    """Which bars are adjusted, as known when."""

    symbol: Annotated[str, typer.Argument(help="SYMBOL@TIMEFRAME.")]
    as_of: Annotated[str, typer.Option("--as-of", help="The reader's moment; else the end of the bars.")] = ""
    method: Annotated[
        Literal["back", "forward", "total_return"],
        typer.Option(help="Splits back from the newest price, forward from the oldest, or splits and dividends."),
    ] = "back"
    out: Out = None
    store: Store = STORE
    json: Json = False


def register(group: typer.Typer) -> None:
    """Add the commands to `tradewright data`."""
    add_command(group, "resample", ResamplingOptions, resample)
    add_command(group, "bars", InformationOptions, bars)
    add_command(group, "actions", ActionsOptions, actions)
    add_command(group, "adjust", AdjustingOptions, adjust)


def resample(options: ResamplingOptions) -> None:
    """Make longer bars from stored bars or trades, and store them."""
    from tradewright.data.bars.stored import as_imported, grid_for, resample_stored
    from tradewright.data.timeframe import interval_ns, timeframe_name
    from tradewright.services.stores import open_store

    store = open_store(options.store)
    with Meter(f"{options.symbol}: {', '.join(options.to)}", 1) as meter:
        rows = _rows(store, options.symbol, options.source, (options.start, options.end), meter)
        grids = [grid_for(rows.dataset, interval_ns(name), options.anchor) for name in options.to]
        made = resample_stored(rows, grids)
    # Everything is checked before anything is stored.
    ready = [
        as_imported(m.frame, timeframe_name(grid.size_ns), rows.dataset, options.anchor)
        for m, grid in zip(made, grids, strict=True)
    ]
    written = [store.write(imported, rows.dataset.instrument, replace=options.replace) for imported in ready]
    if options.json:
        print_json(
            [
                _document(w) | {"outside_sessions": m.outside, "incomplete": m.incomplete}
                for w, m in zip(written, made, strict=True)
            ]
        )
        return
    for one, m in zip(written, made, strict=True):
        entry = one.dataset
        print(f"{entry.symbol} {entry.timeframe}: {one.added:,} rows added, {entry.rows:,} in all")
        if m.outside:
            print(f"  note: {m.outside:,} rows lie outside the sessions and are in no bar")
        if m.incomplete:
            print(f"  note: {m.incomplete:,} rows are in no bar, for the first bar began before them (see --start)")


def _document(written: Written) -> dict[str, Any]:
    entry = written.dataset
    return {
        "symbol": entry.symbol,
        "timeframe": entry.timeframe,
        "rows": entry.rows,
        "added": written.added,
        "removed": written.removed,
        "fingerprint": entry.digest,
    }


def _rows(store: BarStore, symbol: str, source: str, span: tuple[str, str], meter: Meter) -> StoredRows:
    from tradewright.data.bars.stored import StoredRows
    from tradewright.data.kinds import Kind
    from tradewright.data.timeframe import TICK
    from tradewright.data.times import moment_ns

    is_trades = source in ("trades", TICK)
    dataset = store.describe(symbol, TICK if is_trades else source, Kind.TRADES if is_trades else Kind.BARS)
    start, end = (moment_ns(text) if text else None for text in span)
    rows = StoredRows(store, dataset, start, end, meter.advance)
    meter.total = max(rows.total, 1)
    return rows


def bars(options: InformationOptions) -> None:
    """Cut stored trades into tick, volume, dollar or imbalance bars."""
    from tradewright.data.bars.information import InformationBarParams, InformationKind, information_bars
    from tradewright.data.store import BarStore

    check_out(options.out)
    params = InformationBarParams(
        InformationKind(options.kind),
        options.size,
        options.span_bars,
        options.span_trades,
        options.min_trades,
        options.max_trades,
    )
    with Meter(f"{options.symbol}: {options.kind} bars", 1) as meter:
        rows = _rows(BarStore(options.store), options.symbol, "trades", (options.start, options.end), meter)
        made = information_bars(rows, params)
    in_bars = int(made["trades"].sum())
    told = {"trades_left_over": rows.total - in_bars} if not (options.start or options.end) else {}
    hand_over(made, options.out, {"symbol": options.symbol, "kind": options.kind, **told}, is_json=options.json)


def actions(options: ActionsOptions) -> None:
    """Bring splits and dividends in; raw prices stay as they are."""
    from tradewright.data.actions import ActionStore, read_actions
    from tradewright.data.lean_tables import read_factor_file

    table = read_factor_file(options.file, options.lean) if options.lean else read_actions(options.file)
    store = ActionStore(options.store)
    added = store.add(table)
    total = len(store.read())
    if options.json:
        print_json({"read": len(table), "added": added, "rows": total})
    else:
        print(f"{options.file.name}: {len(table):,} actions read, {added:,} added, {total:,} in all")


def adjust(options: AdjustingOptions) -> None:
    """Show or write bars adjusted for splits and dividends, as known at a moment."""
    from tradewright.data.actions import ActionStore
    from tradewright.data.adjustment import adjust as adjusted
    from tradewright.data.store import BarStore
    from tradewright.data.times import moment_ns

    check_out(options.out)
    symbol, _, timeframe = options.symbol.partition("@")
    if not timeframe:
        raise UsageError("is missing", where="the timeframe", fix=f"Write it like {symbol}@1d.")
    store = BarStore(options.store)
    dataset = store.describe(symbol, timeframe)
    as_of = moment_ns(options.as_of) if options.as_of else dataset.last_event
    known = ActionStore(options.store).read().of(symbol)
    calendar = dataset.instrument.instrument().calendar
    raw = store.load(symbol, timeframe, None, as_of)
    made = adjusted(raw, known, as_of, options.method, calendar)
    about = {"symbol": symbol, "timeframe": timeframe, "method": options.method, "as_of_ns": as_of}
    about |= {"actions_known": len(known.known_at(as_of))}
    hand_over(bars_frame(made), options.out, about, is_json=options.json)
