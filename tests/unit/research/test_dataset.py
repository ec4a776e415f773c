from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ModelError
from tradewright.features import log_return, rsi_wilder, sma
from tradewright.features.labels import average_uniqueness, fixed_horizon
from tradewright.research.dataset import Dataset, build_dataset, market_of_features
from tradewright.research.labelling import LabelParams, label
from tradewright.research.synthetic_markets import SyntheticMarket, SyntheticParams, synthetic_market


def test_every_row_stands_beside_the_features_and_the_future_of_its_own_bar(
    data: Dataset, market: SyntheticMarket
) -> None:
    bars = market.bars
    at = np.searchsorted(bars.ts_event, data.rows.ts_event)
    np.testing.assert_array_equal(bars.ts_event[at], data.rows.ts_event)
    column = data.rows.names.index("return_1")
    np.testing.assert_allclose(data.rows.values[:, column], np.log(bars.close[at] / bars.close[at - 1]))
    np.testing.assert_allclose(data.targets.growth, bars.close[at + 3] / bars.close[at] - 1.0)
    np.testing.assert_array_equal(data.targets.direction, np.sign(data.targets.growth))
    np.testing.assert_array_equal(data.targets.ts_end, bars.ts_event[at + 3])
    np.testing.assert_array_equal(data.context.last_sign, np.sign(bars.close[at] - bars.close[at - 1]))


def test_rows_without_history_or_future_are_left_out(data: Dataset, market: SyntheticMarket) -> None:
    bars = market.bars
    assert not np.isnan(data.rows.values).any()
    assert data.rows.ts_event[0] == bars.ts_event[data.markets[0].warmup]
    assert data.rows.ts_event[-1] == bars.ts_event[-4]


def test_weights_are_uniqueness_with_a_mean_of_one(data: Dataset, market: SyntheticMarket) -> None:
    made = fixed_horizon(market.bars, 3)
    unique = average_uniqueness(made.start, made.end, len(market.bars))[-len(data) :]
    np.testing.assert_array_equal(data.context.uniqueness, unique)
    assert data.targets.weight.mean() == pytest.approx(1.0)


def test_instruments_are_merged_in_order_of_time(market: SyntheticMarket) -> None:
    other = synthetic_market(8, SyntheticParams(bars=1_000))
    second = replace(other.instrument, symbol="TWO"), replace(other.bars, instrument="TWO")
    features = {"return": log_return(1)}
    tables = [market_of_features(market.instrument, market.bars, features), market_of_features(*second, features)]
    both = build_dataset(tables, LabelParams(bars=1))
    keys = list(zip(both.rows.ts_event.tolist(), both.rows.instrument.tolist(), strict=True))
    assert keys == sorted(keys)
    assert both.rows.symbols == ("SYN", "TWO")
    alone = build_dataset(tables[1:], LabelParams(bars=1))
    mine = np.flatnonzero(both.rows.instrument == 1)
    np.testing.assert_array_equal(both.rows.values[mine], alone.rows.values)
    np.testing.assert_array_equal(both.targets.growth[mine], alone.targets.growth)


def test_the_digest_is_over_bars_features_and_labels(market: SyntheticMarket) -> None:
    def digest(bars: Bars, period: int, ahead: int) -> str:
        table = market_of_features(market.instrument, bars, {"mean": sma(period)})
        return build_dataset([table], LabelParams(bars=ahead)).digest

    moved = market.bars.fields.copy()
    moved[3, 500] *= 1.0001
    other = replace(market.bars, fields=moved)
    found = {digest(market.bars, 5, 1), digest(market.bars, 6, 1), digest(market.bars, 5, 2), digest(other, 5, 1)}
    assert len(found) == 4
    assert digest(market.bars, 5, 1) in found


def test_a_part_of_the_rows_has_a_digest_of_its_own(data: Dataset) -> None:
    assert data.take(np.arange(200)).digest != data.take(np.arange(1, 201)).digest != data.digest


def test_barrier_labels_end_at_what_was_touched(market: SyntheticMarket) -> None:
    made = label(market.bars, LabelParams(kind="barrier", bars=10))
    assert set(np.unique(made.value)) <= {-1.0, 0.0, 1.0}
    assert (made.end - made.start <= 10).all()
    assert (made.end - made.start < 10).any()


def test_too_few_rows_say_so(market: SyntheticMarket) -> None:
    bars = market.bars
    short = Bars("SYN", bars.ts_open[:110], bars.ts_event[:110], np.ascontiguousarray(bars.fields[:, :110]))
    with pytest.raises(ModelError, match="at least 100 are needed"):
        build_dataset([market_of_features(market.instrument, short, {"rsi": rsi_wilder(14)})], LabelParams(bars=5))


def test_a_feature_without_any_value_is_named(data: Dataset) -> None:
    table = data.markets[0]
    values = table.values.copy()
    values[:, table.names.index("flow")] = np.nan
    with pytest.raises(ModelError, match=r"without any value: flow\. .*features\.without: \[flow\]"):
        build_dataset([replace(table, values=values)], data.labels)


def test_markets_with_different_features_are_refused(market: SyntheticMarket) -> None:
    one = market_of_features(market.instrument, market.bars, {"mean": sma(5)})
    other = market_of_features(market.instrument, market.bars, {"mean": sma(6)})
    with pytest.raises(ModelError, match="different features"):
        build_dataset([one, other], LabelParams(bars=1))
