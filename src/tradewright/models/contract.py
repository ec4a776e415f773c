"""What every forecaster has to satisfy, as a suite that runs on any of them, a user's own included."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError, TradewrightError
from tradewright.core.types.rows import FeatureRows, Targets
from tradewright.models.artefact import SAFE
from tradewright.models.forecaster import Forecaster, Lesson

Make = Callable[[], Forecaster]
_MINUTE = 60 * 10**9
_NAMES = ("return_1", "trend", "noise", "gappy", "level")


class ForecasterContractError(TradewrightError):
    """A forecaster breaks a rule that training, backtest and live rely on."""


def contract_lesson(n: int = 600, seed: int = 0, *, has_flat: bool = True) -> Lesson:
    """Make ``n`` rows of two instruments, minute by minute, with an edge, gaps, ties and a feature of another scale."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, len(_NAMES)))
    values[:, 0] *= 1e-3
    values[rng.random(n) < 0.05, 0] = 0.0
    values[rng.random(n) < 0.3, 3] = np.nan
    values[:, 4] = np.round(1e6 + 1e4 * values[:, 4])
    growth = 1e-3 * (values[:, 1] + 400.0 * values[:, 0] + rng.normal(size=n))
    band = 5e-4 if has_flat else 0.0
    direction = np.where(np.abs(growth) <= band, 0, np.sign(growth)).astype(np.int64)
    ts = np.arange(n, dtype=np.int64) // 2 * _MINUTE
    rows = FeatureRows(
        names=_NAMES,
        values=values,
        symbols=("AAA", "BBB"),
        instrument=np.arange(n, dtype=np.int64) % 2,
        ts_event=ts,
        ts_seen=ts,
        feature_set_hash="contract",
    )
    weight = rng.uniform(0.5, 1.5, n)
    return Lesson(rows, Targets(direction, growth, ts + 5 * _MINUTE, weight / weight.mean(), 5 * _MINUTE))


def check_forecaster(make: Make, rows: int = 600, seed: int = 0) -> None:
    """Check that a forecaster can be trusted; return quietly if it can.

    The rules: the same lesson gives the same bits; what it is given is left alone; probabilities lie in [0, 1] and have
    the sum 1; many rows give what each gives alone; a saved model gives what it gave before, from files in safe
    formats; a damaged file, other columns, a lesson that is too short or has one outcome only, a feature without a
    value, and a prediction before there is a model are refused with a `ModelError`.

    Parameters
    ----------
    make : callable
        Returns a new, untrained forecaster each time, with the same parameters.
    rows : int
        Length of the made-up history.
    seed : int
        Of the made-up history.

    Raises
    ------
    ForecasterContractError
        At the first rule that is broken; names the kind and the rule.
    """
    for has_flat in (True, False):
        lesson = contract_lesson(rows, seed, has_flat=has_flat)
        _Check(make, lesson).run()


