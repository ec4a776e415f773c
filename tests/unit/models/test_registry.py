from __future__ import annotations

import subprocess
import sys

import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.models.registry import KINDS, forecaster_class, make_forecaster


def test_kinds_are_in_order_and_made_with_their_defaults() -> None:
    assert list(KINDS) == sorted(KINDS)
    for kind in KINDS:
        made = make_forecaster(kind)
        assert made.kind == kind
        assert made.params == made.params_type()


@pytest.mark.parametrize(
    ("kind", "params", "what"),
    [
        ("xgbost", {}, "no model named 'xgbost'.*Did you mean xgboost"),
        ("oracle", {}, "There are base_rate, ensemble"),
        ("xgboost", {"depth": 3}, "parameters of xgboost: depth: .*max_depth"),
        ("xgboost", {"learning_rate": 2.0}, "learning_rate: Input should be less than or equal to 1"),
        ("logistic", {"c": float("nan")}, "c: Input should be a finite number"),
        ("ensemble", {"members": [{"kind": "logistic", "weight": 0}]}, "members.0.weight"),
    ],
)
def test_what_is_not_there_is_said(kind: str, params: dict[str, object], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        make_forecaster(kind, params)


def test_no_heavy_library_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys; from tradewright.models import artefact, calibration, contract, explain, splits;"
        "from tradewright.models.registry import KINDS, make_forecaster; [make_forecaster(k) for k in KINDS];"
        "print([m for m in ('xgboost', 'lightgbm', 'sklearn', 'scipy', 'torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_class_is_found_by_its_kind() -> None:
    assert forecaster_class("lightgbm").__name__ == "LightGBM"
