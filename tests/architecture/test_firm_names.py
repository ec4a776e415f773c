"""No firm is named in code: what is true of one firm stands in its data."""

from __future__ import annotations

import re
from pathlib import Path

import tradewright
from tradewright.risk.prop.book import shipped_rules

_PACKAGE = Path(tradewright.__file__).parent
#: Words that are a firm's name and an English word too.
_ENGLISH = {"apex", "breakout"}


def test_no_source_names_a_prop_firm() -> None:
    book = shipped_rules()
    names = {r.firm.lower() for r in book.rules.values()} | {r.id.partition(".")[0] for r in book.rules.values()}
    pattern = re.compile(rf"\b({'|'.join(sorted(map(re.escape, names - _ENGLISH)))})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(_PACKAGE)}: {hit.group()}"
        for path in sorted(_PACKAGE.rglob("*.py"))
        for hit in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found
    assert pattern.search("if firm == 'ftmo':")
