"""Downloads: complete or as it was, resumed without gaps or duplicates, the same rows whatever happened on the way."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.unit.data.scripted_history import DAY, HOUR, START, ScriptedHistory, broken, hourly, key_of
from tests.unit.data.test_store import imported

from tradewright.core.types.errors import DataError, SourceError, StoreError, UsageError
from tradewright.data.catalogue import Dataset
from tradewright.data.download import Downloaded, DownloadOptions, Progress, download, remembered
from tradewright.data.fetch_record import QUARANTINE, folder_of, read_record
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind
from tradewright.data.ports import Fetched, Piece, Wanted
from tradewright.data.store import BarStore
from tradewright.data.synthetic import WalkParams, synthetic_bars

PARAMS = InstrumentParams(symbol="ACME", tick_size="0.01")
REPLACE = DownloadOptions(replaces=True)
WEEK = Wanted("ACME", Kind.BARS, "1h", START, START + 7 * DAY)


def run(
    source: ScriptedHistory,
    store: BarStore,
    wanted: Wanted = WEEK,
    options: DownloadOptions | None = None,
    params: InstrumentParams = PARAMS,
) -> Downloaded:
    return asyncio.run(download(source, wanted, store, params, options=options))


def rows(store: BarStore) -> pl.DataFrame:
    return store.frame(store.describe("ACME", "1h"))


def staged(store: BarStore) -> list[str]:
    return sorted(p.stem for p in (store.root / ".fetch").rglob("*.json"))


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "store")


@pytest.fixture
def clean(tmp_path: Path) -> Dataset:
    """A week that was fetched without any trouble, in a store of its own."""
    return run(ScriptedHistory(), BarStore(tmp_path / "clean")).dataset


def test_all_pieces_arrive_in_order(store: BarStore) -> None:
    source = ScriptedHistory()
    done = run(source, store)
    assert rows(store).equals(hourly(WEEK.start, WEEK.end))
    assert (done.added, done.removed, done.is_changed) == (168, 0, True)
    assert done.progress == Progress(pieces=7, done=7, rows=168)
    assert source.most_at_once == 4
    assert staged(store) == []


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_the_result_does_not_depend_on_the_order_of_arrival(store: BarStore, clean: Dataset, workers: int) -> None:
    source = ScriptedHistory()
    done = run(source, store, options=DownloadOptions(workers=workers))
    assert source.most_at_once == min(workers, 7)
    assert (done.dataset.digest, done.dataset.sources) == (clean.digest, clean.sources)


def test_an_error_keeps_the_store_and_the_finished_pieces(store: BarStore, clean: Dataset) -> None:
    keys = [key_of(START + d * DAY, START + (d + 1) * DAY) for d in range(7)]
    source = ScriptedHistory(failures={keys[3]: [broken(), broken()]})
    for _ in range(2):
        with pytest.raises(SourceError, match="503"):
            run(source, store, options=DownloadOptions(workers=1))
        assert store.list() == ()
        assert staged(store) == keys[:3]
    again = ScriptedHistory()
    done = run(again, store, options=DownloadOptions(workers=1))
    assert again.asked == keys[3:]
    assert (done.progress.resumed, done.progress.done) == (3, 7)
    assert (done.dataset.digest, done.dataset.sources) == (clean.digest, clean.sources)


def test_a_defect_is_not_hidden(store: BarStore) -> None:
    source = ScriptedHistory(failures={key_of(START, START + DAY): [ZeroDivisionError("a defect")]})
    with pytest.raises(ZeroDivisionError):
        run(source, store)


def test_of_several_errors_one_that_people_can_act_on_is_shown(store: BarStore) -> None:
    keys = [key_of(START + d * DAY, START + (d + 1) * DAY) for d in range(2)]
    source = ScriptedHistory(failures={keys[0]: [broken()], keys[1]: [broken()]})
    with pytest.raises(SourceError, match="503"):
        run(source, store)


def test_a_cancelled_download_is_resumed(store: BarStore, clean: Dataset) -> None:
    seen: list[Progress] = []

    def stop_at_three(progress: Progress) -> None:
        seen.append(progress)
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(download(ScriptedHistory(), WEEK, store, PARAMS, progress=stop_at_three))
    assert store.list() == ()
    assert len(staged(store)) >= 3
    done = run(ScriptedHistory(), store)
    assert done.dataset.digest == clean.digest
    assert done.progress.resumed >= 3


def test_what_the_store_has_is_not_asked_for_again(store: BarStore) -> None:
    first = run(ScriptedHistory(), store)
    source = ScriptedHistory()
    again = run(source, store)
    assert source.asked == []
    assert not again.is_changed
    assert again.dataset == first.dataset
    assert again.progress.present == 7


def test_a_longer_range_asks_only_for_the_rest(store: BarStore) -> None:
    run(ScriptedHistory(), store, replace(WEEK, start=START + 2 * DAY, end=START + 4 * DAY))
    source = ScriptedHistory()
    done = run(source, store)
    assert len(source.asked) == 5
    assert (done.added, done.removed) == (120, 0)
    assert rows(store).equals(hourly(WEEK.start, WEEK.end))


def test_rows_that_were_lost_from_the_store_are_fetched_again(store: BarStore) -> None:
    done = run(ScriptedHistory(), store)
    record = read_record(folder_of(store.root, done.dataset))
    assert record is not None
    short = record.model_copy(
        update={"pieces": (record.pieces[0].model_copy(update={"digest": "0" * 32}), *record.pieces[1:])}
    )
    (folder_of(store.root, done.dataset) / "fetch.json").write_text(short.model_dump_json(), encoding="utf-8")
    source = ScriptedHistory()
    assert not run(source, store).is_changed
    assert source.asked == [record.pieces[0].key]


def test_a_damaged_staged_piece_is_fetched_again(store: BarStore, clean: Dataset) -> None:
    last = key_of(START + 6 * DAY, WEEK.end)
    with pytest.raises(SourceError):
        run(ScriptedHistory(failures={last: [broken()]}), store, options=DownloadOptions(workers=1))
    victim = next((store.root / ".fetch").rglob(f"{key_of(START, START + DAY)}.parquet"))
    victim.write_bytes(victim.read_bytes()[:-40])
    source = ScriptedHistory()
    assert run(source, store).dataset.digest == clean.digest
    assert sorted(source.asked) == sorted([key_of(START, START + DAY), last])


def test_a_day_that_is_not_over_is_completed_later(store: BarStore, clean: Dataset) -> None:
    noon = START + 6 * DAY + 12 * HOUR
    first = run(ScriptedHistory(now=noon), store)
    assert first.added == 156
    source = ScriptedHistory()
    done = run(source, store)
    assert source.asked == [key_of(START + 6 * DAY, WEEK.end)]
    assert (done.added, done.removed) == (12, 0)
    assert done.dataset.digest == clean.digest


def test_rows_that_were_not_final_are_replaced(store: BarStore) -> None:
    noon = START + 6 * DAY + 12 * HOUR
    run(ScriptedHistory(now=noon), store)
    done = run(ScriptedHistory(shift=0.5), store)
    assert done.removed
    assert rows(store)[:144].equals(hourly(WEEK.start, WEEK.end)[:144])
    assert rows(store)[144:].equals(hourly(WEEK.start, WEEK.end, 0.5)[144:])
    with pytest.raises(StoreError, match="--replace"):  # now they are final
        run(ScriptedHistory(shift=0.9), store, replace(WEEK, start=START + 6 * DAY + HOUR))


def test_stopped_between_commit_and_record_it_still_knows_what_was_not_final(
    store: BarStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    noon = START + 6 * DAY + 12 * HOUR
    with monkeypatch.context() as patch:
        patch.setattr("tradewright.data.download.write_record", stop)
        with pytest.raises(KeyboardInterrupt):
            run(ScriptedHistory(now=noon), store)
    assert store.describe("ACME", "1h").rows == 156
    assert run(ScriptedHistory(shift=0.5), store).removed
    assert rows(store)[144:].equals(hourly(WEEK.start, WEEK.end, 0.5)[144:])


def test_another_definition_is_refused_even_where_rows_may_change(store: BarStore) -> None:
    run(ScriptedHistory(now=START + 6 * DAY + 12 * HOUR), store)
    before = store.list()
    other = PARAMS.model_copy(update={"lot_size": "2"})
    with pytest.raises(StoreError):
        run(ScriptedHistory(shift=0.5), store, params=other)
    assert store.list() == before


def test_final_rows_that_differ_are_refused_until_replace(store: BarStore) -> None:
    run(ScriptedHistory(), store)
    before = store.list()
    part = replace(WEEK, start=START + HOUR, end=START + 2 * DAY)
    with pytest.raises(StoreError, match="--replace") as error:
        run(ScriptedHistory(shift=0.5), store, part)
    assert "--replace" in error.value.fix
    assert store.list() == before
    source = ScriptedHistory(shift=0.5)
    done = run(source, store, part, REPLACE)
    assert done.removed
    assert source.asked == [key_of(START + DAY, START + 2 * DAY)]  # the refused rows of the first day were kept
    assert rows(store)[1:48].equals(hourly(part.start, part.end, 0.5))


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write forty rows at a time: a day and a bit, so one day's piece."""
    monkeypatch.setattr("tradewright.data.download.PART_ROWS", 40)


