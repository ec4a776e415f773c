"""From pydantic's findings to one error that names place, value given, values allowed, and the likely key."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from tradewright.core.types.errors import ConfigError
from tradewright.services.places import Place

_NAMES: dict[object, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_BOUNDS: tuple[tuple[type, str, str], ...] = (
    (Ge, "ge", "at least"),
    (Gt, "gt", "above"),
    (Le, "le", "at most"),
    (Lt, "lt", "below"),
)


def explained(
    error: ValidationError, model: type[BaseModel], origin: Callable[[Place], str], prefix: Place = ()
) -> ConfigError:
    """Return the first finding as an error; later ones are named by place."""
    findings = error.errors(include_url=False)
    first = findings[0]
    inside = _known_places(tuple(first["loc"]), model)
    place = (*prefix, *inside)
    source = origin(place)
    where = f"{source}, {dotted(place)}" if source and not source.startswith("--set") else source or dotted(place)
    what, fix = _words(dict(first), inside, model)
    if len(findings) > 1:
        others = dict.fromkeys(dotted((*prefix, *_known_places(tuple(f["loc"]), model))) for f in findings[1:])
        others.pop(dotted(place), None)
        if others:
            fix += f" Also wrong: {', '.join(others)}."
    return ConfigError(what, where=where, fix=fix)


def dotted(place: Place) -> str:
    """Return a place as people write it: ``data.symbols[0]``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def did_you_mean(word: str, known: list[str]) -> str:
    """Return a hint with the nearest known word, if any, and all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    return f"{hint}Allowed: {', '.join(known)}." if known else f"{hint}Nothing is allowed here."


def _known_places(place: Place, model: type[BaseModel]) -> Place:
    """Drop the parts that pydantic adds for the members of a union: they are no keys of the document."""
    return tuple(p for i, p in enumerate(place) if i == 0 or not _is_union_branch(place[: i + 1], model))


def _is_union_branch(place: Place, model: type[BaseModel]) -> bool:
    field = _field(place[:-1], model)
    return field is not None and place[-1] in {"date", "datetime", "int", "float", "str", "function-plain"}


def _field(place: Place, model: type[BaseModel]) -> FieldInfo | None:
    """Return the field at a place, or None where there is no such field."""
    found: FieldInfo | None = None
    current: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, int):
            continue
        if current is None or part not in current.model_fields:
            return None
        found = current.model_fields[part]
        current = _model_of(found.annotation)
    return found


def _model_of(annotation: object) -> type[BaseModel] | None:
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _words(finding: dict[str, Any], place: Place, model: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong and what to do."""
    kind, given = finding["type"], finding.get("input")
    if kind == "extra_forbidden":
        above = model if len(place) == 1 else _model_of(getattr(_field(place[:-1], model), "annotation", None))
        known = sorted(above.model_fields) if above else []
        return f"unknown key '{place[-1]}'", did_you_mean(str(place[-1]), known)
    field = _field(place, model)
    allowed = allowed_values(field) if field else ""
    if kind == "missing":
        return "is missing", f"Give it: {allowed}." if allowed else "Give it."
    if kind in {"value_error", "assertion_error"}:
        return f"{finding['msg'].removeprefix('Value error, ')}", "Correct the value."
    fix = f"Allowed: {allowed}." if allowed else f"{finding['msg']}."
    return f"{_shown(given)} is not allowed", fix


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def allowed_values(field: FieldInfo) -> str:
    """Return in words which values a field takes."""
    return _type_words(field.annotation, list(field.metadata))


def _type_words(annotation: object, metadata: list[Any]) -> str:
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type_words(members[0], [*members[1:], *metadata])
    if origin is Literal:
        return ", ".join(str(m) for m in members)
    if origin in (typing.Union, types.UnionType):
        words = [_type_words(m, metadata) for m in members if m is not type(None)]
        return " or ".join(dict.fromkeys(words))
    bounds = _bounds(metadata)
    if origin in (tuple, list):
        return f"a list{' with at least one entry' if any(isinstance(m, MinLen) for m in metadata) else ''}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"fields {', '.join(annotation.model_fields)}"
    if origin is dict or annotation is dict:
        return "`key: value` lines"
    name = _NAMES.get(annotation) or {"date": "a date", "datetime": "a time", "Path": "a file name"}.get(
        getattr(annotation, "__name__", ""), ""
    )
    return f"{name} {bounds}".strip()


def _bounds(metadata: list[Any]) -> str:
    found = []
    for entry in _flat(metadata):
        found += [f"{word} {getattr(entry, name):g}" for kind, name, word in _BOUNDS if isinstance(entry, kind)]
        if isinstance(entry, MaxLen):
            found.append(f"at most {entry.max_length} long")
        pattern = getattr(entry, "pattern", None)
        if pattern:
            found.append(f"of the form {pattern}")
    return " and ".join(found)


def _flat(metadata: list[Any]) -> list[Any]:
    """Unfold fields that stand inside annotations."""
    return [m for e in metadata for m in (_flat(list(e.metadata)) if isinstance(e, FieldInfo) else [e])]
