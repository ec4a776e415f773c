"""What a session measures of itself: latencies and alerts, the newest of each."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tradewright.execution.orders.inputs import Alert

#: From the sight of an event to its wishes at the desk; from the wire to the venue's answer.
EVENT_TO_ACT, SUBMIT_TO_ACK = "event_to_act", "submit_to_ack"
_NEWEST = 1024
_ALERTS = 200


@dataclass(slots=True)
class Gauges:
    """Rings of the newest latencies (ns) by name, and of alerts with their time (ns UTC)."""

    latencies: dict[str, deque[int]] = field(default_factory=dict)
    alerts: deque[tuple[int, Alert]] = field(default_factory=lambda: deque(maxlen=_ALERTS))

    def took(self, name: str, ns: int) -> None:
        """Note a latency; one below zero is no latency but two clocks, and counts as none."""
        self.latencies.setdefault(name, deque(maxlen=_NEWEST)).append(max(ns, 0))

    def alert(self, ts: int, alert: Alert) -> None:
        """Note an alert."""
        self.alerts.append((ts, alert))