@pytest.mark.usefixtures("in_parts")
def test_a_long_range_is_written_in_parts_and_is_one_version(store: BarStore, clean: Dataset) -> None:
    done = run(ScriptedHistory(), store)
    assert (done.added, done.removed) == (168, 0)
    found = store.describe("ACME", "1h")
    assert (found.digest, found.version, len(found.sources)) == (clean.digest, 1, 7)
    assert [p.name for p in store.folder("ACME", "1h", Kind.BARS).glob("*.parquet")] == [found.partitions[0].file]
    assert store.damaged(found) == ()
    again = run(ScriptedHistory(shift=0.5), store, options=REPLACE).dataset
    assert (again.version, again.parent, [c.version for c in again.corrections]) == (2, clean.digest, [2])
    assert again.corrections[0].spans[0][0] == WEEK.start
    assert store.versions("ACME", "1h")[0].digest == clean.digest
    assert rows(store).equals(hourly(WEEK.start, WEEK.end, 0.5))


@pytest.mark.usefixtures("in_parts")
def test_a_part_that_is_refused_takes_the_parts_before_it_back(store: BarStore) -> None:
    fifth = key_of(START + 4 * DAY, START + 5 * DAY)
    other = Fetched(hourly(START + 4 * DAY, START + 5 * DAY, 0.5), "scripted")
    stored = hourly(START + 4 * DAY, START + 5 * DAY)
    store.write(replace(imported(synthetic_bars(1, 1, WalkParams())), frame=stored), PARAMS)
    before = {p: p.read_bytes() for p in store.folder("ACME", "1h", Kind.BARS).rglob("*") if p.is_file()}
    with pytest.raises(StoreError, match="--replace"):
        run(ScriptedHistory(answers={fifth: other}), store)
    assert {p: p.read_bytes() for p in store.folder("ACME", "1h", Kind.BARS).rglob("*") if p.is_file()} == before


