"""A store whose bars come one after the other, the time, and a data service over both."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import httpx
import numpy as np
import polars as pl

from tradewright.adapters.redis.params import RedisParams
from tradewright.core.types.bar import Bars
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality import Findings
from tradewright.data.store import BarStore
from tradewright.services.data_service.params import DataServiceParams
from tradewright.services.data_service.service import DataService
from tradewright.services.http_service.answers import Clocks

#: Opens a client of a service.
Asking = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
SETS = {"default": "ema(20), rsi_wilder(14), zscore(50, ema_slope(20)), volume_zscore(20)", "small": "close_price"}
BARS = 3000


@dataclass
class World:
    """A store whose bars come one after the other, and the time."""

    store: BarStore
    bars: Bars
    steady: int = 0
    params: DataServiceParams = field(default_factory=lambda: DataServiceParams(feature_sets=SETS))

    @property
    def now(self) -> int:
        """Just after the 3000th bar, and as much later as the steady clock says."""
        return int(self.bars.ts_event[BARS - 1]) + 1_000_000_000 + self.steady

    def add(self, start: int, stop: int, *, close: float | None = None, symbol: str = "SYN") -> None:
        """Write bars ``start`` to ``stop - 1``; a close of one's own makes it a correction."""
        fields = self.bars.fields[:, start:stop].copy()
        if close is not None:
            fields[3] = close
            fields[1] = np.maximum(fields[1], close)
            fields[2] = np.minimum(fields[2], close)
        times = {n: getattr(self.bars, n)[start:stop] for n in ("ts_open", "ts_event")}
        values = {n: fields[i] for i, n in enumerate(("open", "high", "low", "close", "volume"))}
        frame = canonical(pl.DataFrame(times | {"ts_seen": times["ts_event"]} | values), Kind.BARS)
        none = Findings("f.csv", pl.DataFrame(schema={"rule": pl.String, "severity": pl.String}))
        imported = Imported(Kind.BARS, "1m", frame, none, (), "f.csv", "0" * 64)
        self.store.write(imported, InstrumentParams(symbol=symbol, tick_size="0.01"), replace=close is not None)

    def service(self, redis: RedisParams | None = None) -> DataService:
        """Return a service over the store."""
        return DataService(self.store, self.params, redis, Clocks(lambda: self.now, lambda: self.steady))
