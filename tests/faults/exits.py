"""Exits, targets and tactics while everything fails: more scenarios, in the manner of the field's catalogue."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.flushes import FLUSHES, play_flush
from tests.faults.scenarios import Case, expect, play, play_script
from tests.faults.tactic_driver import Driver
from tests.faults.world import CAPABILITIES, X

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side
from tradewright.core.types.venue import Idempotency
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.tactics.messages import ParentFilled, Quoted
from tradewright.execution.tactics.params import Tactic, TacticParams

_FAULTS = ("", "lose request", "lose answer", "late")


def _quote(c: Case, price: float, seconds: float) -> None:
    """Let the market stand at a price and be seen there, ten times a second."""
    c.world.inside(lambda: c.world.venue.move(X, price))
    for _ in range(int(seconds * 10)):
        c.world.inside(lambda: c.world.quote(price))
        c.world.run(0.1)


def _enter(c: Case) -> float:
    """Enter with a stop and a target at a venue that would fill two exits; return the target."""
    c.world.venue.enforces_reduce_only = False
    target = 100.0 + 4.0 * c.side
    c.enter(take_profit=target)
    _quote(c, 100.0, 2.0)
    expect(c.covered() == c.lots, "not protected before the target")
    return target


def _watched(c: Case, price: float, seconds: float, share: float = 1.0) -> None:
    """The same, and the position is at no time without a stop at the venue for longer than a share of T_protect.

    Where stops hold the lots and nobody answers, the exit that ends this has its way to go, too.
    """
    most = share * c.world.capabilities.t_protect_s + 0.3 * c.world.capabilities.exits_hold_lots
    since = c.world.loop.time()
    for _ in range(int(seconds * 10)):
        _quote(c, price, 0.1)
        if c.covered() >= abs(c.held()):
            since = c.world.loop.time()
        expect(c.world.loop.time() - since < most, "bare, and T_protect is over")


def _never_turned(c: Case) -> None:
    """Every execution in order: the position goes to zero and never beyond."""
    held = 0
    for fill in c.world.venue.executions:
        held += fill.side * fill.lots
        expect(held * c.side >= 0, "closed twice")


def _exits(c: Case) -> list[Origin]:
    return [i.origin for _, i in c.world.seen.gates if i.is_reduce_only and i.kind is OrderKind.MARKET]


def t01(c: Case) -> None:
    """The target is reached; the cancel of the stop, or the exit itself, meets every fault."""
    target = _enter(c)
    weather, fault = c.world.venue.weather, str(c.rng.choice((*_FAULTS, "no answers")))
    weather.is_silent = bool(c.rng.random() < 0.5)
    if fault == "no answers":  # what is asked is done, and nobody says so
        weather.loses_answer = 1.0
    else:
        (c.world.venue.script if c.rng.random() < 0.5 else c.world.venue.cancel_script).append(fault)
    is_again = fault == "no answers" and not c.world.capabilities.exits_hold_lots  # the stop, after half the time
    _watched(c, target, 3.0, 0.65 if is_again else 1.0)
    weather.loses_answer = 0.0
    _watched(c, target - 1.0 * c.side, 5.0)
    _quote(c, target, 40.0)
    expect(c.held() == 0 and not c.stops(), "not closed at the target")
    _never_turned(c)


def t02(c: Case) -> None:
    """Everything works: one exit, no stop left, nobody called."""
    target = _enter(c)
    _quote(c, target, 5.0)
    expect(c.held() == 0 and not c.stops(), "not closed at the target")
    expect(_exits(c) == [Origin.TAKE_PROFIT], f"closed by {_exits(c)}")
    expect(not c.world.alerts("emergency exit"), "an exit as planned is no emergency")
    _never_turned(c)


def t03(c: Case) -> None:
    """The market falls through the stop while the target is being taken, and the stream says nothing of it."""
    target = _enter(c)
    c.world.venue.weather.is_silent = True

    def race() -> None:
        c.world.venue.move(X, target)
        c.world.quote(target)
        c.world.venue.move(X, c.stop)

    c.world.inside(race)
    _quote(c, c.stop, 30.0)
    _never_turned(c)
    expect(c.held() == 0, "not closed")


def t04(c: Case) -> None:
    """The client dies between the end of the stop and the exit."""
    target = _enter(c)
    world = c.world
    world.disk.crash_at = world.disk.operations + int(c.rng.integers(1, 12))
    with world.survives():
        _quote(c, target, 2.0)
    world.disk.crash_at = 0
    _quote(c, target - 1.0 * c.side, 30.0)
    _never_turned(c)
    expect(c.held() == 0 or c.covered() == abs(c.held()), "left bare after the restart")


def t05(c: Case) -> None:
    """The venue refuses the exit: the stop is placed again, and the target is not forgotten."""
    target = _enter(c)
    c.world.venue.script.append("reject")
    _quote(c, target, 0.3)
    _quote(c, target - 1.0 * c.side, 4.0)
    expect(c.covered() == c.lots, "the stop was not placed again")
    _quote(c, target, 5.0)
    expect(c.held() == 0 and not c.stops(), "not closed the second time")
    _never_turned(c)


def t06(c: Case) -> None:
    """A venue whose stops hold the lots: exits of the strategy are not refused, and leave a stop for the rest."""
    c.enter()
    c.world.run(3.0)
    part = int(c.rng.integers(1, c.lots))
    for lots in (part, c.lots - part):
        name = c.world.enter(lots, Side(-c.side), None, is_reduce_only=True)
        c.world.run(3.0)
        expect(c.status(name) is OrderStatus.FILLED, f"the exit is {c.status(name).name}")
        expect(c.covered() == abs(c.held()), "the stop is not as large as the position")
    expect(c.held() == 0 and not c.world.alerts("emergency exit"), "not closed as planned")


def t07(c: Case) -> None:
    """The same venue does not answer the cancel of the stop: protected again, or closed, within T_protect."""
    c.enter()
    c.world.run(3.0)
    c.world.venue.cancel_script.append(str(c.rng.choice(_FAULTS[1:])))
    c.world.enter(c.lots, Side(-c.side), None, is_reduce_only=True)
    c.world.run(40.0)
    expect(c.held() == 0 or c.covered() == abs(c.held()), "left bare")
    _never_turned(c)


def _in_bounds(c: Case, driver: Driver, order: int, wanted: int) -> int:
    """Hold what the venue has of an order against what was wanted; return what it has filled."""
    books = [b for b in c.world.venue.books.values() if b.intent.client_id in driver.names(order)]
    done = sum(b.told.filled for b in books)
    left = sum(b.told.lots - b.told.filled for b in books if b.told.is_open)
    expect(done + left <= wanted, f"{done} lots filled and {left} in the market, wanted were {wanted}")
    expect(not (left and driver.has_ended(order)), f"it has ended, and {left} lots of it are in the market")
    return done


def _works(c: Case, driver: Driver, order: int, wish: Wish) -> None:
    """Want an order, let the market wander and the network fail, and look at what the venue did of it."""
    weather, price = c.world.venue.weather, 100.0
    weather.loses_request, weather.loses_answer = (float(c.rng.choice([0.0, 0.1, 0.3])) for _ in range(2))
    weather.is_silent = bool(c.rng.random() < 0.3)
    c.world.venue.fill_share = float(c.rng.choice([0.3, 1.0]))
    driver.quote(X, price - 0.01, price + 0.01)
    driver.want(order, wish)
    for _ in range(120):
        price = round(price + float(c.rng.normal(0.0, 0.02)), 2)
        driver.quote(X, price - 0.01, price + 0.01)
        c.world.inside(lambda price=price: c.world.venue.move(X, price))  # type: ignore[misc]
        c.world.run(0.5)
        _in_bounds(c, driver, order, wish.lots)
    weather.loses_request = weather.loses_answer = 0.0
    c.world.venue.fill_share = 1.0
    for _ in range(120):
        driver.quote(X, price - 0.01, price + 0.01)
        c.world.run(0.5)
    fills = [e for e in driver.effects if isinstance(e, ParentFilled) and e.order_id == order]
    expect(driver.has_ended(order), "the order has no end")
    expect(sum(f.lots for f in fills) == _in_bounds(c, driver, order, wish.lots), f"not all was told of: {fills}")


_QUICK = TacticParams(
    market=Tactic.QUOTED,
    market_exit=Tactic.QUOTED,
    buffer_bps=3.0,
    requote_s=3.0,
    requote_bps=1.0,
    patience_s=15.0,
    give_up_s=30.0,
)


def t08(c: Case) -> None:
    """A quoted order in bad weather: never more than its lots in the market, and it comes to an end."""
    driver = Driver(c.world, _QUICK)
    _works(c, driver, 1, Wish("S", X, c.side, OrderKind.MARKET, c.lots))


def t09(c: Case) -> None:
    """A venue that turns no position: first flat, then the other way, in two orders."""
    c.enter(stop_loss=None)
    c.world.run(3.0)
    driver = Driver(c.world, TacticParams())
    more = int(c.rng.integers(1, 100))
    wish = Wish("S", X, Side(-c.side), OrderKind.MARKET, c.lots + more, stop_loss=100.0 + 5.0 * c.side)
    driver.want(1, wish)
    c.world.run(5.0)
    expect(driver.has_ended(1) and c.held() == -c.side * more, f"{c.held()} lots are held")
    expect(len(driver.names(1)) == 2, "it was not split")
    expect(c.covered() == more, "the new position is not protected")


def t10(c: Case) -> None:
    """A quote fills in the instant in which it is cancelled, and the execution is told of later than the cancel."""
    driver = Driver(c.world, _QUICK)
    driver.quote(X, 99.99, 100.01)
    driver.want(1, Wish("S", X, c.side, OrderKind.MARKET, c.lots))
    c.world.run(2.0)
    c.world.venue.weather.shuffles_s = 1.5
    away = 100.0 + 1.0 * c.side

    def race() -> None:
        (name,) = driver.names(1)
        c.world.venue.fill(c.world.venue.find(name)[0].told.venue_id, int(c.rng.integers(1, c.lots)))
        driver.take(Quoted(X, away - 0.01, away + 0.01, c.world.now_ns()))

    c.world.inside(race)
    for _ in range(100):
        c.world.run(0.1)
        _in_bounds(c, driver, 1, c.lots)
    expect(len(driver.names(1)) > 1, "it was not quoted anew")
    driver.cancel(1)
    c.world.run(5.0)
    expect(driver.has_ended(1), "the order has no end")
    _in_bounds(c, driver, 1, c.lots)


def _exits_at(c: Case) -> tuple[Driver, float]:
    """Enter with a stop and want a limit exit beyond the market; return what works it, and its price."""
    c.enter()
    driver, limit = Driver(c.world, TacticParams()), 100.0 + 2.0 * c.side
    _stands(c, driver, 100.0, 2.0)
    driver.want(1, Wish("S", X, Side(-c.side), OrderKind.LIMIT, c.lots, limit_price=limit, is_reduce_only=True))
    _stands(c, driver, 100.0, 3.0)
    expect(c.covered() == c.lots and not driver.names(1), "the exit is not held back, or the stop does not stand")
    return driver, limit


def _stands(c: Case, driver: Driver, price: float, seconds: float) -> None:
    """Let the market stand at a price, seen ten times a second; at no time bare for longer than T_protect."""
    since = c.world.loop.time()
    c.world.inside(lambda: c.world.venue.move(X, price))
    for _ in range(int(seconds * 10)):
        driver.quote(X, price, price)
        c.world.run(0.1)
        if c.covered() >= abs(c.held()):
            since = c.world.loop.time()
        expect(c.world.loop.time() - since < c.world.capabilities.t_protect_s + 0.3, "bare, and T_protect is over")


def t11(c: Case) -> None:
    """A limit exit beside a stop that holds the lots: it waits here, and takes the stop's place at its price."""
    driver, limit = _exits_at(c)
    _stands(c, driver, limit, 4.0)
    expect(c.held() == 0 and not c.stops() and driver.has_ended(1), "not closed at its limit")
    expect(not c.world.alerts("emergency exit"), "an exit as planned is no emergency")
    _never_turned(c)


