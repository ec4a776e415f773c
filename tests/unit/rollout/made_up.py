"""Models and evidence made up for tests: small, real artefacts, and tables with an edge that is planted or is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tradewright.core.types.rows import FeatureRows, Targets
from tradewright.data.evidence_store import TABLES, EvidenceManifest, LeakLine, read_evidence, write_evidence
from tradewright.models.artefact import Origin, save_model
from tradewright.models.forecaster import Lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import forecaster_class
from tradewright.rollout.promotion import sign_evidence
from tradewright.rollout.registry import Registry
from tradewright.rollout.versions import Version

HOUR_NS = 3_600 * 10**9
START_NS = 1_700_000_000 * 10**9
SET_HASH = "5e7" * 10
PERIODS_PER_YEAR = 365.0 * 24
NAMES = ("return_1", "volatility_20")


def rows_of(n: int = 300, seed: int = 0, feature_set_hash: str = SET_HASH) -> FeatureRows:
    rng = np.random.default_rng(seed)
    ts = START_NS + np.arange(n, dtype=np.int64) * HOUR_NS
    zeros = np.zeros(n, dtype=np.int64)
    return FeatureRows(NAMES, rng.normal(size=(n, len(NAMES))), ("ACME",), zeros, ts, ts, feature_set_hash)


def lesson_of(n: int = 300, seed: int = 0, feature_set_hash: str = SET_HASH) -> Lesson:
    rows = rows_of(n, seed, feature_set_hash)
    growth = 0.01 * (rows.values[:, 0] + np.random.default_rng(seed + 1).normal(size=n))
    direction = np.sign(growth).astype(np.int64)
    targets = Targets(direction, growth, rows.ts_event + HOUR_NS, np.ones(n), HOUR_NS)
    return Lesson(rows, targets)


def make_model(folder: Path, seed: int = 0, kind: str = "logistic", feature_set_hash: str = SET_HASH) -> str:
    """Write a small trained model, another one for each seed; return its digest."""
    lesson = lesson_of(seed=seed, feature_set_hash=feature_set_hash)
    made = forecaster_class(kind)
    forecaster = made(made.params_type(seed=seed))
    forecaster.learn(lesson)
    model = FittedModel(forecaster, NAMES, feature_set_hash, HOUR_NS)
    origin = Origin(datasets={"ACME": f"{seed:032x}"}, code="c0de", seed=seed, rows=len(lesson.rows), first_ns=START_NS)
    return save_model(model, folder, origin).digest


def register(registry: Registry, folder: Path, name: str = "acme", bump: str = "minor") -> Version:
    """Register a model; evidence that lies beside it is signed, as an evaluation does."""
    version = registry.add(folder, name, bump)
    if version.evidence.is_dir():
        version = sign_evidence(registry, version, read_evidence(version.evidence).manifest.digest)
    return version


def make_evidence(
    folder: Path,
    digest: str,
    edge: float = 0.0,
    leaks: tuple[str, ...] = (),
    seed: int = 0,
    *,
    has_parts: bool = False,
    cost: float = 0.00005,
) -> None:
    """Write evidence of a market in which the model is right with the probability ``0.5 + edge``, and knows it.

    ``has_parts``: more of it, and with sessions and regimes, which takes longer to judge; ``cost`` of a period.
    """
    n = 1800 if has_parts else 900
    rng = np.random.default_rng(seed)
    manifest = EvidenceManifest(
        model_digest=digest,
        feature_set_hash=SET_HASH,
        datasets={"ACME": "da7a" * 8},
        code="c0de",
        config={"train": {"kind": "logistic"}},
        seed=seed,
        horizon_ns=HOUR_NS,
        periods_per_year=PERIODS_PER_YEAR,
        trials=4,
        holdout_uses=1,
        leaks=(LeakLine(subject="features", detector="truncation", trials=200, findings=leaks),),
        importance={"return_1": 0.03, "volatility_20": 0.004},
        created_ns=START_NS,
    )
    scopes = [("validation", 0, n), ("holdout", n, n // 3)]
    forecasts = [_forecasts(scope, first, count, edge, rng) for scope, first, count in scopes]
    if not has_parts:
        forecasts = [f.with_columns(session=pl.lit(""), regime=pl.lit("")) for f in forecasts]
    tables = {
        "forecasts": pl.concat(forecasts),
        "returns": pl.concat([_returns((scope, first, count), edge, rng, cost) for scope, first, count in scopes]),
        "trials": _series("trial", 4, n, edge, rng),
        "paths": _series("path", 5, n, edge, rng),
        "features": _features(rng),
    }
    write_evidence(folder, manifest, tables)


def _forecasts(scope: str, first: int, n: int, edge: float, rng: np.random.Generator) -> pl.DataFrame:
    ts = START_NS + (first + np.arange(n, dtype=np.int64)) * HOUR_NS
    says = rng.choice([-1, 1], n)
    sure = np.clip(0.5 + edge + rng.uniform(-0.04, 0.04, n) * (edge > 0), 0.34, 0.98)
    came = np.where(rng.random(n) < sure, says, -says)
    growth = came * np.abs(rng.normal(0.002, 0.001, n))
    p_up = np.where(says > 0, sure, 1.0 - sure)
    columns = {
        "scope": np.full(n, scope),
        "fold": np.arange(n) * 5 // n,
        "symbol": np.full(n, "ACME"),
        "ts_event": ts,
        "ts_seen": ts,
        "ts_end": ts + HOUR_NS,
        "p_up": p_up,
        "p_down": 1.0 - p_up,
        "p_flat": np.zeros(n),
        "expected_return": (2 * p_up - 1.0) * 0.002,
        "base_up": np.full(n, 0.5),
        "base_down": np.full(n, 0.5),
        "base_flat": np.zeros(n),
        "last_sign": rng.choice([-1, 1], n),
        "direction": came,
        "growth": growth,
        "weight": np.ones(n),
        "session": np.where(np.arange(n) % 24 < 8, "asia", np.where(np.arange(n) % 24 < 16, "london", "new_york")),
        "regime": np.where(np.arange(n) // 200 % 2 == 0, "calm", "wild"),
    }
    return pl.DataFrame({name: pl.Series(columns[name], dtype=kind) for name, kind in TABLES["forecasts"].items()})


def _returns(part: tuple[str, int, int], edge: float, rng: np.random.Generator, cost: float) -> pl.DataFrame:
    scope, first, n = part
    ts = START_NS + (first + np.arange(n, dtype=np.int64)) * HOUR_NS
    gross = rng.normal(edge * 0.004, 0.002, n)
    naive = rng.normal(0.0, 0.002, n)
    series = [("model", x, False, gross - x * cost) for x in (1.0, 2.0, 3.0)]
    series.append(("model", 1.0, True, gross * 0.9 - cost))
    series += [(name, 1.0, False, naive - cost) for name in ("base_rate", "last_sign")]
    series.append(("buy_and_hold", 1.0, False, rng.normal(0.0, 0.002, n)))
    parts = [
        pl.DataFrame(
            {
                "scope": pl.Series([scope] * n),
                "series": pl.Series([name] * n),
                "cost": pl.Series([x] * n, dtype=pl.Float64),
                "is_late": pl.Series([late] * n),
                "ts": ts,
                "value": values,
            }
        )
        for name, x, late, values in series
    ]
    return pl.concat(parts)


def _series(key: str, count: int, n: int, edge: float, rng: np.random.Generator) -> pl.DataFrame:
    ts = START_NS + np.arange(n, dtype=np.int64) * HOUR_NS
    # The first is the best: then what was chosen in one half is the best in the other too.
    means = [edge * 0.004 * (1.0 - 0.2 * k) for k in range(count)]
    parts = [
        pl.DataFrame({key: pl.Series([k] * n, dtype=pl.Int64), "ts": ts, "value": rng.normal(mean, 0.002, n)})
        for k, mean in enumerate(means)
    ]
    return pl.concat(parts)


def _features(rng: np.random.Generator) -> pl.DataFrame:
    """Features of which the second is twice as large in the holdout as in training."""
    n = 300
    parts = []
    for scope in ("training", "holdout"):
        for name in NAMES:
            scale = 2.0 if (scope, name) == ("holdout", NAMES[1]) else 1.0
            columns = {"scope": [scope] * n, "feature": [name] * n, "value": rng.normal(0.0, scale, n)}
            parts.append(pl.DataFrame(columns | {"weight": np.ones(n)}, schema=TABLES["features"]))
    return pl.concat(parts)
