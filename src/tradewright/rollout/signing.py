"""Signatures of verdicts and of the registry's journal: HMAC-SHA256 with a key that few can read."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from pathlib import Path

from tradewright.core.types.errors import ConfigError, StoreError

KEY_FILE = "signing.key"
_SHORTEST = 16
_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret; shown by its ``id`` only, which does not give it away."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """12 hex digits that tell keys apart."""
        return hashlib.sha256(b"tradewright signing key\0" + self.secret).hexdigest()[:12]

    def mac(self, payload: bytes) -> str:
        """Return the signature of a text, 64 hex digits."""
        return hmac.new(self.secret, payload, hashlib.sha256).hexdigest()

    def matches(self, payload: bytes, mac: str) -> bool:
        """Return whether the signature is of this key and text; takes the same time either way."""
        return hmac.compare_digest(self.mac(payload), mac)


def key_from(text: str, where: str) -> SigningKey:
    """Return the key that somebody gave.

    Raises
    ------
    ConfigError
        If it is too short to be a secret.
    """
    secret = text.strip().encode()
    if len(secret) < _SHORTEST:
        what = f"the signing key must be at least {_SHORTEST} characters"
        raise ConfigError(what, where=where, fix="Make one, for example with: openssl rand -hex 32")
    return SigningKey(secret)


def stored_key(root: Path) -> SigningKey | None:
    """Return the key of a registry's folder; None where it has none.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    path = root / KEY_FILE
    try:
        return key_from(path.read_text(encoding="ascii"), str(path))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        fix = "Check its rights; what was signed with a lost key cannot be verified any more."
        raise StoreError("the signing key cannot be read", where=str(path), fix=fix) from error


def make_key(root: Path) -> SigningKey:
    """Make the registry's key, readable by its owner only; another process may have been faster.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    draft = root / f".{KEY_FILE}-{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, os.urandom(_BYTES).hex().encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        (root / KEY_FILE).hardlink_to(draft)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        draft.replace(root / KEY_FILE)
    finally:
        draft.unlink(missing_ok=True)
    found = stored_key(root)
    if found is None:
        raise FileNotFoundError(KEY_FILE)
    return found
