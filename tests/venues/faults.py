"""What can go wrong with an answer or a stream of any venue of the tests; the script itself is the exchange's."""

from __future__ import annotations

from collections.abc import Sequence

from tradewright.execution.exchange.faults import Fault, FaultScript

__all__ = ["HTTP_FAULTS", "STREAM_FAULTS", "Fault", "FaultScript", "any_request_may_fail"]

#: Faults of any HTTP answer, applied by `LocalVenue` itself.
HTTP_FAULTS = ("429", "418", "500", "503", "cut", "truncated", "garbage", "slow")
#: Faults of any WebSocket connection, applied by the venue's own stream code through `FaultScript.take`.
STREAM_FAULTS = ("drop", "silent", "gap", "duplicate")


def any_request_may_fail(probability: float, kinds: Sequence[str] = HTTP_FAULTS) -> list[Fault]:
    """Return faults that together hit each HTTP request with a probability."""
    each = 1.0 - (1.0 - probability) ** (1.0 / len(kinds))
    return [Fault(kind, times=None, probability=each) for kind in kinds]
