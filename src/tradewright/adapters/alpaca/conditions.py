"""Which trades of the consolidated tape set a bar's prices, and which count in its volume.

Source: Alpaca, Market Data FAQ, "How are bars aggregated?" (docs.alpaca.markets/docs/market-data-faq), rows for minute
bars; it follows the guidelines of the CTS (tapes A and B), UTP (tape C) and TDDS (tape O) specifications. The rules of
minute bars hold for bars of seconds, for the same reason: a price that belongs to an earlier moment (prior reference
price, sold out of sequence) must not move a short bar. For short bars open and close follow the same rule as high and
low, so that one flag says both.

========= ============================== ====== ====== ======
code      meaning                        tapes  prices volume
========= ============================== ====== ====== ======
`` ``     regular sale                   AB     yes    yes
``@``     regular sale                   CO     yes    yes
``A``     acquisition                    C      yes    yes
``B``     average price trade            AB     no     yes
``B``     bunched trade                  C      yes    yes
``C``     cash sale                      ABCO   no     yes
``D``     distribution                   C      yes    yes
``E``     automatic execution            AB     yes    yes
``F``     intermarket sweep              ABC    yes    yes
``G``     bunched sold trade             C      no     yes
``H``     price variation trade          ABC    no     yes
``I``     odd lot trade                  ABCO   no     yes
``K``     rule 127 or rule 155           ABC    yes    yes
``L``     sold last                      ABC    yes    yes
``M``     market center official close   ABC    no     no
``N``     next day                       ABCO   no     yes
``O``     market center opening trade    ABC    yes    yes
``P``     prior reference price          ABCO   no     yes
``Q``     market center official open    ABC    no     no
``R``     seller                         ABCO   no     yes
``T``     extended hours trade           ABCO   yes    yes
``U``     extended hours, out of order   ABCO   no     yes
``V``     contingent trade               ABC    no     yes
``W``     average price trade            CO     no     yes
``X``     cross trade                    ABC    yes    yes
``Y``     yellow flag regular trade      C      yes    yes
``Z``     sold out of sequence           ABC    no     yes
``4``     derivatively priced            ABC    no     yes
``5``     market center reopening trade  ABC    yes    yes
``6``     market center closing trade    ABC    yes    yes
``7``     qualified contingent trade     ABC    no     yes
``9``     corrected consolidated close   ABC    no     no
========= ============================== ====== ====== ======

Ours, where the table is silent: the two codes of a regular sale are taken on every tape; any other pair of code and
tape that is not listed counts in the volume and sets no price; no code at all is a regular sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple


class Eligibility(NamedTuple):
    """What a trade updates. ``is_known``: every one of its codes is in the table for its tape."""

    sets_price: bool
    adds_volume: bool
    is_known: bool


#: Between the codes of one trade in a column of text; is no code itself.
SEPARATOR = "|"

_ALL, _VOLUME, _NOTHING = Eligibility(True, True, True), Eligibility(False, True, True), Eligibility(False, False, True)
_UNKNOWN = Eligibility(sets_price=False, adds_volume=True, is_known=False)

_TABLE = {
    (code, tape): eligibility
    for codes, tapes, eligibility in (
        (" @", "ABCO", _ALL),
        ("ADBY", "C", _ALL),
        ("E", "AB", _ALL),
        ("FKLOX56", "ABC", _ALL),
        ("T", "ABCO", _ALL),
        ("B", "AB", _VOLUME),
        ("G", "C", _VOLUME),
        ("HVZ47", "ABC", _VOLUME),
        ("CINPRU", "ABCO", _VOLUME),
        ("W", "CO", _VOLUME),
        ("MQ9", "ABC", _NOTHING),
    )
    for code in codes
    for tape in tapes
}
_ANY_TAPE = {code: [rule for (c, _), rule in _TABLE.items() if c == code] for code in {c for c, _ in _TABLE}}


@lru_cache(maxsize=4096)
def eligibility(conditions: str, tape: str) -> Eligibility:
    """Return what a trade updates; of several codes the strictest rule holds.

    Parameters
    ----------
    conditions : str
        Its codes joined by `SEPARATOR`, as `joined` writes them; empty: a regular sale.
    tape : str
        ``A``, ``B``, ``C`` or ``O``; empty where it is not known (the strictest tape is then assumed, for crypto there
        are no codes).
    """
    if not conditions:
        return _ALL
    rules: list[Eligibility] = []
    for code in conditions.split(SEPARATOR):
        rules.extend(_ANY_TAPE.get(code, [_UNKNOWN]) if not tape else [_TABLE.get((code, tape), _UNKNOWN)])
    return Eligibility(*(all(flags) for flags in zip(*rules, strict=True)))


def joined(conditions: Sequence[str]) -> str:
    """Return the codes of one trade as one text; a single space is a code."""
    return SEPARATOR.join(conditions)
