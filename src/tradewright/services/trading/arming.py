"""The facts that arming asks for, from real files, the environment and the registry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from tradewright.core.types.errors import TradewrightError
from tradewright.execution.journal.errors import JournalBusyError
from tradewright.execution.orders.lease import Lease
from tradewright.execution.orders.release import Release, check_release
from tradewright.risk.arming.arm_file import ArmFile
from tradewright.risk.arming.conditions import ArmingFacts, ModelFacts, OrderFacts
from tradewright.risk.durable import write_text
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.runs.origins import code_hash
from tradewright.services.trading.evidence import newest_drill
from tradewright.services.trading.folder import ACCOUNTS, AccountFolder
from tradewright.services.trading.order_facts import journal_facts
from tradewright.services.trading.settings import TradingFile
from tradewright.services.trading.venues import key_trouble

_DAY_NS = 86_400 * 10**9


def model_of(file: TradingFile) -> tuple[ModelFacts, str]:
    """Return what stands behind the forecasts, and the digest of the model ("" where there is none)."""
    is_marked = file.trading.unproven
    if not file.model:
        return ModelFacts(is_marked_unproven=is_marked), ""
    from tradewright.rollout.versions import Stage
    from tradewright.services.model_registry import REGISTRY, open_registry

    registry = open_registry(Path(file.registry) if file.registry else REGISTRY)
    try:
        version = registry.find(file.model) if "@" in file.model else registry.promoted(file.model)
    except TradewrightError:
        version = None
    if version is None:
        return ModelFacts(file.model, is_marked_unproven=is_marked), ""
    is_proven = version.row.stage is Stage.PROMOTED and not version.row.unproven
    return ModelFacts(file.model, is_proven, is_marked), version.row.digest


def running_release(file: TradingFile, model_hash: str) -> Release:
    """Return what would run."""
    kind = file.trading.kind
    return Release(code_hash=code_hash(), config_hash=file.config_hash, model_hash=model_hash, mode=kind)


def approve(folder: AccountFolder, release: Release) -> None:
    """Keep a release as the approved one; raises OSError where that is not possible."""
    write_text(folder.approved, release.model_dump_json(indent=1) + "\n")


def release_trouble(folder: AccountFolder, running: Release) -> str:
    """Return why what would run is not what was approved, "" where it is."""
    try:
        approved = Release.model_validate_json(folder.approved.read_bytes())
        check_release(running, approved)
    except FileNotFoundError:
        return "no release was approved"
    except (OSError, ValidationError):
        return f"{folder.approved} cannot be trusted"
    except TradewrightError as error:
        return error.what
    return ""


def drill_trouble(file: TradingFile, root: Path, now_ns: int) -> str:
    """Return why the newest kill drill is not the one that the configuration asks for, "" where it is or none is."""
    days = file.trading.drill_days
    if not days:
        return ""
    name = file.trading.drill_account or file.trading.account
    found = newest_drill(AccountFolder(name, root))
    if found is None:
        return f"account {name} has no kill drill that can be trusted"
    if found["failures"]:
        return f"the newest kill drill of account {name} failed: {'; '.join(found['failures'])}"
    if found["code_hash"] != code_hash():
        return f"the newest kill drill of account {name} was another build's"
    age = (now_ns - int(found["at_ns"])) / _DAY_NS
    return "" if 0 <= age <= days else f"the newest kill drill of account {name} is {age:.1f} days old"


def is_lease_free(folder: AccountFolder) -> bool:
    """Tell whether no process trades the account."""
    if not folder.path.is_dir():
        return True
    try:
        with Lease(folder.path):
            return True
    except (JournalBusyError, OSError):
        return False


def gathered(
    file: TradingFile,
    environment: Mapping[str, str],
    now_ns: int,
    root: Path = ACCOUNTS,
    *,
    drift_ms: float = math.nan,
    orders: OrderFacts | None = None,
    holds_lease: bool = False,
) -> ArmingFacts:
    """Return what was found.

    ``drift_ms``: measured by who is connected. ``orders``: of a session that has reconciled; else the journal's.
    ``holds_lease``: the caller is the process that trades.
    """
    folder = AccountFolder(file.trading.account, root)
    model, digest = model_of(file)
    running = running_release(file, digest)
    stored = TradingStateFile(folder.state).read()
    return ArmingFacts(
        kind=file.trading.kind,
        now_ns=now_ns,
        armed=ArmFile(folder.arm).read(),
        running=(folder.name, running.config_hash, running.code_hash, running.model_hash),
        key_trouble=key_trouble(file.trading, environment),
        model=model,
        limits=file.limits,
        orders=journal_facts(folder.journal) if orders is None else orders,
        state=stored.state,
        state_why=stored.why,
        is_lease_free=holds_lease or is_lease_free(folder),
        drift_ms=drift_ms,
        max_drift_ms=file.trading.max_clock_drift_ms,
        release_trouble=release_trouble(folder, running),
        drill_trouble=drill_trouble(file, root, now_ns),
    )
