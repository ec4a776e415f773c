"""From a name or a YAML file to a set of features, and from a user's Python file to features or a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import ConfigError, TradewrightError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.core.types.feature import Feature, Floats
    from tradewright.features.leaks import Pipeline
    from tradewright.features.leaks.pipeline import Market

#: Ends the name of a column that tells when another one was known.
_STAMP = ".ts_seen"
_EXAMPLE = "A set looks like `features: {fast: ema(20), mine: my_features.py:mine(10)}`."


@dataclass(frozen=True, slots=True)
class NamedFeatures:
    """A set of features under the names that its author gave them, and how he wrote each."""

    name: str
    features: Mapping[str, Feature]
    written: Mapping[str, str]


def read_set(text: str) -> NamedFeatures:
    """Return a set by name (``standard``, ``registered``) or from a YAML file.

    The file holds ``features:``, a mapping of names to features: one of the package such as ``zscore(100, ema(20))``,
    or one made by a function of a user's file, ``my_features.py:mine(10)``.

    Raises
    ------
    ConfigError
        If there is no such set, or something in the file is wrong; names the file and line.
    """
    from tradewright.features.named_sets import NAMES, named_set

    known = named_set(text)
    if known is not None:
        return NamedFeatures(text, written_set(known, text), known)
    path = Path(text)
    if path.suffix not in (".yaml", ".yml"):
        fix = f"Give one of {', '.join(NAMES)}, or a file ending in .yaml."
        raise ConfigError(f"there is no set of features named '{text}'", where="--set", fix=fix)
    return _read_file(path)


def _read_file(path: Path) -> NamedFeatures:
    from tradewright.services.cli.yaml_places import read_yaml

    values, lines = read_yaml(path)
    unknown = sorted(set(values) - {"features"})
    if unknown:
        where = f"{path}:{lines.get((unknown[0],), 1)}"
        raise ConfigError(f"'{unknown[0]}' is not a field of a set of features", where=where, fix=_EXAMPLE)
    written = values.get("features")
    if not isinstance(written, dict) or not written:
        raise ConfigError("it names no features", where=str(path), fix=_EXAMPLE)
    features = {}
    for name, one in written.items():
        where = f"{path}:{lines.get(('features', name), 1)}"
        if not isinstance(one, str):
            raise ConfigError(f"'{name}' is {one!r} and not a feature", where=where, fix=_EXAMPLE)
        features[str(name)] = _feature(one, where)
    return NamedFeatures(path.stem, features, {str(name): one for name, one in written.items()})


def written_set(written: Mapping[str, str], where: str) -> dict[str, Feature]:
    """Return the features that expressions name; raises ConfigError, naming ``where``, for what is none."""
    return {name: _feature(one, where) for name, one in written.items()}


def _feature(written: str, where: str) -> Feature:
    """Return the feature that is written, a package's or a user's; errors name ``where``."""
    from tradewright.features.expression import parse_feature
    from tradewright.features.registry import build_feature

    head, colon, call = written.rpartition(":")
    try:
        if not colon:
            return build_feature(parse_feature(written))
        spec = parse_feature(call)
        made = function_of(Path(head), spec.kind)(*spec.args)
        return _checked(made, f"{head}:{spec.kind}")
    except TradewrightError as error:
        place = f"{where}, {error.where}" if error.where else where
        raise ConfigError(error.what, where=place, fix=error.fix) from error
    except (TypeError, ValueError) as error:  # a user's function may refuse its arguments
        raise ConfigError(f"'{written}': {error}", where=where, fix="Check the arguments.") from error


def _checked(made: object, where: str) -> Feature:
    from tradewright.core.types.feature import Feature

    if not isinstance(made, Feature):
        raise ConfigError(f"it returned {type(made).__name__} and not a Feature", where=where, fix=_EXAMPLE)
    if not hasattr(made.step, "py_func"):
        fix = "Decorate it with `inlined` of tradewright.core.kernel.compiled."
        raise ConfigError("the step of its feature is not compiled", where=where, fix=fix)
    return made


def function_of(path: Path, name: str) -> Callable[..., Any]:
    """Return a function of a user's Python file.

    Raises
    ------
    ConfigError
        If the file is missing or does not import, or holds no such function.
    """
    found = getattr(_module(path), name, None)
    if not callable(found):
        raise ConfigError(f"it defines no function `{name}`", where=str(path), fix=_EXAMPLE)
    function: Callable[..., Any] = found
    return function


def _module(path: Path) -> ModuleType:
    """Run a file as a module of its own. Its name has no hash in it: a comment must not make another feature."""
    if not path.is_file() or path.suffix != ".py":
        raise ConfigError("there is no such Python file", where=str(path), fix="Check the path.")
    from tradewright.strategies.loader import run_file

    try:
        return run_file(path, f"tradewright_user_features_{path.stem}")
    except SyntaxError as error:
        where = f"{path}:{error.lineno}"
        raise ConfigError(f"syntax error: {error.msg}", where=where, fix="Mend the line.") from error
    except Exception as error:  # a user's file may raise anything at all
        what = f"it does not import: {type(error).__name__}: {error}"
        raise ConfigError(what, where=str(path), fix="Mend the file.") from error


@dataclass(frozen=True, slots=True)
class UserPipeline:
    """A user's way to compute features; ``stamps`` returns when values were known, for the columns that say so."""

    pipeline: Pipeline
    stamps: Callable[[Market], Mapping[str, NDArray[np.int64]]]


def user_pipeline(path: Path) -> UserPipeline:
    """Return the pipeline of a user's file that defines ``compute(frame)``.

    It gets a polars frame of bars (``ts_open``, ``ts_event``, ``open`` to ``volume``, ``trades``, ``buy_volume``,
    ``reference``) and returns a frame, or a mapping of names to columns, of the same length. Columns that it was
    given do not count as features. A column ``NAME.ts_seen`` says, in ns UTC, when the newest input of the feature
    ``NAME`` was seen; null where it has no value.

    Raises
    ------
    ConfigError
        If the file is missing, does not import, or defines no ``compute``.
    """
    import polars as pl

    from tradewright.core.types.dtypes import BUY_VOLUME, CLOSE, HIGH, LOW, OPEN, REFERENCE, TRADES, VOLUME
    from tradewright.features.leaks import Pipeline

    compute = function_of(path, "compute")
    rows = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME, "trades": TRADES}
    rows |= {"buy_volume": BUY_VOLUME, "reference": REFERENCE}

    def made(market: Market) -> pl.DataFrame:
        times = {"ts_open": market.ts_open, "ts_event": market.ts_event}
        given = pl.DataFrame(times | {name: market.fields[row] for name, row in rows.items()})
        said = compute(given)
        frame = said if isinstance(said, pl.DataFrame) else pl.DataFrame(dict(said))
        return frame.drop(given.columns, strict=False)

    def columns(market: Market) -> Mapping[str, Floats]:
        frame = made(market)
        new = [name for name in frame.columns if not name.endswith(_STAMP)]
        return {n: frame[n].cast(pl.Float64).fill_null(float("nan")).to_numpy() for n in new}

    def stamps(market: Market) -> Mapping[str, NDArray[np.int64]]:
        frame = made(market)
        told = [name for name in frame.columns if name.endswith(_STAMP)]
        return {n.removesuffix(_STAMP): frame[n].cast(pl.Int64).fill_null(-1).to_numpy() for n in told}

    return UserPipeline(Pipeline(path.name, columns), stamps)
