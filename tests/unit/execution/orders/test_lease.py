"""One writer for an account."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tradewright.execution.journal.errors import JournalBusyError
from tradewright.execution.orders.lease import LEASE, Lease


def test_a_second_holder_is_refused(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from tradewright.execution.orders.lease import Lease; "
    code += "Lease(Path(sys.argv[1]))"
    with Lease(tmp_path) as lease:
        assert lease.grant(0) == 1
        with pytest.raises(JournalBusyError, match="another process trades this account"):
            Lease(tmp_path)
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
        assert "JournalBusyError" in done.stderr
    with Lease(tmp_path) as lease:
        assert lease.epoch == 1
        assert lease.grant(7) == 8


def test_a_writer_that_was_overtaken_finds_out(tmp_path: Path) -> None:
    with Lease(tmp_path) as lease:
        lease.grant(0)
        assert lease.is_mine()
        (tmp_path / LEASE).write_bytes(b"00000000000000000002\n")
        assert not lease.is_mine()
        (tmp_path / LEASE).unlink()
        assert not lease.is_mine()
