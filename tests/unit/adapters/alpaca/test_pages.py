"""Pages of answers: tokens, order, repetitions, rows that contradict each other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tradewright.adapters.alpaca.pages import Gathered, Question, gather
from tradewright.adapters.alpaca.request import bar_length
from tradewright.adapters.alpaca.rows import bar_reader, read_quote, trade_reader
from tradewright.core.types.errors import SourceError
from tradewright.data.kinds import Kind

DAY = 86_400 * 10**9


class Pages:
    """A client that answers with bodies in turn."""

    def __init__(self, *bodies: Any) -> None:  # noqa: ANN401
        self.bodies = list(bodies)
        self.queries: list[dict[str, Any]] = []

    async def get_json(self, path: str, query: dict[str, str | int] | None = None) -> Any:  # noqa: ANN401
        assert path == "/rows"
        self.queries.append(dict(query or {}))
        body = self.bodies.pop(0)
        if isinstance(body, SourceError):
            raise body
        return body

    async def close(self) -> None:
        pass


def page(rows: Any, token: str | None = None, kind: str = "trades") -> dict[str, Any]:  # noqa: ANN401
    return {kind: {"AAPL": rows}, "next_page_token": token}


def trade(second: float, number: int, price: float = 10.0, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"t": f"1970-01-01T00:00:{second:012.9f}Z", "x": "V", "z": "C", "p": price, "s": 1, "i": number, **more}


def gathered(*bodies: Any, kind: Kind = Kind.TRADES) -> Gathered:  # noqa: ANN401
    question = Question("AAPL", kind, kind.value, "/rows", {"limit": 2}, 0, DAY)
    read = {
        Kind.TRADES: trade_reader(is_corrected_kept=False),
        Kind.QUOTES: read_quote,
        Kind.BARS: bar_reader(bar_length("1m"), "AAPL"),
    }[kind]
    return asyncio.run(gather(Pages(*bodies), question, read))


def test_tokens_are_followed_and_sent_as_they_came() -> None:
    client = Pages(page([trade(1, 1)], "abc=="), page([], "d"), page([trade(2, 2)]))
    question = Question("AAPL", Kind.TRADES, "trades", "/rows", {"limit": 2}, 0, DAY)
    found = asyncio.run(gather(client, question, trade_reader(is_corrected_kept=False)))
    assert [q.get("page_token") for q in client.queries] == [None, "abc==", "d"]
    assert found.frame["trade_id"].to_list() == ["1", "2"]
    assert (found.refused, found.notes) == ([], [])


@pytest.mark.parametrize("rows", [None, []])
def test_no_rows_are_no_error(rows: list[Any] | None) -> None:
    assert len(gathered(page(rows)).frame) == 0
    assert len(gathered({"trades": None, "next_page_token": None}).frame) == 0


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {},
        {"trades": []},
        {"trades": {"AAPL": {}}},
        {"trades": {"AAPL": [], "MSFT": []}},
        {"trades": {"AAPL": []}, "next_page_token": 7},
    ],
)
def test_a_body_of_another_form_is_an_error(body: Any) -> None:  # noqa: ANN401
    with pytest.raises(SourceError, match="does not hold the trades of AAPL alone"):
        gathered(body)


def test_a_token_that_comes_back_later_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"same page token twice \(3 pages"):
        gathered(page([], "a"), page([], "b"), page([], "a"))


def test_equal_times_keep_the_order_of_the_venue_over_swapped_pages() -> None:
    one, two = [trade(1, 9), trade(2, 8)], [trade(2, 7), trade(3, 6)]
    found = gathered(page(two, "a"), page(one))
    assert found.frame["trade_id"].to_list() == ["9", "8", "7", "6"]
    assert found.notes == ["pages came out of order and were sorted"]


def test_rows_that_jump_are_sorted() -> None:
    found = gathered(page([trade(2, 1), trade(1, 2), trade(3, 3)]))
    assert found.frame["trade_id"].to_list() == ["2", "1", "3"]
    assert found.notes == ["rows came out of order and were sorted"]


def test_repeated_rows_are_removed_and_contradicting_ones_refused() -> None:
    rows = [trade(1, 1), trade(1, 1), trade(1, 1, price=11.0), trade(1, 1, x="Q"), trade(2, 1)]
    found = gathered(page(rows))
    assert found.frame["price"].to_list() == [10.0, 10.0, 10.0]
    assert [reason for reason, _ in found.refused] == ["another trade of the same number came before"]
    assert '"price":11.0' in found.refused[0][1]
    assert len(found.notes) == 2


def test_trades_without_a_number_are_told_apart_by_all_they_say() -> None:
    bare = {k: v for k, v in trade(1, 1).items() if k != "i"}
    found = gathered(page([bare, bare, bare | {"p": 11.0}]))
    assert found.frame["price"].to_list() == [10.0, 11.0]


def test_a_second_bar_of_the_same_time_is_refused() -> None:
    bar = {"t": "1970-01-01T00:01:00Z", "o": 1, "h": 2, "l": 1, "c": 2, "v": 5, "n": 3, "vw": 1.5}
    found = gathered(page([bar, bar, bar | {"c": 1.5}], kind="bars"), kind=Kind.BARS)
    assert found.frame["close"].to_list() == [2.0]
    assert [reason for reason, _ in found.refused] == ["another bar of the same time came before"]


def test_a_quote_with_one_side_is_refused() -> None:
    quote = {"t": "1970-01-01T00:01:00Z", "bp": 1.0, "bs": 1, "ap": 0, "as": 0, "bx": "V", "ax": " ", "c": ["R"]}
    found = gathered(page([quote], kind="quotes"), kind=Kind.QUOTES)
    assert found.refused[0][0] == "a quote with one side only"


def test_a_page_that_comes_twice_has_its_bad_rows_once() -> None:
    rows = [trade(1, 1), {"t": "no"}, 7]
    found = gathered(page(rows, "a"), page(rows, "b"), page([trade(2, 2)]))
    assert [row for _, row in found.refused] == ['{"t":"no"}', "7"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"p": float("nan")}, "'p' is not a number"),
        ({"p": True}, "'p' is not a number"),
        ({"p": 0}, "'p' is not above zero"),
        ({"s": -1}, "'s' is below zero"),
        ({"c": "@"}, "'c' is not a list of condition codes"),
        ({"c": [1]}, "'c' is not a list of condition codes"),
        ({"i": 1.5}, "'i' is neither text nor a whole number"),
        ({"tks": "X"}, "'tks' is neither B nor S"),
        ({"u": "odd"}, "an unknown mark 'odd'"),
        ({"t": "1970-01-02T00:00:00Z"}, "outside the time that was asked for"),
        ({"t": "9999-01-02T00:00:00Z"}, "outside the time that was asked for"),
        ({"t": None}, "'t' is not an RFC 3339 time"),
        ({"s": 10**400}, "int too large to convert to float"),
    ],
)
def test_each_way_to_be_malformed_has_its_reason(change: dict[str, Any], reason: str) -> None:
    found = gathered(page([trade(1, 1), trade(2, 2) | change]))
    assert [why for why, _ in found.refused] == [reason]
    assert len(found.frame) == 1
    assert found.notes == [f"refused 1: {reason}"]


@pytest.mark.parametrize(
    ("what", "fix"),
    [
        ("401 authentication required", "TRADEWRIGHT_ALPACA_KEY"),
        ("403 forbidden.", "TRADEWRIGHT_ALPACA_KEY"),
        ("403 subscription does not permit querying recent SIP data", "feed='iex'"),
        ("422 invalid timeframe", "Check the symbol"),
        ("still failing after 8 attempts: 503 x", "later"),
    ],
)
def test_refusals_say_what_to_do(what: str, fix: str) -> None:
    with pytest.raises(SourceError, match=what) as error:
        gathered(SourceError(what, where="alpaca /rows", fix="Try again later."))
    assert fix in str(error.value)
