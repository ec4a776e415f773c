"""Returns against NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.features import log_return, simple_return


@pytest.mark.parametrize("k", [1, 2, 7, 100])
def test_returns(k: int, bars: Bars, same_as: Callable[..., None]) -> None:
    growth = bars.close[k:] / bars.close[:-k]
    same_as(simple_return(k), growth - 1.0)
    same_as(log_return(k), np.log(growth))
