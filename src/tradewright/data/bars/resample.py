"""Time bars from trades or from smaller bars, a block of rows at a time: memory does not grow with the input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.errors import DataError
from tradewright.data.bars import time_nb
from tradewright.data.bars.grid import TimeGrid
from tradewright.data.bars.rows import N_TIMES, N_VALUES, Times, Values, arrays_of, frame_of
from tradewright.data.kinds import Kind

#: Rows that one compiled call takes.
_BLOCK = 262_144
_LONG_AGO = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Resampled:
    """Bars of one size.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns BAR_COLUMNS: ``ts_open`` is the start of the bucket and ``ts_event`` its end, whatever the last row
        in it was; ``ts_seen`` the later of its end and the newest ``ts_seen`` in it. Buckets without rows are absent.
    is_last_partial : bool
        Whether the last bar had not ended when the rows did. Only where such a bar was asked for; its ``ts_event``
        is the time up to which it is true, not the end of its bucket.
    outside : int
        Rows that lie outside every session and are in no bar.
    incomplete : int
        Rows of the first bucket, in no bar because the bucket began before the rows are complete.
    """

    frame: pl.DataFrame
    is_last_partial: bool
    outside: int
    incomplete: int


class TimeFold:
    """The memory of one size of time bars; takes blocks of rows.

    Parameters
    ----------
    grid : TimeGrid
        Where the buckets are.
    complete_from_ns : int, optional
        From when on the rows are all there were, ns UTC; buckets that begin before are left out.
    """

    def __init__(self, grid: TimeGrid, complete_from_ns: int | None = None) -> None:
        self.grid = grid
        self._grid = (grid.size_ns, grid.origin_ns, grid.opens, grid.closes)
        self._state = np.zeros(time_nb.N_STATE, np.int64)
        self._state[time_nb.LAST] = _LONG_AGO
        self._state[time_nb.SINCE] = _LONG_AGO if complete_from_ns is None else complete_from_ns
        self._held = np.zeros(time_nb.N_VALUE_STATE)
        self._memory = (self._state, self._held)

    @property
    def outside(self) -> int:
        """Rows so far that lay outside every session."""
        return int(self._state[time_nb.OUTSIDE])

    @property
    def incomplete(self) -> int:
        """Rows so far in buckets that began before rows were complete."""
        return int(self._state[time_nb.INCOMPLETE])

    @property
    def last(self) -> int:
        """End of the newest row, ns UTC."""
        return int(self._state[time_nb.LAST])

    @property
    def seen(self) -> int:
        """Newest ``ts_seen`` in the bucket under way, ns UTC."""
        return int(self._state[time_nb.SEEN])

    @property
    def pending_end(self) -> int | None:
        """End of the bucket under way, ns UTC; None where there is none."""
        return int(self._state[time_nb.END]) if self._state[time_nb.ROWS] else None

    def push(self, times: Times, values: Values, out: tuple[Times, Values]) -> int:
        """Take rows; see `time_nb.push_rows_nb`. A fault stays in `fault` until `forgive`."""
        return int(time_nb.push_rows_nb(self._grid, self._memory, times, values, out))

    def close(self, now_ns: int, out: tuple[Times, Values]) -> int:
        """Write the bucket under way if it has ended by ``now_ns``; return 0 or 1."""
        return int(time_nb.close_nb(self._memory, now_ns, out))

    def drop(self, complete_from_ns: int) -> None:
        """Forget the bucket under way, and leave out those that begin before ``complete_from_ns``."""
        self._state[time_nb.INCOMPLETE] += self._state[time_nb.ROWS]
        self._state[time_nb.ROWS] = 0
        self._state[time_nb.SINCE] = complete_from_ns

    @property
    def fault(self) -> tuple[int, int]:
        """What is wrong (a code of `time_nb`) with which row of the last push."""
        return int(self._state[time_nb.FAULT]), int(self._state[time_nb.FAULT_AT])

    def forgive(self) -> None:
        """Forget a fault; the row it was found at has not been taken."""
        self._state[time_nb.FAULT] = time_nb.SOUND

    def explain(self, times: Times) -> DataError:
        """Return the fault as an error that names the row's times."""
        code, at = self.fault
        span = f"{moment_text(times[0, at])} to {moment_text(times[1, at])}"
        if code == time_nb.NOT_ASCENDING:
            what = f"the row of {span} begins before the one before it has ended"
            return DataError(what, where=f"{self.grid.name} bars", fix="Put the rows in order; remove overlaps.")
        edge = moment_text(self._state[time_nb.END])
        what = f"the bar of {span} crosses {edge}, where a {self.grid.name} bucket begins or ends"
        fix = "Choose a size that is a multiple of the smaller bars, and an anchor that they keep to."
        return DataError(what, where=f"{self.grid.name} bars", fix=fix)


