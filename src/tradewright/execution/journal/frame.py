"""How a record and the head of a segment stand in a file.

Segment: header ``magic, version, number, first sequence, chain so far, CRC-32``, then frames.
Frame: head ``marker, length, sequence, durable, CRC-32``, body (JSON), chain (32 bytes), CRC-32 of body and chain. All
numbers are little-endian. ``chain`` is BLAKE2b of the chain before it and the head's numbers and body, so that no
record can be changed, moved, inserted or taken out of the middle. ``durable`` is the last sequence known to be on the
disk when the frame was made; it tells a tail that power took from damage (`reading.py`).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple
from zlib import crc32

import orjson

MAGIC = b"TWJOURNL"
FORMAT_VERSION = 1
MARKER = b"\xf5REC"  # not UTF-8, so it is in no body
CHAIN_BYTES = 32
GENESIS = bytes(CHAIN_BYTES)

_HEADER = struct.Struct("<8sIQQ32s")
_HEAD = struct.Struct("<4sIQQ")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size
HEAD_BYTES = _HEAD.size + _CRC.size
TAIL_BYTES = CHAIN_BYTES + _CRC.size
_RESIDUE = 0x2144DF1C  # the CRC-32 of anything that ends with its own CRC-32
_ROWS = (list, tuple)


class SegmentHeader(NamedTuple):
    """What a segment says about itself; ``chain`` and ``first`` continue the segment before it."""

    version: int
    number: int
    first: int
    chain: bytes


class Head(NamedTuple):
    """The numbers before a body."""

    length: int
    sequence: int
    durable: int


def pack_header(header: SegmentHeader) -> bytes:
    """Return the bytes of a segment's header."""
    packed = _HEADER.pack(MAGIC, *header)
    return packed + _CRC.pack(crc32(packed))


def unpack_header(data: bytes) -> SegmentHeader | None:
    """Return a segment's header, or None where it is cut off or damaged. The version may be any."""
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        return None
    if _CRC.unpack_from(data, _HEADER.size)[0] != crc32(data[: _HEADER.size]):
        return None
    return SegmentHeader(*_HEADER.unpack_from(data)[1:])


class Frame(NamedTuple):
    """A whole record as it stands in a file; ``numbers`` is its head packed, ``stop`` the place after it."""

    sequence: int
    durable: int
    numbers: bytes
    body: bytes
    chain: bytes
    stop: int

    def after(self, chain: bytes) -> bytes:
        """Return the chain after this record, given the one before it."""
        return _linked(chain, self.numbers, self.body)


def chained(chain: bytes, head: Head, body: bytes) -> bytes:
    """Return the chain after a record."""
    return _linked(chain, _HEAD.pack(MARKER, *head), body)


def _linked(chain: bytes, numbers: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(chain + numbers + body, digest_size=CHAIN_BYTES).digest()


def pack_frame(head: Head, body: bytes, chain: bytes) -> bytes:
    """Return the bytes of a frame; ``chain`` is the one after it."""
    numbers = _HEAD.pack(MARKER, *head)
    return b"".join((numbers, _CRC.pack(crc32(numbers)), body, chain, _CRC.pack(crc32(chain, crc32(body)))))


def unpack_head(data: bytes, at: int) -> Head | None:
    """Return the head at a place, or None where there is no whole one."""
    head = data[at : at + HEAD_BYTES]
    if len(head) < HEAD_BYTES or crc32(head) != _RESIDUE or not head.startswith(MARKER):
        return None
    return Head(*_HEAD.unpack_from(head)[1:])


def unpack_frame(data: bytes, at: int) -> Frame | None:
    """Return the record at a place, or None where it is cut off or damaged. Its chain is not checked."""
    head = data[at : at + HEAD_BYTES]
    if len(head) < HEAD_BYTES or crc32(head) != _RESIDUE:
        return None
    marker, length, sequence, durable = _HEAD.unpack_from(head)
    stop = at + HEAD_BYTES + length + TAIL_BYTES
    rest = data[at + HEAD_BYTES : stop]
    if marker != MARKER or len(rest) < length + TAIL_BYTES or crc32(rest) != _RESIDUE:
        return None
    return Frame(sequence, durable, head[: _HEAD.size], rest[:length], rest[length : -_CRC.size], stop)


def encode_body(kind: str, ts_event: int, ts_seen: int, payload: dict[str, object]) -> bytes:
    """Return the body of a record; equal records give equal bytes.

    Raises
    ------
    ValueError
        If a number in it is not finite: JSON has none.
    TypeError
        If an integer in it has more than 64 bits, or JSON has no form for something.
    """
    body = orjson.dumps((kind, ts_event, ts_seen, payload), option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    if b"null" in body and not _are_finite(payload.values()):  # it writes null for both
        raise ValueError(f"a number in a record of kind {kind} is not finite: JSON has none")
    return body


def _are_finite(values: Iterable[object]) -> bool:
    for value in values:
        if isinstance(value, float):
            if not isfinite(value):
                return False
        elif isinstance(value, dict):
            if not _are_finite(value.values()):
                return False
        elif isinstance(value, _ROWS) and not _are_finite(value):
            return False
    return True


def decode_body(body: bytes) -> tuple[str, int, int, dict[str, object]]:
    """Return kind, ``ts_event``, ``ts_seen`` and payload of a body."""
    kind, ts_event, ts_seen, payload = orjson.loads(body)
    return kind, ts_event, ts_seen, payload
