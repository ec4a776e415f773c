"""What the answers look like, for the OpenAPI description and for those who check them; bodies are made elsewhere."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Answer):
    """An error: what was wrong, where, and what to do about it."""

    what: str
    where: str
    fix: str


class RedisHealth(_Answer):
    """The cache behind this process's own. ``off``: none is configured."""

    state: Literal["off", "closed", "trial", "open"]
    commands: int = 0
    failures: int = 0
    skipped: int = 0
    damaged: int = 0
    last_error: str = ""


class Counts(_Answer):
    """Answers since the start, by where they came from."""

    pages_from_memory: int
    pages_from_redis: int
    pages_computed: int
    rows_from_redis: int
    rows_computed: int
    refresh_failures: int


class Health(_Answer):
    """Whether the service answers. ``degraded``: it does, without the Redis it was given."""

    status: Literal["ok", "degraded"]
    version: str = ""
    redis: RedisHealth | None = None
    counts: Counts | None = None


class DatasetEntry(_Answer):
    """One data set; times are ns UTC and ISO 8601."""

    kind: str
    symbol: str
    timeframe: str
    rows: int
    version: int
    digest: str
    first_open: int
    first_open_time: str
    last_event: int
    last_event_time: str


class DatasetList(_Answer):
    """Everything in the store, and the feature sets that can be asked for with their columns."""

    datasets: list[DatasetEntry]
    feature_sets: dict[str, list[str]]


class _Times(_Answer):
    ts_open: int
    ts_event: int
    ts_seen: int
    open_time: str
    close_time: str


class BarRow(_Times):
    """One bar: ``ts_*`` in ns UTC, prices and volumes as stored; null: unknown."""

    open: float
    high: float
    low: float
    close: float
    volume: float | None
    trades: float | None
    buy_volume: float | None


class BarsPage(_Answer):
    """Bars in order of time; ``next_cursor`` is null on the last page."""

    symbol: str
    timeframe: str
    digest: str
    version: int
    rows: list[BarRow]
    next_cursor: str | None


class FeaturePageRow(_Times):
    """Values after one bar, in the order of ``columns``; null: unknown."""

    values: list[float | None]


class FeaturesPage(_Answer):
    """Features in order of time; ``next_cursor`` is null on the last page."""

    symbol: str
    timeframe: str
    digest: str
    version: int
    set: str
    set_digest: str
    columns: list[str]
    rows: list[FeaturePageRow]
    next_cursor: str | None


class LatestFeatureRow(_Times):
    """The newest row; ``age_s`` since its bar closed, ``is_stale`` once its successor should have been there."""

    symbol: str
    timeframe: str
    set: str
    set_digest: str
    digest: str
    origin: Literal["store", "live"]
    values: dict[str, float | None]
    age_s: float
    is_stale: bool


class LatestBar(BarRow):
    """The newest bar of a timeframe; see `LatestFeatureRow`."""

    timeframe: str
    digest: str
    age_s: float
    is_stale: bool


class LatestValues(_Answer):
    """The newest bar of each timeframe, shortest first."""

    symbol: str
    bars: list[LatestBar]
