"""Named feature sets as people write them: ``ema(20), zscore(100, ema_slope(20))``."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Feature
from tradewright.features import FeatureSet, build_feature
from tradewright.features.expression import parse_feature
from tradewright.features.set_identity import set_identity

_MOST = 256


@dataclass(frozen=True, slots=True)
class NamedSet:
    """Features under a name.

    Parameters
    ----------
    name : str
        Of the set.
    features : mapping of str to Feature
        By the text they were written as, in order; these are the names of the values.
    digest : str
        32 hex digits over names, parameters and code: equal digests mean equal values on equal data.
    """

    name: str
    features: Mapping[str, Feature]
    digest: str

    def fresh(self) -> FeatureSet:
        """Return the set without any memory."""
        return FeatureSet(self.features)


def named_set(name: str, text: str) -> NamedSet:
    """Read a feature set.

    Raises
    ------
    ConfigError
        If the name or the text is not one, a feature is unknown, named twice, or reads something other than bars.
    """
    where = f"feature set {name}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise ConfigError(f"{name!r} cannot be the name of a feature set", fix="Use letters, digits, dots and dashes.")
    try:
        parsed = ast.parse(f"({text},)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{text!r} is not a list of features", where=where, fix=_FIX) from error
    if not isinstance(parsed, ast.Tuple) or not parsed.elts:
        raise ConfigError(f"{text!r} is not a list of features", where=where, fix=_FIX)
    features: dict[str, Feature] = {}
    for node in parsed.elts:
        column, feature = _column(ast.unparse(node)), _feature(ast.unparse(node), where)
        if column in features:
            raise ConfigError(f"{column} is named twice", where=where, fix="Name each feature once.")
        features[column] = feature
    if len(features) > _MOST:
        raise ConfigError(f"{len(features)} features are too many", where=where, fix=f"Name at most {_MOST}.")
    FeatureSet(features).refuse_other_than(EventKind.BAR)
    return NamedSet(name, features, set_identity(features))


_FIX = "Write them like ema(20), zscore(100, ema_slope(20))."


def _column(text: str) -> str:
    """Return a feature's name as written, less the spaces and an empty pair of brackets."""
    return text.replace(" ", "").replace("()", "")


def _feature(written: str, where: str) -> Feature:
    try:
        return build_feature(parse_feature(written))
    except ConfigError as error:
        raise ConfigError(error.what, where=where, fix=error.fix) from error
