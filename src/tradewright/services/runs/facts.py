"""What a report tells about a run besides its numbers: the rules and costs assumed, and where everything came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.risk.controls import CONTROLS
from tradewright.services.report.build import RunFacts
from tradewright.services.report.view import Provenance
from tradewright.services.settings import RunSettings

#: What stands in a manifest as ``venue`` where nothing real was traded.
SIMULATED = "simulated"
_LIMITS = {
    "max_order_value": "largest order {:,.0f}",
    "max_position_value": "largest position {:,.0f}",
    "max_leverage": "leverage at most {:g}",
    "max_open_positions": "at most {:g} open positions",
    "intraday_loss": "flat for the day after losing {:.1%} of the day's opening equity",
    "max_drawdown": "flat for good after falling {:.1%} from the highest equity",
}


def facts_of(manifest: Mapping[str, Any], settings: RunSettings, config_yaml: str) -> RunFacts:
    """Return a report's facts; they hold no wall-clock time, so that equal runs make equal reports.

    Parameters
    ----------
    manifest : mapping
        As `tradewright.services.runs.write` makes it.
    settings : RunSettings
        Resolved.
    config_yaml : str
        The same settings as text.
    """
    strategy = manifest["strategy"]
    name = strategy["name"].replace("_", " ").replace("+", " + ")
    has_spread = any(
        i.get("fees", {}).get(k) for i in settings.instruments.values() for k in ("half_spread_bps", "slippage_bps")
    )
    return RunFacts(
        strategy=name,
        run_id=manifest["run"],
        provenance=Provenance(
            assumptions=(*assumptions(settings), *_drawn_costs(manifest), *_sizing(manifest)),
            origins=tuple(_origins(manifest)),
            config_yaml=config_yaml,
        ),
        survivorship=manifest.get("survivorship", "UNKNOWN"),
        basis="net of commission, spread and slippage" if has_spread or "costs" in manifest else "net of commission",
        notices=cost_notices(manifest),
    )


def assumptions(settings: RunSettings) -> list[tuple[str, str]]:
    """Return the rules of the simulated venue and the costs, in words."""
    venue = settings.venue
    rows = [
        ("Decisions", "after each bar is complete; orders reach the venue before the next bar"),
        ("Market orders", "fill at the open of the next bar"),
        ("Stops", "fill at their price inside a bar; where the bar opens beyond it, at the worse open"),
        (
            "Limits",
            ("fill when the price touches them" if venue.touch_fills else "fill when the price trades through them")
            + ("; at the better open after a gap" if venue.limit_gap == "open" else "; never better than their price"),
        ),
        ("Ties inside a bar", "the open comes first; then, where a bar reaches stop and target, the stop"),
        (
            "Targets",
            "rest as limit orders" if venue.target == "limit" else "become market orders once touched, costs included",
        ),
        (
            "Protecting exits",
            "live on the entry's own bar" if venue.protect_from == "same_bar" else "live from the bar after the entry",
        ),
    ]
    latency = venue.latency
    if latency.table or latency.request_ms or latency.answer_ms:
        rows.append(
            (
                "Latency",
                ("from a measured table" if latency.table else f"{latency.request_ms:g} ms + {latency.answer_ms:g} ms")
                + "; on bars, an order then misses the open that follows the decision",
            )
        )
    rows += [(f"Costs of {symbol}", _fees(fields)) for symbol, fields in settings.instruments.items()]
    limits = [text.format(v) for k, text in _LIMITS.items() if (v := getattr(settings.limits, k)) is not None]
    fields = set(type(settings.limits).model_fields) - set(_LIMITS)
    on = {name for name in fields if getattr(settings.limits, name) != type(settings.limits).model_fields[name].default}
    limits += [control.name for control in CONTROLS if on & set(control.fields)]
    rows.append(("Risk limits", "; ".join(limits) if limits else "none set; margin is always checked"))
    rows.append(("Account", f"{settings.account.initial_cash:,.2f} {settings.account.currency}"))
    return rows


def cost_notices(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a reader must be told about the costs before anything else."""
    costs = manifest.get("costs", {})
    if not costs.get("assumed"):
        return ()
    return ("ASSUMED COSTS: " + "; ".join(costs["assumed"]) + ". Measure your own with `tradewright costs measure`.",)


