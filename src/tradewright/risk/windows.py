"""Stretches of time in which nothing may be opened: dates, weekly hours, minutes around news."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOMENT = re.compile(rf"({'|'.join(_DAYS)}) ([01]\d|2[0-3]):([0-5]\d)")
_SECOND = 1_000_000_000
_WEEK = timedelta(days=7)

Span = tuple[int, int]


class DatedWindow(BaseModel):
    """From ``start`` until before ``end``, UTC where no offset is given; ``close`` closes every position then."""

    model_config = _STRICT

    start: datetime
    end: datetime
    close: bool = False

    @model_validator(mode="after")
    def _goes_forward(self) -> DatedWindow:
        if _ns(self.end) <= _ns(self.start):
            msg = f"`end` {self.end} is not after `start` {self.start}"
            raise ValueError(msg)
        return self


class WeeklyWindow(BaseModel):
    """Every week from ``start`` until before ``end`` (``Fri 21:45``), on the clock of the IANA zone ``tz``."""

    model_config = _STRICT

    start: str
    end: str
    tz: str = "UTC"
    close: bool = False

    @field_validator("start", "end")
    @classmethod
    def _is_moment(cls, text: str) -> str:
        if not _MOMENT.fullmatch(text):
            msg = f"'{text}' is no moment of the week; write it like Fri 21:45"
            raise ValueError(msg)
        return text

    @field_validator("tz")
    @classmethod
    def _is_zone(cls, tz: str) -> str:
        try:
            ZoneInfo(tz)
        except (KeyError, ValueError, OSError) as error:
            msg = f"'{tz}' is not an IANA time zone such as Europe/Prague"
            raise ValueError(msg) from error
        return tz

    def spans(self, first: datetime, last: datetime) -> Iterator[Span]:
        """Yield the windows that touch a stretch of time."""
        zone = ZoneInfo(self.tz)
        monday = first.astimezone(zone).replace(tzinfo=None) - _WEEK
        monday = (monday - timedelta(days=monday.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
        while monday.replace(tzinfo=zone) <= last:
            start, end = (monday + _into_week(text) for text in (self.start, self.end))
            if end <= start:
                end += _WEEK
            yield _ns(start.replace(tzinfo=zone)), _ns(end.replace(tzinfo=zone))
            monday += _WEEK


class NewsWindows(BaseModel):
    """Around each of ``times``, UTC where no offset is given."""

    model_config = _STRICT

    times: tuple[datetime, ...]
    before_seconds: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    after_seconds: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    close: bool = False


class Windows(BaseModel):
    """When nothing may be opened."""

    model_config = _STRICT

    dates: tuple[DatedWindow, ...] = ()
    weekly: tuple[WeeklyWindow, ...] = ()
    news: NewsWindows | None = None


def merged_windows(windows: Windows | None, first_ns: int, last_ns: int) -> tuple[list[Span], list[Span]]:
    """Return all windows between two times, and those of them that close: ascending, without overlap, ns UTC."""
    if windows is None:
        return [], []
    found: list[tuple[Span, bool]] = [((_ns(w.start), _ns(w.end)), w.close) for w in windows.dates]
    first, last = (datetime.fromtimestamp(ns / _SECOND, tz=UTC) for ns in (first_ns, last_ns))
    for weekly in windows.weekly:
        found += [(span, weekly.close) for span in weekly.spans(first, last)]
    if windows.news is not None:
        before, after = (round(s * _SECOND) for s in (windows.news.before_seconds, windows.news.after_seconds))
        # the last moment counts: [moment - before, moment + after]
        found += [((_ns(t) - before, _ns(t) + after + 1), windows.news.close) for t in windows.news.times]
    return _merged(span for span, _ in found), _merged(span for span, closes in found if closes)


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _into_week(text: str) -> timedelta:
    day, clock = text.split()
    hour, minute = clock.split(":")
    return timedelta(days=_DAYS.index(day), hours=int(hour), minutes=int(minute))


def _ns(moment: datetime) -> int:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
