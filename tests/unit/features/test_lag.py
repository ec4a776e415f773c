"""A feature some events earlier."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Feature
from tradewright.features import (
    FeatureContractError,
    FeatureSet,
    adx,
    check_feature,
    close_price,
    compute,
    ema,
    lagged,
    overnight_gap,
    quoted_spread,
    sma,
    zscore,
)
from tradewright.features.lag import origin

INNER = (close_price(), ema(20), sma(7), zscore(9, sma(3)), overnight_gap(), adx(5))


@pytest.mark.parametrize("n", [1, 2, 50])
@pytest.mark.parametrize("of", INNER, ids=lambda f: f.name)
def test_it_is_the_column_shifted(of: Feature, n: int, bars: Bars) -> None:
    got = compute(lagged(n, of), bars)
    assert np.isnan(got[:n]).all()
    assert got[n:].tobytes() == compute(of, bars)[:-n].tobytes()


def test_known_values_by_hand(make_bars: Callable[..., Bars]) -> None:
    series = make_bars([3.0, 5.0, 4.0, 8.0])
    np.testing.assert_array_equal(compute(lagged(2, close_price()), series), [np.nan, np.nan, 3.0, 5.0])
    np.testing.assert_array_equal(compute(lagged(1, sma(2)), series), [np.nan, np.nan, 4.0, 4.5])


def test_what_the_inner_feature_is_passes_through() -> None:
    assert lagged(3, quoted_spread()).reads is EventKind.QUOTE
    assert lagged(3, overnight_gap()).has_gaps
    assert lagged(4, sma(7)).warmup == 10
    assert lagged() == lagged(1, close_price())


def test_different_lags_are_told_apart() -> None:
    assert len({lagged(n, of).key for n in (1, 2) for of in (sma(5), sma(6), ema(5))}) == 6
    assert lagged(1, sma(5)).step is lagged(9, sma(6)).step


def test_the_origin_of_a_lag_of_a_lag() -> None:
    assert origin(lagged(2, lagged(3, ema(5)))) == (ema(5), 5)
    assert origin(ema(5)) == (ema(5), 0)


def test_only_events_that_it_reads_count() -> None:
    spread = lagged(1, quoted_spread())
    features = FeatureSet({"before": spread, "close": close_price()})
    fields = np.zeros((13, 1))
    seen = []
    for bid, kind in ((99.0, EventKind.QUOTE), (0.0, EventKind.BAR), (98.0, EventKind.QUOTE), (0.0, EventKind.BAR)):
        fields[0], fields[1] = (bid, 100.0) if kind is EventKind.QUOTE else (1.0, 1.0)
        seen.append(features.update(fields, 0, kind=kind)[0])
    assert np.isnan(seen[:2]).all()
    assert seen[2] == seen[3] > 0.0


@pytest.mark.parametrize("of", [5, "ema", 0.0])
def test_what_cannot_be_lagged_is_refused(of: object) -> None:
    with pytest.raises(ValueError, match=r"^of must be a feature with a compiled step"):
        lagged(1, of)  # type: ignore[arg-type]  # what a user may write


def test_the_contract_catches_a_false_claim() -> None:
    true = lagged(1, ema(5))
    claims = Feature(true.name, true.step, true.params, true.state, true.warmup, earlier=(ema(6), 1))
    with pytest.raises(FeatureContractError, match=r"it is not ema\.seed_sma\.v1\(6\) 1 events earlier"):
        check_feature(claims)
