"""A YAML file as plain values, with the line on which each of them stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tradewright.core.types.errors import ConfigError
from tradewright.services.places import Place


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """Return the values of a YAML file and the line, from 1, of each key and list item by its place.

    Raises
    ------
    ConfigError
        If the file is missing, empty, not YAML, not a mapping, or names a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError("no such configuration file", where=str(path), fix="Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path), fix="Give a UTF-8 text file.") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = load_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        what = f"not valid YAML: {error.problem or error.context}"
        raise ConfigError(what, where=where, fix="Mend the line; mind the spaces at its start.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}", where=str(path)) from error
    if root is None or values is None:
        raise ConfigError("the configuration file is empty", where=str(path), fix=_EXAMPLE)
    if not isinstance(root, yaml.MappingNode) or not isinstance(values, dict):
        raise ConfigError("holds no `key: value` lines", where=str(path), fix=_EXAMPLE)
    lines: dict[Place, int] = {}
    _walk(root, (), lines, path)
    return values, lines


_EXAMPLE = "A run needs at least `strategy: {name: ema_cross}` and `data: {symbols: [EURUSD]}`."


class _Loader(yaml.SafeLoader):
    """Leaves dates as text: the settings know which of their fields are dates, and can say what is wrong."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(text: str) -> object:
    """Return the plain values of a YAML text, dates as text.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, str(key.value))
            if here in lines:
                what = f"the key '{key.value}' stands twice (first on line {lines[here]})"
                raise ConfigError(what, where=f"{path}:{key.start_mark.line + 1}", fix="Remove one of them.")
            lines[here] = key.start_mark.line + 1
            _walk(value, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[(*place, number)] = value.start_mark.line + 1
            _walk(value, (*place, number), lines, path)
