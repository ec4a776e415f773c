"""From nouns to the records compiled code reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import N_FIELDS, instrument_dtype, market_dtype
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.execution_costs import ExecutionCosts
from tradewright.core.types.instrument import Instrument


def instrument_records(instruments: Sequence[Instrument], currency: str) -> NDArray[np.void]:
    """Return instrument_dtype[n]; who converts whom is found by symbol (EURUSD converts EUR into USD and back).

    Distributions of costs are pointed at: the instruments must live as long as the records.

    Raises
    ------
    ConfigError
        Where an instrument's currency cannot be converted into the account's by any of the instruments.
    """
    records = np.zeros(len(instruments), instrument_dtype)
    symbols = {instrument.symbol.replace("/", "").upper(): n for n, instrument in enumerate(instruments)}
    for record, instrument in zip(records, instruments, strict=True):
        record["tick_num"], record["tick_den"] = instrument.tick.as_integer_ratio()
        record["lot_num"], record["lot_den"] = instrument.lot.as_integer_ratio()
        record["unit_value"] = float(instrument.unit_value)
        record["is_shortable"] = instrument.is_shortable
        for name in ("min_lots", "max_lots", "margin_initial", "margin_maintenance", "participation"):
            record[name] = getattr(instrument, name)
        fees = instrument.fees
        record["maker_bps"], record["taker_bps"] = fees.maker_bps, fees.taker_bps
        record["fee_per_unit"], record["fee_minimum"] = fees.per_unit, fees.minimum
        for name in ("half_spread_bps", "slippage_bps", "borrow_bps_year"):
            record[name] = getattr(fees, name)
        record["expected_bps"] = fees.half_spread_bps + fees.slippage_bps
        if instrument.costs is not None:
            record["half_spread_bps"] = record["slippage_bps"] = 0.0
            record["costs"] = _costs_record(instrument.costs).ctypes.data
        record["fx_source"] = -1
        if instrument.currency != currency:
            direct = symbols.get(f"{instrument.currency}{currency}")
            inverse = symbols.get(f"{currency}{instrument.currency}")
            if direct is None and inverse is None:
                raise ConfigError(
                    f"{instrument.symbol} is quoted in {instrument.currency}, the account is in {currency}",
                    fix=f"add {instrument.currency}{currency} or {currency}{instrument.currency} to the instruments",
                )
            sources = [number for number in (direct, inverse) if number is not None]
            record["fx_source"] = sources[0]
            record["fx_invert"] = direct is None
    return records


def _costs_record(costs: ExecutionCosts) -> NDArray[np.void]:
    """Fill in the addresses of an instrument's distributions; the noun itself keeps all of it alive."""
    record = costs.record
    record["table"], record["starts"], record["labels"] = (
        array.ctypes.data for array in (costs.table, costs.starts, costs.labels)
    )
    record["n_starts"], record["impact_bps"] = len(costs.starts), costs.impact_bps
    record["draws_fills"] = costs.draws_fills
    record["seed"] = np.uint64(costs.seed).astype(np.int64)
    return record


class MarketMemory:
    """The market block that compiled code reads: a record of addresses, and the arrays they belong to.

    ``address`` is the record's.
    """

    def __init__(self) -> None:
        self.record = np.zeros(1, market_dtype)
        self.address = int(self.record.ctypes.data)
        self.columns = self.days = np.zeros(1, np.int64)
        self._events = single_event()
        self._kept: tuple[object, ...] = ()
        self._times: NDArray[np.int64] | None = None

    @property
    def events(self) -> MarketEvents:
        """The block pointed at."""
        return self._events

    def show(self, events: MarketEvents) -> None:
        """Point at a block of events."""
        if events.fields.shape != (N_FIELDS, len(events)) or not events.fields.flags.c_contiguous:
            msg = f"fields must be C-contiguous f8[{N_FIELDS}, {len(events)}], got {events.fields.shape}"
            raise ValueError(msg)
        record = self.record
        record["n"] = record["stride"] = len(events)
        record["fields"] = events.fields.ctypes.data
        record["ts_open"] = events.ts_open.ctypes.data
        record["ts_event"] = events.ts_event.ctypes.data
        record["ts_seen"] = events.ts_seen.ctypes.data
        record["kind"] = 0 if events.kind is None else events.kind.ctypes.data
        record["kind_all"] = int(events.kind_all)
        record["instrument"] = 0 if events.instrument is None else events.instrument.ctypes.data
        record["day_stops"] = 0  # found by whoever knows the calendar
        self._events = events

    def show_days(self, firsts: NDArray[np.int64]) -> None:
        """Point at the first event of each trading day, i8[n_days], by the time at which it ended."""
        self.days = np.append(firsts, len(self._events))
        self.record["day_stops"] = self.days.ctypes.data

    def show_columns(
        self, columns: Sequence[NDArray[np.float64]], forecasts: NDArray[np.float64] | None, start: int
    ) -> None:
        """Point at feature columns f8[m] and forecasts f8[m, 4] whose first value belongs to event ``start``."""
        # compiled code counts events from the block's beginning, so each address stands ``start`` values earlier
        self.show_addresses(np.array([column.ctypes.data - 8 * start for column in columns], np.int64))
        self.record["forecasts"] = 0 if forecasts is None else forecasts.ctypes.data - 32 * start
        self._kept = (*columns, forecasts)

    def show_forecast_times(self, times: NDArray[np.int64] | None, start: int) -> None:
        """Point at when each event's newest forecast was known, i8[m], the first value belonging to event ``start``."""
        self.record["forecast_ts"] = 0 if times is None else times.ctypes.data - 8 * start
        self._times = times

    def show_addresses(self, columns: NDArray[np.int64]) -> None:
        """Point at feature columns by their addresses, i8[n_features]; the caller keeps the columns alive."""
        self.columns = columns
        self.record["columns"] = columns.ctypes.data


def single_event() -> MarketEvents:
    """Return a block of one event whose arrays are overwritten for each event of a session."""
    ts = np.zeros((3, 1), np.int64)
    return MarketEvents(
        np.zeros((N_FIELDS, 1)), ts[0], ts[1], ts[2], kind=np.ones(1, np.int64), instrument=np.zeros(1, np.int64)
    )
