"""`tradewright data check` and the gate before a backtest, from outside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.e2e.conftest import HEADER, Run

HOUR = 3600 * 10**9


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def us_hours(days: int = 80, late: range = range(0)) -> list[str]:
    """Hourly bars of New York in the winter of 2023; on the days of ``late`` an hour too late."""
    closed = {"2023-01-16", "2023-02-20", "2023-04-07"}
    lines: list[str] = []
    price, number = 100.0, 0
    day = np.datetime64("2023-01-03", "D")
    rng = np.random.default_rng(5)
    while number < days:
        if np.is_busday(day) and str(day) not in closed:
            summer = np.datetime64("2023-03-12") <= day
            opens = ns(f"{day}T{13 if summer else 14}:30") + (HOUR if number in late else 0)
            for hour in range(7):
                price *= float(np.exp(rng.normal(0, 0.003)))
                close = price * float(np.exp(rng.normal(0, 0.002)))
                high, low = max(price, close) * 1.001, min(price, close) * 0.999
                time = str(np.datetime64(opens + hour * HOUR, "ns").astype("datetime64[s]")) + "Z"
                lines.append(
                    f"{time},{price:.2f},{high + 0.01:.2f},{low - 0.01:.2f},{close:.2f},{rng.integers(500, 999)}"
                )
            number += 1
        day += 1
    return lines


@pytest.fixture
def sound(place: Path) -> Path:
    path = place / "sound.csv"
    path.write_text("\n".join([HEADER, *us_hours()]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def late(place: Path) -> Path:
    path = place / "late.csv"
    path.write_text("\n".join([HEADER, *us_hours(late=range(20, 40))]) + "\n", encoding="utf-8")
    return path


@pytest.mark.usefixtures("sound", "late")
def test_sound_file_and_files_with_findings(tw: Run) -> None:
    done = tw("data", "check", "sound.csv", "--calendar", "XNYS")
    assert (done.returncode, done.stdout.strip()) == (0, "sound.csv: sound"), done.stderr
    done = tw("data", "check", "sound.csv", "late.csv", "--calendar", "us_equity", "--json")
    assert done.returncode == 0
    findings = json.loads(done.stdout)["findings"]
    assert [(f["data"], f["rule"]) for f in findings] == [("late.csv", "daylight_saving")]
    assert "1 h too late" in findings[0]["detail"]


def test_broken_rows_are_all_listed(tw: Run, place: Path) -> None:
    lines = us_hours(10)
    lines[5] = re.sub(r",(\d+)$", ",-1", lines[5])
    lines[9] = lines[8]
    (place / "broken.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    done = tw("data", "check", "broken.csv", "--calendar", "us_equity")
    assert done.returncode == 1
    assert "row 7, volume: -1.0 is negative" in done.stdout
    assert "row 11, time: " in done.stdout
    assert "Traceback" not in done.stderr
    assert tw("data", "import", "broken.csv", "--symbol", "BAD", "--calendar", "us_equity").returncode == 1


@pytest.mark.usefixtures("late")
def test_page_stands_alone_and_shows_every_data_set(tw: Run, place: Path) -> None:
    assert tw("data", "import", "late.csv", "--symbol", "LATE", "--calendar", "us_equity").returncode == 0
    done = tw("data", "check", "--all", "--html", "pages/out.html")
    assert done.returncode == 0, done.stderr
    page = (place / "pages" / "out.html").read_text(encoding="utf-8")
    assert "LATE 1h" in page
    assert "ACME 1h" in page
    assert "1 h too late" in page
    text = page[page.index('id="data">') + len('id="data">') :]
    figures = json.loads(text[: text.index("</script>")])["figures"]
    assert set(figures) == {"coverage-0", "price-0", "coverage-1", "price-1"}
    shares = {v for line in figures["coverage-1"]["data"][0]["z"] for v in line}
    assert 1.0 in shares
    assert [t["name"] for t in figures["price-1"]["data"]] == ["close", "daylight saving (1)"]
    own = page[: page.index('id="data">')]
    assert not re.search(r'(src|href)="(https?:)?//', own)
    assert tw("data", "check", "--all", "--html", "pages/again.html").returncode == 0
    assert (place / "pages" / "again.html").read_text(encoding="utf-8") == page


@pytest.mark.usefixtures("sound")
def test_comparison_and_freshness(tw: Run, place: Path) -> None:
    lines = us_hours()
    cells = lines[100].split(",")
    cells[4], cells[2] = f"{float(cells[4]) * 1.05:.2f}", f"{float(cells[2]) * 1.06:.2f}"
    lines[100] = ",".join(cells)
    (place / "other.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    done = tw("data", "check", "sound.csv", "--against", "other.csv", "--calendar", "us_equity", "--json")
    assert [f["rule"] for f in json.loads(done.stdout)["findings"]] == ["price_disagreement"]
    done = tw("data", "check", "sound.csv", "--calendar", "us_equity", "--as-of", "2023-06-01")
    assert "[stale]" in done.stdout
    last = us_hours()[-1][:10]
    assert "sound" in tw("data", "check", "sound.csv", "--calendar", "us_equity", "--as-of", last + "T23:00").stdout


@pytest.mark.usefixtures("late")
def test_gate_refuses_a_run_until_accepted_and_remembers(tw: Run, place: Path) -> None:
    assert tw("data", "import", "late.csv", "--symbol", "LATE", "--calendar", "us_equity").returncode == 0
    (place / "late.yaml").write_text(
        "strategy:\n  name: ema_cross\n  params: {fast: 3, slow: 8}\ndata:\n  symbols: [LATE]\n", encoding="utf-8"
    )
    done = tw("backtest", "late.yaml")
    assert done.returncode == 1
    assert "did not pass the checks" in done.stderr
    assert "daylight_saving: accept" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((place / ".tradewright/store/.checks").glob("*.parquet"))) == 1
    done = tw("backtest", "late.yaml", "--set", "data.gate.daylight_saving=accept")
    assert done.returncode == 0, done.stderr
    # before the bars that are late
    assert tw("backtest", "late.yaml", "--set", "data.end=2023-01-20").returncode == 0
    done = tw("backtest", "late.yaml", "--set", "data.gate.nonsense=accept")
    assert done.returncode == 2
    assert "not a rule" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("data", "check"), "nothing is named"),
        (("data", "check", "ACME", "--all"), "exclude each other"),
        (("data", "check", "NOPE"), "unknown instrument"),
        (("data", "check", "acme.csv", "--calendar", "XNYZ"), "not a session calendar"),
        (("data", "check", "acme.csv", "--as-of", "someday"), "not a date or time"),
        (("data", "check", "absent.csv"), "absent.csv"),
    ],
)
def test_bad_calls_are_refused_with_what_to_do(tw: Run, words: tuple[str, ...], said: str) -> None:
    done = tw(*words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
