"""Classic mistakes, planted one at a time into the running code; each must be caught by the scenario that guards it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any


@dataclass(frozen=True)
class Planted:
    """One mistake: ``right`` stands once in the module, ``wrong`` replaces it, part ``guard`` of the soak must fail."""

    name: str
    module: str
    right: str
    wrong: str
    guard: str


_ORDERS = "tradewright.execution.orders."
_DESK = "tradewright.execution.desk"
_JOURNAL = "tradewright.execution.journal."
_TACTICS = "tradewright.execution.tactics."

BUGS = [
    Planted(
        "a retry has a new id",
        _DESK,
        "told = await self.venue.submit(intent, gate)",
        "import dataclasses\n"
        "                again = self.state.orders[intent.client_id].asks\n"
        "                sent = dataclasses.replace(intent, client_id=intent.client_id + 'X' * again)\n"
        "                told = await self.venue.submit(sent, gate)",
        "F05",
    ),
    Planted(
        "a time-out is a rejection",
        _DESK,
        "if isinstance(error, kind)), Outcome.TIMEOUT)",
        "if isinstance(error, kind)), Outcome.REFUSED)",
        "F02",
    ),
    Planted(
        "a time-out means that nothing was sent",
        _DESK,
        "if isinstance(error, kind)), Outcome.TIMEOUT)",
        "if isinstance(error, kind)), Outcome.NOT_SENT)",
        "F02",
    ),
    Planted(
        "a fill is applied twice",
        _ORDERS + "fills",
        "if known is not None:\n        return _again",
        "if known is not None and told.source.value == 'fills':\n        return _again",
        "F13",
    ),
    Planted(
        "a fill is known by its order alone",
        _ORDERS + "fills",
        "if fill.trade_id and scope",
        "if not fill.trade_id and scope",
        "F20",
    ),
    Planted(
        "a kill is not persisted",
        _ORDERS + "recovery",
        "return _NAMES.get(type(told))",
        "return None if type(told) is Killed else _NAMES.get(type(told))",
        "F46",
    ),
    Planted(
        "an intent is sent before it is durable",
        _DESK,
        "said = await self._flusher.upto(record, self.params.answer_s)",
        "said = ''",
        "F01",
    ),
    Planted(
        "a flush covers what was written after it began",
        _JOURNAL + "writing",
        "max(self.durable, sequence), self._begun_ns",
        "self.sequence, self._begun_ns",
        "D01",
    ),
    Planted(
        "a flush that failed is forgotten",
        _JOURNAL + "writing",
        "self.failure = self.failure or (trouble",
        "self.durable = self.sequence if trouble else (trouble",
        "D02",
    ),
    Planted(
        "a full disk is ignored",
        _DESK,
        "except JournalUnavailableError:\n",
        "except JournalUnavailableError:\n                return self._step(told)\n",
        "F57",
    ),
    Planted(
        "an unknown order does not count",
        _ORDERS + "state",
        "if self.is_alive:\n            return max(self.intent.lots",
        "if self.is_alive and self.status is not OrderStatus.UNKNOWN:\n            return max(self.intent.lots",
        "F02",
    ),
    Planted(
        "new risk while an order is unknown",
        _ORDERS + "gate",
        "if any(o.intent.client_id != _name(order) for o in state.unknown(order.instrument)):",
        "if False:",
        "F02",
    ),
    Planted(
        "a refused cancel is a cancelled order",
        _ORDERS + "reports",
        "    become_unknown(state, order)\n    return [Ask(failed.client_id)]",
        "    order.status = OrderStatus.CANCELED\n    return []",
        "F17",
    ),
    Planted(
        "one empty answer means that there is no order",
        _ORDERS + "unknown",
        "if max(order.silences.values()) < state.params.min_silences:",
        "silent = _ORDERS | _TRADES\n    if False:",
        "F02",
    ),
    Planted(
        "an order is given up by its age alone",
        _ORDERS + "unknown",
        "if not ((silent & _ORDERS and silent & _TRADES) or silent >= _WITHOUT_HISTORY):",
        "if state.now - order.ts_unknown < 5 * SECOND:",
        "F01",
    ),
    Planted(
        "an id that is a label is sent again",
        _ORDERS + "unknown",
        "if capabilities.idempotency is Idempotency.HARD:",
        "if True:",
        "F06",
    ),
    Planted(
        "an entry from before the crash is sent",
        _ORDERS + "unknown",
        "waits = order.is_protective and not order.is_cancel_wanted and order.intent.epoch == state.epoch",
        "waits = True",
        "F07",
    ),
    Planted(
        "a stop is as large as the order",
        _ORDERS + "protection",
        "missing = size - cover - sum(",
        "missing = max([size, *(o.intent.lots for o in state.live(name) if not o.is_protective)]) - cover - sum(",
        "F18",
    ),
    Planted(
        "protection waits for the next signal",
        _ORDERS + "machine",
        "return effects + protect_all(state)",
        "return effects + (protect_all(state) if isinstance(told, Intended) else [])",
        "F09",
    ),
    Planted(
        "a refused stop is tried for ever",
        _ORDERS + "protection",
        "known.stops_lost += 2",
        "known.stops_lost += 0",
        "F24",
    ),
    Planted(
        "a cancelled stop is fought for",
        _ORDERS + "protection",
        "known.stops_lost += 1",
        "known.stops_lost += 0",
        "F26",
    ),
    Planted(
        "an orphan stop works on",
        _ORDERS + "protection",
        "return effects + [e for o in closing for e in want_cancel(o)]",
        "return effects",
        "F27",
    ),
    Planted(
        "two exits that both filled are kept",
        _ORDERS + "fills",
        "known.must_exit = True",
        "known.must_exit = False",
        "F23",
    ),
    Planted(
        "a late fill is dropped",
        _ORDERS + "fills",
        "    return _applied(state, order, fill)",
        "    return _applied(state, order, fill) if order.is_alive else []",
        "F16",
    ),
    Planted(
        "a correction is ignored",
        _ORDERS + "fills",
        "state.of(fill.instrument).position -= known.side * known.lots",
        "pass",
        "F20",
    ),
    Planted("the gate is asked only once", _DESK, "said = refusal(self.state, intent) or (", "said = (", "F47"),
    Planted("the lease is not looked at", _DESK, '"" if self.ports.is_mine() else', '"" if True else', "F55"),
    Planted(
        "a kill cancels the stops",
        _ORDERS + "gate",
        "return mine and order.is_alive and not order.is_protective",
        "return mine and order.is_alive",
        "F50",
    ),
    Planted(
        "one person releases a kill",
        _ORDERS + "gate",
        "if not release.confirmed_by or release.confirmed_by == release.by or not release.reason.strip():",
        "if False:",
        "F49",
    ),
    Planted(
        "somebody's position is ours",
        _ORDERS + "reconcile",
        "known.external += difference",
        "known.position += difference",
        "F60",
    ),
    Planted(
        "an error is an empty list",
        _DESK,
        "orders = await self.venue.open_orders()\n            positions = await self.venue.positions()",
        "orders, positions = [], []",
        "F43",
    ),
    Planted(
        "executions during a cut are not fetched",
        _DESK,
        "for fill in await self.venue.fills(self.state.watermark - overlap):",
        "for fill in ():",
        "F27",
    ),
    Planted(
        "silence of the stream is not noticed",
        _DESK,
        "if any(by <= now for by in self._expected.values()):",
        "if False:",
        "F30",
    ),
    Planted(
        "FILLED is believed without executions",
        _ORDERS + "reports",
        "order.status = OrderStatus.FILLED if order.filled == order.intent.lots else order.status",
        "order.filled, order.status = order.intent.lots, OrderStatus.FILLED",
        "F17",
    ),
    Planted(
        "the clock goes back", _ORDERS + "machine", "state.now = max(state.now, told.ts)", "state.now = told.ts", "F39"
    ),
    Planted(
        "sequence numbers begin anew without an epoch",
        _ORDERS + "machine",
        "wish.strategy, state.epoch, state.next_sequence, max_len",
        "wish.strategy, 0, state.next_sequence, max_len",
        "F11",
    ),
    Planted("the chain is not checked", _JOURNAL + "reading", " and frame.chain == frame.after(tail.chain)", "", "F59"),
    Planted(
        "rejections are tried for ever",
        _ORDERS + "reports",
        "if len(recent) < state.params.rejects_per_minute or",
        "if True or",
        "F12",
    ),
    Planted(
        "a target is taken beside the stop",
        _ORDERS + "exits",
        "(state.capabilities.exits_hold_lots or order.intent.origin is Origin.TAKE_PROFIT)",
        "state.capabilities.exits_hold_lots",
        "T03",
    ),
    Planted(
        "a cancel that was asked for is a stop that is gone",
        _ORDERS + "exits",
        "is_free = not is_filling and sum(o.remaining for o in standing) <= room",
        "is_free = True",
        "T03",
    ),
    Planted(
        "an exit waits for a stop for ever",
        _ORDERS + "exits",
        "(is_over or is_bare or known.must_exit)",
        "False",
        "T01",
    ),
    Planted(
        "a position relies on an exit that nobody knows of",
        _ORDERS + "exits",
        "return order.is_held or (order.status is not OrderStatus.UNKNOWN and is_young)",
        "return True",
        "T01",
    ),
    Planted(
        "a stop that holds the lots is left in the way",
        _ORDERS + "exits",
        "return order.is_market_exit and (",
        "return order.is_market_exit and False and (",
        "T06",
    ),
    Planted(
        "an exit that is not known is not counted at the target",
        _ORDERS + "exits",
        "sum(o.remaining for o in state.live(name) if o.is_market_exit)",
        "sum(o.remaining for o in state.live(name) if o.is_market_exit and o.status is not OrderStatus.UNKNOWN)",
        "T01",
    ),
    Planted(
        "a new quote does not wait for the cancel of the old one",
        _TACTICS + "working",
        "return _cancels(live) if _gives_way(state, parent, live[-1]) else []",
        "if not (found := _cancels(live) if _gives_way(state, parent, live[-1]) else []):\n            return []\n"
        "        live = []",
        "T08",
    ),
    Planted(
        "an unknown quote does not count",
        _TACTICS + "state",
        "return max(self.wish.lots - self.filled, 0) if self.is_alive else self.unseen",
        "return max(self.wish.lots - self.filled, 0) if self.is_alive and self.status.name != 'UNKNOWN' else 0",
        "T08",
    ),
    Planted(
        "a cancelled quote has filled what we have seen",
        _TACTICS + "state",
        "if self.is_alive else self.unseen",
        "if self.is_alive else 0",
        "T10",
    ),
    Planted(
        "a new quote is as large as the order",
        _TACTICS + "working",
        "wish = replace(parent.wish, lots=parent.wish.lots - parent.filled)",
        "wish = parent.wish",
        "T08",
    ),
    Planted(
        "a position is turned in one order",
        _TACTICS + "machine",
        "if turns and not state.capabilities.turns_positions else 0",
        "if False else 0",
        "T09",
    ),
    Planted(
        "nobody hears that a part was over before its name was known",
        "tradewright.engine.live.runtime",
        "if order is not None and not order.is_alive:",
        "if order is None:",
        "sessions",
    ),
]


@contextmanager
def plant(bug: Planted) -> Iterator[None]:
    """Have a mistake in the running functions of its module, and take it out again."""
    module = importlib.import_module(bug.module)
    path = Path(inspect.getfile(module))
    text = path.read_text(encoding="utf-8")
    assert text.count(bug.right) == 1, f"the code has moved: {bug.right!r} in {path.name}"
    wrong = {f"{bug.module}.{k}": v for k, v in _codes(text.replace(bug.right, bug.wrong), path).items()}
    right: list[tuple[FunctionType, CodeType]] = []
    for function in _functions(module):
        right.append((function, function.__code__))
        function.__code__ = wrong[f"{bug.module}.{function.__qualname__}"]
    try:
        yield
    finally:
        for function, code in right:
            function.__code__ = code


def _codes(text: str, path: Path) -> dict[str, CodeType]:
    """Return the code of every function and method in a source, by qualified name."""
    found: dict[str, CodeType] = {}
    todo = [compile(text, str(path), "exec", dont_inherit=True)]
    while todo:
        for const in todo.pop().co_consts:
            if isinstance(const, CodeType):
                found[const.co_qualname] = const
                todo.append(const)
    return found


def _functions(module: Any) -> Iterator[FunctionType]:
    """Yield the functions and methods that a module defines itself."""
    for owner in [
        module,
        *(v for v in vars(module).values() if inspect.isclass(v) and v.__module__ == module.__name__),
    ]:
        for value in vars(owner).values():
            function = value.fget if isinstance(value, property) else getattr(value, "__wrapped__", value)
            if not isinstance(function, FunctionType) or function.__module__ != module.__name__:
                continue
            if function.__code__.co_filename == module.__file__:  # dataclasses write methods of their own
                yield function