def t12(c: Case) -> None:
    """The client dies between the end of the stop and the limit exit."""
    driver, limit = _exits_at(c)
    world = c.world
    world.disk.crash_at = world.disk.operations + int(c.rng.integers(1, 12))
    with world.survives():
        _stands(c, driver, limit, 1.0)
    world.disk.crash_at = 0
    _stands(c, Driver(world, TacticParams()), 100.0, 30.0)  # what was worked has ended with its session
    _never_turned(c)
    expect(c.held() == 0 or c.covered() == abs(c.held()), "left bare after the restart")


def t13(c: Case) -> None:
    """The price is gone before the exit arrives, in any weather: the stop is back, and the exit not forgotten."""
    driver, limit = _exits_at(c)
    (c.world.venue.script if c.rng.random() < 0.5 else c.world.venue.cancel_script).append(str(c.rng.choice(_FAULTS)))
    c.world.inside(lambda: driver.take(Quoted(X, limit, limit, c.world.now_ns(), c.position())))
    _stands(c, driver, 100.0, 30.0)
    expect(c.held() == 0 or c.covered() == c.lots, "the stop is not back")
    if c.held():
        _stands(c, driver, limit, 10.0)
        expect(c.held() == 0 and driver.has_ended(1), "not closed the second time")
    _never_turned(c)


