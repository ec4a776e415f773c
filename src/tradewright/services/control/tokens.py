"""Who may do what: tokens by scope, each with the name of the one person who has it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from tradewright.core.types.errors import ConfigError
from tradewright.services.secrets import secret

READ, KILL, TRADE = "read", "kill", "trade"
_SCOPES = (READ, KILL, TRADE)
#: What each scope may do; whoever may let trade may also stop it.
_MAY = {READ: frozenset({READ}), KILL: frozenset({READ, KILL}), TRADE: frozenset({READ, KILL, TRADE})}
_SHORTEST, _FEWEST_CHARACTERS = 24, 10
_GUESSES = ("changeme", "default", "example", "password", "secret", "token", "tradewright")


def variable_of(scope: str) -> str:
    """Return the variable that holds a scope's tokens."""
    return f"TRADEWRIGHT_CONTROL_{scope.upper()}"


@dataclass(frozen=True, slots=True)
class Person:
    """Who calls, and what they may."""

    name: str
    may: frozenset[str]


class Tokens:
    """The tokens of an endpoint.

    Parameters
    ----------
    people : mapping of bytes to Person
        By token.
    """

    def __init__(self, people: Mapping[bytes, Person]) -> None:
        self._people = dict(people)

    def who(self, given: bytes) -> Person | None:
        """Return whose token it is; every one is compared, each in constant time."""
        found = None
        for token, person in self._people.items():
            if hmac.compare_digest(token, given):
                found = person
        return found


def tokens_from(environment: Mapping[str, str]) -> Tokens:
    """Return the tokens that ``TRADEWRIGHT_CONTROL_READ``, ``..._KILL`` and ``..._TRADE`` (or ``..._FILE``) hold.

    Each holds ``NAME=TOKEN``, several of them with white space between.

    Raises
    ------
    ConfigError
        If there is none, or one is short, easy to guess, given twice, or without a name. It is never repeated.
    """
    people: dict[bytes, Person] = {}
    for scope in _SCOPES:
        variable = variable_of(scope)
        for part in secret(environment, variable).split():
            name, equals, token = part.partition("=")
            if not equals or not name:
                raise ConfigError("a token has no name", where=variable, fix="Write NAME=TOKEN.")
            _check(token, name, variable)
            if token.encode() in people:
                what = f"the token of {name} is given twice"
                raise ConfigError(what, where=variable, fix="One token for each person and scope.")
            people[token.encode()] = Person(name.casefold(), _MAY[scope])
    if not people:
        fix = "Set one, as NAME=TOKEN; make a token with: openssl rand -hex 32"
        raise ConfigError("the control endpoint has no tokens", where=", ".join(map(variable_of, _SCOPES)), fix=fix)
    return Tokens(people)


def _check(token: str, name: str, variable: str) -> None:
    is_long = len(token) >= _SHORTEST and len(set(token)) >= _FEWEST_CHARACTERS
    is_guessed = any(guess in token.casefold() for guess in _GUESSES)
    if not is_long or is_guessed or not token.isascii() or not token.isprintable():
        what = f"the token of {name} is short or easy to guess"
        raise ConfigError(what, where=variable, fix="Make one with: openssl rand -hex 32")
