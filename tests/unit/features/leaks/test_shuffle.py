"""The future-shuffle test sees what truncation cannot."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.dtypes import CLOSE, HIGH, LOCAL_TIME, LOW, OPEN, SESSION, TIME
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Floats
from tradewright.features.contract import contract_bars, contract_events
from tradewright.features.leaks import Pipeline, check_future_shuffle, check_truncation
from tradewright.features.leaks.pipeline import Market
from tradewright.features.leaks.shuffle import noisy, shuffled

BARS = contract_bars(500, 2)


def test_a_pipeline_that_behaves_when_data_is_short_is_caught_by_the_shuffle_alone() -> None:
    """It peeks only into the data set it was made for."""

    def compute(market: Market) -> dict[str, Floats]:
        close = market.fields[CLOSE]
        return {"x": np.append(close[1:], close[-1]) if len(market) == len(BARS) else _next_from_memory(market)}

    def _next_from_memory(market: Market) -> Floats:
        whole = BARS.fields[CLOSE]
        return np.append(whole[1:], whole[-1])[: len(market)]

    pipeline = Pipeline("cheat", compute)
    assert check_truncation(pipeline, BARS).is_clean
    verdict = check_future_shuffle(pipeline, BARS)
    assert [f.feature for f in verdict.findings] == ["x"]
    assert verdict.trials == 48


def test_an_honest_pipeline_passes() -> None:
    assert check_future_shuffle(Pipeline("sum", lambda m: {"x": np.cumsum(m.fields[CLOSE])}), BARS).is_clean


@pytest.mark.parametrize("change", [shuffled, noisy])
def test_changed_futures_keep_the_past_the_clock_and_the_shape_of_bars(change: object) -> None:
    fields = change(BARS, 200, np.random.default_rng(1))  # type: ignore[operator]
    assert fields[:, :200].tobytes() == BARS.fields[:, :200].tobytes()
    assert (fields[CLOSE, 200:] != BARS.fields[CLOSE, 200:]).mean() > 0.9
    for row in (TIME, SESSION, LOCAL_TIME):
        assert fields[row].tobytes() == BARS.fields[row].tobytes()
    assert (fields[LOW] <= np.minimum(fields[OPEN], fields[CLOSE]) * (1 + 1e-12)).all()
    assert (fields[HIGH] >= np.maximum(fields[OPEN], fields[CLOSE]) * (1 - 1e-12)).all()


@pytest.mark.parametrize("kind", [EventKind.QUOTE, EventKind.TRADE])
def test_quotes_and_trades_get_another_future_too(kind: EventKind) -> None:
    events = contract_events(kind, 300)
    other = noisy(events, 100, np.random.default_rng(1))
    assert (other[0, 100:] != events.fields[0, 100:]).all()
    assert not check_future_shuffle(Pipeline("max", lambda m: {"x": m.fields[0] - m.fields[0].max()}), events).is_clean
