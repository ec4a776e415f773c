"""From a `ReportView` to one HTML file that loads nothing: same view, same bytes."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

from tradewright.core.kernel.cache_folder import keep, kept
from tradewright.core.types.errors import RunError
from tradewright.services.report import wording
from tradewright.services.report.view import Metric, ReportView, YearRow

_HERE = Path(__file__).parent
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: A month's colour is full at this quantile of all months, so that one wild month does not pale the others.
_FULL_COLOUR_QUANTILE = 0.9
_LEAST_FULL_COLOUR = 0.01


def render_report(view: ReportView) -> str:
    """Return the report as one HTML document without any reference to a network.

    Raises
    ------
    RunError
        If plotly's JavaScript is not installed.
    """
    return _template().render(
        view=view,
        month_names=_MONTHS,
        month_scale=_month_scale(view.months),
        data=as_script_data(_payload(view)),
        **page_sources(),
    )


def plotly_file() -> Path:
    """Return the path of plotly.min.js inside the installed plotly package, which is never imported.

    Raises
    ------
    RunError
        If the package or the file is not there.
    """
    spec = find_spec("plotly")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = Path(folder) / "package_data" / "plotly.min.js"
        if path.is_file():
            return path
    raise RunError("the report's charts need plotly.min.js", where="plotly", fix="Install it: pip install plotly")


def _payload(view: ReportView) -> dict[str, object]:
    """Return what the page's script reads."""
    return {
        "figures": dict(view.figures),
        "prices": [{"instrument": c.instrument, "points": dict(c.points)} for c in view.prices],  # no deep copies
        "trades": {name: list(values) for name, values in view.trades.columns.items()},
        "currency": view.heading.currency,
        "run": view.heading.run_id,
        "daily": view.heading.is_daily,
    }


def as_script_data(payload: dict[str, object]) -> str:
    """Return JSON that can stand inside a script element: no character of it can end the element.

    The escapes are JSON's own, so the parsed values are unchanged.
    """
    text = json.dumps(payload, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@cache
def _source(path: Path) -> str:
    """Return a source that stands in the page as it is."""
    return path.read_text(encoding="utf-8")


@cache
def plotly_source() -> str:
    """Return plotly's JavaScript so that it can stand inside a script element."""
    source = _source(plotly_file())
    # These could end the script element early; inside JavaScript strings the backslash changes nothing.
    for word in ("</script", "<!--"):
        if word in source:
            source = source.replace(word, word[0] + "\\" + word[1:])
    return source


@cache
def _template() -> jinja2.Template:
    environment = page_environment(_HERE)
    environment.filters.update(
        month=lambda share: wording.number(share * 100, 1),
        heat=_heat,
    )
    return environment.get_template("report.html.j2")


class _CompiledPages(jinja2.BytecodeCache):
    """Templates as Python's byte code, beside the compiled kernel; jinja2 looks whether the template has changed."""

    def load_bytecode(self, bucket: Bucket) -> None:
        content = kept(f"page-{bucket.key}")
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        keep(f"page-{bucket.key}", bucket.bytecode_to_string())


def page_environment(folder: Path) -> jinja2.Environment:
    """Return what renders the pages of a folder: strict, escaping, with our filters and the pieces of the report."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_CompiledPages(),
    )
    environment.filters.update(
        written=wording.written,
        day=wording.day,
        count=lambda value: wording.number(value, 0),
        money=wording.money,
        percent=wording.percent,
        duration=wording.duration,
        whisker=_whisker,
        finite=isfinite,
    )
    return environment


def page_sources() -> dict[str, str]:
    """Return what stands in every page as it is: its style, its script, and plotly's.

    Raises
    ------
    RunError
        If plotly's JavaScript is not installed.
    """
    return {
        "css": _source(_HERE / "report.css"),
        "script": _source(_HERE / "report.js"),
        "plotly": plotly_source(),
    }


def _month_scale(rows: tuple[YearRow, ...]) -> float:
    """Return the size of a monthly return that gets the full colour."""
    sizes = sorted(abs(m) for row in rows for m in row.months if isfinite(m))
    if not sizes:
        return _LEAST_FULL_COLOUR
    return max(_LEAST_FULL_COLOUR, sizes[min(len(sizes) - 1, int(_FULL_COLOUR_QUANTILE * len(sizes)))])


def _heat(value: float, scale: float) -> str:
    """Return the strength of a cell's colour in percent, 0 to 100."""
    return f"{min(1.0, abs(value) / scale) * 100:.0f}%"


def _whisker(metric: Metric) -> str:
    """Return the style that places an interval, its value and zero; nothing where there is no interval."""
    places = (metric.low, metric.high, metric.value)
    if not all(isfinite(p) for p in places):
        return ""
    floor, ceiling = min(0.0, *places), max(0.0, *places)
    if ceiling <= floor:
        return ""
    left, right, value, zero = ((p - floor) / (ceiling - floor) * 100 for p in (*places, 0.0))
    return f"--left:{left:.1f}%;--width:{right - left:.1f}%;--value:{value:.1f}%;--zero:{zero:.1f}%"
