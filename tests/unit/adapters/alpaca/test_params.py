"""Settings: keys stay hidden, and never travel in the clear."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.core.types.errors import UsageError

CANARY = "canary-7d1f"


def test_keys_are_never_shown() -> None:
    params = AlpacaParams.model_validate({"key": CANARY, "secret": CANARY})
    assert CANARY not in repr(params) + str(params) + params.model_dump_json() + f"{params.headers().keys()}"
    assert params.without_secrets(f"bad key {CANARY} \n given") == "bad key *** given"


def test_an_error_of_the_settings_does_not_show_keys() -> None:
    with pytest.raises(ValidationError) as error:
        AlpacaParams.model_validate({"key": CANARY, "secret": [CANARY], "unknown": CANARY})
    assert CANARY not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"data_url": "http://data.alpaca.markets"},
        {"stream_url": "ws://stream.data.alpaca.markets"},
        {"data_url": "https://user:word@data.alpaca.markets"},
        {"data_url": "ftp://127.0.0.1"},
        {"data_url": "https://"},
        {"feed": "otc"},
        {"page_limit": 10_001},
        {"asof": "today"},
        {"crypto_location": "../us"},
    ],
)
def test_what_would_be_unsafe_or_unknown_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AlpacaParams.model_validate(change)


def test_this_machine_may_speak_in_the_clear() -> None:
    params = AlpacaParams(data_url="http://127.0.0.1:1234/", stream_url="ws://localhost:5")
    assert params.data_url == "http://127.0.0.1:1234"


def test_missing_keys_name_the_variables() -> None:
    with pytest.raises(UsageError) as error:
        AlpacaParams().headers()
    assert "TRADEWRIGHT_ALPACA_KEY" in str(error.value)
    assert "APCA_API_SECRET_KEY" in str(error.value)
