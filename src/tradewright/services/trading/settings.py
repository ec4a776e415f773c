"""The section ``trading`` of a configuration, and what arming binds of the rest of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.execution.monitors.bounds import MonitorBounds
from tradewright.execution.tactics.params import TacticParams
from tradewright.risk.limits import Limits
from tradewright.services.explain import explained
from tradewright.services.places import Place
from tradewright.services.trading.brokers import IbkrSettings, Mt5Settings
from tradewright.services.trading.folder import check_name


class TradingSettings(BaseModel):
    """Where orders go. ``kind: live`` is real money; ``url`` is a venue on this machine, in place of the vendor's.

    ``ibkr`` and ``mt5`` say how the broker's program is reached, where that is the venue.

    ``account`` names the folder that holds journal, lease and trading state. ``simulated`` is a venue in this process.
    ``unproven`` says that no promoted model stands behind the orders, and that this is meant. ``tactics``: how orders
    are worked at a venue that is not simulated; ``bounds`` of what they pay and how long they take, beyond which a
    person is told. ``drill_days``: arming wants a kill drill of this build that passed and is no older, in the folder
    of ``drill_account`` (this account's, where none is named); 0: it wants none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    account: str = "paper"
    venue: Literal["simulated", "alpaca", "binance", "ibkr", "mt5"] = "simulated"
    kind: Literal["paper", "live"] = "paper"
    url: str = ""
    ibkr: IbkrSettings | None = None
    mt5: Mt5Settings | None = None
    unproven: bool = False
    tactics: TacticParams = TacticParams()
    bounds: MonitorBounds = MonitorBounds()
    drill_days: Annotated[float, Field(ge=0, le=366)] = 0.0
    drill_account: str = ""
    max_clock_drift_ms: Annotated[float, Field(gt=0, le=5_000)] = 500.0

    @field_validator("account")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        try:
            return check_name(value)
        except UsageError as error:
            raise ValueError(error.what) from error

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        for name in ("ibkr", "mt5"):
            if (getattr(self, name) is not None) is not (self.venue == name):
                msg = f"`venue: {name}` and a section `{name}` of `trading` need each other"
                raise ValueError(msg)
        if self.url and self.venue in ("ibkr", "mt5"):
            msg = f"`url` is not used by venue {self.venue}: its section `{self.venue}` says where it is"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class TradingFile:
    """What a configuration says about trading. ``model`` as in ``forecasts.model``; "" where it has none."""

    path: Path
    trading: TradingSettings
    limits: Limits
    symbols: tuple[str, ...]
    model: str
    registry: str
    config_hash: str


def read_trading(path: Path) -> TradingFile:
    """Return what a configuration says about trading; the parts that are the run's own are not looked at.

    Raises
    ------
    ConfigError
        For the first thing that is wrong; names file and line.
    """
    from tradewright.services.cli.yaml_places import read_yaml

    values, lines = read_yaml(path)

    def origin(place: Place) -> str:
        known = next((place[:n] for n in range(len(place), 0, -1) if place[:n] in lines), ())
        return f"{path}:{lines[known]}" if known else str(path)

    if "trading" not in values:
        fix = "Add `trading: {account: NAME, venue: alpaca, kind: paper}`."
        raise ConfigError("there is no section `trading`", where=str(path), fix=fix)
    data, forecasts = _section(values, "data"), _section(values, "forecasts")
    members = [m for m in values.get("strategies") or () if isinstance(m, dict)]
    named = data.get("symbols") or [s for m in members for s in _listed(m.get("symbols"))]
    return TradingFile(
        path,
        _checked(TradingSettings, values["trading"], "trading", origin),
        _checked(Limits, values.get("limits") or {}, "limits", origin),
        tuple(str(s).partition("@")[0] for s in _listed(named)),
        str(forecasts.get("model") or ""),
        str(forecasts.get("registry") or ""),
        config_hash(values),
    )


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value] if value else []


def _section(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _checked(kind: Any, value: object, section: str, origin: Any) -> Any:  # noqa: ANN401 - a model of pydantic's
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise explained(error, kind, origin, (section,)) from error


def config_hash(values: dict[str, Any]) -> str:
    """Return 32 hex digits over the content of a configuration; comments and the order of keys do not count."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
