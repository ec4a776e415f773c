"""Random order scripts: strategies that wish for anything at all, yet purely, and random accounts to run them in.

What a script wishes is drawn from a multiplicative generator seeded by the run's number and by everything the decision
may see. It therefore repeats itself exactly, and the smallest difference between two runs changes all that follows.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.compiled import compiled
from tradewright.core.types.account import Account
from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import ASK, BID, CLOSE, OPEN, RATE, SESSION, VOLUME
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.feature import Feature, FeatureSpec, Floats
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import START, WalkParams, synthetic_bars, synthetic_ticks
from tradewright.engine.backtest import BacktestResult
from tradewright.engine.plan import AccountParams, BacktestPlan, plan_of_events
from tradewright.execution.sim_venue import LatencyParams, SimVenueParams
from tradewright.features.price import field_step_nb
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import (
    UNITS,
    VALUE,
    WEIGHT,
    Signals,
    bracket,
    bracket_at,
    cancel,
    cancel_all,
    good_for_day,
    good_till,
    immediate,
    in_group,
    limit,
    market,
    on_instrument,
    reduce_only,
    stop,
    stop_limit,
    tagged,
    target,
    trailing_stop,
)
from tradewright.strategies.signals import (
    replace as amend,
)
from tradewright.strategies.strategy import Strategy, StrategyParams

Market = Literal["bars", "ticks"]

MODULUS = 2_147_483_647
HOUR = 3_600_000_000_000
NAN = float("nan")


class Params(StrategyParams):
    """``seed`` names the script; ``haste`` is the share of decisions that wish for something."""

    seed: int = 0
    haste: float = 0.3


class Row(NamedTuple):
    """What `decide` finds under the names of `features`."""

    open: float
    close: float
    volume: float
    session: float


@compiled
def draw_nb(x: int) -> int:
    """Next number of the generator, 1 to MODULUS - 1."""
    return x * 16807 % 2147483647


@compiled
def mix_nb(x: int, value: float) -> int:
    """Stir a value into the generator's state; NaN counts as 1."""
    whole = 1 if np.isnan(value) else int(abs(value) * 1e4) % 2147483629
    return draw_nb(draw_nb((x + whole) % 2147483646 + 1))


@compiled
def order_nb(x: int, price: float, equity: float, held: float, signals: Signals) -> int:
    """Wish for one order of any kind; return where it stands in the table."""
    x = draw_nb(x)
    kind = x % 12
    x = draw_nb(x)
    share = (x / MODULUS - 0.5) * (8.0 if x % 5 == 0 else 0.8)
    x = draw_nb(x)
    offset = (x / MODULUS - 0.5) * 0.02
    x = draw_nb(x)
    unit = 1 + x % 3
    size = share
    if unit == VALUE:
        size = share * equity
    elif unit == UNITS:
        size = share * equity / price
    x = draw_nb(x)
    near = price * (1.0 + (x / MODULUS - 0.5) * 0.02)
    if kind <= 1:
        return market(signals, size, unit)
    if kind == 2:
        return target(signals, size, unit)
    if kind <= 4:
        return limit(signals, size, price * (1.0 + offset), unit)
    if kind == 5:
        return limit(signals, size, price * (1.0 - np.sign(size) * abs(offset)), unit)
    if kind == 6:
        return stop(signals, size, price * (1.0 + np.sign(size) * abs(offset)), unit)
    if kind == 7:
        return stop_limit(signals, size, price * (1.0 + np.sign(size) * abs(offset)), near, unit)
    if kind == 8:
        return trailing_stop(signals, size, price * abs(offset), unit)
    if kind == 9:  # leave what is held, in whole or in part
        return reduce_only(signals, market(signals, -held * min(1.0, abs(share) * 4.0), UNITS))
    if kind == 10:
        return reduce_only(signals, stop(signals, -held, price * (1.0 - np.sign(held) * abs(offset)), UNITS))
    return target(signals, 0.0, WEIGHT)


@compiled
def silly_nb(x: int, price: float, signals: Signals) -> int:
    """Wish for something that should be refused; return where it stands in the table."""
    x = draw_nb(x)
    kind = x % 9
    if kind == 0:
        return market(signals, np.nan, UNITS)
    if kind == 1:
        return market(signals, np.inf, WEIGHT)
    if kind == 2:
        return limit(signals, 1.0, -price, UNITS)
    if kind == 3:
        return stop(signals, -1.0, np.nan, UNITS)
    if kind == 4:
        return trailing_stop(signals, 1.0, 0.0, UNITS)
    if kind == 5:
        return market(signals, 1e-9, UNITS)
    if kind == 6:
        return market(signals, 1e15, VALUE)
    if kind == 7:
        return bracket(signals, market(signals, 0.01, WEIGHT), -0.01, np.nan, np.nan)
    return good_till(signals, market(signals, 0.1, WEIGHT), 1)


