"""Sets of features from names and files, and pipelines from a user's file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.features.contract import contract_bars
from tradewright.features.set_identity import set_identity
from tradewright.services.feature_sets import read_set, user_pipeline

MINE = """
from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.feature import Feature

# a comment
@inlined
def step(state, params, fields, i):
    return float(fields[3, i] * params[0] + 1.0)

def mine(factor=2.0):
    if factor < 0:
        raise ValueError("the factor must not be negative")
    return Feature("mine.v1", step, (float(factor),), (), 0)

def plain():
    return Feature("plain.v1", lambda s, p, f, i: 1.0, (), (), 0)

def wrong():
    return 7
"""


def write(folder: Path, text: str, name: str = "set.yaml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_named_sets_and_files(tmp_path: Path) -> None:
    assert len(read_set("standard").features) == 30
    chosen = read_set(write(tmp_path, "features:\n  fast: ema(20)\n  z: zscore(100, ema_slope(20))\n"))
    assert chosen.name == "set"
    assert next(f.key for f in chosen.features.values()) == "ema.seed_sma.v1(20)"
    assert list(chosen.features) == ["fast", "z"]


def test_a_users_feature_keeps_its_key_until_its_code_changes(tmp_path: Path) -> None:
    file = write(tmp_path, MINE, "my_features.py")
    chosen = write(tmp_path, f"features:\n  mine: {file}:mine(3)\n")

    def key() -> str:
        return set_identity(read_set(chosen).features)

    first = key()
    write(tmp_path, MINE.replace("# a comment", "# another comment"), "my_features.py")
    assert key() == first
    write(tmp_path, MINE.replace("+ 1.0", "+ 2.0"), "my_features.py")
    assert key() != first
    write(tmp_path, MINE, "my_features.py")
    assert key() == first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("features:\n  a: ema(20)\n  b: emma(20)\n", r"set.yaml:3.*no feature named 'emma'"),
        ("features:\n  a: ema(0)\n", r"set.yaml:2.*whole number"),
        ("features:\n  a: 7\n", r"set.yaml:2.*not a feature"),
        ("features:\n  a: ema(\n", r"set.yaml:2.*not a feature"),
        ("features: [ema]\n", "names no features"),
        ("feature: {a: ema}\n", r"set.yaml:1.*'feature' is not a field"),
        ("features:\n  a: nothing.py:mine(3)\n", r"set.yaml:2, nothing.py.*no such Python file"),
        ("features:\n  a: FILE:nobody(3)\n", "defines no function `nobody`"),
        ("features:\n  a: FILE:wrong\n", "returned int and not a Feature"),
        ("features:\n  a: FILE:plain\n", "not compiled"),
        ("features:\n  a: FILE:mine(-1)\n", "must not be negative"),
        ("features:\n  a: FILE:mine(1, 2)\n", "positional argument"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, MINE, "my_features.py")
    with pytest.raises(ConfigError) as caught:
        read_set(write(tmp_path, text.replace("FILE", file)))
    assert re.search(message, str(caught.value)), str(caught.value)


def test_unknown_names_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no set of features named 'nothing'"):
        read_set("nothing")
    for text, message in (
        ("def (", "syntax error"),
        ("1 / 0", "ZeroDivisionError"),
        ("x = 1", "no function `compute`"),
    ):
        with pytest.raises(ConfigError, match=message):
            user_pipeline(Path(write(tmp_path, text, "broken.py")))


@pytest.mark.parametrize(
    "body",
    [
        "return frame.with_columns(up=pl.col('close').diff())",
        "return frame.select(up=pl.col('close').diff())",
        "return {'up': frame['close'].diff().to_numpy()}",
    ],
)
def test_a_pipeline_may_return_a_frame_or_a_mapping(tmp_path: Path, body: str) -> None:
    file = write(tmp_path, f"import polars as pl\ndef compute(frame):\n    {body}\n", "pipe.py")
    bars = contract_bars(50)
    made = user_pipeline(Path(file)).pipeline.compute(bars)
    assert list(made) == ["up"]
    np.testing.assert_array_equal(made["up"][1:], np.diff(bars.close))
    assert np.isnan(made["up"][0])


def test_a_pipeline_may_say_when_its_values_were_known(tmp_path: Path) -> None:
    text = "def compute(frame):\n    return {'x': frame['close'], 'x.ts_seen': frame['ts_event'].shift(-1)}\n"
    user = user_pipeline(Path(write(tmp_path, text, "pipe.py")))
    bars = contract_bars(20)
    assert list(user.pipeline.compute(bars)) == ["x"]
    assert user.stamps(bars)["x"].tolist() == [*bars.ts_event[1:].tolist(), -1]
