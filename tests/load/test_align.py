from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import ScaledClock
from harness.load.align import UNKNOWN, AlignedClock, Offset, better, offset_of
from harness.load.messages import Pong

ways_s = st.floats(0, 5)


@given(ahead_s=st.floats(-100, 100), there_s=ways_s, back_s=ways_s)
def test_the_true_offset_is_within_the_stated_uncertainty(ahead_s, there_s, back_s):
    """The master's clock is `ahead_s` ahead; the ping took `there_s`, the pong `back_s`."""
    sent_at = 1000.0
    pong = Pong(sent_at=sent_at, master_at=sent_at + there_s + ahead_s)
    found = offset_of(pong, sent_at + there_s + back_s)

    assert abs(found.seconds - ahead_s) <= found.uncertainty_s + 1e-9


def test_the_quickest_ping_knows_best():
    assert better(Offset(1.0, 0.5), Offset(2.0, 0.1)) == Offset(2.0, 0.1)
    assert better(UNKNOWN, Offset(2.0, 9.0)) == Offset(2.0, 9.0)


def test_a_workers_clock_follows_its_masters():
    """Second 0 was a minute ago; the master is 2 s ahead; at rate 20 that is 40 stack seconds."""
    offset = UNKNOWN
    started = datetime.now(UTC) - timedelta(seconds=60)
    clock = AlignedClock(ScaledClock(20.0, started=started), lambda: offset)
    before_s = clock.now_s()
    offset = Offset(2.0, 0.001)

    assert before_s == pytest.approx(1200, abs=20)
    assert clock.now_s() - before_s == pytest.approx(40, abs=20)
