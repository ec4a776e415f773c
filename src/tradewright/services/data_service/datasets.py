"""What the store holds, as of a moment ago: catalogues are read anew only when they may have changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from http import HTTPStatus

from tradewright.core.types.errors import UsageError
from tradewright.data.catalogue import CATALOGUE, Dataset
from tradewright.data.kinds import Kind
from tradewright.data.store import BarStore, MarketStore
from tradewright.data.timeframe import interval_ns
from tradewright.services.data_service.single_flight import SingleFlight
from tradewright.services.http_service.problems import ProblemError, not_found, unprocessable

_MOST_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer of the store, the state of the file it came from, and when it must be looked at again."""

    answer: Dataset | ProblemError
    stamp: Hashable
    until_ns: int


class Datasets:
    """Newest versions by symbol and timeframe.

    Parameters
    ----------
    store : MarketStore
        Where they are.
    refresh_s : float
        How old an answer may be.
    steady_ns : callable
        A clock that never runs backwards, ns.
    """

    def __init__(self, store: MarketStore, refresh_s: float, steady_ns: Callable[[], int]) -> None:
        self._store = store
        self._refresh_ns = int(refresh_s * 1e9)
        self._steady_ns = steady_ns
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._all: tuple[tuple[Dataset, ...], int] = ((), -1)
        self._flights: SingleFlight[_Known] = SingleFlight()
        self._lists: SingleFlight[tuple[Dataset, ...]] = SingleFlight()

    async def bars(self, symbol: str, timeframe: str, *, most_age_s: float | None = None) -> Dataset:
        """Return the newest version of a symbol's bars, at most ``refresh_s`` old.

        Raises
        ------
        ProblemError
            422 where the timeframe is not one, 404 where the store has no such bars.
        """
        try:
            interval_ns(timeframe)
        except UsageError as error:
            raise unprocessable(error, "timeframe") from None
        key = (symbol, timeframe)
        known, now = self._known.get(key), self._steady_ns()
        most_age = self._refresh_ns if most_age_s is None else int(most_age_s * 1e9)
        if known is None or now >= known.until_ns - self._refresh_ns + most_age:
            known = await self._flights.do(key, lambda: self._look(key))
        if isinstance(known.answer, ProblemError):
            raise ProblemError(known.answer.status, known.answer.what, known.answer.where, known.answer.fix)
        return known.answer

    async def all(self) -> tuple[Dataset, ...]:
        """Return every data set, at most ``refresh_s`` old."""
        entries, until = self._all
        if self._steady_ns() < until:
            return entries
        return await self._lists.do("all", self._list)

    async def bars_of(self, symbol: str) -> tuple[Dataset, ...]:
        """Return the bars of a symbol in every timeframe, shortest first.

        Raises
        ------
        ProblemError
            404 where the store has none.
        """
        found = [d for d in await self.all() if d.symbol == symbol and d.kind is Kind.BARS]
        if not found:
            await self.bars(symbol, "1d")  # raises, and says what there is
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no bars of {symbol}", self._store.place)
        return tuple(sorted(found, key=lambda d: interval_ns(d.timeframe)))

    async def _list(self) -> tuple[Dataset, ...]:
        began = self._steady_ns()
        entries = await asyncio.to_thread(self._store.list)
        self._all = (entries, began + self._refresh_ns)
        return entries

    async def _look(self, key: tuple[str, str]) -> _Known:
        began = self._steady_ns()
        before = self._known.get(key)
        stamp = self._stamp(*key)  # before reading: a write in between is seen the next time
        if before is not None and stamp is not None and stamp == before.stamp:
            known = _Known(before.answer, stamp, began + self._refresh_ns)
        else:
            known = await asyncio.to_thread(self._read, key, stamp, began)
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > _MOST_ENTRIES:
            self._known.popitem(last=False)
        return known

    def _read(self, key: tuple[str, str], stamp: Hashable, began: int) -> _Known:
        until = began + self._refresh_ns
        try:
            return _Known(self._store.describe(*key), stamp, until)
        except UsageError as error:
            return _Known(not_found(error), None, until)

    def _stamp(self, symbol: str, timeframe: str) -> Hashable:
        """Return what changes when the catalogue file is replaced; None where only reading it tells."""
        if not isinstance(self._store, BarStore):
            return None
        try:
            state = (self._store.folder(symbol, timeframe, Kind.BARS) / CATALOGUE).stat()
        except (OSError, UsageError, ValueError):
            return None
        return state.st_ino, state.st_mtime_ns, state.st_size
