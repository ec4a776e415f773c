"""The value that another feature had some events earlier."""

from __future__ import annotations

from tradewright.core.types.feature import Feature, Floats, Step
from tradewright.features.parameters import whole_number
from tradewright.features.price import close_price, field_step_nb
from tradewright.features.window_nb import delay_window, push_delay_nb
from tradewright.features.wrapping import inner_feature, step_around

inner_nb: Step = field_step_nb  # a stand-in: `step_around` gives each copy of the template its own


def lag_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Template. State: how many events back, a delay of that length, then the inner feature's own."""
    n = int(state[0])
    return push_delay_nb(state, 1, n, inner_nb(state[n + 2 :], params, fields, i))


def lagged(events: int = 1, of: Feature | None = None) -> Feature:
    """Value of a feature ``events`` events earlier; only events that it reads count.

    A crossing is ``fast > slow`` now and not so one event before: ``ema(20)`` beside ``lagged(1, ema(20))``. A sweep
    does not compute it: it reads the inner feature's column so much earlier. ``of`` is `close_price` if not given.

    Raises
    ------
    ValueError
        If ``events`` is not a whole number of at least 1, or ``of`` is not a feature with a compiled step.
    """
    n = whole_number("events", events, 1)
    inner = inner_feature(close_price() if of is None else of)
    return Feature(
        f"lag{n}.v1.of.{inner.name}",
        step_around(lag_step_nb, inner.step),
        inner.params,
        (float(n), *delay_window(n), *inner.state),
        inner.warmup + n,
        inner.reads,
        inner.has_gaps,
        (inner, n),
    )


def origin(feature: Feature) -> tuple[Feature, int]:
    """Return the feature whose values are this one's, and how many events earlier; itself and 0 where it has none."""
    events = 0
    while feature.earlier is not None:
        feature, n = feature.earlier
        events += n
    return feature, events
