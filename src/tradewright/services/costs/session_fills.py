"""Own fills of sessions, read from their journals: each beside the market that the session saw at that moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tradewright.core.types.errors import DataError
from tradewright.core.types.instrument import Instrument
from tradewright.engine.live.metering import JournalMeter
from tradewright.execution.costs.measuring import OwnFills
from tradewright.execution.monitors.execution_monitor import PING
from tradewright.execution.monitors.fill_rows import own_fills
from tradewright.services.forensics.folders import journal_of

LIVE = "live"


@dataclass(frozen=True, slots=True)
class SessionFills:
    """What sessions of one account tell. ``simulated``: some of their fills are no real venue's."""

    fills: tuple[OwnFills, ...]
    simulated: bool
    said: str


def fills_of_session(
    account: str, instruments: Mapping[str, Instrument], wanted: Collection[str], least: int
) -> SessionFills:
    """Return the fills of an account's sessions in ``wanted`` instruments, all of them where it is empty.

    A fill is real where the session traded real money; whoever simulates fills, a broker's paper account too, repeats
    what he assumes.

    Raises
    ------
    UsageError, RunError
        If there is no such account or journal.
    DataError
        If fewer than ``least`` orders of an instrument took, none at all filled, or nobody knows an instrument.
    """
    journal = journal_of(account)
    meter = JournalMeter(instruments)
    for record in journal:
        meter.take(record)
    unknown = sorted(meter.strangers)
    if unknown:
        what, fix = f"the store does not know {', '.join(unknown)}", "Name the store that the session read, --store."
        raise DataError(what, where=f"account {account}", fix=fix)
    rows = [row for row in meter.monitor.take_rows() if not wanted or row.symbol in wanted]
    took = Counter(row.symbol for row in rows if not row.maker)
    few = [f"{took[name]} of {name}" for name in sorted({row.symbol for row in rows}) if took[name] < least]
    if few or not rows:
        what = f"too few orders took to be measured: {', '.join(few) or 'none'}; at least {least} are needed"
        fix = "Trade longer, leave the instrument out (--symbol), or lower --min-fills and mean it."
        raise DataError(what, where=f"account {account}", fix=fix)
    pings = [f"pings of {key[0]} p50 {d.p50:.1f} ms" for key, d in meter.monitor.distributions().items() if PING in key]
    said = f"session {account}: " + ", ".join([f"{len(rows)} orders filled", *pings])
    return SessionFills(tuple(own_fills(rows)), meter.modes != {LIVE}, said)
