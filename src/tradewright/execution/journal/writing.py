"""Writing a journal: what is durable before the call returns, and what may wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.journal import JournalRecord
from tradewright.execution.journal.disk import AppendFile, Disk
from tradewright.execution.journal.errors import JournalUnavailableError
from tradewright.execution.journal.frame import (
    FORMAT_VERSION,
    HEADER_BYTES,
    Head,
    SegmentHeader,
    chained,
    encode_body,
    pack_frame,
    pack_header,
)
from tradewright.execution.journal.reading import SESSION, JournalReader, segment_name

_FIX = "New orders are refused, cancels still go out. Free the disk, then restart: the journal repairs itself."


class Durability(IntEnum):
    """What `Journal.append` has done with a record when it returns."""

    BUFFERED = 1  # in memory: a crash of the process loses it
    WRITTEN = 2  # with the operating system: a loss of power loses it
    DURABLE = 3  # on the disk


#: Kinds that are not WRITTEN. Whatever forbids an order, or permits it again, is durable before anybody acts on it;
#: an intent is made so before its first byte, see `Flusher`.
POLICY: Mapping[str, Durability] = {
    SESSION: Durability.DURABLE,
    "kill": Durability.DURABLE,
    "release": Durability.DURABLE,
    "claim": Durability.DURABLE,
    "bar": Durability.BUFFERED,
    "quote": Durability.BUFFERED,
    "trade": Durability.BUFFERED,
    "market": Durability.BUFFERED,
}


class JournalParams(BaseModel):
    """Sizes. What is buffered or written is durable after ``sync_every_ms`` at the latest, if records keep coming."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    buffer_bytes: Annotated[int, Field(ge=0)] = 64 * 1024
    sync_every_ms: Annotated[float, Field(gt=0)] = 1000.0


