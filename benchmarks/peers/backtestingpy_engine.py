"""backtesting.py on W1 and W4: its only interface is ``Strategy.next``, called in Python for every bar."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks import spec
from benchmarks.signals import ema_nb
from benchmarks.spec import BarData, BarRules, BarRun, Engine, Foreign, Job

# The spread is charged on entries only; orders set in next() are first seen by the following bar.
RULES = BarRules(first_check="next_bar", target_gap="open", market_exit_first=True, exit_slippage=False)


class _Cross(Strategy):  # type: ignore[misc,unused-ignore]
    """Stop and target are set from the fill price, one bar after the fill, when it is known."""

    def init(self) -> None:
        close = np.asarray(self.data.Close, dtype=np.float64)
        self.fast = ema_nb(close, spec.FAST).tolist()
        self.slow = ema_nb(close, spec.SLOW).tolist()
        self.bar = 0

    def next(self) -> None:
        self.bar = i = len(self.data) - 1
        if i < spec.SLOW:
            return
        trades = self.trades
        if trades and trades[0].sl is None:
            trade = trades[0]
            price = trade.entry_price
            trade.sl = price * (1.0 - spec.STOP_LOSS)
            trade.tp = price * (1.0 + spec.TAKE_PROFIT)
        above = self.fast[i] > self.slow[i]
        if above == (self.fast[i - 1] > self.slow[i - 1]):
            return
        if above:
            self.buy(size=1)
        elif trades:
            trades[0].close()


def prepare(data: BarData, _rules: BarRules) -> Job:
    """The frame is made beforehand; ``run`` includes the statistics, which cannot be skipped."""
    frame = pd.DataFrame(
        {"Open": data.open, "High": data.high, "Low": data.low, "Close": data.close, "Volume": data.volume},
        index=pd.to_datetime(data.ts),
    )

    def run() -> Foreign:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = Backtest(
                frame, _Cross, cash=spec.CASH, spread=spec.SLIPPAGE, commission=spec.COMMISSION,
                finalize_trades=False,
            )  # fmt: skip
            return test.run()

    def collect(stats: Foreign) -> BarRun:
        trades = stats["_trades"]
        return BarRun(
            trades["EntryBar"].to_numpy(np.int64),
            trades["ExitBar"].to_numpy(np.int64),
            trades["EntryPrice"].to_numpy(np.float64),
            trades["ExitPrice"].to_numpy(np.float64),
            stats["_equity_curve"]["Equity"].to_numpy(np.float64),
            -float(stats["Max. Drawdown [%]"]) / 100.0,
        )

    return Job(run, collect, note="Strategy.next")


ENGINE = Engine("backtesting.py", "backtesting", {"W1": prepare, "W4": prepare}, {"W1": RULES, "W4": RULES})
