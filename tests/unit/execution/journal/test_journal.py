"""What is durable stays, what was never durable may go, and what was changed is noticed."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from tests.faults.sim_disk import Crash, SimDisk

from tradewright.core.types.journal import JournalRecord
from tradewright.execution.journal.disk import Disk, FolderDisk
from tradewright.execution.journal.errors import (
    JournalDamagedError,
    JournalUnavailableError,
    JournalVersionError,
)
from tradewright.execution.journal.frame import FORMAT_VERSION, HEADER_BYTES, SegmentHeader, pack_header, unpack_header
from tradewright.execution.journal.reading import JournalReader, segment_name, segments_of
from tradewright.execution.journal.writing import Journal, JournalParams

_SMALL = JournalParams(segment_bytes=4096)
_STAMPS = {"mode": "paper", "code_hash": "c0de", "config_hash": "cf", "model_hash": "m1"}


def opened(disk: Disk, params: JournalParams = _SMALL) -> tuple[Journal, list[JournalRecord]]:
    records: list[JournalRecord] = []
    return Journal(disk, lambda: 0, params, records.append), records


def filled(disk: Disk, n: int = 100) -> Journal:
    journal, _ = opened(disk)
    journal.append("session", dict(_STAMPS), 1, 1)
    for k in range(n):
        journal.append(("kill", "order", "bar")[k % 3], {"k": k, "price": k / 7, "name": "é\n"}, k, k + 1)
    journal.flush()
    return journal


def test_what_was_written_is_read(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path / "journal")
    head = filled(disk).head
    again, records = opened(disk)
    assert [r.sequence for r in records] == list(range(1, 102))
    assert records[5] == JournalRecord(
        6, "order", 4, 5, {"k": 4, "price": 4 / 7, "name": "é\n"}, "paper", "c0de", "cf", "m1"
    )
    assert again.head == head
    assert len(segments_of(disk)) > 2, "no rotation was tested"
    assert again.append("kill", {}, 1, 1) == 102


@pytest.mark.parametrize("value", [float("nan"), [None, {"x": -float("inf")}], (1, (float("inf"),)), np.float64("nan")])
def test_a_number_that_is_not_finite_is_refused_and_nothing_is_written(value: object) -> None:
    disk = SimDisk()
    journal = filled(disk)
    with pytest.raises(ValueError, match="JSON"):
        journal.append("intent", {"none": None, "price": value}, 1, 1)
    with pytest.raises(TypeError):
        journal.append("intent", {"price": 2**64}, 1, 1)
    journal.append("intent", {"price": 1.0}, 1, 1)
    assert len(opened(disk)[1]) == 102


@pytest.mark.parametrize("loses_power", [False, True])
def test_a_crash_at_every_operation_loses_nothing_that_was_durable(loses_power: bool) -> None:
    total = SimDisk()
    filled(total, 40)
    for at in range(1, total.operations + 1):
        disk = SimDisk(at)
        disk.crash_at, disk.tears = at, at % 2 == 0
        durable = 0
        try:
            journal, _ = opened(disk)
            for k in range(40):
                sequence = journal.append(("kill", "order", "bar")[k % 3], {"k": k, "pad": "x" * 300}, k, k)
                durable = sequence if k % 3 == 0 else durable
        except Crash:
            pass
        disk.restart(loses_power=loses_power)
        journal, records = opened(disk)
        assert [r.payload["k"] for r in records] == list(range(len(records))), at
        assert len(records) >= durable, at
        journal.append("intent", {"k": -1}, 0, 0)
        assert len(opened(disk)[1]) == len(records) + 1


def test_every_byte_of_a_durable_journal_matters() -> None:
    whole = SimDisk()
    filled(whole, 12)
    rng = np.random.default_rng(1)
    for name in whole.names():
        for at in range(len(whole.files[name])):
            disk = SimDisk()
            for other in whole.names():
                disk.files[other] = bytearray(whole.files[other])
            disk.files[name][at] ^= int(rng.integers(1, 256))
            try:
                records = list(JournalReader(disk))
            except (JournalDamagedError, JournalVersionError):
                continue
            # a zero in a record after the newest kill looks like a block that was never written
            assert len(records) >= 11, (name, at)
            assert disk.files[name][at] == 0


@pytest.mark.parametrize("cut", ["middle record", "order of records", "segment", "first segment"])
def test_tampering_is_refused(cut: str) -> None:
    disk = SimDisk()
    filled(disk)
    names = segments_of(disk)
    first = bytes(disk.files[names[0]])
    places = [k for k in range(len(first)) if first.startswith(b"\xf5REC", k)]
    a, b, c = places[3:6]
    if cut == "middle record":
        disk.files[names[0]] = bytearray(first[:a] + first[b:])
    elif cut == "order of records":
        disk.files[names[0]] = bytearray(first[:a] + first[b:c] + first[a:b] + first[c:])
    elif cut == "segment":
        disk.remove(names[1])
    else:
        disk.remove(names[0])
    with pytest.raises(JournalDamagedError):
        opened(disk)


def test_another_format_is_refused_by_name() -> None:
    disk = SimDisk()
    filled(disk, 2)
    name = segment_name(1)
    header = unpack_header(disk.read(name))
    assert header is not None
    disk.files[name][:HEADER_BYTES] = pack_header(SegmentHeader(FORMAT_VERSION + 1, *header[1:]))
    with pytest.raises(JournalVersionError, match=f"format {FORMAT_VERSION + 1}, this program reads format"):
        opened(disk)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_after_a_refused_write_nothing_more_is_taken(error: int) -> None:
    for after in range(1, 6):
        disk = SimDisk(after)
        journal = filled(disk, 10)
        disk.fail_at, disk.error = disk.operations + after, error
        taken = 0
        with suppress(JournalUnavailableError):
            while True:
                taken = journal.append("intent", {}, 0, 0)
        disk.fail_at = 0  # room again: still nothing, until it is opened anew
        with pytest.raises(JournalUnavailableError, match="cancels still go out"):
            journal.append("intent", {}, 0, 0)
        journal.close()
        assert len(opened(disk)[1]) >= taken
        opened(disk)[0].append("intent", {}, 0, 0)


def test_a_journal_cut_at_a_whole_record_is_told_by_its_head() -> None:
    disk = SimDisk()
    journal = filled(disk, 4)
    before = journal.head
    size = len(disk.files[segment_name(1)])
    journal.append("intent", {}, 0, 0)
    after = journal.head
    disk.truncate(segment_name(1), size)
    reader = JournalReader(disk)
    assert len(list(reader)) == 5
    assert reader.tail.chain.hex() == before != after


def test_records_are_durable_after_a_while_by_themselves() -> None:
    disk, now = SimDisk(), [0]
    journal = Journal(disk, lambda: now[0])
    journal.append("bar", {}, 0, 0)
    assert len(disk.files[segment_name(1)]) == HEADER_BYTES
    now[0] = 1_000_000_000
    journal.append("bar", {}, 0, 0)
    assert disk.synced[segment_name(1)] == len(disk.files[segment_name(1)]) > HEADER_BYTES