@compiled
def refine_nb(x: int, k: int, price: float, session: float, signals: Signals) -> int:
    """Give order ``k`` brackets, times, labels and groups at random; return the generator's state."""
    x = draw_nb(x)
    choice = x % 10
    x = draw_nb(x)
    near, far = 0.001 + 0.01 * (x / MODULUS), 0.02 * (x / MODULUS)
    side = np.sign(signals[k]["size"])
    if choice == 0:
        bracket(signals, k, near, far, np.nan)
    elif choice == 1:
        bracket(signals, k, np.nan, near, far)
    elif choice == 2:
        bracket(signals, k, far, far, near)
    elif choice == 3:
        bracket_at(signals, k, price * (1.0 - side * near), price * (1.0 + side * far), price * near)
    x = draw_nb(x)
    choice = x % 8
    if choice == 0:
        good_for_day(signals, k)
    elif choice == 1:
        immediate(signals, k)
    elif choice == 2:
        x = draw_nb(x)
        # seconds are whole, so the product is exact; now and then the time is already past
        good_till(signals, k, int((session - 0.2) * 86400.0 + 172800.0 * (x / MODULUS)) * 1000000000)
    x = draw_nb(x)
    if x % 2 == 0:
        tagged(signals, k, 1 + x % 3)
    x = draw_nb(x)
    if x % 4 == 0:
        in_group(signals, k, 1 + x % 2)
    x = draw_nb(x)
    if x % 12 == 0:
        reduce_only(signals, k)
    return draw_nb(x)


@compiled
def wish_nb(x: int, price: float, equity: float, held: float, session: float, signals: Signals) -> int:
    """Make one wish; return the generator's state."""
    x = draw_nb(x)
    verb = x % 16
    x = draw_nb(x)
    if verb <= 9:
        k = order_nb(x, price, equity, held, signals)
        return refine_nb(draw_nb(x), k, price, session, signals)
    if verb == 10:
        if x % 2 == 0:
            cancel(signals, 1 + x % 3)
    elif verb <= 12 and x % 3 != 2:
        size = np.nan if x % 5 != 0 else 0.05 * equity / price
        amend(signals, 1 + x % 3, price * (0.99 + 0.02 * (draw_nb(x) / MODULUS)), size)
    elif verb == 13:
        if x % 4 == 0:
            cancel_all(signals)
    elif verb == 14:
        silly_nb(x, price, signals)
    else:
        k = order_nb(x, price, equity, held, signals)
        on_instrument(signals, k, x % 5)  # some of these numbers name no instrument
    return draw_nb(x)


def decide(row: Row, forecast: object, account: Account, params: Params, signals: Signals) -> None:  # noqa: ARG001
    """Wish for up to three things at once, now and then; seldom for up to six."""
    x = mix_nb(int(params.seed) % 1_000_003 + 1, row.close)
    x = mix_nb(mix_nb(mix_nb(x, row.open), row.volume), account.price)
    x = mix_nb(mix_nb(mix_nb(x, account.equity), account.position), account.working)
    x = mix_nb(mix_nb(mix_nb(x, account.entry_price), account.held_seconds), account.cash)
    if x / 2147483647 > params.haste:
        return
    wishes = 4 + x % 3 if x % 8 == 0 else 1 + x % 3
    for _ in range(wishes):
        x = wish_nb(x, account.price, account.equity, account.position, row.session, signals)


def decide_all(rows: Floats, forecasts: object, accounts: Floats, params: Params, signals: Signals) -> None:  # noqa: ARG001
    """Wish for one thing on some of the instruments."""
    x = int(params.seed) % 1_000_003 + 1
    for j in range(len(rows)):
        for column in range(len(rows[j])):
            x = mix_nb(x, rows[j, column])
        for column in range(len(accounts[j])):
            x = mix_nb(x, accounts[j, column])
    for j in range(len(rows)):
        x = draw_nb(x)
        price = accounts[j, 2]
        if x / 2147483647 > params.haste or np.isnan(price):
            continue
        k = order_nb(x, price, accounts[j, 5], accounts[j, 0], signals)
        x = refine_nb(draw_nb(x), k, price, rows[j, 3], signals)
        on_instrument(signals, k, j)


def features(_params: Params) -> dict[str, Feature | FeatureSpec]:
    """Three columns of the event as it came, and the number of its trading day."""
    rows = {"open": OPEN, "close": CLOSE, "volume": VOLUME, "session": SESSION}
    return {name: Feature(f"{name}.v1", field_step_nb, (float(row),), (), 0, reads=None) for name, row in rows.items()}


assert Account._fields.index("price") == 2  # what `decide_all` reads by number
assert (Account._fields.index("position"), Account._fields.index("equity")) == (0, 5)

