"""One live session refused for each missing condition, with real files, and none with all of them there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.rollout.made_up import make_evidence, make_model, register

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.core.types.order import OrderKind, Side, TradingState
from tradewright.core.types.venue import OrderIntent
from tradewright.execution.drill import Round
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Intended, Started
from tradewright.execution.orders.lease import Lease
from tradewright.execution.orders.recovery import kind_of, to_payload
from tradewright.risk.arming.arm_file import HOUR_NS, Armed, ArmFile, phrase_of
from tradewright.risk.arming.conditions import Condition, OrderFacts, check_conditions, missing_conditions
from tradewright.risk.trading_state import TradingStateFile
from tradewright.rollout.policy import read_policy
from tradewright.rollout.promotion import promote
from tradewright.rollout.registry import Registry
from tradewright.rollout.switching import promote_unproven
from tradewright.services.trading.arming import approve, gathered, model_of, running_release
from tradewright.services.trading.evidence import Drilled, keep_evidence
from tradewright.services.trading.folder import AccountFolder
from tradewright.services.trading.order_facts import facts_of, recovered
from tradewright.services.trading.settings import TradingFile, config_hash, read_trading

NOW = 1_700_000_000 * 10**9
CONFIG: dict[str, Any] = {
    "strategy": {"name": "ema_cross"},
    "data": {"symbols": ["AAPL@1m"]},
    "trading": {"account": "main", "venue": "alpaca", "kind": "live", "unproven": True},
    "limits": {"max_order_value": 1000, "max_position_value": 5000, "intraday_loss": 0.02, "max_drawdown": 0.1},
}
KEYS = {"TRADEWRIGHT_KEYS_ALPACA_LIVE_KEY": "AKREAL", "TRADEWRIGHT_KEYS_ALPACA_LIVE_SECRET": "hush-hush"}


@dataclass
class Place:
    """A live session that lacks nothing, until a test takes something away."""

    root: Path
    config: dict[str, Any] = field(default_factory=lambda: {k: dict(v) for k, v in CONFIG.items()})
    environment: dict[str, str] = field(default_factory=lambda: dict(KEYS))
    more: dict[str, Any] = field(default_factory=lambda: {"drift_ms": 3.0})
    now: int = NOW

    @property
    def folder(self) -> AccountFolder:
        return AccountFolder("main", self.root / "accounts")

    def file(self) -> TradingFile:
        path = self.root / "live.yaml"
        path.write_text(yaml.safe_dump(self.config), encoding="utf-8")
        return read_trading(path)

    def prepare(self) -> None:
        file = self.file()
        release = running_release(file, model_of(file)[1])
        hashes = ("main", release.config_hash, release.code_hash, release.model_hash)
        TradingStateFile(self.folder.state).write(TradingState.ACTIVE, "ann", "begin", NOW)
        ArmFile(self.folder.arm).arm(Armed(*hashes, "ann", NOW - HOUR_NS, NOW + HOUR_NS), phrase_of("main"))
        approve(self.folder, release)

    def missing(self) -> list[str]:
        facts = gathered(self.file(), self.environment, self.now, self.root / "accounts", **self.more)
        return [m.condition.value for m in missing_conditions(facts)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.prepare()
    return made


def test_nothing_is_missing_and_nothing_is_made(place: Place) -> None:
    assert place.missing() == []
    assert not place.folder.journal.exists()


def doubt(place: Place) -> None:
    """Leave an order behind that nobody saw acknowledged."""
    intent = OrderIntent("A", 1, 1, "S", "AAPL", Side.BUY, OrderKind.MARKET, 1, NOW)
    with Journal(FolderDisk(place.folder.journal), lambda: NOW) as journal:
        for told in (Started(1, NOW), Intended(intent, NOW)):
            kind = kind_of(told)
            assert kind
            journal.append(kind, to_payload(told), NOW, NOW)


def damage(place: Place) -> None:
    doubt(place)
    segment = next(place.folder.journal.iterdir())
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)


def set_trading(name: str, value: object) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        place.config["trading"][name] = value
        place.prepare()

    return change


def drop_limit(name: str) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        del place.config["limits"][name]
        place.prepare()

    return change


def model(place: Place) -> None:
    place.config["forecasts"] = {"model": "trend", "registry": str(place.root / "models")}
    place.config["trading"]["unproven"] = False
    place.prepare()


def wrong_keys(place: Place) -> None:
    place.environment["TRADEWRIGHT_KEYS_ALPACA_LIVE_KEY"] = "PKPAPER"


@pytest.mark.parametrize(
    ("take_away", "condition"),
    [
        (lambda p: p.folder.arm.unlink(), "ARMED"),
        (set_trading("drill_days", 7), "DRILL"),
        (lambda p: p.folder.arm.write_text("{}"), "ARMED"),
        (lambda p: setattr(p, "now", NOW + 2 * HOUR_NS), "ARM_EXPIRED"),
        (lambda p: p.environment.clear(), "KEYS"),
        (lambda p: p.environment.pop("TRADEWRIGHT_KEYS_ALPACA_LIVE_SECRET"), "KEYS"),
        (wrong_keys, "KEYS"),
        (set_trading("unproven", False), "MODEL"),
        (model, "MODEL"),
        (drop_limit("max_order_value"), "LIMITS"),
        (drop_limit("max_position_value"), "LIMITS"),
        (drop_limit("intraday_loss"), "LIMITS"),
        (drop_limit("max_drawdown"), "LIMITS"),
        (damage, "RECONCILED"),
        (lambda p: p.more.update(orders=OrderFacts(trouble="not reconciled yet")), "RECONCILED"),
        (lambda p: TradingStateFile(p.folder.state).write(TradingState.HALTED, "a", "b", 1), "STATE"),
        (lambda p: p.folder.state.unlink(), "STATE"),
        (lambda p: p.folder.state.write_text("x"), "STATE"),
        (lambda p: p.more.update(drift_ms=800.0), "CLOCK"),
        (lambda p: p.more.clear(), "CLOCK"),
        (lambda p: p.folder.approved.unlink(), "RELEASE"),
        (lambda p: p.folder.approved.write_text("{}"), "RELEASE"),
    ],
)
def test_each_missing_condition_refuses(place: Place, take_away: Callable[[Place], object], condition: str) -> None:
    take_away(place)
    assert place.missing() == [condition]
    with pytest.raises(UsageError) as raised:
        check_conditions(gathered(place.file(), place.environment, place.now, place.root / "accounts", **place.more))
    assert raised.value.exit_code == 2
    assert not {"AKREAL", "PKPAPER", "hush-hush"} & set(str(raised.value).split())


def test_an_order_in_doubt_keeps_nobody_from_starting_because_only_a_session_can_ask_the_venue(place: Place) -> None:
    doubt(place)
    assert place.missing() == []
    left = recovered(place.folder.journal)
    assert left is not None
    place.more["orders"] = facts_of(left)
    assert place.missing() == ["RECONCILED"]  # once it has been asked


def test_a_model_counts_when_the_gate_promoted_it_and_the_hash_binds_it(place: Place) -> None:
    registry = Registry(place.root / "models", count(NOW).__next__)
    folder = place.root / "trained"
    make_evidence(folder / "evidence", make_model(folder), 0.15)
    version = register(registry, folder, "trend")
    model(place)
    assert place.missing() == ["MODEL"]  # registered is not promoted
    promote_unproven(registry, version, "an emergency that somebody has to explain")
    assert place.missing() == ["ARM_MATCHES", "MODEL", "RELEASE"]
    promote(registry, version, read_policy("default"))
    assert place.missing() == ["ARM_MATCHES", "RELEASE"]  # armed before there was a model
    place.prepare()
    assert place.missing() == []


def test_a_paper_configuration_is_refused(place: Place) -> None:
    place.config["trading"]["kind"] = "paper"
    place.environment = {"TRADEWRIGHT_KEYS_ALPACA_PAPER_KEY": "PKX", "TRADEWRIGHT_KEYS_ALPACA_PAPER_SECRET": "x"}
    place.prepare()
    assert place.missing() == ["KIND"]


def test_another_configuration_than_was_armed_is_refused(place: Place) -> None:
    place.config["limits"]["max_order_value"] = 999
    assert place.missing() == ["ARM_MATCHES", "RELEASE"]


@contextmanager
def held(place: Place) -> Iterator[None]:
    with Lease(place.folder.path):
        yield


def test_a_second_process_is_refused_and_the_holder_is_not(place: Place) -> None:
    with held(place):
        assert place.missing() == ["LEASE"]
        place.more["holds_lease"] = True
        assert place.missing() == []
    assert Condition.LEASE.value == "LEASE"


def test_the_hash_of_a_configuration_is_of_its_content() -> None:
    assert config_hash({"a": 1, "b": [1]}) == config_hash({"b": [1], "a": 1})
    assert config_hash({"a": 1}) != config_hash({"a": 2})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strategy: {name: x}\n", "no section `trading`"),
        ("trading: {account: Main, venue: alpaca}\n", "no account's name"),
        ("trading: {account: '..', venue: alpaca}\n", "no account's name"),
        ("trading: {account: main, venue: alpacca}\n", "alpaca"),
        ("trading: {account: main, venue: alpaca, kind: real}\n", "live"),
        ("trading: {account: main, venue: alpaca, knd: live}\n", "kind"),
        ("trading: {account: main, venue: alpaca}\nlimits: {max_drawdown: 3}\n", "max_drawdown"),
    ],
)
def test_a_section_that_makes_no_sense_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "live.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read_trading(path)
    assert words in str(raised.value)
    assert "live.yaml" in raised.value.where


def test_a_drill_counts_that_passed_is_this_builds_unchanged_and_not_too_old(place: Place) -> None:
    def drilled(at_ns: int, took_ms: float = 1.0) -> Path:
        return keep_evidence(place.folder, Drilled([Round(took_ms, 1.0, 1.0, 1.0)], "a test"), at_ns)[0]

    set_trading("drill_days", 7)(place)
    drilled(NOW - 8 * 24 * HOUR_NS)
    assert place.missing() == ["DRILL"]
    drilled(NOW - 6 * 24 * HOUR_NS)
    assert place.missing() == []
    changed = drilled(NOW - HOUR_NS)
    changed.write_text(changed.read_text(encoding="utf-8").replace("a test", "another"), encoding="utf-8")
    assert place.missing() == ["DRILL"]
    drilled(NOW - HOUR_NS // 2, took_ms=51.0)
    assert place.missing() == ["DRILL"]
    set_trading("drill_account", "practice")(place)
    assert place.missing() == ["DRILL"]
    folder = replace(place.folder, name="practice")
    keep_evidence(folder, Drilled([Round(1.0, 1.0, 1.0, 1.0)], "a test"), NOW)
    assert place.missing() == []


def test_the_symbols_of_several_strategies_are_the_accounts(tmp_path: Path) -> None:
    path = tmp_path / "several.yaml"
    path.write_text(
        "strategies:\n  - {name: ema_cross, symbols: [AAPL@1d, MSFT]}\n  - {name: confidence, symbols: GOOG@1h}\n"
        "trading: {account: several, venue: alpaca, kind: live}\n",
        encoding="utf-8",
    )
    assert read_trading(path).symbols == ("AAPL", "MSFT", "GOOG")
