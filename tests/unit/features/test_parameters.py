"""Messages for whole numbers that are none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.features.parameters import number_within, whole_number


@pytest.mark.parametrize("value", [1, 0, -3, 2.5, "14", True, None, math.nan, math.inf])
def test_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^period must be a whole number of at least 2, got "):
        whole_number("period", value, 2)


def test_accepted() -> None:
    assert whole_number("period", 2, 2) == 2
    number = whole_number("period", np.int32(7), 2)
    assert type(number) is int
    assert number == 7
    assert type(whole_number("period", 20.0, 2)) is int
    assert whole_number("period", np.float64(20.0), 2) == 20


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", True, None, math.nan, math.inf])
def test_numbers_outside_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^low must be a number of at least 0 and at most 1, got "):
        number_within("low", value, 0.0, 1.0)


def test_numbers_without_an_upper_bound() -> None:
    assert number_within("width", 2, 0.0) == 2.0
    with pytest.raises(ValueError, match=r"^width must be a number of at least 0, got -1"):
        number_within("width", -1, 0.0)