_HASH = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=8).hexdigest()
SCRIPT = Strategy("random_script", Params, features, decide, source_hash=_HASH)
CROSS_SCRIPT = Strategy("random_cross_script", Params, features, decide_all, is_cross_section=True, source_hash=_HASH)


def _instruments() -> tuple[Instrument, ...]:
    """Four markets with different grids, currencies, costs and margins; the second converts the third."""
    return (
        Instrument(
            "AAA",
            margin_initial=0.25,
            margin_maintenance=0.2,
            fees=FeeModel(per_unit=0.005, minimum=1.0, half_spread_bps=1.0, slippage_bps=0.5, borrow_bps_year=300.0),
        ),
        Instrument(
            "EURUSD",
            tick_size="0.00001",
            lot_size="1000",
            margin_initial=0.05,
            margin_maintenance=0.025,
            fees=FeeModel(half_spread_bps=0.3),
        ),
        Instrument(
            "SIE",
            tick_size="0.05",
            lot_size="0.1",
            multiplier="5",
            currency="EUR",
            min_lots=2,
            max_lots=5_000,
            margin_initial=0.5,
            margin_maintenance=0.3,
            participation=0.1,
            fees=FeeModel(maker_bps=-0.5, taker_bps=4.0, slippage_bps=2.0),
        ),
        Instrument("NOSHORT", tick_size="0.25", is_shortable=False, fees=FeeModel(maker_bps=1.0, taker_bps=2.0)),
    )


def _with_funding(events: MarketEvents, every: int, seed: int) -> MarketEvents:
    """Insert a funding event after every ``every``-th event, at its time and on its instrument, and delay some news."""
    assert events.instrument is not None
    rng = np.random.default_rng(seed)
    kind = np.full(len(events), int(events.kind_all)) if events.kind is None else events.kind
    places = np.arange(every, len(events), every)
    rates = np.zeros((len(events.fields), len(places)))
    rates[RATE] = rng.normal(0.0, 3e-4, len(places))
    rates[SESSION] = events.fields[SESSION, places - 1]

    def insert(column: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.insert(column, places, column[places - 1]))

    ts_event = insert(events.ts_event)
    delay = rng.choice(np.array([0, 0, 0, 3_000_000, 40_000_000]), len(ts_event))
    kinds = np.insert(kind, places, int(EventKind.FUNDING)).astype(np.int64)
    return MarketEvents(
        np.ascontiguousarray(np.insert(events.fields, places, rates, axis=1)),
        # a funding event has no beginning before its own time
        np.where(kinds == int(EventKind.FUNDING), ts_event, insert(events.ts_open)),
        ts_event,
        np.maximum.accumulate(ts_event + delay),
        kind=kinds,
        instrument=insert(events.instrument),
    )


