"""Instruments: what can be traded, on which grid, at what cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.execution_costs import ExecutionCosts


@dataclass(frozen=True, slots=True)
class FeeModel:
    """Commission and execution costs. Basis points are of traded value; amounts in the instrument's currency."""

    name: str = "free"
    maker_bps: float = 0.0
    taker_bps: float = 0.0
    per_unit: float = 0.0
    minimum: float = 0.0  # per order
    half_spread_bps: float = 0.0  # added to market and stop fills on bars and trades
    slippage_bps: float = 0.0  # added to every fill that takes liquidity
    borrow_bps_year: float = 0.0  # on the value of a short, per year of 365 days


_exact = lru_cache(maxsize=4096)(Fraction)  # reading a decimal takes longer than all else that is done with it


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market.

    ``tick_size``, ``lot_size`` and ``multiplier`` are decimal strings: exact, never binary fractions.
    ``margin_initial`` is the share of a position's value that must be covered by equity (0.05 = leverage 20).
    ``costs``, where given, take the place of the fixed half spread and slippage in every simulated fill.
    """

    symbol: str
    tick_size: str = "0.01"
    lot_size: str = "1"
    multiplier: str = "1"
    currency: str = "USD"
    min_lots: int = 1
    max_lots: int = 1_000_000_000_000
    margin_initial: float = 1.0
    margin_maintenance: float = 0.5
    is_shortable: bool = True
    participation: float = 0.0
    fees: FeeModel = field(default_factory=FeeModel)
    calendar: Calendar = field(default_factory=Calendar)
    costs: ExecutionCosts | None = field(default=None, compare=False)

    @property
    def tick(self) -> Fraction:
        """Tick size as an exact fraction."""
        return _exact(self.tick_size)

    @property
    def lot(self) -> Fraction:
        """Lot size as an exact fraction."""
        return _exact(self.lot_size)

    @property
    def unit_value(self) -> Fraction:
        """Value of one lot per 1.0 of price, in the instrument's currency."""
        return self.lot * _exact(self.multiplier)
