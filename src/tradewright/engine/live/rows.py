"""One market event as it goes into a session, and as it stands in the journal: to the bit."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import ASK, BID, CLOSE, N_FIELDS, PRICE
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.journal import JournalRecord
from tradewright.engine.plan import LONG_AGO

#: Journal kind of a market event.
MARKET = "market"


class MarketRow(NamedTuple):
    """One event: instrument number, `EventKind`, times ns UTC, ``fields`` f8[N_FIELDS].

    ``decides``: the strategy is asked after it; without, features and account follow and nothing is decided.
    ``forecast``: f8[4], the newest one where there is news, known at ``forecast_ts`` ns UTC.
    """

    instrument: int
    kind: int
    ts_open: int
    ts_event: int
    ts_seen: int
    fields: NDArray[np.float64]
    decides: bool = True
    forecast: NDArray[np.float64] | None = None
    forecast_ts: int | None = None


def show(row: MarketRow, event: MarketEvents) -> None:
    """Write a row into a one-event block."""
    event.fields[:, 0] = row.fields
    event.ts_open[0], event.ts_event[0], event.ts_seen[0] = row.ts_open, row.ts_event, row.ts_seen
    event.kinds[0], event.instruments[0] = row.kind, row.instrument


class RecordedEvents:
    """Lays market events of a journal before a session, byte by byte and without a row in between.

    Parameters
    ----------
    event : MarketEvents
        The session's one-event block.
    forecast, forecast_ts : ndarray
        Its newest forecast, f8[4], and when that was known, i8[1] ns UTC.
    """

    def __init__(self, event: MarketEvents, forecast: NDArray[np.float64], forecast_ts: NDArray[np.int64]) -> None:
        numbers = (event.ts_open, event.ts_event, event.ts_seen, event.kinds, event.instruments, forecast_ts)
        cells = [memoryview(a) for a in numbers]  # type: ignore[arg-type]  # arrays are buffers from Python 3.12 on
        self._open, self._event, self._seen, self._kind, self.instrument, self._forecast_ts = cells
        self._fields, self._forecast = (memoryview(a).cast("B") for a in (event.fields, forecast))  # type: ignore[arg-type]

    def show(self, record: JournalRecord) -> bool:
        """Show the event of a record of kind `MARKET`, and its forecast; return whether the strategy is asked.

        Raises
        ------
        ValueError
            If the payload is not a row's: it was written by another version.
        """
        known: dict[str, Any] = record.payload
        try:
            self._fields[:] = a2b_base64(known["f"])
            self._open[0], self._event[0], self._seen[0] = known["o"], record.ts_event, record.ts_seen
            self._kind[0], self.instrument[0] = known["k"], known["j"]
            decides = bool(known["d"])
            if decides and "p" in known:
                when = known.get("t")
                self._forecast[:], self._forecast_ts[0] = a2b_base64(known["p"]), LONG_AGO if when is None else when
        except (KeyError, TypeError, ValueError) as error:
            raise _no_event(record, error) from error
        return decides


def bid_and_ask(row: MarketRow) -> tuple[float, float]:
    """Return bid and ask of a row; on bars and trades both are the last price."""
    bid, ask = row.fields[BID], row.fields[ASK]
    if row.kind != EventKind.QUOTE:
        bid = ask = row.fields[CLOSE if row.kind == EventKind.BAR else PRICE]
    return float(bid), float(ask)


def rows_of(events: MarketEvents, *, decides: bool = True) -> list[MarketRow]:
    """Return the events of a block as rows."""
    kinds, numbers = events.kinds, events.instruments
    return [
        MarketRow(
            int(numbers[i]),
            int(kinds[i]),
            int(events.ts_open[i]),
            int(events.ts_event[i]),
            int(events.ts_seen[i]),
            np.ascontiguousarray(events.fields[:, i]),
            decides,
        )
        for i in range(len(events))
    ]


def payload_of(row: MarketRow) -> dict[str, object]:
    """Return a row as a journal payload; floats as bytes, because JSON has no NaN."""
    payload: dict[str, object] = {
        "j": row.instrument,
        "k": row.kind,
        "o": row.ts_open,
        "d": int(row.decides),
        "f": _text(row.fields),
    }
    if row.forecast is not None:
        payload["p"] = _text(row.forecast)
        payload["t"] = row.forecast_ts
    return payload


def row_of(record: JournalRecord) -> MarketRow:
    """Return the row of a journal record of kind `MARKET`.

    Raises
    ------
    ValueError
        If the payload is not a row's: it was written by another version.
    """
    known: dict[str, Any] = record.payload
    try:
        fields = np.frombuffer(a2b_base64(known["f"]))
        forecast = np.frombuffer(a2b_base64(known["p"])) if "p" in known else None
        instrument, kind, ts_open, decides = int(known["j"]), int(known["k"]), int(known["o"]), bool(known["d"])
        when = None if known.get("t") is None else int(known["t"])
    except (KeyError, TypeError, ValueError) as error:
        raise _no_event(record, error) from error
    if fields.shape != (N_FIELDS,):
        msg = f"record {record.sequence} holds {len(fields)} fields, this version has {N_FIELDS}"
        raise ValueError(msg)
    return MarketRow(instrument, kind, ts_open, record.ts_event, record.ts_seen, fields, decides, forecast, when)


def _text(values: NDArray[np.float64]) -> str:
    return b2a_base64(values.tobytes(), newline=False).decode()


def _no_event(record: JournalRecord, error: Exception) -> ValueError:
    return ValueError(f"record {record.sequence} holds no market event: {error}")
