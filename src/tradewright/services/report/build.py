"""From a finished run to a `ReportView`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics import tear_sheet
from tradewright.core.types.bar import Bars
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import OrderStatus, Origin, Reason
from tradewright.services.report import wording
from tradewright.services.report.contribution import Contribution
from tradewright.services.report.headline import details, headline
from tradewright.services.report.numbers import RunNumbers, RunResult
from tradewright.services.report.view import (
    Activity,
    CostRow,
    CountRow,
    DenialRow,
    Drawdown,
    Figure,
    Heading,
    PriceChart,
    Provenance,
    ReportView,
    Scalar,
    TradeTable,
    YearRow,
)

_MICRO = 1e6
_SECOND_NS = 1e9
_NEARLY_A_DAY_NS = 0.9 * 86_400e9
#: Trades listed in the page; the run's own trade file holds all of them.
TRADE_LIMIT = 50_000
#: Longest rolling window, in trading days, and the least days worth a rolling chart.
_WINDOW = 126
_LEAST_WINDOW = 20

_EXITS = {
    Origin.STRATEGY: "signal",
    Origin.STOP_LOSS: "stop loss",
    Origin.TAKE_PROFIT: "take profit",
    Origin.TRAILING: "trailing",
    Origin.LIQUIDATION: "liquidation",
    Origin.RISK: "risk limit",
}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the run itself does not know: names, origins and what the reader must be told."""

    strategy: str
    run_id: str
    provenance: Provenance
    created: str = ""
    basis: str = "net of commission"
    survivorship: str = "UNKNOWN"
    trials: str = "1 (this run; sweeps count themselves)"
    notices: tuple[str, ...] = ()
    denials: tuple[DenialRow, ...] = ()
    contributions: tuple[Contribution, ...] = ()


def build_view(result: RunResult, bars: Sequence[Bars], numbers: RunNumbers, facts: RunFacts) -> ReportView:
    """Put everything a report shows into plain values.

    Parameters
    ----------
    result : RunResult
    bars : sequence of Bars
        Of the traded instruments, for the price charts; may be empty.
    numbers : RunNumbers
        From `tradewright.services.report.numbers.numbers_of`.
    facts : RunFacts
    """
    missing: dict[str, str] = {}
    is_daily = _is_daily(result.stamps)
    figures = _figures(result, numbers, missing, wording.HALF_DAY_NS if is_daily else 0)
    notices = facts.notices
    if len(numbers.trips) > TRADE_LIMIT:
        notices += (f"The page lists the first {TRADE_LIMIT:,} of {len(numbers.trips):,} trades.",)
    stamps = result.stamps
    return ReportView(
        heading=Heading(
            strategy=facts.strategy,
            instruments=tuple(i.symbol for i in result.instruments),
            start_ns=int(stamps[0]) if len(stamps) else 0,
            end_ns=int(stamps[-1]) if len(stamps) else 0,
            currency=result.currency,
            run_id=facts.run_id,
            created=facts.created,
            basis=facts.basis,
            survivorship=facts.survivorship,
            trials=facts.trials,
            is_daily=is_daily,
        ),
        headline=headline(numbers),
        details=details(numbers),
        figures=figures,
        drawdowns=_worst(numbers),
        months=_years(numbers),
        trades=_trades(result, numbers),
        prices=tuple(PriceChart(b.instrument, tear_sheet.price_points(b)) for b in bars if len(b)),
        costs=_costs(result),
        activity=_activity(result, numbers.trips),
        provenance=facts.provenance,
        notices=notices,
        denials=facts.denials,
        contributions=facts.contributions,
        missing=missing,
    )


def _is_daily(stamps: NDArray[np.int64]) -> bool:
    return len(stamps) > 1 and float(np.median(np.diff(stamps))) > _NEARLY_A_DAY_NS


