"""Two versions side by side, in figures computed from the evidence of both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewright.analytics.evidence import figures_of
from tradewright.core.types.evidence import Figure
from tradewright.data.evidence_store import read_evidence

if TYPE_CHECKING:
    from tradewright.rollout.versions import Version

_APART, _OVERLAP = "apart", "overlap"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs. ``facts``: inputs that are not the same; ``lines``: every figure that either has."""

    before: str
    after: str
    facts: tuple[tuple[str, str, str], ...]
    lines: tuple[tuple[str, str, str, str, str], ...]
    figures: tuple[tuple[str, str, Figure | None, Figure | None], ...]

    def document(self) -> dict[str, Any]:
        """Return it for JSON; what is not defined is null."""
        return {
            "before": self.before,
            "after": self.after,
            "inputs": [{"what": w, "before": b, "after": a} for w, b, a in self.facts],
            "figures": [
                {"figure": name, "scope": scope, "before": _numbers(one), "after": _numbers(other)}
                for name, scope, one, other in self.figures
            ],
        }


def compare_versions(before: Version, after: Version) -> Comparison:
    """Compare the inputs and the figures of two versions.

    Intervals that overlap do not prove that two models are equal, nor that they differ: for that, compare them with
    paired folds (`tradewright experiment compare`).

    Raises
    ------
    StoreError
        If the evidence of one cannot be read.
    """
    one, other = (
        {(f.name, f.scope): f for f in figures_of(e.tables, e.manifest) if "/" not in f.scope}
        for e in (read_evidence(v.evidence) for v in (before, after))
    )
    names = [*one, *(key for key in other if key not in one)]
    figures = tuple((name, scope, one.get((name, scope)), other.get((name, scope))) for name, scope in names)
    lines = tuple((name, scope, _said(a), _said(b), _relation(a, b)) for name, scope, a, b in figures)
    return Comparison(before.full_name, after.full_name, tuple(_inputs(before, after)), lines, figures)


def _inputs(before: Version, after: Version) -> list[tuple[str, str, str]]:
    a, b = before.row, after.row
    pairs = [("hash", a.digest[:12], b.digest[:12]), ("kind", a.kind, b.kind)]
    pairs += [("feature set", a.feature_set_hash[:12], b.feature_set_hash[:12]), ("code", a.code[:12], b.code[:12])]
    for title, one, other in (("parameter", a.params, b.params), ("data", a.datasets, b.datasets)):
        keys = sorted({*one, *other})
        pairs += [(f"{title} {key}", str(one.get(key, "-"))[:32], str(other.get(key, "-"))[:32]) for key in keys]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _said(figure: Figure | None) -> str:
    if figure is None or math.isnan(figure.value):
        return "-"
    if math.isnan(figure.low) or figure.low == figure.high:
        return f"{figure.value:.4g}"
    return f"{figure.value:.4g} [{figure.low:.4g}, {figure.high:.4g}]"


def _relation(one: Figure | None, other: Figure | None) -> str:
    if one is None or other is None or any(math.isnan(x) for f in (one, other) for x in (f.low, f.high)):
        return ""
    if one.low == one.high and other.low == other.high:
        return "equal" if one.value == other.value else ""
    return _APART if one.high < other.low or other.high < one.low else _OVERLAP


def _numbers(figure: Figure | None) -> dict[str, float | int | None] | None:
    if figure is None:
        return None
    ends = {"value": figure.value, "low": figure.low, "high": figure.high}
    return {k: v if math.isfinite(v) else None for k, v in ends.items()} | {"n": figure.n, "trials": figure.trials}
