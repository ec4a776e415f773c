"""What is measured: the workloads, the rules they leave open, and what an engine hands back.

An engine is a module that defines ``ENGINE: Engine``. For each workload it can do it gives one ``prepare``
function ``prepare(data, rules) -> Job``. ``Job.run`` is what the clock sees; ``Job.collect`` turns its answer
into arrays and is not timed, so it must not compute anything the workload asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Foreign = Any  # a value of a library without type information, or inside untyped compiled code

WORKLOADS = ("W1", "W2", "W2S", "W3", "W4")
TITLES = {
    "W1": "W1: 1,000,000 one-minute bars, EMA(20)/EMA(100) cross, stop 1 %, target 2 %",
    "W2": "W2: 100,000 bars x 200 parameter sets, with metrics, all cores",
    "W2S": "W2S: 100,000 bars x 200 parameter sets, score only (total return), all cores",
    "W3": "W3: 2,000,000 quotes and trades, limit orders re-quoted around the mid, queue model",
    "W4": "W4: a callback per bar on W1's data",
}

FAST, SLOW = 20, 100
STOP_LOSS, TAKE_PROFIT = 0.01, 0.02
COMMISSION, SLIPPAGE = 1e-4, 1e-4
CASH = 1_000_000.0
SWEEP_FAST = tuple(range(5, 55, 5))
SWEEP_SLOW = tuple(range(60, 260, 10))

TICK, LOT = 0.1, 0.001
DISTANCE_TICKS = 1
ORDER_LOTS, MAX_POSITION_LOTS = 10, 100
ENTRY_LATENCY_NS, RESPONSE_LATENCY_NS = 1_000_000, 1_000_000
MAKER_FEE, TAKER_FEE = 0.00002, 0.0005


@dataclass(frozen=True)
class BarRules:
    """The fill rules on which bar engines differ; everything else is fixed by the workload.

    Attributes
    ----------
    first_check
        ``entry_bar``: stop and target are live inside the bar of the entry; ``next_bar``: from the bar after.
    target_gap
        A bar that opens beyond the target fills it at the ``open``, or at the target (``limit``).
    market_exit_first
        A market exit due at a bar's open goes before a stop or target touched in that bar.
    exit_slippage
        Slippage is charged on exits as well as on entries.
    """

    first_check: Literal["entry_bar", "next_bar"] = "entry_bar"
    target_gap: Literal["open", "limit"] = "open"
    market_exit_first: bool = True
    exit_slippage: bool = True


DEFAULT_RULES = BarRules()


@dataclass(frozen=True)
class BarData:
    """One instrument's bars: times in ns (bar start), prices, volume; all of length n."""

    ts: I8
    open: F8
    high: F8
    low: F8
    close: F8
    volume: F8

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True)
class TickData:
    """Quote and trade events of one instrument, strictly increasing times in ns.

    ``kind`` is 0 for a quote and 1 for a trade. The book columns hold the top of book after the event
    (a trade leaves it as it was; the quote that follows shows the loss of size). ``trade_side`` is +1 when
    the buyer was the aggressor, -1 when the seller was, 0 on quotes. Prices in ticks, sizes in lots.
    """

    ts: I8
    kind: I8
    bid: I8
    bid_lots: I8
    ask: I8
    ask_lots: I8
    trade_tick: I8
    trade_lots: I8
    trade_side: I8

    def __len__(self) -> int:
        return len(self.ts)


Data = BarData | TickData


@dataclass(frozen=True)
class BarRun:
    """Answer of W1 and W4: closed trades in order (bar numbers and fill prices) and equity at each close."""

    entry_bar: I8
    exit_bar: I8
    entry_price: F8
    exit_price: F8
    equity: F8
    max_drawdown: float


@dataclass(frozen=True)
class SweepRun:
    """Answer of W2 and W2S, one number a parameter set, fast period outermost; NaN where not computed."""

    total_return: F8
    max_drawdown: F8
    sharpe: F8
    trades: I8


@dataclass(frozen=True)
class QuoteRun:
    """Answer of W3: fills in exchange time order. ``side`` +1 bought, -1 sold; position in lots."""

    ts: I8
    side: I8
    tick: I8
    lots: I8
    position: int
    balance: float
    fees: float


Run = BarRun | SweepRun | QuoteRun
RUN_TYPES: dict[str, type[Run]] = {
    "W1": BarRun,
    "W2": SweepRun,
    "W2S": SweepRun,
    "W3": QuoteRun,
    "W4": BarRun,
}


@dataclass(frozen=True)
class Job:
    """One prepared workload: ``run`` is timed, ``collect`` is not.

    ``check`` (default: the same as ``run``) may be slower and is used for the equality check only.
    """

    run: Callable[[], Any]
    collect: Callable[[Any], Run]
    check: Callable[[], Any] | None = None
    note: str = ""


Prepare = Callable[[Any, BarRules], Job]


@dataclass(frozen=True)
class Engine:
    """An engine as the harness sees it.

    ``rules`` names the fill rules a workload runs under. An engine whose rules can be chosen leaves it empty:
    it is timed under ``DEFAULT_RULES`` and checked against every peer under that peer's rules.
    """

    name: str
    distribution: str
    jobs: Mapping[str, Prepare]
    rules: Mapping[str, BarRules]


def save_run(path: str, run: Run) -> None:
    """Write a run as one .npz file."""
    columns: dict[str, Any] = {key: np.asarray(value) for key, value in asdict(run).items()}
    np.savez(path, **columns)


def load_run(path: str, workload: str) -> Run:
    """Read back what ``save_run`` wrote for ``workload``."""
    kind = RUN_TYPES[workload]
    with np.load(path) as stored:
        values = {
            field.name: stored[field.name] if stored[field.name].ndim else stored[field.name].item()
            for field in fields(kind)
        }
    return kind(**values)