def moment_text(ns: int | np.int64) -> str:
    """Return ns UTC as text for messages."""
    return f"{np.datetime64(int(ns), 'ns')}"[:23] + "Z"


def room(n: int) -> tuple[Times, Values]:
    """Return arrays with room for ``n`` bars; pages that are never written cost no memory."""
    return np.empty((N_TIMES, n), np.int64), np.empty((N_VALUES, n))


class Resampler:
    """Several sizes of time bars from one pass over the rows.

    Parameters
    ----------
    grids : sequence of TimeGrid
        One a size.
    complete_from_ns : int, optional
        From when on the rows are all there were, ns UTC: a bucket that begins earlier lacks its first part and is left
        out. If not given, the first row's bucket is taken as whole.
    """

    def __init__(self, grids: Sequence[TimeGrid], complete_from_ns: int | None = None) -> None:
        self._folds = [TimeFold(grid, complete_from_ns) for grid in grids]
        self._parts: list[list[tuple[Times, Values]]] = [[] for _ in grids]
        self._out = room(_BLOCK)

    def push(self, frame: pl.DataFrame, kind: Kind) -> None:
        """Take the next rows: a canonical frame of bars or trades, ascending in time.

        Raises
        ------
        DataError
            If a row begins before the one before it has ended, or a bar crosses the end of a bucket.
        """
        for at in range(0, len(frame), _BLOCK):
            times, values = arrays_of(frame[at : at + _BLOCK], kind)
            for fold, parts in zip(self._folds, self._parts, strict=True):
                made = fold.push(times, values, self._out)
                if fold.fault[0] != time_nb.SOUND:
                    raise fold.explain(times)
                self._keep(parts, made)

    def finish(self, complete_until_ns: int | None = None, *, keeps_partial: bool = False) -> tuple[Resampled, ...]:
        """Return the bars, one result a grid; the last bucket only if it has ended.

        Parameters
        ----------
        complete_until_ns : int, optional
            Until when the rows are known to be all there were, ns UTC; else until the end of the last row.
        keeps_partial : bool
            Return a last bar that has not ended too; `Resampled.is_last_partial` says so.
        """
        done = []
        for fold, parts in zip(self._folds, self._parts, strict=True):
            until = fold.last if complete_until_ns is None else max(complete_until_ns, fold.last)
            end = fold.pending_end
            is_partial = end is not None and end > until and keeps_partial
            made = fold.close(end if end is not None and is_partial else until, self._out)
            if is_partial:
                self._out[0][1, 0] = until
                self._out[0][2, 0] = max(until, int(fold.seen))
            self._keep(parts, made)
            frame = frame_of(*_joined(parts))
            done.append(Resampled(frame, is_partial, fold.outside, fold.incomplete))
        return tuple(done)

    def _keep(self, parts: list[tuple[Times, Values]], made: int) -> None:
        if made:
            times, values = self._out
            parts.append((times[:, :made].copy(), values[:, :made].copy()))


def _joined(parts: list[tuple[Times, Values]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if not parts:
        return room(0)
    return np.concatenate([p[0] for p in parts], axis=1), np.concatenate([p[1] for p in parts], axis=1)


def resample(
    frames: Iterable[pl.DataFrame],
    grids: Sequence[TimeGrid],
    kind: Kind = Kind.BARS,
    *,
    complete_from_ns: int | None = None,
    complete_until_ns: int | None = None,
    keeps_partial: bool = False,
) -> tuple[Resampled, ...]:
    """Make time bars of several sizes in one pass.

    Amounts are added in order of time, from the rows given: 5m bars made from 1s bars and 5m bars made from 1m bars
    that were made from the same 1s bars agree in prices, and in volume up to rounding.

    Parameters
    ----------
    frames : iterable of polars.DataFrame
        Canonical frames of bars or trades (`data.kinds.schema`) in order of time; taken one after another.
    grids : sequence of TimeGrid
        Where the buckets are: `grid.utc_grid`, `grid.session_grid`.
    kind : Kind
        Bars or trades.
    complete_from_ns, complete_until_ns, keeps_partial
        See `Resampler` and `Resampler.finish`.

    Raises
    ------
    DataError
        If a row begins before the one before it has ended, or a bar crosses the end of a bucket.
    """
    resampler = Resampler(grids, complete_from_ns)
    for frame in frames:
        resampler.push(frame, kind)
    return resampler.finish(complete_until_ns, keeps_partial=keeps_partial)