def t14(c: Case) -> None:
    """The stop is hit while the exit waits: the exit ends with the position, and meets no later one."""
    driver, limit = _exits_at(c)
    _stands(c, driver, c.stop, 4.0)
    expect(c.held() == 0 and driver.has_ended(1), "the exit outlived its position")
    c.enter()
    _stands(c, driver, limit, 4.0)
    expect(c.held() == c.lots * c.side and c.covered() == c.lots, "an old exit met a new position")


_HOLDS = CAPABILITIES.model_copy(update={"exits_hold_lots": True, "turns_positions": False})
_KINDS = tuple(
    CAPABILITIES.model_copy(update={"idempotency": kind})
    for kind in (Idempotency.HARD, Idempotency.OPEN_ONLY, Idempotency.TAG)
)
_ONLY = dict.fromkeys(("T06", "T07", "T09", "T11", "T12", "T13", "T14"), (_HOLDS,))

EXITS: dict[str, Callable[[Case], None]] = {
    name.upper(): script for name, script in sorted(globals().items()) if name[:1] == "t" and name[1:].isdigit()
}


def play_exit(name: str, seed: int) -> str:
    """Play a scenario of this file; as `scenarios.play`."""
    return play_script(EXITS[name], name, seed, _ONLY.get(name, (*_KINDS, _HOLDS)))


def play_any(name: str, seed: int) -> str:
    """Play a scenario of any file."""
    if name in FLUSHES:
        return play_flush(name, seed)
    return play_exit(name, seed) if name in EXITS else play(name, seed)
