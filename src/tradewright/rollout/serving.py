"""Loading a registered model for use: whole and verified, or the one before it."""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.types.errors import ModelError, TradewrightError
from tradewright.models.artefact import load_model
from tradewright.models.model import FittedModel
from tradewright.rollout.registry import Registry
from tradewright.rollout.versions import Version


@dataclass(frozen=True, slots=True)
class Served:
    """A model that predicts, the version it is, and what was wrong with newer ones that could not be loaded."""

    model: FittedModel
    version: Version
    problems: tuple[str, ...] = ()


def load_version(version: Version) -> FittedModel:
    """Load a version; its forecasts carry ``NAME@VERSION``.

    Raises
    ------
    ModelError
        If a file is missing, changed or in an unsafe format, or the artefact is not the registered one.
    """
    return load_model(version.folder, version.full_name)


def load_promoted(registry: Registry, name: str) -> Served:
    """Load the promoted version; where it is damaged, the newest whole one that was promoted before it.

    Raises
    ------
    ModelError
        If nothing is promoted, or nothing that was is whole.
    """
    problems: list[str] = []
    for version in registry.fallbacks(name):
        try:
            return Served(load_version(version), version, tuple(problems))
        except TradewrightError as error:
            problems.append(f"{version.full_name}: {error}")
    if problems:
        fix = "Train again, or restore the files from a copy; `tradewright models verify` shows what is damaged."
        raise ModelError(f"no promoted version is whole: {'; '.join(problems)}", where=name, fix=fix)
    fix = "`tradewright models promote` puts a version in use once it passes its gate."
    raise ModelError("no version is promoted", where=name, fix=fix)
