"""The blast radius: what may not be broken is refused before anything is touched."""

from __future__ import annotations

import pytest
from builders import AP, EU, US, a_stack

from harness.errors import BlastRadiusExceeded
from harness.faults.fault import BlastRadius
from harness.faults.health_broken import HealthBroken


def test_one_region_of_three_may_be_broken() -> None:
    BlastRadius().check(HealthBroken(region=EU), a_stack(), ())


def test_one_region_always_stays_whole_by_default() -> None:
    """Two of three are broken; the third would be the last."""
    with pytest.raises(BlastRadiusExceeded, match=r"3 of 3 regions of stack 'demo' broken at once; at most 2"):
        BlastRadius().check(HealthBroken(region=EU), a_stack(), (US, AP))


def test_the_same_region_counts_once() -> None:
    BlastRadius().check(HealthBroken(region=EU), a_stack(), (EU, US))


def test_all_regions_may_be_broken_when_their_number_is_said() -> None:
    BlastRadius(regions_at_most=3).check(HealthBroken(region=EU), a_stack(), (US, AP))


def test_a_region_outside_the_stack_is_refused() -> None:
    with pytest.raises(BlastRadiusExceeded, match=r"eu-north-1.*it is in us-east-1"):
        BlastRadius().check(HealthBroken(region="eu-north-1"), a_stack(), ())
