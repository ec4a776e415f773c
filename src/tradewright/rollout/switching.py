"""Switching without a gate: back to what was promoted before, and the emergency that leaves its mark.

Nothing here reads evidence, so that going back does not wait for the libraries that judge it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.types.errors import ModelError, TradewrightError, UsageError
from tradewright.models.artefact import verify_model
from tradewright.rollout.journal import Action
from tradewright.rollout.registry import Registry
from tradewright.rollout.versions import Stage, Version

_SHORTEST_REASON = 12


@dataclass(frozen=True, slots=True)
class Rollback:
    """From where to where; ``skipped`` are versions in between that are damaged, and how."""

    left: Version
    now: Version
    skipped: tuple[str, ...] = ()


def promote_unproven(registry: Registry, version: Version, reason: str) -> Version:
    """Put a version in use without proof: an emergency, logged, and shown wherever the version appears.

    Only an artefact that is whole can be promoted so. A gate passed later takes the mark away.

    Raises
    ------
    UsageError
        If no real reason is given.
    ModelError
        If the artefact is not sound.
    """
    if len(reason.strip()) < _SHORTEST_REASON:
        fix = f"Write a sentence of at least {_SHORTEST_REASON} characters; it stays in the registry for good."
        raise UsageError("an emergency needs a reason", where="--reason", fix=fix)
    check_present(registry, version)
    with registry.writing():
        verify_model(version.folder)
        return registry.commit(Action.PROMOTED_UNPROVEN, version.name, version.version, text=reason.strip())


def rollback(registry: Registry, name: str) -> Rollback:
    """Go back to the version that was promoted before; one whose artefact is damaged is passed over and named.

    Raises
    ------
    UsageError
        If nothing was promoted before.
    ModelError
        If every earlier version is damaged.
    """
    with registry.writing():
        order = registry.fallbacks(name)
        if len(order) < 2 or order[0].stage is not Stage.PROMOTED:
            fix = "`tradewright models list` shows what there is; `models promote` puts a version in use."
            raise UsageError(f"{name} has no earlier promoted version", where=str(registry.root), fix=fix)
        skipped = []
        for earlier in order[1:]:
            try:
                verify_model(earlier.folder)
            except TradewrightError as error:
                skipped.append(f"{earlier.full_name}: {error}")
                continue
            now = registry.commit(Action.ROLLED_BACK, name, earlier.version, text=f"from {order[0].version}")
            return Rollback(order[0], now, tuple(skipped))
    what = f"no earlier version of {name} is whole: {'; '.join(skipped)}"
    raise ModelError(what, where=str(registry.root), fix="The promoted version was left in place.")


def check_present(registry: Registry, version: Version) -> None:
    """Refuse a version whose files are put away.

    Raises
    ------
    UsageError
        If they are.
    """
    if version.stage in (Stage.ARCHIVED, Stage.REMOVED):
        what = f"{version.full_name} is {version.stage.value}"
        fix = "`tradewright models archive --restore` takes an archived version back."
        raise UsageError(what, where=str(registry.root), fix=fix)
