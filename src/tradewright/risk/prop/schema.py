"""The form of a prop-firm rule set.

Amounts of money and shares are decimal strings, never floats: ``"0.05"`` is five hundredths exactly. What a firm's
pages do not say is chosen as the strictest reading and listed under ``assumed``, which every report shows.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

_STRICT = ConfigDict(frozen=True, extra="forbid")
_DECIMALS = 6  # the program counts millionths
_MOST = Decimal(1_000_000_000)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(:00)?")
ID = r"^[a-z0-9_]+(\.[a-z0-9_]+)*$"


def _decimal(value: object) -> Decimal:
    """Read a decimal string; anything else is refused, a float above all."""
    if not isinstance(value, str):
        msg = f'{value!r} is not a decimal string; write it in quotes, like "{value}", so that it stays exact'
        raise ValueError(msg)  # noqa: TRY004  # pydantic turns ValueError alone into a refusal of the field
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        msg = f"'{value}' is not a decimal number"
        raise ValueError(msg) from error
    if not number.is_finite() or number != round(number, _DECIMALS):
        msg = f"'{value}' must be finite, with at most {_DECIMALS} decimals"
        raise ValueError(msg)
    return number


def _money(value: object) -> Decimal:
    number = _decimal(value)
    if not 0 < number <= _MOST:
        msg = f"{number} must be above 0 and at most {_MOST:,}"
        raise ValueError(msg)
    return number


def _share(value: object) -> Decimal:
    number = _decimal(value)
    if number >= 1:
        hint = f'; for {number} % write "{(number / 100).normalize():f}"' if number < 100 else ""
        msg = f"{number} is not a share between 0 and 1{hint}"
        raise ValueError(msg)
    if number <= 0:
        msg = f"{number} must be above 0"
        raise ValueError(msg)
    return number


def _clock(value: object) -> object:
    """Read "HH:MM"; YAML reads an unquoted 17:00 as a number."""
    if isinstance(value, time):
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        msg = f'{value!r} is not a time of day; write it in quotes, like "17:00"'
        raise ValueError(msg)
    return time(int(found[1]), int(found[2]))


Money = Annotated[Decimal, BeforeValidator(_money)]
Share = Annotated[Decimal, BeforeValidator(_share)]
Clock = Annotated[time, BeforeValidator(_clock)]


class ClockFace(BaseModel):
    """What a clock shows: the time in the IANA zone ``tz``, put forward by ``ahead`` ("07:00").

    A trading server on GMT+2, GMT+3 in the summer of the United States, is ``America/New_York`` seven hours ahead.
    """

    model_config = _STRICT

    tz: str
    ahead: Clock = time(0, 0)

    @field_validator("tz")
    @classmethod
    def _known(cls, tz: str) -> str:
        try:
            ZoneInfo(tz)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = f"'{tz}' is not an IANA time zone such as Europe/Prague"
            raise ValueError(msg) from error
        return tz

    @property
    def shift(self) -> timedelta:
        """How far it is ahead of its zone."""
        return timedelta(hours=self.ahead.hour, minutes=self.ahead.minute)


class Reset(ClockFace):
    """When a rule day ends and the next begins, as that clock shows it."""

    time: Clock


class Daily(BaseModel):
    """The daily limit: equity may not fall below the anchor, taken at each reset, less a distance.

    An ``optional`` limit holds only where the trader turned it on (rule set id with ``+daily``).
    """

    model_config = _STRICT

    anchor: Literal["balance", "equity", "max_balance_equity", "initial"]
    pct_base: Literal["initial", "anchor", "amount"]
    pct: Share | None = None
    amount: Money | None = None
    reset: Reset
    includes: tuple[Literal["floating", "commission", "swap"], ...] = ("floating", "commission", "swap")
    breach: Literal["hard", "soft"] = "hard"
    compare: Literal["<", "<="] = "<"
    optional: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Daily:
        _one_distance(self.pct, self.amount)
        if (self.pct_base == "amount") != (self.amount is not None):
            msg = "`pct_base: amount` goes with `amount`, the other bases with `pct`"
            raise ValueError(msg)
        if "floating" not in self.includes:
            msg = "`includes` must name floating: a limit on closed results alone is not known to this program"
            raise ValueError(msg)
        return self


class MaxLoss(BaseModel):
    """The floor under the account: static, or trailing what ``trailing`` names, until it reaches ``lock``."""

    model_config = _STRICT

    trailing: Literal["none", "eod_balance", "intraday_equity", "intraday_realised"]
    pct_base: Literal["initial", "anchor"] = "initial"
    pct: Share | None = None
    amount: Money | None = None
    lock: Annotated[str, Field(pattern=r"^(none|initial(\+\d+(\.\d{1,6})?)?)$")] | None = None
    breach: Literal["hard", "soft"] = "hard"
    compare: Literal["<", "<="] = "<"

    @model_validator(mode="after")
    def _fits(self) -> MaxLoss:
        _one_distance(self.pct, self.amount)
        if self.trailing == "none" and (self.lock_above is not None or self.pct_base == "anchor"):
            msg = "a floor that trails nothing has neither a `lock` nor an `anchor`"
            raise ValueError(msg)
        return self

    @property
    def lock_above(self) -> Decimal | None:
        """How far above the initial balance the floor stops rising; None: nowhere."""
        if self.lock in (None, "none"):
            return None
        return Decimal(str(self.lock).removeprefix("initial").removeprefix("+") or "0")


class MinDays(BaseModel):
    """How many rule days must count: days on which a position was opened, or days profitable by a share of initial."""

    model_config = _STRICT

    count: Annotated[int, Field(ge=1, le=366)]
    definition: Literal["distinct_open_date", "profitable_day_pct_initial"]
    threshold: Share | None = None
    tz: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> MinDays:
        if (self.definition == "profitable_day_pct_initial") != (self.threshold is not None):
            msg = "`threshold` goes with `profitable_day_pct_initial`, which needs it"
            raise ValueError(msg)
        return self


class BestDay(BaseModel):
    """The most that the best day may be of the whole profit; also called consistency."""

    model_config = _STRICT

    cap: Share
    denominator: Literal["net_total", "sum_positive_days", "profit_target"]


class News(BaseModel):
    """Seconds around an event of the firm's calendar within which the named actions are forbidden."""

    model_config = _STRICT

    window_s: tuple[Annotated[int, Field(le=0)], Annotated[int, Field(ge=0)]]
    applies_to: Annotated[tuple[Literal["open", "close", "sl", "tp"], ...], Field(min_length=1)]
    events: str


