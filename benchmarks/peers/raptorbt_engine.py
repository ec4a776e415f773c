"""raptorbt on W1, W2 (parallel batch) and W4 (class-based strategy)."""

from __future__ import annotations

import numpy as np
import raptorbt

from benchmarks import spec
from benchmarks.signals import Bools, crosses_nb, ema_nb
from benchmarks.spec import F8, BarData, BarRules, BarRun, Engine, Foreign, Job, SweepRun

RULES = BarRules(first_check="entry_bar", target_gap="limit", market_exit_first=True, exit_slippage=True)
ONE_LOT = raptorbt.InstrumentConfig(lot_size=1.0)


def _config() -> Foreign:
    config = raptorbt.BacktestConfig(
        initial_capital=spec.CASH,
        fees=spec.COMMISSION,
        slippage=spec.SLIPPAGE,
        apply_slippage=True,
        fill_timing="next_bar_open",
    )
    config.set_fixed_stop(spec.STOP_LOSS)
    config.set_fixed_target(spec.TAKE_PROFIT)
    return config


def _one_unit(close: F8) -> F8:
    """Capital fractions that round down to one unit at the next open: 1.5 units' worth."""
    sizes: F8 = 1.5 * close / spec.CASH
    return sizes


def _signals(close: F8) -> tuple[Bools, Bools]:
    # raptorbt.ema is seeded with a simple average, which moves early crosses; hence the shared EMA.
    up, down = crosses_nb(ema_nb(close, spec.FAST), ema_nb(close, spec.SLOW), spec.SLOW)
    return up, down


def collect_bars(answer: Foreign) -> BarRun:
    """Arrays from the result, its trades and its equity curve."""
    result, trades, equity = answer
    # A position open at the end is reported as a trade at the last close, without costs; others report none.
    trades = [trade for trade in trades if trade.exit_reason != "EndOfData"]
    return BarRun(
        np.array([t.entry_idx for t in trades], dtype=np.int64),
        np.array([t.exit_idx for t in trades], dtype=np.int64),
        np.array([t.entry_price for t in trades]),
        np.array([t.exit_price for t in trades]),
        np.asarray(equity),
        result.metrics.max_drawdown_pct / 100.0,
    )


def prepare_w1(data: BarData, _rules: BarRules) -> Job:
    """Array runner: EMAs and signals, run, trade list, equity curve."""

    def run() -> Foreign:
        up, down = _signals(data.close)
        result = raptorbt.run_single_backtest(
            data.ts, data.open, data.high, data.low, data.close, data.volume, up, down,
            1, 1.0, "X", _config(), _one_unit(data.close), ONE_LOT,
        )  # fmt: skip
        return result, result.trades(), result.equity_curve()

    return Job(run, collect_bars)


def prepare_w2(data: BarData, _rules: BarRules) -> Job:
    """Batch runner on all cores; it always computes its full metric set."""

    def run() -> Foreign:
        sizes = _one_unit(data.close)
        config = _config()
        fast = [ema_nb(data.close, span) for span in spec.SWEEP_FAST]
        slow = {span: ema_nb(data.close, span) for span in spec.SWEEP_SLOW}
        items = []
        for quick in fast:
            for span, calm in slow.items():
                up, down = crosses_nb(quick, calm, span)
                items.append(raptorbt.BatchSingleItem("", up, down, 1, 1.0, "X", None, sizes, ONE_LOT))
        return raptorbt.batch_single_backtest(
            data.ts, data.open, data.high, data.low, data.close, data.volume, items, config
        )

    def collect(answer: Foreign) -> SweepRun:
        metrics = [result.metrics for _, result in answer]
        return SweepRun(
            np.array([m.end_value / spec.CASH - 1.0 for m in metrics]),
            np.array([m.max_drawdown_pct / 100.0 for m in metrics]),
            np.array([m.sharpe_ratio for m in metrics]),
            np.array([m.total_closed_trades for m in metrics], dtype=np.int64),
        )

    return Job(run, collect)


def prepare_w2_score(data: BarData, rules: BarRules) -> Job:
    """raptorbt has no score-only mode: the same run as W2."""
    job = prepare_w2(data, rules)
    return Job(job.run, job.collect, note="no score-only mode, full metrics")


class _Cross(raptorbt.Strategy):  # type: ignore[misc,unused-ignore]
    """EMA cross with the class API: one Python call a bar."""

    def on_start(self, ctx: Foreign) -> None:
        self.fast = ema_nb(ctx.close, spec.FAST).tolist()
        self.slow = ema_nb(ctx.close, spec.SLOW).tolist()
        self.sizes = _one_unit(ctx.close).tolist()

    def on_bar(self, ctx: Foreign) -> None:
        i = ctx.idx
        if i < spec.SLOW:
            return
        above = self.fast[i] > self.slow[i]
        if above == (self.fast[i - 1] > self.slow[i - 1]):
            return
        if above:
            self.enter(size_frac=self.sizes[i])
        else:
            self.close_position()


def prepare_w4(data: BarData, _rules: BarRules) -> Job:
    """Class API: ``on_bar`` in Python for every bar."""

    def run() -> Foreign:
        result = raptorbt.run_strategy_backtest(
            _Cross, data.ts, data.open, data.high, data.low, data.close, data.volume,
            config=_config(), instrument_config=ONE_LOT,
        )  # fmt: skip
        return result, result.trades(), result.equity_curve()

    return Job(run, collect_bars)


ENGINE = Engine(
    "raptorbt",
    "raptorbt",
    {"W1": prepare_w1, "W2": prepare_w2, "W2S": prepare_w2_score, "W4": prepare_w4},
    dict.fromkeys(("W1", "W2", "W2S", "W4"), RULES),
)
