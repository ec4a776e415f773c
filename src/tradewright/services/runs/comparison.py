"""Two runs side by side: inputs that differ, and numbers that differ beyond a tolerance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import yaml

from tradewright.core.types.errors import StoreError
from tradewright.services.report.compare import Difference, compare_metrics, has_regression
from tradewright.services.runs.folder import CONFIG
from tradewright.services.runs.read import StoredRun


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two runs; ``inputs`` are (name, before, after)."""

    is_identical: bool
    inputs: tuple[tuple[str, str, str], ...]
    differences: tuple[Difference, ...]

    @property
    def is_regression(self) -> bool:
        """Whether any number became worse."""
        return has_regression(self.differences)

    def document(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "identical": self.is_identical,
            "regression": self.is_regression,
            "inputs": [{"name": n, "before": b, "after": a} for n, b, a in self.inputs],
            "differences": [asdict(d) for d in self.differences],
        }


def compare_runs(before: StoredRun, after: StoredRun, tolerance: float) -> Comparison:
    """Compare two runs; see `compare_metrics` for ``tolerance``."""
    old, new = _inputs(before), _inputs(after)
    inputs = tuple(
        (name, old.get(name, "-"), new.get(name, "-"))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    )
    return Comparison(
        is_identical=before.manifest["fingerprint"] == after.manifest["fingerprint"],
        inputs=inputs,
        differences=compare_metrics(before.metrics["performance"], after.metrics["performance"], tolerance),
    )


def _inputs(run: StoredRun) -> dict[str, str]:
    """Return every input of a run by dotted name."""
    manifest = run.manifest
    found = {
        "code": f"{manifest['code']['version']} {manifest['code']['hash']}",
        "strategy source": manifest["strategy"]["hash"],
    }
    found |= {f"bars of {d['symbol']}": d["fingerprint"] for d in manifest["data"]}
    try:
        config = yaml.safe_load((run.folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StoreError(f"damaged: {error}", where=str(run.folder / CONFIG), fix="Run the backtest again.") from error
    return found | _flat(config, "")


def _flat(value: object, name: str) -> dict[str, str]:
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{name}.{key}" if name else key).items()}
    return {name: str(value)}
