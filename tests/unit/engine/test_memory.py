"""Memory follows the outputs that are kept, not the number of bars."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, N_FIELDS, OPEN, VOLUME
from tradewright.core.types.instrument import Instrument
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import BacktestPlan
from tradewright.engine.stream import merged_blocks
from tradewright.strategies.registry import built_in

_MINUTE = 60_000_000_000
_BLOCK = 10_000


def _source(blocks: int) -> Iterator[Bars]:
    for number in range(blocks):
        rng = np.random.default_rng(number)
        ts = (np.arange(_BLOCK, dtype=np.int64) + number * _BLOCK) * _MINUTE
        close = 100.0 + np.round(rng.normal(0, 0.5, _BLOCK), 2)
        fields = blank_fields(ts + _MINUTE)
        fields[[OPEN, HIGH, LOW, CLOSE]] = close
        fields[VOLUME] = 1.0
        yield Bars("X", ts, ts + _MINUTE, fields)


def _peak(blocks: int) -> int:
    strategy = built_in("ema_cross")
    plan = BacktestPlan(
        instruments=(Instrument("X"),),
        blocks=lambda: merged_blocks([_source(blocks)]),
        first_ns=0,
        last_ns=blocks * _BLOCK * _MINUTE,
        strategy=strategy,
        params=strategy.params(),
    )
    plan = replace(plan, keeps_logs=False, keeps_equity=False)
    run_backtest(plan)  # compiles
    tracemalloc.start()
    try:
        result = run_backtest(plan)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert result.counters["events"] == blocks * _BLOCK


def test_eight_times_the_bars_take_no_more_memory() -> None:
    few, many = _peak(5), _peak(40)
    assert many < few + _BLOCK * N_FIELDS * 8  # not even one more block
