from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.errors import ModelError
from tradewright.research.comparison import Answer, Comparison, ComparisonParams, Side, compare
from tradewright.research.dataset import Dataset, build_dataset
from tradewright.research.executor import Serial
from tradewright.research.labelling import LabelParams
from tradewright.research.validation import ModelChoice

PLAIN = ModelChoice(kind="logistic", calibration="none", stop_share=0.0)


def only(data: Dataset, *names: str) -> Dataset:
    """The same rows with some of the features."""
    columns = [data.rows.names.index(name) for name in names]
    rows = replace(data.rows, names=names, values=np.ascontiguousarray(data.rows.values[:, columns]))
    return replace(data, rows=rows)


def asked(first: Dataset, second: Dataset, share: float = 0.02) -> Comparison:
    params = ComparisonParams(asked=share, resamples=500)
    return compare(Side("a", first, PLAIN), Side("b", second, PLAIN), params, Serial())


def test_features_that_carry_the_edge_are_better(data: Dataset) -> None:
    found = asked(only(data, "rsi", "volume"), only(data, "rsi", "volume", "flow", "flow_slow"))
    assert found.answer is Answer.YES
    assert 0.02 < found.low < found.difference < found.high
    assert found.difference == pytest.approx(found.accuracy_second - found.accuracy_first)
    assert found.rows == len(data)


def test_what_adds_nothing_is_not_better(data: Dataset) -> None:
    found = asked(only(data, "flow"), only(data, "flow", "volume"), 0.05)
    assert found.answer is Answer.NO
    assert found.high < 0.05


def test_the_same_twice_differs_by_nothing(data: Dataset) -> None:
    found = asked(data, data)
    assert (found.difference, found.low, found.high, found.answer) == (0.0, 0.0, 0.0, Answer.NO)


def test_a_difference_about_as_large_as_asked_is_not_decided(data: Dataset) -> None:
    weak, strong = only(data, "rsi", "volume"), only(data, "rsi", "volume", "flow", "flow_slow")
    size = asked(weak, strong).difference
    assert asked(weak, strong, size).answer is Answer.NOT_DECIDED


def test_only_rows_that_both_have_are_compared(data: Dataset) -> None:
    later = data.take(np.arange(100, len(data)))
    assert asked(only(data, "rsi"), only(later, "flow")).rows == len(data) - 100


def test_blocks_are_at_least_as_long_as_the_labels(data: Dataset) -> None:
    assert asked(only(data, "rsi"), only(data, "flow")).block >= 3.0


def test_different_questions_are_not_compared(data: Dataset) -> None:
    other = build_dataset(data.markets, LabelParams(bars=5))
    with pytest.raises(ModelError, match="different things"):
        asked(data, other)
