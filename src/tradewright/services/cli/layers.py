"""Where settings come from: file, environment, `--set`; a later one wins, and each value keeps its origin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tradewright.core.types.errors import ConfigError
from tradewright.services.cli.yaml_places import load_yaml, read_yaml
from tradewright.services.places import Place
from tradewright.services.sources import PREFIXES
from tradewright.services.trading.venues import KEYS_PREFIX

PREFIX = "TRADEWRIGHT_"
_SECRETS = (
    *("CONTROL_KILL", "CONTROL_READ", "CONTROL_TRADE", "DATA_TOKEN", "DATA_REDIS_URL", "MLFLOW", "MODELS_KEY"),
    *("POSTGRES_PASSWORD", "POSTGRES_URL", "PREDICT_TOKEN", "RELEASE_TOTP"),
)
#: Variables with this prefix that are no settings: secrets, given themselves or as the file that holds them.
RESERVED = frozenset(
    {"TRADEWRIGHT_DEBUG", "TRADEWRIGHT_KILL", *(f"{PREFIX}{name}{end}" for name in _SECRETS for end in ("", "_FILE"))}
)


@dataclass(slots=True)
class Layered:
    """Values merged so far, and where each came from, by place."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, str] = field(default_factory=dict)

    def add_file(self, path: Path) -> None:
        """Add a YAML file; file names inside it are relative to where the command is started."""
        values, lines = read_yaml(path)
        self.values = values
        self.origins = {place: f"{path}:{line}" for place, line in lines.items()}

    def add_environment(self, environment: Mapping[str, str], known: Iterable[str]) -> None:
        """Add ``TRADEWRIGHT_SECTION__FIELD`` variables, in order of their names; ``known`` are the sections."""
        sections = set(known)
        for name in sorted(environment):
            if not name.startswith(PREFIX) or name in RESERVED or name.startswith((*PREFIXES, KEYS_PREFIX)):
                continue
            keys = name.removeprefix(PREFIX).split("__")
            # Symbols are written as they are; everything else in a configuration is lower case.
            place = [k if i == 1 and keys[0] == "INSTRUMENTS" else k.lower() for i, k in enumerate(keys)]
            if place[0] not in sections:
                allowed = ", ".join(f"{PREFIX}{s.upper()}" for s in sorted(sections))
                what = f"'{place[0]}' is not a section"
                raise ConfigError(what, where=f"environment, {name}", fix=f"Unset it, or use one of: {allowed}.")
            self.put(place, parsed(environment[name], name), f"environment, {name}")

    def add_assignments(
        self, assignments: Iterable[str], known: Iterable[str], inside: tuple[str, ...] = ("strategy", "params")
    ) -> None:
        """Add ``key=value`` texts; a key that is no section lies ``inside`` one: a parameter of the strategy.

        Raises
        ------
        ConfigError
            If a text is no assignment, its place does not exist, or it is a parameter of one of several strategies.
        """
        sections = set(known)
        for text in assignments:
            key, equals, value = text.partition("=")
            keys = key.strip().split(".")
            if not equals or not all(keys):
                what = f"'{text}' is not an assignment"
                raise ConfigError(what, where="--set", fix="Write key=value, for example --set fast=10.")
            if len(keys) == 1 and keys[0] not in sections:
                several = self.values.get("strategies")
                if isinstance(several, list) and several:
                    what = f"there are several strategies, and nothing says whose '{keys[0]}' is meant"
                    fix = f"Write strategies.WHICH.params.{keys[0]}; which: {_items(several)}."
                    raise ConfigError(what, where=f"--set {key}", fix=fix)
                keys = [*inside, keys[0]]
            self.put(keys, parsed(value, f"--set {key}"), f"--set {key.strip()}")

    def put(self, place: list[str], value: object, origin: str) -> None:
        """Set one value, making the mappings above it; an item of a list goes by its name, or by its number from 0."""
        branch: Any = self.values
        here: Place = ()
        for key in place:
            if not isinstance(branch, dict | list):
                what = f"'{_dotted(here)}' holds {branch!r}, which has no fields"
                raise ConfigError(what, where=origin, fix="Check the dotted key.")
            at: Any = key if isinstance(branch, dict) else _position(branch, key, here, origin)
            here += (at,)
            if len(here) == len(place):
                branch[at] = value
            else:  # a copy: an alias of YAML is one value in two places
                inside = branch.get(at) if isinstance(branch, dict) else branch[at]
                branch[at] = {} if inside is None else copy(inside)
                branch = branch[at]
        self.origins = {p: o for p, o in self.origins.items() if p[: len(here)] != here}
        self.origins[here] = origin

    def drop(self, place: list[str]) -> None:
        """Remove one value, if it is there."""
        branch: Any = self.values
        for key in place[:-1]:
            branch = branch.get(key) if isinstance(branch, dict) else None
        if isinstance(branch, dict):
            branch.pop(place[-1], None)

    def origin(self, place: Place) -> str:
        """Return where the value at ``place``, the first one below it, or the nearest one above it came from."""
        if place not in self.origins:
            below = (o for p, o in self.origins.items() if p[: len(place)] == place)
            found = next(below, "")
            if found:
                return found
        for depth in range(len(place), 0, -1):
            if place[:depth] in self.origins:
                return self.origins[place[:depth]]
        return ""


def _position(items: list[Any], key: str, place: Place, origin: str) -> int:
    """Return which item of a list is meant: the one of that name, or of that number from 0."""
    named = [k for k, item in enumerate(items) if _name(item) == key]
    found = named or [k for k in range(len(items)) if str(k) == key]
    if len(found) == 1:
        return found[0]
    what = f"'{_dotted(place)}' has {len(found) or 'no'} entries called '{key}'"
    raise ConfigError(what, where=origin, fix=f"Give one of: {_items(items)}.")


def _items(items: list[Any]) -> str:
    """Return the numbers and names by which the items of a list go."""
    return ", ".join(f"{k} ({name})" if (name := _name(item)) else str(k) for k, item in enumerate(items))


def _name(item: object) -> str:
    """Return what an entry such as one of `strategies` is called: its label, its name, or its file's."""
    told = item if isinstance(item, dict) else {}
    return str(told.get("label") or told.get("name") or Path(str(told.get("file", ""))).stem)


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def parsed(text: str, where: str) -> object:
    """Return the value that YAML would read: numbers, booleans, lists in brackets, else text."""
    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r} is not a value", where=where, fix="Quote it, or write it as in YAML.") from error