class Journal:
    """The journal of one account, open for writing.

    Parameters
    ----------
    disk : Disk
        Its folder; the caller holds the account's lease.
    now_ns : callable
        The time, ns UTC; only for deciding when to sync.
    params : JournalParams
        Sizes.
    on_record : callable, optional
        Is given every record that is already there, in order.

    Raises
    ------
    JournalDamagedError, JournalVersionError
        If what is there is not a journal that can be continued.
    """

    def __init__(
        self,
        disk: Disk,
        now_ns: Callable[[], int],
        params: JournalParams | None = None,
        on_record: Callable[[JournalRecord], None] | None = None,
    ) -> None:
        self.params = params or JournalParams()
        self.repaired_bytes = 0
        self.failure: OSError | None = None
        self._disk = disk
        self._now_ns = now_ns
        self._buffer = bytearray()
        self._synced_ns = self._begun_ns = now_ns()
        reader = JournalReader(disk)
        for record in reader:
            if on_record is not None:
                on_record(record)
        tail = reader.tail
        self.sequence, self._chain = tail.sequence, tail.chain
        self._number, self._size = tail.segment, tail.size
        self._file: AppendFile | None = None
        try:
            self._continue(tail.lost)
        except OSError as error:
            raise self._fail(error) from error
        self.durable = self.sequence

    def _continue(self, lost: int) -> None:
        """Cut a lost tail off and open the last segment; what it holds is durable from here on."""
        self.repaired_bytes = lost
        if self._size == 0 and self._number > 0:
            self._disk.remove(segment_name(self._number))
            self._number -= 1
        if self._size == 0:
            self._begin_segment()
            return
        if lost:
            self._disk.truncate(segment_name(self._number), self._size)
        self._file = self._disk.append(segment_name(self._number))
        self._file.sync()  # what the last process wrote and did not sync

    @property
    def head(self) -> str:
        """Hash over everything written so far, hex: kept elsewhere, it shows later whether the journal was cut."""
        return self._chain.hex()

    def append(
        self, kind: str, payload: dict[str, object], ts_event: int, ts_seen: int, durability: Durability | None = None
    ) -> int:
        """Add a record and return its sequence number; ``durability`` None: what `POLICY` says of the kind.

        Raises
        ------
        JournalUnavailableError
            If the disk refused, now or before: then the record does not count.
        ValueError
            If a number in ``payload`` is not finite.
        """
        self._check()
        body = encode_body(kind, ts_event, ts_seen, payload)
        head = Head(len(body), self.sequence + 1, self.durable)
        chain = chained(self._chain, head, body)
        self._buffer += pack_frame(head, body, chain)
        wanted = POLICY.get(kind, Durability.WRITTEN) if durability is None else durability
        now = self._now_ns()
        if self.durable == self.sequence:  # nothing has waited until now
            self._synced_ns = now
        if now - self._synced_ns >= self.params.sync_every_ms * 1e6 or self._size >= self.params.segment_bytes:
            wanted = Durability.DURABLE
        try:
            if wanted > Durability.BUFFERED or len(self._buffer) >= self.params.buffer_bytes:
                self._write()
            self.sequence, self._chain = head.sequence, chain
            if wanted is Durability.DURABLE:
                self._sync(now)
                if self._size >= self.params.segment_bytes:
                    self._rotate()
        except OSError as error:
            raise self._fail(error) from error
        return self.sequence

    def flush(self) -> None:
        """Make everything durable.

        Raises
        ------
        JournalUnavailableError
            If the disk refused, now or before.
        """
        self._hand_over()
        try:
            self._sync(self._now_ns())
        except OSError as error:
            raise self._fail(error) from error

    def begin_flush(self) -> tuple[int, Callable[[], None]]:
        """Return the newest record's number, and what makes all up to it durable: any thread may call that.

        Raises
        ------
        JournalUnavailableError
            If the disk refused, now or before.
        """
        self._hand_over()
        assert self._file is not None  # noqa: S101 - only a closed journal has none
        self._begun_ns = self._now_ns()
        return self.sequence, self._file.sync

    def end_flush(self, sequence: int, trouble: BaseException | None) -> None:
        """Take in how a flush that `begin_flush` began has ended; after trouble nothing is written any more."""
        if trouble is None:
            self.durable, self._synced_ns = max(self.durable, sequence), self._begun_ns
        else:
            self.failure = self.failure or (trouble if isinstance(trouble, OSError) else OSError(str(trouble)))

    @property
    def is_due(self) -> bool:
        """Whether what is not durable yet has waited for half of what it may."""
        waited = self._now_ns() - self._synced_ns
        return self.durable < self.sequence and 2 * waited >= self.params.sync_every_ms * 1e6

    def close(self) -> None:
        """Make everything durable if that is possible, and close the file."""
        if self.failure is None:
            self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        if self.failure is not None:
            raise self._fail(self.failure)

    def _hand_over(self) -> None:
        """Give what is buffered to the system."""
        self._check()
        try:
            self._write()
        except OSError as error:
            raise self._fail(error) from error

    def _fail(self, error: OSError) -> JournalUnavailableError:
        # After a failed flush the kernel may call the lost pages clean: asking again would be told a lie.
        self.failure = error
        return JournalUnavailableError(f"the journal cannot be written: {error}", fix=_FIX)

    def _write(self) -> None:
        if self._buffer and self._file is not None:
            self._file.write(bytes(self._buffer))
            self._size += len(self._buffer)
            self._buffer.clear()

    def _sync(self, now: int) -> None:
        if self._file is not None:
            self._file.sync()
        self.durable, self._synced_ns = self.sequence, now

    def _rotate(self) -> None:
        """Go on in a new segment; the old one is durable already."""
        if self._file is not None:
            self._file.close()
        self._begin_segment()

    def _begin_segment(self) -> None:
        self._number += 1
        self._file = self._disk.append(segment_name(self._number))
        self._file.write(pack_header(SegmentHeader(FORMAT_VERSION, self._number, self.sequence + 1, self._chain)))
        self._file.sync()
        self._size = HEADER_BYTES
