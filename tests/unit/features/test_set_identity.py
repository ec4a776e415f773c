"""The hash of a set of features changes with what decides its values, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.feature import Feature, Floats
from tradewright.features import ema, rsi_wilder, sma
from tradewright.features.set_identity import feature_identity, set_identity

FACTOR = 2.0


@inlined
def doubled_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Twice the close."""
    return float(fields[3, i] * FACTOR)


@inlined
def tripled_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Three times the close."""
    return float(fields[3, i] * 3.0)


def test_equal_sets_have_equal_hashes() -> None:
    assert set_identity({"a": ema(20), "b": sma(5)}) == set_identity({"a": ema(20), "b": sma(5)})
    assert len(feature_identity(ema(20))) == 32


def test_names_order_parameters_and_members_count() -> None:
    sets = [
        {"a": ema(20), "b": sma(5)},
        {"b": sma(5), "a": ema(20)},
        {"a": sma(5), "b": ema(20)},
        {"a": ema(21), "b": sma(5)},
        {"a": ema(20)},
        {"a": ema(20), "b": rsi_wilder(5)},
        {"a": ema(20), "c": sma(5)},
    ]
    assert len({set_identity(s) for s in sets}) == len(sets)


def test_code_memory_and_promises_count() -> None:
    one = Feature("mine.v1", doubled_step_nb, (1.0,), (0.0,), 0)
    others = [
        one,
        replace(one, step=tripled_step_nb),
        replace(one, state=(1.0,)),
        replace(one, params=(1.0 + 2**-52,)),
        replace(one, warmup=1),
        replace(one, has_gaps=True),
        replace(one, reads=None),
    ]
    assert len({feature_identity(f) for f in others}) == len(others)