@dataclass(frozen=True, slots=True)
class _Check:
    make: Make
    lesson: Lesson

    @property
    def split(self) -> tuple[Lesson, Lesson]:
        n = len(self.lesson.rows)
        halves = slice(0, n * 2 // 3), slice(n * 2 // 3 + 10, n)
        train, later = (Lesson(self.lesson.rows.take(h), self.lesson.targets.take(h)) for h in halves)
        return train, later

    def run(self) -> None:
        model = self.learned()
        rows = self.lesson.rows
        values = model.predict(rows)
        self.check_values(values)
        if not _same(values, self.learned().predict(rows)):
            self.fail("learns something else the second time")
        self.check_one_by_one(model, values)
        self.check_blank_rows(model)
        self.check_files(model, values)
        self.check_refusals(model)

    def fail(self, rule: str) -> None:
        raise ForecasterContractError(rule, where=f"forecaster {self.make().kind}")

    def learned(self) -> Forecaster:
        train, later = self.split
        before = _bytes(train), _bytes(later)
        model = self.make()
        model.learn(train, later)
        model.predict(later.rows)
        if (_bytes(train), _bytes(later)) != before:
            self.fail("writes into what it is given")
        return model

    def check_values(self, values: NDArray[np.float64]) -> None:
        if values.dtype != np.float64 or values.shape != (len(self.lesson.rows), 4):
            self.fail(f"predicts {values.dtype}{list(values.shape)}, expected float64[n, 4]")
        known = values[~np.isnan(values[:, 0])]
        if len(known) < len(values) // 2:
            self.fail("has nothing to say about most rows")
        shares = known[:, :3]
        if not np.isfinite(known).all() or (shares < 0.0).any() or (shares > 1.0).any():
            self.fail("predicts shares outside 0 and 1")
        if np.abs(shares.sum(axis=1) - 1.0).max() > 1e-9:
            self.fail("predicts shares whose sum is not 1")

    def check_one_by_one(self, model: Forecaster, values: NDArray[np.float64]) -> None:
        rows = self.lesson.rows
        for i in np.linspace(0, len(rows) - 1, 60).astype(np.int64):
            own = np.flatnonzero(rows.instrument[: i + 1] == rows.instrument[i])[-model.lookback :]
            alone = model.predict(rows.take(own))[-1]
            if not _same(values[i], alone, model.tolerance):
                self.fail(f"predicts {alone.tolist()} for row {i} alone, {values[i].tolist()} among others")

    def check_blank_rows(self, model: Forecaster) -> None:
        rows = self.lesson.rows.take(slice(0, 4 * model.lookback + 4))
        values = model.predict(replace(rows, values=np.full_like(rows.values, np.nan)))
        said = values[~np.isnan(values).any(axis=1)]
        if len(said) and (np.abs(said[:, :3].sum(axis=1) - 1.0).max() > 1e-9 or not np.isfinite(said).all()):
            self.fail("says something impossible about rows without any feature")
        if len(model.predict(rows.take(slice(0, 0)))):
            self.fail("predicts something from no rows")

    def check_files(self, model: Forecaster, values: NDArray[np.float64]) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "whole"
            folder.mkdir()
            files = model.save(folder)
            there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
            if set(files) != there or not files:
                self.fail(f"says it wrote {sorted(files)}, and wrote {sorted(there)}")
            if unsafe := [f for f in files if Path(f).suffix not in SAFE]:
                self.fail(f"writes {unsafe[0]}, which is not in a safe format")
            again = type(model).load(folder, model.params)
            if not _same(values, again.predict(self.lesson.rows)):
                self.fail("predicts something else after it was saved and loaded")
            for file in files:
                damaged = Path(name) / "damaged"
                shutil.copytree(folder, damaged)
                whole = (damaged / file).read_bytes()
                (damaged / file).write_bytes(whole[: len(whole) // 2])
                self.check_damage(type(model), damaged, model)
                (damaged / file).unlink()
                self.check_damage(type(model), damaged, model)
                shutil.rmtree(damaged)

    def check_damage(self, kind: type[Forecaster], folder: Path, model: Forecaster) -> None:
        with self.refused("a damaged file"):
            kind.load(folder, model.params)

    def check_refusals(self, model: Forecaster) -> None:
        train, later = self.split
        rows = later.rows
        turned = tuple(reversed(rows.names))
        with self.refused("columns in another order"):
            model.predict(replace(rows, names=turned))
        with self.refused("a column less"):
            model.predict(replace(rows, names=rows.names[:-1], values=rows.values[:, :-1].copy()))
        with self.refused("a prediction before there is a model"):
            self.make().predict(rows)
        with self.refused("to be saved before there is a model"), tempfile.TemporaryDirectory() as name:
            self.make().save(Path(name))
        with self.refused("a lesson of twenty rows"):
            self.make().learn(Lesson(train.rows.take(slice(0, 20)), train.targets.take(slice(0, 20))))
        with self.refused("a lesson with one outcome"):
            self.make().learn(
                Lesson(train.rows, replace(train.targets, direction=np.ones_like(train.targets.direction)))
            )
        with self.refused("a feature without a value"):
            blank = train.rows.values.copy()
            blank[:, 2] = np.nan
            self.make().learn(Lesson(replace(train.rows, values=blank), train.targets))

    @contextmanager
    def refused(self, what: str) -> Iterator[None]:
        try:
            yield
        except ModelError as error:
            if not error.what:
                self.fail(f"refuses {what} without a word")
        except Exception as error:  # noqa: BLE001 - whatever else it raises is the finding
            self.fail(f"meets {what} with {type(error).__name__}: {error}")
        else:
            self.fail(f"accepts {what}")


def _same(a: NDArray[np.float64], b: NDArray[np.float64], tolerance: float = 0.0) -> bool:
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        return False
    return bool((np.nan_to_num(np.abs(a - b)) <= tolerance).all())


def _bytes(lesson: Lesson) -> bytes:
    targets = lesson.targets
    arrays = (lesson.rows.values, targets.direction, targets.growth, targets.ts_end, targets.weight)
    return b"".join(a.tobytes() for a in arrays)
