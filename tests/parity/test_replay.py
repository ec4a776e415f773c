"""A session's journal, retold, gives every decision again, in any process; a changed bit is found."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.faults.sim_disk import SimDisk
from tests.parity.live_sessions import Traded, command, cut, lively_plan, same, strategies, trade
from tests.parity.test_strategies import _plan

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.journal import JournalRecord
from tradewright.engine.commands import Command
from tradewright.engine.live.recovery import ACTED, REFUSED
from tradewright.engine.live.rows import MARKET
from tradewright.engine.live.runtime import Runtime
from tradewright.execution.journal.reading import SESSION, JournalReader
from tradewright.execution.orders.inputs import KillLevel
from tradewright.forensics.explain import explain
from tradewright.forensics.replay import replay
from tradewright.forensics.steps import rows_of_plan
from tradewright.risk.limits import Limits
from tradewright.strategies.strategy import Strategy

ROOT = Path(__file__).parents[2]
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def traded() -> Traded:
    """A lively session with limits that refuse now and then."""
    plan = replace(lively_plan(200), limits=Limits(max_order_value=101_000.0, max_orders_per_day=3))
    return trade(plan)


def changed(traded: Traded, kind: str, place: int, change: Change) -> Iterator[JournalRecord]:
    """Yield the records with the payload of one of them changed."""
    seen = -1
    for record in traded.records():
        seen += record.kind == kind
        if record.kind == kind and seen == place:
            payload: dict[str, Any] = dict(record.payload)
            change(payload)
            yield record._replace(payload=payload)
        else:
            yield record


def test_both_guard_refusals_and_orders_are_on_record(traded: Traded) -> None:
    acted = [r.payload for r in traded.records() if r.kind == ACTED]
    assert {reason for p in acted for reason, *_ in p["denied"]} >= {"MAX_ORDERS_PER_DAY"}  # type: ignore[attr-defined]
    assert any(not p["acts"] for p in acted), "a decision that was only refused is a decision too"
    assert any(p["acts"] for p in acted)


@pytest.mark.parametrize("strategy", strategies(), ids=lambda strategy: strategy.name)
def test_the_replay_is_the_session(strategy: Strategy) -> None:
    plan = _plan(strategy)
    is_busy = not strategy.source  # the examples in files trade seldom
    session = trade(plan, rows=rows_of_plan(plan, 0)[: 600 if is_busy else None])
    assert len(session.result.fills) > 0, "nothing was traded, so nothing was compared"
    found = replay(session.records(), session.program())
    assert found.differences == ()
    assert found.decisions > 0
    assert found.cut_off == 0
    assert same(found.result, session.result)


def test_replay_says_what_was_run_then_and_now(traded: Traded) -> None:
    found = replay(traded.records(), traded.program())
    assert found.changed == ()
    other = replace(traded.program(), hashes=lambda _: {"code_hash": "beef"})
    found = replay(traded.records(), other)
    assert found.is_same
    assert found.changed == ("code_hash",)
    assert (found.starts[0].hashes["code_hash"], found.starts[0].hashes_now["code_hash"]) == ("c0de", "beef")


def _last_bit(payload: dict[str, Any]) -> None:
    fields = np.frombuffer(base64.b64decode(payload["f"])).copy()
    fields[3] = np.nextafter(fields[3], np.inf)
    payload["f"] = base64.b64encode(fields.tobytes()).decode()


def _another_size(payload: dict[str, Any]) -> None:
    payload["acts"] = [{**payload["acts"][0], "lots": payload["acts"][0]["lots"] + 1}]


def _one_refusal_less(payload: dict[str, Any]) -> None:
    payload["denied"] = []


@pytest.mark.parametrize(
    ("kind", "place", "change", "what"),
    [(MARKET, 60, _last_bit, "features"), (ACTED, 5, _another_size, "acts")],
)
def test_a_changed_record_is_found(traded: Traded, kind: str, place: int, change: Change, what: str) -> None:
    found = replay(changed(traded, kind, place, change), traded.program())
    assert what in {d.what for d in found.differences}


def test_a_refusal_taken_out_is_found(traded: Traded) -> None:
    acted = [r for r in traded.records() if r.kind == ACTED]
    place = next(i for i, r in enumerate(acted) if r.payload["denied"])
    found = replay(changed(traded, ACTED, place, _one_refusal_less), traded.program())
    assert [(d.sequence, d.what, d.was) for d in found.differences] == [(acted[place].sequence, "denied", [])]


def test_a_row_or_a_decision_left_out_is_found(traded: Traded) -> None:
    for kind in (MARKET, ACTED):
        records = list(traded.records())
        gone = [r for r in records if r.kind == kind][len([r for r in records if r.kind == kind]) // 2]
        found = replay((r for r in records if r is not gone), traded.program())
        assert not found.is_same, kind


def test_other_parameters_are_found(traded: Traded) -> None:
    params = traded.plan.params.model_copy(update={"slow": 10})
    program = replace(traded.program(), plan=lambda _: replace(traded.plan, params=params))
    assert not replay(traded.records(), program).is_same


def test_commands_kills_and_refusals_of_the_desk_are_retold() -> None:
    def meddle(runtime: Runtime, i: int) -> None:
        if i == 80:
            runtime.desk.kill(KillLevel.BLOCK_NEW, "symbol:AAA", "somebody", "a test")
        if i == 150:
            runtime.kill(KillLevel.FLATTEN, "all", "somebody", "a test")

    session = trade(lively_plan(200), meddle=meddle)
    assert any(r.kind == REFUSED for r in session.records())
    assert replay(session.records(), session.program()).is_same
    halted = trade(lively_plan(200), meddle=command(Command.HALT, 100))
    assert replay(halted.records(), halted.program()).is_same


def test_a_decision_that_a_crash_came_before_is_no_difference(traded: Traded) -> None:
    records = list(traded.records())
    last = max(i for i, r in enumerate(records) if r.kind == ACTED)
    found = replay(records[:last], traded.program())
    assert found.is_same
    assert found.cut_off == 1


def test_payloads_of_another_version_are_named(traded: Traded) -> None:
    with pytest.raises(StoreError, match="source c0de"):
        replay(changed(traded, MARKET, 3, lambda p: p.pop("f")), traded.program())
    with pytest.raises(StoreError, match="record 2"):
        replay((r for r in traded.records() if r.kind != SESSION), traded.program())
    with pytest.raises(UsageError, match="no session"):
        replay([], traded.program())


def test_a_decision_is_explained(traded: Traded) -> None:
    records = list(traded.records())
    acted = next(r for r in records if r.kind == ACTED and r.payload["acts"])
    told = explain(records, traded.program(), acted.sequence)
    assert told.is_same
    cause = records[told.cause[1] - 1]
    assert (cause.kind, cause.sequence) == told.cause == (MARKET, acted.sequence - 1)
    assert explain(records, traded.program(), cause.sequence) == told
    (seen,) = told.seen
    assert list(seen.features) == ["fast", "slow"]
    assert seen.account["price"] == np.frombuffer(base64.b64decode(str(cause.payload["f"])))[3]
    (order,) = told.orders
    assert told.signals[0]["verb"] == "ORDER"
    assert order.wish == told.acts[0]
    first, *exits = order.fills
    assert (first["lots"], first["client_id"]) == (int(order.wish["side"]) * int(order.wish["lots"]), order.client_id)  # type: ignore[call-overload]
    assert sum(int(f["lots"]) for f in order.fills) == 0 or not exits  # type: ignore[call-overload]
    assert order.reports[:2] == ("ACCEPTED", "FILLED")


def test_a_refusal_is_explained_with_its_control(traded: Traded) -> None:
    acted = next(r for r in traded.records() if r.kind == ACTED and r.payload["denied"])
    told = explain(traded.records(), traded.program(), acted.sequence)
    assert told.orders == ()
    assert {(v.reason, v.control) for v in told.verdicts} == {("MAX_ORDERS_PER_DAY", "C08 orders and signals")}


def test_what_led_to_no_decision_is_not_explained(traded: Traded) -> None:
    with pytest.raises(UsageError, match="no decision"):
        explain(traded.records(), traded.program(), 10**9)


def test_a_cross_section_is_explained_for_every_instrument() -> None:
    strategy = next(s for s in strategies() if s.is_cross_section)
    plan = _plan(strategy)
    session = trade(plan, rows=rows_of_plan(plan, 0)[:200])
    acted = next(r for r in session.records() if r.kind == ACTED)
    told = explain(session.records(), session.program(), acted.sequence)
    assert told.is_same
    assert [seen.instrument for seen in told.seen] == ["AAA", "EURUSD", "SIE"]
    assert told.cause[0] == "stamp"


def test_forecasts_reach_the_explained_strategy() -> None:
    strategy = next(s for s in strategies() if s.uses_forecast and not s.is_cross_section)
    plan = _plan(strategy)
    session = trade(plan, rows=rows_of_plan(plan, 0)[:200])
    bare = replace(session.program(), plan=lambda _: replace(session.plan, forecasts=()))
    acted = next(r for r in session.records() if r.kind == ACTED and r.payload["acts"])
    told = explain(session.records(), bare, acted.sequence)
    assert told.is_same
    assert told.seen[0].forecast["p_up"] is not None


def test_what_was_decided_and_never_sent_is_refused_after_a_restart() -> None:
    session = trade(lively_plan(60))
    records = list(session.records())
    decided = [r for r in records if r.kind == ACTED]
    again = trade(lively_plan(60), cut(session, decided[-1].sequence), rows=session.rows)
    assert [r.payload["reason"] for r in again.records() if r.kind == REFUSED] == [
        "the session ended before it was sent"
    ]
    found = replay(again.records(), again.program())
    assert found.is_same
    assert found.cut_off == 1


def test_the_trace_does_not_hang_on_the_process() -> None:
    traces = {_trace(seed) for seed in ("0", "1", "4242")}
    session = trade(lively_plan(120))
    assert traces == {replay(session.records(), session.program()).trace}


def _trace(hash_seed: str) -> str:
    script = (
        "from tests.parity.live_sessions import lively_plan, trade\n"
        "from tradewright.forensics.replay import replay\n"
        "s = trade(lively_plan(120))\n"
        "print(replay(s.records(), s.program()).trace)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_byte_changed_on_disk_is_no_journal_any_more(traded: Traded) -> None:
    disk = traded.disk
    assert isinstance(disk, SimDisk)
    copy = SimDisk()
    copy.files = {name: bytearray(data) for name, data in disk.files.items()}
    first = next(iter(copy.files.values()))
    first[len(first) // 2] ^= 1
    with pytest.raises(StoreError):
        replay(JournalReader(copy), traded.program())
