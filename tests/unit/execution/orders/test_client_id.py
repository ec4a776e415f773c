"""An id is a pure function of the intent, and two intents never share one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.execution.orders.client_id import client_id, told_by

_NAMES = st.text(min_size=0, max_size=20)
_INTENTS = st.tuples(st.integers(0, 2**20 - 1), st.integers(0, 2**30 - 1))


@given(_NAMES, _NAMES, _INTENTS, _INTENTS, st.integers(16, 64))
def test_ids_of_an_account_never_collide(
    strategy: str, other: str, a: tuple[int, int], b: tuple[int, int], max_len: int
) -> None:
    one, two = client_id("A", strategy, *a, max_len), client_id("A", other, *b, max_len)
    assert (one == two) <= (a == b)
    assert one == client_id("A", strategy, *a, max_len)
    assert len(one) == min(max_len, 32)
    assert one.isalnum()


@given(_NAMES, _INTENTS, st.integers(16, 64))
def test_an_id_and_that_of_its_exit_tell_epoch_and_sequence(strategy: str, told: tuple[int, int], max_len: int) -> None:
    name = client_id("A", strategy, *told, max_len)
    assert told_by(name) == told_by(f"{name}.3") == told


@pytest.mark.parametrize("name", ["", "V1", "x-web_a8d3f9c2b7e1", "6f1d2c3b-0a9e-4d7c-8b6a", "ABCDEFGHIJKLMNO"])
def test_ids_of_others_tell_nothing(name: str) -> None:
    assert told_by(name) is None


def test_two_accounts_have_different_ids() -> None:
    assert client_id("A", "s", 1, 1, 16) != client_id("B", "s", 1, 1, 16)


@pytest.mark.parametrize(("epoch", "sequence", "max_len"), [(2**20, 1, 32), (1, 2**30, 32), (1, 1, 15), (-1, 1, 32)])
def test_what_has_no_place_is_refused(epoch: int, sequence: int, max_len: int) -> None:
    with pytest.raises(ValueError, match=r"digits|characters"):
        client_id("A", "s", epoch, sequence, max_len)
