"""An account's cash and positions, in whole micro-units and lots; the rules are those of `core.kernel.ledger_nb`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tradewright.core.types.instrument import Instrument

MICRO = 1_000_000


@dataclass(slots=True)
class Holding:
    """One position; ``cost_micro`` is the cash paid for what is open, below zero for a short."""

    lots: int = 0
    cost_micro: int = 0
    entry: float = 0.0  # average price


@dataclass(slots=True)
class CashBook:
    """Cash and holdings. Amounts are micro-units of the account currency."""

    cash_micro: int
    holdings: dict[int, Holding] = field(default_factory=dict)
    realized_micro: int = 0
    fee_micro: int = 0

    def lots(self, instrument: int) -> int:
        """Return what is held of an instrument, in lots; below zero when short."""
        holding = self.holdings.get(instrument)
        return holding.lots if holding is not None else 0

    def fill(self, instrument: int, lots: int, price: float, fee: float, unit_value: float) -> int:
        """Book signed lots and their commission; return the commission in micro-units."""
        flow = -round(lots * unit_value * price * MICRO)
        fee_micro = round(fee * MICRO)
        self.cash_micro += flow - fee_micro
        self.fee_micro += fee_micro
        holding = self.holdings.setdefault(instrument, Holding())
        held, holding.lots = holding.lots, holding.lots + lots
        if held == 0 or (held > 0) == (lots > 0):
            holding.entry = (holding.entry * abs(held) + price * abs(lots)) / (abs(held) + abs(lots))
            holding.cost_micro -= flow
            return fee_micro
        closing = min(abs(lots), abs(held))
        removed = holding.cost_micro if closing == abs(held) else round(holding.cost_micro * (closing / abs(held)))
        closing_flow = flow if closing == abs(lots) else round(flow * (closing / abs(lots)))
        holding.cost_micro -= removed
        self.realized_micro += closing_flow - removed
        if holding.lots == 0:
            del self.holdings[instrument]
        elif closing < abs(lots):
            holding.cost_micro -= flow - closing_flow
            holding.entry = price
        return fee_micro


@dataclass(frozen=True, slots=True)
class Worth:
    """What an account is worth at the last prices, micro-units."""

    cash: int
    long: int
    short: int  # below zero
    reserved: int  # what open orders could add to the exposure
    power: int  # what may still be bought

    @property
    def equity(self) -> int:
        """Cash and positions."""
        return self.cash + self.long + self.short


def value_micro(instrument: Instrument, lots: int, price: float) -> int:
    """Return the value of some lots at a price, micro-units."""
    return round(lots * float(instrument.unit_value) * price * MICRO)
