"""Client order ids as a pure function of the intent, so that asking twice cannot buy twice."""

from __future__ import annotations

import base64
import hashlib

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648 base32: every venue takes these
_EPOCH_DIGITS = 4
_SEQUENCE_DIGITS = 6
_SHORTEST, _LONGEST = 16, 32
_OURS = frozenset(_DIGITS)


def client_id(account: str, strategy: str, epoch: int, sequence: int, max_len: int) -> str:
    """Return the id of an intent: epoch and sequence written out, then as much of a hash as the venue has room for.

    Epoch (up to 2^20) and sequence (up to 2^30) are unique in an account, so ids are too, whatever the hash does; the
    hash of account and strategy keeps two accounts of one venue apart.

    Raises
    ------
    ValueError
        If a number has no place, or ``max_len`` is below 16.
    """
    if max_len < _SHORTEST:
        raise ValueError(f"a client id needs {_SHORTEST} characters, the venue takes {max_len}")
    digest = hashlib.blake2b("\0".join((account, strategy, str(epoch), str(sequence))).encode(), digest_size=20)
    told = _written(epoch, _EPOCH_DIGITS) + _written(sequence, _SEQUENCE_DIGITS)
    return (told + base64.b32encode(digest.digest()).decode())[: min(max_len, _LONGEST)]


def told_by(name: str) -> tuple[int, int] | None:
    """Return the epoch and sequence that an id tells, or that of the order whose exit it names; None: it is not ours.

    Others' ids tell none: sixteen letters and digits of our alphabet they have by chance at most.
    """
    if len(name) < _SHORTEST or not _OURS.issuperset(name[:_SHORTEST]):
        return None
    return _read(name[:_EPOCH_DIGITS]), _read(name[_EPOCH_DIGITS : _EPOCH_DIGITS + _SEQUENCE_DIGITS])


def _read(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | _DIGITS.index(digit)
    return number


def _written(number: int, digits: int) -> str:
    if not 0 <= number < 32**digits:
        raise ValueError(f"{number} does not fit into {digits} digits")
    return "".join(_DIGITS[number >> 5 * k & 31] for k in reversed(range(digits)))