@pytest.mark.usefixtures("in_parts")
def test_what_is_odd_between_two_parts_is_found(store: BarStore) -> None:
    third = key_of(START + 2 * DAY, START + 3 * DAY)
    late = Fetched(hourly(START + 2 * DAY + 5 * HOUR, START + 3 * DAY), "scripted")
    found = run(ScriptedHistory(answers={third: late}), store).findings
    assert found is not None
    assert found.frame.select("rule", "row").rows() == [("gap", 49)]


def test_replace_asks_again_for_everything(store: BarStore) -> None:
    run(ScriptedHistory(), store)
    source = ScriptedHistory(shift=0.5)
    run(source, store, options=REPLACE)
    assert len(source.asked) == 7
    assert rows(store).equals(hourly(WEEK.start, WEEK.end, 0.5))


def test_an_imported_data_set_is_continued_where_rows_agree(store: BarStore) -> None:
    bars = synthetic_bars(24, 1, WalkParams(interval=HOUR, start=START))
    store.write(imported(bars), PARAMS)
    with pytest.raises(StoreError, match="--replace"):
        run(ScriptedHistory(), store)
    assert run(ScriptedHistory(), store, replace(WEEK, start=START + DAY)).added == 144


def test_another_vendor_is_not_mixed_in(store: BarStore) -> None:
    run(ScriptedHistory(), store)
    other = replace(WEEK, start=WEEK.end, end=WEEK.end + DAY)
    with pytest.raises(StoreError, match="fetched from scripted"):
        run(ScriptedHistory(name="other"), store, other)
    with pytest.raises(StoreError, match="fetched from scripted"):
        run(ScriptedHistory(), store, other, DownloadOptions(remembered={"market": "futures"}))
    assert run(ScriptedHistory(name="other"), store, other, REPLACE).added == 24


