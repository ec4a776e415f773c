"""Order flow worked by hand: quotes, trades, bars."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import AGGRESSOR, BID, BUY_VOLUME, CLOSE, PRICE, VOLUME
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.features import (
    FeatureSet,
    bar_flow_imbalance,
    close_price,
    compute,
    depth_imbalance,
    quote_flow_imbalance,
    quoted_spread,
    trade_flow_imbalance,
)


def events(kind: EventKind, rows: list[tuple[float, ...]]) -> MarketEvents:
    ts = np.arange(len(rows), dtype=np.int64)
    fields = blank_fields(ts)
    fields[: len(rows[0])] = np.array(rows).T
    return MarketEvents(fields, ts, ts, ts, kind_all=kind)


QUOTES = events(
    EventKind.QUOTE,
    [  # bid, ask, bid size, ask size                      contribution of the change
        (10.0, 10.2, 5.0, 4.0),
        (10.0, 10.2, 8.0, 4.0),  # three more at the bid:    8 - 5 - 4 + 4 = 3
        (10.1, 10.2, 2.0, 1.0),  # a higher bid, ask eaten:  2 - 0 - 1 + 4 = 5
        (10.0, 10.1, 7.0, 6.0),  # both fall:                0 - 2 - 6 + 0 = -8
        (10.0, 10.3, 7.0, 9.0),  # the ask goes away:        7 - 7 - 0 + 6 = 6
    ],
)


def test_quote_flow_is_that_of_cont_kukanov_and_stoikov() -> None:
    assert compute(quote_flow_imbalance(1), QUOTES)[1:].tolist() == [3.0, 5.0, -8.0, 6.0]
    assert compute(quote_flow_imbalance(2), QUOTES)[2:].tolist() == [8.0, -3.0, -2.0]


def test_depth_and_spread_of_quotes() -> None:
    assert compute(depth_imbalance(), QUOTES).tolist() == [1 / 9, 4 / 12, 1 / 3, 1 / 13, -2 / 16]
    assert compute(quoted_spread(), QUOTES)[0] == pytest.approx(0.2 / 10.1, rel=1e-12)
    empty = events(EventKind.QUOTE, [(10.0, 10.0, 0.0, 0.0)])
    assert compute(depth_imbalance(), empty).tolist() == [0.0]
    assert compute(quoted_spread(), empty).tolist() == [0.0]


def test_trades_of_unknown_side_take_that_of_their_price_change() -> None:
    trades = events(
        EventKind.TRADE,
        [(10.0, 4.0, 0.0), (10.0, 1.0, 1.0), (9.9, 2.0, 0.0), (9.9, 3.0, 0.0), (10.0, 2.0, 0.0), (9.0, 8.0, 1.0)],
    )
    # sides: unknown, bought, sold (fell), sold (as before), bought (rose), bought (said)
    assert compute(trade_flow_imbalance(1), trades).tolist() == [0.0, 1.0, -1.0, -1.0, 1.0, 1.0]
    assert compute(trade_flow_imbalance(3), trades)[2:].tolist() == [-1 / 7, -4 / 6, -3 / 7, 7 / 13]


def test_bars_use_what_is_known_and_estimate_the_rest(bars: Bars) -> None:
    n = 20
    bought = bars.fields[BUY_VOLUME]
    signed = np.full(len(bars), np.nan)
    change = np.diff(bars.close, prepend=np.nan)
    for i in range(n, len(bars)):
        deviation = change[i - n + 1 : i + 1].std(ddof=1)
        share = NormalDist().cdf(change[i] / deviation) if deviation > 1e-12 else 0.5
        signed[i] = bars.volume[i] * (2.0 * share - 1.0) if np.isnan(bought[i]) else 2.0 * bought[i] - bars.volume[i]
    got = compute(bar_flow_imbalance(n), bars)
    for i in range(2 * n - 1, len(bars)):
        total = bars.volume[i - n + 1 : i + 1].sum()
        assert got[i] == pytest.approx(signed[i - n + 1 : i + 1].sum() / total if total else 0.0, abs=1e-9)


def test_standing_prices_are_bought_and_sold_in_equal_parts(make_bars: Callable[..., Bars]) -> None:
    flat = make_bars([5.0] * 8)
    flat.fields[BUY_VOLUME] = np.nan
    assert compute(bar_flow_imbalance(2), flat)[3:].tolist() == [0.0] * 5


def test_another_kind_of_event_is_refused() -> None:
    with pytest.raises(ConfigError, match="it reads bar events and these are quote events"):
        compute(close_price(), QUOTES)
    with pytest.raises(ConfigError, match="it reads quote events and these are trade events"):
        FeatureSet({"spread": quoted_spread()}).refuse_other_than(EventKind.TRADE)


def mixed() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Quotes and trades in turn, and one bar."""
    kinds = np.array([EventKind.QUOTE, EventKind.TRADE, EventKind.QUOTE, EventKind.BAR, EventKind.TRADE], np.int64)
    fields = blank_fields(np.arange(5, dtype=np.int64))
    fields[:4, [0, 2]] = QUOTES.fields[:4, :2]
    fields[[PRICE, AGGRESSOR], 1] = 10.0, 1.0
    fields[[PRICE, AGGRESSOR], 4] = 10.0, -1.0
    fields[1, [1, 4]] = 2.0, 6.0
    fields[CLOSE, 3] = 55.0
    return fields, kinds


def test_a_set_over_several_kinds_keeps_the_value_of_what_it_did_not_read() -> None:
    fields, kinds = mixed()
    made = {"flow": quote_flow_imbalance(1), "trades": trade_flow_imbalance(2), "close": close_price()}
    columns = FeatureSet(made).extend(fields, 0, 5, kind=kinds)
    nan = math.nan
    expected = [[nan, nan, 3.0, 3.0, 3.0], [nan, nan, nan, nan, -0.5], [nan, nan, nan, 55.0, 55.0]]
    np.testing.assert_array_equal(np.array(columns), np.array(expected))
    one_by_one = FeatureSet(made)
    rows = [one_by_one.update(fields, i, 0, int(kinds[i])) for i in range(5)]
    assert np.array(rows).T.tobytes() == np.array(columns).tobytes()


def test_a_set_over_several_kinds_must_be_told_which() -> None:
    fields, kinds = mixed()
    features = FeatureSet({"flow": quote_flow_imbalance(1), "close": close_price()})
    with pytest.raises(ValueError, match="these features read bar and quote events: say of which kind"):
        features.update(fields, 0)
    with pytest.raises(ValueError, match=r"\(3,\) kinds do not fit 5 events"):
        features.extend(fields, 0, 5, kind=kinds[:3])


def test_an_event_of_another_kind_changes_nothing() -> None:
    fields, _ = mixed()
    features = FeatureSet({"spread": quoted_spread()})
    first = features.update(fields, 0, 0, EventKind.QUOTE)
    fields[BID, 1] = fields[VOLUME, 1] = 1e9
    assert features.update(fields, 1, 0, EventKind.TRADE).tolist() == first.tolist()
    assert features.update(fields, 2, 0)[0] != first[0] or fields[BID, 2] == fields[BID, 0]
    assert features.extend(fields, 3, 5, kind=EventKind.TRADE)[0].tolist() == [features.update(fields, 2)[0]] * 2
