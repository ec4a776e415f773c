"""Made-up evidence: forecasts with a known edge, returns to match, trials and paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
import pytest

from tradewright.data.evidence_store import TABLES, LeakLine

Tables: TypeAlias = dict[str, pl.DataFrame]
Make: TypeAlias = Callable[..., Tables]
MINUTE = 60 * 10**9
DAY = 1440 * MINUTE


@dataclass(frozen=True)
class Counted:
    """Facts as the manifest has them."""

    trials: int = 8
    holdout_uses: int = 1
    periods_per_year: float = 252.0
    leaks: tuple[LeakLine, ...] = (LeakLine(subject="close", detector="truncation", trials=40),)


def forecasts(seed: int, edge: float, n: int = 2000, horizon: int = 4, scope: str = "validation") -> pl.DataFrame:
    """Forecasts of two instruments; at edge 1 they mean what they say, at 0 they say nothing."""
    rng = np.random.default_rng(seed)
    ts = 10**18 + np.repeat(np.arange(n // 2), 2) * MINUTE
    up = np.clip(0.5 + rng.normal(0.0, 0.08, n), 0.05, 0.95)
    direction = np.where(rng.random(n) < 0.5 + edge * (up - 0.5), 1, -1)
    columns = {
        "scope": [scope] * n,
        "fold": np.zeros(n, np.int64),
        "symbol": ["AAA", "BBB"] * (n // 2),
        "ts_event": ts,
        "ts_seen": ts,
        "ts_end": ts + horizon * MINUTE,
        "p_up": up,
        "p_down": 1.0 - up,
        "p_flat": np.zeros(n),
        "expected_return": (up - 0.5) * 0.01,
        "base_up": np.full(n, 0.5),
        "base_down": np.full(n, 0.5),
        "base_flat": np.zeros(n),
        "last_sign": rng.choice([-1, 1], n),
        "direction": direction,
        "growth": direction * 0.001,
        "weight": np.ones(n),
        "session": np.where(np.arange(n) % 4 < 2, "asia", "london"),
        "regime": [""] * n,
    }
    return pl.DataFrame(columns, schema=TABLES["forecasts"])


def returns(seed: int, drift: float, n: int = 400, scope: str = "validation") -> pl.DataFrame:
    """Returns of the model and what it is compared with, at three multiples of the costs, prompt and late."""
    rng = np.random.default_rng(seed)
    frames = []
    for series in ("model", "base_rate", "last_sign", "buy_and_hold"):
        gross = rng.normal(drift if series == "model" else 0.0, 0.01, n)
        for cost in (1.0, 2.0, 3.0):
            for is_late in (False, True):
                value = gross - 0.0002 * cost - 0.0003 * is_late
                columns = {
                    "scope": [scope] * n,
                    "series": [series] * n,
                    "cost": np.full(n, cost),
                    "is_late": [is_late] * n,
                    "ts": 10**18 + np.arange(n) * DAY,
                    "value": value,
                }
                frames.append(pl.DataFrame(columns, schema=TABLES["returns"]))
    return pl.concat(frames)


def columns_of(key: str, name: str, seed: int, drift: float, count: int, n: int = 400) -> pl.DataFrame:
    """Returns of trials or paths."""
    rng = np.random.default_rng(seed)
    ts = 10**18 + np.arange(n) * DAY
    frames = [
        pl.DataFrame({key: np.full(n, k), "ts": ts, "value": rng.normal(drift, 0.01, n)}, schema=TABLES[name])
        for k in range(count)
    ]
    return pl.concat(frames)


@pytest.fixture
def make() -> Make:
    """Return ``make(seed, edge, drift)``: all tables of one scope."""

    def _make(seed: int = 0, edge: float = 1.0, drift: float = 0.002) -> Tables:
        earned = returns(seed + 1, drift)
        chosen = earned.filter((pl.col("series") == "model") & (pl.col("cost") == 1.0) & ~pl.col("is_late"))
        own = chosen.select(pl.lit(0, pl.Int64).alias("trial"), "ts", "value")
        others = columns_of("trial", "trials", seed + 2, drift / 4.0, 7).with_columns(pl.col("trial") + 1)
        return {
            "forecasts": forecasts(seed, edge),
            "returns": earned,
            "trials": pl.concat([own, others]),
            "paths": columns_of("path", "paths", seed + 3, drift, 5),
        }

    return _make


@pytest.fixture
def facts() -> Counted:
    return Counted()
