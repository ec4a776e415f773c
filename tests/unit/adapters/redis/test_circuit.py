"""The circuit opens after failures in a row, lets one trial through, and closes when it succeeds."""

from __future__ import annotations

from tradewright.adapters.redis.circuit import Circuit, CircuitState

SECOND = 10**9


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def test_only_failures_in_a_row_open_it() -> None:
    circuit = Circuit(3, 2.0, Clock())
    for _ in range(5):
        circuit.failed()
        circuit.failed()
        circuit.succeeded()
    assert circuit.allows()
    for _ in range(3):
        assert circuit.allows()
        circuit.failed()
    assert circuit.state is CircuitState.OPEN
    assert not circuit.allows()


def test_one_trial_decides() -> None:
    clock = Clock()
    circuit = Circuit(1, 2.0, clock)
    circuit.failed()
    clock.now = 2 * SECOND - 1
    assert not circuit.allows()
    clock.now = 2 * SECOND
    assert [circuit.allows(), circuit.allows()] == [True, False]
    circuit.failed()
    clock.now = 4 * SECOND - 1
    assert not circuit.allows()
    clock.now = 4 * SECOND
    assert circuit.allows()
    circuit.succeeded()
    assert [circuit.allows(), circuit.allows()] == [True, True]


def test_a_trial_that_never_reports_gives_way() -> None:
    clock = Clock()
    circuit = Circuit(1, 2.0, clock)
    circuit.failed()
    clock.now = 2 * SECOND
    assert circuit.allows()
    clock.now = 4 * SECOND
    assert circuit.allows()
