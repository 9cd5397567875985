"""What a search draws and where it shrinks to; the trials themselves are in scenarios/test_blind_spots.py."""

from __future__ import annotations

import pytest
from builders import EU

from harness.faults.domain_detached import DomainDetached
from harness.faults.table_denied import TableDenied
from harness.faults.table_slow import TableSlow
from harness.faults.throttled import MethodThrottled, StageThrottled
from harness.search import SmallFault, small_faults, smallest_that

FAULTS = small_faults(EU, limit_s=45.0, users=6, asks_every_s=5.0, levers=True)


def test_the_smallest_come_first() -> None:
    """A tenth for 58 s is 5.8 s, all for 112 s is 112 s; alike, a part of a method comes before all of the domain."""
    assert (FAULTS[0].share, FAULTS[0].held_s) == (0.1, 58)
    assert (FAULTS[-1].share, FAULTS[-1].held_s) == (1.0, 112)
    assert [type(small.fault) for small in FAULTS[-5:]] == [
        MethodThrottled, TableSlow, TableDenied, DomainDetached, StageThrottled,
    ]  # fmt: skip
    amounts_s = [small.share * small.held_s for small in FAULTS]
    assert amounts_s == sorted(amounts_s)


def test_what_only_a_lab_can_do_is_left_out_elsewhere() -> None:
    elsewhere = small_faults(EU, limit_s=45.0, users=6, asks_every_s=5.0, levers=False)

    assert not any(isinstance(small.fault, TableSlow) for small in elsewhere)
    assert any(isinstance(small.fault, TableSlow) for small in FAULTS)


def test_a_throttle_lets_pass_what_its_share_leaves() -> None:
    """Six users who ask every 5 s: 1.2 requests a second, so a rate of 0.6 for half of them."""
    (rate,) = {s.fault.rate_per_s for s in FAULTS if s.share == 0.5 and isinstance(s.fault, MethodThrottled)}

    assert rate == 0.6


@pytest.mark.parametrize("seed", range(5))
def test_the_search_ends_at_the_smallest_that_hurts(seed: int) -> None:
    """More than 45 s of refused requests: half of them for 99 s is 49.5 s, three quarters for 58 s is 43.5 s."""
    asked: set[SmallFault] = set()

    def hurts(small: SmallFault) -> bool:
        asked.add(small)
        return small.share * small.held_s > 45

    found = smallest_that(hurts, FAULTS, seed=seed)

    assert found is not None
    assert (found.share, found.held_s) == (0.5, 99)
    assert len(asked) <= 15


def test_where_nothing_hurts_nothing_is_found() -> None:
    assert smallest_that(lambda _: False, FAULTS, seed=1) is None


def test_a_small_fault_is_told_in_words_and_by_its_command() -> None:
    assert FAULTS[0].in_words == (
        "method-throttled in eu-west-1 (rate_per_s 1.08, burst 6, methods GET /data/{pk}) for 58 s"
    )
    assert FAULTS[0].command == (
        "harness faults inject method-throttled region=eu-west-1 rate_per_s=1.08 burst=6 'methods=GET /data/{pk}' "
        "--for 58s"
    )
