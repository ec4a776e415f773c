from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

NO_ROWS = [[math.nan]] * 3
HELD = {"position": 10.0, "weight": 0.3}


def test_buys_equal_parts_of_everything(ask_all: Callable[..., Any]) -> None:
    wishes = ask_all("buy_and_hold", NO_ROWS, [{}, {}, {}], weight=0.9)
    assert [w["instrument"] for w in wishes] == [0, 1, 2]
    assert [w["size"] for w in wishes] == pytest.approx([0.3, 0.3, 0.3])
    assert all(w["is_target"] for w in wishes)


def test_keeps_what_it_has(ask_all: Callable[..., Any]) -> None:
    assert ask_all("buy_and_hold", NO_ROWS, [HELD, HELD, HELD], weight=0.9) == []


def test_an_instrument_without_a_price_waits_and_gets_what_is_left(ask_all: Callable[..., Any]) -> None:
    wishes = ask_all("buy_and_hold", NO_ROWS, [{}, {}, {"price": math.nan}], weight=0.9)
    assert [w["size"] for w in wishes] == pytest.approx([0.3, 0.3])
    (late,) = ask_all("buy_and_hold", NO_ROWS, [HELD | {"weight": 0.35}, HELD | {"weight": 0.4}, {}], weight=0.9)
    assert (late["instrument"], late["size"]) == (2, pytest.approx(0.15))


def test_an_order_on_its_way_is_not_sent_again(ask_all: Callable[..., Any]) -> None:
    (only,) = ask_all("buy_and_hold", NO_ROWS, [HELD, {"working": 1.0}, {}], weight=0.9)
    assert (only["instrument"], only["size"]) == (2, pytest.approx(0.3))
