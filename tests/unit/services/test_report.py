"""The report from a finished run to the page; the runs are made by hand in the shape a backtest gives."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import fill_dtype, ledger_dtype, order_dtype
from tradewright.core.types.errors import RunError
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import OrderStatus, Origin, Reason
from tradewright.services.report import build, render, wording
from tradewright.services.report.build import RunFacts, build_view
from tradewright.services.report.numbers import RunNumbers, numbers_of
from tradewright.services.report.render import render_report
from tradewright.services.report.view import Metric, Provenance, ReportView, Unit

DAY = 86_400_000_000_000
CASH = 100_000.0
FEE = 2.0
EVIL = "</script><img src=x onerror=alert(1)>\"'&"


@dataclass
class Run:
    """The shape of a backtest's result."""

    instruments: tuple[Instrument, ...]
    fills: NDArray[np.void]
    stamps: NDArray[np.int64]
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    marks: NDArray[np.float64]
    orders: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, order_dtype))
    ledger: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, ledger_dtype))
    initial_cash: float = CASH
    currency: str = "USD"


def bars_of(symbol: str, n: int, step: int = DAY, seed: int = 7) -> Bars:
    close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0004, 0.015, n))), 2)
    open_ = np.append(100.0, close)[:n]
    ts_open = 1_500_076_800 * 1_000_000_000 + np.arange(n, dtype=np.int64) * step
    fields = blank_fields(ts_open + step)
    fields[:6] = [open_, np.maximum(open_, close), np.minimum(open_, close), close, np.ones(n), np.arange(n)]
    return Bars(symbol, ts_open, ts_open + step, fields)


def run_of(bars: Bars, every: int = 10, lots: int = 100) -> Run:
    """In the market for every other stretch of bars, long and short in turn, at closing prices."""
    n = len(bars)
    stretch = np.arange(n) // every
    target = np.where(stretch % 2 == 1, np.where(stretch % 4 == 1, lots, -lots), 0)
    cash, before = np.zeros(n), 0
    fills: list[NDArray[np.void]] = []
    for i in np.flatnonzero(np.diff(target, prepend=0)):
        change = int(target[i]) - before
        fill = np.zeros((), fill_dtype)
        fill["id"], fill["side"], fill["lots"] = len(fills) + 1, np.sign(change), abs(change)
        fill["price"], fill["fx"], fill["position_lots"] = bars.close[i], 1.0, target[i]
        fill["cash_micro"], fill["fee_micro"] = -round(change * bars.close[i] * 1e6), int(FEE * 1e6)
        fill["origin"] = Origin.STOP_LOSS if len(fills) % 4 == 1 else Origin.STRATEGY
        fill["event"], fill["ts_event"] = i, bars.ts_event[i]
        fills.append(fill)
        cash[i:] += -change * bars.close[i] - FEE
        before = int(target[i])
    value = target * bars.close
    return Run(
        instruments=(Instrument(bars.instrument),),
        fills=np.array(fills, fill_dtype) if fills else np.zeros(0, fill_dtype),
        stamps=bars.ts_event,
        equity=CASH + cash + value,
        exposure=np.abs(value).astype(np.float64),
        marks=bars.close[-1:],
    )


FACTS = RunFacts(
    strategy="ema cross",
    run_id="run-1",
    provenance=Provenance(
        assumptions=(("Market orders", "next open"),),
        origins=(("Data", "f00d"),),
        config_yaml="cash: 100000\n",
    ),
)


def view_of(bars: Bars, run: Run, facts: RunFacts = FACTS) -> ReportView:
    return build_view(run, [bars], numbers_of(run, [bars]), facts)


@pytest.fixture(scope="module")
def bars() -> Bars:
    return bars_of("ACME", 600)


@pytest.fixture(scope="module")
def run(bars: Bars) -> Run:
    return run_of(bars)


@pytest.fixture(scope="module")
def numbers(bars: Bars, run: Run) -> RunNumbers:
    return numbers_of(run, [bars])


@pytest.fixture(scope="module")
def view(bars: Bars, run: Run) -> ReportView:
    return view_of(bars, run)


@pytest.fixture(scope="module")
def page(view: ReportView) -> str:
    return render_report(view)


