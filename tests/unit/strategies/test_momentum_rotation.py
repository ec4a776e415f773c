from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tradewright.strategies.momentum_rotation import ranks_nb

PARAMS = {"top": 2, "hold_bars": 5, "weight": 0.8}
OLD = {"position": 10.0, "weight": 0.4, "held_events": 5.0}
YOUNG = {"position": 10.0, "weight": 0.4, "held_events": 4.0}


def _sizes(wishes: list[dict[str, Any]]) -> dict[int, float]:
    return {w["instrument"]: round(w["size"], 12) for w in wishes}


def test_buys_the_best_in_equal_parts(ask_all: Callable[..., Any]) -> None:
    wishes = ask_all("momentum_rotation", [[0.1], [0.3], [0.2], [0.0]], [{}] * 4, **PARAMS)
    assert _sizes(wishes) == {1: 0.4, 2: 0.4}


def test_of_two_equals_the_lower_number_is_held(ask_all: Callable[..., Any]) -> None:
    wishes = ask_all("momentum_rotation", [[0.1], [0.2], [0.2], [0.2]], [{}] * 4, **PARAMS)
    assert _sizes(wishes) == {1: 0.4, 2: 0.4}


def test_sells_the_loser_first_and_buys_when_the_place_is_free(ask_all: Callable[..., Any]) -> None:
    rows = [[0.1], [0.3], [0.2]]
    assert _sizes(ask_all("momentum_rotation", rows, [OLD, OLD, {}], **PARAMS)) == {0: 0.0}
    assert _sizes(ask_all("momentum_rotation", rows, [{}, OLD, {}], **PARAMS)) == {2: 0.4}
    assert ask_all("momentum_rotation", rows, [YOUNG, OLD, {}], **PARAMS) == []
    assert ask_all("momentum_rotation", rows, [{}, OLD, {"working": 1.0}], **PARAMS) == []
    three = {**PARAMS, "top": 3, "weight": 1.0}
    assert _sizes(ask_all("momentum_rotation", rows, [{}, OLD, {"working": 1.0}], **three)) == {0: 0.3}


def test_spends_no_more_than_is_left(ask_all: Callable[..., Any]) -> None:
    grown = OLD | {"weight": 0.7}
    assert _sizes(ask_all("momentum_rotation", [[0.1], [0.3]], [{}, grown], **PARAMS)) == {0: 0.1}
    assert ask_all("momentum_rotation", [[0.1], [0.3]], [{}, grown | {"weight": 0.9}], **PARAMS) == []


def test_holds_nothing_that_has_not_risen_enough(ask_all: Callable[..., Any]) -> None:
    assert ask_all("momentum_rotation", [[-0.1], [0.0]], [{}, {}], **PARAMS) == []
    assert _sizes(ask_all("momentum_rotation", [[-0.1], [0.1]], [OLD, OLD], **PARAMS)) == {0: 0.0}
    rising = {**PARAMS, "minimum_return": -1.0}
    assert _sizes(ask_all("momentum_rotation", [[-0.1], [0.0]], [{}, {}], **rising)) == {0: 0.4, 1: 0.4}


def test_ranks() -> None:
    assert ranks_nb(np.array([[0.1], [0.3], [np.nan], [0.3]])).tolist() == [2.0, 0.0, 0.0, 1.0]


def test_an_instrument_that_is_warming_up_is_neither_bought_nor_in_the_way(ask_all: Callable[..., Any]) -> None:
    rows = [[math.nan], [0.1], [0.2]]
    assert _sizes(ask_all("momentum_rotation", rows, [{}] * 3, **PARAMS)) == {1: 0.4, 2: 0.4}
