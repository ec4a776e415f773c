from __future__ import annotations

import base64

import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.services.trading.totp import code_at, fits, secret_of

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds, 8) == code
    assert fits(SECRET, f"{code[2:5]} {code[5:]}", seconds)


def test_a_code_is_good_for_its_step_and_those_beside_it() -> None:
    code = code_at(SECRET, 1_000_000)
    assert [fits(SECRET, code, 1_000_000 + d) for d in (-60, -30, 30, 60)] == [False, True, True, False]
    assert not fits(SECRET, "", 1_000_000)
    assert not fits(SECRET, "é23456", 1_000_000)


def test_a_secret_is_base32_and_long() -> None:
    assert secret_of(base64.b32encode(SECRET).decode().lower()) == SECRET
    for text in ("", "ABC", "not base32!", "AAAA"):
        with pytest.raises(ConfigError):
            secret_of(text)
