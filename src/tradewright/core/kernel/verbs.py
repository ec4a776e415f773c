"""The table of verbs that are compiled by themselves.

Numba optimises a function together with everything it calls. If the loop called its seldom-needed verbs directly, each
new strategy would compile the whole kernel again. These verbs are therefore compiled once, kept on disk, and called
through a table of addresses: ``int64 verb(int64, int64, int64)``. A strategy then compiles only the path that every
event takes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel import (
    check_nb,
    guard_nb,
    loop_nb,
    mark_nb,
    match_bar_nb,
    match_nb,
    match_tick_nb,
    oversee_nb,
    settle_nb,
    submit_nb,
    watch_nb,
)
from tradewright.core.kernel.by_address import address_of
from tradewright.core.kernel.compiled import compiled
from tradewright.core.kernel.memory_nb import call_nb
from tradewright.core.types.dtypes import verbs_dtype

_VERBS = {
    "receive": match_nb.receive_nb,
    "match_bar": match_bar_nb.match_bar_slowly_nb,
    "walk_on_quote": match_tick_nb.walk_on_quote_nb,
    "walk_on_trade": match_tick_nb.walk_on_trade_nb,
    "deliver": settle_nb.deliver_nb,
    "start_day": mark_nb.start_day_nb,
    "fund": mark_nb.fund_nb,
    "convert": mark_nb.convert_nb,
    "liquidate": mark_nb.liquidate_nb,
    "stop_losses": mark_nb.stop_losses_nb,
    "check": check_nb.check_all_nb,
    "send": loop_nb.send_all_nb,
    "settle": settle_nb.settle_nb,
    "post": match_nb.post_nb,
    "exchange": match_nb.exchange_nb,
    "flatten": submit_nb.flatten_nb,
    "guard": guard_nb.verdict_nb,
    "watch": watch_nb.watch_nb,
    "oversee": oversee_nb.oversee_nb,
}


@lru_cache(maxsize=1)
def verb_table() -> NDArray[np.void]:
    """Return verbs_dtype[1], the addresses in this process; compiles or loads every verb the first time."""
    table = np.zeros(1, verbs_dtype)
    for name, function in _VERBS.items():
        table[name] = address_of(function)
    return table


@compiled
def call_verb_nb(address: int, a: int, b: int, c: int) -> int:
    """Call a verb of the table from Python."""
    return call_nb(address, a, b, c)
