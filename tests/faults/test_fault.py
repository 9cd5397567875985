"""The blast radius: what may not be broken is refused before anything is touched."""

from __future__ import annotations

import pytest
from builders import AP, EU, US, a_stack

from harness.errors import BlastRadiusExceeded
from harness.faults.blast_radius import LIMIT_S, BlastRadius, require_confirmation
from harness.faults.health_broken import HealthBroken


def test_one_region_of_three_may_be_broken() -> None:
    BlastRadius().check(HealthBroken(region=EU), a_stack(), ())


def test_one_region_always_stays_whole_by_default() -> None:
    """Two of three are broken; the third would be the last."""
    with pytest.raises(BlastRadiusExceeded, match=r"3 of 3 regions of stack 'demo' broken at once; at most 2"):
        BlastRadius().check(HealthBroken(region=EU), a_stack(), (US, AP))


def test_the_same_region_counts_once() -> None:
    BlastRadius().check(HealthBroken(region=EU), a_stack(), (EU, US))


def test_all_regions_may_be_broken_only_when_the_plan_names_the_stack() -> None:
    """A number is no name: it can only narrow."""
    BlastRadius(every_region_of="demo").check(HealthBroken(region=EU), a_stack(), (US, AP))
    for radius in (BlastRadius(regions_at_most=3), BlastRadius(every_region_of="another")):
        with pytest.raises(BlastRadiusExceeded):
            radius.check(HealthBroken(region=EU), a_stack(), (US, AP))


def test_a_person_must_confirm_it_with_the_stacks_name() -> None:
    radius = BlastRadius(every_region_of="demo")
    require_confirmation(radius, a_stack(), "demo")
    require_confirmation(BlastRadius(), a_stack(), "")
    for said in ("", "yes", "another"):
        with pytest.raises(BlastRadiusExceeded, match="confirm it with the stack's name, --all-regions demo"):
            require_confirmation(radius, a_stack(), said)


def test_a_plan_that_names_another_stack_is_refused() -> None:
    with pytest.raises(BlastRadiusExceeded, match="this is stack 'demo'"):
        require_confirmation(BlastRadius(every_region_of="another"), a_stack(), "another")


def test_a_region_may_be_forbidden_more_narrowly() -> None:
    with pytest.raises(BlastRadiusExceeded, match="at most 1 may be"):
        BlastRadius(regions_at_most=1).check(HealthBroken(region=EU), a_stack(), (US,))


def test_nothing_is_held_for_longer_than_may_be() -> None:
    """An hour unless the plan says more; four hours whatever it says, far below DynamoDB's twenty."""
    BlastRadius().check_time(3600, "it")
    with pytest.raises(BlastRadiusExceeded, match="it would be held for up to 3601 s; at most 3600 s"):
        BlastRadius().check_time(3601, "it")
    with pytest.raises(ValueError, match="at most 14400 s"):
        BlastRadius(held_at_most_s=LIMIT_S + 1)


def test_a_region_outside_the_stack_is_refused() -> None:
    with pytest.raises(BlastRadiusExceeded, match=r"eu-north-1.*it is in us-east-1"):
        BlastRadius().check(HealthBroken(region="eu-north-1"), a_stack(), ())