def _figures(result: RunResult, numbers: RunNumbers, missing: dict[str, str], shift: int) -> dict[str, Figure]:
    """Return the figures there is something to draw for; say in ``missing`` why another is not there.

    Times are drawn ``shift`` ns earlier, so that the end of a daily bar stands at the day it closes.
    """
    figures: dict[str, Figure] = {}
    if len(result.stamps):
        stamps = result.stamps - shift
        names = ("Strategy", "Buy and hold")
        figures["equity"] = tear_sheet.equity_figure(stamps, result.equity, numbers.hold, names, result.initial_cash)
        share = np.zeros(len(result.stamps))
        np.divide(result.exposure, result.equity, out=share, where=result.equity > 0)
        figures["exposure"] = tear_sheet.exposure_figure(stamps, share)
    else:
        missing["equity"] = missing["exposure"] = "The run has no market event"
    daily = numbers.daily
    window = min(_WINDOW, len(daily) // 3)
    if window >= _LEAST_WINDOW:
        rolling = tear_sheet.rolling_performance(daily.stamps - shift, daily.returns, window, daily.periods_per_year)
        if np.isfinite(rolling.volatility).any():
            figures["rolling"] = tear_sheet.rolling_figure(rolling)
            missing["rolling_window"] = f"over {window} trading days"
        else:
            missing["rolling"] = "Equity fell to zero or below before the first full window"
    else:
        missing["rolling"] = f"A rolling window needs at least {3 * _LEAST_WINDOW} trading days"
    closed = np.isfinite(numbers.trade_returns)
    if closed.any():
        trips, returns = numbers.trips[closed], numbers.trade_returns[closed]
        held = (trips["exit_ts"] - trips["entry_ts"]) / _SECOND_NS
        figures["histogram"] = tear_sheet.histogram_figure(returns)
        figures["holding"] = tear_sheet.holding_figure(held, returns)
    else:
        missing["histogram"] = missing["holding"] = "No trade was closed"
    series = _cost_series(result, shift)
    if series:
        figures["costs"] = tear_sheet.costs_figure(series)
    else:
        missing["costs"] = "Nothing was traded"
    return figures


def _cost_series(result: RunResult, shift: int) -> list[tuple[str, NDArray[np.int64], NDArray[np.float64]]]:
    series = []
    if len(result.fills):
        series.append(("Commission", result.fills["ts_event"] - shift, result.fills["fee_micro"] / _MICRO))
    for kind, name in ((LedgerKind.BORROW, "Borrow"), (LedgerKind.FUNDING, "Funding")):
        rows = result.ledger[result.ledger["kind"] == kind]
        if len(rows):
            series.append((name, rows["ts_event"] - shift, -rows["cash_micro"] / _MICRO))
    return series


def _worst(numbers: RunNumbers) -> tuple[Drawdown, ...]:
    return tuple(
        Drawdown(d.depth, d.ts_peak, d.ts_trough, d.ts_recovery or 0, d.ts_end) for d in numbers.under.worst[:8]
    )


def _years(numbers: RunNumbers) -> tuple[YearRow, ...]:
    """Return the table of months, newest year first."""
    months = numbers.months
    return tuple(
        YearRow(int(months.years[i]), tuple(months.returns[i].tolist()), float(months.totals[i]))
        for i in reversed(range(len(months.years)))
    )


def _trades(result: RunResult, numbers: RunNumbers) -> TradeTable:
    trips = numbers.trips[:TRADE_LIMIT]
    symbols = [i.symbol for i in result.instruments]
    lots = np.array([float(i.lot) for i in result.instruments])
    is_open = trips["is_open"] != 0
    exits = [_EXITS.get(Origin(o), "signal") for o in trips["exit_origin"].tolist()]
    columns: dict[str, tuple[Scalar, ...]] = {
        "number": tuple(range(1, len(trips) + 1)),
        "instrument": tuple(symbols[i] for i in trips["instrument"].tolist()),
        "side": tuple("long" if s > 0 else "short" for s in trips["side"].tolist()),
        "entry_time": tuple(tear_sheet.milliseconds(trips["entry_ts"])),
        "exit_time": _where_closed(tear_sheet.milliseconds(trips["exit_ts"]), is_open),
        "size": tuple(tear_sheet.plain(trips["lots"] * lots[trips["instrument"]], 12)),
        "entry": tuple(tear_sheet.plain(trips["entry_price"], 12)),
        "exit": _where_closed(tear_sheet.plain(trips["exit_price"], 12), is_open),
        "result": tuple((trips["pnl_micro"] / _MICRO).tolist()),
        "return": tuple(tear_sheet.plain(numbers.trade_returns[:TRADE_LIMIT])),
        "fees": tuple((trips["fee_micro"] / _MICRO).tolist()),
        "held": tuple(((trips["exit_ts"] - trips["entry_ts"]) / _SECOND_NS).tolist()),
        "exit_reason": tuple("still open" if o else e for e, o in zip(exits, is_open.tolist(), strict=True)),
        "is_open": tuple(int(o) for o in is_open.tolist()),
    }
    return TradeTable(columns)


def _where_closed(values: Sequence[Scalar], is_open: NDArray[np.bool_]) -> tuple[Scalar, ...]:
    return tuple(None if o else v for v, o in zip(values, is_open.tolist(), strict=True))


def _costs(result: RunResult) -> tuple[CostRow, ...]:
    rows = []
    carry = np.isin(result.ledger["kind"], (LedgerKind.BORROW, LedgerKind.FUNDING))
    for number, instrument in enumerate(result.instruments):
        fills = result.fills[result.fills["instrument"] == number]
        held = result.ledger[carry & (result.ledger["instrument"] == number)]
        rows.append(
            CostRow(
                instrument=instrument.symbol,
                traded=float(np.abs(fills["cash_micro"]).sum()) / _MICRO,
                commission=float(fills["fee_micro"].sum()) / _MICRO,
                carry=-float(held["cash_micro"].sum()) / _MICRO,
                fills=len(fills),
            )
        )
    return tuple(row for row in rows if row.fills)


def _activity(result: RunResult, trips: NDArray[np.void]) -> Activity:
    orders = result.orders
    denied = orders["status"] == OrderStatus.DENIED
    ended = np.isin(orders["status"], (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED))
    closed = trips[trips["is_open"] == 0]
    return Activity(
        orders=_counts([_words(OrderStatus(s)) for s in orders["status"][~denied].tolist()]),
        denials=_counts([_words(Reason(r)) for r in orders["reason"][denied].tolist()]),
        endings=_counts([_words(Reason(r)) for r in orders["reason"][ended].tolist()]),
        exits=_counts([_EXITS.get(Origin(o), "signal") for o in closed["exit_origin"].tolist()]),
    )


def _counts(labels: Sequence[str]) -> tuple[CountRow, ...]:
    """Return labels with their counts, most frequent first, ties by name."""
    return tuple(CountRow(k, n) for k, n in sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0])))


def _words(value: OrderStatus | Reason) -> str:
    return "no reason given" if value == Reason.NONE else value.name.lower().replace("_", " ")
