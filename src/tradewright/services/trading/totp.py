"""Time-based one-time passwords, RFC 6238 with SHA-1, six digits and steps of 30 s, as authenticator apps make them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from tradewright.core.types.errors import ConfigError

#: The secret in base32; where it is set, a release needs a code.
VARIABLE = "TRADEWRIGHT_RELEASE_TOTP"
_STEP_S = 30


def code_at(secret: bytes, seconds: int, digits: int = 6) -> str:
    """Return the code of a moment, seconds since 1970 UTC (RFC 4226, section 5.3)."""
    mac = hmac.digest(secret, (seconds // _STEP_S).to_bytes(8, "big"), hashlib.sha1)
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def fits(secret: bytes, code: str, seconds: int) -> bool:
    """Tell whether a code is of this step or one beside it."""
    given = code.replace(" ", "").encode()
    hits = [hmac.compare_digest(code_at(secret, seconds + d * _STEP_S).encode(), given) for d in (-1, 0, 1)]
    return any(hits)


def secret_of(text: str) -> bytes:
    """Return the secret that a text holds in base32.

    Raises
    ------
    ConfigError
        If it is none, or shorter than the 128 bits that RFC 4226 asks for.
    """
    plain = text.replace(" ", "").upper()
    try:
        found = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except binascii.Error:
        found = b""
    if len(found) < 16:
        raise ConfigError("it is no secret of at least 128 bits in base32", where=VARIABLE, fix="Make another one.")
    return found
