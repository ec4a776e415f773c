from __future__ import annotations

from dataclasses import replace

import pytest

from tradewright.analytics.verdict import LEAKING, NO_EDGE, PROMISING, PROVEN, TOO_LITTLE, verdict_of
from tradewright.core.types.evidence import Figure, exact

GOOD = {
    "leaks.found": exact("leaks.found", 0.0),
    "sample.effective": exact("sample.effective", 500.0),
    "sharpe.net": Figure("sharpe.net", 2.0, 1.0, 3.0),
    "accuracy.edge": Figure("accuracy.edge", 0.05, 0.02, 0.08),
    "sharpe.probabilistic": exact("sharpe.probabilistic", 0.99),
    "log_loss.skill": Figure("log_loss.skill", 0.02, 0.01, 0.03),
    "sharpe.deflated": exact("sharpe.deflated", 0.97),
    "overfitting.probability": exact("overfitting.probability", 0.05),
    "net_return.costs_x2": Figure("net_return.costs_x2", 0.1, -0.1, 0.3),
    "track_record.share": exact("track_record.share", 1.4),
}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, PROVEN),
        ({"leaks.found": 2.0}, LEAKING),
        ({"leaks.found": None}, TOO_LITTLE),
        ({"sample.effective": 99.0}, TOO_LITTLE),
        ({"sharpe.net": float("nan")}, TOO_LITTLE),
        ({"accuracy.edge": -0.01, "sharpe.probabilistic": 0.9}, NO_EDGE),
        ({"accuracy.edge": -0.01}, PROVEN),
        ({"accuracy.edge": None, "sharpe.probabilistic": None}, NO_EDGE),
        ({"sharpe.deflated": 0.94}, PROMISING),
        ({"sharpe.deflated": None}, PROMISING),
        ({"overfitting.probability": 0.21}, PROMISING),
        ({"net_return.costs_x2": 0.0}, PROMISING),
        ({"track_record.share": 0.9}, PROMISING),
        ({"log_loss.skill": -0.01}, PROMISING),
    ],
)
def test_the_first_rule_that_holds_says_the_word(change: dict[str, float | None], word: str) -> None:
    known = GOOD | {name: exact(name, value) for name, value in change.items() if value is not None}
    figures = [figure for name, figure in known.items() if change.get(name, 0.0) is not None]
    found = verdict_of(figures)
    assert found.word == word
    assert bool(found.reasons) == (word != PROVEN)


def test_a_scope_is_judged_by_its_own_figures() -> None:
    assert verdict_of(GOOD.values(), "holdout").word == TOO_LITTLE
    own = [f if f.name.startswith(("leaks", "overfitting")) else replace(f, scope="holdout") for f in GOOD.values()]
    assert verdict_of(own, "holdout").word == PROVEN
    assert verdict_of(own).word == TOO_LITTLE
