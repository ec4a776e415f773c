"""Random markets keep the rules that real ones keep."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.dtypes import AGGRESSOR, ASK, BID, N_FIELDS, PRICE
from tradewright.core.types.events import EventKind
from tradewright.data.synthetic import START, WalkParams, synthetic_bars, synthetic_ticks


@pytest.mark.parametrize("seed", range(5))
def test_bars_keep_their_shape_and_the_grid(seed: int) -> None:
    bars = synthetic_bars(5_000, seed, WalkParams(volatility=0.01, ticks_per_unit=32))
    assert bars.fields.shape == (N_FIELDS, 5_000)
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.fields[:4] * 32 == np.rint(bars.fields[:4] * 32)).all()
    assert (bars.volume >= 1).all()
    assert (np.diff(bars.ts_open) == 60 * 10**9).all()
    assert bars.ts_open[0] == START


def test_seed_decides() -> None:
    one, same, other = (synthetic_bars(100, s).fields.tobytes() for s in (1, 1, 2))
    assert one == same != other
    ticks = [synthetic_ticks(100, s).fields.tobytes() for s in (1, 1, 2)]
    assert ticks[0] == ticks[1] != ticks[2]


def test_trades_print_at_the_quote_before_them() -> None:
    events = synthetic_ticks(5_000, seed=3)
    assert events.kind is not None
    assert events.kind[0] == EventKind.QUOTE
    assert (np.diff(events.ts_event) >= 0).all()
    bid = ask = float("nan")
    trades = 0
    for i, kind in enumerate(events.kind.tolist()):
        column = events.fields[:, i]
        if kind == EventKind.QUOTE:
            bid, ask = float(column[BID]), float(column[ASK])
            assert 0 < bid < ask
        else:
            trades += 1
            assert column[PRICE] == (ask if column[AGGRESSOR] > 0 else bid)
    assert 1_300 < trades < 1_700
