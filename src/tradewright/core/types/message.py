"""Messages between our side and a venue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import order_dtype
from tradewright.core.types.order import OrderStatus, Verb

Record = NDArray[np.void]
_UNSET = ("limit", "stop", "trail", "watermark", "stop_loss", "take_profit", "trail_protect")


@dataclass(frozen=True, slots=True)
class VenueMessage:
    """A command to a venue or an event from it, with a copy of the order it is about.

    ``header``: message_dtype[1]; ``order``: order_dtype[1]. The arrays belong to the message and are never changed.
    """

    header: Record
    order: Record

    @property
    def verb(self) -> Verb:
        """What it says."""
        return Verb(int(self.header["verb"][0]))

    @property
    def order_id(self) -> int:
        """Which order it is about."""
        return int(self.order["id"][0])

    @property
    def status(self) -> OrderStatus:
        """State of the order when the message was sent."""
        return OrderStatus(int(self.order["status"][0]))


def copied(record: Record) -> Record:
    """Return a copy of one record by its bytes: NumPy copies field by field, which takes 30 times as long."""
    return np.frombuffer(bytearray(record.tobytes()), record.dtype)


def blank_order(limit: float | None = None, stop: float | None = None, trail: float | None = None) -> Record:
    """Return order_dtype[1] of which nothing is known but these prices; the caller says the rest."""
    record = np.zeros(1, order_dtype)
    for name in _UNSET:
        record[name] = np.nan
    record["queue_ahead"] = np.inf
    for name, value in (("limit", limit), ("stop", stop), ("trail", trail)):
        if value is not None:
            record[name] = value
    return record
