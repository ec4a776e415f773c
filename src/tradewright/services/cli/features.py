"""`tradewright features`: build tables of features, list and show them, and look for leaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import Meter, print_fields, print_json, print_table
from tradewright.services.cli.guard import guarded
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewright.core.types.feature import Floats
    from tradewright.data.feature_store import FeatureEntry, FeatureStore
    from tradewright.data.source import StoreSource
    from tradewright.data.store import MarketStore
    from tradewright.features.leaks import LeakReport
    from tradewright.features.leaks.pipeline import Market
    from tradewright.services.leak_checks import CheckParams

#: How often a pipeline is run besides the cuts of the truncation test.
_OTHER_RUNS = 50
Timeframe = Annotated[str, typer.Option(help="Of the bars, such as 1m; not needed where there is one.")]
Set = Annotated[str, typer.Option("--set", help="A set of features: standard, registered, or a YAML file.")]
Start = Annotated[str, typer.Option("--start", help="First moment, UTC where no offset is given.", show_default=False)]
End = Annotated[str, typer.Option("--end", help="Last moment, UTC where no offset is given.", show_default=False)]
Reference = Annotated[
    str, typer.Option(help="SYMBOL or SYMBOL@TIMEFRAME that cross-asset features compare with.", show_default=False)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """Which features of which bars."""

    symbol: Annotated[str, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME of the store.")]
    timeframe: Timeframe = ""
    set: Set = "standard"
    reference: Reference = ""
    start: Start = ""
    end: End = ""
    store: Store = STORE
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakOptions:
    """What is judged, on what, and how hard."""

    symbol: Annotated[
        str, typer.Argument(help="Bars of the store; else all registered features on made-up markets.")
    ] = ""
    timeframe: Timeframe = ""
    set: Set = "standard"
    pipeline: Annotated[
        Path | None,
        typer.Option(help="A Python file with `compute(frame)`, judged in place of a set.", show_default=False),
    ] = None
    reference: Reference = ""
    start: Start = ""
    end: End = ""
    bars: Annotated[int, typer.Option(help="Newest bars that are looked at.", min=1)] = 10_000
    runs: Annotated[int, typer.Option(help="Cuts tried on a --pipeline; as many as bars: all.", min=1)] = 200
    horizon: Annotated[int, typer.Option(help="Bars ahead of the labels trained on; 0: no training.", min=0)] = 10
    seed: Annotated[int, typer.Option(help="Of cuts, shuffles and made-up markets.", min=0)] = 0
    demo_leaks: Annotated[
        bool, typer.Option("--demo-leaks", help="Judge leaks planted on purpose beside their honest twins.")
    ] = False
    store: Store = STORE
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Build tables of features, and look for leaks.", no_args_is_help=True)
    app.add_typer(group, name="features")
    add_command(group, "build", BuildOptions, build)
    group.command("list")(guarded(list_))
    group.command("show")(guarded(show))
    add_command(group, "check", LeakOptions, check)


def build(options: BuildOptions) -> None:
    """Compute features of stored bars and keep the table, unless this very one is there already."""
    from tradewright.engine.feature_build import FeatureRequest, build_features
    from tradewright.services.feature_sets import read_set
    from tradewright.services.stores import open_market

    chosen = read_set(options.set)
    store = open_market(options.store)
    source = _source(store, options)
    request = FeatureRequest(source, chosen.features, _reference(store, options.reference, source.timeframe))
    with Meter(f"{source.symbol} {source.timeframe}: {len(chosen.features)} features", source.dataset.rows) as meter:
        built = build_features(request, _feature_store(options.store), meter.advance)
    entry = built.stored.entry
    if options.json:
        print_json(_document(entry) | {"reused": built.is_reused, "notes": list(built.notes)})
        return
    what = "was there already" if built.is_reused else "built"
    print(f"{entry.symbol} {entry.timeframe}: {len(entry.columns)} features of {entry.rows:,} bars, {what}")
    print(f"  key {entry.key}")
    for note in built.notes:
        print(f"  note: {note}")


def list_(store: Store = STORE, json: Json = False) -> None:
    """List the tables of features that are kept."""
    entries, strangers = _feature_store(store).list()
    if json:
        print_json({"tables": [_document(e) for e in entries], "not_ours": list(strangers)})
        return
    if not entries:
        print(f"The store {store} holds no features. `tradewright features build SYMBOL` makes a table.")
    else:
        rows = [
            (
                e.key[:12],
                e.symbol,
                e.timeframe,
                str(len(e.columns)),
                f"{e.rows:,}",
                moment(e.first_event),
                moment(e.last_event),
                moment(e.built_ns) if e.built_ns is not None else "?",
            )
            for e in entries
        ]
        columns = ("Key", "Symbol", "Timeframe", "Features", "Rows", "From (UTC)", "To (UTC)", "Built (UTC)")
        print_table(columns, rows, "   rr")
    for name in strangers:
        print(f"note: {name} is no table of features and is never used")


def show(
    what: Annotated[str, typer.Argument(help="The first digits of a key, or SYMBOL or SYMBOL@TIMEFRAME.")],
    store: Store = STORE,
    json: Json = False,
) -> None:
    """Describe tables of features: what they were made from, and whether their rows are sound."""
    from tradewright.core.types.errors import StoreError
    from tradewright.data.feature_store import newest, read_table

    kept = _feature_store(store)
    found = _named(kept, what, store)
    documents: list[dict[str, Any]] = []
    for entry in found:
        try:
            row = newest(read_table(kept.path_of(entry)))
            said: dict[str, Any] = {"sound": True, "damage": ""}
            values = {} if row is None else dict(zip(row.names, row.values, strict=True))
        except StoreError as error:
            said, values = {"sound": False, "damage": error.what}, {}
        known = {name: value if value == value else None for name, value in values.items()}  # noqa: PLR0124  # NaN
        documents.append(_document(entry) | said | {"newest": known})
    if json:
        print_json(documents)
        return
    for number, (entry, document) in enumerate(zip(found, documents, strict=True)):
        print("\n" if number else "", end="")
        _show(entry, document)


def _show(entry: FeatureEntry, document: dict[str, Any]) -> None:
    print_fields(
        {
            "Table": f"{entry.symbol} {entry.timeframe}, {len(entry.columns)} features",
            "Key": entry.key,
            "Rows": f"{entry.rows:,} from {moment(entry.first_event)} to {moment(entry.last_event)} UTC",
            "Built": f"{moment(entry.built_ns)} UTC" if entry.built_ns is not None else "unknown",
            "Data": entry.dataset,
            "Features": entry.features,
            "Reference": entry.reference or "none",
            "State": "sound" if document["sound"] else document["damage"],
        }
    )
    rows = [
        (
            c.name,
            c.feature,
            c.code[:12],
            "" if document["newest"].get(c.name) is None else f"{document['newest'][c.name]:.6g}",
        )
        for c in entry.columns
    ]
    print_table(("Column", "Feature", "Code", "Newest"), rows, "   r")


def check(options: LeakOptions) -> None:
    """Look for leaks: in everything registered, in a set or a pipeline of your own; exit code 1 at a finding."""
    from tradewright.services.leak_checks import CheckParams

    params = CheckParams(options.runs, options.horizon, options.seed)
    if options.demo_leaks:
        _check_planted(options)
        return
    if not options.symbol and options.pipeline is not None:
        raise UsageError("a pipeline needs bars", where="features check", fix="Name a SYMBOL of the store.")
    reports = _of_stored(options, params) if options.symbol else _of_registered(params)
    if options.json:
        print_json([_report_document(report) for report in reports])
    else:
        for report in reports:
            _say(report)
    if not all(report.is_clean for report in reports):
        raise typer.Exit(1)


def _of_registered(params: CheckParams) -> list[LeakReport]:
    from tradewright.services.leak_checks import check_registered

    with Meter("registered features", 3) as meter:
        return list(check_registered(params, meter.advance))


def _of_stored(options: LeakOptions, params: CheckParams) -> list[LeakReport]:
    from tradewright.engine.feature_build import check_names, newest_bars, read_seen
    from tradewright.features.leaks import Pipeline, pipeline_of
    from tradewright.services.feature_sets import read_set, user_pipeline
    from tradewright.services.leak_checks import check_stored
    from tradewright.services.stores import open_market

    store = open_market(options.store)
    source = _source(store, options)
    seen = newest_bars(read_seen(source, _reference(store, options.reference, source.timeframe)), options.bars)
    place = f"{source.symbol} {source.timeframe}"
    if options.pipeline is not None:
        user = user_pipeline(options.pipeline)
        pipeline, name, known = user.pipeline, f"{place}, {options.pipeline}", user.stamps(seen.bars)
    else:
        chosen = read_set(options.set)
        check_names(chosen.features)
        pipeline, name, known = pipeline_of(chosen.features), f"{place}, {chosen.name}", {}
    if pipeline.stream is not None:
        return [check_stored(name, seen, pipeline, params, known)]
    with Meter(name, options.runs + _OTHER_RUNS) as meter:  # a closed box is run hundreds of times

        def counted(market: Market) -> Mapping[str, Floats]:
            meter.advance(1)
            return pipeline.compute(market)

        return [check_stored(name, seen, Pipeline(pipeline.name, counted), params, known)]


def _say(report: LeakReport) -> None:
    print(f"{report.subject}: {'no leak found' if report.is_clean else f'{len(report.findings)} findings'}")
    for finding in report.findings:
        when = f" ({moment(finding.ts_event)} UTC)" if finding.ts_event else ""
        print(f"  leak: {finding.text}{when}")
    rows = [
        (v.detector.value, f"{v.trials:,}", "clean" if v.is_clean else f"{len(v.findings)} found", v.proves)
        for v in report.verdicts
    ]
    print_table(("Detector", "Trials", "Verdict", "Meaning of clean"), rows, " r")
    for detector, lacks in report.not_run:
        print(f"  not run: {detector.value}, for want of {lacks}")


def _report_document(report: LeakReport) -> dict[str, Any]:
    return {
        "subject": report.subject,
        "clean": report.is_clean,
        "verdicts": [
            {
                "detector": v.detector.value,
                "trials": v.trials,
                "proves": v.proves,
                "findings": [
                    {"feature": f.feature, "bar": f.bar, "ts_event": f.ts_event, "detail": f.detail} for f in v.findings
                ],
            }
            for v in report.verdicts
        ],
        "not_run": {detector.value: lacks for detector, lacks in report.not_run},
    }


def _check_planted(options: LeakOptions) -> None:
    from tradewright.features.leaks.planted import judge_planted

    results = judge_planted(seed=options.seed)
    if options.json:
        print_json(
            [
                {
                    "leak": r.planted.name,
                    "what": r.planted.what,
                    "caught_by": [d.value for d in r.leaking.caught_by],
                    "first": r.leaking.findings[0].text if r.leaking.findings else "",
                    "twin_accused_by": [d.value for d in r.honest.caught_by],
                }
                for r in results
            ]
        )
    else:
        rows = [
            (
                r.planted.name,
                r.planted.what,
                ", ".join(d.value for d in r.leaking.caught_by) or "NOT CAUGHT",
                "passed" if r.honest.is_clean else "ACCUSED",
            )
            for r in results
        ]
        print_table(("Planted leak", "What it is", "Caught by", "Honest twin"), rows)
    if not all(r.is_right for r in results):
        raise typer.Exit(1)


def _source(store: MarketStore, options: BuildOptions | LeakOptions) -> StoreSource:
    from tradewright.data.source import StoreSource
    from tradewright.data.times import moment_ns
    from tradewright.services.runs.prepare import only_timeframe

    symbol, _, own = options.symbol.partition("@")
    if own and options.timeframe and own != options.timeframe:
        what = f"{options.symbol} and --timeframe {options.timeframe} exclude each other"
        raise UsageError(what, where="--timeframe", fix="Give one of them.")
    timeframe = own or options.timeframe or only_timeframe(store, symbol)
    start, end = (moment_ns(text) if text else None for text in (options.start, options.end))
    return StoreSource(store, symbol, timeframe, start, end)


def _reference(store: MarketStore, text: str, timeframe: str) -> StoreSource | None:
    from tradewright.data.source import StoreSource

    if not text:
        return None
    symbol, _, own = text.partition("@")
    source = StoreSource(store, symbol, own or timeframe)
    source.dataset  # noqa: B018  # refuses what is not there
    return source


def _feature_store(root: Path) -> FeatureStore:
    import time

    from tradewright.data.feature_store import FeatureStore

    return FeatureStore(root, time.time_ns)


def _named(kept: FeatureStore, what: str, root: Path) -> list[FeatureEntry]:
    entries, _ = kept.list()
    symbol, _, timeframe = what.partition("@")
    of_symbol = [e for e in entries if e.symbol == symbol and timeframe in ("", e.timeframe)]
    found = of_symbol or [e for e in entries if e.key.startswith(what)]
    if not found:
        fix = "`tradewright features list` shows what there is."
        raise UsageError(f"there is no table of features '{what}'", where=str(root), fix=fix)
    return found


def _document(entry: FeatureEntry) -> dict[str, Any]:
    times = {"first_event": moment(entry.first_event), "last_event": moment(entry.last_event)}
    built = {"built": moment(entry.built_ns) if entry.built_ns is not None else None}
    return entry.model_dump(mode="json") | times | built
