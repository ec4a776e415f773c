from __future__ import annotations

import pytest
import typer

from tradewright.core.types.errors import ConfigError, DataError, TradewrightError
from tradewright.services.cli.guard import block, guarded


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError("is missing", where="a.yaml:3", fix="Give it"), "error: a.yaml:3: is missing. Give it."),
        (ConfigError("is it?"), "error: is it?"),
        (ConfigError("what", fix="`x` helps"), "error: what. `x` helps."),
        (ConfigError("w" * 90, fix="mend it"), f"error: {'w' * 90}.\n  Mend it."),
    ],
)
def test_an_error_is_one_block(error: TradewrightError, expected: str) -> None:
    assert block(error) == expected


#: As tasks side by side raise them.
GROUP = BaseExceptionGroup("tasks", [ValueError("ours"), BaseExceptionGroup("inner", [ConfigError("no")])])


@pytest.mark.parametrize(
    ("raised", "code"), [(ConfigError("no"), 2), (DataError("no"), 1), (KeyboardInterrupt(), 1), (GROUP, 2)]
)
def test_an_error_becomes_its_exit_code(
    raised: BaseException, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRADEWRIGHT_DEBUG", raising=False)

    @guarded
    def command() -> None:
        raise raised

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.strip()


def test_a_traceback_is_there_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWRIGHT_DEBUG", "1")

    @guarded
    def command() -> None:
        raise DataError("no")

    with pytest.raises(DataError):
        command()
