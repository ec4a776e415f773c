from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.bar import blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW
from tradewright.core.types.errors import DataError
from tradewright.risk.gaps import measured_gaps


def test_the_worst_of_two_bars_on_either_side_counts() -> None:
    fields = blank_fields(np.arange(200, dtype=np.int64))
    fields[[HIGH, LOW, CLOSE]] = 100.0
    fields[LOW, 50] = 97.0  # 3 % below the closes of bars 48 and 49
    fields[HIGH, 120] = 105.0
    found = measured_gaps(fields, 0.5)
    assert (found.quantile, found.moves) == (0.0, 198)
    assert found.largest == pytest.approx(0.05)
    assert measured_gaps(fields, 1.0 - 1.5 / 197).quantile == pytest.approx(0.03 + 0.5 * 0.02)


def test_too_few_bars_are_refused() -> None:
    with pytest.raises(DataError, match="too few"):
        measured_gaps(blank_fields(np.arange(99, dtype=np.int64)))
