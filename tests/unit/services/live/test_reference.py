"""A reference that is only looked at: its bars are asked of the feed and of history, as those of what is traded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import polars as pl
from tests.e2e.conftest import HEADER, bar_lines, run_in

from tradewright.core.types.bar import Bar
from tradewright.core.types.dtypes import REFERENCE
from tradewright.data.kinds import Kind
from tradewright.data.ports import Fetched, Piece, Subscription, Wanted
from tradewright.engine.live.feeding import RowMaker
from tradewright.services.live.session import split_market
from tradewright.services.live.start import Missed, Started, Surroundings
from tradewright.services.runs.prepare import prepare
from tradewright.services.settings import RunSettings

HOUR = 3_600_000_000_000


class Past:
    """History that has what the store has not."""

    name = "past"

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame, self.asked = frame, list[Wanted]()

    def pieces(self, wanted: Wanted) -> tuple[Piece, ...]:
        self.asked.append(wanted)
        return (Piece("all", wanted.start, wanted.end),)

    async def fetch(self, wanted: Wanted, piece: Piece) -> Fetched:  # noqa: ARG002
        return Fetched(self.frame, "past")

    async def close(self) -> None:
        """Nothing is open."""


def test_a_reference_is_followed_from_the_store_through_history_to_the_feed(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("\n".join([HEADER, *bar_lines(30)]) + "\n", encoding="utf-8")
    for symbol in ("ACME", "INDEX"):
        done = run_in(tmp_path, "data", "import", "bars.csv", "--symbol", symbol, "--fees", "crypto_spot")
        assert done.returncode == 0, done.stderr
    data = {"symbols": ["ACME@1h"], "reference": "INDEX", "store": tmp_path / ".tradewright/store"}
    feed = {"source": "binance", "quotes_s": 1.0}
    run = prepare(RunSettings.model_validate({"strategy": {"name": "ema_cross"}, "data": data, "feed": feed}))
    around = Surroundings(lambda: 0, {}, tmp_path, lambda _: None, lambda _: None)
    assert Started(run, "paper", around)._subscriptions() == [
        Subscription("ACME", Kind.BARS, "1h"),
        Subscription("INDEX", Kind.BARS, "1h"),
        Subscription("ACME", Kind.QUOTES),
    ]
    rows = split_market(run, None).history
    last = rows[-1].ts_event
    newer = {name: [7.0] for name in ("open", "high", "low", "close", "volume")} | {
        "trades": [1.0],
        "buy_volume": [1.0],
    }
    past = Past(pl.DataFrame({"ts_open": [last], "ts_event": [last + HOUR]} | newer))
    maker = RowMaker(run.plan.instruments, "INDEX")
    assert run.reference is not None
    asyncio.run(Missed(past, [("ACME", "1h")], maker).refer(run.reference, rows, last + 2 * HOUR))
    assert [(w.symbol, w.timeframe) for w in past.asked] == [("INDEX", "1h")]
    shown = [maker.row(Bar("ACME", at, at + HOUR, 1.0, 1.0, 1.0, 1.0, 1.0), at + HOUR) for at in (last - HOUR, last)]
    assert [row.fields[REFERENCE] for row in shown if row] == [rows[-1].fields[REFERENCE], 7.0]
    assert not np.isnan(rows[-1].fields[REFERENCE])
