"""The table of damages: each is found where it was planted, and sound data is not accused."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest
from tests.unit.data.quality.damage import DAMAGES, Damage
from tests.unit.data.quality.sound import PACKAGED, REAL_FILES, Sound, examine

from tradewright.data.quality import Findings

_SOUND = {s.name: s for s in (*PACKAGED, *REAL_FILES)}


@cache
def loaded(name: str) -> pl.DataFrame:
    return _SOUND[name].load()


@cache
def clean(name: str) -> Findings:
    sound = _SOUND[name]
    return examine(loaded(name), sound.interval, sound.calendar)


def fits(sound: Sound, damage: Damage) -> bool:
    return (
        (sound.has_sessions or not damage.needs_sessions)
        and (sound.is_intraday or not damage.needs_intraday)
        and (sound.has_volume or not damage.needs_volume)
        and (sound.calendar != "fx" or not damage.needs_shares)
        # a month of summer alone is what the rule of whole files answers
        and not (damage.name == "no daylight saving" and sound.name == "NVDA 5m")
    )


CASES = [
    pytest.param(s.name, d, id=f"{s.name}-{d.name}") for s in (*PACKAGED, *REAL_FILES) for d in DAMAGES if fits(s, d)
]


@pytest.mark.parametrize("name", _SOUND)
def test_sound_series_have_only_what_is_explained(name: str) -> None:
    assert clean(name).counts() == _SOUND[name].explained


@pytest.mark.parametrize(("name", "damage"), CASES)
def test_planted_damage_is_found_where_it_is(name: str, damage: Damage) -> None:
    sound, frame = _SOUND[name], loaded(name)
    at = int(len(frame) * 0.4)
    found = examine(damage.plant(frame, at, sound.interval), sound.interval, sound.calendar)
    before = set(clean(name).frame.select("rule", "ts", "detail").rows())
    new = [r for r in found.frame.iter_rows(named=True) if (r["rule"], r["ts"], r["detail"]) not in before]
    hits = [r for r in new if r["rule"] in damage.rules]
    assert hits, f"nothing of {sorted(damage.rules)} in {[(r['rule'], r['detail']) for r in new][:5]}"
    if damage.reach:
        assert min(abs(r["row"] - at) for r in hits) <= damage.reach
    assert all(r["repair"] and r["ts_end"] >= r["ts"] for r in hits)


def test_every_kind_of_damage_is_tried_on_data_that_is_always_there() -> None:
    tried = {d.name for s in PACKAGED for d in DAMAGES if fits(s, d)}
    assert tried == {d.name for d in DAMAGES}
    assert len(tried) >= 12
