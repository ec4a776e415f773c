"""A feature around another one: a template of a step, bound to the inner feature's step and compiled with it."""

from __future__ import annotations

from functools import cache

from tradewright.core.kernel.compiled import inlined_here, rebound
from tradewright.core.types.feature import Feature, Step
from tradewright.features.step_identity import step_identity


@cache
def step_around(template: Step, inner: Step) -> Step:
    """Return the template with its `inner_nb` bound to a step; the same object for all features that use both."""
    name = f"{getattr(inner, '__name__', 'step')}_{step_identity(inner)}"
    return inlined_here(rebound(template, name, inner_nb=inner))


def inner_feature(of: object) -> Feature:
    """Return what is to be wrapped.

    Raises
    ------
    ValueError
        If it is not a feature with a compiled step.
    """
    if not isinstance(of, Feature) or not hasattr(of.step, "py_func"):
        msg = f"of must be a feature with a compiled step, got {of!r}"
        raise ValueError(msg)
    return of
