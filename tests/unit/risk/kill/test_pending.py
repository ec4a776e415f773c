from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tradewright.core.types.errors import UsageError
from tradewright.risk.kill.pending import (
    SECOND,
    PendingFile,
    PendingRelease,
    ReleaseRules,
    check_first_step,
    check_second_step,
)

FIRST = PendingRelease("all", "Ann", "mended", "abcd", 1_000 * SECOND)
RULES = ReleaseRules()
T = FIRST.at_ns + RULES.delay_ns


def test_another_person_with_the_number_confirms_after_the_delay() -> None:
    check_second_step(FIRST, "bob", " abcd\n", T, RULES)
    check_second_step(FIRST, "bob", "abcd", FIRST.at_ns + RULES.valid_ns, RULES)


@pytest.mark.parametrize(
    ("by", "nonce", "now", "words"),
    [
        ("bob", "abce", T, "not the number"),
        ("bob", "", T, "not the number"),
        (" ANN ", "abcd", T, "Ann asked for it"),
        ("", "abcd", T, "nobody confirms"),
        ("bob", "abcd", T - 1, "delay"),
        ("bob", "abcd", FIRST.at_ns - 1, "too long ago"),
        ("bob", "abcd", FIRST.at_ns + RULES.valid_ns + 1, "too long ago"),
    ],
)
def test_anything_else_is_refused(by: str, nonce: str, now: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_second_step(FIRST, by, nonce, now, RULES)


@pytest.mark.parametrize("change", [{"by": " "}, {"reason": "\n"}, {"scope": "some"}])
def test_a_first_step_without_a_name_a_reason_or_a_scope_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        check_first_step(replace(FIRST, **change))  # type: ignore[arg-type]


def test_a_first_step_is_kept_and_one_that_was_changed_is_not_trusted(tmp_path: Path) -> None:
    file = PendingFile(tmp_path / "account" / "release.json")
    with pytest.raises(UsageError, match="nobody asked"):
        file.read()
    file.write(FIRST)
    assert file.read() == FIRST
    file.path.write_bytes(file.path.read_bytes().replace(b"Ann", b"Bnn"))
    with pytest.raises(UsageError, match="cannot be trusted"):
        file.read()
    file.remove()
    file.remove()
