"""Named trading calendars and fee models, as data."""

from __future__ import annotations

from datetime import time

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.instrument import FeeModel

CALENDARS: dict[str, Calendar] = {
    c.name: c
    for c in (
        Calendar("24/7", "UTC", time(0, 0)),
        Calendar("us_equity", "America/New_York", time(0, 0)),
        Calendar("fx", "America/New_York", time(17, 0)),
        Calendar("lse", "Europe/London", time(0, 0)),
        Calendar("xetra", "Europe/Berlin", time(0, 0)),
        Calendar("tse", "Asia/Tokyo", time(0, 0)),
    )
}

#: Typical list prices, rounded: a starting point. The numbers of a real account belong in the config.
FEES: dict[str, FeeModel] = {
    f.name: f
    for f in (
        FeeModel("free"),
        FeeModel(
            "us_equity_per_share",
            per_unit=0.005,
            minimum=1.0,
            half_spread_bps=0.5,
            slippage_bps=0.5,
            borrow_bps_year=50.0,
        ),
        FeeModel("us_equity_no_commission", half_spread_bps=1.0, slippage_bps=0.5, borrow_bps_year=50.0),
        FeeModel("fx_spread", half_spread_bps=0.4, slippage_bps=0.1),
        FeeModel("fx_commission", maker_bps=0.2, taker_bps=0.2, minimum=2.0, half_spread_bps=0.1),
        FeeModel("crypto_spot", maker_bps=10.0, taker_bps=10.0, half_spread_bps=0.5, slippage_bps=0.5),
        FeeModel("crypto_perpetual", maker_bps=2.0, taker_bps=5.0, half_spread_bps=0.5, slippage_bps=0.5),
        FeeModel("index_cost", half_spread_bps=1.0, slippage_bps=1.0),
    )
}
