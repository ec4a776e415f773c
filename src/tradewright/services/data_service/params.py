"""What the data service is told."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

#: What most strategies look at; used where no set is named.
DEFAULT_SET = (
    "log_return(1), log_return(5), ema_slope(20), atr_wilder(14), realised_volatility(20), rsi_wilder(14), "
    "volume_zscore(20), vwap_zscore(20)"
)


class DataServiceParams(BaseModel):
    """Settings of the service.

    Parameters
    ----------
    host, port : str, int
        Where it listens; another host than this machine needs a token.
    feature_sets : dict of str to str
        Features by the name of their set, as `feature_sets.named_set` reads them.
    refresh_s : float
        Longest time for which a change of the store may go unnoticed.
    page_ttl_s : float
        How long pages are kept in memory and in Redis.
    memory_bytes : int
        Pages in memory take at most so much.
    lock_s : float
        After so long without an answer a process no longer waits for the one that computes.
    page_rows, most_rows, most_arrow_rows : int
        Rows of a page: usually, at most as JSON, at most as Arrow.
    stale_after_s : float
        A row counts as stale so long after its successor should have been complete; 0: one bar longer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8765
    feature_sets: dict[str, str] = Field(default_factory=lambda: {"default": DEFAULT_SET})
    refresh_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    page_ttl_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    memory_bytes: Annotated[int, Field(ge=0)] = 64 * 1024 * 1024
    lock_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    page_rows: Annotated[int, Field(ge=1)] = 1_000
    most_rows: Annotated[int, Field(ge=1)] = 10_000
    most_arrow_rows: Annotated[int, Field(ge=1)] = 100_000
    stale_after_s: Annotated[float, Field(ge=0)] = 0.0
