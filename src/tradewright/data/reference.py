"""The reference instrument of cross-asset features: its newest known close beside every bar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, REFERENCE


def with_reference(bars: Bars, reference: Bars) -> Bars:
    """Return the bars with the REFERENCE row filled from another instrument.

    A bar gets the close of the newest reference bar that ends no later than the bar itself, so a reference in a longer
    timeframe, or with gaps, is never seen early. Before the first reference bar has ended the value is NaN.

    Parameters
    ----------
    bars, reference : Bars
        In order of time; the reference may be the same instrument.
    """
    place = np.searchsorted(reference.ts_event, bars.ts_event, side="right") - 1
    fields = bars.fields.copy()
    fields[REFERENCE] = np.nan
    known = place >= 0
    fields[REFERENCE, known] = reference.fields[CLOSE, place[known]]
    return replace(bars, fields=fields)
