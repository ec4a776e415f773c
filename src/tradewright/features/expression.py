"""A feature written as people write it: ``zscore(100, ema_slope(20))``."""

from __future__ import annotations

import ast

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import FeatureSpec

_FIX = "Write it like ema(20) or zscore(100, ema_slope(20))."


def parse_feature(text: str) -> FeatureSpec:
    """Return the feature that a text names; nothing in it is run.

    Raises
    ------
    ConfigError
        If it is not a name with numbers and features in brackets. Whether there is such a feature is not looked at.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ConfigError(f"'{text}' is not a feature: {error.msg}", fix=_FIX) from error
    return _spec(node, text)


def _spec(node: ast.expr, text: str) -> FeatureSpec:
    if isinstance(node, ast.Name):
        return FeatureSpec(node.id)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
        raise ConfigError(f"'{text}' is not a feature with numbers in brackets", fix=_FIX)
    return FeatureSpec(node.func.id, tuple(_argument(arg, text) for arg in node.args))


def _argument(node: ast.expr, text: str) -> float | FeatureSpec:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return sign * float(node.value)
    if sign > 0 and isinstance(node, ast.Name | ast.Call):
        return _spec(node, text)
    raise ConfigError(f"'{text}' holds something that is neither a number nor a feature", fix=_FIX)
