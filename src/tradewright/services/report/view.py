"""What a report says, as plain values; how it looks is the template's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import nan

from tradewright.services.report.contribution import Contribution

Scalar = str | int | float | None
#: A figure for plotly.js: ``data``, ``layout`` and ``note``.
Figure = Mapping[str, object]


class Unit(StrEnum):
    """How a number is written for people."""

    PERCENT = "percent"  # 0.123 -> 12.3 %
    SIGNED_PERCENT = "signed_percent"  # 0.123 -> +12.3 %
    RATIO = "ratio"  # 1.234 -> 1.23
    MONEY = "money"  # account currency
    SIGNED_MONEY = "signed_money"
    COUNT = "count"
    SECONDS = "seconds"  # 200000.0 -> 2.3 days
    PER_YEAR = "per_year"  # 3.2 -> 3.2x


@dataclass(frozen=True, slots=True)
class Metric:
    """One number with its interval.

    ``value`` is NaN where the number is undefined; ``missing`` then says why. ``low`` and ``high`` are the
    ends of the block-bootstrap interval, NaN where there is none, and ``basis`` then says what it rests on;
    ``explain`` is the convention in one sentence.
    """

    label: str
    value: float
    unit: Unit
    explain: str = ""
    missing: str = "not defined for this run"
    basis: str = "counted"
    low: float = nan
    high: float = nan
    benchmark: float = nan


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall from a peak. Times in ns UTC; ``recovery_ns`` is 0 while it goes on; ``depth`` is negative."""

    depth: float
    peak_ns: int
    trough_ns: int
    recovery_ns: int
    end_ns: int  # recovery, or the end of the run


@dataclass(frozen=True, slots=True)
class YearRow:
    """Returns of one year: twelve months, NaN where the run did not trade then, and the year's total."""

    year: int
    months: tuple[float, ...]
    total: float


@dataclass(frozen=True, slots=True)
class TradeTable:
    """Round trips in columns of equal length, in order of entry."""

    columns: Mapping[str, tuple[Scalar, ...]]

    def __len__(self) -> int:
        """Return the number of round trips."""
        return len(next(iter(self.columns.values()), ()))


@dataclass(frozen=True, slots=True)
class PriceChart:
    """Prices of one instrument, as made by `tradewright.analytics.tear_sheet.price_points`."""

    instrument: str
    points: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CountRow:
    """How often something happened."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class CostRow:
    """What trading one instrument cost; amounts in account currency."""

    instrument: str
    traded: float
    commission: float
    carry: float  # borrow and funding paid
    fills: int


@dataclass(frozen=True, slots=True)
class Activity:
    """What became of the orders, of the wishes refused, and why positions were closed."""

    orders: tuple[CountRow, ...] = ()
    denials: tuple[CountRow, ...] = ()
    endings: tuple[CountRow, ...] = ()
    exits: tuple[CountRow, ...] = ()


@dataclass(frozen=True, slots=True)
class DenialRow:
    """A reason for which the guard refused: its control, how often it was given, the first and the last time (UTC)."""

    reason: str
    control: str
    count: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Heading:
    """What was run, on what, when; ``created`` is the only field that may hold a wall-clock time."""

    strategy: str
    instruments: tuple[str, ...]
    start_ns: int
    end_ns: int
    currency: str
    run_id: str
    created: str = ""
    basis: str = "net of commission"
    survivorship: str = "UNKNOWN"
    trials: str = "1 (this run; sweeps count themselves)"
    interval: str = "95 % block bootstrap"
    is_daily: bool = False  # times are ends of daily (or longer) bars: written as the day they close


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from: fill rules and costs assumed, data, code and configuration used."""

    assumptions: tuple[tuple[str, str], ...] = ()
    origins: tuple[tuple[str, str], ...] = ()
    config_yaml: str = ""


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything the page shows.

    ``figures`` may lack a name; ``missing`` then says why there is no such chart.
    Names of figures: ``equity``, ``rolling``, ``histogram``, ``holding``, ``exposure``, ``costs``.
    """

    heading: Heading
    headline: tuple[Metric, ...]
    details: tuple[Metric, ...]
    figures: Mapping[str, Figure]
    drawdowns: tuple[Drawdown, ...]
    months: tuple[YearRow, ...]
    trades: TradeTable
    prices: tuple[PriceChart, ...]
    costs: tuple[CostRow, ...]
    activity: Activity
    provenance: Provenance
    notices: tuple[str, ...] = ()
    denials: tuple[DenialRow, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
