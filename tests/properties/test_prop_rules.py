"""Prop-firm rules on random equity paths: the compiled step against a plain one in decimals and dates."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.kernel.floors_nb import step_all_nb, step_slowly_nb
from tradewright.core.types.prop import AccountFlag, RuleStatus
from tradewright.risk.prop.schema import RuleSet
from tradewright.risk.prop.watch import RuleWatch

NS, MICRO = 10**9, 1_000_000
INITIAL = Decimal(10_000)
many = settings(max_examples=150, deadline=None, derandomize=True)

zones = st.sampled_from(["Europe/Prague", "America/Chicago", "UTC", "Etc/GMT-3"])
shares = st.sampled_from(["0.02", "0.031", "0.049999", "0.05"])
compares = st.sampled_from(["<", "<="])
breaches = st.sampled_from(["hard", "soft"])
#: Weeks in which Europe's, America's or no clock changes.
starts = st.sampled_from(
    [datetime(*day, 9, tzinfo=UTC) for day in ((2024, 3, 8), (2024, 3, 29), (2024, 10, 25), (2025, 6, 2))]
)


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    reset = {"tz": draw(zones), "time": draw(st.sampled_from(["00:00", "17:00", "00:30"]))}
    values: dict[str, Any] = {
        "id": "a.b", "firm": "A", "product": "", "phase": "", "status": "official", "source": ["test"],
        "as_of": "2026-01", "review_by": date(2030, 1, 1), "version": 1, "reset": reset,
    }  # fmt: skip
    if draw(st.booleans()):
        values["daily"] = {
            "anchor": draw(st.sampled_from(["balance", "equity", "max_balance_equity", "initial"])),
            "pct_base": draw(st.sampled_from(["initial", "anchor"])),
            "pct": draw(shares), "reset": reset, "breach": draw(breaches), "compare": draw(compares),
        }  # fmt: skip
    if draw(st.booleans()):
        trailing = draw(st.sampled_from(["none", "eod_balance", "intraday_equity", "intraday_realised"]))
        values["max_loss"] = {
            "trailing": trailing, "pct": draw(st.sampled_from(["0.06", "0.099999"])),
            "breach": draw(breaches), "compare": draw(compares),
        }  # fmt: skip
        if trailing != "none":
            values["max_loss"]["lock"] = draw(st.sampled_from(["none", "initial", "initial+100"]))
            values["max_loss"]["pct_base"] = draw(st.sampled_from(["initial", "anchor"]))
    if draw(st.booleans()):
        values["profit_target_pct"] = draw(st.sampled_from(["0.03", "0.08"]))
    if draw(st.booleans()):
        cap = draw(st.sampled_from(["0.4", "0.5"]))
        values["best_day"] = {"cap": cap, "denominator": draw(st.sampled_from(["net_total", "sum_positive_days"]))}
    if draw(st.booleans()):
        values["min_days"] = draw(
            st.sampled_from(
                [
                    {"count": 3, "definition": "distinct_open_date"},
                    {"count": 2, "definition": "profitable_day_pct_initial", "threshold": "0.005"},
                ]
            )
        )
    if draw(st.booleans()):
        values["time_limit_days"] = 5
    return RuleSet.model_validate(values)


@dataclass
class Plain:
    """The rules as a person reads them: dates, decimals, and every quantity worked out anew."""

    rules: RuleSet
    start: datetime
    status: RuleStatus = RuleStatus.RUNNING
    balance: Decimal = INITIAL
    equity: Decimal = INITIAL
    anchors: list[tuple[Decimal, Decimal]] = field(default_factory=lambda: [(INITIAL, INITIAL)])
    equities: list[Decimal] = field(default_factory=lambda: [INITIAL])
    balances: list[Decimal] = field(default_factory=lambda: [INITIAL])
    opened: set[int] = field(default_factory=set)
    next_reset: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.next_reset = self.after(self.start)

    def after(self, moment: datetime) -> datetime:
        clock = self.rules.clock
        assert clock is not None
        day = moment.astimezone(ZoneInfo(clock.tz)).date()
        while True:
            found = datetime.combine(day, clock.time, tzinfo=ZoneInfo(clock.tz)).astimezone(UTC)
            if found > moment:
                return found
            day += timedelta(days=1)

    def breaks(self, equity: Decimal, floor: Decimal, compare: str) -> bool:
        return equity < floor if compare == "<" else equity <= floor

    def judge(self, equity: Decimal) -> None:
        daily, most = self.rules.daily, self.rules.max_loss
        if most is not None and (most.breach == "hard" or self.status != RuleStatus.PAUSED_BY_MAX_LOSS):
            assert most.pct is not None
            followed = {
                "none": [INITIAL],
                "eod_balance": [b for b, _ in self.anchors],
                "intraday_equity": self.equities,
                "intraday_realised": self.balances,
            }[most.trailing]
            peak = max(followed)
            floor = peak - most.pct * (peak if most.pct_base == "anchor" else INITIAL)
            if most.lock_above is not None:
                floor = min(floor, INITIAL + most.lock_above)
            if self.breaks(equity, floor, most.compare):
                self.status = RuleStatus.MAX_LOSS if most.breach == "hard" else RuleStatus.PAUSED_BY_MAX_LOSS
        is_watched = daily is not None and (daily.breach == "hard" or self.status == RuleStatus.RUNNING)
        if daily is not None and is_watched and self.status < RuleStatus.PASSED:
            assert daily.pct is not None
            at_balance, at_equity = self.anchors[-1]
            anchor = {
                "balance": at_balance,
                "equity": at_equity,
                "max_balance_equity": max(at_balance, at_equity),
                "initial": INITIAL,
            }[daily.anchor]
            floor = anchor - daily.pct * (anchor if daily.pct_base == "anchor" else INITIAL)
            if self.breaks(equity, floor, daily.compare):
                self.status = RuleStatus.DAILY_LOSS if daily.breach == "hard" else RuleStatus.PAUSED_BY_DAILY_LOSS

    def days(self) -> list[Decimal]:
        ends = [b for b, _ in self.anchors]
        return [after - before for before, after in pairwise(ends)]

    def is_target_met(self, is_open: bool) -> bool:
        if self.rules.profit_target_pct is None or is_open:
            return False
        if self.balance < INITIAL * (1 + self.rules.profit_target_pct):
            return False
        least = self.rules.min_days
        if least is not None:
            good = [d for d in self.days() if least.threshold is not None and d >= least.threshold * INITIAL]
            if (len(good) if least.threshold is not None else len(self.opened)) < least.count:
                return False
        shared = self.rules.best_day
        if shared is not None:
            days = [*self.days(), self.balance - self.anchors[-1][0]]
            best = max(Decimal(0), *days) if len(days) > 1 else max(Decimal(0), days[0])
            whole = sum(d for d in days if d > 0) if shared.denominator == "sum_positive_days" else sum(days)
            return best <= shared.cap * whole
        return True

    def step(self, now: datetime, balance: Decimal, equity: Decimal, flags: int) -> RuleStatus:
        if self.status >= RuleStatus.PASSED:
            return self.status
        while self.next_reset <= now:
            if self.next_reset == now:
                self.judge(equity)
                self.balance, self.equity = balance, equity
            if self.status >= RuleStatus.PASSED:
                return self.status
            self.anchors.append((self.balance, self.equity))
            self.status = RuleStatus.RUNNING
            limit = self.rules.time_limit_days
            if limit is not None and len(self.anchors) > limit:
                self.status = RuleStatus.TIME_LIMIT
                return self.status
            self.judge(self.equity)
            if self.status >= RuleStatus.PASSED:
                return self.status
            self.next_reset = self.after(self.next_reset)
        self.balance, self.equity = balance, equity
        self.balances.append(balance)
        self.equities.append(equity)
        if flags & AccountFlag.OPENED:
            self.opened.add(len(self.anchors))
        self.judge(equity)
        if self.status < RuleStatus.PASSED and self.is_target_met(bool(flags & AccountFlag.IS_OPEN)):
            self.status = RuleStatus.PASSED
        return self.status


Event = tuple[datetime, int, int, int]


def path(plain: Plain, seed: int, step: int) -> list[Event]:
    """Draw events: wandering equity, openings and closings, some exactly at a reset, some days apart."""
    rng = random.Random(seed)  # noqa: S311  # a seeded path, not a secret
    moment, balance, floating, is_open = plain.start, int(INITIAL) * MICRO, 0, False
    events = []
    for _ in range(120):
        moment = rng.choice(
            [moment + timedelta(minutes=rng.randint(0, 300)), moment + timedelta(seconds=1), plain.after(moment)]
            + [moment + timedelta(days=rng.randint(1, 3))] * (rng.random() < 0.05)
        )
        flags = 0
        if is_open and rng.random() < 0.3:
            balance, floating, is_open = balance + floating, 0, False
        elif is_open:
            floating += rng.randint(-step, step)
            flags = int(AccountFlag.IS_OPEN)
        elif rng.random() < 0.5:
            is_open, flags = True, int(AccountFlag.IS_OPEN | AccountFlag.OPENED)
        events.append((moment, balance, balance + floating, flags))
    return events


@many
@given(rule_sets(), starts, st.integers(0, 10**6), st.sampled_from([100 * MICRO, 250_000_001, 50 * MICRO + 7]))
def test_the_step_is_the_rules_as_a_person_reads_them(rules: RuleSet, start: datetime, seed: int, size: int) -> None:
    plain = Plain(rules, start)
    events = path(plain, seed, size)
    first = int(plain.start.timestamp()) * NS
    watch = RuleWatch([rules], INITIAL, first, int(events[-1][0].timestamp()) * NS)
    slowly = RuleWatch([rules], INITIAL, first, int(events[-1][0].timestamp()) * NS)
    for moment, balance, equity, flags in events:
        now = int(moment.timestamp()) * NS
        room = watch.headroom(balance, equity)
        is_same_day = now < int(watch.states["next_reset"][0])
        before = RuleStatus(int(watch.states["status"][0]))
        status = watch.step(now, balance, equity, flags)
        wanted = plain.step(moment, Decimal(balance) / MICRO, Decimal(equity) / MICRO, flags)
        assert status == wanted, (moment, balance, equity)
        # the quiet way is the whole way
        step_slowly_nb(slowly.rules[0], slowly.states[0], now, balance, equity, flags)
        assert watch.states.tobytes() == slowly.states.tobytes()
        if before == RuleStatus.RUNNING and is_same_day and status in (RuleStatus.DAILY_LOSS, RuleStatus.MAX_LOSS):
            has_moved = rules.max_loss is not None and rules.max_loss.trailing.startswith("intraday")
            assert room.now < 0 or has_moved


@many
@given(rule_sets(), rule_sets(), st.integers(0, 10**6))
def test_several_rule_sets_are_watched_as_each_alone(one: RuleSet, other: RuleSet, seed: int) -> None:
    start = datetime(2025, 6, 2, tzinfo=UTC)
    events = path(Plain(one, start), seed, 100 * MICRO)
    span = int(start.timestamp()) * NS, int(events[-1][0].timestamp()) * NS
    both = RuleWatch([one, other], INITIAL, *span)
    alone = [RuleWatch([rules], INITIAL, *span) for rules in (one, other)]
    for moment, balance, equity, flags in events:
        now = int(moment.timestamp()) * NS
        worst = RuleStatus(step_all_nb(both.rules, both.states, now, balance, equity, flags))
        each = [watch.step(now, balance, equity, flags) for watch in alone]
        going_on = [s for s in each if s != RuleStatus.PASSED]
        assert worst == (max(going_on) if going_on else RuleStatus.PASSED)
        rooms = [watch.headroom(balance, equity) for watch in alone]
        room = both.headroom(balance, equity)
        assert (room.now, room.next_reset) == (min(r.now for r in rooms), min(r.next_reset for r in rooms))
