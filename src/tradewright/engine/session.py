"""The one path, one event at a time: what paper, shadow, canary and live run, and what the loop is checked against.

A session has four inputs and no others: `on_market`, `on_order_event`, `on_timer`, `on_command`. One thread, one
input at a time. What it wants sent is returned to the caller, who owns the venue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.market_nb import mark_alone_nb, observe_alone_nb
from tradewright.core.kernel.verbs import call_verb_nb
from tradewright.core.types.dtypes import message_dtype, order_dtype
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.message import VenueMessage, copied
from tradewright.engine.binding import Path
from tradewright.engine.commands import Command, obey
from tradewright.engine.memory import SessionMemory
from tradewright.engine.plan import LONG_AGO
from tradewright.features import FeatureSet


class Session:
    """Our side of the market.

    Parameters
    ----------
    path : Path
        The one path with the strategy bound to it.
    memory : SessionMemory
        State; its market block is one event long.
    features : FeatureSet
        Streaming features of the strategy.
    event : MarketEvents
        The one-event block that the caller fills before `on_market`.
    """

    def __init__(self, path: Path, memory: SessionMemory, features: FeatureSet, event: MarketEvents) -> None:
        path.make_ready()
        self._path = path
        self._memory = memory
        self._features = features
        self._event = event
        self._address = memory.address
        self._settle = int(memory.verbs["settle"][0])
        self._needs_room, self._n_outbox = memory.cell("needs_room"), memory.cell("n_outbox")
        self._n_equity, self._equity_capacity = memory.cell("n_equity"), memory.cell("equity_capacity")
        answer = np.zeros(message_dtype.itemsize + order_dtype.itemsize, np.uint8)  # its place stays
        self._answer, self._answer_bytes = int(answer.ctypes.data), memoryview(answer)  # type: ignore[arg-type]
        self._instrument, self._kind = memoryview(event.instruments), memoryview(event.kinds)  # type: ignore[arg-type]
        self._has_features = len(features) > 0
        self._values = np.full(max(len(features), 1), np.nan)
        self._forecast = np.full((1, 4), np.nan)
        self._forecast_ts = np.full(1, LONG_AGO)
        memory.market.show(event)
        columns = [self._values[k : k + 1] for k in range(len(features))]
        memory.market.show_columns(columns, self._forecast, 0)
        memory.market.show_forecast_times(self._forecast_ts, 0)

    @property
    def values(self) -> NDArray[np.float64]:
        """Features after the newest event, f8[n_features]; one NaN where there are none."""
        return self._values

    @property
    def forecast(self) -> NDArray[np.float64]:
        """Newest forecast, f8[4]; NaN before the first."""
        values: NDArray[np.float64] = self._forecast[0]
        return values

    @property
    def forecast_ts(self) -> NDArray[np.int64]:
        """When that forecast was known, i8[1] ns UTC."""
        return self._forecast_ts

    def on_market(self, forecast: Any = None, forecast_ts: int | None = None) -> list[VenueMessage]:
        """Take in the market event standing in the one-event block; return the commands it led to.

        ``forecast``: f8[4] newest forecast known for the event's instrument, or None when there is no news.
        ``forecast_ts``: when it was known, ns UTC; without it a limit on the forecast's age refuses new risk.
        """
        if self._has_features:
            self._follow()
        if forecast is not None:
            self._forecast[0] = forecast
            self._forecast_ts[0] = LONG_AGO if forecast_ts is None else forecast_ts
        self._make_room()
        self._path.on_event(self._address, 0)
        return self._take_commands()

    def warm(self, *, is_cross_section: bool) -> list[VenueMessage]:
        """Take in the event standing in the one-event block without asking the strategy: features, prices, account.

        What a loss limit or the margin makes of it still goes out.
        """
        if self._has_features:
            self._follow()
        self._make_room()
        j = mark_alone_nb(self._address, 0)
        if is_cross_section and j >= 0:
            observe_alone_nb(self._address, 0, j)
        return self._take_commands()

    def on_order_event(self, message: VenueMessage) -> None:
        """Take in an answer of the venue."""
        if self._needs_room[0]:
            self._memory.grow()
        self._answer_bytes[:] = message.header.tobytes() + message.order.tobytes()
        call_verb_nb(self._settle, self._address, self._answer, self._answer + message_dtype.itemsize)

    def on_timer(self, now: int) -> list[VenueMessage]:
        """Take in that a timestamp is complete: a cross-section strategy decides now."""
        self._memory.record["now"] = max(int(self._memory.record["now"][0]), now)
        self._path.on_stamp(self._address)
        return self._take_commands()

    def on_command(self, command: Command, value: float = float("nan"), instrument: int = 0) -> list[VenueMessage]:
        """Take in a person's command, or a figure that only the outside knows; needs no market event.

        Raises
        ------
        ConfigError
            For a figure given to a session without the control that reads it, or one out of range.
        """
        if self._needs_room[0]:
            self._memory.grow()
        obey(self._memory, command, value, instrument)
        return self._take_commands()

    def _follow(self) -> None:
        """Bring the features up to the event."""
        self._values[:] = self._features.follow(self._event.fields, 0, self._instrument[0], self._kind[0])

    def _make_room(self) -> None:
        """Make room for what one event can lead to."""
        if self._needs_room[0]:
            self._memory.grow()
        if self._n_equity[0] + 2 > self._equity_capacity[0]:
            self._memory.expect(1)

    def _take_commands(self) -> list[VenueMessage]:
        """Empty the outbox."""
        count = self._n_outbox[0]
        if count == 0:
            return []
        self._n_outbox[0] = 0
        headers, orders = self._memory.arrays["outbox"], self._memory.arrays["outbox_orders"]
        return [VenueMessage(copied(headers[k : k + 1]), copied(orders[k : k + 1])) for k in range(count)]
