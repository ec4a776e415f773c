from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.models.deep.lessons import lesson

from tradewright.core.types.rows import FeatureRows
from tradewright.models.deep.sequences import LIMIT, Scaling, Sequences


def uneven_rows(seed: int = 0) -> FeatureRows:
    """Three instruments that come and go at random, one of them only twice."""
    rng = np.random.default_rng(seed)
    rows = lesson(60, seed, symbols=("AAA", "BBB", "CCC")).rows
    kept = np.sort(np.r_[2, 32, rng.choice(np.flatnonzero(rows.instrument < 2), 33, replace=False)])
    return rows.take(kept)


def slow_windows(rows: FeatureRows, scaling: Scaling, length: int) -> dict[int, NDArray[np.float32]]:
    """Return the window of each row that has one, row by row."""
    found = {}
    for i in range(len(rows)):
        own = [j for j in range(i + 1) if rows.instrument[j] == rows.instrument[i]][-length:]
        if len(own) == length:
            found[i] = np.concatenate([scaling.apply(rows.values[j : j + 1]) for j in own])
    return found


@pytest.mark.parametrize("length", [1, 2, 5, 17])
@pytest.mark.parametrize("missing_flags", [False, True])
def test_a_window_is_the_last_rows_of_its_own_instrument(length: int, missing_flags: bool) -> None:
    rows = uneven_rows()
    scaling = Scaling.fit(rows, missing_flags=missing_flags)
    cut = Sequences.cut(rows, scaling, length)
    expected = slow_windows(rows, scaling, length)
    assert sorted(cut.rows.tolist()) == sorted(expected)
    windows = cut.windows(slice(None))
    assert windows.shape == (len(cut), length, scaling.width)
    for row, window in zip(cut.rows.tolist(), windows, strict=True):
        assert np.array_equal(window, expected[row])


def test_some_windows_are_those_windows() -> None:
    rows = uneven_rows(1)
    cut = Sequences.cut(rows, Scaling.fit(rows, missing_flags=False), 3)
    which = np.array([4, 0, 7])
    assert np.array_equal(cut.windows(which), cut.windows(slice(None))[which])


def test_all_windows_share_one_table() -> None:
    rows = lesson(1000).rows
    cut = Sequences.cut(rows, Scaling.fit(rows, missing_flags=False), 100)
    assert cut.table.shape == rows.values.shape
    assert len(cut) == 1000 - 2 * 99


@pytest.mark.parametrize("n", [0, 1, 8])
def test_fewer_rows_than_a_window_give_none(n: int) -> None:
    whole = lesson(100).rows
    cut = Sequences.cut(whole.take(slice(0, n)), Scaling.fit(whole, missing_flags=True), 5)
    assert len(cut) == 0
    assert cut.windows(slice(None)).shape == (0, 5, 6)


def test_a_row_without_any_value_ends_no_window_but_is_read_in_those_after_it() -> None:
    rows = lesson(20, symbols=("AAA",)).rows
    rows.values[10] = np.nan
    cut = Sequences.cut(rows, Scaling.fit(rows, missing_flags=False), 3)
    assert 10 not in cut.rows
    assert {11, 12} <= set(cut.rows.tolist())


def test_scaling_knows_the_training_rows_only() -> None:
    train, other = lesson(300).rows, lesson(300, seed=1).rows
    scaling = Scaling.fit(train, missing_flags=False)
    scaled = scaling.apply(train.values)
    known = np.isfinite(train.values)
    for k in range(3):
        assert scaled[known[:, k], k].mean() == pytest.approx(0.0, abs=1e-6)
        assert scaled[known[:, k], k].std() == pytest.approx(1.0, abs=1e-6)
    assert (scaled[~known] == 0.0).all()
    assert abs(scaling.apply(other.values)[:, 0].mean()) > 1e-4
    assert Scaling.model_validate_json(scaling.model_dump_json()) == scaling


def test_constant_infinite_and_absurd_values_stay_harmless() -> None:
    rows = lesson(300).rows
    values = rows.values.copy()
    values[:, 1] = 0.1 + 0.2
    scaling = Scaling.fit(replace(rows, values=values), missing_flags=True)
    probe = np.array([[1e9, 0.3, np.inf], [-1e9, 0.1 + 0.2, 0.0]])
    assert scaling.apply(probe)[0].tolist() == [LIMIT, pytest.approx(0.0, abs=1e-6), 0.0, 0.0, 0.0, 1.0]
    assert scaling.apply(probe)[1, 0] == -LIMIT
    assert np.isfinite(scaling.apply(values)).all()


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = lesson(300).rows
    scaling = Scaling.fit(rows, missing_flags=True)
    whole = scaling.apply(rows.values)
    monkeypatch.setattr("tradewright.models.deep.sequences._BLOCK", 7)
    assert np.array_equal(scaling.apply(rows.values), whole)
