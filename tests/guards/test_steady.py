"""The live hypotheses: when users are not served, and when a region suffers that nobody broke."""

from __future__ import annotations

import msgspec
from builders import ADDRESS, AP, DUBLIN, EU, SYDNEY, US, VIRGINIA, dns, reply

from harness.events import FaultEvent, FaultPhase
from harness.guards import EveryVantageServed, UntouchedRegionsWell
from harness.guards.steady import SteadyView

SERVED = EveryVantageServed(longest_s=100)
WELL = UntouchedRegionsWell(at_most=0.1, window_s=60, samples_at_least=10)


def view_of(*events: object) -> SteadyView:
    view = SteadyView()
    for event in events:
        view.see(event)  # type: ignore[arg-type]
    return view


def broken(region: str, at_s: float = 0.0) -> FaultEvent:
    return FaultEvent(
        start_s=at_s, end_s=at_s, source="t", fault="f", fault_id="1", phase=FaultPhase.INJECTING, regions=(region,)
    )


def test_a_vantage_without_a_good_reply_for_too_long_is_named() -> None:
    """Dublin was last served at 20 s: 120 s is the limit, 121 s is beyond it. Sydney is served all along."""
    view = view_of(
        reply(DUBLIN, EU, 20), *(reply(DUBLIN, EU, at, ok=False) for at in range(25, 121, 5)), reply(SYDNEY, AP, 118)
    )

    assert view.unserved(SERVED, 120) is None
    told = view.unserved(SERVED, 121)
    assert told is not None
    assert "'dublin' has had no good reply from any region for 101 s" in told


def test_served_by_any_region_is_served() -> None:
    assert view_of(reply(DUBLIN, EU, 0, ok=False), reply(DUBLIN, US, 90)).unserved(SERVED, 150) is None


def test_probes_that_fell_silent_do_not_count_as_well() -> None:
    assert view_of(reply(DUBLIN, EU, 10)).unserved(SERVED, 200)


def test_nothing_is_said_before_the_first_look() -> None:
    assert view_of().unserved(SERVED, 1000) is None


def test_a_vantage_that_was_never_served_counts_from_its_first_look() -> None:
    view = view_of(*(reply(DUBLIN, EU, at, ok=False) for at in range(50, 150, 5)))

    assert view.unserved(SERVED, 149) is None
    assert view.unserved(SERVED, 151)


def test_errors_of_an_untouched_region_trip_and_those_of_the_broken_one_do_not() -> None:
    """10 looks each; 2 of 10 fail in us-east-1, which is above 10 %; all fail in eu-west-1, which is broken."""
    looks = [reply(DUBLIN, EU, at, ok=False) for at in range(10)]
    looks += [reply(VIRGINIA, US, at, ok=at >= 2) for at in range(10)]

    told = view_of(broken(EU), *looks).unwell(WELL, 10)
    assert told is not None
    assert told.startswith("2 of 10 looks at regions without a fault failed in the last 60 s (us-east-1)")


def test_one_failure_of_ten_is_at_the_limit_not_above_it() -> None:
    looks = [reply(VIRGINIA, US, at, ok=at >= 1) for at in range(10)]

    assert view_of(broken(EU), *looks).unwell(WELL, 10) is None


def test_too_few_looks_decide_nothing_and_old_ones_do_not_count() -> None:
    looks = [reply(VIRGINIA, US, at, ok=False) for at in range(10)]

    assert view_of(*looks[:9]).unwell(WELL, 10) is None
    assert view_of(*looks).unwell(WELL, 10)
    assert view_of(*looks).unwell(WELL, 69.5) is None


def test_a_look_without_any_reply_belongs_to_the_region_of_its_address() -> None:
    dead = [
        msgspec.structs.replace(reply(VIRGINIA, None, at, ok=False), address=ADDRESS[US], region=None)
        for at in range(10)
    ]

    assert view_of(dns(VIRGINIA, US, 0), *dead).unwell(WELL, 10)
    assert view_of(broken(US), dns(VIRGINIA, US, 0), *dead).unwell(WELL, 10) is None
