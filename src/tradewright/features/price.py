"""Bar fields as features."""

from __future__ import annotations

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, VOLUME
from tradewright.core.types.feature import Feature, Floats


@inlined
def field_step_nb(_state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Return row ``params[0]`` of the fields."""
    return float(fields[int(params[0]), i])


def _field(name: str, row: int) -> Feature:
    return Feature(f"{name}.v1", field_step_nb, (float(row),), (), 0)


def open_price() -> Feature:
    """Return the bar's opening price."""
    return _field("open", OPEN)


def high_price() -> Feature:
    """Return the bar's highest price."""
    return _field("high", HIGH)


def low_price() -> Feature:
    """Return the bar's lowest price."""
    return _field("low", LOW)


def close_price() -> Feature:
    """Return the bar's closing price."""
    return _field("close", CLOSE)


def bar_volume() -> Feature:
    """Return the units traded in the bar."""
    return _field("volume", VOLUME)
