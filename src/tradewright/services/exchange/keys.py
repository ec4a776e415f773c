"""Whether a client has the keys."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.requests import Request

from tradewright.services.exchange.params import KeyPair


class Keys:
    """The pair that opens the exchange."""

    def __init__(self, pair: KeyPair) -> None:
        self.pair = pair

    def fit(self, key: object, secret: object) -> bool:
        """Return whether a pair is ours."""
        given = f"{key}\0{secret}".encode()
        return hmac.compare_digest(given, f"{self.pair.key}\0{self.pair.secret.get_secret_value()}".encode())

    def fit_alpaca(self, request: Request) -> bool:
        """Return whether a request carries the pair, in Alpaca's headers or as basic authentication."""
        headers = request.headers
        scheme, _, code = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                key, _, secret = base64.b64decode(code, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            return self.fit(key, secret)
        return self.fit(headers.get("apca-api-key-id"), headers.get("apca-api-secret-key"))
