"""Continuous futures: joined by hand, and as a reader at a moment would have joined them."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, VOLUME
from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.continuous import JoinParams, continuous
from tradewright.data.rolls import Roll
from tradewright.data.timeframe import DAY


def bars(name: str, first: int, *closes: float) -> Bars:
    opens = (first + np.arange(len(closes), dtype=np.int64)) * DAY
    fields = blank_fields(opens + DAY)
    fields[[OPEN, HIGH, LOW, CLOSE]] = closes
    fields[VOLUME] = 7.0
    return Bars(name, opens, opens + DAY, fields)


CONTRACTS = {
    "H": bars("H", 0, 100, 110, 120, 130),
    "M": bars("M", 1, 121, 132, 140, 150),
    "U": bars("U", 2, 1, 2, 300, 310),
}
ROLLS = (Roll(3, "H", "M"), Roll(5, "M", "U"))
END = 6 * DAY


@pytest.mark.parametrize(
    ("method", "closes", "gaps"),
    [
        ("unadjusted", [100, 110, 120, 140, 150, 310], None),
        # gaps of day 2, 132 / 120, and of day 4, 300 / 150
        ("ratio", [220, 242, 264, 280, 300, 310], [1.1, 2.0]),
        ("difference", [262, 272, 282, 290, 300, 310], [12, 150]),
    ],
)
def test_joined_by_hand(method: str, closes: list[float], gaps: list[float] | None) -> None:
    made = continuous(CONTRACTS, ROLLS, END, JoinParams("C", method))  # type: ignore[arg-type]
    assert made.bars.close.tolist() == pytest.approx(closes, rel=1e-15)
    assert made.bars.high.tolist() == made.bars.close.tolist()
    assert made.bars.volume.tolist() == [7.0] * 6
    assert (made.bars.instrument, made.contracts) == ("C", ("H", "M", "U"))
    assert made.contract.tolist() == [0, 0, 0, 1, 1, 2]
    assert made.is_roll.tolist() == [False, False, False, True, False, True]
    assert np.isnan(made.gaps).all() if gaps is None else made.gaps == pytest.approx(gaps)


@pytest.mark.parametrize("method", ["unadjusted", "ratio", "difference"])
def test_a_reader_sees_only_what_is_over(method: str) -> None:
    params = JoinParams("C", method)  # type: ignore[arg-type]
    for as_of in range(1, 7):
        seen = continuous(CONTRACTS, ROLLS, as_of * DAY, params)
        known = {
            name: Bars(name, b.ts_open, b.ts_event, np.where(b.ts_event <= as_of * DAY, b.fields, 1e9 + b.fields))
            for name, b in CONTRACTS.items()
        }
        again = continuous(known, [r for r in ROLLS if r.day <= as_of] or ROLLS[:1], as_of * DAY, params)
        assert seen.bars.fields.tobytes() == again.bars.fields.tobytes()
        assert len(seen.bars) == as_of
        last = CONTRACTS[seen.contracts[seen.contract[-1]]]
        assert seen.bars.close[-1] == last.close[last.ts_event <= as_of * DAY][-1] or as_of in (3, 5)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(UsageError, match="'panama' is not allowed"):
        JoinParams("C", "panama")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no bars of U"):
        continuous({k: v for k, v in CONTRACTS.items() if k != "U"}, ROLLS, END, JoinParams("C"))
    with pytest.raises(UsageError, match="no rolls between"):
        continuous(CONTRACTS, (), END, JoinParams("C"))
    with pytest.raises(DataError, match="do not follow"):
        continuous(CONTRACTS, ROLLS[::-1], END, JoinParams("C"))
    apart = CONTRACTS | {"M": bars("M", 3, 140, 150)}
    with pytest.raises(DataError, match="no bar in common before 1970-01-04"):
        continuous(apart, ROLLS, END, JoinParams("C"))
    assert len(continuous(apart, ROLLS, END, JoinParams("C", "unadjusted")).bars) == 6
    below = CONTRACTS | {"H": bars("H", 0, 100, 110, -37.63, 130)}
    with pytest.raises(DataError, match="zero or below"):
        continuous(below, ROLLS, END, JoinParams("C"))
    assert continuous(below, ROLLS, END, JoinParams("C", "difference")).gaps[0] == pytest.approx(169.63)


def test_one_contract_needs_no_rolls() -> None:
    assert continuous({"H": CONTRACTS["H"]}, (), END, JoinParams("C")).bars.close.tolist() == [100, 110, 120, 130]
