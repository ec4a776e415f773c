"""Distributions of costs as one HTML file that loads nothing: a version, or two beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tradewright.core.types.errors import StoreError
from tradewright.core.types.execution_costs import PROBABILITIES, SESSIONS
from tradewright.execution.costs.distribution import Distribution
from tradewright.execution.costs.model import ALL, QUANTITIES, CostModel
from tradewright.rollout.commit import write_whole
from tradewright.services.report.render import as_script_data, page_environment, page_sources

Picture = dict[str, object]

_HERE = Path(__file__).parent
_COLOURS = dict(zip((ALL, *SESSIONS), ("@ink", "@accent", "@second", "@gain", "@benchmark"), strict=True))
_UNITS = {"bps": "basis points", "ms": "milliseconds", "ratio": "share of the order"}


@dataclass(frozen=True, slots=True)
class Chart:
    """One quantity of one pool."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class CostsView:
    """Everything the page shows: charts by pool, and a table of what they are made of."""

    title: str
    facts: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    pools: tuple[tuple[str, tuple[Chart, ...]], ...]
    rows: tuple[tuple[str, ...], ...]
    figures: dict[str, Picture]
    missing: dict[str, str]


def render_costs(model: CostModel, before: CostModel | None = None) -> str:
    """Return the page of a version, beside that of ``before`` where one is given; same versions, same bytes.

    Raises
    ------
    RunError
        If plotly's JavaScript is not installed.
    """
    view = _view(model, before)
    payload: dict[str, object] = {"figures": dict(view.figures), "prices": [], "trades": {}, "run": view.title}
    template = page_environment(_HERE).get_template("costs.html.j2")
    return template.render(view=view, data=as_script_data(payload), **page_sources())


def write_page(path: Path, model: CostModel, before: CostModel | None = None) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    try:
        write_whole(path, render_costs(model, before).encode())
    except OSError as error:
        what = f"the page cannot be written: {error.strerror or error}"
        raise StoreError(what, where=str(path), fix="Give a writable place with --page.") from error


def _view(model: CostModel, before: CostModel | None) -> CostsView:
    versions = [("", model)] if before is None else [(before.version, before), (model.version, model)]
    figures: dict[str, Picture] = {}
    sections = []
    rows: list[tuple[str, ...]] = []
    names = list(dict.fromkeys(name for _, each in versions for name in each.named_pools))
    for number, name in enumerate(names):
        charts = []
        for quantity in QUANTITIES:
            curves = list(_curves(versions, name, quantity))
            if len({d.model_dump_json() for *_, d in curves}) < len(versions):
                continue  # nothing measured, or nothing changed
            chart = Chart(f"{quantity}-{number}", _title(quantity))
            figures[chart.name] = _picture(curves, quantity)
            charts.append(chart)
            rows += [
                (name, _title(quantity), label, *(f"{v:.3f}" for v in (d.mean, d.p50, d.p90)), f"{d.n:,}")
                for label, _, _, d in curves
            ]
        if charts:
            sections.append((name, tuple(charts)))
    return CostsView(
        title=model.version if before is None else f"{before.version} and {model.version}",
        facts=tuple((f"Version {m.version}", f"measured {m.as_of}, hash {m.digest()[:12]}") for _, m in versions),
        notices=tuple(text for _, each in versions for text in notices_of(each)),
        pools=tuple(sections),
        rows=tuple(rows),
        figures=figures,
        missing={},
    )


def notices_of(model: CostModel) -> tuple[str, ...]:
    """Return what must be said about a version before anything else."""
    assumed = (f"ASSUMED COSTS in {model.version}: nobody measured these",) * model.assumed
    simulated = (
        f"Own fills in {model.version} came from the SIMULATED venue and prove nothing about a real one",
    ) * model.simulated
    return assumed + simulated


def _title(quantity: str) -> str:
    name, _, unit = quantity.rpartition("_")
    return "Fill ratio" if unit == "ratio" else name.replace("_", " ").capitalize()


def _curves(
    versions: list[tuple[str, CostModel]], name: str, quantity: str
) -> Iterator[tuple[str, str, str, Distribution]]:
    """Yield label, colour, dashes and distribution: of one version by session, of two over the whole day."""
    for number, (version, model) in enumerate(versions):
        pool = model.named_pools.get(name)
        cells = {} if pool is None else pool.cells
        for session in (ALL, *SESSIONS) if len(versions) == 1 else (ALL,):
            found = cells.get(session, {}).get(quantity)
            if found is not None:
                dash = "dot" if number + 1 < len(versions) else "solid"
                yield version or session, _COLOURS[session], dash, found


def _picture(curves: list[tuple[str, str, str, Distribution]], quantity: str) -> Picture:
    """Draw which share of all samples costs no more than a value."""
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": label,
            "x": list(found.quantiles),
            "y": list(PROBABILITIES),
            "line": {"color": colour, "width": 1.5, "dash": dash},
            "marker": {"size": 4, "color": colour},
            "hovertemplate": f"{label}: %{{y:.1%}} at most %{{x:.3f}}<extra></extra>",
        }
        for label, colour, dash, found in curves
    ]
    layout: Picture = {
        "margin": {"l": 8, "r": 12, "t": 28, "b": 46},
        "hovermode": "closest",
        "xaxis": {"title": {"text": _UNITS[quantity.rpartition("_")[2]]}},
        "yaxis": {"automargin": True, "tickformat": ".0%", "range": [0, 1.02]},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
    }
    samples = ", ".join(f"{label} {found.n:,}" for label, _, _, found in curves)
    return {"data": data, "layout": layout, "note": f"Share of samples at or below a value; samples: {samples}"}
