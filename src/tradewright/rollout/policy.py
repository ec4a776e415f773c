"""A gate as data: what a model's figures must show before it may be used.

::

    name: default
    about: One sentence for people.
    requires:
      - {figure: sharpe.deflated, at_least: 0.95, reason: Above what trying that often gives by luck.}
      - any_of:
          - {figure: accuracy.edge, above: 0, use: low, reason: More often right than the better naive rule.}
          - {figure: log_loss.skill, above: 0, use: low, reason: Better probabilities than the base rate.}

Warns
-----
      - {figure: accuracy, above: 0.65, horizon_at_most_s: 86400, says: Such accuracy smells of a leak.}

``scope`` is ``validation`` unless said otherwise; ``use`` is the figure's ``value``, or the ``low`` or ``high`` end of
its interval. There is nothing in a policy, and nothing beside it, that lets a requirement be skipped.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.evidence import Figure

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
#: How the five comparisons are written, and when each holds.
_SIGNS = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<", "equals": "="}
SUFFIX = ".yaml"


class Requirement(BaseModel):
    """One figure and exactly one bound for it."""

    model_config = _STRICT

    figure: Annotated[str, Field(min_length=1)]
    scope: str = "validation"
    use: Literal["value", "low", "high"] = "value"
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    equals: float | None = None
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _one_bound(self) -> Requirement:
        if sum(getattr(self, name) is not None for name in _SIGNS) != 1:
            msg = f"'{self.figure}' needs exactly one of {', '.join(_SIGNS)}"
            raise ValueError(msg)
        return self

    @property
    def bound(self) -> tuple[str, float]:
        """The comparison and the number."""
        return next((name, value) for name in _SIGNS if (value := getattr(self, name)) is not None)

    @property
    def text(self) -> str:
        """As people write it: ``low of accuracy.edge > 0 (validation)``."""
        name, value = self.bound
        side = "" if self.use == "value" else f"{self.use} of "
        return f"{side}{self.figure} {_SIGNS[name]} {value:g} ({self.scope})"

    def holds_for(self, figure: Figure) -> bool:
        """Return whether a figure meets it; NaN meets nothing."""
        number, (name, bound) = self.number_of(figure), self.bound
        if math.isnan(number):
            return False
        match name:
            case "at_least":
                return number >= bound
            case "above":
                return number > bound
            case "at_most":
                return number <= bound
            case "below":
                return number < bound
            case _:
                return number == bound

    def number_of(self, figure: Figure) -> float:
        """Return the number that counts."""
        return float(getattr(figure, self.use))


class AnyOf(BaseModel):
    """Several requirements of which one must be met."""

    model_config = _STRICT

    any_of: Annotated[tuple[Requirement, ...], Field(min_length=2)]


class Smell(BaseModel):
    """A warning: a figure that is too good to be true at short horizons. It refuses nothing."""

    model_config = _STRICT

    figure: Annotated[str, Field(min_length=1)]
    scope: str = "validation"
    above: float
    horizon_at_most_s: Annotated[float, Field(gt=0)]
    says: Annotated[str, Field(min_length=1)]


def _kind(value: object) -> str:
    return "any_of" if isinstance(value, AnyOf) or (isinstance(value, Mapping) and "any_of" in value) else "one"


Rule = Annotated[Annotated[Requirement, Tag("one")] | Annotated[AnyOf, Tag("any_of")], Discriminator(_kind)]


class Policy(BaseModel):
    """A gate: every rule must be met."""

    model_config = _STRICT

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    about: str = ""
    requires: Annotated[tuple[Rule, ...], Field(min_length=1)]
    warns: tuple[Smell, ...] = ()

    @cached_property
    def digest(self) -> str:
        """32 hex digits of everything it demands; words for people do not count."""
        demands = self.model_dump_json(exclude={"about"})
        return hashlib.blake2b(demands.encode(), digest_size=16).hexdigest()


def shipped() -> tuple[str, ...]:
    """Return the names of the policies that come with the program."""
    names = (item.name for item in files(__package__).joinpath("policies").iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


def read_policy(text: str) -> Policy:
    """Return a shipped policy by name, or one from a YAML file.

    Raises
    ------
    ConfigError
        If there is none, or it is not a policy; names the field.
    """
    if text in shipped():
        return parsed(files(__package__).joinpath("policies", text + SUFFIX).read_text(encoding="utf-8"), text)
    path = Path(text)
    try:
        return parsed(path.read_text(encoding="utf-8"), text)
    except (OSError, UnicodeDecodeError) as error:
        fix = f"Shipped policies: {', '.join(shipped())}; or give a YAML file."
        raise ConfigError(f"there is no gate policy '{text}'", where="policy", fix=fix) from error


def parsed(text: str, where: str) -> Policy:
    """Return the policy that a YAML text describes.

    Raises
    ------
    ConfigError
        If it does not describe one.
    """
    try:
        values: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = str(error).replace("\n", " ")
        raise ConfigError(f"it is not YAML: {line}", where=where, fix="Correct the file.") from error
    try:
        return Policy.model_validate(values)
    except ValidationError as error:
        lines = [f"{'.'.join(_place(e['loc'])) or 'policy'}: {e['msg']}" for e in error.errors()]
        fix = "See docs/gates.md for the form of a policy."
        raise ConfigError("; ".join(lines), where=where, fix=fix) from error


def _place(location: tuple[str | int, ...]) -> list[str]:
    """Leave out the names of the union's branches."""
    return [str(part) for i, part in enumerate(location) if not (i == 2 and part in ("one", "any_of"))]