def without_plotly(page: str) -> str:
    return page.replace(render.plotly_source(), "")


def payload(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found
    loaded: dict[str, Any] = json.loads(found.group(1))
    return loaded


class Resources(HTMLParser):
    """Every place of a document that could make a browser load something, and the text outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [v or "" for k, v in attrs if k in {"src", "href", "srcset", "data", "action", "poster"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Resources:
    parser = Resources()
    parser.feed(without_plotly(page))
    return parser


# ---- numbers and view


def test_trade_results_add_up_to_the_change_of_equity(run: Run, numbers: RunNumbers) -> None:
    assert numbers.trips["pnl_micro"].sum() / 1e6 == pytest.approx(run.equity[-1] - CASH, abs=1e-6)


def test_intervals_hold_the_estimates_they_belong_to(numbers: RunNumbers) -> None:
    for name in ("sharpe", "cagr", "volatility", "hit_rate", "expectancy", "profit_factor"):
        interval = numbers.intervals[name]
        assert interval.estimate == pytest.approx(getattr(numbers.performance, name), rel=1e-9), name
        assert interval.lower <= interval.estimate <= interval.upper, name


def test_trade_return_is_the_result_over_the_entry_value(numbers: RunNumbers) -> None:
    first = numbers.trips[0]
    value = first["lots"] * first["entry_price"]
    assert numbers.trade_returns[0] == pytest.approx(first["pnl_micro"] / 1e6 / value)


def test_an_open_trade_has_a_result_but_no_exit_and_no_return(bars: Bars) -> None:
    cut = Bars("ACME", bars.ts_open[:15], bars.ts_event[:15], np.ascontiguousarray(bars.fields[:, :15]))
    view = view_of(cut, run_of(cut))
    columns = view.trades.columns
    assert columns["is_open"] == (1,)
    assert columns["exit"] == columns["exit_time"] == columns["return"] == (None,)
    assert columns["exit_reason"] == ("still open",)
    assert isinstance(columns["result"][0], float)
    assert "histogram" not in view.figures
    assert view.missing["histogram"] == "No trade was closed"


def test_buy_and_hold_follows_the_price(bars: Bars, numbers: RunNumbers) -> None:
    assert numbers.hold is not None
    assert numbers.hold[-1] == pytest.approx(CASH * bars.close[-1] / bars.close[0])


def test_there_is_no_buy_and_hold_without_a_conversion_rate(bars: Bars, run: Run) -> None:
    foreign = dataclasses.replace(run, currency="EUR")
    found = numbers_of(foreign, [bars])
    assert found.hold is None
    assert found.hold_performance is None
    assert "equity" in build_view(foreign, [bars], found, FACTS).figures


def test_carry_from_the_ledger_is_counted_as_paid(bars: Bars, run: Run) -> None:
    ledger = np.zeros(3, ledger_dtype)
    ledger["kind"] = [LedgerKind.BORROW, LedgerKind.FUNDING, LedgerKind.COMMISSION]
    ledger["cash_micro"] = [-3_000_000, 1_000_000, -9_000_000]
    ledger["ts_event"] = bars.ts_event[:3]
    found = view_of(bars, dataclasses.replace(run, ledger=ledger))
    assert found.costs[0].carry == 2.0
    assert found.costs[0].commission == pytest.approx(FEE * len(run.fills))
    data: Any = found.figures["costs"]["data"]
    assert [trace["name"] for trace in data] == ["Commission", "Borrow", "Funding"]


def test_orders_and_denials_are_counted_by_what_became_of_them(bars: Bars, run: Run) -> None:
    orders = np.zeros(6, order_dtype)
    orders["status"] = [
        OrderStatus.FILLED,
        OrderStatus.DENIED,
        OrderStatus.DENIED,
        OrderStatus.DENIED,
        OrderStatus.CANCELED,
        OrderStatus.FILLED,
    ]
    orders["reason"] = [
        0,
        Reason.MAX_POSITION,
        Reason.NO_PRICE,
        Reason.MAX_POSITION,
        Reason.CANCELED_BY_OCO,
        0,
    ]
    activity = view_of(bars, dataclasses.replace(run, orders=orders)).activity
    assert [(r.label, r.count) for r in activity.orders] == [("filled", 2), ("canceled", 1)]
    assert [(r.label, r.count) for r in activity.denials] == [("max position", 2), ("no price", 1)]
    assert [(r.label, r.count) for r in activity.endings] == [("canceled by oco", 1)]
    assert {r.label for r in activity.exits} == {"signal", "stop loss"}


def test_more_trades_than_a_page_can_bear_are_cut_and_said_so(
    bars: Bars, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "TRADE_LIMIT", 7)
    view = view_of(bars, run)
    assert {len(column) for column in view.trades.columns.values()} == {7}
    assert view.notices == ("The page lists the first 7 of 30 trades.",)


@pytest.mark.parametrize(("step", "is_daily"), [(DAY, True), (60_000_000_000, False)])
def test_daily_runs_are_told_from_intraday_ones(step: int, is_daily: bool) -> None:
    some = bars_of("ACME", 300, step=step)
    assert view_of(some, run_of(some)).heading.is_daily is is_daily


def test_the_end_of_a_daily_bar_is_written_as_the_day_it_closes(bars: Bars, view: ReportView, page: str) -> None:
    assert wording.day(int(bars.ts_event[0])) == "16 Jul 2017"
    assert wording.day(int(bars.ts_event[0]), is_daily=True) == "15 Jul 2017"
    assert "15 Jul 2017 \N{EN DASH} " in page
    data: Any = view.figures["equity"]["data"]
    assert data[0]["x"][0] == (bars.ts_open[0] + DAY // 2) // 1_000_000


# ---- page


def test_the_same_view_gives_the_same_bytes(bars: Bars, run: Run, page: str) -> None:
    assert render_report(view_of(bars, run)) == page


def test_the_page_loads_nothing(page: str) -> None:
    found = read(page)
    assert found.references
    assert all(reference.startswith(("#", "data:,")) for reference in found.references)
    assert not {"iframe", "object", "embed", "base", "img"} & set(found.tags)
    assert "@import" not in page.split("</style>", maxsplit=1)[0]
    assert "url(" not in page.split("</style>", maxsplit=1)[0]
    assert "default-src 'none'" in page
    assert not re.search(r"https?://", without_plotly(page))


def test_plotly_is_inside_the_page_and_cannot_end_its_script_element(page: str) -> None:
    source = render.plotly_source()
    assert "plotly.js v" in source[:200]
    assert "</script" not in source
    assert source in page
    assert page.count("</script>") == 4  # scheme, data, plotly, ours


def test_names_from_data_never_become_markup() -> None:
    bars = bars_of(EVIL, 200)
    facts = dataclasses.replace(
        FACTS,
        strategy=EVIL,
        run_id=EVIL,
        notices=(EVIL,),
        provenance=Provenance(assumptions=((EVIL, EVIL),), origins=((EVIL, EVIL),), config_yaml=EVIL),
    )
    page = render_report(view_of(bars, run_of(bars), facts))
    assert "<img" not in without_plotly(page)
    assert "img" not in read(page).tags
    assert page.count("</script>") == 4
    assert payload(page)["trades"]["instrument"][0] == EVIL
    assert payload(page)["prices"][0]["instrument"] == EVIL


def test_the_pages_data_is_what_the_view_says(view: ReportView, page: str) -> None:
    data = payload(page)
    assert data["trades"]["result"] == list(view.trades.columns["result"])
    assert set(data["figures"]) == {"equity", "rolling", "histogram", "holding", "exposure", "costs"}
    assert data["prices"][0]["points"]["per"] == 1
    assert data["daily"] is True


def test_the_page_names_the_run_and_every_headline_number(view: ReportView, page: str) -> None:
    text = read(page).text
    for metric in view.headline + view.details:
        assert metric.label in text
    for words in ("ema cross", "ACME", "run-1", "1 (this run; sweeps count themselves)", "net of commission"):
        assert words in text
    for words in ("next open", "f00d", "cash: 100000", "95 % block bootstrap"):
        assert words in text


def test_an_undefined_number_is_a_dash_that_says_why(view: ReportView) -> None:
    metric = Metric("Sortino", nan, Unit.RATIO, missing="no day with a loss")
    page = render_report(dataclasses.replace(view, headline=(metric,)))
    assert 'title="no day with a loss" aria-label="not defined: no day with a loss">\N{EM DASH}</span>' in page


def test_a_run_without_anything_still_gives_a_page() -> None:
    nothing = bars_of("ACME", 0)
    empty = Run(
        instruments=(Instrument("ACME"),),
        fills=np.zeros(0, fill_dtype),
        stamps=np.zeros(0, np.int64),
        equity=np.zeros(0),
        exposure=np.zeros(0),
        marks=np.array([nan]),
    )
    page = render_report(view_of(nothing, empty))
    text = read(page).text
    assert "The run has no market event." in text
    assert "No position was opened in this run." in text
    assert "nan" not in text.lower().replace("finance", "")


def test_a_ruined_account_still_gives_a_page(bars: Bars) -> None:
    ruined = run_of(bars, lots=100_000)
    assert ruined.equity.min() < 0
    text = read(render_report(view_of(bars, ruined))).text
    assert "Equity fell to zero or below before the first full window." in text


def test_worst_drawdown_stands_in_the_table(view: ReportView, numbers: RunNumbers, page: str) -> None:
    assert view.drawdowns[0].depth == numbers.performance.max_drawdown
    assert wording.percent(view.drawdowns[0].depth) in read(page).text


def test_missing_plotly_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "find_spec", lambda _: None)
    with pytest.raises(RunError, match="pip install plotly"):
        render.plotly_file()


def test_rendering_never_imports_plotly() -> None:
    code = (
        "import sys; from tradewright.services.report import build, render; render.plotly_source();"
        "sys.exit('plotly' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- words


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.12345, Unit.PERCENT, "12.3\u202f%"),
        (-0.01234, Unit.SIGNED_PERCENT, "\u22121.23\u202f%"),
        (12.3456, Unit.SIGNED_PERCENT, "+1,235\u202f%"),
        (0.0, Unit.SIGNED_PERCENT, "0.00\u202f%"),
        (-0.000001, Unit.SIGNED_PERCENT, "0.00\u202f%"),
        (1234.5, Unit.MONEY, "1,234.50"),
        (-123456.7, Unit.SIGNED_MONEY, "\u2212123,457"),
        (12_345_678.0, Unit.MONEY, "12.35\u202fm"),
        (1.005, Unit.RATIO, "1.00"),
        (1234.0, Unit.COUNT, "1,234"),
        (3.24, Unit.PER_YEAR, "3.2\u00d7"),
        (nan, Unit.RATIO, "\u2014"),
        (inf, Unit.RATIO, "\u221e"),
        (-inf, Unit.MONEY, "\u2212\u221e"),
        (0.0, Unit.SECONDS, "0 seconds"),
        (1.0, Unit.SECONDS, "1 second"),
        (90.0, Unit.SECONDS, "90 seconds"),
        (5_400.0, Unit.SECONDS, "90 minutes"),
        (86_400.0 * 2.5, Unit.SECONDS, "2.5 days"),
        (86_400.0 * 365.25 * 3, Unit.SECONDS, "3 years"),
    ],
)
def test_numbers_are_written_for_people(value: float, unit: Unit, text: str) -> None:
    assert wording.written(value, unit) == text


@pytest.mark.parametrize(
    ("low", "value", "high", "style"),
    [
        (1.0, 2.0, 4.0, "--left:25.0%;--width:75.0%;--value:50.0%;--zero:0.0%"),
        (-1.0, 0.0, 3.0, "--left:0.0%;--width:100.0%;--value:25.0%;--zero:25.0%"),
        (-4.0, -3.0, -2.0, "--left:0.0%;--width:50.0%;--value:25.0%;--zero:100.0%"),
        (0.5, 1.0, inf, ""),
        (nan, 1.0, nan, ""),
        (0.0, 0.0, 0.0, ""),
    ],
)
def test_an_interval_is_drawn_with_zero_in_its_place(low: float, value: float, high: float, style: str) -> None:
    assert render._whisker(Metric("m", value, Unit.RATIO, low=low, high=high)) == style