@lru_cache(maxsize=8)
def bar_market(number: int) -> MarketEvents:
    """About 330 bars of four instruments: different timeframes, equal times, gaps, several days."""
    shapes = ((1, 0.004, 100.0, 100), (2, 0.002, 1.1, 100_000), (1, 0.005, 50.0, 20), (4, 0.004, 20.0, 4))
    bars = []
    for j, (hours, volatility, price, per_unit) in enumerate(shapes):
        walk = WalkParams(str(j), START, hours * HOUR, price, volatility, per_unit)
        whole = synthetic_bars(120 // hours, 100 * number + j, walk)
        keep = np.ones(len(whole), bool)
        if j != 1:  # the currency pair has no gaps, the others miss bars and hours
            keep = np.random.default_rng(100 * number + j).random(len(whole)) > 0.15
            keep[40 // hours : 46 // hours] = False
        fields = np.ascontiguousarray(whole.fields[:, keep])
        bars.append(Bars(str(j), whole.ts_open[keep], whole.ts_event[keep], fields))
    return _with_funding(MarketEvents.from_bars(bars), 17, number)


@lru_cache(maxsize=8)
def tick_market(number: int) -> MarketEvents:
    """About 420 quotes and trades of four instruments; the last prints trades only."""
    shapes = ((0.0008, 100.0, 100), (0.0004, 1.1, 100_000), (0.0008, 50.0, 20), (0.004, 20.0, 4))
    parts = []
    for j, (volatility, price, per_unit) in enumerate(shapes):
        walk = WalkParams(str(j), START, 1_200_000_000_000, price, volatility, per_unit)
        ticks = synthetic_ticks(100, 1000 * number + j, walk)
        if j == 3:
            assert ticks.kind is not None
            mid = 0.5 * (ticks.fields[BID] + ticks.fields[ASK])
            is_quote = ticks.kind == int(EventKind.QUOTE)
            ticks.fields[:3, is_quote] = np.array([np.rint(mid * 4) / 4, np.full(len(mid), 7.0), np.ones(len(mid))])[
                :, is_quote
            ]
            ticks.kind[:] = int(EventKind.TRADE)
        parts.append(ticks)
    ts = np.concatenate([p.ts_event for p in parts])
    ts -= ts % 60_000_000_000  # so that times coincide
    numbers = np.repeat(np.arange(len(parts), dtype=np.int64), [len(p) for p in parts])
    order = np.lexsort((numbers, ts))
    kinds = np.concatenate([p.kind for p in parts if p.kind is not None])
    fields = np.ascontiguousarray(np.concatenate([p.fields for p in parts], axis=1)[:, order])
    events = MarketEvents(fields, ts[order], ts[order], ts[order], kind=kinds[order], instrument=numbers[order])
    return _with_funding(events, 23, number)


def _random_limits(rng: np.random.Generator) -> Limits:
    """Draw each limit at about even odds."""
    limits: dict[str, Any] = {
        "max_order_value": 40_000.0 * rng.random() + 1_000.0,
        "max_position_value": 80_000.0 * rng.random() + 1_000.0,
        "max_leverage": 0.3 + 3.0 * rng.random(),
        "max_open_positions": int(rng.integers(0, 4)),
        "intraday_loss": 0.002 + 0.02 * rng.random(),
        "max_drawdown": 0.005 + 0.05 * rng.random(),
    }
    return Limits(**{name: value for name, value in limits.items() if rng.random() < 0.35})


def _random_venue(rng: np.random.Generator, kind: Market) -> SimVenueParams:
    """Draw the venue's rules; latency is rare on bars, where it makes orders miss the next one."""
    latency = LatencyParams()
    if rng.random() < (0.7 if kind == "ticks" else 0.2):
        table = tuple((float(a), float(b)) for a, b in rng.exponential(20_000.0, (5, 2)).round(3))
        measured = LatencyParams(table=table)
        latency = measured if rng.random() < 0.5 else LatencyParams(request_ms=5_000.0, answer_ms=90_000.0)
    return SimVenueParams(
        limit_gap="limit" if rng.random() < 0.5 else "open",
        touch_fills=bool(rng.random() < 0.5),
        protect_from="same_bar" if rng.random() < 0.5 else "next_bar",
        queue=("off", "careful", "displayed")[int(rng.integers(3))],
        latency=latency,
        slots=int(rng.choice([4, 8, 16, 32])),
        target="limit" if rng.random() < 0.7 else "market",
    )


def random_plan(seed: int, kind: Market = "bars", *, is_cross_section: bool = False) -> BacktestPlan:
    """Return the run with a number: which market, account, limits, venue and script follows from the seed alone."""
    rng = np.random.default_rng(seed)
    events = (bar_market if kind == "bars" else tick_market)(seed % 5)
    instruments = _instruments()
    if rng.random() < 0.4:
        instruments = tuple(replace(i, participation=0.05) for i in instruments)
    if rng.random() < 0.4:  # little margin, so that positions are liquidated
        instruments = tuple(replace(i, margin_initial=0.02, margin_maintenance=0.015) for i in instruments)
    params = Params(seed=seed, haste=float(rng.choice([0.1, 0.3, 0.8])))
    plan = plan_of_events(instruments, events, CROSS_SCRIPT if is_cross_section else SCRIPT, params)
    return replace(
        plan,
        account=AccountParams(float(rng.choice([3_000.0, 50_000.0, 1_000_000.0]))),
        limits=_random_limits(rng),
        venue=_random_venue(rng, kind),
    )


_ARRAYS = ("fills", "orders", "ledger", "stamps", "equity", "exposure", "open_lots", "marks", "fx", "realized")


def fingerprint(result: BacktestResult) -> str:
    """Hash everything a run produced, to the bit."""
    digest = hashlib.sha256()
    for name in _ARRAYS:
        digest.update(getattr(result, name).tobytes())
    digest.update(repr((result.final_equity, sorted(result.counters.items()), result.score)).encode())
    return digest.hexdigest()


def assert_same(one: BacktestResult, other: BacktestResult, case: object) -> None:
    """Compare two runs to the bit and name the first thing that differs."""
    for name in (*_ARRAYS, "decisions"):
        a, b = getattr(one, name), getattr(other, name)
        if a.tobytes() != b.tobytes():
            rows = [i for i in range(min(len(a), len(b))) if a[i].tobytes() != b[i].tobytes()]
            at = rows[0] if rows else min(len(a), len(b))
            lines = [repr(x[at]) if at < len(x) else "(nothing)" for x in (a, b)]
            msg = f"case {case}: {name} differ from row {at} of {len(a)} and {len(b)}\n" + "\n".join(lines)
            raise AssertionError(msg)
    assert one.counters == other.counters, case
    assert one.final_equity == other.final_equity, case
    assert one.score == other.score, case
