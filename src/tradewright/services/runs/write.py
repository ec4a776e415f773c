"""Write a finished run into its folder. Everything but the manifest's ``wall_clock`` is a function of the inputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tradewright import __version__
from tradewright.analytics.performance import PerformanceParams
from tradewright.engine.backtest import BacktestResult
from tradewright.services.report.contribution import Contribution, contributions
from tradewright.services.report.numbers import RunNumbers, RunResult, numbers_of
from tradewright.services.runs import tables
from tradewright.services.runs.facts import SIMULATED
from tradewright.services.runs.folder import CONFIG, DECISIONS, FINGERPRINT, FORMAT, MANIFEST, METRICS, REPORT, RESULTS
from tradewright.services.runs.origins import code_hash, file_hash, fingerprint_of, versions
from tradewright.services.runs.prepare import PreparedRun
from tradewright.services.runs.strategies import strategy_files
from tradewright.services.settings import RunSettings, StrategySettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that has ended: its result and the numbers computed from it."""

    run: PreparedRun
    result: BacktestResult
    numbers: RunNumbers


def outcome_of(run: PreparedRun, result: BacktestResult) -> Outcome:
    """Compute the numbers of a finished run."""
    return Outcome(
        run,
        result,
        numbers_of(result, run.bars, performance_params(run.settings, result), result.fx, run.settings.seed),
    )


def performance_params(settings: RunSettings, result: RunResult) -> PerformanceParams:
    """Return what the numbers are measured against: trading days are the first instrument's."""
    if not len(result.stamps):
        return PerformanceParams(risk_free_year=settings.report.risk_free)
    calendar = result.instruments[0].calendar
    starts = calendar.day_starts(int(result.stamps[0]), int(result.stamps[-1]))
    return PerformanceParams(day_starts=starts, risk_free_year=settings.report.risk_free)


def metrics_of(outcome: Outcome) -> dict[str, Any]:
    """Return all numbers as JSON values, None for what is not defined."""
    result, numbers = outcome.result, outcome.numbers
    hold = numbers.hold_performance
    parts = contributions_of(outcome)
    return {
        "performance": numbers.performance.to_dict(),
        "intervals": {name: _finite(asdict(i)) for name, i in sorted(numbers.intervals.items())},
        "buy_and_hold": None if hold is None else hold.to_dict(),
        "counters": dict(result.counters),
        "score": _finite(result.score),
        "account": {
            "currency": result.currency,
            "initial_cash": result.initial_cash,
            "final_equity": result.final_equity,
        },
        "positions": [
            {"symbol": instrument.symbol}
            | _finite(
                {
                    "open_lots": int(result.open_lots[k]),
                    "mark": float(result.marks[k]),
                    "fx": float(result.fx[k]),
                    "realized": float(result.realized[k]),
                }
            )
            for k, instrument in enumerate(result.instruments)
        ],
    } | ({"strategies": [asdict(part) for part in parts]} if parts else {})


def contributions_of(outcome: Outcome) -> tuple[Contribution, ...]:
    """Return what each of several strategies contributed; nothing for one alone."""
    result = outcome.result
    return contributions(result, outcome.numbers.trips, result.fx, members_of(outcome.run))


def _finite(values: Mapping[str, float | int]) -> dict[str, float | int | None]:
    return {k: v if math.isfinite(v) else None for k, v in values.items()}


def as_json(value: object) -> str:
    """Return JSON for files: equal values, equal bytes."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_run(outcome: Outcome, folder: Path, wall_clock: Mapping[str, object]) -> dict[str, Any]:
    """Write everything into ``folder``, which is a draft; return the manifest.

    Parameters
    ----------
    outcome : Outcome
    folder : Path
        Exists and is empty.
    wall_clock : mapping
        The only fields that differ between two equal runs.
    """
    run, result, instruments = outcome.run, outcome.result, outcome.result.instruments
    tables.write_parquet(tables.fills_frame(result.fills, instruments), folder / "fills.parquet")
    tables.write_parquet(tables.orders_frame(result.orders, instruments), folder / "orders.parquet")
    tables.write_parquet(tables.ledger_frame(result.ledger, instruments), folder / "ledger.parquet")
    if run.plan.limits.is_limited:
        tables.write_parquet(tables.decisions_frame(result.decisions, instruments), folder / DECISIONS)
    curve = tables.equity_frame(result.stamps, result.equity, result.exposure)
    tables.write_parquet(curve, folder / "equity.parquet")
    trips = tables.trades_frame(outcome.numbers.trips, outcome.numbers.trade_returns, instruments)
    trips.write_csv(folder / "trades.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
    (folder / METRICS).write_text(as_json(metrics_of(outcome)), encoding="utf-8")
    hashes = {name: file_hash(folder / name) for name in RESULTS}
    config = run.config_yaml
    (folder / CONFIG).write_text(config, encoding="utf-8")
    for name, file in strategy_files(run.settings).items():
        (folder / name).write_bytes(file.read_bytes())
    manifest = _manifest(run, fingerprint_of(hashes))
    if run.settings.report.enabled:
        (folder / REPORT).write_text(report_of(outcome, manifest, config, folder), encoding="utf-8")
    written = [p.name for p in folder.iterdir() if p.name not in hashes]
    manifest["files"] = dict(sorted((hashes | {n: file_hash(folder / n) for n in written}).items()))
    manifest["wall_clock"] = dict(wall_clock)
    (folder / FINGERPRINT).write_text(manifest["fingerprint"] + "\n", encoding="utf-8")
    (folder / MANIFEST).write_text(as_json(manifest), encoding="utf-8")
    return manifest


def _manifest(run: PreparedRun, fingerprint: str) -> dict[str, Any]:
    strategy = run.strategy
    return {
        "format": FORMAT,
        "run": run.name,
        "inputs": run.identity,
        "fingerprint": fingerprint,
        "strategy": {
            "name": strategy.name,
            "source": _source(run.settings.strategy),
            "hash": strategy.source_hash,
            **({"members": members_of(run)} if run.strategy.members else {}),
        },
        "data": [asdict(d) for d in run.data],
        "code": {"version": __version__, "hash": code_hash()},
        "versions": versions(),
        "seed": run.settings.seed,
        "survivorship": run.survivorship.value,
        "path": run.settings.path,
        "venue": SIMULATED,
    } | {name: facts for name, facts in (("model", run.model), ("costs", run.costs), ("sizing", run.sizing)) if facts}


def _source(settings: StrategySettings | None) -> str:
    return "" if settings is None or settings.file is None else str(settings.file)


def members_of(run: PreparedRun) -> list[dict[str, Any]]:
    """Return what a manifest says about each of several strategies."""
    return [
        {
            "name": member.strategy.name,
            "source": _source(settings),
            "hash": member.strategy.source_hash,
            "symbols": [d.symbol for d in run.data[member.first : member.stop]],
        }
        for member, settings in zip(
            run.strategy.members, run.settings.strategies, strict=False
        )  # a list of one has none
    ]


def report_of(outcome: Outcome, manifest: Mapping[str, Any], config: str, folder: Path) -> str:
    """Return the report's HTML; the guard's log, where there is one, lies in the folder already."""
    from tradewright.services.report.build import build_view
    from tradewright.services.report.render import render_report
    from tradewright.services.runs.denials import denials_in
    from tradewright.services.runs.facts import facts_of

    run = outcome.run
    denials = denials_in(folder)
    facts = replace(
        facts_of(manifest, run.settings, config),
        denials=denials.rows if denials else (),
        contributions=contributions_of(outcome),
    )
    return render_report(build_view(outcome.result, run.bars, outcome.numbers, facts))