def test_rows_that_break_a_rule_are_quarantined(store: BarStore) -> None:
    key = key_of(START + DAY, START + 2 * DAY)
    frame = hourly(START + DAY, START + 2 * DAY)
    bad = frame.with_columns(
        high=pl.when(pl.int_range(pl.len()) == 5).then(1.0).otherwise("high"),
        close=pl.when(pl.int_range(pl.len()) == 9).then(float("nan")).otherwise("close"),
    )
    unread = pl.DataFrame({"reason": ["no number"], "row": ['{"o": "x"}']})
    source = ScriptedHistory(answers={key: Fetched(bad, "x", quarantined=unread, notes=("a page came twice",))})
    done = run(source, store)
    assert done.added == 166
    assert done.quarantined == {key: 3}
    assert done.progress.quarantined == 3
    assert done.reasons == {"high_below_low": 1, "no number": 1, "not_a_number": 1}
    assert done.notes == (f"{key}: a page came twice",)
    assert done.findings is not None
    assert done.findings.counts()["gap"] == 2
    kept = pl.read_parquet(folder_of(store.root, done.dataset) / QUARANTINE / f"{key}.parquet")
    assert kept["reason"].to_list() == ["no number", "high_below_low", "not_a_number"]
    assert json.loads(kept["row"][1])["ts_open"] == frame["ts_open"][5]
    # the vendor mends them: nothing is refused any more
    mended = run(ScriptedHistory(), store, options=REPLACE)
    assert mended.quarantined == {}
    assert not (folder_of(store.root, done.dataset) / QUARANTINE / f"{key}.parquet").exists()


def test_quarantined_rows_are_reported_again_when_nothing_is_new(store: BarStore) -> None:
    key = key_of(START, START + DAY)
    unread = pl.DataFrame({"reason": ["no number"], "row": ["x"]})
    answer = Fetched(hourly(START, START + DAY), "x", quarantined=unread)
    run(ScriptedHistory(answers={key: answer}), store)
    assert run(ScriptedHistory(), store).quarantined == {key: 1}


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        (hourly(START - HOUR, START + DAY), "outside its range"),
        (hourly(START, START + DAY + HOUR), "outside its range"),
        (hourly(START, START + DAY)[[0, 2, 1]], "unsorted"),
        (hourly(START, START + DAY)[[0, 1, 1]], "duplicate_time"),
        (hourly(START, START + DAY).drop("close"), "columns"),
        (hourly(START, START + DAY).with_columns(ts_open=pl.lit(None, pl.Int64)), "without a time"),
    ],
)
def test_an_adapter_that_breaks_its_promise_is_caught(store: BarStore, frame: pl.DataFrame, match: str) -> None:
    source = ScriptedHistory(answers={key_of(START, START + DAY): Fetched(frame, "x")})
    with pytest.raises(SourceError, match=match):
        run(source, store)
    assert store.list() == ()


