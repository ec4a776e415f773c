"""History against a local Alpaca: what a clean run gives, and that every fault gives the same or says why not."""

from __future__ import annotations

import json
import logging
import math
from datetime import date

import polars as pl
import pytest
from pydantic import SecretStr
from tests.unit.adapters.alpaca.conftest import Ask, asked, run
from tests.venues.alpaca_venue import (
    DAY,
    KEY,
    LIVE_FROM,
    LIVE_TO,
    MINUTE,
    SECOND,
    SECRET,
    AlpacaVenue,
    bars,
    malformed_rows,
    ns,
    quotes,
    trades,
)
from tests.venues.faults import HTTP_FAULTS, Fault, any_request_may_fail

from tradewright.adapters.alpaca.history import AlpacaHistory
from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.data.kinds import Kind, schema
from tradewright.data.ports import Fetched, Wanted

SEED = 7
MIDNIGHT = LIVE_FROM // DAY * DAY
TRADES = Wanted("AAPL", Kind.TRADES, "tick", MIDNIGHT, MIDNIGHT + DAY)
QUOTES = Wanted("AAPL", Kind.QUOTES, "tick", MIDNIGHT, MIDNIGHT + DAY)
MINUTES = Wanted("AAPL", Kind.BARS, "1m", MIDNIGHT, MIDNIGHT + 2 * DAY)
SECONDS = Wanted("AAPL", Kind.BARS, "1s", MIDNIGHT, MIDNIGHT + DAY)
LATER = LIVE_TO + 9 * DAY


def only(pieces: list[Fetched]) -> Fetched:
    (piece,) = pieces
    return piece


def standing(symbol: str = "AAPL", day: date = date(2024, 3, 7)) -> list[dict[str, object]]:
    return [row for row in trades(symbol, day, SEED) if "u" not in row]


def test_trades_are_those_of_the_venue(ask: Ask) -> None:
    fetched = only(ask(TRADES, now_ns=LATER))
    expected = standing()
    assert len(expected) > 400
    assert dict(fetched.frame.schema) == schema(Kind.TRADES)
    assert fetched.frame["ts_event"].to_list() == [ns(str(row["t"])) for row in expected]
    assert fetched.frame["price"].to_list() == [row["p"] for row in expected]
    assert fetched.frame["size"].to_list() == [row["s"] for row in expected]
    assert set(fetched.frame["aggressor"]) == {0.0}
    assert fetched.is_final
    assert fetched.origin.endswith("/v2/stocks/trades")


def test_trades_that_did_not_stand_are_set_aside_with_what_the_venue_wrote(ask: Ask) -> None:
    fetched = only(ask(TRADES, now_ns=LATER))
    undone = [row for row in trades("AAPL", date(2024, 3, 7), SEED) if "u" in row]
    assert fetched.quarantined is not None
    assert [json.loads(text) for text in fetched.quarantined["row"]] == undone
    assert set(fetched.quarantined["reason"]) == {
        "the trade was cancelled later",
        "the trade was corrected later",
        "the trade is a later correction of another",
    }
    assert len(fetched.notes) == 3


def test_a_correction_may_be_kept(ask: Ask) -> None:
    fetched = only(ask(TRADES, now_ns=LATER, is_corrected_kept=True))
    corrected = [row for row in trades("AAPL", date(2024, 3, 7), SEED) if row.get("u") == "corrected"]
    assert corrected
    assert len(fetched.frame) == len(standing()) + len(corrected)


def test_quotes_are_those_of_the_venue(ask: Ask) -> None:
    fetched = only(ask(QUOTES, now_ns=LATER))
    expected = quotes("AAPL", date(2024, 3, 7), SEED)
    assert fetched.frame["bid"].to_list() == [row["bp"] for row in expected]
    assert fetched.frame["ask_size"].to_list() == [row["as"] for row in expected]
    assert fetched.quarantined is None


def test_crypto_trades_carry_the_takers_side(ask: Ask) -> None:
    wanted = Wanted("BTC/USD", Kind.TRADES, "tick", MIDNIGHT, MIDNIGHT + DAY)
    fetched = only(ask(wanted, now_ns=LATER))
    expected = trades("BTC/USD", date(2024, 3, 7), SEED)
    assert fetched.frame["aggressor"].to_list() == [{"B": 1.0, "S": -1.0}[row["tks"]] for row in expected]
    assert fetched.origin.endswith("/v1beta3/crypto/us/trades")
    made = only(ask(Wanted("BTC/USD", Kind.BARS, "5s", MIDNIGHT, MIDNIGHT + DAY), now_ns=LATER))
    bought = sum(row["s"] for row in expected if row["tks"] == "B")
    assert math.isclose(float(made.frame["buy_volume"].sum()), bought, rel_tol=1e-12)
    assert math.isclose(float(made.frame["volume"].sum()), sum(row["s"] for row in expected), rel_tol=1e-12)


