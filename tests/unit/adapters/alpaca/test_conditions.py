"""Which trades set a bar's prices and count in its volume."""

from __future__ import annotations

import pytest

from tradewright.adapters.alpaca import conditions
from tradewright.adapters.alpaca.conditions import eligibility, joined


def table_rows() -> list[tuple[str, str, bool, bool]]:
    """Read the table of the module's docstring."""
    assert conditions.__doc__ is not None
    body = conditions.__doc__.split("=\ncode", 1)[1].split("=\n", 1)[1].rsplit("\n===", 1)[0]
    rows = []
    for line in body.splitlines():
        code, tapes, prices, volume = line[2:3], *line[41:].split()
        rows.append((code, tapes, prices == "yes", volume == "yes"))
    return rows


def test_the_documented_table_is_the_one_in_use() -> None:
    rows = table_rows()
    assert len(rows) == 32
    for code, tapes, sets_price, adds_volume in rows:
        for tape in tapes:
            assert eligibility(code, tape) == (sets_price, adds_volume, True), (code, tape)


@pytest.mark.parametrize(
    ("codes", "tape", "sets_price", "adds_volume"),
    [
        ([], "C", True, True),
        (["@"], "C", True, True),
        ([" "], "A", True, True),
        (["@", "F"], "C", True, True),
        (["@", "I"], "C", False, True),  # an odd lot counts in the volume only
        (["@", "4", "I"], "C", False, True),  # the example of Alpaca's page
        (["@", "T"], "C", True, True),  # extended hours: a short bar takes its price
        ([" ", "B"], "A", False, True),  # average price on tape A ...
        (["@", "B"], "C", True, True),  # ... bunched, and regular, on tape C
        (["@", "M"], "C", False, False),  # the official close repeats a trade that was counted
        (["@", "I", "Q"], "C", False, False),  # the strictest of all
        (["B"], "", False, True),  # the tape is not known: the strictest
    ],
)
def test_of_several_codes_the_strictest_rule_holds(
    codes: list[str], tape: str, sets_price: bool, adds_volume: bool
) -> None:
    assert eligibility(joined(codes), tape) == (sets_price, adds_volume, True)


@pytest.mark.parametrize(("codes", "tape"), [(["?"], "C"), (["@", "?"], "C"), (["G"], "A"), (["@"], "X")])
def test_a_code_that_is_not_listed_counts_in_the_volume_only(codes: list[str], tape: str) -> None:
    assert eligibility(joined(codes), tape) == (False, True, False)
