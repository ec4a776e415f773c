"""Rule sets by id: those that come with the program, and a user's own files.

A file describes one firm or one trader's buffer::

    review_by: 2027-05-31
    rules:
      - id: mine.buffer
        ...
    chains:
      mine.twostep: [mine.step1, mine.step2]

``review_by`` and every other field beside ``rules`` and ``chains`` holds for each rule set that does not say otherwise.
A chain is a product whose phases follow each other.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.risk.prop.schema import RuleSet

SUFFIX = ".yaml"
_OWN_KEYS = ("rules", "chains")
_OPTIONAL = "+daily"


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Rule sets by id, and chains of ids by name."""

    rules: Mapping[str, RuleSet]
    chains: Mapping[str, tuple[str, ...]]

    def find(self, wanted: str) -> tuple[RuleSet, ...]:
        """Return the phases of a chain by its name, or one rule set by its id.

        ``+daily`` behind it turns on the daily limits that are optional.

        Raises
        ------
        UsageError
            If there is none; with the nearest names.
        """
        name = wanted.removesuffix(_OPTIONAL)
        ids = self.chains.get(name, (name,) if name in self.rules else ())
        if not ids:
            known = [*sorted(self.chains), *sorted(self.rules)]
            near = [k for k in known if name and k.startswith(name)] or difflib.get_close_matches(name, known, n=3)
            fix = f"Did you mean {', '.join(near[:4])}?" if near else f"Known: {', '.join(known)}."
            raise UsageError(f"there is no rule set '{wanted}'", where="rules", fix=fix)
        found = tuple(self.rules[i] for i in ids)
        return found if name == wanted else tuple(_with_daily(rules) for rules in found)


def _with_daily(rules: RuleSet) -> RuleSet:
    if rules.daily is None or not rules.daily.optional:
        raise UsageError("it has no optional daily limit", where=rules.id, fix=f"Leave out {_OPTIONAL}.")
    return rules.model_copy(update={"daily": rules.daily.model_copy(update={"optional": False})})


def shipped_rules() -> RuleBook:
    """Return the rule sets that come with the program."""
    return _collected(_shipped())


def rules_with(path: Path) -> RuleBook:
    """Return the shipped rule sets and those of a file, or of all YAML files of a folder.

    Raises
    ------
    ConfigError
        If a file is missing or does not describe rule sets, or an id is there already; names file and field.
    """
    return _collected([*_shipped(), *_own(path)])


def _shipped() -> Iterator[tuple[str, str]]:
    for item in sorted(files(__package__).joinpath("firms").iterdir(), key=lambda f: f.name):
        if item.name.endswith(SUFFIX):
            yield item.name, item.read_text(encoding="utf-8")


def _own(path: Path) -> Iterator[tuple[str, str]]:
    paths = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not paths:
        raise ConfigError("no rule file is here", where=str(path), fix=f"Put a file *{SUFFIX} there.")
    for file in paths:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", where=str(file), fix="Give a YAML file.") from error


def _collected(texts: Iterable[tuple[str, str]]) -> RuleBook:
    rules: dict[str, RuleSet] = {}
    chains: dict[str, tuple[str, ...]] = {}
    for where, text in texts:
        document = _document(text, where)
        for one in document.get("rules", ()):
            rule_set = _rule_set(one, {k: v for k, v in document.items() if k not in _OWN_KEYS}, where)
            if rule_set.id in rules:
                raise ConfigError(f"'{rule_set.id}' is there already", where=where, fix="Give it another id.")
            rules[rule_set.id] = rule_set
        for name, phases in document.get("chains", {}).items():
            _check_chain(name, phases, rules, chains, where)
            chains[name] = tuple(phases)
    return RuleBook(rules, chains)


def _document(text: str, where: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = str(error).replace("\n", " ")
        raise ConfigError(f"it is not YAML: {line}", where=where, fix="Correct the file.") from error
    lists = isinstance(document, dict) and isinstance(document.get("rules"), list)
    if not lists or not isinstance(document.get("chains", {}), dict):
        fix = "See docs/prop-rules.md for the form of a rule file."
        raise ConfigError("it has no list `rules`, or `chains` is no mapping", where=where, fix=fix)
    return dict(document)


def _rule_set(values: object, shared: Mapping[str, Any], where: str) -> RuleSet:
    fields = {**shared, **values} if isinstance(values, dict) else values
    try:
        return RuleSet.model_validate(fields)
    except ValidationError as error:
        name = str(fields.get("id", "?")) if isinstance(fields, dict) else "?"
        lines = [
            f"{'.'.join(map(str, e['loc'])) or name}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        ]
        fix = "See docs/prop-rules.md for the form of a rule set."
        raise ConfigError("; ".join(lines), where=f"{where}, {name}", fix=fix) from error


def _check_chain(
    name: object, phases: object, rules: Mapping[str, RuleSet], chains: Mapping[str, object], where: str
) -> None:
    is_free = isinstance(name, str) and name not in rules and name not in chains
    is_list = isinstance(phases, list) and bool(phases) and all(p in rules for p in phases)
    if not is_free or not is_list:
        fix = "Give a name that is no id, and a list of ids that the file describes."
        raise ConfigError(f"`chains.{name}` is not a chain", where=where, fix=fix)