class StopLoss(BaseModel):
    """Every position needs a stop, risking at most a share of the balance."""

    model_config = _STRICT

    max_risk_pct: Share


class RuleSet(BaseModel):
    """One phase of one product of one firm, or a trader's own buffer.

    None means that the source names no such rule. ``gap_pct`` is the share of gross exposure that a gap may cost and
    that is kept free of the floors. Past ``review_by`` a rule set still loads, with a banner.
    """

    model_config = _STRICT

    id: Annotated[str, Field(pattern=ID)]
    firm: Annotated[str, Field(min_length=1)]
    product: str
    phase: str
    status: Literal["official", "official-superseded", "official-partial", "third-party", "unconfirmed"]
    source: Annotated[tuple[str, ...], Field(min_length=1)]
    as_of: Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    review_by: date
    version: Annotated[int, Field(ge=1)]
    initial: Money | None = None
    profit_target_pct: Share | None = None
    profit_target_amount: Money | None = None
    daily: Daily | None = None
    max_loss: MaxLoss | None = None
    reset: Reset | None = None
    platform: ClockFace | None = None
    min_days: MinDays | None = None
    best_day: BestDay | None = None
    consistency: BestDay | None = None
    time_limit_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    news: Literal["unrestricted"] | News | None = None
    weekend: Literal["allowed", "flat_before_close"] | None = None
    stop_loss_required: StopLoss | None = None
    gap_pct: Share | None = None
    assumed: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> RuleSet:
        for problem, wrong in self._contradictions():
            if wrong:
                raise ValueError(problem)
        return self

    def _contradictions(self) -> list[tuple[str, bool]]:
        daily, most = self.daily, self.max_loss
        amounts = (self.profit_target_amount, daily and daily.amount, most and most.amount)
        counts_days = self.min_days or self.share_rule or self.time_limit_days
        trails_days = most is not None and most.trailing == "eod_balance"
        zone = self.min_days.tz if self.min_days else None
        clock = self.clock
        target = self.profit_target_pct or self.profit_target_amount
        needs_target = self.share_rule is not None and self.share_rule.denominator == "profit_target"
        is_wider = False
        if daily is not None and most is not None:
            pairs = ((daily.pct, most.pct), (daily.amount, most.amount))
            is_wider = any(d is not None and m is not None and d > m for d, m in pairs)
        unknown = [name for name in self.assumed if name.partition(".")[0] not in type(self).model_fields]
        return [
            ("contradictory limits: the daily limit is wider than the maximum loss and could never be met", is_wider),
            ("contradictory limits: give the target as a share or as an amount, not both",
             self.profit_target_pct is not None and self.profit_target_amount is not None),
            ("contradictory limits: `best_day` and `consistency` are two names of one rule; give one",
             self.best_day is not None and self.consistency is not None),
            ("contradictory clocks: `reset` differs from `daily.reset`",
             bool(daily and self.reset) and daily is not None and self.reset != daily.reset),
            ("amounts of money need `initial`, the account they are for", self.initial is None and any(amounts)),
            ("rules that count or compare days need `reset`", clock is None and bool(counts_days or trails_days)),
            ("contradictory clocks: `min_days.tz` is not the zone of the reset",
             zone is not None and clock is not None and zone != clock.tz),
            ("`profit_target` as denominator needs a profit target", needs_target and target is None),
            (f"`assumed` names {', '.join(unknown)}, which is no field", bool(unknown)),
        ]  # fmt: skip

    @property
    def clock(self) -> Reset | None:
        """When rule days end; None where no rule counts days."""
        return self.daily.reset if self.daily else self.reset

    @property
    def share_rule(self) -> BestDay | None:
        """The rule about the best day, under either name."""
        return self.best_day or self.consistency

    def banners(self, today: date) -> tuple[str, ...]:
        """Return what every report that uses this rule set must say about it, in sentences."""
        lines = []
        if self.status != "official":
            lines.append(f"{self.id}: status {self.status}, not the firm's own current text")
        if today > self.review_by:
            lines.append(f"{self.id}: past its review date {self.review_by}; check {self.source[0]}")
        if self.daily is not None and self.daily.optional:
            lines.append(f"{self.id}: its daily limit is optional and off; `{self.id}+daily` turns it on")
        lines += [f"{self.id}: {name} is assumed: {why}" for name, why in sorted(self.assumed.items())]
        return tuple(lines)


def _one_distance(pct: Decimal | None, amount: Decimal | None) -> None:
    if (pct is None) == (amount is None):
        msg = "give the distance as `pct` or as `amount`, exactly one"
        raise ValueError(msg)