@pytest.mark.parametrize(
    "split",
    [
        [Piece("a", START, START + DAY), Piece("b", START + DAY + HOUR, WEEK.end)],
        [Piece("a", START, START + DAY), Piece("b", START, WEEK.end)],
        [Piece("a", START, START + DAY), Piece("a", START + DAY, WEEK.end)],
        [Piece("a", START, WEEK.end + 1)],
        [Piece("../a", START, WEEK.end)],
        [Piece(".a", START, WEEK.end)],
    ],
)
def test_pieces_that_do_not_fit_are_refused(store: BarStore, split: list[Piece]) -> None:
    with pytest.raises(SourceError, match="pieces"):
        run(ScriptedHistory(split=split), store)


def test_a_range_without_rows_is_an_error_once_and_asked_again(store: BarStore) -> None:
    empty = Fetched(hourly(START, START), "x")
    keys = [key_of(START + d * DAY, START + (d + 1) * DAY) for d in range(7)]
    source = ScriptedHistory(answers=dict.fromkeys(keys, empty))
    for _ in range(2):
        with pytest.raises(DataError, match="no rows"):
            run(source, store)
    assert len(source.asked) == 14
    assert store.list() == ()


def test_an_empty_piece_is_remembered(store: BarStore) -> None:
    key = key_of(START + DAY, START + 2 * DAY)
    done = run(ScriptedHistory(answers={key: Fetched(hourly(START, START), "x")}), store)
    assert done.added == 144
    source = ScriptedHistory()
    run(source, store)
    assert source.asked == []


def test_an_empty_range_is_refused(store: BarStore) -> None:
    with pytest.raises(UsageError, match="empty"):
        run(ScriptedHistory(), store, replace(WEEK, end=START))
    with pytest.raises(DataError, match="nothing"):
        run(ScriptedHistory(split=[]), store)


def test_two_downloads_of_one_data_set_do_not_meet(store: BarStore) -> None:
    async def both() -> list[object]:
        jobs = (download(ScriptedHistory(), WEEK, store, PARAMS) for _ in range(2))
        return list(await asyncio.gather(*jobs, return_exceptions=True))

    one, other = asyncio.run(both())
    assert isinstance(one, Downloaded)
    assert isinstance(other, StoreError)
    assert "another download" in str(other)


def test_the_next_download_begins_at_the_first_moment_that_is_not_final(store: BarStore) -> None:
    noon = START + 6 * DAY + 12 * HOUR
    run(ScriptedHistory(now=noon), store, options=DownloadOptions(remembered={"market": "spot"}))
    [(dataset, record)] = list(remembered(store))
    assert dataset == store.describe("ACME", "1h")
    assert (record.source, record.symbol, record.options) == ("scripted", "ACME", {"market": "spot"})
    assert record.resumes_at == START + 6 * DAY
    run(ScriptedHistory(), store, options=DownloadOptions(remembered={"market": "spot"}))
    [(_, record)] = list(remembered(store))
    assert record.resumes_at == WEEK.end


def test_daily_updates_give_the_same_rows_as_one_download(store: BarStore, clean: Dataset) -> None:
    for hours in (30, 31, 55, 100, 168, 400):
        known = list(remembered(store))
        start = known[0][1].resumes_at if known else START
        wanted = replace(WEEK, start=start, end=min(START + hours * HOUR, WEEK.end))
        if wanted.start < wanted.end:
            run(ScriptedHistory(now=START + hours * HOUR), store, wanted)
    assert store.describe("ACME", "1h").digest == clean.digest


@pytest.mark.slow
def test_killed_at_fifty_random_points_it_ends_like_a_clean_run(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killed_downloads.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path, "50"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["killed"] >= 50
    assert result["before_commit"] > 5
    assert result["after_commit"] > 5
