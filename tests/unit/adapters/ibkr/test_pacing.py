"""The limits are counted anew here, from the list of what was sent, in the plainest way."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.adapters.ibkr.pacing import PacedRequest, Pacer, PacingLimits

LIMITS = PacingLimits(margin_s=0.0)
TIGHT = PacingLimits(small_count=8, small_window_s=60.0, open_count=3, margin_s=0.0)

Sent = list[tuple[float, PacedRequest]]

requests = st.builds(
    PacedRequest,
    identity=st.sampled_from("abcdefgh"),
    group=st.sampled_from(["x", "y"]),
    weight=st.sampled_from([1, 1, 2]),
    is_small=st.booleans(),
)
# eighths of a second are exact in binary, so no comparison below hangs on rounding
delays = st.integers(0, 160).map(lambda n: n / 8)


def is_allowed(sent: Sent, limits: PacingLimits) -> bool:
    """Check every window that ends at a request: any other window holds no more than one of these."""
    for i, (at, request) in enumerate(sent):
        before = sent[: i + 1]
        if any(r.identity == request.identity and at - t < limits.identical_s for t, r in before[:-1]):
            return False
        same = sum(r.weight for t, r in before if r.group == request.group and at - t < limits.same_window_s)
        small = sum(r.weight for t, r in before if r.is_small and at - t < limits.small_window_s)
        if same > limits.same_count or (request.is_small and small > limits.small_count):
            return False
    return True


class VirtualTime:
    """Moves to the next sleeper's time when nothing else can run."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, future))
        await future

    async def run(self, work: Sequence[Awaitable[None]]) -> None:
        tasks = [asyncio.ensure_future(w) for w in work]
        while not all(t.done() for t in tasks):
            for _ in range(5):
                await asyncio.sleep(0)
            if self._sleepers and not all(t.done() for t in tasks):
                self.now, _, future = heapq.heappop(self._sleepers)
                future.set_result(None)
        await asyncio.gather(*tasks)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(delays, requests), max_size=40), st.sampled_from([LIMITS, TIGHT]))
def test_one_after_the_other_no_window_is_violated_and_none_waits_too_long(
    script: list[tuple[float, PacedRequest]], limits: PacingLimits
) -> None:
    time, sent = VirtualTime(), Sent()

    async def work() -> None:
        pacer = Pacer(limits, clock=time.clock, sleep=time.sleep)
        for delay, request in script:
            await time.sleep(delay)
            asked = time.now
            async with pacer.slot(request):
                at = time.now
            sent.append((at, request))
            assert is_allowed(sent, limits)
            if at > asked:  # an eighth of a second earlier would have been too early
                assert not is_allowed([*sent[:-1], (max(asked, at - 1 / 8), request)], limits)

    asyncio.run(time.run([work()]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(delays, requests, st.integers(0, 80).map(lambda n: n / 8)), max_size=25))
def test_side_by_side_no_limit_is_violated(script: list[tuple[float, PacedRequest, float]]) -> None:
    time, sent = VirtualTime(), Sent()
    spans: list[tuple[float, float]] = []

    async def one(pacer: Pacer, delay: float, request: PacedRequest, takes: float) -> None:
        await time.sleep(delay)
        async with pacer.slot(request):
            begin = time.now
            sent.append((begin, request))
            await time.sleep(takes)
        spans.append((begin, time.now))

    async def work() -> None:
        pacer = Pacer(TIGHT, clock=time.clock, sleep=time.sleep)
        await asyncio.gather(*(one(pacer, *line) for line in script))

    asyncio.run(time.run([work()]))
    assert len(sent) == len(script)
    assert [at for at, _ in sent] == sorted(at for at, _ in sent)
    assert is_allowed(sent, TIGHT)
    for begin, _ in spans:
        assert sum(b <= begin < e for b, e in spans) <= TIGHT.open_count


def test_the_checker_sees_a_violation() -> None:
    a, b = PacedRequest("a", "x"), PacedRequest("b", "x", weight=2)
    assert not is_allowed([(0.0, a), (14.9, a)], LIMITS)
    assert is_allowed([(0.0, a), (15.0, a)], LIMITS)
    assert not is_allowed([(0.0, b), (1.0, PacedRequest("c", "x", 2)), (1.9, PacedRequest("d", "x", 2))], LIMITS)


def test_six_requests_for_one_contract_take_two_seconds() -> None:
    time = VirtualTime()
    at: list[float] = []

    async def work() -> None:
        pacer = Pacer(LIMITS, clock=time.clock, sleep=time.sleep)
        for i in range(6):
            async with pacer.slot(PacedRequest(str(i), "x")):
                at.append(time.now)

    asyncio.run(time.run([work()]))
    assert at == [0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize(("weight", "expected"), [(1, 60), (2, 30)])
def test_bid_ask_counts_twice_within_ten_minutes(weight: int, expected: int) -> None:
    time = VirtualTime()
    at: list[float] = []

    async def work() -> None:
        pacer = Pacer(LIMITS, clock=time.clock, sleep=time.sleep)
        for i in range(61):
            async with pacer.slot(PacedRequest(str(i), str(i), weight, is_small=True)):
                at.append(time.now)

    asyncio.run(time.run([work()]))
    assert at.index(600.0) == expected


def test_a_request_that_fails_gives_its_place_back() -> None:
    async def work() -> None:
        pacer = Pacer(PacingLimits(open_count=1), clock=lambda: 0.0)
        for i in range(3):
            with pytest.raises(RuntimeError):
                async with pacer.slot(PacedRequest(str(i), str(i))):
                    raise RuntimeError

    asyncio.run(work())


def test_the_margin_widens_every_window() -> None:
    pacer = Pacer(PacingLimits(margin_s=0.5), clock=lambda: 0.0)

    async def work() -> None:
        async with pacer.slot(PacedRequest("a", "x", 5)):
            pass

    asyncio.run(work())
    assert pacer.earliest(PacedRequest("a", "y"), 1.0) == 15.5
    assert pacer.earliest(PacedRequest("b", "x"), 1.0) == 2.5
