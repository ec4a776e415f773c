"""Which column of a file is which field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.kinds import LAYOUTS, Kind

#: Spellings of each field, letters and digits only, best first: a file may hold ``timestamp`` and ``date``.
_TIME = (
    "timestamp",
    "timestamps",
    "datetime",
    "opentime",
    "time",
    "date",
    "ts",
    "tsevent",
    "gmttime",
    "localtime",
    "transacttime",
)
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "time": _TIME,
    "open": ("open", "o", "openprice", "first"),
    "high": ("high", "h", "highprice", "max"),
    "low": ("low", "l", "lowprice", "min"),
    "close": ("close", "c", "closeprice", "last"),
    "volume": ("volume", "vol", "v", "tickvol", "tickvolume", "basevolume"),
    "bid": ("bid", "bidprice", "bestbid", "b", "bestbidprice"),
    "ask": ("ask", "askprice", "bestask", "offer", "a", "bestaskprice"),
    "bid_size": ("bidsize", "bidqty", "bidvolume", "bidsz", "bestbidqty", "bestbidsize"),
    "ask_size": ("asksize", "askqty", "askvolume", "asksz", "bestaskqty", "bestasksize"),
    "price": ("price", "p", "tradeprice", "last"),
    "size": ("size", "qty", "quantity", "amount", "volume", "vol", "q"),
    "trades": ("trades", "numberoftrades", "numtrades", "tradecount", "tradescount", "ntrades", "count"),
    "buy_volume": ("buyvolume", "takerbuyvolume", "takerbuybasevolume", "takerbuybaseassetvolume"),
    "aggressor": ("aggressor", "side", "takerside", "direction"),
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def fields_of(kind: Kind) -> tuple[str, ...]:
    """Return the fields a file of this kind may hold, time first."""
    return ("time", *LAYOUTS[kind].rows)


def recognise(names: Sequence[str], kind: Kind, given: Mapping[str, str], where: str) -> dict[str, str]:
    """Return field -> column name, from the names alone.

    Parameters
    ----------
    names : sequence of str
        The file's column names, in order.
    kind : Kind
        What the rows are.
    given : mapping of str to str
        Field -> column, said by the user; these win.
    where : str
        The file, for messages.

    Raises
    ------
    UsageError
        If a given field or column does not exist.
    DataError
        If a field is found in no column, or the first line holds values instead of names.
    """
    fields = fields_of(kind)
    _check_given(names, fields, given, where)
    _check_header(names, where)
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(_plain(name), name)
    found = dict(given)
    for field in fields:
        if field in found:
            continue
        taken = set(found.values())
        column = next((by_plain[s] for s in _SPELLINGS[field] if by_plain.get(s, "") not in ("", *taken)), None)
        if column is None and field == "time" and names and _plain(names[0]) in ("", "unnamed0", "index"):
            column = names[0]  # an index written without a name is the time
        if column is not None:
            found[field] = column
    missing = [f for f in fields if f not in found and f not in LAYOUTS[kind].optional]
    if missing:
        what = f"no column for {', '.join(missing)}; the file has {', '.join(repr(n) for n in names)}"
        raise DataError(what, where=where, fix=f"Name it, for example --column {missing[0]}=NAME.")
    return found


def clock_column(names: Sequence[str], found: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the date and the time-of-day column where a file keeps them apart, else None."""
    by_plain = {_plain(n): n for n in names}
    date, time = by_plain.get("date"), by_plain.get("time")
    if date is not None and time is not None and found["time"] in (date, time):
        return date, time
    return None


def _check_given(names: Sequence[str], fields: Sequence[str], given: Mapping[str, str], where: str) -> None:
    for field, column in given.items():
        if field not in fields:
            what = f"'{field}' is not a field of this kind of data"
            raise UsageError(what, where="--column", fix=f"Allowed: {', '.join(fields)}.")
        if column not in names:
            what = f"there is no column '{column}'; the file has {', '.join(repr(n) for n in names)}"
            raise UsageError(what, where=where, fix=f"Correct --column {field}={column}.")


def _check_header(names: Sequence[str], where: str) -> None:
    """Refuse a file that starts with values: its first row would be lost as names."""
    named = [n for n in names if n.strip()]
    if named and all(re.match(r"\s*[-+]?[\d.]", n) for n in named):
        what = f"the first line holds values ({', '.join(named[:3])}, ...), not column names"
        raise DataError(
            what,
            where=f"{where}, row 1",
            fix="Add a line of names, for example time,open,high,low,close,volume.",
        )
