"""The long run: ``python -m tests.faults.soak [--seeds 1000] [--days 200] [--sessions 200] [--out soak.jsonl]``.

Plays every fault in so many worlds, random days, whole sessions, and a kill at every write of one of each. What has
been played stands in ``--out``, a line for each block of seeds, so that a run that was ended goes on where it was, and
other seeds add to the same table. A block counts for the code it was played with and no other. Exits with 1 if an
invariant did not hold; part and seed are all that is needed to see it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.exits import EXITS, play_any
from tests.faults.flushes import FLUSHES
from tests.faults.long_day import live
from tests.faults.scenarios import SCENARIOS
from tests.faults.session_world import trade

import tradewright

_DAYS, _SESSIONS, _KILLS = "days", "sessions", "kills of "
_BLOCK = 50


@dataclass(frozen=True, slots=True)
class Block:
    """Runs ``first`` to ``first + count - 1`` of a part: a scenario, days, sessions, or the kills of one of these."""

    part: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a block. ``broken``: number of each run that broke, and what it said; ``code``: what was tried."""

    part: str
    first: int
    count: int
    broken: list[tuple[int, str]]
    seconds: float
    code: str


def code_hash() -> str:
    """Return 16 hex digits over the sources that the faults try, and over the faults themselves."""
    folders = (Path(tradewright.__file__).parent, Path(__file__).parent)
    digest = hashlib.blake2b(digest_size=8)
    for path in (p for folder in folders for p in sorted(folder.rglob("*.py")) if p != Path(__file__)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def lived(kind: str, seed: int, crash_at: int = 0, *, loses_power: bool = False) -> int:
    """Live a day or a session; return how often its disk was written to or flushed."""
    life = trade if kind == _SESSIONS else live
    world = life(seed, crash_at=crash_at, loses_power=loses_power)
    world.close()
    return world.disk.operations


def run(part: str, number: int) -> None:
    """Play one run of a part; raises what breaks. Kills are numbered 2 k for write k + 1, odd ones with the power."""
    if part.startswith(_KILLS):
        kind, seed = part.removeprefix(_KILLS).split()
        lived(kind, int(seed), number // 2 + 1, loses_power=bool(number % 2))
    elif part in (_DAYS, _SESSIONS):
        lived(part, number)
    else:
        play_any(part, number)


def play(block: Block, code: str) -> Played:
    """Play a block to its end, whatever breaks."""
    began, broken = time.perf_counter(), []
    for number in range(block.first, block.first + block.count):
        try:
            run(block.part, number)
        except Exception as error:  # noqa: BLE001 - noted, and the next one is played
            broken.append((number, f"{type(error).__name__}: {error}"))
    return Played(block.part, block.first, block.count, broken, round(time.perf_counter() - began, 2), code)


def blocks(options: argparse.Namespace) -> Iterator[Block]:
    """Yield what is wanted: all parts over the first seeds, then over the next ones, so that an early end is even."""
    wanted = dict.fromkeys((*SCENARIOS, *EXITS, *FLUSHES), options.seeds) | {
        _DAYS: options.days,
        _SESSIONS: options.sessions,
    }
    parts = {p: count for p, count in wanted.items() if not options.only or p in options.only.split(",")}
    for at in range(0, max(parts.values(), default=0), _BLOCK):
        for part, count in parts.items():
            if at < count:
                yield Block(part, options.first + at, min(_BLOCK, count - at))
    for seed in range(8 + options.first, 8 + options.first + options.sweeps):
        for kind in (_DAYS, _SESSIONS):
            runs = 2 * lived(kind, seed)
            for at in range(0, runs, _BLOCK):
                yield Block(f"{_KILLS}{kind} {seed}", at, min(_BLOCK, runs - at))


def read(path: Path) -> list[Played]:
    """Return the blocks that a file holds, and take off a line that a kill cut short."""
    whole = path.read_bytes() if path.exists() else b""
    lines = whole[: whole.rfind(b"\n") + 1]
    if lines != whole:
        os.truncate(path, len(lines))
    return [Played(**json.loads(line)) for line in lines.splitlines()]


def table(played: list[Played]) -> Iterator[str]:
    """Yield the lines of the table: runs, seeds, broken invariants and seconds of each part."""
    yield f"{'part':20}{'runs':>9}{'broken':>8}{'seconds':>10}  seeds"
    total: dict[str, list[Played]] = {}
    for one in played:
        total.setdefault("kills" if one.part.startswith(_KILLS) else one.part, []).append(one)
    for part, found in [*sorted(total.items()), ("all", played)]:
        runs, broken = sum(p.count for p in found), sum(len(p.broken) for p in found)
        seeds = f"{min(p.first for p in found)} to {max(p.first + p.count for p in found) - 1}" if found else ""
        if part in ("kills", "all"):
            seeds = f"{len({p.part for p in found})} {'days' if part == 'kills' else 'parts'}"
        yield f"{part:20}{runs:9,}{broken:8,}{sum(p.seconds for p in found):10,.0f}  {seeds}"
    for one in played:
        for number, said in one.broken:
            yield f"BROKEN {one.part}, {number}: {said}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Faults by the thousand.")
    parser.add_argument("--seeds", type=int, default=1000, help="worlds for each scenario")
    parser.add_argument("--days", type=int, default=200, help="long random days of a desk")
    parser.add_argument("--sessions", type=int, default=200, help="whole sessions")
    parser.add_argument("--sweeps", type=int, default=1, help="days and sessions with a kill at every write")
    parser.add_argument("--first", type=int, default=0, help="the first of all these seeds")
    parser.add_argument("--only", default="", help="these parts, such as F18,T01,days")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--out", type=Path, default=Path("soak.jsonl"), help="what was played; taken up again")
    return parser.parse_args()


def main() -> int:
    """Play what is wanted and has not been played."""
    options, code = _options(), code_hash()
    played = [p for p in read(options.out) if p.code == code]
    has = {Block(p.part, p.first, p.count) for p in played}
    left = [b for b in blocks(options) if b not in has]
    print(f"code {code}: {len(played):,} blocks were played, {len(left):,} are left", flush=True)
    told = time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool, options.out.open("a", encoding="utf-8") as out:
        for done, future in enumerate(as_completed([pool.submit(play, block, code) for block in left]), 1):
            one = future.result()
            played.append(one)
            out.write(json.dumps(asdict(one)) + "\n")
            out.flush()
            if one.broken or time.monotonic() - told > 10:
                told = time.monotonic()
                print(f"  {done:,} of {len(left):,} blocks, {one.part} from {one.first}: {one.broken}", flush=True)
    print("\n".join(table(played)))
    return 1 if any(p.broken for p in played) else 0


if __name__ == "__main__":
    sys.exit(main())
