"""All pages of one question: follow the tokens, read the rows, put them in order, each once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from tradewright.adapters.alpaca.refusal import explained
from tradewright.adapters.alpaca.rows import WIDE, MalformedRowError, ReadRow, Row, Wire
from tradewright.core.types.errors import SourceError
from tradewright.data.kinds import Kind


class JsonClient(Protocol):
    """What is needed of `adapters.http.VenueHttp`."""

    async def get_json(self, path: str, query: dict[str, str | int] | None = None) -> Any:  # noqa: ANN401
        """Return the decoded body."""

    async def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True, slots=True)
class Question:
    """Rows of one symbol that begin in ``[start, end)``; ``rows`` is the key they stand under in the answer."""

    symbol: str
    kind: Kind
    rows: str
    path: str
    query: dict[str, str | int]
    start: int
    end: int


@dataclass(slots=True)
class Gathered:
    """Rows of all pages: the wide frame (`rows.WIDE`), refused rows with their reasons, and remarks."""

    frame: pl.DataFrame
    refused: list[tuple[str, str]]
    notes: list[str]


async def gather(client: JsonClient, question: Question, read: ReadRow) -> Gathered:
    """Fetch every page of a question and return its rows in order of time, each once.

    Raises
    ------
    SourceError
        If the venue refuses or keeps failing, an answer has another form, or a page token comes back.
    """
    frames: list[pl.DataFrame] = []
    refused: list[tuple[str, str]] = []
    tokens: set[str] = set()
    query = dict(question.query)
    while True:
        try:
            body = await client.get_json(question.path, query)
        except SourceError as error:
            raise explained(error) from error
        rows, token = _parts(body, question)
        frames.append(_page(rows, question, read, refused))
        if not token:
            break
        if token in tokens:
            what = f"the venue gave the same page token twice ({len(frames)} pages of {question.symbol})"
            raise SourceError(what, where=f"alpaca {question.path}", fix="Try again; if it stays, ask for less time.")
        tokens.add(token)
        query["page_token"] = token
    return _ordered(frames, refused, question.kind)


def _parts(body: object, question: Question) -> tuple[list[Wire], str]:
    """Return the rows and the token of the next page, empty at the end."""
    if isinstance(body, dict) and question.rows in body:
        groups, token = body[question.rows], body.get("next_page_token")
        groups = {} if groups is None else groups
        if isinstance(groups, dict) and isinstance(token, str | None) and set(groups) <= {question.symbol}:
            rows = groups.get(question.symbol)
            if rows is None or isinstance(rows, list):
                return rows or [], token or ""
    what = f"the answer does not hold the {question.rows} of {question.symbol} alone"
    raise SourceError(what, where=f"alpaca {question.path}", fix="Check data_url in the settings.")


def _page(rows: list[Wire], question: Question, read: ReadRow, refused: list[tuple[str, str]]) -> pl.DataFrame:
    """Return one page as columns; rows that cannot be read, or were not asked for, go to ``refused``."""
    good: list[Row] = []
    for row in rows:
        try:
            if not isinstance(row, dict):
                msg = "not an object"
                raise MalformedRowError(msg)
            columns = read(row)
            if not question.start <= int(columns["ts_open"]) < question.end:
                msg = "outside the time that was asked for"
                raise MalformedRowError(msg)
            good.append(columns)
        except (MalformedRowError, OverflowError) as error:
            refused.append((str(error), json.dumps(row, separators=(",", ":"))))
    layout = WIDE[question.kind]
    return pl.DataFrame({name: [row[name] for row in good] for name in layout}, schema=layout)


def _ordered(frames: list[pl.DataFrame], refused: list[tuple[str, str]], kind: Kind) -> Gathered:
    """Return the pages as one frame in order of time; rows of equal times stay in the venue's order."""
    notes: list[str] = []
    filled = [_forwards(frame, notes) for frame in frames if len(frame)]
    in_turn = sorted(filled, key=lambda frame: (int(frame["ts_event"][0]), int(frame["ts_event"][-1])))
    if any(a is not b for a, b in zip(filled, in_turn, strict=True)):
        notes.append("pages came out of order and were sorted")
    frame = pl.concat(in_turn) if in_turn else pl.DataFrame(schema=WIDE[kind])
    rows = len(frame)
    frame = frame.unique(keep="first", maintain_order=True)
    if rows > len(frame):
        notes.append(f"{rows - len(frame)} repeated rows were removed")
    if not frame["ts_open"].is_sorted():
        notes.append("rows came out of order and were sorted")
        frame = frame.sort("ts_open", maintain_order=True)
    frame = _one_of_each(frame, refused, kind)
    refused = list(dict.fromkeys(refused))  # a page that came twice has its bad rows twice
    refused_by_reason = Counter(reason for reason, _ in refused)
    notes += [f"refused {count}: {reason}" for reason, count in sorted(refused_by_reason.items())]
    return Gathered(frame, refused, notes)


def _forwards(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Return a page that was written from its end to its start the right way round, rows of equal times included."""
    times = frame["ts_open"]
    if times.is_sorted() or not times.is_sorted(descending=True):
        return frame
    notes.append("rows of a page came in descending order and were turned round")
    return frame.reverse()


def _one_of_each(frame: pl.DataFrame, refused: list[tuple[str, str]], kind: Kind) -> pl.DataFrame:
    """Refuse a second bar of the same time, and a second trade of the same number, that differs from the first."""
    if kind is Kind.BARS:
        names, is_named = ["ts_open"], pl.lit(value=True)
        reason = "another bar of the same time came before"
    elif kind is Kind.TRADES:
        names, is_named = ["ts_event", "exchange", "tape", "trade_id"], pl.col("trade_id") != ""
        reason = "another trade of the same number came before"
    else:
        return frame
    is_again = is_named & ~pl.struct(names).is_first_distinct()
    again = frame.filter(is_again)
    refused += [(reason, json.dumps(row, separators=(",", ":"))) for row in again.to_dicts()]
    return frame.filter(~is_again)
