"""Our clock beside one that is told late."""

from __future__ import annotations

from tradewright.services.live.clocks import VenueClock

S = 1_000_000_000


def drift_of(ours_less_theirs_ms: float, *, tells_late: bool, looks: int = 40) -> float:
    """Compare with a venue that tells whole seconds; looks 10.3 s apart."""
    clock, drift = VenueClock(lambda: 0, follows=False), 0.0
    for look in range(looks):
        now = 1_000 * S + look * 10_300_000_000
        theirs = now - int(ours_less_theirs_ms * 1e6)
        drift = clock.compare(now, theirs // S * S, now, tells_late=tells_late)
    return drift


def test_whole_seconds_do_not_look_like_a_clock_that_is_ahead() -> None:
    assert abs(drift_of(0.0, tells_late=True)) <= 100.0
    assert abs(drift_of(0.0, tells_late=False)) > 500.0, "the test would see the mistake"


def test_a_clock_that_is_off_is_seen_in_either_direction() -> None:
    assert abs(drift_of(900.0, tells_late=True) - 900.0) <= 100.0
    assert abs(drift_of(-900.0, tells_late=True) + 900.0) <= 100.0
