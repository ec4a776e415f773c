"""Reading a journal: every record verified, a torn tail told from damage.

What a crash may leave behind is a tail of records that were never durable: cut off, or with blocks that were never
written (zeros). Everything else is damage and is refused: a whole record with a wrong checksum and no unwritten block;
one that a later record says was durable; a broken chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tradewright.core.types.journal import JournalRecord
from tradewright.execution.journal.disk import Disk
from tradewright.execution.journal.errors import JournalDamagedError, JournalVersionError
from tradewright.execution.journal.frame import (
    FORMAT_VERSION,
    GENESIS,
    HEAD_BYTES,
    HEADER_BYTES,
    MARKER,
    TAIL_BYTES,
    Frame,
    SegmentHeader,
    decode_body,
    unpack_frame,
    unpack_head,
    unpack_header,
)

SUFFIX = ".journal"
#: The record that says what produced the records after it.
SESSION = "session"
_STAMPS = ("mode", "code_hash", "config_hash", "model_hash")
_FIX = "Keep the files as they are; restore a copy, or start a journal in another folder and reconcile with the venue."


@dataclass(slots=True)
class Tail:
    """Where a journal ends. ``size``: bytes of the last segment that count; ``lost``: bytes after them."""

    segment: int = 0
    size: int = 0
    sequence: int = 0
    chain: bytes = GENESIS
    durable: int = 0
    lost: int = 0


def segment_name(number: int) -> str:
    """Return a segment's file name."""
    return f"{number:08d}{SUFFIX}"


def segments_of(disk: Disk) -> list[str]:
    """Return the names of the segments in order."""
    return [name for name in disk.names() if name.endswith(SUFFIX)]


class JournalReader:
    """Iterates over the verified records of a journal; afterwards ``tail`` says where it ends. Nothing is changed."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.tail = Tail()
        self._stamps = tuple("" for _ in _STAMPS)

    def __iter__(self) -> Iterator[JournalRecord]:
        """Yield the records.

        Raises
        ------
        JournalDamagedError
            At the first record that is not what was written.
        JournalVersionError
            If a segment was written in another format.
        """
        names = segments_of(self.disk)
        for number, name in enumerate(names, 1):
            yield from self._segment(name, number, is_last=number == len(names))

    def _segment(self, name: str, number: int, *, is_last: bool) -> Iterator[JournalRecord]:
        data = self.disk.read(name)
        header = unpack_header(data)
        if header is not None and header.version != FORMAT_VERSION:
            what = f"the journal is in format {header.version}, this program reads format {FORMAT_VERSION}"
            fix = "Use the release that wrote it, or start a journal in another folder."
            raise JournalVersionError(what, where=name, fix=fix)
        if header is None:
            if is_last and len(data.rstrip(b"\0")) < HEADER_BYTES:  # power went while it was being made: no record yet
                self.tail.lost = len(data)
                self.tail.segment, self.tail.size = number, 0
                return
            raise JournalDamagedError("the segment's header is damaged", where=name, fix=_FIX)
        if name != segment_name(number) or header != SegmentHeader(
            FORMAT_VERSION, number, self.tail.sequence + 1, self.tail.chain
        ):
            what = f"the segment does not continue the one before it: record {self.tail.sequence + 1} should follow"
            raise JournalDamagedError(what, where=name, fix=_FIX)
        self.tail.segment, self.tail.size = number, HEADER_BYTES
        while self.tail.size < len(data):
            frame = unpack_frame(data, self.tail.size)
            if frame is None or not self._continues(frame):
                self._end(data, name, is_last=is_last)
                return
            yield self._record(frame)

    def _continues(self, frame: Frame) -> bool:
        tail = self.tail
        return frame.sequence == tail.sequence + 1 and frame.chain == frame.after(tail.chain)

    def _record(self, frame: Frame) -> JournalRecord:
        """Return a frame's record and move the tail past it."""
        kind, ts_event, ts_seen, payload = decode_body(frame.body)
        if kind == SESSION:
            self._stamps = tuple(str(payload.get(name, "")) for name in _STAMPS)
        tail = self.tail
        tail.sequence, tail.chain, tail.durable, tail.size = frame.sequence, frame.chain, frame.durable, frame.stop
        return JournalRecord(frame.sequence, kind, ts_event, ts_seen, payload, *self._stamps)

    def _end(self, data: bytes, name: str, *, is_last: bool) -> None:
        """Accept what follows the last whole record as a lost tail, or refuse it as damage."""
        tail = self.tail
        if unpack_frame(data, tail.size) is not None:
            what = f"record {tail.sequence + 1} was changed, moved or taken out: the chain of hashes breaks"
            raise JournalDamagedError(what, where=f"{name}, byte {tail.size:,}", fix=_FIX)
        rest = data[tail.size :]
        is_lost = _is_unwritten(rest) and all(frame.durable <= tail.sequence for frame in _intact_frames(rest))
        if not is_last or not is_lost:
            what = f"record {tail.sequence + 1} is damaged"
            raise JournalDamagedError(what, where=f"{name}, byte {tail.size:,}", fix=_FIX)
        tail.lost = len(rest)


def _is_unwritten(rest: bytes) -> bool:
    """Tell whether what is no whole record looks like one whose blocks did not all reach the disk.

    A block that was not written is zeros. JSON has no zero byte; head and tail end in checksums.
    """
    head = unpack_head(rest, 0)
    if head is None:
        return len(rest) < HEAD_BYTES or 0 in (rest[0], rest[HEAD_BYTES - 1])
    size = HEAD_BYTES + head.length + TAIL_BYTES
    return len(rest) < size or rest[size - 1] == 0 or b"\0" in rest[HEAD_BYTES : HEAD_BYTES + head.length]


def _intact_frames(rest: bytes) -> Iterator[Frame]:
    """Yield all intact frames in a stretch of bytes that does not begin with one."""
    at = rest.find(MARKER)
    while at >= 0:
        frame = unpack_frame(rest, at)
        if frame is not None:
            yield frame
            at = frame.stop - 1
        at = rest.find(MARKER, at + 1)
