"""Raw bars into adjusted ones, as a reader at a given moment would have made them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import BUY_VOLUME, CLOSE, HIGH, LOW, OPEN, VOLUME
from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.actions import DIVIDEND, SPLIT, Actions

Method = Literal["back", "forward", "total_return"]
F8 = NDArray[np.float64]


def adjust(
    bars: Bars, actions: Actions, as_of_ns: int, method: Method = "back", calendar: Calendar | None = None
) -> Bars:
    """Return the bars that have ended by ``as_of_ns``, adjusted by the actions in force and known by then.

    An action is in force from the start of its ``ex_day`` on. Methods:

    - ``back``: splits; the newest prices stay as they were traded, older ones are divided by the ratio.
    - ``forward``: splits; the oldest prices stay, prices from ``ex_day`` on are multiplied by the ratio.
    - ``total_return``: splits and dividends, backwards: prices before a dividend ``D`` are multiplied by
      ``1 - D / C``, ``C`` the last raw close before ``ex_day`` (or the action's ``reference``), as CRSP and most
      vendors do.

    Volumes are multiplied by what split prices are divided by, so that price times volume stays; dividends do not
    touch them.

    Parameters
    ----------
    bars : Bars
        Raw, of one instrument; of any length up to a trading day.
    actions : Actions
        Of any instruments; those of ``bars.instrument`` are used.
    as_of_ns : int
        The reader's moment, ns UTC.
    method : "back", "forward" or "total_return"
        See above.
    calendar : Calendar, optional
        When trading days begin; else days of UTC.

    Raises
    ------
    UsageError
        If the method is unknown.
    DataError
        If a dividend is as large as the close before it.
    """
    if method not in get_args(Method):
        raise UsageError(f"'{method}' is not allowed", where="method", fix=f"Allowed: {', '.join(get_args(Method))}.")
    calendar = calendar or Calendar()
    n = int(np.searchsorted(bars.ts_event, as_of_ns, side="right"))
    fields = np.ascontiguousarray(bars.fields[:, :n])
    if n == 0:
        return replace(bars, ts_open=bars.ts_open[:0], ts_event=bars.ts_event[:0], fields=fields)
    today = int(calendar.day_numbers(np.array([as_of_ns], np.int64))[0])
    known = actions.of(bars.instrument).known_at(as_of_ns).frame
    days = calendar.day_numbers(bars.ts_open[:n])
    price, amount = np.ones(n), np.ones(n)
    for row in known.sort("ex_day", "kind", "label").iter_rows(named=True):
        if row["ex_day"] > today:
            continue
        first = int(np.searchsorted(days, row["ex_day"]))
        if row["kind"] == SPLIT:
            _apply_split(price, amount, first, row["value"], is_forward=method == "forward")
        elif method == "total_return" and first > 0:
            price[:first] *= _dividend_factor(row, bars.instrument, float(fields[CLOSE, first - 1]))
    if not np.all(price == 1.0):
        fields = fields.copy()
        fields[[OPEN, HIGH, LOW, CLOSE]] *= price
        fields[[VOLUME, BUY_VOLUME]] *= amount
    return Bars(bars.instrument, bars.ts_open[:n].copy(), bars.ts_event[:n].copy(), fields)


def _apply_split(price: F8, amount: F8, first: int, ratio: float, *, is_forward: bool) -> None:
    """Put a split between bars ``first - 1`` and ``first`` into the factors, f8[n] each."""
    if is_forward:
        # Before the first bar there is nothing to stay level with.
        if first > 0:
            price[first:] *= ratio
            amount[first:] /= ratio
        return
    price[:first] /= ratio
    amount[:first] *= ratio


def _dividend_factor(row: dict[str, float], symbol: str, close: float) -> float:
    base = row["reference"] if np.isfinite(row["reference"]) else close
    factor = 1.0 - row["value"] / base
    if factor <= 0.0:
        day = np.datetime64(int(row["ex_day"]), "D")
        what = f"the {DIVIDEND} of {row['value']:g} on {day} is not below the close before it, {base:g}"
        raise DataError(what, where=symbol, fix="Correct the amount; it is cash a share before any adjustment.")
    return factor