def _drawn_costs(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say which version of the execution model the fills drew from, and which pools answered."""
    costs = manifest.get("costs")
    if costs:
        impact = f"; impact {costs['impact']:g} x volatility x root of the share of a day's volume" * bool(
            costs["impact"]
        )
        late = costs["latency_budget_ms"]
        late_text = f"; entries later than {late:g} ms pay the 90th percentile of slippage" if late is not None else ""
        yield (
            "Spread and slippage",
            f"drawn for each order from the {costs['model']} model {costs['version']} in place of the fixed terms"
            + impact
            + late_text
            + "; entries fill as far as drawn, the rest is cancelled" * costs.get("partial_fills", False),
        )
        for symbol, told in costs["instruments"].items():
            yield f"Drawn costs of {symbol}", told


def _sizing(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "sizing" in manifest:
        yield "Size of entries", manifest["sizing"]["told"]


def _fees(fields: Mapping[str, Any]) -> str:
    """Return one instrument's costs in words."""
    fees = FeeModel(**fields.get("fees", {}))
    parts = []
    if fees.maker_bps or fees.taker_bps:
        parts.append(f"commission {fees.taker_bps:g} bps taking, {fees.maker_bps:g} bps resting")
    if fees.per_unit:
        parts.append(f"{fees.per_unit:g} a unit")
    if fees.minimum:
        parts.append(f"at least {fees.minimum:g} an order")
    if fees.half_spread_bps:
        parts.append(f"half spread {fees.half_spread_bps:g} bps")
    if fees.slippage_bps:
        parts.append(f"slippage {fees.slippage_bps:g} bps")
    if fees.borrow_bps_year:
        parts.append(f"borrowing {fees.borrow_bps_year:g} bps a year")
    share = fields.get("participation", 0.0)
    parts.append(f"fills at most {share:.0%} of a bar's volume" if share else "no limit by volume")
    return (f"{fees.name}: " if fees.name else "") + ", ".join(parts)


def _origins(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    code = manifest["code"]
    rows = [
        (f"Data {d['symbol']} {d['timeframe']}", f"{d['rows']:,} bars, content {d['fingerprint']}")
        for d in manifest["data"]
    ]
    strategy = manifest["strategy"]
    for one in strategy.get("members", [strategy]):
        label = f"Strategy {one['name']}" if "symbols" in one else "Strategy"
        rows.append((label, f"{one['source'] or one['name']}, source {one['hash']}"))
    rows.append(("Program", f"tradewright {code['version']}, source {code['hash']}"))
    if "model" in manifest:
        model = manifest["model"]
        unproven = ", UNPROVEN" if model["unproven"] else ""
        rows.append(("Model", f"{model['name']} {model['version']}{unproven}, artefact {model['digest']}"))
    rows.append(("Venue", manifest.get("venue", SIMULATED)))
    rows.append(("Engine path", "compiled loop" if manifest["path"] == "loop" else "session"))
    rows.append(("Seed", str(manifest["seed"])))
    rows.append(("Fingerprint of the results", manifest["fingerprint"]))
    return rows


def instruments_of(settings: RunSettings) -> tuple[Instrument, ...]:
    """Return the instruments of resolved settings, in the order of their numbers."""
    from tradewright.data.instruments import InstrumentParams  # brings polars

    symbols = [spec.partition("@")[0] for spec in settings.data.symbols]
    return tuple(
        InstrumentParams.model_validate({"symbol": s, **settings.instruments[s]}).instrument() for s in symbols
    )