def test_minute_bars_end_a_minute_after_they_begin(ask: Ask) -> None:
    fetched = only(ask(MINUTES, now_ns=LATER))
    expected = [row for day in (7, 8) for row in bars("AAPL", "1Min", date(2024, 3, day), SEED)]
    assert fetched.frame["ts_open"].to_list() == [ns(row["t"]) for row in expected]
    assert (fetched.frame["ts_event"] - fetched.frame["ts_open"]).unique().to_list() == [MINUTE]
    assert fetched.frame["high"].to_list() == [row["h"] for row in expected]
    assert fetched.frame["trades"].to_list() == [row["n"] for row in expected]
    assert fetched.frame["buy_volume"].is_nan().all()


def test_days_end_at_midnight_in_new_york_when_clocks_change(ask: Ask) -> None:
    start = int(date(2024, 3, 1).toordinal() - date(1970, 1, 1).toordinal()) * DAY
    fetched = only(ask(Wanted("AAPL", Kind.BARS, "1d", start, start + 20 * DAY), now_ns=LATER + 99 * DAY))
    lengths = (fetched.frame["ts_event"] - fetched.frame["ts_open"]) // (3600 * SECOND)
    assert len(fetched.frame) == 14
    assert set(lengths) == {24}
    weeks = only(ask(Wanted("AAPL", Kind.BARS, "1w", start, start + 20 * DAY), now_ns=LATER + 99 * DAY))
    assert ((weeks.frame["ts_event"] - weeks.frame["ts_open"]) // (3600 * SECOND)).to_list() == [167, 168, 168]


def test_bars_of_seconds_have_the_volume_of_their_trades(ask: Ask) -> None:
    fetched = only(ask(SECONDS, now_ns=LATER))
    counted = [row for row in standing() if "M" not in row["c"]]  # type: ignore[operator]
    missing = next((int(note.split()[0]) for note in fetched.notes if "are in no bar" in note), 0)
    assert missing
    assert int(fetched.frame["trades"].sum()) + missing == len(counted)
    assert (fetched.frame["ts_event"] - fetched.frame["ts_open"]).unique().to_list() == [SECOND]
    assert fetched.frame["ts_open"].is_sorted()
    assert set(fetched.frame["ts_open"] % SECOND) == {0}
    assert (fetched.frame["high"] >= fetched.frame["low"]).all()


def test_a_cut_piece_holds_the_whole_bars_that_begin_in_it(ask: Ask) -> None:
    whole = only(ask(SECONDS, now_ns=LATER)).frame
    start, end = LIVE_FROM + SECOND // 2, LIVE_FROM + 20 * SECOND + 1
    part = only(ask(Wanted("AAPL", Kind.BARS, "1s", start, end), now_ns=LATER)).frame
    assert part.equals(whole.filter((pl.col("ts_open") >= start) & (pl.col("ts_open") < end)))
    assert len(part) > 10


CLEAN: dict[Wanted, Fetched] = {}  # asked once
ROW_FAULTS = ("swapped", "backwards", "page twice", "rows twice", "malformed")
HTTP_SCRIPTS = [
    *[[Fault(kind, skip=1)] for kind in HTTP_FAULTS],
    [Fault("429", times=5), Fault("truncated", times=3), Fault("503", times=2)],
    [Fault("truncated", times=None, probability=0.3), Fault("500", times=None, probability=0.3)],
]
ROW_SCRIPTS = [
    *[[Fault(kind, skip=0 if kind == "swapped" else 1)] for kind in ROW_FAULTS],
    [Fault("swapped"), Fault("backwards", skip=1), Fault("page twice", skip=2)],
]
CASES = [
    *[(wanted, faults) for wanted in (MINUTES, SECONDS) for faults in HTTP_SCRIPTS],
    *[(wanted, faults) for wanted in (TRADES, QUOTES, MINUTES, SECONDS) for faults in ROW_SCRIPTS],
]


def named(value: object) -> str:
    return "+".join(f.kind for f in value) if isinstance(value, list) else f"{value.kind}-{value.timeframe}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("wanted", "faults"), CASES, ids=named)
def test_after_any_fault_the_rows_are_those_of_a_clean_run(ask: Ask, wanted: Wanted, faults: list[Fault]) -> None:
    limit = 60  # so that every question has several pages
    if wanted not in CLEAN:
        CLEAN[wanted] = only(ask(wanted, now_ns=LATER, page_limit=limit))
    clean = CLEAN[wanted]
    fetched = only(ask(wanted, faults, now_ns=LATER, page_limit=limit, max_attempts=20))
    assert fetched.frame.equals(clean.frame)
    assert len(fetched.frame) > limit
    noted = set(fetched.notes) - set(clean.notes)
    kinds = {fault.kind for fault in faults}
    expected = {
        "swapped": "pages came out of order",
        "backwards": "descending order",
        "page twice": "repeated rows were removed",
        "rows twice": "repeated rows were removed",
        "malformed": "refused ",
    }
    for kind in kinds & set(expected):
        assert any(expected[kind] in note for note in noted), (kind, noted)
    if not kinds & set(expected):
        assert not noted


def test_malformed_rows_are_set_aside_as_they_came(ask: Ask) -> None:
    for wanted, kind in ((MINUTES, "bars"), (TRADES, "trades"), (QUOTES, "quotes")):
        clean = only(ask(wanted, now_ns=LATER)).quarantined
        found = only(ask(wanted, [Fault("malformed")], now_ns=LATER)).quarantined
        assert found is not None
        texts = [json.loads(text) for text in found["row"]]
        assert [row for row in malformed_rows(kind) if row not in texts] == []
        assert len(found) == len(malformed_rows(kind)) + (0 if clean is None else len(clean))


def test_a_page_that_names_itself_is_an_error(ask: Ask) -> None:
    with pytest.raises(SourceError, match="same page token twice"):
        ask(TRADES, [Fault("loop", skip=1, times=None)], now_ns=LATER)


def test_an_answer_of_another_form_is_an_error(ask: Ask) -> None:
    with pytest.raises(SourceError, match="does not hold the trades of AAPL"):
        ask(TRADES, [Fault("shape")], now_ns=LATER)


def test_a_venue_that_keeps_failing_is_an_error(ask: Ask) -> None:
    with pytest.raises(SourceError, match="still failing after 3 attempts"):
        ask(TRADES, [Fault("503", times=None)], now_ns=LATER, max_attempts=3)


@pytest.mark.parametrize(("key", "status"), [("", "missing"), ("wrong", "403")])
def test_wrong_keys_name_the_variables_and_are_not_tried_again(key: str, status: str) -> None:
    with AlpacaVenue() as venue:
        with pytest.raises((SourceError, UsageError), match=status) as error:
            run(asked(venue.params(key=SecretStr(key)), TRADES, LATER))
        assert len(venue.requests) == (1 if key else 0)
    assert "TRADEWRIGHT_ALPACA_KEY" in str(error.value)


def test_a_plan_without_the_consolidated_tape_is_pointed_to_the_free_feed(ask: Ask) -> None:
    with pytest.raises(SourceError, match="subscription does not permit") as error:
        ask(TRADES, feed="sip", plan="free", now_ns=LIVE_TO)
    assert "feed='iex'" in str(error.value)
    assert len(only(ask(TRADES, feed="sip", plan="free", now_ns=LATER)).frame)


def test_a_symbol_or_length_that_is_not_there_says_what_to_check(ask: Ask) -> None:
    with pytest.raises(SourceError, match="invalid symbol: NOSUCH") as error:
        ask(Wanted("NOSUCH", Kind.BARS, "1d", MIDNIGHT, MIDNIGHT + DAY))
    assert "Check the symbol" in str(error.value)


def test_a_piece_is_final_a_quarter_of_an_hour_after_its_end() -> None:
    end = TRADES.end

    async def finals(params: AlpacaParams) -> list[bool]:
        return [
            (await asked(params, TRADES, now))[0].is_final
            for now in (end - 1, end + 15 * MINUTE - 1, end + 15 * MINUTE, end + DAY)
        ]

    with AlpacaVenue() as venue:
        assert run(finals(venue.params())) == [False, False, True, True]
        assert run(finals(venue.params(final_after_s=0.0))) == [False, True, True, True]


def test_the_future_is_not_asked_for() -> None:
    with AlpacaVenue() as venue:
        (piece,) = run(asked(venue.params(), TRADES, TRADES.start))
        assert not venue.requests
    assert (len(piece.frame), piece.is_final) == (0, False)
    assert dict(piece.frame.schema) == schema(Kind.TRADES)


def test_nothing_traded_is_an_empty_frame(ask: Ask) -> None:
    saturday = MIDNIGHT + 2 * DAY
    for wanted in (TRADES, SECONDS, MINUTES):
        fetched = only(ask(Wanted("AAPL", wanted.kind, wanted.timeframe, saturday, saturday + DAY), now_ns=LATER))
        assert (len(fetched.frame), dict(fetched.frame.schema)) == (0, schema(wanted.kind))


def test_keys_are_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    # the venue's own message quotes what it was given
    for change in ({"key": SecretStr("canary-wrong-key")}, {"secret": SecretStr("canary-wrong-secret")}, {}):
        faults = [] if change else [Fault("503", times=None)]
        with AlpacaVenue(faults) as venue:
            params = venue.params(max_attempts=2, **change)
            source = AlpacaHistory(params, now_ns=lambda: LATER)
            said += [repr(params), str(params), repr(source), repr(vars(source))]
            with pytest.raises(SourceError) as error:
                run(asked(params, TRADES, LATER))
            said += [str(error.value), repr(error.value), str(error.value.__cause__), str(error.value.__context__)]
    said += [record.getMessage() for record in caplog.records]
    assert not [text for text in said for word in (KEY, SECRET, "canary-wrong") if word in text]


def test_two_runs_ask_in_the_same_words() -> None:
    with AlpacaVenue() as one, AlpacaVenue(any_request_may_fail(0.3), seed=3) as other:
        run(asked(one.params(), MINUTES, LATER))
        run(asked(other.params(max_attempts=50), MINUTES, LATER))
        assert sorted(set(one.requests)) == sorted(set(other.requests))
