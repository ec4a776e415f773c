"""Messages between our side and a venue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.order import OrderStatus, Verb


@dataclass(frozen=True, slots=True)
class VenueMessage:
    """A command to a venue or an event from it, with a copy of the order it is about.

    ``header``: message_dtype[1]; ``order``: order_dtype[1]. The arrays belong to the message and are never changed.
    """

    header: NDArray[np.void]
    order: NDArray[np.void]

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
