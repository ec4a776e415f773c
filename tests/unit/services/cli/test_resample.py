"""`tradewright data resample`, `bars`, `actions` and `adjust`, without a process of their own."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from tradewright.data.universe import stored_universe, universe_path
from tradewright.services.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose store holds 240 hourly bars of ACME, from 2024-01-01 00:00 UTC on."""
    monkeypatch.chdir(tmp_path)
    lines = ["time,open,high,low,close,volume"]
    for i in range(240):
        close = 100 + 5 * math.sin(i / 9)
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=i)
        lines.append(f"{moment:%Y-%m-%dT%H:%M:%SZ},{close:.2f},{close + 1:.2f},{close - 1:.2f},{close:.2f},10")
    (tmp_path / "acme.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["data", "import", "acme.csv", "--symbol", "ACME"]).exit_code == 0
    return tmp_path


@pytest.fixture
def tw(place: Path) -> Run:
    """Run the command in `place`."""

    def run(*words: str) -> Result:
        assert Path.cwd() == place
        return CliRunner().invoke(app, list(words))

    return run


def stored(place: Path) -> dict[str, bytes]:
    store = place / ".tradewright" / "store"
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


def test_longer_bars_are_made_and_stored_once(tw: Run) -> None:
    done = tw("data", "resample", "ACME", "--from", "1h", "--to", "4h", "--to", "1d", "--json")
    assert done.exit_code == 0, done.stderr
    made = json.loads(done.stdout)
    assert [(m["timeframe"], m["rows"], m["added"]) for m in made] == [("4h", 60, 60), ("1d", 10, 10)]
    again = tw("data", "resample", "ACME", "--from", "1h", "--to", "4h", "--json")
    assert json.loads(again.stdout)[0]["added"] == 0
    listed = json.loads(tw("data", "list", "--json").stdout)
    assert {e["timeframe"] for e in listed} == {"1h", "4h", "1d"}


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("ACME", "--from", "1h", "--to", "5h", "--to", "1m"), 2, "cannot be made from bars of 3600 s"),
        (("ACME", "--from", "1h", "--to", "90m"), 1, "where a 90m bucket begins or ends"),
        (("ACME", "--from", "1h", "--to", "soon"), 2, "'soon' is not a timeframe"),
        (("ACNE", "--from", "1h", "--to", "4h"), 2, "Did you mean ACME?"),
        (("ACME", "--from", "trades", "--to", "4h"), 2, "ACME"),
        (("ACME", "--from", "1h", "--to", "2w"), 2, "do not fill one bar of 2w"),  # ends within, but began before
    ],
)
def test_what_cannot_be_made_leaves_the_store_as_it_was(
    tw: Run, place: Path, words: tuple[str, ...], code: int, what: str
) -> None:
    before = stored(place)
    done = tw("data", "resample", *words)
    assert (done.exit_code, stored(place)) == (code, before), done.stderr
    assert what in done.stderr
    assert "Traceback" not in done.stderr


def test_trades_become_bars_of_time_and_of_volume(tw: Run, place: Path) -> None:
    lines = [f"2024-01-02T10:00:{k // 10:02d}.{k % 10}00Z,{100 + k % 7},{1 + k % 3},buy" for k in range(300)]
    (place / "t.csv").write_text("\n".join(["time,price,size,side", *lines]) + "\n", encoding="utf-8")
    done = tw("data", "import", "t.csv", "--symbol", "TT", "--kind", "trades", "--timezone", "UTC")
    assert done.exit_code == 0, done.stderr
    words = ("data", "resample", "TT", "--from", "trades", "--to", "1s", "--to", "1h", "--json")
    assert "do not fill one bar of 1h" in tw(*words).stderr
    made = json.loads(tw(*words[:-3], "--json").stdout)
    assert made[0]["rows"] == 29  # of the thirtieth second nobody knows whether it is over
    done = tw("data", "bars", "TT", "--kind", "volume", "--size", "100", "--out", "v.parquet", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    frame = pl.read_parquet(place / "v.parquet")
    assert (told["rows"], told["trades_left_over"]) == (len(frame), 300 - int(frame["trades"].sum()))
    assert frame["volume"].min() >= 100  # type: ignore[operator]
    assert frame["buy_volume"].to_list() == frame["volume"].to_list()
    wrong = tw("data", "bars", "TT", "--kind", "volume", "--size", "0")
    assert (wrong.exit_code, "size: 0.0 is not possible" in wrong.stderr) == (2, True)
    wrong = tw("data", "bars", "TT", "--kind", "tick", "--size", "5", "--out", "v.xlsx")
    assert (wrong.exit_code, (place / "v.xlsx").exists()) == (2, False)


def test_bars_are_adjusted_as_known(tw: Run, place: Path) -> None:
    rows = ["symbol,ex_date,kind,value,known_from", "ACME,2024-01-05,split,2,2024-01-04"]
    (place / "a.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert json.loads(tw("data", "actions", "a.csv", "--json").stdout) == {"read": 1, "added": 1, "rows": 1}
    assert tw("data", "adjust", "ACME@1h", "--out", "now.csv").exit_code == 0
    assert tw("data", "adjust", "ACME@1h", "--as-of", "2024-01-04", "--out", "then.csv").exit_code == 0
    now, then = (pl.read_csv(place / name) for name in ("now.csv", "then.csv"))
    assert (len(now), len(then)) == (240, 72)
    assert (now["close"][:72] * 2 == then["close"]).all()
    rows[1] = "ACME,2024-01-05,split,3,2024-01-04"
    (place / "a.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    refused = tw("data", "actions", "a.csv")
    assert (refused.exit_code, "there with 2.0, not 3.0" in refused.stderr) == (1, True)
    (place / "f.csv").write_text("20240105,1,0.5,10\n20501231,1,1,0\n", encoding="utf-8")
    assert json.loads(tw("data", "actions", "f.csv", "--lean", "BETA", "--json").stdout)["added"] == 1


def test_a_universe_is_kept_beside_the_bars_and_a_wrong_one_leaves_the_old(tw: Run, place: Path) -> None:
    (place / "members.csv").write_text("symbol,from,to,source\nACME,2024-01-01,,x\nOLD,2020-01-01,2021-01-01,x\n")
    told = json.loads(tw("data", "universe", "members.csv", "--json").stdout)
    assert told == {"universe": "members", "memberships": 2, "symbols": 2}
    (place / "members.csv").write_text("symbol,from,to,source\nACME,2024-01-01,2023-01-01,x\n")
    refused = tw("data", "universe", "members.csv")
    assert (refused.exit_code, "members.csv, row 2" in refused.stderr) == (1, True)
    kept = stored_universe(universe_path(place / ".tradewright" / "store", "members"))
    assert kept is not None
    assert kept.ever() == ("ACME", "OLD")
